//! The durable state of a wallet. [`State::apply`] is the only code that changes it.

use std::collections::{BTreeMap, BTreeSet};

use onehop_crypto::Trust;
use onehop_wire::domain::{Statement as _, hash_of};
use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{
    Enrol, EnrolAnswer, NewRoot, OfficeInfo, Outcome, OutcomeKind, Revocations, Transfer,
};
use onehop_wire::{
    Abort, Certificate, Checkpoint, Claim, Commit, CommitRequest, Committed, Hash, Head, OfficeId,
    OfficeKey, OrderId, Refused, Released, Signed, Text, TxId, UnixSeconds, WalletId, encode,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::config::{EVIDENCE_MAX, SEEN_MAX};
use crate::news::board::Board;
use crate::payment::{BuyerPayment, BuyerState, SellerPayment, SellerState, Vote};
use crate::purse::Purse;
use crate::record::{Change, Image, LogRecord, Renewal};
use crate::refund::{Past, PastMark};

/// Version of the snapshot and record format.
pub const FORMAT: u32 = 1;

/// Secret key bytes as they lie in the log. They wipe themselves.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secrets {
    pub(crate) signing_seed: [u8; 32],
    pub(crate) mail_secret: [u8; 32],
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// Money that comes back through the office because its checkpoint is closed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Returning {
    pub(crate) amount: u64,
    /// True once the office has said VOID: the next purse contains it.
    pub(crate) decided: bool,
}

/// A record does not fit the state before it. Only damage or another program's log can cause it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Misfit;

/// Everything that survives a restart.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct State {
    pub(crate) secrets: Option<Secrets>,
    pub(crate) trust: Option<Trust>,
    pub(crate) enrol: Option<Signed<Enrol>>,
    pub(crate) certificate: Option<Signed<Certificate>>,
    pub(crate) purse: Option<Purse>,
    pub(crate) old_purses: BTreeMap<Hash, (Signed<Certificate>, Signed<Checkpoint>)>,
    pub(crate) frozen: bool,
    /// Sum of the amounts of all PREPARED payments.
    pub(crate) hold: u64,
    /// Sum of the amounts of all COMMITTED and DONE payments as a seller.
    pub(crate) received: u64,
    pub(crate) returning: BTreeMap<TxId, Returning>,
    /// Received money that was spent on under closed purses, until the office has counted it.
    pub(crate) spent_on: u64,
    /// Received money that the office has paid and the next purse will contain.
    pub(crate) incoming: u64,
    /// Number of the last COMMIT-REQUEST.
    pub(crate) number: u64,
    /// Highest request number ever erased.
    pub(crate) floor: u64,
    pub(crate) newest_issued: UnixSeconds,
    pub(crate) buyer: BTreeMap<TxId, BuyerPayment>,
    pub(crate) seller: BTreeMap<TxId, SellerPayment>,
    /// Orders in doubt or paid, as a buyer.
    pub(crate) orders_out: BTreeMap<(WalletId, OrderId), TxId>,
    /// Orders under way or paid, as a seller.
    pub(crate) orders_in: BTreeMap<OrderId, TxId>,
    /// Paid orders whose payments were erased, by the first eight bytes of a hash, and until when
    /// they stay marked.
    pub(crate) orders_past: BTreeMap<u64, UnixSeconds>,
    /// Payments that happened and whose records are erased, as far as refunds need them.
    pub(crate) past: BTreeMap<PastMark, Past>,
    /// Sums of refunds whose records are erased, by the payment that they are of.
    pub(crate) refunds_past: BTreeMap<TxId, Past>,
    /// Payments made that no SYNC and no OUTCOME has told the office to be paid.
    pub(crate) untold: BTreeSet<TxId>,
    pub(crate) seen: BTreeMap<WalletId, (u32, u32)>,
    pub(crate) revocations: Option<Signed<Revocations>>,
    pub(crate) evidence: Vec<(TxId, Vec<u8>)>,
    /// What was heard, and what was told.
    pub(crate) board: Board,
}

