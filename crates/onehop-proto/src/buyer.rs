//! The buyer, the participant of the two-phase commit: what it decides (spec §7.2).
//!
//! After AGREED the buyer never decides alone: only the seller's COMMIT or ABORT, or the office,
//! ends a hold.

use onehop_crypto::{Verified, verify};
use onehop_evidence::{ReleaseFault, verify_abort};
use onehop_wire::domain::{Statement, order_hash};
use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Abort, Agreed, Commit, CommitRequest, Committed, List, Message, Refused, RefusedReason,
    Released, Signed, Status, Text, TxId, UnixSeconds, WalletId, encode,
};

use crate::config::{EVIDENCE_MAX, REFUSALS_PER_PAYEE_MAX, VOTE_MS};
use crate::event::{Event, Fault, NotPaid};
use crate::payment::{BuyerPayment, BuyerState};
use crate::record::{Change, LogRecord};
use crate::refusal::Refusal;
use crate::state::{State, order_mark};
use crate::step::{Asked, Context, Prompts, Step};

impl State {
    /// COMMIT-REQUEST arrived.
    pub(crate) fn on_request(
        &self,
        context: &Context<'_>,
        prompts: &Prompts<'_>,
        request: Signed<CommitRequest>,
        order: Text<ORDER_TEXT_MAX>,
    ) -> Step {
        let tx = request.body.tx_id();
        if let Some(payment) = self.buyer.get(&tx) {
            return self.on_request_again(context, payment, request);
        }
        if let Some(asked) = prompts.same {
            return if asked.request.body == request.body {
                Step::nothing()
            } else {
                Step::fault(Fault::Contradiction)
            };
        }
        // Who came as a buyer asks nobody for money.
        if context.payer.is_some() {
            return Step::fault(Fault::Unexpected);
        }
        if request.body.buyer_nonce != context.nonce {
            return Step::fault(Fault::WrongPayment);
        }
        let key = &context.certificate.body().key;
        let Ok(request) = verify(context.trust.office(), key, request) else {
            return Step::fault(Fault::Signature);
        };
        if prompts.full || self.refusals_of(&request.body().payee) >= REFUSALS_PER_PAYEE_MAX {
            return Step::fault(Fault::Flood);
        }
        if !self.are_sound(context, request.body(), &order) {
            let reason = RefusedReason::Terms;
            return self.refuse(context, request.into_signed(), reason).and_blame(Fault::Terms);
        }
        match self.refusal(context, request.body()) {
            Some(reason) => self.refuse(context, request.into_signed(), reason),
            None => Step { ask: Some((request.into_signed(), order)), ..Step::nothing() },
        }
    }

    fn on_request_again(
        &self,
        context: &Context<'_>,
        payment: &BuyerPayment,
        request: Signed<CommitRequest>,
    ) -> Step {
        if payment.request.body == request.body {
            return Step { say: answer(payment), ..Step::nothing() };
        }
        match verify(context.trust.office(), &payment.payee.body.key, request) {
            Err(_) => Step::fault(Fault::Signature),
            Ok(other) => {
                self.keep_evidence(payment.request.body.tx_id(), encode(other.signed()), false)
            }
        }
    }

    /// Refusals of this payee that are kept: each costs a record.
    fn refusals_of(&self, payee: &WalletId) -> usize {
        let of = |payment: &&BuyerPayment| {
            payment.request.body.payee == *payee && matches!(payment.state, BuyerState::Refused(_))
        };
        self.buyer.values().filter(of).count()
    }

    fn are_sound(
        &self,
        context: &Context<'_>,
        terms: &CommitRequest,
        order: &Text<ORDER_TEXT_MAX>,
    ) -> bool {
        let currency = self.certificate.as_ref().map(|certificate| certificate.body.currency);
        terms.epoch == context.certificate.body().epoch
            && terms.amount >= 1
            && Some(terms.currency) == currency
            && terms.order_hash == order_hash(order.as_str())
            && (Some(terms.redeem_by) == self.redeem_by() || mutant::is(Mutant::RedeemByUnchecked))
            && VOTE_MS.contains(&terms.vote_ms)
    }

    /// Expiry of the open purse and the claim window after it.
    pub(crate) fn redeem_by(&self) -> Option<UnixSeconds> {
        let window = u64::from(self.certificate.as_ref()?.body.claim_window);
        Some(self.purse.as_ref()?.checkpoint.body.expires.plus(window))
    }

    /// Why the wallet itself says no, without asking anybody.
    fn refusal(&self, context: &Context<'_>, terms: &CommitRequest) -> Option<RefusedReason> {
        if let Err(refusal) = self.may_sign(context.today) {
            return Some(self.reason(&refusal));
        }
        if !self.is_order_free(terms) {
            return Some(RefusedReason::OrderNotFree);
        }
        if let Err(refusal) = self.may_give_back(terms) {
            return Some(self.reason(&refusal));
        }
        match self.may_spend(context, terms) {
            Ok(()) => None,
            Err(refusal) => Some(self.reason(&refusal)),
        }
    }

