//! What is known of a run from outside: records that are durable, statements that left.

use std::collections::{BTreeMap, BTreeSet};

use onehop_crypto::{Trust, Verified};
use onehop_proto::LogRecord;
use onehop_wire::mutant;
use onehop_wire::office::{OfficeAnswer, Outcome, OutcomeKind, Sync, Verdict};
use onehop_wire::{
    Agreed, Certificate, Checkpoint, Hash, OfficeId, Signed, TxId, UnixSeconds, WalletId,
};

use super::chain::End;
use super::judged::Docket;
use super::{
    Violation, authority, chain, contradiction, credit, deadline, forks, gain, loss, prepared,
    released, voided,
};

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
    /// The office heard of it by a claim.
    pub(crate) is_claimed: bool,
    pub(crate) outcome: Option<Signed<Outcome>>,
}

impl Payment {
    /// What the office decided.
    pub(crate) fn kind(&self) -> Option<&OutcomeKind> {
        self.outcome.as_ref().map(|outcome| &outcome.body.kind)
    }
}

/// Two statements of one payer that contradict each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Fork {
    pub(crate) checkpoint: Hash,
    /// Hash of an entry.
    pub(crate) first: Hash,
    /// Hash of another entry, or of the SYNC that closed the checkpoint.
    pub(crate) second: Hash,
}

