//! The seller, the coordinator of the two-phase commit: what it decides (spec §7.1).

use onehop_crypto::{SigningKey, verify};
use onehop_evidence::{EntryFault, Payer, VerifiedEntry, contradiction, verify_entry};
use onehop_wire::domain::order_hash;
use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, Attachment, Certificate, Claim, Commit,
    CommitRequest, Committed, Hash, List, Message, Nonce, OfficeId, Refused, Signed, Text, TxId,
    UnixSeconds, WalletId, encode,
};

use crate::config::NUMBER_BLOCK;
use crate::event::{Event, Fault, NotPaid, Terms};
use crate::news::event_of;
use crate::payment::{SellerPayment, SellerState};
use crate::record::{Change, LogRecord};
use crate::refusal::Refusal;
use crate::state::{State, order_mark};
use crate::step::{Context, Step};

impl State {
    /// Asks the buyer of this session for money.
    ///
    /// # Errors
    /// [`Refusal`] if the terms cannot be asked for; nothing is sent.
    pub(crate) fn invite(
        &self,
        context: &Context<'_>,
        terms: &Terms,
        seller_nonce: Nonce,
    ) -> Result<Step, Refusal> {
        let certificate = self.certificate.as_ref().ok_or(Refusal::NotEnrolled)?;
        let payer = context.payer.ok_or(Refusal::NoSession)?;
        if self.frozen {
            return Err(Refusal::Frozen);
        }
        let (found, expected) = (terms.amount.currency(), certificate.body.currency);
        if found != expected {
            return Err(Refusal::Currency { found, expected });
        }
        if terms.amount.minor() == 0 {
            return Err(Refusal::Zero);
        }
        let again = mutant::is(Mutant::OrderPaidTwice);
        if let Some(tx) = self.orders_in.get(&terms.order_id).filter(|_| !again) {
            return Err(Refusal::OrderTaken { tx: *tx });
        }
        if self.orders_past.contains_key(&order_mark(&context.me, &terms.order_id)) {
            return Err(Refusal::OrderPaid);
        }
        self.may_ask_back(terms, &payer.checkpoint().body().wallet)?;
        let order: Text<ORDER_TEXT_MAX> = Text::new(terms.order.clone())?;
        let number = self.number.checked_add(1).ok_or(Refusal::PurseFull)?;
        let body = CommitRequest {
            payer: payer.checkpoint().body().wallet,
            payee: context.me,
            buyer_nonce: context.nonce,
            seller_nonce,
            epoch: certificate.body.epoch,
            number,
            amount: terms.amount.minor(),
            currency: found,
            order_id: terms.order_id.clone(),
            order_hash: order_hash(order.as_str()),
            vote_ms: context.config.vote_ms,
            redeem_by: payer.redeem_by(),
            refund_of: terms.refund_of,
        };
        let request = context.signer.sign(context.trust.office(), body).into_signed();
        let mut step = Step::lazily(LogRecord::Invited {
            request: request.clone(),
            order: order.clone(),
            payer: payer.certificate().signed().clone(),
            at: context.today,
        });
        // A bounded number of unforced requests lets a restart skip past all of them.
        step.forced = number.is_multiple_of(NUMBER_BLOCK);
        Ok(step.and_say(Message::CommitRequest { request, order }))
    }

    /// AGREED arrived.
    pub(crate) fn on_agreed(
        &self,
        context: &Context<'_>,
        agreed: Signed<Agreed>,
        attachments: &[Attachment],
    ) -> Step {
        let tx = agreed.body.tx;
        let Some(payment) = self.seller.get(&tx) else {
            return Step::fault(Fault::WrongPayment);
        };
        if payment.request.body.payer != context.certificate.body().wallet() {
            return Step::fault(Fault::WrongPayment);
        }
        match &payment.state {
            SellerState::Invited => self.judge(context, payment, agreed, attachments),
            SellerState::Aborted(_) if mutant::is(Mutant::TombstoneIgnored) => {
                self.judge(context, payment, agreed, attachments)
            }
            SellerState::Committed { .. } if mutant::is(Mutant::VoteCreditedTwice) => {
                self.judge(context, payment, agreed, attachments)
            }
            SellerState::Aborted(abort) => Step::say(Message::Abort(abort.clone())),
            SellerState::Committed { claim, .. }
            | SellerState::Done { claim, .. }
            | SellerState::Redeemed { claim, .. }
            | SellerState::Lost { claim, .. } => {
                if claim.agreed.body == agreed.body {
                    return Step::say(Message::Commit(claim.commit.clone()));
                }
                let mut step =
                    self.contradicted(context, &claim.payer.body.key, tx, agreed.clone());
                if step.fault == Some(Fault::Contradiction) {
                    self.convict(context, &mut step, &claim.payer, [&agreed]);
                }
                step
            }
        }
    }

