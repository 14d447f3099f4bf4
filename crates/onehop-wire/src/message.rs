//! The closed set of messages inside a session (spec §5).

use serde::{Deserialize, Serialize};

use crate::bounded::Text;
use crate::domain::Signed;
use crate::evidence::Attachment;
use crate::ids::TxId;
use crate::limits::ORDER_TEXT_MAX;
use crate::news::News;
use crate::payment::{Abort, Agreed, Commit, CommitRequest, Committed, Refused, Released, Status};

/// What one wallet says to the other once the handshake is done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::large_enum_variant, reason = "lives on the stack of one input, never in bulk")]
pub enum Message {
    /// The seller asks for money.
    CommitRequest {
        /// The terms.
        request: Signed<CommitRequest>,
        /// The text whose hash the terms carry.
        order: Text<ORDER_TEXT_MAX>,
    },
    /// One attachment of the AGREED that follows.
    Attachment(Attachment),
    /// The buyer's vote.
    Agreed(Signed<Agreed>),
    /// The buyer's no.
    Refused(Signed<Refused>),
    /// The decision: paid.
    Commit(Signed<Commit>),
    /// The decision: not paid.
    Abort(Signed<Abort>),
    /// The buyer acknowledges COMMIT.
    Committed(Signed<Committed>),
    /// The buyer acknowledges ABORT.
    Released(Signed<Released>),
    /// What became of this payment?
    Status {
        /// The question.
        status: Signed<Status>,
        /// The request it is about.
        request: Signed<CommitRequest>,
        /// The vote, if there was one.
        agreed: Option<Signed<Agreed>>,
    },
    /// The asked wallet cannot say; the office can.
    Unknown(TxId),
    /// What the sender knows and may not have told this wallet; about no payment of the two.
    News(Box<News>),
}

impl Message {
    /// The vote that this message carries, if it carries one.
    #[must_use]
    pub const fn vote(&self) -> Option<&Signed<Agreed>> {
        match self {
            Self::Agreed(agreed) | Self::Status { agreed: Some(agreed), .. } => Some(agreed),
            Self::CommitRequest { .. }
            | Self::Attachment(_)
            | Self::Refused(_)
            | Self::Commit(_)
            | Self::Abort(_)
            | Self::Committed(_)
            | Self::Released(_)
            | Self::Status { agreed: None, .. }
            | Self::Unknown(_)
            | Self::News(_) => None,
        }
    }

    /// The payment that this message is about; an attachment belongs to the vote that follows it,
    /// and NEWS to none.
    #[must_use]
    pub fn tx(&self) -> Option<TxId> {
        match self {
            Self::CommitRequest { request, .. } | Self::Status { request, .. } => {
                Some(request.body.tx_id())
            }
            Self::Attachment(_) | Self::News(_) => None,
            Self::Agreed(agreed) => Some(agreed.body.tx),
            Self::Refused(refused) => Some(refused.body.tx),
            Self::Commit(commit) => Some(commit.body.tx),
            Self::Abort(abort) => Some(abort.body.tx),
            Self::Committed(committed) => Some(committed.body.tx),
            Self::Released(released) => Some(released.body.tx),
            Self::Unknown(tx) => Some(*tx),
        }
    }

    /// The name in the specification, for logs and sequence diagrams.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CommitRequest { .. } => "COMMIT-REQUEST",
            Self::Attachment(_) => "ATTACHMENT",
            Self::Agreed(_) => "AGREED",
            Self::Refused(_) => "REFUSED",
            Self::Commit(_) => "COMMIT",
            Self::Abort(_) => "ABORT",
            Self::Committed(_) => "COMMITTED",
            Self::Released(_) => "RELEASED",
            Self::Status { .. } => "STATUS",
            Self::Unknown(_) => "UNKNOWN",
            Self::News(_) => "NEWS",
        }
    }
}
