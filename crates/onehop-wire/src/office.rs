//! What the office states, and what wallets state to it (spec §2, §9).

use serde::{Deserialize, Serialize};

use crate::bounded::{List, Text};
use crate::domain::{Signed, Statement, wallet_id};
use crate::evidence::Claim;
use crate::ids::{Hash, Nonce, PublicKey, SessionKey, TxId, WalletId};
use crate::limits::{
    CLAIMS_MAX, DELTA_WALLETS_MAX, DELTAS_MAX, NAME_MAX, NEW_ROOTS_MAX, OFFICE_KEYS_MAX,
    OUTCOMES_MAX, REVOCATIONS_MAX, SYNC_ENTRIES_MAX,
};
use crate::money::Currency;
use crate::payment::{Abort, Agreed, Commit, CommitRequest};
use crate::relay::{Parcel, Reply};
use crate::time::UnixSeconds;

/// A short-lived signing key of the office, certified by its offline root key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OfficeKey {
    /// Counts the office's signing keys from 1.
    pub number: u32,
    /// Verifies what names this number in `signed_by`.
    pub key: PublicKey,
    /// What parcels to the office are sealed to (spec §9.12).
    pub mail_key: SessionKey,
    /// First second of validity.
    pub not_before: UnixSeconds,
    /// Last second in which something may be signed with it.
    pub not_after: UnixSeconds,
}

impl Statement for OfficeKey {
    const TYPE: &'static str = "office-key";
}

/// The old root announces its successor; both stay valid until the last old certificate ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewRoot {
    /// Counts the roots after the first from 1.
    pub number: u32,
    /// The new root key.
    pub root: PublicKey,
    /// From when it certifies signing keys.
    pub from: UnixSeconds,
}

impl Statement for NewRoot {
    const TYPE: &'static str = "new-root";
}

/// REVOCATIONS: wallets that nobody shall pay or be paid by any more. The newest number wins.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Revocations {
    /// Counts the lists from 1; an office without revocations has list 0, which is empty.
    pub number: u32,
    /// The wallets, ascending.
    pub wallets: List<WalletId, REVOCATIONS_MAX>,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for Revocations {
    const TYPE: &'static str = "revocations";
}

/// REVOCATION-DELTA: what one revocation list has more than the one before it, small enough to
/// travel from wallet to wallet.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RevocationDelta {
    /// Number of the list to which it leads, from the list one below.
    pub number: u32,
    /// The wallets that it adds, ascending.
    pub added: List<WalletId, DELTA_WALLETS_MAX>,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for RevocationDelta {
    const TYPE: &'static str = "revocation-delta";
}

/// The name of one of the [`Limits`], or of the office's bound on a purse.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum LimitName {
    /// [`Limits::per_payment`].
    PerPayment,
    /// [`Limits::per_payee`].
    PerPayee,
    /// [`Limits::per_checkpoint`].
    PerCheckpoint,
    /// [`Limits::payments`].
    Payments,
    /// [`Limits::hops`].
    Hops,
}

impl core::fmt::Display for LimitName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::PerPayment => "per-payment",
            Self::PerPayee => "per-payee",
            Self::PerCheckpoint => "per-checkpoint",
            Self::Payments => "payments",
            Self::Hops => "hops",
        })
    }
}

/// What kind of wallet a certificate is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Class {
    /// A private person.
    Person,
    /// A shop or other business.
    Merchant,
}

/// Limits that payer and payee both enforce, in minor units. `None`: no such limit.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limits {
    /// Largest amount of one payment.
    pub per_payment: Option<u64>,
    /// Largest sum to one payee under one checkpoint, less releases.
    pub per_payee: Option<u64>,
    /// Largest sum under one checkpoint, less releases.
    pub per_checkpoint: Option<u64>,
    /// Most payments under one checkpoint, less releases.
    pub payments: Option<u32>,
    /// How often received money may move on before it meets the office.
    pub hops: u8,
}

impl Limits {
    /// The value of one limit, in minor units or payments.
    #[must_use]
    pub fn value(&self, name: LimitName) -> Option<u64> {
        match name {
            LimitName::PerPayment => self.per_payment,
            LimitName::PerPayee => self.per_payee,
            LimitName::PerCheckpoint => self.per_checkpoint,
            LimitName::Payments => self.payments.map(u64::from),
            LimitName::Hops => Some(u64::from(self.hops)),
        }
    }
}

