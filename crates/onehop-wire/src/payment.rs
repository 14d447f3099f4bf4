//! The signed statements of a payment (spec §5).

use serde::{Deserialize, Serialize};

use crate::bounded::{List, Text};
use crate::domain::{Statement, tx_id};
use crate::ids::{Hash, Nonce, TxId, WalletId};
use crate::limits::{ATTACHMENTS_MAX, ORDER_ID_MAX};
use crate::money::{Currency, Money};
use crate::office::LimitName;
use crate::time::UnixSeconds;

/// The seller's own number of an order. An order has at most one live payment.
pub type OrderId = Text<ORDER_ID_MAX>;

/// COMMIT-REQUEST: the seller asks one buyer for an amount.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CommitRequest {
    /// The wallet asked to pay.
    pub payer: WalletId,
    /// The wallet that asks.
    pub payee: WalletId,
    /// From the buyer's HELLO 1 of the session in which the request was first made.
    pub buyer_nonce: Nonce,
    /// Fresh for this request.
    pub seller_nonce: Nonce,
    /// The seller's certificate epoch when the request was made.
    pub epoch: u32,
    /// Counts the seller's requests from 1 and never repeats within an epoch.
    pub number: u64,
    /// Minor units, at least 1.
    pub amount: u64,
    /// Currency of the amount.
    pub currency: Currency,
    /// The seller's number of the order.
    pub order_id: OrderId,
    /// Hash of the order's text.
    pub order_hash: Hash,
    /// How long the seller waits for the vote, in milliseconds.
    pub vote_ms: u32,
    /// Expiry of the payer's checkpoint plus the claim window of the payer's certificate.
    pub redeem_by: UnixSeconds,
    /// The payment from this payee to this payer of which this one gives back a part or all.
    pub refund_of: Option<TxId>,
}

impl CommitRequest {
    /// The id of the payment that this request begins.
    #[must_use]
    pub fn tx_id(&self) -> TxId {
        tx_id(&self.payee, &self.payer, &self.buyer_nonce, &self.seller_nonce, &self.order_hash)
    }

    /// The sum asked for.
    #[must_use]
    pub const fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

impl Statement for CommitRequest {
    const TYPE: &'static str = "commit-request";
}

/// AGREED: the buyer's vote and, in one body, entry `seq` of its spend chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Agreed {
    /// The payer's checkpoint, which names payer and currency.
    pub checkpoint: Hash,
    /// Counts the entries of the checkpoint from 1.
    pub seq: u64,
    /// Hash of entry `seq - 1`, or of the checkpoint if `seq` is 1.
    pub prev: Hash,
    /// Minor units of this payment.
    pub amount: u64,
    /// All amounts of entries 1 to `seq`, released ones included.
    pub cum_out: u64,
    /// All amounts of this checkpoint released before this entry was signed.
    pub cum_back: u64,
    /// All amounts received under this checkpoint before this entry was signed.
    pub cum_in: u64,
    /// Currency of the amounts.
    pub currency: Currency,
    /// The wallet paid.
    pub payee: WalletId,
    /// The payment.
    pub tx: TxId,
    /// Hash of the COMMIT-REQUEST agreed to.
    pub request: Hash,
    /// As in the request.
    pub redeem_by: UnixSeconds,
    /// As in the request.
    pub refund_of: Option<TxId>,
    /// 0 without receipts attached, else 1 + the largest among them.
    pub hops: u8,
    /// Hashes of the attachments, in the order in which they are sent.
    pub attachments: List<Hash, ATTACHMENTS_MAX>,
}

impl Statement for Agreed {
    const TYPE: &'static str = "agreed";
}

/// Why a buyer votes no.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RefusedReason {
    /// The person declined, or did not answer in time.
    Declined,
    /// The purse does not cover the amount.
    InsufficientFunds,
    /// A limit of the payer's certificate forbids it.
    OverLimit {
        /// Which.
        name: LimitName,
        /// Its value, in minor units or payments.
        limit: u64,
    },
    /// The order is already paid or in doubt.
    OrderNotFree,
    /// The terms are not acceptable to this wallet.
    Terms,
    /// It asks back more of a payment than is left of it here.
    Refund {
        /// What may still be asked back, in minor units; 0 if nothing, or if the payment is not known.
        left: u64,
    },
}

/// REFUSED: the buyer's no. It waives nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Refused {
    /// The payment.
    pub tx: TxId,
    /// The wallet that refuses.
    pub payer: WalletId,
    /// The wallet that asked.
    pub payee: WalletId,
    /// Hash of the COMMIT-REQUEST.
    pub request: Hash,
    /// Coarse, for the seller's screen.
    pub reason: RefusedReason,
}

impl Statement for Refused {
    const TYPE: &'static str = "refused";
}

/// COMMIT: the coordinator's decision that the payment happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Commit {
    /// The payment.
    pub tx: TxId,
    /// The wallet that pays.
    pub payer: WalletId,
    /// The wallet paid, which signs.
    pub payee: WalletId,
    /// Hash of the AGREED.
    pub agreed: Hash,
    /// The payee's checkpoint under which the money may be spent again; none: it only settles.
    pub payee_checkpoint: Option<Hash>,
}

impl Statement for Commit {
    const TYPE: &'static str = "commit";
}

/// What an ABORT gives up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum AbortSubject {
    /// The request; the seller had seen no AGREED.
    Request(Hash),
    /// This AGREED.
    Agreed(Hash),
}

/// Why a seller aborts. For the buyer's screen; it decides nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum AbortReason {
    /// The vote did not come in time.
    Expired,
    /// The seller cancelled.
    Cancelled,
    /// The buyer refused.
    Refused,
    /// The seller restarted before deciding, or knows nothing of the payment.
    Restarted,
    /// The vote was not valid.
    InvalidVote,
    /// The order was paid by another payment.
    OrderPaid,
}

/// ABORT: the seller's waiver of a payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Abort {
    /// The payment.
    pub tx: TxId,
    /// The wallet that would have paid.
    pub payer: WalletId,
    /// The wallet that waives, which signs.
    pub payee: WalletId,
    /// What is given up.
    pub subject: AbortSubject,
    /// Coarse reason.
    pub reason: AbortReason,
}

impl Statement for Abort {
    const TYPE: &'static str = "abort";
}

/// COMMITTED: the buyer waives every claim to the money; goods change hands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Committed {
    /// The payment.
    pub tx: TxId,
    /// The wallet that paid, which signs.
    pub payer: WalletId,
    /// The wallet paid.
    pub payee: WalletId,
    /// Hash of the AGREED.
    pub agreed: Hash,
    /// Hash of the COMMIT.
    pub commit: Hash,
}

impl Statement for Committed {
    const TYPE: &'static str = "committed";
}

/// RELEASED: the buyer acknowledges an ABORT. It waives nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Released {
    /// The payment.
    pub tx: TxId,
    /// The wallet released, which signs.
    pub payer: WalletId,
    /// The wallet that aborted.
    pub payee: WalletId,
    /// Hash of the ABORT.
    pub abort: Hash,
}

impl Statement for Released {
    const TYPE: &'static str = "released";
}

/// STATUS: either side asks the other what became of a payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// The payment.
    pub tx: TxId,
    /// The wallet that asks, which signs.
    pub asker: WalletId,
    /// Hash of the COMMIT-REQUEST.
    pub request: Hash,
    /// Hash of the AGREED, if there is one.
    pub agreed: Option<Hash>,
}

impl Statement for Status {
    const TYPE: &'static str = "status";
}
