//! Who is to blame, from signed statements alone (spec §8.2, §8.3).
//!
//! The judge has no state, no clock and no office to ask: the same file gives the same findings to
//! everyone who knows the office's first root key. Nobody is named who did not sign both halves of
//! a contradiction.

mod rows;
mod signers;

use core::fmt;

use onehop_crypto::ChainError;
use onehop_wire::{CaseFile, PublicKey, TxId, WalletId};

use crate::fork::ForkKind;

/// A part of a case file, by its place in its list, from 0.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// A successor of the root.
    NewRoot(usize),
    /// An office key.
    OfficeKey(usize),
    /// A certificate.
    Certificate(usize),
    /// An exhibit.
    Exhibit(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewRoot(at) => write!(f, "new root {at}"),
            Self::OfficeKey(at) => write!(f, "office key {at}"),
            Self::Certificate(at) => write!(f, "certificate {at}"),
            Self::Exhibit(at) => write!(f, "exhibit {at}"),
        }
    }
}

/// Why a case file is refused as a whole: one part of it does not verify, and nobody is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeFault {
    /// What the office should have signed is not signed by it.
    #[error("{part} ({name}) is not of this office")]
    Office {
        /// Which.
        part: Part,
        /// What kind of statement it is.
        name: &'static str,
        /// What does not hold.
        #[source]
        source: ChainError,
    },
    /// The wallet that it names as its signer did not sign it.
    #[error("{part} ({name}) is not signed by the wallet it names")]
    Signature {
        /// Which.
        part: Part,
        /// What kind of statement it is.
        name: &'static str,
    },
    /// No certificate in the file is its signer's.
    #[error("{part} ({name}) is of a wallet whose certificate is not in the file")]
    Stranger {
        /// Which.
        part: Part,
        /// What kind of statement it is.
        name: &'static str,
    },
    /// An attachment is no statement: it counts only by the AGREED that names it.
    #[error("{part} (ATTACHMENT) is named by no AGREED in the file")]
    Unnamed {
        /// Which.
        part: Part,
    },
}

impl JudgeFault {
    /// The part that does not verify.
    #[must_use]
    pub const fn part(&self) -> Part {
        match self {
            Self::Office { part, .. }
            | Self::Signature { part, .. }
            | Self::Stranger { part, .. }
            | Self::Unnamed { part } => *part,
        }
    }
}

/// The row of the table of blame that two statements fill.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Row {
    /// Two spend entries, or an entry and a SYNC.
    Fork(ForkKind),
    /// COMMIT and ABORT of one payment.
    CommitAndAbort,
    /// Two COMMITs of one payment.
    TwoCommits,
    /// An entry said to be paid, and to have come back.
    PaidAndBack,
    /// Two COMMIT-REQUESTs of one payment.
    TwoRequests,
    /// Two SYNCs of one checkpoint.
    TwoSyncs,
    /// Two OUTCOMEs of one payment.
    TwoOutcomes,
    /// Two OFFICE-KEYs of one number.
    TwoOfficeKeys,
}

impl Row {
    /// Its number in the specification.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Fork(_) => 1,
            Self::CommitAndAbort => 2,
            Self::TwoCommits => 3,
            Self::PaidAndBack => 4,
            Self::TwoRequests => 5,
            Self::TwoSyncs => 6,
            Self::TwoOutcomes => 7,
            Self::TwoOfficeKeys => 8,
        }
    }
}

/// Whom a finding names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Party {
    /// A wallet that paid.
    Payer {
        /// Its id.
        wallet: WalletId,
        /// Its certified name.
        name: String,
    },
    /// A wallet that was paid, or was to be.
    Payee {
        /// Its id.
        wallet: WalletId,
        /// Its certified name.
        name: String,
    },
    /// The office.
    Office,
}

impl Party {
    /// The wallet; none for the office.
    #[must_use]
    pub const fn wallet(&self) -> Option<&WalletId> {
        match self {
            Self::Payer { wallet, .. } | Self::Payee { wallet, .. } => Some(wallet),
            Self::Office => None,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payer { wallet, name } => write!(f, "payer {name:?} ({wallet})"),
            Self::Payee { wallet, name } => write!(f, "payee {name:?} ({wallet})"),
            Self::Office => f.write_str("office"),
        }
    }
}

/// One contradiction and its signer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Who signed both halves.
    pub guilty: Party,
    /// By which row.
    pub row: Row,
    /// The payment of the first half, where there is one.
    pub tx: Option<TxId>,
    /// The half that comes first in the file.
    pub first: Part,
    /// The other.
    pub second: Part,
    /// What kinds of statements the two are.
    pub names: (&'static str, &'static str),
}

impl fmt::Display for Finding {
    /// One sentence for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guilty, first, second, names, .. } = self;
        write!(f, "the {guilty} is guilty: ")?;
        match self.row {
            Row::Fork(kind) => f.write_str(kind.words())?,
            Row::CommitAndAbort => f.write_str("it signed both COMMIT and ABORT")?,
            Row::TwoCommits => f.write_str("it signed two different COMMITs")?,
            Row::PaidAndBack => {
                f.write_str("it said of one entry that it is paid and came back")?
            }
            Row::TwoRequests => f.write_str("it signed two different requests")?,
            Row::TwoSyncs => f.write_str("it closed one checkpoint in two different ways")?,
            Row::TwoOutcomes => f.write_str("it signed two different outcomes")?,
            Row::TwoOfficeKeys => f.write_str("it certified two different keys by one number")?,
        }
        if let Some(tx) = self.tx {
            write!(f, ", payment {}", tx.short())?;
        }
        write!(f, " ({first} {}, {second} {})", names.0, names.1)
    }
}

/// What a case file shows: every contradiction in it; with none, nobody is guilty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Judgement {
    /// By row, then by the places of the two halves.
    pub findings: Vec<Finding>,
}

/// Judges a case file by the office's first root key and nothing else.
///
/// # Errors
/// [`JudgeFault`] if any part of the file does not verify. Nothing is concluded from the rest.
pub fn judge(root: &PublicKey, file: &CaseFile) -> Result<Judgement, JudgeFault> {
    let case = signers::verified(root, file)?;
    Ok(Judgement { findings: rows::findings(&case) })
}