    fn judge(
        &self,
        context: &Context<'_>,
        payment: &SellerPayment,
        agreed: Signed<Agreed>,
        attachments: &[Attachment],
    ) -> Step {
        let is_payer =
            |payer: &&Payer| payer.checkpoint().body().wallet == payment.request.body.payer;
        let Some(payer) = context.payer.filter(is_payer) else {
            return Step::fault(Fault::WrongPayment);
        };
        let bytes = agreed.clone();
        let hash = agreed.hash(context.trust.office());
        let no = |fault| self.abort(context, payment, Some(hash), AbortReason::InvalidVote, fault);
        match verify_entry(context.trust, payer, agreed, attachments) {
            Err(EntryFault::Signature(_)) => Step::fault(Fault::Signature),
            // Given before the buyer renewed its purse, and lost then: nobody is to blame.
            Err(EntryFault::Checkpoint) => no(None),
            // The payer has met the office since this wallet did.
            Err(EntryFault::UnknownOfficeKey { .. }) => no(Some(Fault::UnknownOfficeKey)),
            Err(_) => no(Some(Fault::InvalidVote)),
            Ok(entry) => match self.vote_fault(context, payment, payer, &entry) {
                Some(VoteFault::Invalid) => no(Some(Fault::InvalidVote)),
                Some(VoteFault::Fork) => {
                    let mut step = no(Some(Fault::Contradiction));
                    let tx = bytes.body.tx;
                    step.records.insert(0, LogRecord::Evidence { tx, message: encode(&bytes) });
                    let shown = attachments.iter().filter_map(released);
                    let certificate = payer.certificate().signed();
                    self.convict(context, &mut step, certificate, shown.chain([&bytes]));
                    step
                }
                Some(VoteFault::OrderPaid) => {
                    self.abort(context, payment, Some(hash), AbortReason::OrderPaid, None)
                }
                None => self.commit(context, payer, &entry, attachments),
            },
        }
    }

    fn vote_fault(
        &self,
        context: &Context<'_>,
        payment: &SellerPayment,
        payer: &Payer,
        entry: &VerifiedEntry,
    ) -> Option<VoteFault> {
        let (terms, body) = (&payment.request.body, entry.agreed.body());
        let tx = body.tx;
        let agrees = body.request == payment.request.hash(context.trust.office())
            && body.amount == terms.amount
            && body.payee == context.me
            && body.refund_of == terms.refund_of
            && (body.redeem_by == terms.redeem_by || mutant::is(Mutant::RedeemByUnchecked));
        let least = context.today.plus(context.config.claim_time_min);
        let is_open = context.today <= payer.checkpoint().body().expires
            || mutant::is(Mutant::CheckpointExpiryIgnored);
        let dated = is_open && entry.redeem_by >= least;
        if !agrees || !dated || self.is_revoked(&terms.payer) {
            return Some(VoteFault::Invalid);
        }
        let is_taken = match self.orders_in.get(&terms.order_id) {
            Some(live) => *live != tx && !mutant::is(Mutant::OrderPaidTwice),
            None => !mutant::is(Mutant::TombstoneIgnored),
        };
        if is_taken {
            return Some(VoteFault::OrderPaid);
        }
        let mut to_me = body.amount;
        let heard = self.head_of(&terms.payer).filter(|_| !mutant::is(Mutant::HeadsNotCompared));
        let heard = heard.map(|head| (&head.body, head.hash(context.trust.office())));
        let own = (body, entry.agreed.hash());
        if heard.is_some_and(|heard| contradiction(own, heard).is_some()) {
            return Some(VoteFault::Fork);
        }
        for held in self.held_entries(body.checkpoint) {
            let shown = entry.released_entries.iter().map(|(agreed, hash)| (agreed, *hash));
            let own = [(body, entry.agreed.hash())];
            if own.into_iter().chain(shown).any(|this| contradiction(this, held).is_some()) {
                return Some(VoteFault::Fork);
            }
            to_me = to_me.saturating_add(held.0.amount);
        }
        let per_payee = payer.certificate().body().limits.per_payee;
        per_payee.is_some_and(|limit| to_me > limit).then_some(VoteFault::Invalid)
    }

    /// Entries of `checkpoint` that this seller holds.
    fn held_entries(&self, checkpoint: Hash) -> impl Iterator<Item = (&Agreed, Hash)> {
        self.seller
            .values()
            .filter_map(|payment| payment.state.claim())
            .filter(move |claim| claim.agreed.body.checkpoint == checkpoint)
            .map(|claim| (&claim.agreed.body, claim.commit.body.agreed))
    }

