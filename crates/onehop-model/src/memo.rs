//! Steps that were taken before. The functions that ship are pure: the same input to the same device
//! comes to the same, so that it is computed once for all states in which it happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of the table, so that threads seldom wait for each other.
const PARTS: usize = 64;

/// A table of what was computed.
#[derive(Debug)]
pub(crate) struct Memo<T> {
    parts: Vec<Mutex<BTreeMap<u64, Arc<T>>>>,
}

impl<T> Memo<T> {
    pub(crate) fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::new(BTreeMap::new())).collect() }
    }

    /// The value under `name`, computed if nobody did.
    pub(crate) fn get(&self, name: u64, compute: impl FnOnce() -> T) -> Arc<T> {
        let part = usize::try_from(name % PARTS as u64).unwrap_or(0);
        let Some(part) = self.parts.get(part) else { return Arc::new(compute()) };
        let known = part.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some(known) = known {
            return known;
        }
        let computed = Arc::new(compute());
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(part.entry(name).or_insert(computed))
    }

    pub(crate) fn len(&self) -> usize {
        let of = |part: &Mutex<BTreeMap<u64, Arc<T>>>| {
            part.lock().unwrap_or_else(PoisonError::into_inner).len()
        };
        self.parts.iter().map(of).sum()
    }
}
