//! What the wallet tells the person. Nothing here is said before it is durable.

use onehop_wire::{AbortReason, Money, OrderId, RefusedReason, TxId, UnixSeconds, WalletId};

use crate::output::PeerId;

/// What a payment is about, for a screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// The sum.
    pub amount: Money,
    /// The seller's number of the order.
    pub order_id: OrderId,
    /// The order in words.
    pub order: String,
    /// The payment in the other direction that this one gives back, wholly or in part.
    pub refund_of: Option<TxId>,
}

/// Why a payment did not happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotPaid {
    /// The buyer voted no.
    Refused(RefusedReason),
    /// The seller aborted.
    Aborted(AbortReason),
    /// The office said VOID.
    Voided,
}

/// A peer broke the rules. Its packet was dropped; no state changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// Not a packet or message.
    Malformed,
    /// A packet that this state of the channel does not expect.
    Unexpected,
    /// The handshake does not prove what it must.
    Handshake,
    /// No version in common.
    Version,
    /// Certificate or checkpoint: unknown, expired, of another office or another currency.
    Certificate(CertificateFault),
    /// A sealed packet did not open.
    Envelope,
    /// A signature does not verify.
    Signature,
    /// A message about a payment that this session or wallet cannot have.
    WrongPayment,
    /// The terms break a rule of the specification.
    Terms,
    /// A signed vote that does not hold; it was answered with an ABORT.
    InvalidVote,
    /// A vote with something that a newer office key signed than this wallet knows, answered with an
    /// ABORT: nobody's fault, and over once this wallet has met the office.
    UnknownOfficeKey,
    /// A statement that contradicts another of the same signer; both are kept as evidence.
    Contradiction,
    /// Too much at once.
    Flood,
    /// An item of a NEWS that does not verify; it was dropped.
    News,
}

/// What is wrong with a certificate or checkpoint.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CertificateFault {
    /// Not of this office.
    OtherOffice,
    /// Not valid yet, or no longer.
    Expired,
    /// On the revocation list.
    Revoked,
    /// Another currency.
    Currency,
    /// Older than one seen before: a restored or rolled-back wallet.
    Outdated,
    /// Certificate and checkpoint do not belong together.
    Mismatch,
    /// It is this wallet's own.
    Myself,
}

impl CertificateFault {
    /// In words, for the one line that a person reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::OtherOffice => "certificate is of an unknown office",
            Self::Expired => "certificate or checkpoint is expired",
            Self::Revoked => "certificate is revoked",
            Self::Currency => "certificate is for another currency",
            Self::Outdated => "checkpoint is older than one seen before",
            Self::Mismatch => "certificate and checkpoint do not belong together",
            Self::Myself => "certificate is this wallet's own",
        }
    }
}

impl Fault {
    /// In words, for the one line that a person reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Malformed => "malformed packet",
            Self::Unexpected => "unexpected packet",
            Self::Handshake => "handshake does not verify",
            Self::Version => "no common protocol version",
            Self::Certificate(fault) => fault.words(),
            Self::Envelope => "packet does not open",
            Self::Signature => "signature does not verify",
            Self::WrongPayment => "message about another payment",
            Self::Terms => "terms break a rule",
            Self::InvalidVote => "vote does not hold",
            Self::UnknownOfficeKey => {
                "vote needs an office key not known here: sync with the office"
            }
            Self::Contradiction => "statement contradicts an earlier one",
            Self::Flood => "too many messages",
            Self::News => "news that does not verify",
        }
    }
}

/// Something the person may want to know or must decide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Buyer: a seller nearby proved who it is. Answer with `introduce` or `ignore`.
    SellerFound {
        /// The channel.
        peer: PeerId,
        /// The seller.
        wallet: WalletId,
        /// Its certified name.
        name: String,
    },
    /// Both: the handshake is done.
    SessionOpen {
        /// The channel.
        peer: PeerId,
        /// The other wallet.
        wallet: WalletId,
        /// Its certified name.
        name: String,
        /// The six digits that both screens show.
        short_code: String,
    },
    /// Both: the session is over.
    SessionClosed {
        /// The channel.
        peer: PeerId,
    },
    /// Buyer: asked to pay. Answer with `confirm` or `refuse`.
    Asked {
        /// The payment.
        tx: TxId,
        /// The channel.
        peer: PeerId,
        /// The payee's certified name.
        payee: String,
        /// What for.
        terms: Terms,
        /// The six digits that both screens show.
        short_code: String,
        /// True if another payment to that payee is in doubt: ask about that first.
        in_doubt_with_payee: bool,
        /// The sum of the payment received that is asked back, of a refund.
        first: Option<Money>,
    },
    /// Buyer: the question is withdrawn or out of date.
    AskedNoMore {
        /// The payment.
        tx: TxId,
        /// Why it did not happen.
        why: NotPaid,
    },
    /// Buyer: the vote is given; the money is held.
    Prepared {
        /// The payment.
        tx: TxId,
    },
    /// Buyer: paid.
    Paid {
        /// The payment.
        tx: TxId,
    },
    /// Seller: paid, waiting for the buyer's acknowledgement.
    Accepted {
        /// The payment.
        tx: TxId,
        /// Until when it must be claimed at the office.
        claim_by: UnixSeconds,
    },
    /// Seller: paid and acknowledged; hand the goods over.
    Acknowledged {
        /// The payment.
        tx: TxId,
    },
    /// Either: not paid.
    NotPaid {
        /// The payment.
        tx: TxId,
        /// Why.
        why: NotPaid,
    },
    /// Either: the other wallet cannot say what became of the payment; the office can.
    AskOffice {
        /// The payment.
        tx: TxId,
    },
    /// Seller: the office took a credit back.
    Reversed {
        /// The payment.
        tx: TxId,
    },
    /// A wallet told which wallets the office has revoked since.
    RevocationsNews {
        /// Number of the list reached.
        number: u32,
        /// The wallets added.
        added: Vec<WalletId>,
        /// Who told.
        from: WalletId,
    },
    /// A payer is convicted of a fork, and refused from now on.
    ForkNews {
        /// The payer.
        wallet: WalletId,
        /// Its certified name.
        name: String,
        /// Who told; none if this wallet found it.
        from: Option<WalletId>,
    },
    /// A peer broke the rules.
    PeerFault {
        /// The channel.
        peer: PeerId,
        /// How.
        fault: Fault,
    },
}