    fn is_order_free(&self, terms: &CommitRequest) -> bool {
        let order = (terms.payee, terms.order_id.clone());
        let is_free = !self.orders_out.contains_key(&order)
            && !self.orders_past.contains_key(&order_mark(&order.0, &order.1));
        is_free || mutant::is(Mutant::OrderPaidTwice)
    }

    fn may_spend(&self, context: &Context<'_>, terms: &CommitRequest) -> Result<(), Refusal> {
        self.may_sign(context.today)?;
        let (mut all, mut here) = (0usize, 0usize);
        if self.hold > 0 {
            for payment in self.buyer.values() {
                if matches!(payment.state, BuyerState::Prepared(_)) {
                    all = all.saturating_add(1);
                    here =
                        here.saturating_add(usize::from(payment.request.body.payee == terms.payee));
                }
            }
        }
        let bounds =
            [(all, context.config.in_doubt_max), (here, context.config.in_doubt_per_payee_max)];
        if let Some((found, max)) = bounds.into_iter().find(|(found, max)| found >= max) {
            return Err(Refusal::TooManyInDoubt { found, max });
        }
        self.back(terms.amount, &terms.payee).map(|_| ())
    }

    /// That the purse may be signed for at all.
    pub(crate) fn may_sign(&self, today: UnixSeconds) -> Result<(), Refusal> {
        let purse = self.purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        if self.frozen {
            return Err(Refusal::Frozen);
        }
        if purse.is_closed() {
            return Err(Refusal::Closed);
        }
        let on = purse.checkpoint.body.expires;
        if today > on && !mutant::is(Mutant::CheckpointExpiryIgnored) {
            return Err(Refusal::Expired { on });
        }
        Ok(())
    }

    /// The coarse reason that the seller is told.
    pub(crate) fn reason(&self, refusal: &Refusal) -> RefusedReason {
        if let Refusal::InsufficientFunds { .. } = refusal {
            return RefusedReason::InsufficientFunds;
        }
        if let Refusal::OrderTaken { .. } = refusal {
            return RefusedReason::OrderNotFree;
        }
        if let Refusal::Refund { left, .. } = refusal {
            return RefusedReason::Refund { left: left.minor() };
        }
        if let Refusal::Limit { name, .. } = refusal {
            let limits = self.certificate.as_ref().map(|certificate| &certificate.body.limits);
            let limit = limits.and_then(|limits| limits.value(*name)).unwrap_or(0);
            return RefusedReason::OverLimit { name: *name, limit };
        }
        RefusedReason::Terms
    }

    /// Votes no.
    pub(crate) fn refuse(
        &self,
        context: &Context<'_>,
        request: Signed<CommitRequest>,
        reason: RefusedReason,
    ) -> Step {
        let office = context.trust.office();
        let tx = request.body.tx_id();
        let body = Refused {
            tx,
            payer: request.body.payer,
            payee: request.body.payee,
            request: request.hash(office),
            reason,
        };
        let refused = context.signer.sign(office, body).into_signed();
        let payee = context.certificate.signed().clone();
        let at = context.today;
        Step::lazily(LogRecord::Refused { refused: refused.clone(), request, payee, at })
            .and_say(Message::Refused(refused))
            .and_tell(Event::NotPaid { tx, why: NotPaid::Refused(reason) })
    }

    /// Votes yes: the next entry of the chain, held and forced before it leaves.
    ///
    /// # Errors
    /// [`Refusal`] if funds, limits or the purse no longer allow it.
    pub(crate) fn agree(&self, context: &Context<'_>, asked: &Asked) -> Result<Step, Refusal> {
        let terms = &asked.request.body;
        let tx = terms.tx_id();
        if !self.is_order_free(terms) {
            let order = (terms.payee, terms.order_id.clone());
            return Err(Refusal::OrderTaken {
                tx: self.orders_out.get(&order).copied().unwrap_or(tx),
            });
        }
        self.may_give_back(terms)?;
        self.may_spend(context, terms)?;
        let purse = self.purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        let backing = self.back(terms.amount, &terms.payee)?;
        let office = context.trust.office();
        let hashes = backing.attachments.iter().map(onehop_wire::Attachment::hash).collect();
        let entry = Agreed {
            checkpoint: purse.hash,
            seq: purse.seq.saturating_add(1),
            prev: purse.head,
            amount: terms.amount,
            cum_out: purse.cum_out.saturating_add(terms.amount),
            cum_back: purse.cum_back,
            cum_in: purse.cum_in,
            currency: terms.currency,
            payee: terms.payee,
            tx,
            request: asked.request.hash(office),
            redeem_by: terms.redeem_by,
            refund_of: terms.refund_of,
            hops: backing.hops,
            attachments: List::new(hashes).map_err(|_| Refusal::PurseFull)?,
        };
        let agreed = context.signer.sign(office, entry).into_signed();
        let attachments = List::new(backing.attachments).map_err(|_| Refusal::PurseFull)?;
        let prepared = LogRecord::Prepared {
            agreed: agreed.clone(),
            attachments: attachments.clone(),
            request: asked.request.clone(),
            order: asked.order.clone(),
            payee: asked.payee.clone(),
            change: Change::hold(terms.amount),
            at: context.today,
        };
        let mut step = Step::force_unless(Mutant::VoteNotForced, prepared);
        step.say = attachments.into_inner().into_iter().map(Message::Attachment).collect();
        Ok(step.and_say(Message::Agreed(agreed)).and_tell(Event::Prepared { tx }))
    }