impl State {
    /// Changes the state as `record` says.
    ///
    /// # Errors
    /// [`Misfit`] if the record cannot follow this state. The state is then not to be used.
    pub fn apply(&mut self, record: &LogRecord) -> Result<(), Misfit> {
        match record {
            LogRecord::Born { signing_seed, mail_secret, office } => {
                self.born(*signing_seed, *mail_secret, office)
            }
            LogRecord::EnrolSigned(enrol) => {
                self.enrol = Some(enrol.clone());
                Ok(())
            }
            LogRecord::Enrolled(answer) => self.enrolled(answer),
            LogRecord::OfficeKeySeen(key) => self.know_key(key),
            LogRecord::Closed(sync) => {
                self.purse.as_mut().ok_or(Misfit)?.closed = Some(sync.clone());
                Ok(())
            }
            LogRecord::Renewed(renewal) => self.renew(renewal),
            LogRecord::Seen { wallet, epoch, number } => {
                if self.seen.len() < SEEN_MAX || self.seen.contains_key(wallet) {
                    self.seen.insert(*wallet, (*epoch, *number));
                }
                Ok(())
            }
            LogRecord::Frozen => {
                self.frozen = true;
                Ok(())
            }
            LogRecord::NumbersFrom(number) => {
                self.number = self.number.max(*number);
                Ok(())
            }
            LogRecord::Invited { request, order, payer, at } => {
                self.invited(request, order, payer, *at);
                Ok(())
            }
            LogRecord::SellerCommitted { tx, claim, change } => {
                self.seller_committed(tx, claim, change)
            }
            LogRecord::SellerAborted { abort, request } => {
                self.seller_aborted(abort, request);
                Ok(())
            }
            LogRecord::Done { committed } => self.seller_done(committed),
            LogRecord::Redeemed(outcome) => self.seller_settled(outcome, true),
            LogRecord::Lost(outcome) => self.seller_settled(outcome, false),
            LogRecord::Refused { refused, request, payee, at } => {
                self.refused(refused, request, payee, *at);
                Ok(())
            }
            LogRecord::Prepared { agreed, attachments, request, order, payee, change, at } => {
                let (agreed, attachments) = (agreed.clone(), attachments.clone());
                let vote = Vote { agreed, attachments, change: *change };
                let (request, order, payee) = (request.clone(), order.clone(), payee.clone());
                let state = BuyerState::Prepared(vote);
                self.prepared(BuyerPayment { request, order, payee, at: *at, state })
            }
            LogRecord::BuyerCommitted { commit, committed } => {
                self.buyer_committed(commit, committed)
            }
            LogRecord::BuyerAborted { abort, released } => self.buyer_aborted(abort, released),
            LogRecord::BuyerSettled(outcome) => self.buyer_settled(outcome),
            LogRecord::Evidence { tx, message } => self.keep_message(tx, message),
            LogRecord::NewRootSeen(root) => self.know_root(root),
            LogRecord::Revoked { .. }
            | LogRecord::Forked { .. }
            | LogRecord::HeadHeard(_)
            | LogRecord::Told { .. } => {
                self.board.apply(record);
                Ok(())
            }
        }
    }

    /// The office, once the wallet knows one.
    #[must_use]
    pub fn office(&self) -> Option<&OfficeId> {
        self.trust.as_ref().map(Trust::office)
    }

    /// The purse, once the wallet is enrolled.
    #[must_use]
    pub const fn purse(&self) -> Option<&Purse> {
        self.purse.as_ref()
    }

    /// The certificate, once the wallet is enrolled.
    #[must_use]
    pub const fn certificate(&self) -> Option<&Signed<Certificate>> {
        self.certificate.as_ref()
    }

    /// The office's signing key of this number, if it is known.
    #[must_use]
    pub fn office_key(&self, number: u32) -> Option<&Signed<OfficeKey>> {
        self.trust.as_ref()?.key(number)
    }

