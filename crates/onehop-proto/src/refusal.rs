//! Why the wallet declines a command, and why a log cannot be recovered.

use onehop_wire::{LimitName, Money, TxId, UnixSeconds};

/// A command was declined; nothing was sent or changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Charge the wallet, or ask for less.
    #[error("insufficient funds: {asked} asked, {available} available")]
    InsufficientFunds {
        /// The sum asked for.
        asked: Money,
        /// What a payment could use.
        available: Money,
    },
    /// Pay less, or sync so that sums start anew.
    #[error("over the {name} limit of {limit}, would reach {reached}")]
    Limit {
        /// Which limit of the certificate.
        name: LimitName,
        /// Its value, for people.
        limit: String,
        /// The value that passes it, for people.
        reached: String,
    },
    /// Enrol at an office first.
    #[error("wallet is not enrolled")]
    NotEnrolled,
    /// It is enrolled already.
    #[error("wallet is enrolled already")]
    Enrolled,
    /// The wallet was restored or is damaged; the office must renew its epoch.
    #[error("wallet is frozen until the office renews it")]
    Frozen,
    /// A SYNC is under way; finish it.
    #[error("purse is closed until the office answers the sync")]
    Closed,
    /// Sync to get a new purse.
    #[error("purse expired on {on}")]
    Expired {
        /// Last second of the purse.
        on: UnixSeconds,
    },
    /// The wallet has signed as many entries as one purse holds; sync.
    #[error("purse is full")]
    PurseFull,
    /// Resolve some first.
    #[error("{found} payments are in doubt, the bound is {max}")]
    TooManyInDoubt {
        /// Payments in doubt.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// The other side is not there any more.
    #[error("no session with that peer")]
    NoSession,
    /// There is no such payment, or it is past this decision.
    #[error("payment {tx:?} is not waiting for that")]
    WrongState {
        /// The payment.
        tx: TxId,
    },
    /// The order has a payment that is under way or done.
    #[error("order already has payment {tx:?}")]
    OrderTaken {
        /// That payment.
        tx: TxId,
    },
    /// The order was paid and its payment is archived.
    #[error("order was paid before")]
    OrderPaid,
    /// The sum is of another currency than the wallet's.
    #[error("amount is in {found}, the wallet is in {expected}")]
    Currency {
        /// Currency of the sum.
        found: onehop_wire::Currency,
        /// Currency of the wallet.
        expected: onehop_wire::Currency,
    },
    /// Ask back less: all refunds of a payment together are at most its amount.
    #[error("refund of {asked} asked, {left} left to give back of that payment")]
    Refund {
        /// The sum asked back.
        asked: Money,
        /// What may still be asked back.
        left: Money,
    },
    /// Pay back without naming it: the payment was not made to that wallet, or is too long ago.
    #[error("payment {} to that wallet is not known here as paid", .tx.short())]
    NotRefundable {
        /// The payment named.
        tx: TxId,
    },
    /// A payment is at least one minor unit.
    #[error("the amount is 0")]
    Zero,
    /// The order's words or number are too long or hold control characters.
    #[error("order text is not acceptable")]
    Order(#[from] onehop_wire::bounded::TextError),
    /// The wallet is not selling, or is not in buyer mode.
    #[error("wallet is not in that mode")]
    Mode,
    /// What the office answered does not fit this wallet's own log; nothing was changed.
    #[error("answer of the office does not fit: {what}")]
    OfficeAnswer {
        /// The part that does not fit.
        what: &'static str,
    },
    /// What the office answered is not signed by it; nothing was changed.
    #[error("answer is not of this office")]
    OfficeSignature(#[from] onehop_crypto::ChainError),
    /// A parcel could not be made, or what came back is not for this wallet; nothing was changed.
    #[error(transparent)]
    Letter(#[from] onehop_crypto::LetterError),
    /// Secure randomness or keys failed; nothing was sent.
    #[error("session key is not usable")]
    Session,
}

/// Why a log could not be turned back into a wallet. The wallet must halt and sign nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The snapshot is not readable by this version.
    #[error("snapshot is not readable")]
    Snapshot(#[source] onehop_wire::DecodeError),
    /// A record is not readable by this version.
    #[error("log record {lsn} is not readable")]
    Record {
        /// Its number.
        lsn: u64,
        /// Why.
        #[source]
        source: onehop_wire::DecodeError,
    },
    /// A record is missing.
    #[error("log record {found} follows {previous}: records between are missing")]
    Gap {
        /// The last one in order.
        previous: u64,
        /// The one found.
        found: u64,
    },
    /// A record contradicts the state before it.
    #[error("log record {lsn} does not fit the state before it")]
    Misfit {
        /// Its number.
        lsn: u64,
    },
    /// The log is empty: there is no wallet.
    #[error("log holds no wallet")]
    Empty,
}