    /// COMMIT arrived.
    pub(crate) fn on_commit(&self, context: &Context<'_>, commit: Signed<Commit>) -> Step {
        let tx = commit.body.tx;
        let Some(payment) = self.buyer.get(&tx) else {
            return Step::fault(Fault::WrongPayment);
        };
        let key = &payment.payee.body.key;
        match &payment.state {
            BuyerState::Prepared(vote) | BuyerState::Settled { vote, .. } => {
                let agreed = vote.agreed.hash(context.trust.office());
                let terms = &payment.request.body;
                let same = commit.body.agreed == agreed
                    && commit.body.payer == terms.payer
                    && commit.body.payee == terms.payee;
                if !same {
                    return if matches!(payment.state, BuyerState::Settled { .. }) {
                        self.contradicted(context, key, tx, commit)
                    } else {
                        Step::fault(Fault::WrongPayment)
                    };
                }
                match verify(context.trust.office(), key, commit) {
                    Err(_) => Step::fault(Fault::Signature),
                    // Before it was lost this wallet may have heard an ABORT and gone on with it.
                    Ok(_) if self.is_before_restore(&vote.agreed.body.checkpoint) => {
                        Step::nothing().and_tell(Event::AskOffice { tx })
                    }
                    Ok(commit) => acknowledge(context, &commit),
                }
            }
            BuyerState::Committed { commit: stored, committed, .. } => {
                if stored.body == commit.body {
                    return Step::say(Message::Committed(committed.clone()));
                }
                self.contradicted(context, key, tx, commit)
            }
            BuyerState::Refused(_) | BuyerState::Aborted { .. } | BuyerState::Voided { .. } => {
                self.contradicted(context, key, tx, commit)
            }
        }
    }

    /// ABORT arrived.
    pub(crate) fn on_abort(
        &self,
        context: &Context<'_>,
        asked: Option<&Asked>,
        abort: Signed<Abort>,
    ) -> Step {
        let tx = abort.body.tx;
        if let Some(asked) = asked {
            return on_abort_asked(context, asked, abort);
        }
        let Some(payment) = self.buyer.get(&tx) else {
            return Step::fault(Fault::WrongPayment);
        };
        let key = &payment.payee.body.key;
        match &payment.state {
            BuyerState::Prepared(vote) => {
                let entry = (&vote.agreed.body, vote.agreed.hash(context.trust.office()));
                match verify_abort(context.trust, key, &context.me, entry, abort) {
                    Ok(abort) => release(context, &abort),
                    Err(ReleaseFault::Mismatch) => Step::fault(Fault::WrongPayment),
                    Err(_) => Step::fault(Fault::Signature),
                }
            }
            BuyerState::Committed { .. } | BuyerState::Settled { .. } => {
                self.contradicted(context, key, tx, abort)
            }
            BuyerState::Aborted { abort: stored, released, .. } => {
                if stored.body.subject == abort.body.subject {
                    Step::say(Message::Released(released.clone()))
                } else {
                    Step::nothing()
                }
            }
            BuyerState::Refused(_) | BuyerState::Voided { .. } => Step::nothing(),
        }
    }

    /// The seller asks what became of a payment.
    pub(crate) fn on_status_as_buyer(&self, tx: &TxId) -> Step {
        match self.buyer.get(tx) {
            Some(payment) => Step { say: answer(payment), ..Step::nothing() },
            None => Step::say(Message::Unknown(*tx)),
        }
    }