/// What is known of a run.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) office: Option<OfficeId>,
    /// The office's keys, as anyone may know them.
    pub(crate) trust: Option<Trust>,
    pub(crate) certificates: BTreeMap<WalletId, Verified<Certificate>>,
    /// Whose checkpoint this is.
    pub(crate) checkpoints: BTreeMap<Hash, WalletId>,
    pub(crate) now_ms: u64,
    /// Cash handed in less cash handed out, in minor units.
    pub(crate) issued: i128,
    pub(crate) payments: BTreeMap<TxId, Payment>,
    pub(crate) entries: BTreeMap<Hash, Vec<(Agreed, Hash)>>,
    pub(crate) syncs: BTreeMap<Hash, Sync>,
    /// Ends of spend chains, by checkpoint.
    pub(crate) chains: BTreeMap<Hash, End>,
    pub(crate) forks: Vec<Fork>,
    /// Hashes of the entries and SYNCs that the office accepted.
    pub(crate) shown: BTreeSet<Hash>,
    /// Wallets that were frozen or revoked: they may not settle, and others need not trust them.
    pub(crate) exempt: BTreeSet<WalletId>,
    /// Everything that devices signed.
    pub(crate) docket: Docket,
    /// The wallet that is put back or cloned.
    pub(crate) suspect: Option<WalletId>,
    pub(crate) violations: Vec<Violation>,
    /// Payments whose facts changed since they were checked.
    pub(crate) changed: BTreeSet<TxId>,
    /// A wallet's state may have changed since the wallets were checked.
    pub(crate) is_stirred: bool,
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
        mutant::disarmed(|| self.note(device, lsn, record));
    }

    fn note(&mut self, device: usize, lsn: u64, record: &LogRecord) {
        let Some(office) = self.office else { return };
        self.docket.note(record);
        match record {
            LogRecord::Prepared { agreed, request, .. } => {
                let hash = agreed.hash(&office);
                let payment = self.payment(agreed.body.tx);
                payment.amount = agreed.body.amount;
                payment.payer = Some(request.body.payer);
                payment.payee = Some(request.body.payee);
                payment.redeem_by = agreed.body.redeem_by;
                if payment.prepared.insert(hash) {
                    chain::entry(self, &agreed.body, hash);
                    contradiction::entry(self, &agreed.body, hash);
                }
            }
            LogRecord::BuyerCommitted { commit, committed } => {
                let payment = self.payment(commit.body.tx);
                if !payment.buyer_paid {
                    payment.buyer_paid = true;
                    authority::spent(self, commit, committed);
                }
            }
            LogRecord::BuyerAborted { abort, .. } => {
                self.payment(abort.body.tx).buyer_released = true;
            }
            LogRecord::BuyerSettled(outcome) => self.settled(&outcome.body),
            LogRecord::SellerCommitted { tx, claim, .. } => {
                prepared::committed(self, tx, claim.commit.body.agreed);
                let hash = claim.commit.hash(&office);
                let payment = self.payment(*tx);
                if payment.commits.insert(hash) {
                    authority::credited(self, claim);
                }
                self.payment(*tx).credits.insert((device, lsn));
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
            LogRecord::Closed(sync) => contradiction::closed(self, &office, &sync.body),
            LogRecord::Evidence { tx, .. } => forks::kept(self, device, tx),
            LogRecord::Forked { proof, .. } => forks::convicted(self, device, proof),
            LogRecord::Enrolled(answer) => self.issued(&answer.certificate, &answer.checkpoint),
            LogRecord::Renewed(answer) => self.issued(&answer.certificate, &answer.checkpoint),
            LogRecord::Born { .. }
            | LogRecord::EnrolSigned(_)
            | LogRecord::OfficeKeySeen(_)
            | LogRecord::Invited { .. }
            | LogRecord::Done { .. }
            | LogRecord::Refused { .. }
            | LogRecord::Seen { .. }
            | LogRecord::NewRootSeen(_)
            | LogRecord::Revoked { .. }
            | LogRecord::HeadHeard(_)
            | LogRecord::Told { .. }
            | LogRecord::Frozen
            | LogRecord::NumbersFrom(_) => {}
        }
    }

    fn settled(&mut self, outcome: &Outcome) {
        let payment = self.payment(outcome.tx);
        match outcome.kind {
            OutcomeKind::Void => payment.buyer_voided = true,
            OutcomeKind::Paid | OutcomeKind::Disputed(_) => payment.buyer_paid = true,
        }
    }

    fn issued(&mut self, certificate: &Signed<Certificate>, checkpoint: &Signed<Checkpoint>) {
        let Some(office) = self.office else { return };
        self.checkpoints.insert(checkpoint.hash(&office), checkpoint.body.wallet);
        authority::certified(self, certificate);
    }

    /// True once the office has changed its key: wallets learn of that when they meet it.
    pub(crate) fn knows_two_keys(&self) -> bool {
        self.trust.as_ref().is_some_and(|trust| trust.keys().count() > 1)
    }

    /// What is known of a payment, about to change.
    pub(crate) fn payment(&mut self, tx: TxId) -> &mut Payment {
        self.changed.insert(tx);
        self.payments.entry(tx).or_default()
    }

    /// Notes every outcome in an answer of the office, whoever it was for.
    pub(crate) fn answered(&mut self, today: UnixSeconds, grace: u64, answer: &OfficeAnswer) {
        let of = |verdict: &Verdict| match verdict {
            Verdict::Outcome(outcome) => Some(outcome.clone()),
            Verdict::Pending(_) | Verdict::Refused(_) => None,
        };
        let outcomes: Vec<Signed<Outcome>> = match answer {
            OfficeAnswer::Enrol(_) | OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => {
                Vec::new()
            }
            OfficeAnswer::Sync(answer) => answer.outcomes.iter().cloned().collect(),
            OfficeAnswer::Claim(answer) => answer.verdicts.iter().filter_map(of).collect(),
            OfficeAnswer::Resolve(verdict) => of(verdict).into_iter().collect(),
        };
        for outcome in outcomes {
            self.decided(today, grace, &outcome);
        }
    }

    /// The office said an outcome: it is checked when it is said, and again with every later fact.
    pub(crate) fn decided(&mut self, today: UnixSeconds, grace: u64, outcome: &Signed<Outcome>) {
        let (tx, is_tainted) = (outcome.body.tx, self.is_tainted);
        let payment = self.payment(tx);
        let mut found = vec![voided::check(payment, outcome)];
        if payment.outcome.is_none() {
            payment.outcome = Some(outcome.clone());
            found.push(deadline::check(payment, today, grace));
            found.push(forks::disputed(payment, is_tainted));
        }
        for (invariant, what) in found.into_iter().flatten() {
            self.violate(invariant, format!("payment {}: {what}", tx.short()));
        }
    }

    /// Checks every payment whose facts changed.
    pub(crate) fn check_changed(&mut self) {
        for tx in std::mem::take(&mut self.changed) {
            let Some(payment) = self.payments.get(&tx) else { continue };
            let found = [
                gain::check(payment),
                loss::check(payment),
                credit::check(payment),
                contradiction::check(payment),
                released::check(payment),
                authority::paid(payment),
            ];
            for (invariant, what) in found.into_iter().flatten() {
                self.violate(invariant, format!("payment {}: {what}", tx.short()));
            }
        }
    }
}