    /// True if the wallet may sign nothing until the office renews its epoch.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// Contradictory statements kept for the office: the payment and the message's bytes.
    #[must_use]
    pub fn evidence(&self) -> &[(TxId, Vec<u8>)] {
        &self.evidence
    }

    /// This wallet's id, once it is certified.
    #[must_use]
    pub fn wallet(&self) -> Option<WalletId> {
        self.certificate.as_ref().map(|certificate| certificate.body.wallet())
    }

    fn office_or_misfit(&self) -> Result<OfficeId, Misfit> {
        self.office().copied().ok_or(Misfit)
    }

    fn born(
        &mut self,
        signing_seed: [u8; 32],
        mail_secret: [u8; 32],
        office: &OfficeInfo,
    ) -> Result<(), Misfit> {
        if self.secrets.is_some() {
            return Err(Misfit);
        }
        self.trust = Some(Trust::from_info(office, None).map_err(|_| Misfit)?);
        self.secrets = Some(Secrets { signing_seed, mail_secret });
        Ok(())
    }

    fn enrolled(&mut self, answer: &EnrolAnswer) -> Result<(), Misfit> {
        for root in &answer.new_roots {
            self.know_root(root)?;
        }
        self.know_key(&answer.office_key)?;
        self.certificate = Some(answer.certificate.clone());
        // Of a restored wallet this is a new epoch, in which it counts its requests anew.
        (self.frozen, self.number, self.floor) = (false, 0, 0);
        self.open_purse(&answer.checkpoint)
    }

