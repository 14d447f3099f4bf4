//! What the office's rows hold, and the keys they lie under.

use core::fmt;

use onehop_wire::office::{Outcome, OutcomeKind};
use onehop_wire::{
    Agreed, Certificate, Checkpoint, Currency, Hash, PublicKey, Signed, Text, TxId, UnixSeconds,
    WalletId, limits::NAME_MAX,
};
use serde::{Deserialize, Serialize};

use crate::limits::{Charged, LimitSet};

/// One payment as the office tells payments apart.
///
/// A claim does not carry the request, so nothing ties its tx id to its parties: a payer could sign
/// an entry under the tx id of strangers. The parties are therefore part of the key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct PaymentKey {
    /// The payment attempt.
    pub tx: TxId,
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid.
    pub payee: WalletId,
}

impl PaymentKey {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.tx.as_bytes().as_slice(), self.payer.as_bytes(), self.payee.as_bytes()].concat()
    }

    /// The key that these bytes are.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tx, rest) = bytes.split_first_chunk()?;
        let (payer, rest) = rest.split_first_chunk()?;
        let payee = rest.try_into().ok()?;
        Some(Self { tx: TxId(*tx), payer: WalletId(*payer), payee: WalletId(payee) })
    }
}

/// First byte of the keys of suspense accounts.
pub(crate) const SUSPENSE_TAG: [u8; 1] = [3];

/// An account of the books.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Account {
    /// Cash at the office; what it holds is the negative of the balance.
    Cash,
    /// A wallet's account: below zero, its owner owes the office.
    Wallet(WalletId),
    /// A wallet's purse under the checkpoint of this number.
    Purse(WalletId, u32),
    /// A payment covered by its payer and not yet decided.
    Suspense(PaymentKey),
    /// What a wallet's owner left at the office as security for what the wallet signs.
    Bond(WalletId),
}

impl Account {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Cash => vec![0],
            Self::Wallet(wallet) => [&[1], wallet.as_bytes().as_slice()].concat(),
            Self::Purse(wallet, number) => {
                [&[2], wallet.as_bytes().as_slice(), &number.to_be_bytes()].concat()
            }
            Self::Suspense(key) => [&SUSPENSE_TAG, key.bytes().as_slice()].concat(),
            Self::Bond(wallet) => [&[4], wallet.as_bytes().as_slice()].concat(),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cash => f.write_str("cash"),
            Self::Wallet(wallet) => write!(f, "account/{wallet}"),
            Self::Purse(wallet, number) => write!(f, "purse/{wallet}/{number}"),
            Self::Suspense(key) => write!(f, "suspense/{}", key.tx),
            Self::Bond(wallet) => write!(f, "bond/{wallet}"),
        }
    }
}

/// An account and its balance: credits less debits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AccountRow {
    pub(crate) account: Account,
    pub(crate) balance: i128,
}

/// A sum that moves from one account to another.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PostingRow {
    pub(crate) debit: Account,
    pub(crate) credit: Account,
    pub(crate) amount: u64,
    /// Hash of the statement that caused it.
    pub(crate) evidence: Hash,
    pub(crate) at: UnixSeconds,
}

/// What `init` decided.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SetupRow {
    pub(crate) root: PublicKey,
    pub(crate) operator: PublicKey,
    pub(crate) name: Text<NAME_MAX>,
    pub(crate) profile: Text<NAME_MAX>,
    pub(crate) currency: Currency,
    /// The limits of the beginning; the office may have set others since.
    pub(crate) first: LimitSet,
    pub(crate) checkpoint_seconds: u64,
    pub(crate) claim_window: u32,
    pub(crate) certificate_seconds: u64,
    pub(crate) grace_seconds: u64,
}

/// A wallet enrolled.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct WalletRow {
    pub(crate) certificate: Signed<Certificate>,
    /// Hash of the newest checkpoint.
    pub(crate) checkpoint: Hash,
    /// Number of the newest checkpoint.
    pub(crate) number: u32,
    pub(crate) revoked: bool,
    /// It signed contradicting entries: its money stays at the office.
    pub(crate) frozen: bool,
    /// Its owner reported it lost.
    pub(crate) lost: bool,
    /// Latest date until which payments out of any of its checkpoints may be claimed.
    pub(crate) liable_until: UnixSeconds,
    pub(crate) charged: Charged,
}

