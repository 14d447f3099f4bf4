//! Key types that wipe themselves, and Ed25519 signatures over statements.

use core::fmt;

use onehop_wire::domain::{hash_of, wallet_id};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{Hash, OfficeId, PublicKey, SessionKey, Signature, Signed, Statement, WalletId};
use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A signature does not belong to this body, key and office, or the key is weak.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("signature of a {statement} does not verify")]
pub struct BadSignature {
    /// [`Statement::TYPE`] of what was checked.
    pub statement: &'static str,
}

/// A statement whose signature was checked, or which was signed here, with its hash.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified<T> {
    signed: Signed<T>,
    hash: Hash,
}

impl<T> Verified<T> {
    /// The statement's body.
    pub const fn body(&self) -> &T {
        &self.signed.body
    }

    /// Body and signature.
    pub const fn signed(&self) -> &Signed<T> {
        &self.signed
    }

    /// Hash of the body.
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// A statement whose very signature was verified before; `hash` is that of its body.
    pub(crate) const fn again(signed: Signed<T>, hash: Hash) -> Self {
        Self { signed, hash }
    }

    /// Gives body and signature back.
    pub fn into_signed(self) -> Signed<T> {
        self.signed
    }
}

/// An Ed25519 signing key. Its bytes are wiped when it is dropped and never printed.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, to be stored.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The wallet that signs with this key.
    #[must_use]
    pub fn wallet(&self) -> WalletId {
        wallet_id(&self.public())
    }

    /// The X25519 secret of an office that signs with this key, to whose public key parcels are
    /// sealed: the hash of the seed under a name of its own (spec §9.12).
    #[must_use]
    pub fn mail_secret(&self) -> SessionSecret {
        SessionSecret::from_bytes(hash_of("mail-secret", &[self.seed().as_slice()]).0)
    }

    /// Signs `body` as a statement within `office`.
    #[must_use]
    pub fn sign<T: Statement>(&self, office: &OfficeId, body: T) -> Verified<T> {
        let input = body.signing_input(office);
        let signature = self.sign_bytes(&input);
        Verified { hash: sha256(&input), signed: Signed { body, signature } }
    }

    fn sign_bytes(&self, input: &[u8]) -> Signature {
        use ed25519_dalek::Signer as _;
        Signature(self.0.sign(input).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Checks the signature of `statement` by `key` within `office`.
///
/// # Errors
/// [`BadSignature`] if it does not verify strictly: small-order keys or `R`, and a non-canonical
/// `S`, are refused (`verify_strict` of RFC 8032 verification).
pub fn verify<T: Statement>(
    office: &OfficeId,
    key: &PublicKey,
    statement: Signed<T>,
) -> Result<Verified<T>, BadSignature> {
    let bad = BadSignature { statement: T::TYPE };
    let input = statement.body.signing_input(office);
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| bad)?;
    let signature = ed25519_dalek::Signature::from_bytes(&statement.signature.0);
    if !mutant::is(Mutant::SignatureUnchecked) {
        key.verify_strict(&input, &signature).map_err(|_| bad)?;
    }
    Ok(Verified { hash: sha256(&input), signed: statement })
}

/// True if `key` is a point of the curve and not of small order.
#[must_use]
pub fn is_strong(key: &PublicKey) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).is_ok_and(|key| !key.is_weak())
}

fn sha256(input: &[u8]) -> Hash {
    onehop_wire::domain::sha256(input)
}

/// An X25519 secret: of one session, or for mail of the office.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// Makes a new secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret of these 32 bytes (clamped when used, RFC 7748).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> SessionKey {
        let secret = x25519_dalek::StaticSecret::from(self.0);
        SessionKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}
