//! What is hashed and what is signed: a domain string, the office, the body (spec §3.3).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::encode;
use crate::ids::{Hash, Nonce, OfficeId, PublicKey, Signature, TxId, WalletId};

/// Length of every domain string, in bytes.
pub const DOMAIN_LEN: usize = 32;

/// A body that somebody signs. `TYPE` separates it from every other kind.
pub trait Statement: Serialize {
    /// At most 23 ASCII bytes; unique among all statements.
    const TYPE: &'static str;

    /// The bytes that are hashed and signed: domain, office id, canonical body.
    fn signing_input(&self, office: &OfficeId) -> Vec<u8> {
        let mut input = Vec::with_capacity(512);
        input.extend_from_slice(&domain(Self::TYPE));
        input.extend_from_slice(office.as_bytes());
        input.extend_from_slice(&encode(self));
        input
    }

    /// SHA-256 of [`Statement::signing_input`]. It names the body, never a signature of it.
    fn hash(&self, office: &OfficeId) -> Hash {
        sha256(&self.signing_input(office))
    }
}

/// A statement and the signature over its signing input.
///
/// Holding one says nothing about its truth: the signature is checked in `onehop-crypto`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Signed<T> {
    /// What is stated.
    pub body: T,
    /// Ed25519 over the signing input of `body`.
    pub signature: Signature,
}

impl<T: Statement> Signed<T> {
    /// The hash of the body; every signature of one body shares it.
    #[must_use]
    pub fn hash(&self, office: &OfficeId) -> Hash {
        self.body.hash(office)
    }
}

/// The domain string of `kind`: `onehop/1/<kind>`, zero-padded to 32 bytes.
///
/// # Panics
/// If `kind` is longer than 23 bytes: only a new constant of this project could be.
#[must_use]
pub fn domain(kind: &str) -> [u8; DOMAIN_LEN] {
    let mut padded = [0u8; DOMAIN_LEN];
    let text = b"onehop/1/".iter().chain(kind.as_bytes());
    assert!(text.clone().count() <= DOMAIN_LEN, "domain string over 32 bytes");
    for (to, from) in padded.iter_mut().zip(text) {
        *to = *from;
    }
    padded
}

/// SHA-256 of a signing input that is already at hand.
#[must_use]
pub fn sha256(input: &[u8]) -> Hash {
    Hash(Sha256::digest(input).into())
}

/// SHA-256 over the domain of `kind` and the concatenated `parts`.
///
/// Parts of variable length must be the last one or carry their own length.
#[must_use]
pub fn hash_of(kind: &str, parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(domain(kind));
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// The id of the office whose first root key is `root`.
#[must_use]
pub fn office_id(root: &PublicKey) -> OfficeId {
    OfficeId(hash_of("office-id", &[root.as_bytes()]).0)
}

/// The id of the wallet that signs with `key`.
#[must_use]
pub fn wallet_id(key: &PublicKey) -> WalletId {
    WalletId(hash_of("wallet-id", &[key.as_bytes()]).0)
}

/// The hash of an order's text, as the request carries it.
#[must_use]
pub fn order_hash(text: &str) -> Hash {
    hash_of("order", &[text.as_bytes()])
}

/// The id of one payment attempt (spec §5.2).
#[must_use]
pub fn tx_id(
    payee: &WalletId,
    payer: &WalletId,
    buyer_nonce: &Nonce,
    seller_nonce: &Nonce,
    order: &Hash,
) -> TxId {
    let parts: [&[u8]; 5] = [
        payee.as_bytes(),
        payer.as_bytes(),
        buyer_nonce.as_bytes(),
        seller_nonce.as_bytes(),
        order.as_bytes(),
    ];
    TxId(hash_of("tx-id", &parts).0)
}
