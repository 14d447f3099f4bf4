//! Why the office refuses, and what stops it.

use onehop_crypto::{BadSignature, ChainError, LetterError};
use onehop_evidence::{ClaimFault, PayerFault, ReleaseFault};
use onehop_wire::{DecodeError, Hash, OfficeId, UnixSeconds, WalletId};

use crate::store::StoreError;

/// Why a request was refused. Nothing changed; the asker is told which rule it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bytes are not a request.
    #[error("request is not readable: {0}")]
    Unreadable(DecodeError),
    /// Unsigned, altered, or of another office.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// A parcel for another office.
    #[error("the parcel is for office {office}")]
    ParcelOfOther {
        /// The office named.
        office: OfficeId,
    },
    /// Sealed to a key that this office never had.
    #[error("the parcel is sealed to office key {number}, which is not known here")]
    ParcelKey {
        /// Its number.
        number: u32,
    },
    /// The parcel, or the answer to it, is no letter.
    #[error("the parcel cannot be read: {source}")]
    Parcel {
        /// What is wrong with it.
        #[source]
        source: LetterError,
    },
    /// A key of small order or no point of the curve.
    #[error("the key is weak")]
    WeakKey,
    /// The name is empty.
    #[error("the name is empty")]
    NameEmpty,
    /// Somebody else has the name.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// The name wanted.
        name: String,
    },
    /// The key is enrolled with other particulars.
    #[error("wallet {} is enrolled already", .wallet.short())]
    KeyTaken {
        /// The wallet.
        wallet: WalletId,
    },
    /// No such wallet here.
    #[error("wallet {} is not enrolled at this office", .wallet.short())]
    UnknownWallet {
        /// The wallet.
        wallet: WalletId,
    },
    /// No wallet has this id or name.
    #[error("no wallet is called {who:?}")]
    NoSuchWallet {
        /// What was asked for.
        who: String,
    },
    /// The wallet was revoked.
    #[error("wallet {} is revoked", .wallet.short())]
    Revoked {
        /// The wallet.
        wallet: WalletId,
    },
    /// The wallet signed contradicting entries.
    #[error("wallet {} is frozen: it signed contradicting entries", .wallet.short())]
    Frozen {
        /// The wallet.
        wallet: WalletId,
    },
    /// The office never issued this checkpoint.
    #[error("checkpoint {} was not issued by this office", .checkpoint.short())]
    UnknownCheckpoint {
        /// The checkpoint.
        checkpoint: Hash,
    },
    /// Another SYNC closed the checkpoint, or it is not the wallet's newest.
    #[error("checkpoint {} is closed already by another sync", .checkpoint.short())]
    ClosedAlready {
        /// The checkpoint.
        checkpoint: Hash,
    },
    /// The checkpoint is another wallet's.
    #[error("checkpoint is of another wallet")]
    WrongWallet,
    /// The entries are not the whole chain.
    #[error("entry {seq} does not continue the chain")]
    Chain {
        /// Number expected.
        seq: u64,
    },
    /// Final number, head or total are not those of the last entry.
    #[error("sync's {field} is not that of its last entry")]
    Close {
        /// The field.
        field: &'static str,
    },
    /// What the SYNC says became of an entry is not proven.
    #[error("state of entry {seq} is not proven: {source}")]
    State {
        /// Its number.
        seq: u64,
        /// Why not.
        source: ReleaseFault,
    },
    /// The COMMIT filed with an entry is of something else.
    #[error("commit filed with entry {seq} is for another payment")]
    Commit {
        /// The entry's number.
        seq: u64,
    },
    /// A limit of the certificate is passed.
    #[error("limit {name} is {limit}, reached {reached}")]
    Limit {
        /// Name of the limit.
        name: &'static str,
        /// The limit, for people.
        limit: String,
        /// What passes it, for people.
        reached: String,
    },
    /// One payment twice.
    #[error("payment {tx} is known by another entry")]
    OtherEntry {
        /// First digits of the payment.
        tx: String,
    },
    /// The payment that a refund names was never shown: file its claim first.
    #[error("payment {tx}, of which a refund is claimed, is not known here: claim it first")]
    NoFirstPayment {
        /// First digits of the payment.
        tx: String,
    },
    /// The refunds of a payment would be more than it.
    #[error("refunds of payment {tx} of {amount} would reach {reached}")]
    Refunded {
        /// First digits of the payment.
        tx: String,
        /// Its amount, for people.
        amount: String,
        /// Sum of the refunds, for people.
        reached: String,
    },
    /// The claim does not hold.
    #[error("{fault}{}", cause(.fault))]
    Claim {
        /// Why.
        fault: ClaimFault,
    },
    /// The payer named does not exist so.
    #[error(transparent)]
    Payer(#[from] PayerFault),
    /// A statement is not of this office.
    #[error(transparent)]
    Office(#[from] ChainError),
    /// An ABORT does not hold.
    #[error(transparent)]
    Release(#[from] ReleaseFault),
    /// The parts of a RESOLVE are of different payments.
    #[error("resolve's parts are of different payments")]
    Mismatch,
    /// The payer contradicted itself.
    #[error("{rule}")]
    Fork {
        /// The rule broken.
        rule: &'static str,
    },
    /// The money is not there.
    #[error("insufficient funds: {asked} asked, {free} free")]
    Insufficient {
        /// Sum asked, for people.
        asked: String,
        /// Sum free, for people.
        free: String,
    },
    /// The wallet owes what it signed twice over; what it has goes there first.
    #[error("wallet {} owes {owed} to others", .wallet.short())]
    Debt {
        /// The debtor.
        wallet: WalletId,
        /// What it owes, for people.
        owed: String,
    },
    /// Only a wallet that was reported lost is refunded.
    #[error("wallet {} was not reported lost", .wallet.short())]
    NotLost {
        /// The wallet.
        wallet: WalletId,
    },
    /// Payments that the wallet signed may still be claimed.
    #[error("payments of wallet {} may be claimed until {until}", .wallet.short())]
    TooEarly {
        /// The wallet.
        wallet: WalletId,
        /// From when on it is possible.
        until: UnixSeconds,
    },
    /// Claims wait for money, or for a date.
    #[error("{payments} payments of wallet {} are undecided", .wallet.short())]
    Undecided {
        /// The wallet.
        wallet: WalletId,
        /// How many.
        payments: u64,
    },
    /// No purse could be issued under such a limit.
    #[error("limit {name} is out of range")]
    LimitSet {
        /// Name of the limit.
        name: &'static str,
    },
    /// Sets of limits are numbered without gaps.
    #[error("limits {found} do not follow: the next ones have number {expected}")]
    LimitNumber {
        /// The next number.
        expected: u32,
        /// The number given.
        found: u32,
    },
    /// Nothing is not an amount.
    #[error("the amount is 0")]
    Zero,
    /// The command is too old or from the future: set the clock, or sign it again.
    #[error("operator command is {seconds} s off the office's clock, at most {max} allowed")]
    Stale {
        /// By how much.
        seconds: u64,
        /// How much is allowed.
        max: u64,
    },
    /// The office's signing key has ended: certify a new one with the root key.
    #[error("the office's signing key {number} has expired")]
    KeyExpired {
        /// Its number.
        number: u32,
    },
    /// The answer has too many parts: nothing like it should exist.
    #[error("the answer would be too long")]
    TooLong,
}

fn cause(fault: &ClaimFault) -> String {
    use std::error::Error as _;
    fault.source().map(|source| format!(": {source}")).unwrap_or_default()
}

impl Refusal {
    /// The last part of the problem's type, the same for ever.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Signature(_) | Self::WeakKey => "signature",
            Self::NameEmpty | Self::NameTaken { .. } => "name",
            Self::KeyTaken { .. } => "key-taken",
            Self::UnknownWallet { .. } | Self::NoSuchWallet { .. } => "unknown-wallet",
            Self::Revoked { .. } => "revoked",
            Self::Frozen { .. } | Self::Fork { .. } => "contradiction",
            Self::UnknownCheckpoint { .. } | Self::WrongWallet => "unknown-checkpoint",
            Self::ClosedAlready { .. } => "closed-already",
            Self::Chain { .. } | Self::Close { .. } => "chain",
            Self::State { .. } | Self::Commit { .. } | Self::Mismatch => "evidence",
            Self::Claim { .. } | Self::Payer(_) | Self::Release(_) => "evidence",
            Self::Limit { .. } | Self::LimitSet { .. } | Self::LimitNumber { .. } => "limit",
            Self::OtherEntry { .. } => "other-entry",
            Self::NoFirstPayment { .. } | Self::Refunded { .. } => "refund",
            Self::Office(_) | Self::ParcelOfOther { .. } => "other-office",
            Self::Parcel { .. } => "unreadable",
            Self::Insufficient { .. } => "insufficient-funds",
            Self::Debt { .. } => "debt",
            Self::NotLost { .. } | Self::TooEarly { .. } | Self::Undecided { .. } => "too-early",
            Self::Zero => "amount",
            Self::Stale { .. } => "stale-command",
            Self::KeyExpired { .. } | Self::ParcelKey { .. } => "office-key",
            Self::TooLong => "too-long",
        }
    }
}

/// What a call of the office can end with beside an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OfficeError {
    /// The request was refused; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The office's own store failed: halt and answer nothing.
    #[error("the office's store failed")]
    Store(#[from] StoreError),
}

impl From<DecodeError> for OfficeError {
    fn from(error: DecodeError) -> Self {
        Self::Refused(Refusal::Unreadable(error))
    }
}

macro_rules! refused_from {
    ($($source:ty),+) => {$(
        impl From<$source> for OfficeError {
            fn from(source: $source) -> Self {
                Self::Refused(source.into())
            }
        }
    )+};
}

refused_from!(BadSignature, ChainError, PayerFault, ReleaseFault);
