//! Payments back: what is left to give back of a payment, and to ask back (spec §6.7).
//!
//! Both wallets count for themselves, each from its own records, so that neither needs the other or
//! the office to refuse what is too much. Of erased records the sums stay for as long as the first
//! payment is known.

use onehop_wire::domain::hash_of;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Claim, CommitRequest, Money, TxId, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::event::Terms;
use crate::payment::{BuyerPayment, BuyerState, SellerPayment, SellerState};
use crate::refusal::Refusal;
use crate::state::State;

/// Sixteen bytes that stand for a payment whose record is erased: which way it went, its id and the
/// other wallet. A shop has many of them at once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct PastMark([u8; 16]);

impl PastMark {
    fn of(received: bool, tx: &TxId, other: &WalletId) -> Self {
        let way = [u8::from(received)];
        let hash = hash_of("past-mark", &[&way, tx.as_bytes(), other.as_bytes()]);
        let mut first = [0; 16];
        for (to, from) in first.iter_mut().zip(hash.as_bytes()) {
            *to = *from;
        }
        Self(first)
    }
}

/// A payment that happened and whose record is erased, as far as a refund of it needs it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Past {
    /// Minor units.
    pub(crate) amount: u64,
    /// Until when it stays known: its date to claim.
    pub(crate) until: UnixSeconds,
}

impl State {
    /// That this wallet, which would pay, owes as much of the payment that `terms` gives back.
    ///
    /// # Errors
    /// [`Refusal::Refund`] with what is left.
    pub(crate) fn may_give_back(&self, terms: &CommitRequest) -> Result<(), Refusal> {
        let Some(of) = &terms.refund_of else {
            return Ok(());
        };
        let first = self.received_from(of, &terms.payee).unwrap_or(0);
        let left = first.saturating_sub(self.given_back(of));
        if terms.amount > left && !mutant::is(Mutant::RefundUnchecked) {
            let left = Money::new(left, terms.currency);
            return Err(Refusal::Refund { asked: terms.money(), left });
        }
        Ok(())
    }

    /// That this wallet, which would be paid, may ask `from` for so much of a payment back.
    ///
    /// # Errors
    /// [`Refusal::NotRefundable`] if it made no such payment to that wallet or does not know it any
    /// more; [`Refusal::Refund`] with what is left.
    pub(crate) fn may_ask_back(&self, terms: &Terms, from: &WalletId) -> Result<(), Refusal> {
        let Some(of) = &terms.refund_of else {
            return Ok(());
        };
        let first = self.paid_to(of, from).ok_or(Refusal::NotRefundable { tx: *of })?;
        let left = first.saturating_sub(self.asked_back(of));
        if terms.amount.minor() > left {
            let left = Money::new(left, terms.amount.currency());
            return Err(Refusal::Refund { asked: terms.amount, left });
        }
        Ok(())
    }

    /// Minor units of a payment that this wallet received from `payer`.
    pub(crate) fn received_from(&self, of: &TxId, payer: &WalletId) -> Option<u64> {
        if let Some(payment) = self.seller.get(of) {
            let terms = &payment.request.body;
            return match payment.state {
                SellerState::Committed { .. }
                | SellerState::Done { .. }
                | SellerState::Redeemed { .. } => Some(terms.amount),
                SellerState::Invited | SellerState::Lost { .. } | SellerState::Aborted(_) => None,
            }
            .filter(|_| terms.payer == *payer);
        }
        self.past.get(&PastMark::of(true, of, payer)).map(|past| past.amount)
    }

    /// Minor units of a payment that this wallet made to `payee`.
    fn paid_to(&self, of: &TxId, payee: &WalletId) -> Option<u64> {
        if let Some(payment) = self.buyer.get(of) {
            let terms = &payment.request.body;
            return Some(terms.amount).filter(|_| is_paid(&payment.state) && terms.payee == *payee);
        }
        self.past.get(&PastMark::of(false, of, payee)).map(|past| past.amount)
    }

    /// Sum of this wallet's refunds of a payment that it received.
    fn given_back(&self, of: &TxId) -> u64 {
        let erased = self.refunds_past.get(of).map_or(0, |past| past.amount);
        let refunds = self.buyer.iter().filter(|(tx, payment)| {
            payment.request.body.refund_of == Some(*of) && self.counts_as_given(tx, payment)
        });
        refunds.fold(erased, |sum, (_, refund)| sum.saturating_add(refund.request.body.amount))
    }

    /// Sum of the refunds that this wallet got of a payment that it made, or asks for.
    fn asked_back(&self, of: &TxId) -> u64 {
        let erased = self.refunds_past.get(of).map_or(0, |past| past.amount);
        let refunds = self.seller.values().filter(|payment| {
            payment.request.body.refund_of == Some(*of) && counts_as_asked(payment)
        });
        refunds.fold(erased, |sum, refund| sum.saturating_add(refund.request.body.amount))
    }

