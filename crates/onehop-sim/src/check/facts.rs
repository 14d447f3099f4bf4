//! What is known of a run from outside: records that are durable, statements that left.

use std::collections::{BTreeMap, BTreeSet};

use onehop_proto::{LogRecord, event};
use onehop_wire::office::{Outcome, Sync};
use onehop_wire::{Agreed, Hash, OfficeId, Signed, TxId, UnixSeconds, WalletId};

use super::{Violation, atomicity, contradiction, credit, order};

/// One payment attempt, as its two devices recorded it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payment {
    pub(crate) amount: u64,
    pub(crate) payer: Option<WalletId>,
    pub(crate) payee: Option<WalletId>,
    pub(crate) redeem_by: UnixSeconds,
    /// Hashes of the votes that the buyer made durable.
    pub(crate) prepared: BTreeSet<Hash>,
    /// The buyer's decisions: COMMITTED, RELEASED, or what the office said.
    pub(crate) buyer_paid: bool,
    pub(crate) buyer_released: bool,
    pub(crate) buyer_voided: bool,
    /// Hashes of the seller's COMMITs.
    pub(crate) commits: BTreeSet<Hash>,
    /// Places in logs at which a seller credited it.
    pub(crate) credits: BTreeSet<(usize, u64)>,
    pub(crate) aborts: BTreeSet<Hash>,
    /// Places in logs at which the office's PAID was booked.
    pub(crate) redeemed: BTreeSet<(usize, u64)>,
    /// The buyer stated to the office that it gave no COMMITTED.
    pub(crate) resolved: bool,
    pub(crate) outcome: Option<Signed<Outcome>>,
}

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) office: Option<OfficeId>,
    pub(crate) now_ms: u64,
    /// Cash handed in, in minor units.
    pub(crate) issued: i128,
    pub(crate) payments: BTreeMap<TxId, Payment>,
    pub(crate) entries: BTreeMap<Hash, Vec<(Agreed, Hash)>>,
    pub(crate) syncs: BTreeMap<Hash, Sync>,
    pub(crate) violations: Vec<Violation>,
    /// Payments whose facts changed since they were checked.
    pub(crate) changed: BTreeSet<TxId>,
    /// Wallets were put back or cloned: nothing local is promised.
    pub(crate) is_tainted: bool,
}

impl Facts {
    /// Notes that an invariant did not hold.
    pub(crate) fn violate(&mut self, invariant: &'static str, what: String) {
        let violation = Violation { invariant, what, at_ms: self.now_ms };
        if self.violations.len() < 16 {
            self.violations.push(violation);
        }
    }

    /// A batch was written. Forced, it is durable, with all before it that was not.
    pub(crate) fn signed(&mut self, device: usize, lsn: u64, record: &LogRecord, forced: bool) {
        // A lazy record is a fact once a crash has spared it; what it accuses somebody of is at once.
        if forced || matches!(record, LogRecord::Evidence { .. }) {
            self.record(device, lsn, record);
        }
    }

    /// A record is durable. Noting it again changes nothing.
    pub(crate) fn record(&mut self, device: usize, lsn: u64, record: &LogRecord) {
        let Some(office) = self.office else { return };
        match record {
            LogRecord::Prepared { agreed, request, .. } => {
                let hash = agreed.hash(&office);
                contradiction::entry(self, &agreed.body, hash);
                let payment = self.payment(agreed.body.tx);
                payment.prepared.insert(hash);
                payment.amount = agreed.body.amount;
                payment.payer = Some(request.body.payer);
                payment.payee = Some(request.body.payee);
                payment.redeem_by = agreed.body.redeem_by;
            }
            LogRecord::BuyerCommitted { commit, .. } => {
                self.payment(commit.body.tx).buyer_paid = true;
            }
            LogRecord::BuyerAborted { abort, .. } => {
                self.payment(abort.body.tx).buyer_released = true;
            }
            LogRecord::BuyerSettled(outcome) => self.settled(&outcome.body),
            LogRecord::SellerCommitted { tx, claim, .. } => {
                order::committed(self, tx, claim.commit.body.agreed);
                let hash = claim.commit.hash(&office);
                let payment = self.payment(*tx);
                payment.commits.insert(hash);
                payment.credits.insert((device, lsn));
            }
            LogRecord::SellerAborted { abort, .. } => {
                let hash = abort.hash(&office);
                self.payment(abort.body.tx).aborts.insert(hash);
            }
            LogRecord::Redeemed(outcome) => {
                self.payment(outcome.body.tx).redeemed.insert((device, lsn));
            }
            LogRecord::Lost(outcome) => {
                self.payment(outcome.body.tx);
            }
            LogRecord::Closed(sync) => contradiction::closed(self, &sync.body),
            LogRecord::Evidence { tx, .. } => contradiction::kept(self, device, tx),
            LogRecord::Born { .. }
            | LogRecord::EnrolSigned(_)
            | LogRecord::Enrolled(_)
            | LogRecord::OfficeKeySeen(_)
            | LogRecord::Invited { .. }
            | LogRecord::Done { .. }
            | LogRecord::Refused { .. }
            | LogRecord::Renewed(_)
            | LogRecord::Seen { .. }
            | LogRecord::Frozen
            | LogRecord::NumbersFrom(_) => {}
        }
    }

    fn settled(&mut self, outcome: &Outcome) {
        let payment = self.payment(outcome.tx);
        match outcome.kind {
            onehop_wire::office::OutcomeKind::Void => payment.buyer_voided = true,
            onehop_wire::office::OutcomeKind::Paid
            | onehop_wire::office::OutcomeKind::Disputed(_) => payment.buyer_paid = true,
        }
    }

    /// What is known of a payment, about to change.
    pub(crate) fn payment(&mut self, tx: TxId) -> &mut Payment {
        self.changed.insert(tx);
        self.payments.entry(tx).or_default()
    }

    /// A wallet blamed a peer. No honest one votes what does not hold; what contradicts a record is
    /// kept as evidence and checked there.
    pub(crate) fn fault(&mut self, device: usize, fault: event::Fault) {
        if fault == event::Fault::InvalidVote {
            let what = format!("device {device} blames an honest peer: {}", fault.words());
            self.violate("I14 honest history leaves no proof", what);
        }
    }

    /// Checks every payment whose facts changed.
    pub(crate) fn check_changed(&mut self) {
        for tx in std::mem::take(&mut self.changed) {
            let Some(payment) = self.payments.get(&tx).cloned() else { continue };
            let found = [
                atomicity::check(&payment),
                credit::check(&payment),
                contradiction::check(&payment),
            ];
            for (invariant, what) in found.into_iter().flatten() {
                self.violate(invariant, format!("payment {}: {what}", tx.short()));
            }
        }
    }
}
