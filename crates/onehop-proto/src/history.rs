//! A payment as a person looks at it, and as it is archived.

use onehop_wire::evidence::{Claim, ReceiptFile};
use onehop_wire::{Certificate, List, Money, Signed, TxId, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::payment::{BuyerPayment, BuyerState, SellerPayment, SellerState};
use crate::state::State;

/// Which way money went.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Direction {
    /// This wallet paid.
    Out,
    /// This wallet was paid.
    In,
}

/// What a person must know about a payment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Standing {
    /// It happened.
    Paid,
    /// It did not.
    NotPaid,
    /// Its outcome is not known here.
    InDoubt,
    /// The seller still waits for the buyer.
    Open,
}

/// One line of the history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PaymentView {
    /// The payment.
    pub tx: TxId,
    /// Which way.
    pub direction: Direction,
    /// How it stands.
    pub standing: Standing,
    /// The state's name in the specification.
    pub state: String,
    /// The sum.
    pub amount: Money,
    /// The other wallet.
    pub other: WalletId,
    /// Its certified name, if it is known.
    pub name: String,
    /// The seller's number of the order.
    pub order_id: String,
    /// The order in words.
    pub order: String,
    /// Until when it may be claimed.
    pub redeem_by: UnixSeconds,
    /// The payment in the other direction that this one gives back, wholly or in part.
    pub refund_of: Option<TxId>,
    /// Number of the buyer's entry, if there is one.
    pub seq: Option<u64>,
    /// When this wallet asked or agreed, for people only: by its own clock, never before the newest
    /// date that the office signed for it.
    pub at: UnixSeconds,
}

impl State {
    /// All payments that are not archived, buyer's first, in order of their ids.
    pub fn payments(&self) -> impl Iterator<Item = PaymentView> {
        let out = self.buyer.iter().map(|(tx, payment)| buyer_view(*tx, payment));
        out.chain(self.seller.iter().map(|(tx, payment)| seller_view(*tx, payment)))
    }

    /// One payment that is not archived.
    #[must_use]
    pub fn payment(&self, tx: &TxId) -> Option<PaymentView> {
        let out = self.buyer.get(tx).map(|payment| buyer_view(*tx, payment));
        out.or_else(|| self.seller.get(tx).map(|payment| seller_view(*tx, payment)))
    }

    /// Role and state of a payment, such as `buyer PREPARED`; `none` if it is not known.
    #[must_use]
    pub fn stage(&self, tx: &TxId) -> &'static str {
        match (self.buyer.get(tx), self.seller.get(tx)) {
            (Some(payment), _) => match payment.state {
                BuyerState::Refused(_) => "buyer REFUSED",
                BuyerState::Prepared(_) => "buyer PREPARED",
                BuyerState::Committed { .. } | BuyerState::Settled { .. } => "buyer COMMITTED",
                BuyerState::Aborted { .. } => "buyer ABORTED",
                BuyerState::Voided { .. } => "buyer VOIDED",
            },
            (None, Some(payment)) => match payment.state {
                SellerState::Invited => "seller INVITED",
                SellerState::Committed { .. } => "seller COMMITTED",
                SellerState::Done { .. } => "seller DONE",
                SellerState::Redeemed { .. } => "seller REDEEMED",
                SellerState::Lost { .. } => "seller LOST",
                SellerState::Aborted(_) => "seller ABORTED",
            },
            (None, None) => "none",
        }
    }

    /// The evidence of a payment that happened, for anybody who knows the office's root key.
    #[must_use]
    pub fn receipt(&self, tx: &TxId) -> Option<ReceiptFile> {
        let (claim, payee) = match (self.buyer.get(tx), self.seller.get(tx)) {
            (Some(payment), _) => (self.claim_as_buyer(payment)?, payment.payee.clone()),
            (None, Some(payment)) => (payment.state.claim()?.clone(), self.certificate.clone()?),
            (None, None) => return None,
        };
        let office_keys = self.trust.as_ref()?.keys().cloned().collect();
        Some(ReceiptFile { office_keys: List::new(office_keys).ok()?, payee, claim })
    }

    /// The evidence of a payment made, complete, as the payee would file it.
    pub(crate) fn claim_as_buyer(&self, payment: &BuyerPayment) -> Option<Claim> {
        let BuyerState::Committed { vote, commit, committed } = &payment.state else {
            return None;
        };
        let (payer, checkpoint) = self.purse_of(&vote.agreed.body.checkpoint)?;
        Some(Claim {
            payer,
            checkpoint,
            agreed: vote.agreed.clone(),
            attachments: vote.attachments.clone(),
            commit: commit.clone(),
            committed: Some(committed.clone()),
        })
    }

    fn purse_of(
        &self,
        hash: &onehop_wire::Hash,
    ) -> Option<(Signed<Certificate>, Signed<onehop_wire::Checkpoint>)> {
        match self.purse.as_ref().filter(|purse| purse.hash == *hash) {
            Some(purse) => Some((self.certificate.clone()?, purse.checkpoint.clone())),
            None => self.old_purses.get(hash).cloned(),
        }
    }
}

fn buyer_view(tx: TxId, payment: &BuyerPayment) -> PaymentView {
    let terms = &payment.request.body;
    let standing = match payment.state {
        BuyerState::Committed { .. } | BuyerState::Settled { .. } => Standing::Paid,
        BuyerState::Prepared(_) => Standing::InDoubt,
        BuyerState::Refused(_) | BuyerState::Aborted { .. } | BuyerState::Voided { .. } => {
            Standing::NotPaid
        }
    };
    PaymentView {
        tx,
        direction: Direction::Out,
        standing,
        state: payment.state.name().to_owned(),
        amount: terms.money(),
        other: terms.payee,
        name: payment.payee.body.name.to_string(),
        order_id: terms.order_id.to_string(),
        order: payment.order.to_string(),
        redeem_by: terms.redeem_by,
        refund_of: terms.refund_of,
        seq: payment.state.vote().map(|vote| vote.agreed.body.seq),
        at: payment.at,
    }
}

fn seller_view(tx: TxId, payment: &SellerPayment) -> PaymentView {
    let terms = &payment.request.body;
    let standing = match payment.state {
        SellerState::Invited => Standing::Open,
        SellerState::Committed { .. } | SellerState::Done { .. } | SellerState::Redeemed { .. } => {
            Standing::Paid
        }
        SellerState::Lost { .. } | SellerState::Aborted(_) => Standing::NotPaid,
    };
    PaymentView {
        tx,
        direction: Direction::In,
        standing,
        state: payment.state.name().to_owned(),
        amount: terms.money(),
        other: terms.payer,
        name: payment.payer.as_ref().map(|payer| payer.body.name.to_string()).unwrap_or_default(),
        order_id: terms.order_id.to_string(),
        order: payment.order.to_string(),
        redeem_by: terms.redeem_by,
        refund_of: terms.refund_of,
        seq: payment.state.claim().map(|claim| claim.agreed.body.seq),
        at: payment.at,
    }
}