    /// What to say about a payment in doubt: the attachments of the vote, and STATUS with it.
    pub(crate) fn questions(&self, context: &Context<'_>, payment: &BuyerPayment) -> Vec<Message> {
        let BuyerState::Prepared(vote) = &payment.state else {
            return Vec::new();
        };
        let office = context.trust.office();
        let body = Status {
            tx: vote.agreed.body.tx,
            asker: context.me,
            request: vote.agreed.body.request,
            agreed: Some(vote.agreed.hash(office)),
        };
        let status = Message::Status {
            status: context.signer.sign(office, body).into_signed(),
            request: payment.request.clone(),
            agreed: Some(vote.agreed.clone()),
        };
        vote.attachments.iter().cloned().map(Message::Attachment).chain([status]).collect()
    }

    /// Keeps a statement that contradicts the record, once per payment.
    pub(crate) fn contradicted<T: Statement>(
        &self,
        context: &Context<'_>,
        key: &onehop_wire::PublicKey,
        tx: TxId,
        statement: Signed<T>,
    ) -> Step {
        match verify(context.trust.office(), key, statement) {
            Err(_) => Step::fault(Fault::Signature),
            Ok(statement) => self.keep_evidence(tx, encode(statement.signed()), true),
        }
    }

    pub(crate) fn keep_evidence(&self, tx: TxId, message: Vec<u8>, forced: bool) -> Step {
        let known = self.evidence.iter().any(|(known, _)| *known == tx);
        if known || self.evidence.len() >= EVIDENCE_MAX {
            return Step::fault(Fault::Contradiction);
        }
        let mut step = Step::lazily(LogRecord::Evidence { tx, message });
        step.forced = forced;
        step.and_blame(Fault::Contradiction)
    }
}

fn on_abort_asked(context: &Context<'_>, asked: &Asked, abort: Signed<Abort>) -> Step {
    let request = asked.request.hash(context.trust.office());
    let about = abort.body.subject == onehop_wire::AbortSubject::Request(request)
        && abort.body.payee == asked.request.body.payee;
    if !about {
        return Step::fault(Fault::WrongPayment);
    }
    match verify(context.trust.office(), &asked.payee.body.key, abort) {
        Err(_) => Step::fault(Fault::Signature),
        Ok(abort) => {
            let why = NotPaid::Aborted(abort.body().reason);
            Step { forget: Some((abort.body().tx, why)), ..Step::nothing() }
        }
    }
}

fn acknowledge(context: &Context<'_>, commit: &Verified<Commit>) -> Step {
    let body = Committed {
        tx: commit.body().tx,
        payer: commit.body().payer,
        payee: commit.body().payee,
        agreed: commit.body().agreed,
        commit: commit.hash(),
    };
    let committed = context.signer.sign(context.trust.office(), body).into_signed();
    let commit_and_ack =
        LogRecord::BuyerCommitted { commit: commit.signed().clone(), committed: committed.clone() };
    Step::force_unless(Mutant::CommittedNotForced, commit_and_ack)
        .and_say(Message::Committed(committed))
        .and_tell(Event::Paid { tx: commit.body().tx })
}

pub(crate) fn release(context: &Context<'_>, abort: &Verified<Abort>) -> Step {
    let body = Released {
        tx: abort.body().tx,
        payer: abort.body().payer,
        payee: abort.body().payee,
        abort: abort.hash(),
    };
    let released = context.signer.sign(context.trust.office(), body).into_signed();
    let why = NotPaid::Aborted(abort.body().reason);
    let abort_and_ack =
        LogRecord::BuyerAborted { abort: abort.signed().clone(), released: released.clone() };
    let answer = if mutant::is(Mutant::AbortAckedAsCommitted) {
        let Released { tx, payer, payee, abort } = released.body;
        let body = Committed { tx, payer, payee, agreed: abort, commit: abort };
        Message::Committed(context.signer.sign(context.trust.office(), body).into_signed())
    } else {
        Message::Released(released)
    };
    Step::force_unless(Mutant::ReleaseNotForced, abort_and_ack)
        .and_say(answer)
        .and_tell(Event::NotPaid { tx: abort.body().tx, why })
}

/// What the buyer said last about a payment, from the record.
fn answer(payment: &BuyerPayment) -> Vec<Message> {
    match &payment.state {
        BuyerState::Refused(refused) => vec![Message::Refused(refused.clone())],
        BuyerState::Prepared(vote) => {
            let attachments = vote.attachments.iter().cloned().map(Message::Attachment);
            attachments.chain([Message::Agreed(vote.agreed.clone())]).collect()
        }
        BuyerState::Committed { committed, .. } => vec![Message::Committed(committed.clone())],
        BuyerState::Aborted { released, .. } => vec![Message::Released(released.clone())],
        BuyerState::Settled { outcome, .. } | BuyerState::Voided { outcome, .. } => {
            vec![Message::Unknown(outcome.body.tx)]
        }
    }
}
