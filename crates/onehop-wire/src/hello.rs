//! Look-up, handshake and the packets of a channel (spec §4).

use serde::{Deserialize, Serialize};

use crate::bounded::{Bytes, List};
use crate::domain::{Signed, Statement};
use crate::ids::{Hash, Nonce, SessionKey, Signature, WalletId};
use crate::limits::{PACKET_MAX, VERSIONS_MAX};
use crate::office::{Certificate, Checkpoint, OfficeKey};

/// LOOKUP: the seller's one-hop broadcast. Nothing in it is stable.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lookup {
    /// Protocol version of the sender.
    pub version: u8,
    /// Fresh for each selling session.
    pub tag: [u8; 8],
}

/// HELLO 1, buyer: names nobody.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello1 {
    /// Versions offered, best first.
    pub versions: List<u8, VERSIONS_MAX>,
    /// Hash of the LOOKUP answered.
    pub lookup: Hash,
    /// The buyer's session key.
    pub session_key: SessionKey,
    /// The buyer's session nonce; every payment of the session contains it.
    pub nonce: Nonce,
    /// True if the seller shall send the office key that its certificate names.
    pub want_office_key: bool,
}

/// HELLO 2, seller: the rest is sealed to the buyer's session key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello2 {
    /// The version chosen among those offered.
    pub version: u8,
    /// The seller's session key.
    pub session_key: SessionKey,
    /// HPKE encapsulated key of the direction seller to buyer.
    pub enc: SessionKey,
    /// [`SellerIntroduction`], sealed as message 0 of that direction.
    pub sealed: Bytes<PACKET_MAX>,
}

/// Who the seller is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SellerIntroduction {
    /// The seller's certificate.
    pub certificate: Signed<Certificate>,
    /// The office key it names, if HELLO 1 asked for it.
    pub office_key: Option<Signed<OfficeKey>>,
    /// Over [`SellerProof`].
    pub proof: Signature,
}

/// HELLO 3, buyer: sealed to the seller's session key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Hello3 {
    /// HPKE encapsulated key of the direction buyer to seller.
    pub enc: SessionKey,
    /// [`BuyerIntroduction`], sealed as message 0 of that direction.
    pub sealed: Bytes<PACKET_MAX>,
}

/// Who the buyer is, and out of which purse it would pay.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BuyerIntroduction {
    /// The buyer's certificate.
    pub certificate: Signed<Certificate>,
    /// The office key that certificate or checkpoint names, if it is not the seller's.
    pub office_key: Option<Signed<OfficeKey>>,
    /// The buyer's purse.
    pub checkpoint: Signed<Checkpoint>,
    /// Over [`BuyerProof`].
    pub proof: Signature,
}

/// What the seller's proof in HELLO 2 signs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct SellerProof {
    /// The version chosen.
    pub version: u8,
    /// The seller.
    pub wallet: WalletId,
    /// Hash of LOOKUP, HELLO 1 and the clear part of HELLO 2.
    pub earlier: Hash,
}

impl Statement for SellerProof {
    const TYPE: &'static str = "hello-2";
}

/// What the buyer's proof in HELLO 3 signs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct BuyerProof {
    /// The version chosen.
    pub version: u8,
    /// The buyer.
    pub wallet: WalletId,
    /// The seller it answers.
    pub seller: WalletId,
    /// Hash of LOOKUP, HELLO 1 and HELLO 2.
    pub earlier: Hash,
}

impl Statement for BuyerProof {
    const TYPE: &'static str = "hello-3";
}

/// Why a handshake or session ends. Coarse on purpose: detail helps an attacker.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RejectCode {
    /// No common version.
    Version,
    /// The handshake was not acceptable.
    Handshake,
    /// The certificate or checkpoint was not acceptable.
    Certificate,
    /// Too many sessions at once.
    Busy,
    /// The session is over.
    Ended,
}

/// A sealed message with its number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sealed {
    /// Counts the sealed messages of this direction from 1.
    pub number: u32,
    /// The highest number received in order from the other direction when this was first sent.
    pub ack: u32,
    /// HPKE ciphertext of a [`crate::Message`].
    pub ciphertext: Bytes<PACKET_MAX>,
}

/// Everything that travels on a channel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Packet {
    /// Buyer's first.
    Hello1(Hello1),
    /// Seller's answer.
    Hello2(Hello2),
    /// Buyer's second.
    Hello3(Hello3),
    /// Anything after.
    Sealed(Sealed),
    /// The sender ends the handshake or session.
    Reject(RejectCode),
}
