//! Statements laid before a judge, with what is needed to verify them (spec §8.3).

use serde::{Deserialize, Serialize};

use crate::bounded::List;
use crate::domain::Signed;
use crate::evidence::Attachment;
use crate::limits::{CERTIFICATES_MAX, EXHIBITS_MAX, NEW_ROOTS_MAX, OFFICE_KEYS_MAX};
use crate::office::{Certificate, NewRoot, OfficeKey, Outcome, Pending, Resolve, Sync};
use crate::payment::{Abort, Agreed, Commit, CommitRequest, Committed, Refused, Released, Status};

/// A case file: complete for anyone who knows the office's first root key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CaseFile {
    /// Successors of the root, in order.
    pub new_roots: List<Signed<NewRoot>, NEW_ROOTS_MAX>,
    /// Office keys that the rest names.
    pub office_keys: List<Signed<OfficeKey>, OFFICE_KEYS_MAX>,
    /// Certificates of the wallets that signed.
    pub certificates: List<Signed<Certificate>, CERTIFICATES_MAX>,
    /// What is shown.
    pub exhibits: List<Exhibit, EXHIBITS_MAX>,
}

/// One thing that is shown to the judge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Exhibit {
    /// The seller's request.
    CommitRequest(Signed<CommitRequest>),
    /// A spend entry.
    Agreed(Signed<Agreed>),
    /// The seller's decision that the payment happened.
    Commit(Signed<Commit>),
    /// The seller's waiver.
    Abort(Signed<Abort>),
    /// The buyer's waiver.
    Committed(Signed<Committed>),
    /// The buyer's no.
    Refused(Signed<Refused>),
    /// The buyer's acknowledgement of an ABORT.
    Released(Signed<Released>),
    /// A question of either side.
    Status(Signed<Status>),
    /// A question to the office.
    Resolve(Signed<Resolve>),
    /// The end of a checkpoint.
    Sync(Box<Signed<Sync>>),
    /// The office's final answer.
    Outcome(Signed<Outcome>),
    /// The office's answer that there is none yet.
    Pending(Signed<Pending>),
    /// What an AGREED of the file names by its hash; nobody signed it.
    Attachment(Attachment),
}

impl Exhibit {
    /// The name in the specification.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CommitRequest(_) => "COMMIT-REQUEST",
            Self::Agreed(_) => "AGREED",
            Self::Commit(_) => "COMMIT",
            Self::Abort(_) => "ABORT",
            Self::Committed(_) => "COMMITTED",
            Self::Refused(_) => "REFUSED",
            Self::Released(_) => "RELEASED",
            Self::Status(_) => "STATUS",
            Self::Resolve(_) => "RESOLVE",
            Self::Sync(_) => "SYNC",
            Self::Outcome(_) => "OUTCOME",
            Self::Pending(_) => "PENDING",
            Self::Attachment(_) => "ATTACHMENT",
        }
    }
}
