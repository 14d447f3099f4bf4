//! What was reached, and what should sometimes be.

use std::collections::BTreeMap;

/// Seeds from which on a counter at zero fails the run.
pub const SEEDS_MIN: u64 = 50;

/// What every run of enough seeds must reach at least once.
pub const SOMETIMES: &[&str] = &[
    "seller/INVITED",
    "seller/COMMITTED",
    "seller/DONE",
    "seller/REDEEMED",
    "seller/LOST",
    "seller/ABORTED",
    "buyer/ASKED",
    "buyer/REFUSED",
    "buyer/PREPARED",
    "buyer/COMMITTED",
    "buyer/ABORTED",
    "buyer/VOIDED",
    "message/HELLO-1",
    "message/HELLO-2",
    "message/HELLO-3",
    "message/REJECT",
    "message/COMMIT-REQUEST",
    "message/ATTACHMENT",
    "message/AGREED",
    "message/REFUSED",
    "message/COMMIT",
    "message/ABORT",
    "message/COMMITTED",
    "message/RELEASED",
    "message/STATUS",
    "message/UNKNOWN",
    "office/enrolled",
    "office/renewed",
    "office/transfer-refused",
    "office/PAID",
    "office/VOID",
    "office/PENDING",
    "wallet/compacted",
    "wallet/recovered",
    "wallet/halted",
];

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
