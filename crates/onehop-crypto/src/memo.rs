//! Signatures that were verified before, for who meets the same statements again and again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use onehop_wire::{Hash, PublicKey, Signature};

/// Signatures remembered at most; beyond that all are forgotten and verified anew.
const REMEMBERED_MAX: usize = 50_000;

/// One signature that verified strictly: key, hash of what it signs, signature.
type Seen = ([u8; 32], [u8; 32], [u8; 64]);

/// A memory of strict verifications that succeeded, or none. Verification is a function of exactly
/// what is remembered, so that a remembered one need not be done again. Clones share it; it says
/// nothing about what is trusted.
#[derive(Clone, Default)]
pub(crate) struct Memo(Option<Arc<Mutex<BTreeSet<Seen>>>>);

impl Memo {
    /// An empty memory.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// True if this very signature was verified before.
    pub(crate) fn knows(&self, key: &PublicKey, hash: Hash, signature: &Signature) -> bool {
        let seen = (*key.as_bytes(), hash.0, signature.0);
        // A thread that panicked while it held the lock leaves a set that is still true.
        let known = |set: &Arc<Mutex<BTreeSet<Seen>>>| {
            set.lock()
                .map_or_else(|set| set.into_inner().contains(&seen), |set| set.contains(&seen))
        };
        self.0.as_ref().is_some_and(known)
    }

    /// Remembers a signature that has just been verified.
    pub(crate) fn learn(&self, key: &PublicKey, hash: Hash, signature: &Signature) {
        let Some(Ok(mut set)) = self.0.as_ref().map(|set| set.lock()) else { return };
        if set.len() >= REMEMBERED_MAX {
            set.clear();
        }
        set.insert((*key.as_bytes(), hash.0, signature.0));
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Memo(..)" } else { "Memo(none)" })
    }
}

/// What is remembered changes no answer, so that it makes no two values different.
impl PartialEq for Memo {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Memo {}

#[cfg(test)]
mod tests {
    use onehop_wire::domain::sha256;

    use super::*;

    #[test]
    fn only_the_very_signature_is_known_and_a_full_memory_begins_anew() {
        let (key, hash, signature) = (PublicKey([1; 32]), Hash([2; 32]), Signature([3; 64]));
        let memo = Memo::new();
        assert!(!memo.knows(&key, hash, &signature));
        memo.learn(&key, hash, &signature);
        assert!(memo.clone().knows(&key, hash, &signature));
        assert!(!memo.knows(&PublicKey([9; 32]), hash, &signature));
        assert!(!memo.knows(&key, Hash([9; 32]), &signature));
        assert!(!memo.knows(&key, hash, &Signature([9; 64])));
        for number in (1u64..).take(REMEMBERED_MAX) {
            memo.learn(&key, sha256(&number.to_be_bytes()), &signature);
        }
        assert!(!memo.knows(&key, hash, &signature));
        let none = Memo::default();
        none.learn(&key, hash, &signature);
        assert!(!none.knows(&key, hash, &signature));
    }
}