/// The office certifies a wallet's keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Certificate {
    /// The wallet's Ed25519 key, made by the wallet.
    pub key: PublicKey,
    /// The wallet's X25519 key for mail of the office; never used for sessions.
    pub mail_key: SessionKey,
    /// What the other person sees.
    pub name: Text<NAME_MAX>,
    /// Kind of wallet.
    pub class: Class,
    /// What the payer may spend; the payee checks it too.
    pub limits: Limits,
    /// The wallet's only currency.
    pub currency: Currency,
    /// Seconds after a checkpoint's expiry in which payments from it may still be claimed.
    pub claim_window: u32,
    /// First second of validity.
    pub not_before: UnixSeconds,
    /// Last second of validity.
    pub not_after: UnixSeconds,
    /// Raised at each restore or renewal of the wallet; never lowered.
    pub epoch: u32,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Certificate {
    /// The wallet certified.
    #[must_use]
    pub fn wallet(&self) -> WalletId {
        wallet_id(&self.key)
    }
}

impl Statement for Certificate {
    const TYPE: &'static str = "certificate";
}

/// A wallet's purse as the office last knew it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Checkpoint {
    /// The wallet whose purse it is.
    pub wallet: WalletId,
    /// Epoch of the certificate under which it may be spent.
    pub epoch: u32,
    /// Counts the wallet's checkpoints from 1.
    pub number: u32,
    /// Minor units that may be spent without attachments.
    pub balance: u64,
    /// Currency of the balance.
    pub currency: Currency,
    /// Last entry number of the checkpoint before, as its SYNC said; 0 for the first.
    pub base_seq: u64,
    /// Head of the checkpoint before; all zero for the first.
    pub base_head: Hash,
    /// `cum_out` of the checkpoint before; 0 for the first.
    pub base_cum_out: u64,
    /// When the office signed it.
    pub issued: UnixSeconds,
    /// Last second in which entries may be signed under it.
    pub expires: UnixSeconds,
    /// Number of the newest revocation list.
    pub revocations: u32,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for Checkpoint {
    const TYPE: &'static str = "checkpoint";
}

/// A wallet asks for a certificate; kept by the office as evidence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Enrol {
    /// The wallet's Ed25519 key, which signs this.
    pub key: PublicKey,
    /// The wallet's X25519 key for mail of the office.
    pub mail_key: SessionKey,
    /// The display name wanted; the office refuses one already taken.
    pub name: Text<NAME_MAX>,
    /// Kind of wallet.
    pub class: Class,
}

impl Statement for Enrol {
    const TYPE: &'static str = "enrol";
}

/// The office's answer to ENROL; the same ENROL always gets the same bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EnrolAnswer {
    /// Successors of the root, in order.
    pub new_roots: List<Signed<NewRoot>, NEW_ROOTS_MAX>,
    /// The signing key that the rest names.
    pub office_key: Signed<OfficeKey>,
    /// The wallet's certificate.
    pub certificate: Signed<Certificate>,
    /// The wallet's first purse, empty.
    pub checkpoint: Signed<Checkpoint>,
}

/// What became of one spend entry, as the payer's SYNC says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum EntryState {
    /// AGREED was given, no decision is known.
    InDoubt,
    /// The seller's COMMIT was received.
    Committed(Signed<Commit>),
    /// The seller's ABORT was received.
    Aborted(Signed<Abort>),
    /// The office said VOID.
    Voided(Signed<Outcome>),
}

/// One spend entry in a SYNC.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SyncEntry {
    /// The entry.
    pub agreed: Signed<Agreed>,
    /// What became of it.
    pub state: EntryState,
}

/// Money that a wallet moves between its account at the office and its next purse.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Transfer {
    /// Nothing moves.
    None,
    /// Minor units from the account to the next purse.
    Charge(u64),
    /// Minor units from the purse to the account.
    Withdraw(u64),
}

/// SYNC: closes a checkpoint. From its force on the wallet signs nothing more under it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sync {
    /// The wallet that closes, which signs.
    pub wallet: WalletId,
    /// The checkpoint closed.
    pub checkpoint: Hash,
    /// Number of its last entry; 0 if it has none.
    pub seq: u64,
    /// Hash of its last entry, or of the checkpoint if it has none.
    pub head: Hash,
    /// `cum_out` of its last entry.
    pub cum_out: u64,
    /// Every entry, in order of `seq`.
    pub entries: List<SyncEntry, SYNC_ENTRIES_MAX>,
    /// ABORTs the wallet signed as a seller since the last SYNC.
    pub aborts: List<Signed<Abort>, SYNC_ENTRIES_MAX>,
    /// What to move to or from the account.
    pub transfer: Transfer,
}

impl Statement for Sync {
    const TYPE: &'static str = "sync";
}

/// What the office did about a [`Transfer`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TransferResult {
    /// As asked, or nothing was asked.
    Done,
    /// Refused; the purse is renewed all the same. One sentence for the person.
    Refused(Text<200>),
}