    fn keep_message(&mut self, tx: &TxId, message: &[u8]) -> Result<(), Misfit> {
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push((*tx, message.to_vec()));
        }
        Ok(())
    }

    fn know_key(&mut self, key: &Signed<OfficeKey>) -> Result<(), Misfit> {
        self.trust.as_mut().ok_or(Misfit)?.add_key(key.clone()).map_err(|_| Misfit)
    }

    fn know_root(&mut self, root: &Signed<NewRoot>) -> Result<(), Misfit> {
        self.trust.as_mut().ok_or(Misfit)?.add_root(root.clone()).map_err(|_| Misfit)
    }

    fn open_purse(&mut self, checkpoint: &Signed<Checkpoint>) -> Result<(), Misfit> {
        let hash = checkpoint.hash(&self.office_or_misfit()?);
        self.newest_issued = self.newest_issued.max(checkpoint.body.issued);
        self.purse = Some(Purse::open(checkpoint.clone(), hash));
        Ok(())
    }

    fn renew(&mut self, renewal: &Renewal) -> Result<(), Misfit> {
        for root in &renewal.new_roots {
            self.know_root(root)?;
        }
        for key in &renewal.office_keys {
            self.know_key(key)?;
        }
        let certificate = self.certificate.replace(renewal.certificate.clone()).ok_or(Misfit)?;
        if renewal.certificate.body.epoch > certificate.body.epoch {
            self.frozen = false;
        }
        let old = self.purse.take().ok_or(Misfit)?;
        self.spent_on = self.still_spent_on(&old, renewal);
        self.incoming = 0;
        self.old_purses.insert(old.hash, (certificate, old.checkpoint));
        // What the office decided before it signed this purse is part of its balance.
        self.returning.retain(|_, returning| !returning.decided);
        let number = renewal.revocations.body.number;
        if self.revocations.as_ref().is_none_or(|list| list.body.number <= number) {
            self.revocations = Some(renewal.revocations.clone());
        }
        self.board.list(number);
        for delta in &renewal.deltas {
            self.board.delta(delta, None);
        }
        self.open_purse(&renewal.checkpoint)
    }

    /// What the purses so far lack of what was spent out of them, less what came in since.
    fn still_spent_on(&self, old: &Purse, renewal: &Renewal) -> u64 {
        let decided = self.returning.values().filter(|returning| returning.decided);
        let back = decided.fold(0u64, |sum, returning| sum.saturating_add(returning.amount));
        // While anything is lacking the next purse is empty but for what was charged, and nothing
        // can be withdrawn from it.
        let balance = renewal.checkpoint.body.balance;
        let charged = match old.closed.as_ref().map(|sync| sync.body.transfer) {
            Some(Transfer::Charge(sum)) if balance >= sum => sum,
            Some(Transfer::Charge(_) | Transfer::Withdraw(_) | Transfer::None) | None => 0,
        };
        let had = old
            .own()
            .saturating_add(i128::from(charged))
            .saturating_add(i128::from(self.incoming))
            .saturating_add(i128::from(back));
        let left =
            i128::from(self.spent_on).saturating_add(i128::from(balance)).saturating_sub(had);
        // More than that the purses never lacked: the rest of the balance is what a purse from
        // before a restore gives back.
        let most = i128::from(self.spent_on).saturating_sub(old.own().min(0));
        u64::try_from(left.clamp(0, most)).unwrap_or(u64::MAX)
    }

    fn invited(
        &mut self,
        request: &Signed<CommitRequest>,
        order: &Text<ORDER_TEXT_MAX>,
        payer: &Signed<Certificate>,
        at: UnixSeconds,
    ) {
        let tx = request.body.tx_id();
        self.number = self.number.max(request.body.number);
        self.orders_in.insert(request.body.order_id.clone(), tx);
        let (request, order, payer) = (request.clone(), order.clone(), Some(payer.clone()));
        let payment = SellerPayment { request, order, payer, at, state: SellerState::Invited };
        self.seller.insert(tx, payment);
    }

    fn seller_committed(
        &mut self,
        tx: &TxId,
        claim: &Claim,
        change: &Change,
    ) -> Result<(), Misfit> {
        let names = claim.commit.body.payee_checkpoint;
        if let Some(purse) = self.purse.as_mut().filter(|purse| names == Some(purse.hash)) {
            purse.cum_in = purse.cum_in.saturating_add(claim.agreed.body.amount);
        }
        self.carry_out(&change.redo)?;
        self.board.head(Head {
            payer: claim.payer.clone(),
            checkpoint: claim.checkpoint.clone(),
            agreed: claim.agreed.clone(),
        });
        self.seller.get_mut(tx).ok_or(Misfit)?.state =
            SellerState::Committed { claim: Box::new(claim.clone()), change: *change };
        Ok(())
    }

    fn seller_aborted(&mut self, abort: &Signed<Abort>, request: &Signed<CommitRequest>) {
        let tx = abort.body.tx;
        if self.orders_in.get(&request.body.order_id) == Some(&tx) {
            self.orders_in.remove(&request.body.order_id);
        }
        let unknown = || SellerPayment {
            request: request.clone(),
            order: Text::default(),
            payer: None,
            at: self.newest_issued,
            state: SellerState::Invited,
        };
        self.seller.entry(tx).or_insert_with(unknown).state = SellerState::Aborted(abort.clone());
    }

    fn seller_done(&mut self, committed: &Signed<Committed>) -> Result<(), Misfit> {
        let tx = committed.body.tx;
        let payment = self.seller.get_mut(&tx).ok_or(Misfit)?;
        let (mut claim, change) = match &mut payment.state {
            SellerState::Committed { claim, change } => (claim.clone(), *change),
            SellerState::Redeemed { claim, .. } | SellerState::Lost { claim, .. } => {
                claim.committed = Some(committed.clone());
                return Ok(());
            }
            SellerState::Invited | SellerState::Done { .. } | SellerState::Aborted(_) => {
                return Err(Misfit);
            }
        };
        claim.committed = Some(committed.clone());
        let names = claim.commit.body.payee_checkpoint;
        payment.state = SellerState::Done { claim, change };
        if let Some(purse) = self.purse.as_mut().filter(|purse| names == Some(purse.hash)) {
            purse.receipts.push(tx);
        }
        if mutant::is(Mutant::ErasedAfterAck) {
            self.seller.remove(&tx);
        }
        Ok(())
    }

    fn seller_settled(&mut self, outcome: &Signed<Outcome>, paid: bool) -> Result<(), Misfit> {
        let tx = outcome.body.tx;
        let payment = self.seller.get_mut(&tx).ok_or(Misfit)?;
        let (SellerState::Committed { claim, change } | SellerState::Done { claim, change }) =
            &payment.state
        else {
            return Err(Misfit);
        };
        let (claim, change, outcome) = (claim.clone(), *change, outcome.clone());
        if paid && claim.commit.body.payee_checkpoint.is_some() {
            self.incoming = self.incoming.saturating_add(claim.agreed.body.amount);
        }
        payment.state = if paid {
            SellerState::Redeemed { claim, outcome }
        } else {
            SellerState::Lost { claim, outcome }
        };
        if let Some(purse) = &mut self.purse {
            purse.receipts.retain(|receipt| *receipt != tx);
        }
        // Either way it is no longer unsettled: it is in the next purse, or gone.
        self.carry_out(&change.undo)
    }

    fn refused(
        &mut self,
        refused: &Signed<Refused>,
        request: &Signed<CommitRequest>,
        payee: &Signed<Certificate>,
        at: UnixSeconds,
    ) {
        let (request, payee) = (request.clone(), payee.clone());
        let (order, state) = (Text::default(), BuyerState::Refused(refused.clone()));
        let payment = BuyerPayment { request, order, payee, at, state };
        self.buyer.insert(refused.body.tx, payment);
    }

    fn buyer_committed(
        &mut self,
        commit: &Signed<Commit>,
        committed: &Signed<Committed>,
    ) -> Result<(), Misfit> {
        let tx = commit.body.tx;
        let vote = if let Some(BuyerState::Settled { vote, outcome }) =
            self.buyer.get(&tx).map(|payment| &payment.state)
        {
            if outcome.body.kind != OutcomeKind::Paid {
                self.untold.insert(tx);
            }
            // The office's word has redone it already.
            vote.clone()
        } else {
            let vote = self.take_prepared(&tx)?;
            self.carry_out(&vote.change.redo)?;
            let at = vote.agreed.body.checkpoint;
            let open = self.purse.as_ref().filter(|purse| purse.hash == at);
            if open.is_none_or(|purse| purse.closed.is_some()) {
                // Its SYNC is signed and said that it was in doubt.
                self.untold.insert(tx);
            }
            vote
        };
        let (commit, committed) = (commit.clone(), committed.clone());
        self.set_buyer(&tx, BuyerState::Committed { vote, commit, committed });
        Ok(())
    }

    fn buyer_aborted(
        &mut self,
        abort: &Signed<Abort>,
        released: &Signed<Released>,
    ) -> Result<(), Misfit> {
        let tx = abort.body.tx;
        let vote = self.take_prepared(&tx)?;
        self.undo(&tx, &vote, false)?;
        let (abort, released) = (abort.clone(), released.clone());
        self.set_buyer(&tx, BuyerState::Aborted { vote, abort, released });
        Ok(())
    }

    fn prepared(&mut self, payment: BuyerPayment) -> Result<(), Misfit> {
        let office = self.office_or_misfit()?;
        let vote = payment.state.vote().ok_or(Misfit)?;
        let entry = &vote.agreed.body;
        let purse = self.purse.as_mut().ok_or(Misfit)?;
        let next = purse.seq.checked_add(1) == Some(entry.seq) && purse.head == entry.prev;
        let sum = purse.cum_out.checked_add(entry.amount) == Some(entry.cum_out);
        if !next || !sum || purse.hash != entry.checkpoint || purse.is_closed() {
            return Err(Misfit);
        }
        purse.seq = entry.seq;
        purse.head = entry.hash(&office);
        purse.cum_out = entry.cum_out;
        self.hold = self.hold.checked_add(entry.amount).ok_or(Misfit)?;
        let order = (payment.request.body.payee, payment.request.body.order_id.clone());
        self.orders_out.insert(order, entry.tx);
        self.buyer.insert(entry.tx, payment);
        Ok(())
    }

    fn take_prepared(&self, tx: &TxId) -> Result<Vote, Misfit> {
        match &self.buyer.get(tx).ok_or(Misfit)?.state {
            BuyerState::Prepared(vote) => Ok(vote.clone()),
            BuyerState::Refused(_)
            | BuyerState::Committed { .. }
            | BuyerState::Aborted { .. }
            | BuyerState::Settled { .. }
            | BuyerState::Voided { .. } => Err(Misfit),
        }
    }

    fn set_buyer(&mut self, tx: &TxId, state: BuyerState) {
        if let Some(payment) = self.buyer.get_mut(tx) {
            payment.state = state;
        }
    }

    /// Ends a hold in the payer's favour. A release counts only inside the checkpoint that its
    /// entry names; of a closed one it comes back through the office.
    fn undo(&mut self, tx: &TxId, vote: &Vote, decided: bool) -> Result<(), Misfit> {
        let amount = vote.agreed.body.amount;
        if let Some(payment) = self.buyer.get(tx) {
            let terms = &payment.request.body;
            self.orders_out.remove(&(terms.payee, terms.order_id.clone()));
        }
        match self.purse.as_mut().filter(|purse| purse.hash == vote.agreed.body.checkpoint) {
            Some(purse) if mutant::is(Mutant::UndoRewindsHead) => {
                purse.seq = purse.seq.saturating_sub(1);
                purse.head = vote.agreed.body.prev;
                purse.cum_out = purse.cum_out.saturating_sub(amount);
                self.carry_out(&Image { back_more: 0, ..vote.change.undo })
            }
            Some(purse) => {
                purse.releases.push(*tx);
                self.carry_out(&vote.change.undo)
            }
            None if mutant::is(Mutant::ReleaseIntoNewCheckpoint) => {
                self.returning.insert(*tx, Returning { amount, decided });
                self.carry_out(&vote.change.undo)
            }
            None => {
                // What a purse from before a restore held comes back with its rest, in one sum.
                if !self.is_before_restore(&vote.agreed.body.checkpoint) {
                    self.returning.insert(*tx, Returning { amount, decided });
                }
                self.carry_out(&Image { back_more: 0, ..vote.change.undo })
            }
        }
    }

    fn buyer_settled(&mut self, outcome: &Signed<Outcome>) -> Result<(), Misfit> {
        let tx = outcome.body.tx;
        let void = match outcome.body.kind {
            OutcomeKind::Void => true,
            OutcomeKind::Paid | OutcomeKind::Disputed(_) => false,
        };
        let aborted = matches!(
            self.buyer.get(&tx).map(|payment| &payment.state),
            Some(BuyerState::Aborted { .. })
        );
        if aborted {
            if let Some(returning) = self.returning.get_mut(&tx) {
                returning.decided = true;
            }
            return Ok(());
        }
        let vote = self.take_prepared(&tx)?;
        let outcome = outcome.clone();
        if void {
            self.undo(&tx, &vote, true)?;
            self.set_buyer(&tx, BuyerState::Voided { vote, outcome });
        } else {
            self.carry_out(&vote.change.redo)?;
            self.set_buyer(&tx, BuyerState::Settled { vote, outcome });
        }
        Ok(())
    }

    fn carry_out(&mut self, image: &Image) -> Result<(), Misfit> {
        self.hold = self.hold.checked_sub(image.hold_less).ok_or(Misfit)?;
        let received = self.received.checked_add(image.received_more).ok_or(Misfit)?;
        self.received = received.checked_sub(image.received_less).ok_or(Misfit)?;
        if let Some(purse) = &mut self.purse {
            purse.cum_back = purse.cum_back.checked_add(image.back_more).ok_or(Misfit)?;
        }
        Ok(())
    }
}

/// Eight bytes that stand for an order once its payment is erased.
pub(crate) fn order_mark(payee: &WalletId, order: &OrderId) -> u64 {
    let hash = hash_of("order-mark", &[payee.as_bytes(), &encode(order)]);
    let mut first = [0u8; 8];
    for (to, from) in first.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}
