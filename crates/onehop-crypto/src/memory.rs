//! Signatures that were verified before, for who meets the same statements again and again, or has
//! them verified in one thread and judges them in another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use onehop_wire::domain::wallet_id;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{Hash, OfficeId, PublicKey, Signature, Signed, Statement, WalletId};

use crate::keys::{BadSignature, Verified, verify};

/// Signatures, and keys, remembered at most; beyond that all are forgotten.
const REMEMBERED_MAX: usize = 50_000;

/// One signature that verified strictly: key, hash of what it signs, signature.
type Seen = ([u8; 32], [u8; 32], [u8; 64]);

#[derive(Default)]
struct Kept {
    seen: BTreeSet<Seen>,
    /// Keys by the wallets whose ids they hash to.
    keys: BTreeMap<[u8; 32], PublicKey>,
}

/// A memory of strict verifications that succeeded, or none, which is the default. Verification is
/// a function of exactly what is remembered, so that a remembered one need not be done again.
/// Clones share it; it says nothing about what is trusted.
#[derive(Clone, Default)]
pub struct Memory(Option<Arc<Mutex<Kept>>>);

impl Memory {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(Arc::default()))
    }

    /// Verifies a statement within `office` strictly, unless this very signature was verified
    /// before.
    ///
    /// # Errors
    /// As [`verify`]; nothing is remembered then.
    pub fn verify<T: Statement>(
        &self,
        office: &OfficeId,
        key: &PublicKey,
        statement: Signed<T>,
    ) -> Result<Verified<T>, BadSignature> {
        let Some(kept) = &self.0 else { return verify(office, key, statement) };
        let hash = statement.hash(office);
        let seen = seen(key, hash, &statement.signature);
        if open(kept).seen.contains(&seen) {
            return Ok(Verified::again(statement, hash));
        }
        let verified = verify(office, key, statement)?;
        if !mutant::is(Mutant::SignatureUnchecked) {
            let mut kept = open(kept);
            if kept.seen.len() >= REMEMBERED_MAX {
                kept.seen.clear();
            }
            kept.seen.insert(seen);
        }
        Ok(verified)
    }

    /// The key of a wallet, if it was noted and not forgotten. Whether it is certified is not said.
    #[must_use]
    pub fn key_of(&self, wallet: &WalletId) -> Option<PublicKey> {
        open(self.0.as_ref()?).keys.get(wallet.as_bytes()).copied()
    }

    /// How many signatures are remembered.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| open(kept).seen.len())
    }

    /// Notes the key of a wallet, whose id is its hash.
    pub(crate) fn note(&self, key: &PublicKey) {
        let Some(kept) = &self.0 else { return };
        let mut kept = open(kept);
        if kept.keys.len() >= REMEMBERED_MAX {
            kept.keys.clear();
        }
        kept.keys.insert(*wallet_id(key).as_bytes(), *key);
    }
}

fn seen(key: &PublicKey, hash: Hash, signature: &Signature) -> Seen {
    (*key.as_bytes(), hash.0, signature.0)
}

/// A thread that panicked while it held the lock leaves a memory that is still true.
fn open(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Memory(..)" } else { "Memory(none)" })
    }
}

/// What is remembered changes no answer, so that it makes no two values different.
impl PartialEq for Memory {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}

#[cfg(test)]
mod tests {
    use onehop_wire::domain::sha256;

    use super::*;

    fn knows(memory: &Memory, key: &PublicKey, hash: Hash, signature: &Signature) -> bool {
        memory.0.as_ref().is_some_and(|kept| open(kept).seen.contains(&seen(key, hash, signature)))
    }

    #[test]
    fn only_the_very_signature_is_known() {
        let (key, hash, signature) = (PublicKey([1; 32]), Hash([2; 32]), Signature([3; 64]));
        let memory = Memory::new();
        open(memory.0.as_ref().unwrap()).seen.insert(seen(&key, hash, &signature));
        assert!(knows(&memory.clone(), &key, hash, &signature));
        assert!(!knows(&memory, &PublicKey([9; 32]), hash, &signature));
        assert!(!knows(&memory, &key, Hash([9; 32]), &signature));
        assert!(!knows(&memory, &key, hash, &Signature([9; 64])));
    }

    #[test]
    fn a_full_memory_begins_anew_and_none_remembers_nothing() {
        let memory = Memory::new();
        let first = PublicKey([1; 32]);
        memory.note(&first);
        assert_eq!(memory.key_of(&wallet_id(&first)), Some(first));
        for number in (1u64..).take(REMEMBERED_MAX) {
            memory.note(&PublicKey(sha256(&number.to_be_bytes()).0));
        }
        assert_eq!(memory.key_of(&wallet_id(&first)), None);
        let none = Memory::default();
        none.note(&first);
        assert_eq!(none.key_of(&wallet_id(&first)), None);
    }
}
