//! What the log says. A record is written before the words that depend on it leave.

use onehop_wire::evidence::ForkProof;
use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::office::{
    Enrol, EnrolAnswer, NewRoot, OfficeInfo, Outcome, RevocationDelta, Revocations,
};
use onehop_wire::{
    Abort, Agreed, Attachment, Certificate, Checkpoint, Claim, Commit, CommitRequest, Committed,
    Head, List, OfficeKey, Refused, Released, Signed, Text, TxId, UnixSeconds, WalletId,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use crate::news::Told;

/// What one direction of a [`Change`] does, as differences of one payment in minor units.
///
/// The head, number and gross total of the spend chain are no part of it: they never go back.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Image {
    /// Taken off the sum of holds.
    pub hold_less: u64,
    /// Added to the sum that came back.
    pub back_more: u64,
    /// Added to the money received and not settled.
    pub received_more: u64,
    /// Taken off the money received and not settled.
    pub received_less: u64,
}

/// Undo and redo image of one payment, after the paper's two logs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Change {
    /// Carried out if the payment does not happen.
    pub undo: Image,
    /// Carried out if it does.
    pub redo: Image,
}

impl Change {
    /// The buyer's: the hold ends either way; undone, it comes back.
    #[must_use]
    pub const fn hold(amount: u64) -> Self {
        let none = Image { hold_less: 0, back_more: 0, received_more: 0, received_less: 0 };
        Self {
            undo: Image { hold_less: amount, back_more: amount, ..none },
            redo: Image { hold_less: amount, ..none },
        }
    }

    /// The seller's: a provisional credit, which the office may take back.
    #[must_use]
    pub const fn credit(amount: u64) -> Self {
        let none = Image { hold_less: 0, back_more: 0, received_more: 0, received_less: 0 };
        Self {
            undo: Image { received_less: amount, ..none },
            redo: Image { received_more: amount, ..none },
        }
    }
}

/// What a SYNC answer brings, less its outcomes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Renewal {
    /// Successors of the root that the wallet did not know, in order.
    pub new_roots: Vec<Signed<NewRoot>>,
    /// The office's signing keys that the wallet did not know, by ascending number.
    pub office_keys: Vec<Signed<OfficeKey>>,
    /// The certificate.
    pub certificate: Signed<Certificate>,
    /// The next purse.
    pub checkpoint: Signed<Checkpoint>,
    /// The newest revocation list.
    pub revocations: Signed<Revocations>,
    /// Deltas that lead to it, ascending, to pass on.
    pub deltas: Vec<Signed<RevocationDelta>>,
}

/// One entry of the log. Closed on purpose: a wallet cannot go on from what it cannot read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::large_enum_variant, reason = "written once and dropped, never held in bulk")]
pub enum LogRecord {
    /// The wallet comes into being.
    Born {
        /// Seed of the Ed25519 key.
        signing_seed: [u8; 32],
        /// X25519 secret for mail of the office.
        mail_secret: [u8; 32],
        /// The office, as pinned by the person.
        office: OfficeInfo,
    },
    /// ENROL was signed; the same bytes are repeated until they are answered.
    EnrolSigned(Signed<Enrol>),
    /// The office certified the wallet and gave it its first purse.
    Enrolled(Box<EnrolAnswer>),
    /// A further signing key of the office was seen.
    OfficeKeySeen(Signed<OfficeKey>),
    /// Seller: COMMIT-REQUEST was signed.
    Invited {
        /// The terms.
        request: Signed<CommitRequest>,
        /// The order in words.
        order: Text<ORDER_TEXT_MAX>,
        /// The buyer's certificate.
        payer: Signed<Certificate>,
        /// When, for people.
        at: UnixSeconds,
    },
    /// Seller: the decision is commit.
    SellerCommitted {
        /// The payment.
        tx: TxId,
        /// All evidence of it, without COMMITTED.
        claim: Box<Claim>,
        /// Undo and redo image.
        change: Change,
    },
    /// Seller: the decision is abort.
    SellerAborted {
        /// The waiver.
        abort: Signed<Abort>,
        /// The request waived.
        request: Signed<CommitRequest>,
    },
    /// Seller: the buyer acknowledged.
    Done {
        /// The claim waiver.
        committed: Signed<Committed>,
    },
    /// Seller: the office paid.
    Redeemed(Signed<Outcome>),
    /// Seller: the office did not pay.
    Lost(Signed<Outcome>),
    /// Buyer: voted no.
    Refused {
        /// The vote.
        refused: Signed<Refused>,
        /// The terms refused.
        request: Signed<CommitRequest>,
        /// The seller's certificate.
        payee: Signed<Certificate>,
        /// When, for people.
        at: UnixSeconds,
    },
    /// Buyer: voted yes; the money is held.
    Prepared {
        /// The vote: the next entry of the spend chain.
        agreed: Signed<Agreed>,
        /// What backs it beyond the balance.
        attachments: List<Attachment, 10>,
        /// The terms agreed to.
        request: Signed<CommitRequest>,
        /// The order in words.
        order: Text<ORDER_TEXT_MAX>,
        /// The seller's certificate.
        payee: Signed<Certificate>,
        /// Undo and redo image.
        change: Change,
        /// When, for people: in doubt since then.
        at: UnixSeconds,
    },
    /// Buyer: the seller committed; redo.
    BuyerCommitted {
        /// The decision.
        commit: Signed<Commit>,
        /// The acknowledgement and claim waiver.
        committed: Signed<Committed>,
    },
    /// Buyer: the seller aborted; undo.
    BuyerAborted {
        /// The waiver.
        abort: Signed<Abort>,
        /// The acknowledgement.
        released: Signed<Released>,
    },
    /// Buyer: the office said PAID or DISPUTED; redo. Or VOID; undo.
    BuyerSettled(Signed<Outcome>),
    /// Either: a message that contradicts the record was kept.
    Evidence {
        /// The payment.
        tx: TxId,
        /// The message's bytes.
        message: Vec<u8>,
    },
    /// The purse is closed; these bytes are repeated until the next purse arrives.
    Closed(Box<Signed<onehop_wire::office::Sync>>),
    /// The office answered the SYNC; its outcomes are records of their own, before this one.
    Renewed(Box<Renewal>),
    /// Newest epoch and checkpoint number seen of a peer.
    Seen {
        /// The peer.
        wallet: WalletId,
        /// Its epoch.
        epoch: u32,
        /// Its checkpoint's number.
        number: u32,
    },
    /// The wallet may not sign until the office renews its epoch.
    Frozen,
    /// The numbering of requests goes on above this number, after a restart.
    NumbersFrom(u64),
    /// A successor of the office's root was heard of.
    NewRootSeen(Signed<NewRoot>),
    /// A wallet told what the next revocation list adds.
    Revoked {
        /// What it adds.
        delta: Signed<RevocationDelta>,
        /// Who told.
        from: WalletId,
    },
    /// A payer is convicted of a fork.
    Forked {
        /// The two statements.
        proof: Box<ForkProof>,
        /// Who told; none if this wallet found it.
        from: Option<WalletId>,
    },
    /// A payer's newest entry was heard of.
    HeadHeard(Box<Head>),
    /// What a wallet was told, or has shown to know.
    Told {
        /// The wallet.
        wallet: WalletId,
        /// All that it was told.
        told: Told,
    },
}

impl LogRecord {
    /// Wipes the keys of the one record that has some.
    pub fn wipe(&mut self) {
        if let Self::Born { signing_seed, mail_secret, .. } = self {
            signing_seed.zeroize();
            mail_secret.zeroize();
        }
    }
}
