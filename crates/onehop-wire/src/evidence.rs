//! Signed statements bundled so that a third party can judge them (spec §2.5, §2.6).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::bounded::List;
use crate::codec::encode;
use crate::domain::{Signed, hash_of};
use crate::ids::Hash;
use crate::limits::{ATTACHMENTS_MAX, NESTING_MAX, OFFICE_KEYS_MAX};
use crate::office::{Certificate, Checkpoint, OfficeKey, Outcome, Sync};
use crate::payment::{Abort, Agreed, Commit, Committed};

/// Evidence that one wallet paid another. With COMMITTED it is a *receipt* that can be spent on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Claim {
    /// The payer's certificate.
    pub payer: Signed<Certificate>,
    /// The payer's checkpoint.
    pub checkpoint: Signed<Checkpoint>,
    /// The payer's entry.
    pub agreed: Signed<Agreed>,
    /// What backed the entry beyond the checkpoint's balance.
    pub attachments: List<Attachment, ATTACHMENTS_MAX>,
    /// The payee's decision.
    pub commit: Signed<Commit>,
    /// The payer's waiver; without it the payment is not yet unconditional.
    pub committed: Option<Signed<Committed>>,
}

/// Why an amount came back to the payer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::large_enum_variant, reason = "always held behind the Box of its attachment")]
pub enum ReleaseGround {
    /// The seller's waiver, and the seller's certificate.
    Aborted {
        /// The waiver.
        abort: Signed<Abort>,
        /// Whose signature it bears.
        seller: Signed<Certificate>,
    },
    /// The office said VOID.
    Voided(Signed<Outcome>),
}

/// A hold let go: its entry counts in `cum_out` but no longer against the payer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// The entry released, without its attachments.
    pub agreed: Signed<Agreed>,
    /// Why.
    pub ground: ReleaseGround,
}

/// What backs an entry beyond the balance of its checkpoint.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Attachment {
    /// Received money, spent on.
    Receipt(#[serde(deserialize_with = "nested")] Box<Claim>),
    /// Money that came back.
    Release(Box<Release>),
}

std::thread_local! {
    static DEPTH: core::cell::Cell<u8> = const { core::cell::Cell::new(0) };
}

/// Decodes a receipt within a receipt, but not endlessly: the depth of what is decoded is bounded
/// before a peer's bytes can exhaust the stack.
fn nested<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Claim>, D::Error> {
    let depth = DEPTH.get();
    if depth >= NESTING_MAX {
        return Err(D::Error::custom("receipts are nested too deep"));
    }
    DEPTH.set(depth.saturating_add(1));
    let claim = Box::<Claim>::deserialize(deserializer);
    DEPTH.set(depth);
    claim
}

impl Attachment {
    /// The hash by which an AGREED names this attachment.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_of("attachment", &[&encode(self)])
    }
}

/// A payment's evidence as a file, complete for anyone who knows the office's root key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReceiptFile {
    /// Office keys that the certificates and checkpoints name.
    pub office_keys: List<Signed<OfficeKey>, OFFICE_KEYS_MAX>,
    /// The payee's certificate.
    pub payee: Signed<Certificate>,
    /// The evidence.
    pub claim: Claim,
}

/// What contradicts the first entry of a [`ForkProof`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Second {
    /// Another entry of the checkpoint.
    Entry(Box<Signed<Agreed>>),
    /// The SYNC that closed the checkpoint.
    Close(Box<Signed<Sync>>),
}

/// Two statements that one wallet signed and an honest one cannot have, as a file (spec §8.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ForkProof {
    /// Office keys that the certificate names.
    pub office_keys: List<Signed<OfficeKey>, OFFICE_KEYS_MAX>,
    /// Whose signatures they are.
    pub payer: Signed<Certificate>,
    /// The lower number; of two of one number, the lower hash; or the only entry.
    pub first: Signed<Agreed>,
    /// What it contradicts.
    pub second: Second,
}
