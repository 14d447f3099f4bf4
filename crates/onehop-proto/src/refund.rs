//! Payments back: what is left to give back of a payment, and to ask back (spec §6.7).
//!
//! Both wallets count for themselves, each from its own records, so that neither needs the other or
//! the office to refuse what is too much. Of erased records the sums stay for as long as the first
//! payment is known.

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Claim, CommitRequest, Money, TxId, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::event::Terms;
use crate::payment::{BuyerPayment, BuyerState, SellerPayment, SellerState};
use crate::refusal::Refusal;
use crate::state::State;

/// A payment that happened and whose record is erased, as far as a refund of it needs it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Past {
    /// True if this wallet was paid.
    pub(crate) received: bool,
    /// The other wallet.
    pub(crate) other: WalletId,
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
        let past = self.past.get(of).filter(|past| past.received && past.other == *payer);
        past.map(|past| past.amount)
    }

    /// Minor units of a payment that this wallet made to `payee`.
    fn paid_to(&self, of: &TxId, payee: &WalletId) -> Option<u64> {
        if let Some(payment) = self.buyer.get(of) {
            let terms = &payment.request.body;
            return Some(terms.amount).filter(|_| is_paid(&payment.state) && terms.payee == *payee);
        }
        let past = self.past.get(of).filter(|past| !past.received && past.other == *payee);
        past.map(|past| past.amount)
    }

    /// Sum of this wallet's refunds of a payment that it received.
    fn given_back(&self, of: &TxId) -> u64 {
        let erased = self.refunds_past.get(of).copied().unwrap_or(0);
        let refunds = self.buyer.iter().filter(|(tx, payment)| {
            payment.request.body.refund_of == Some(*of) && self.counts_as_given(tx, payment)
        });
        refunds.fold(erased, |sum, (_, refund)| sum.saturating_add(refund.request.body.amount))
    }

    /// Sum of the refunds that this wallet got of a payment that it made, or asks for.
    fn asked_back(&self, of: &TxId) -> u64 {
        let erased = self.refunds_past.get(of).copied().unwrap_or(0);
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
            self.past.insert(*tx, Past { received: false, other: terms.payee, amount, until });
        }
        if self.counts_as_given(tx, payment) {
            self.retire_refund(terms);
        }
    }

    /// What is kept of a payment received whose record is erased.
    pub(crate) fn retire_sold(&mut self, tx: &TxId, payment: &SellerPayment) {
        let terms = &payment.request.body;
        if matches!(payment.state, SellerState::Redeemed { .. }) {
            let (amount, until) = (terms.amount, terms.redeem_by);
            self.past.insert(*tx, Past { received: true, other: terms.payer, amount, until });
        }
        if counts_as_asked(payment) {
            self.retire_refund(terms);
        }
    }

    fn retire_refund(&mut self, terms: &CommitRequest) {
        if let Some(of) = terms.refund_of {
            let sum = self.refunds_past.entry(of).or_insert(0);
            *sum = sum.saturating_add(terms.amount);
        }
    }

    /// Sums of refunds stay as long as the payment they are of.
    pub(crate) fn forget_refunds(&mut self) {
        let (buyer, seller, past) = (&self.buyer, &self.seller, &self.past);
        self.refunds_past.retain(|of, _| {
            buyer.contains_key(of) || seller.contains_key(of) || past.contains_key(of)
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
