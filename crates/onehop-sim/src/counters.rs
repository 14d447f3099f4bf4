//! What was reached.

use std::collections::BTreeMap;

/// How often each thing happened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    counts: BTreeMap<String, u64>,
}

impl Counters {
    /// Notes that `name` happened.
    pub fn reach(&mut self, name: &str) {
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else {
            self.counts.insert(name.to_owned(), 1);
        }
    }

    /// How often `name` happened.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Adds what another run reached.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
    }

    /// All counters, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, count)| (name.as_str(), *count))
    }
}