    /// What was aborted after its purse was closed counts until the office has said VOID: it may
    /// have heard of the payee's COMMIT and not of the ABORT.
    pub(crate) fn counts_as_given(&self, tx: &TxId, payment: &BuyerPayment) -> bool {
        match payment.state {
            BuyerState::Prepared(_) | BuyerState::Committed { .. } | BuyerState::Settled { .. } => {
                true
            }
            BuyerState::Aborted { .. } => {
                self.returning.get(tx).is_some_and(|returning| !returning.decided)
            }
            BuyerState::Refused(_) | BuyerState::Voided { .. } => false,
        }
    }

    /// True if a refund of this payment, which was made, waits for the office: it may have to be
    /// shown the payment's evidence.
    pub(crate) fn has_open_refund(&self, of: &TxId) -> bool {
        self.seller.values().any(|payment| {
            payment.request.body.refund_of == Some(*of)
                && match payment.state {
                    SellerState::Invited
                    | SellerState::Committed { .. }
                    | SellerState::Done { .. } => true,
                    SellerState::Redeemed { .. }
                    | SellerState::Lost { .. }
                    | SellerState::Aborted(_) => false,
                }
        })
    }

    /// The evidence of payments made of which this wallet has refunds to claim.
    pub(crate) fn first_claims(&self) -> Vec<Claim> {
        let is_first = |tx: &TxId| self.has_open_refund(tx);
        let firsts = self.buyer.iter().filter(|(tx, _)| is_first(tx));
        firsts.filter_map(|(_, payment)| self.claim_as_buyer(payment)).collect()
    }

    /// What is kept of a payment made whose record is erased.
    pub(crate) fn retire_bought(&mut self, tx: &TxId, payment: &BuyerPayment) {
        let terms = &payment.request.body;
        let is_told = !self.untold.remove(tx);
        if is_paid(&payment.state) && is_told {
            let (amount, until) = (terms.amount, terms.redeem_by);
            self.past.insert(PastMark::of(false, tx, &terms.payee), Past { amount, until });
        }
        if self.counts_as_given(tx, payment) {
            self.retire_refund(terms, true, &terms.payee);
        }
    }

    /// What is kept of a payment received whose record is erased.
    pub(crate) fn retire_sold(&mut self, tx: &TxId, payment: &SellerPayment) {
        let terms = &payment.request.body;
        if matches!(payment.state, SellerState::Redeemed { .. }) {
            let (amount, until) = (terms.amount, terms.redeem_by);
            self.past.insert(PastMark::of(true, tx, &terms.payer), Past { amount, until });
        }
        if counts_as_asked(payment) {
            self.retire_refund(terms, false, &terms.payer);
        }
    }

    /// Adds a refund to the sum of those of the same payment, which was `received` from `other` or
    /// made to it, and keeps that sum for as long as the payment can be known.
    fn retire_refund(&mut self, terms: &CommitRequest, received: bool, other: &WalletId) {
        let Some(of) = terms.refund_of else {
            return;
        };
        let live = self.seller.get(&of).map(|first| first.request.body.redeem_by);
        let live = live.or_else(|| self.buyer.get(&of).map(|first| first.request.body.redeem_by));
        let past = self.past.get(&PastMark::of(received, &of, other)).map(|first| first.until);
        let until = live.or(past).unwrap_or(terms.redeem_by);
        let sum = self.refunds_past.entry(of).or_insert(Past { amount: 0, until });
        sum.amount = sum.amount.saturating_add(terms.amount);
        sum.until = sum.until.max(until);
    }

    /// Sums of refunds stay as long as the payment they are of.
    pub(crate) fn forget_refunds(&mut self, today: UnixSeconds) {
        let (buyer, seller) = (&self.buyer, &self.seller);
        self.refunds_past.retain(|of, sum| {
            sum.until >= today || buyer.contains_key(of) || seller.contains_key(of)
        });
    }
}

/// True if the payee has the money, or will.
fn is_paid(state: &BuyerState) -> bool {
    match state {
        BuyerState::Committed { .. } => true,
        BuyerState::Settled { outcome, .. } => outcome.body.kind == OutcomeKind::Paid,
        BuyerState::Refused(_)
        | BuyerState::Prepared(_)
        | BuyerState::Aborted { .. }
        | BuyerState::Voided { .. } => false,
    }
}

/// A refund that the office disputed counts: its payer counts it too.
fn counts_as_asked(payment: &SellerPayment) -> bool {
    match &payment.state {
        SellerState::Invited
        | SellerState::Committed { .. }
        | SellerState::Done { .. }
        | SellerState::Redeemed { .. } => true,
        SellerState::Lost { outcome, .. } => outcome.body.kind != OutcomeKind::Void,
        SellerState::Aborted(_) => false,
    }
}
