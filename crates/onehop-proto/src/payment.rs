//! The durable half of a payment, for either role. Enum states carry their data.

use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::office::Outcome;
use onehop_wire::{
    Abort, Agreed, Attachment, Certificate, Claim, Commit, CommitRequest, Committed, List, Refused,
    Released, Signed, Text, UnixSeconds,
};
use serde::{Deserialize, Serialize};

use crate::record::Change;

/// A vote that was given.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Vote {
    /// The entry.
    pub agreed: Signed<Agreed>,
    /// What backs it beyond the balance.
    pub attachments: List<Attachment, 10>,
    /// Undo and redo image.
    pub change: Change,
}

/// A payment in which this wallet is the buyer, the participant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BuyerPayment {
    /// The terms.
    pub request: Signed<CommitRequest>,
    /// The order in words.
    pub order: Text<ORDER_TEXT_MAX>,
    /// The seller.
    pub payee: Signed<Certificate>,
    /// When this wallet voted, for people; nothing is decided by it.
    pub at: UnixSeconds,
    /// Where it stands.
    pub state: BuyerState,
}

/// Where a buyer's payment stands (spec §7.2). ASKED is not durable and not here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum BuyerState {
    /// Voted no.
    Refused(Signed<Refused>),
    /// Voted yes; the decision is not known.
    Prepared(Vote),
    /// Paid; the seller said so.
    Committed {
        /// The vote.
        vote: Vote,
        /// The decision.
        commit: Signed<Commit>,
        /// The acknowledgement given.
        committed: Signed<Committed>,
    },
    /// Not paid; the seller said so.
    Aborted {
        /// The vote.
        vote: Vote,
        /// The waiver.
        abort: Signed<Abort>,
        /// The acknowledgement given.
        released: Signed<Released>,
    },
    /// Paid, or disputed; the office said so.
    Settled {
        /// The vote.
        vote: Vote,
        /// The answer.
        outcome: Signed<Outcome>,
    },
    /// Not paid; the office said so.
    Voided {
        /// The vote.
        vote: Vote,
        /// The answer.
        outcome: Signed<Outcome>,
    },
}

impl BuyerState {
    /// The vote, unless it was no.
    #[must_use]
    pub const fn vote(&self) -> Option<&Vote> {
        match self {
            Self::Refused(_) => None,
            Self::Prepared(vote)
            | Self::Committed { vote, .. }
            | Self::Aborted { vote, .. }
            | Self::Settled { vote, .. }
            | Self::Voided { vote, .. } => Some(vote),
        }
    }

    /// The state's name in the specification.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => "REFUSED",
            Self::Prepared(_) => "PREPARED",
            Self::Committed { .. } | Self::Settled { .. } => "COMMITTED",
            Self::Aborted { .. } => "ABORTED",
            Self::Voided { .. } => "VOIDED",
        }
    }
}

/// A payment in which this wallet is the seller, the coordinator.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SellerPayment {
    /// The terms.
    pub request: Signed<CommitRequest>,
    /// The order in words; empty for a payment aborted without ever being known here.
    pub order: Text<ORDER_TEXT_MAX>,
    /// The buyer, unless the payment was aborted without ever being known here.
    pub payer: Option<Signed<Certificate>>,
    /// When this wallet asked, for people; nothing is decided by it. Of a payment aborted without
    /// ever being known here: the newest date that the office had signed.
    pub at: UnixSeconds,
    /// Where it stands.
    pub state: SellerState,
}

/// Where a seller's payment stands (spec §7.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SellerState {
    /// Asked; no decision.
    Invited,
    /// Decided to commit; not acknowledged.
    Committed {
        /// The evidence; COMMIT is resent from here.
        claim: Box<Claim>,
        /// Undo and redo image.
        change: Change,
    },
    /// Acknowledged.
    Done {
        /// The evidence, a receipt.
        claim: Box<Claim>,
        /// Undo and redo image.
        change: Change,
    },
    /// Settled by the office.
    Redeemed {
        /// The evidence.
        claim: Box<Claim>,
        /// The answer.
        outcome: Signed<Outcome>,
    },
    /// The office did not pay.
    Lost {
        /// The evidence.
        claim: Box<Claim>,
        /// The answer.
        outcome: Signed<Outcome>,
    },
    /// Decided to abort.
    Aborted(Signed<Abort>),
}

impl SellerState {
    /// The evidence, once the decision is commit.
    #[must_use]
    pub const fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Invited | Self::Aborted(_) => None,
            Self::Committed { claim, .. }
            | Self::Done { claim, .. }
            | Self::Redeemed { claim, .. }
            | Self::Lost { claim, .. } => Some(claim),
        }
    }

    /// The state's name in the specification.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invited => "INVITED",
            Self::Committed { .. } => "COMMITTED",
            Self::Done { .. } => "DONE",
            Self::Redeemed { .. } => "REDEEMED",
            Self::Lost { .. } => "LOST",
            Self::Aborted(_) => "ABORTED",
        }
    }
}