    /// Adds to `step` the fork proof that one of `entries`, which verify, makes with what is held.
    fn convict<'a>(
        &self,
        context: &Context<'_>,
        step: &mut Step,
        payer: &Signed<Certificate>,
        entries: impl IntoIterator<Item = &'a Signed<Agreed>>,
    ) {
        let known = self.board.forked.contains_key(&payer.body.wallet());
        let mut found = entries.into_iter().map(|it| self.fork_of(context.trust, payer, it));
        if let Some(proof) = found.find_map(|proof| proof).filter(|_| !known) {
            let forked = LogRecord::Forked { proof: Box::new(proof), from: None };
            step.events.extend(event_of(&forked));
            step.records.push(forked);
        }
    }

    pub(crate) fn is_revoked(&self, wallet: &WalletId) -> bool {
        (self
            .revocations
            .as_ref()
            .is_some_and(|list| list.body.wallets.binary_search(wallet).is_ok())
            || self.board.revoked.contains_key(wallet)
            || self.board.forked.contains_key(wallet))
            && !mutant::is(Mutant::RevocationIgnored)
    }

    fn commit(
        &self,
        context: &Context<'_>,
        payer: &Payer,
        entry: &VerifiedEntry,
        attachments: &[Attachment],
    ) -> Step {
        let agreed = &entry.agreed;
        let tx = agreed.body().tx;
        let open = self.purse.as_ref().filter(|purse| {
            let dated = context.today <= purse.checkpoint.body.expires;
            purse.closed.is_none() && dated && !self.frozen
        });
        let body = Commit {
            tx,
            payer: payer.checkpoint().body().wallet,
            payee: context.me,
            agreed: agreed.hash(),
            payee_checkpoint: open.map(|purse| purse.hash),
        };
        let commit = context.signer.sign(context.trust.office(), body).into_signed();
        let Ok(attachments) = List::new(attachments.to_vec()) else {
            return Step::fault(Fault::InvalidVote);
        };
        let claim = Box::new(Claim {
            payer: payer.certificate().signed().clone(),
            checkpoint: payer.checkpoint().signed().clone(),
            agreed: agreed.signed().clone(),
            attachments,
            commit: commit.clone(),
            committed: None,
        });
        let change = Change::credit(agreed.body().amount);
        let committed = LogRecord::SellerCommitted { tx, claim, change };
        Step::force_unless(Mutant::CommitNotForced, committed)
            .and_say(Message::Commit(commit))
            .and_tell(Event::Accepted { tx, claim_by: entry.redeem_by })
    }

    /// Decides to abort: forced, then said.
    pub(crate) fn abort(
        &self,
        context: &Context<'_>,
        payment: &SellerPayment,
        agreed: Option<Hash>,
        reason: AbortReason,
        fault: Option<Fault>,
    ) -> Step {
        let abort =
            sign_abort(context.signer, context.trust.office(), &payment.request, agreed, reason);
        let tx = abort.body.tx;
        let request = payment.request.clone();
        let aborted = LogRecord::SellerAborted { abort: abort.clone(), request };
        let mut step = Step::force_unless(Mutant::AbortNotForced, aborted)
            .and_tell(Event::NotPaid { tx, why: NotPaid::Aborted(reason) });
        step.say.push(Message::Abort(abort));
        step.fault = fault;
        step
    }

    /// REFUSED arrived.
    pub(crate) fn on_refused(&self, context: &Context<'_>, refused: Signed<Refused>) -> Step {
        let Some(payment) = self.seller.get(&refused.body.tx) else {
            return Step::fault(Fault::WrongPayment);
        };
        match payment.state {
            SellerState::Invited => {}
            SellerState::Committed { .. }
            | SellerState::Done { .. }
            | SellerState::Redeemed { .. }
            | SellerState::Lost { .. }
            | SellerState::Aborted(_) => return Step::nothing(),
        }
        let terms = &payment.request.body;
        let about = refused.body.request == payment.request.hash(context.trust.office())
            && refused.body.payer == terms.payer
            && context.certificate.body().wallet() == terms.payer;
        if !about {
            return Step::fault(Fault::WrongPayment);
        }
        let key = &context.certificate.body().key;
        let Ok(refused) = verify(context.trust.office(), key, refused) else {
            return Step::fault(Fault::Signature);
        };
        let reason = refused.body().reason;
        let mut step = self.abort(context, payment, None, AbortReason::Refused, None);
        // The buyer said no; it waits for nothing.
        step.say.clear();
        let tx = refused.body().tx;
        step.events = vec![Event::NotPaid { tx, why: NotPaid::Refused(reason) }];
        step
    }

    /// COMMITTED arrived.
    pub(crate) fn on_committed(&self, context: &Context<'_>, committed: Signed<Committed>) -> Step {
        let tx = committed.body.tx;
        let Some(payment) = self.seller.get(&tx) else {
            return Step::fault(Fault::WrongPayment);
        };
        let (claim, open) = match &payment.state {
            SellerState::Committed { claim, .. } => (claim, true),
            SellerState::Redeemed { claim, .. } | SellerState::Lost { claim, .. }
                if claim.committed.is_none() =>
            {
                (claim, false)
            }
            SellerState::Invited
            | SellerState::Done { .. }
            | SellerState::Redeemed { .. }
            | SellerState::Lost { .. }
            | SellerState::Aborted(_) => return Step::nothing(),
        };
        let (commit, office) = (&claim.commit, context.trust.office());
        let about = committed.body.agreed == commit.body.agreed
            && committed.body.commit == commit.hash(office)
            && committed.body.payer == commit.body.payer
            && committed.body.payee == commit.body.payee;
        if !about {
            return Step::fault(Fault::WrongPayment);
        }
        match verify(office, &claim.payer.body.key, committed) {
            Err(_) => Step::fault(Fault::Signature),
            Ok(committed) => {
                let step = Step::lazily(LogRecord::Done { committed: committed.into_signed() });
                if open { step.and_tell(Event::Acknowledged { tx }) } else { step }
            }
        }
    }

    /// The buyer asks what became of a payment of which this wallet is the payee.
    pub(crate) fn on_status_as_seller(
        &self,
        context: &Context<'_>,
        request: Signed<CommitRequest>,
        agreed: Option<Signed<Agreed>>,
        attachments: &[Attachment],
    ) -> Step {
        let tx = request.body.tx_id();
        match (self.seller.get(&tx), agreed) {
            (Some(_), Some(agreed)) => self.on_agreed(context, agreed, attachments),
            (Some(payment), None) => Step { say: payment.owes(), ..Step::nothing() },
            (None, agreed) => self.on_status_unknown(context, tx, request, agreed),
        }
    }

    fn on_status_unknown(
        &self,
        context: &Context<'_>,
        tx: TxId,
        request: Signed<CommitRequest>,
        agreed: Option<Signed<Agreed>>,
    ) -> Step {
        let office = context.trust.office();
        let epoch = self.certificate.as_ref().map(|certificate| certificate.body.epoch);
        let (of, number) = (request.body.epoch, request.body.number);
        let is_other = Some(of) != epoch && !mutant::is(Mutant::RestoredSellerAborts);
        if is_other || number <= self.floor {
            return Step::say(Message::Unknown(tx));
        }
        let agreed = agreed.map(|agreed| agreed.hash(office));
        let abort = sign_abort(context.signer, office, &request, agreed, AbortReason::Restarted);
        let aborted = LogRecord::SellerAborted { abort: abort.clone(), request };
        Step::force_unless(Mutant::AbortNotForced, aborted).and_say(Message::Abort(abort))
    }
}

