//! I3: a seller commits only on a vote that was durable first.

use onehop_wire::{Hash, TxId};

use super::{Facts, I3};

/// A seller committed: the vote it names must have been durable before.
pub(crate) fn committed(facts: &mut Facts, tx: &TxId, agreed: Hash) {
    let is_prepared = facts.payments.get(tx).is_some_and(|p| p.prepared.contains(&agreed));
    if !is_prepared {
        facts.violate(I3, format!("payment {}: committed on a vote not on disk", tx.short()));
    }
}