/// The SYNC that closed a checkpoint.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ClosedBy {
    pub(crate) sync: Hash,
    /// Number of its row of evidence.
    pub(crate) evidence: u64,
}

/// A checkpoint issued.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct CheckpointRow {
    pub(crate) signed: Signed<Checkpoint>,
    /// The certificate that goes with it.
    pub(crate) certificate: Signed<Certificate>,
    /// The SYNC that closed it.
    pub(crate) closed: Option<ClosedBy>,
    /// It was not closed until its claim window ended.
    pub(crate) lapsed: bool,
}

impl CheckpointRow {
    pub(crate) const fn redeem_by(&self) -> UnixSeconds {
        let window = self.certificate.body.claim_window;
        #[expect(clippy::as_conversions, reason = "u64::from is not const; u32 always fits")]
        self.signed.body.expires.plus(window as u64)
    }

    /// True if what was paid under it may be paid out.
    pub(crate) const fn pays(&self) -> bool {
        self.closed.is_some() || self.lapsed
    }
}

/// An entry known to the office.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct EntryRow {
    pub(crate) agreed: Signed<Agreed>,
    pub(crate) payment: PaymentKey,
}

/// The payee's decision, as claimed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct CommitFacts {
    pub(crate) commit: Hash,
    pub(crate) payee_checkpoint: Option<Hash>,
}

/// A payment known to the office.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PaymentRow {
    pub(crate) entry: Hash,
    pub(crate) checkpoint: Hash,
    /// Number of the payer's checkpoint.
    pub(crate) number: u32,
    pub(crate) seq: u64,
    pub(crate) amount: u64,
    pub(crate) request: Hash,
    pub(crate) redeem_by: UnixSeconds,
    /// Counts the payments in the order in which the office learnt of them.
    pub(crate) arrival: u64,
    /// Part of the amount in suspense.
    pub(crate) covered: u64,
    pub(crate) commit: Option<CommitFacts>,
    /// The payer waived the money: COMMITTED, or Committed in its SYNC.
    pub(crate) committed: bool,
    /// The seller waived the money.
    pub(crate) aborted: bool,
    /// The payer asked for the money or said that it came back: RESOLVE, or Aborted or Voided in
    /// its SYNC.
    pub(crate) asked_back: bool,
    pub(crate) outcome: Option<Signed<Outcome>>,
    /// Proof that its payer, or the payer of a receipt behind it, contradicted itself.
    pub(crate) proof: Option<Hash>,
    /// Newest evidence about it.
    pub(crate) evidence: Hash,
    /// Part of the amount that the payee has, by the OUTCOME and by debts.
    pub(crate) received: u64,
    /// Key of the debt that it made last.
    pub(crate) debt: Option<Vec<u8>>,
}

/// What somebody owes who signed two statements of one payment that contradict each other.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct DebtRow {
    pub(crate) debtor: WalletId,
    pub(crate) creditor: WalletId,
    pub(crate) payment: PaymentKey,
    /// Number of the row of evidence that made it.
    pub(crate) row: u64,
    pub(crate) amount: u64,
    pub(crate) collected: u64,
    /// Stronger evidence came since: what is not collected is owed no more.
    pub(crate) is_ended: bool,
}

impl PaymentRow {
    /// COMMITTED beats ABORT, ABORT beats COMMIT.
    pub(crate) const fn is_released(&self) -> bool {
        self.aborted && !self.committed
    }

    pub(crate) const fn is_claimed(&self) -> bool {
        self.commit.is_some() && !self.is_released()
    }

    /// True if by all evidence the payee should have the money, whatever the OUTCOME said.
    pub(crate) const fn is_owed_to_payee(&self) -> bool {
        // Before COMMITTED, what was voided stays so: the claim came too late.
        let is_void =
            matches!(&self.outcome, Some(it) if matches!(it.body.kind, OutcomeKind::Void));
        if is_void { self.committed } else { self.is_claimed() }
    }

    /// The payer said both that the payment is unconditional and that its money is to come back.
    pub(crate) const fn is_payers_word_broken(&self) -> bool {
        self.committed && self.asked_back
    }
}

/// A key made of big-endian and fixed parts.
pub(crate) fn key_of(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