/// The office's answer to SYNC; the same SYNC always gets the same bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SyncAnswer {
    /// Hash of the SYNC answered.
    pub sync: Hash,
    /// The office's signing keys by ascending number, the newest [`OFFICE_KEYS_MAX`]: an outcome may
    /// name one that came and went since the wallet's last SYNC.
    pub office_keys: List<Signed<OfficeKey>, OFFICE_KEYS_MAX>,
    /// The wallet's certificate, renewed where it was due.
    pub certificate: Signed<Certificate>,
    /// The next purse.
    pub checkpoint: Signed<Checkpoint>,
    /// What was moved.
    pub transfer: TransferResult,
    /// The newest revocation list.
    pub revocations: Signed<Revocations>,
    /// The deltas of the lists since the one that the closed checkpoint names, ascending, the
    /// newest [`DELTAS_MAX`]: for wallets that this one meets.
    pub deltas: List<Signed<RevocationDelta>, DELTAS_MAX>,
    /// Successors of the root, in order.
    pub new_roots: List<Signed<NewRoot>, NEW_ROOTS_MAX>,
    /// Final answers about payments of this wallet, either side, new since its last SYNC.
    pub outcomes: List<Signed<Outcome>, OUTCOMES_MAX>,
}

/// Final answer of the office about one payment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OutcomeKind {
    /// The payee has the money.
    Paid,
    /// The payment did not happen; the payer has the money.
    Void,
    /// The payer's signatures contradict each other; the hash names the proof.
    Disputed(Hash),
}

/// OUTCOME: one per payment, without time or asker, for ever.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outcome {
    /// The payment.
    pub tx: TxId,
    /// The entry decided about.
    pub entry: Hash,
    /// Its checkpoint.
    pub checkpoint: Hash,
    /// Its number.
    pub seq: u64,
    /// Minor units.
    pub amount: u64,
    /// Currency of the amount.
    pub currency: Currency,
    /// What was decided.
    pub kind: OutcomeKind,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for Outcome {
    const TYPE: &'static str = "outcome";
}

/// PENDING: no answer yet. It convicts nobody and may repeat.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pending {
    /// The payment.
    pub tx: TxId,
    /// When to ask again.
    pub until: UnixSeconds,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for Pending {
    const TYPE: &'static str = "pending";
}

/// Evidence of received payments, filed by whoever holds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClaimBundle {
    /// Each is judged on its own.
    pub claims: List<Claim, CLAIMS_MAX>,
}

/// RESOLVE: the payer asks for a decision and states that it never gave a COMMITTED.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Resolve {
    /// The payment.
    pub tx: TxId,
    /// The wallet that asks, which signs.
    pub payer: WalletId,
    /// Hash of the AGREED.
    pub agreed: Hash,
    /// Fresh for this question.
    pub nonce: Nonce,
}

impl Statement for Resolve {
    const TYPE: &'static str = "resolve";
}

/// A RESOLVE with the evidence it speaks of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ResolveRequest {
    /// The question.
    pub resolve: Signed<Resolve>,
    /// The seller's request.
    pub request: Signed<CommitRequest>,
    /// The payer's entry.
    pub agreed: Signed<Agreed>,
    /// The seller's ABORT, if there is one.
    pub abort: Option<Signed<Abort>>,
}

/// The office's answer about one payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Verdict {
    /// Final.
    Outcome(Signed<Outcome>),
    /// Not yet.
    Pending(Signed<Pending>),
    /// The evidence was not accepted; nothing changed. One sentence.
    Refused(Text<200>),
}

/// One verdict for each claim of a bundle, in its order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClaimAnswer {
    /// In the order of the claims.
    pub verdicts: List<Verdict, CLAIMS_MAX>,
}

/// Everything a wallet must know of an office before it enrols; pinned by the office id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OfficeInfo {
    /// The first root key; its hash is the office id.
    pub root: PublicKey,
    /// Successors of the root, in order.
    pub new_roots: List<Signed<NewRoot>, NEW_ROOTS_MAX>,
    /// The present signing key.
    pub office_key: Signed<OfficeKey>,
    /// The office's currency.
    pub currency: Currency,
    /// The office's name.
    pub name: Text<NAME_MAX>,
}

/// A request as a file: what would be posted, and where.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OfficeRequest {
    /// `POST /v1/enrol`.
    Enrol(Signed<Enrol>),
    /// `POST /v1/sync`.
    Sync(Box<Signed<Sync>>),
    /// `POST /v1/claim`.
    Claim(ClaimBundle),
    /// `POST /v1/resolve`.
    Resolve(Box<ResolveRequest>),
    /// `POST /v1/relay`.
    Relay(Box<Parcel>),
}

/// The office's answer as a file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum OfficeAnswer {
    /// To [`OfficeRequest::Enrol`].
    Enrol(Box<EnrolAnswer>),
    /// To [`OfficeRequest::Sync`].
    Sync(Box<SyncAnswer>),
    /// To [`OfficeRequest::Claim`].
    Claim(ClaimAnswer),
    /// To [`OfficeRequest::Resolve`].
    Resolve(Box<Verdict>),
    /// The request was refused; nothing changed.
    Refused(Text<200>),
    /// To [`OfficeRequest::Relay`].
    Relay(Box<Reply>),
}
