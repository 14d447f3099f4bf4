//! The signed statements that the office acted on, in the order in which it did.
//!
//! The audit reads these rows and no others.

use onehop_wire::evidence::Claim;
use onehop_wire::office::{Enrol, NewRoot, Outcome, ResolveRequest, Sync};
use onehop_wire::{Certificate, Checkpoint, Hash, OfficeKey, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::operator::OperatorCommand;

/// One row of evidence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Evidence {
    /// A signing key was certified by the root.
    OfficeKey(Signed<OfficeKey>),
    /// A wallet enrolled.
    Enrolled(Box<Enrolled>),
    /// The operator moved cash or set a flag.
    Operator(Signed<OperatorCommand>),
    /// A wallet closed a checkpoint. What followed stands between this row and [`Self::Issued`].
    Synced(Box<Signed<Sync>>),
    /// The answer to the SYNC before.
    Issued(Box<Issued>),
    /// A payment was claimed by whoever held the evidence.
    Claimed(Box<Claim>),
    /// A payer asked for a decision.
    Resolved(Box<ResolveRequest>),
    /// A checkpoint was not closed until its claim window ended.
    Lapsed {
        /// The checkpoint.
        checkpoint: Hash,
        /// Office time when that was noted.
        at: UnixSeconds,
    },
    /// What was left under a lapsed checkpoint of a restored wallet went to its next purse.
    GivenBack {
        /// The checkpoint.
        checkpoint: Hash,
        /// Office time of it.
        at: UnixSeconds,
    },
    /// A payment was decided.
    Decided(Signed<Outcome>),
    /// A root announced its successor.
    NewRoot(Signed<NewRoot>),
}

impl Evidence {
    /// What the evidence file calls it (spec §9.9).
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::OfficeKey(_) => "OfficeKey",
            Self::Enrolled(_) => "Enrolled",
            Self::Operator(_) => "Operator",
            Self::Synced(_) => "Synced",
            Self::Issued(_) => "Issued",
            Self::Claimed(_) => "Claimed",
            Self::Resolved(_) => "Resolved",
            Self::Lapsed { .. } => "Lapsed",
            Self::GivenBack { .. } => "GivenBack",
            Self::Decided(_) => "Decided",
            Self::NewRoot(_) => "NewRoot",
        }
    }
}

/// A wallet's enrolment and what it got.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Enrolled {
    pub(crate) enrol: Signed<Enrol>,
    pub(crate) certificate: Signed<Certificate>,
    pub(crate) checkpoint: Signed<Checkpoint>,
}

/// A new checkpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Issued {
    pub(crate) certificate: Signed<Certificate>,
    pub(crate) checkpoint: Signed<Checkpoint>,
    /// The SYNC's transfer was done.
    pub(crate) transferred: bool,
}
