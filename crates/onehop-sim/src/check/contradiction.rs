//! I5: no device signs two statements that contradict each other (spec §8.2).

use onehop_evidence::{contradiction, contradicts_close};
use onehop_wire::office::Sync;
use onehop_wire::{Agreed, Hash, OfficeId, Statement as _, TxId};

use super::facts::Fork;
use super::{Facts, I5, Payment};

/// Checks the statements about one payment.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    let what = if payment.commits.len() > 1 {
        "two COMMITs"
    } else if !payment.commits.is_empty() && !payment.aborts.is_empty() {
        "COMMIT and ABORT"
    } else if payment.prepared.len() > 1 {
        "two AGREEDs"
    } else {
        return None;
    };
    Some((I5, what.to_owned()))
}

/// A spend entry became durable.
pub(crate) fn entry(facts: &mut Facts, agreed: &Agreed, hash: Hash) {
    let known = facts.entries.entry(agreed.checkpoint).or_default();
    if known.iter().any(|(_, other)| *other == hash) {
        return;
    }
    let mut found = Vec::new();
    for (other, at) in known.iter() {
        if let Some(kind) = contradiction((agreed, hash), (other, *at)) {
            found.push((kind, *at));
        }
    }
    known.push((agreed.clone(), hash));
    if let (Some(sync), Some(office)) = (facts.syncs.get(&agreed.checkpoint), facts.office)
        && let Some(kind) = contradicts_close((agreed, hash), sync)
    {
        found.push((kind, sync.hash(&office)));
    }
    for (kind, other) in found {
        facts.forks.push(Fork { checkpoint: agreed.checkpoint, first: hash, second: other });
        facts.violate(I5, format!("entry {}: {}", agreed.seq, kind.words()));
    }
}

/// A checkpoint was closed.
pub(crate) fn closed(facts: &mut Facts, office: &OfficeId, sync: &Sync) {
    if let Some(known) = facts.syncs.get(&sync.checkpoint) {
        if known != sync {
            facts.violate(I5, "two SYNCs of one checkpoint".to_owned());
        }
        return;
    }
    let entries = facts.entries.get(&sync.checkpoint).cloned().unwrap_or_default();
    for (agreed, hash) in &entries {
        if let Some(kind) = contradicts_close((agreed, *hash), sync) {
            let (checkpoint, second) = (sync.checkpoint, sync.hash(office));
            facts.forks.push(Fork { checkpoint, first: *hash, second });
            facts.violate(I5, kind.words().to_owned());
        }
    }
    facts.syncs.insert(sync.checkpoint, sync.clone());
}

/// A buyer asks the office to decide: a claim that it gave no COMMITTED.
pub(crate) fn resolving(facts: &mut Facts, tx: TxId) {
    let payment = facts.payment(tx);
    payment.resolved = true;
    if payment.buyer_paid {
        facts.violate(I5, format!("payment {}: COMMITTED, then RESOLVE", tx.short()));
    }
}