impl SellerPayment {
    /// What the seller has to say about this payment at any time, from the record.
    pub(crate) fn owes(&self) -> Vec<Message> {
        match &self.state {
            SellerState::Invited => vec![Message::CommitRequest {
                request: self.request.clone(),
                order: self.order.clone(),
            }],
            SellerState::Committed { claim, .. }
            | SellerState::Done { claim, .. }
            | SellerState::Redeemed { claim, .. }
            | SellerState::Lost { claim, .. } => vec![Message::Commit(claim.commit.clone())],
            SellerState::Aborted(abort) => vec![Message::Abort(abort.clone())],
        }
    }
}

/// Why a vote whose signature and backing hold is not accepted here.
enum VoteFault {
    Invalid,
    Fork,
    OrderPaid,
}

/// The entry that a release gives back.
fn released(attachment: &Attachment) -> Option<&Signed<Agreed>> {
    if let Attachment::Release(release) = attachment { Some(&release.agreed) } else { None }
}

pub(crate) fn sign_abort(
    signer: &SigningKey,
    office: &OfficeId,
    request: &Signed<CommitRequest>,
    agreed: Option<Hash>,
    reason: AbortReason,
) -> Signed<Abort> {
    let subject = match agreed {
        Some(hash) => AbortSubject::Agreed(hash),
        None => AbortSubject::Request(request.hash(office)),
    };
    let body = Abort {
        tx: request.body.tx_id(),
        payer: request.body.payer,
        payee: request.body.payee,
        subject,
        reason,
    };
    signer.sign(office, body).into_signed()
}

/// The latest of the local calendar and what the office signed.
pub(crate) fn calendar(local: UnixSeconds, newest_issued: UnixSeconds) -> UnixSeconds {
    local.max(newest_issued)
}
