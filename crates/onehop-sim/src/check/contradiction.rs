//! No honest contradiction (I5, I14): no device signs two statements that convict it, and between
//! honest devices nobody finds such a pair.

use onehop_evidence::{contradiction, contradicts_close};
use onehop_wire::office::Sync;
use onehop_wire::{Agreed, Hash, TxId};

use super::{Facts, Payment};

const NAME: &str = "I5 no honest contradiction";

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
    Some((NAME, what.to_owned()))
}

/// A spend entry became durable.
pub(crate) fn entry(facts: &mut Facts, agreed: &Agreed, hash: Hash) {
    let known = facts.entries.entry(agreed.checkpoint).or_default();
    if known.iter().any(|(_, other)| *other == hash) {
        return;
    }
    let pair = known.iter().find_map(|(other, h)| contradiction((agreed, hash), (other, *h)));
    known.push((agreed.clone(), hash));
    let close = facts.syncs.get(&agreed.checkpoint);
    let close = close.and_then(|sync| contradicts_close((agreed, hash), sync));
    if let Some(kind) = pair.or(close) {
        facts.violate(NAME, format!("entry {}: {}", agreed.seq, kind.words()));
    }
}

/// A checkpoint was closed.
pub(crate) fn closed(facts: &mut Facts, sync: &Sync) {
    if let Some(known) = facts.syncs.get(&sync.checkpoint) {
        if known != sync {
            facts.violate(NAME, "two SYNCs of one checkpoint".to_owned());
        }
        return;
    }
    let entries = facts.entries.get(&sync.checkpoint).map_or(&[][..], Vec::as_slice);
    let broken = entries.iter().find_map(|(agreed, hash)| contradicts_close((agreed, *hash), sync));
    if let Some(kind) = broken {
        facts.violate(NAME, kind.words().to_owned());
    }
    facts.syncs.insert(sync.checkpoint, sync.clone());
}

/// A buyer asks the office to decide: a claim that it gave no COMMITTED.
pub(crate) fn resolving(facts: &mut Facts, tx: TxId) {
    let payment = facts.payment(tx);
    payment.resolved = true;
    if payment.buyer_paid {
        facts.violate(NAME, format!("payment {}: COMMITTED, then RESOLVE", tx.short()));
    }
}

/// A wallet kept a message as evidence against its peer. A late COMMIT of what the office voided
/// is kept as well, and convicts nobody.
pub(crate) fn kept(facts: &mut Facts, device: usize, tx: &TxId) {
    if facts.payments.get(tx).is_some_and(|payment| payment.buyer_voided) {
        return;
    }
    let what = format!("device {device} keeps evidence about payment {}", tx.short());
    facts.violate("I14 honest history leaves no proof", what);
}
