//! The envelope's outer half: RFC 9180 HPKE, base mode, DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, ChaCha20-Poly1305.
//!
//! The inner half, the signature, lies inside the plaintext: statements name sender, receiver and
//! step, so that what is opened cannot be forwarded to somebody else as if meant for him
//! (Davis 2001).

use core::fmt;

use hpke::aead::{AeadCtxR, AeadCtxS, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use onehop_wire::SessionKey;
use rand_core::CryptoRng;

use crate::keys::SessionSecret;

type PublicKeyOf = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateKeyOf = <X25519HkdfSha256 as Kem>::PrivateKey;
type EncappedKeyOf = <X25519HkdfSha256 as Kem>::EncappedKey;

/// Why something could not be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The other side's X25519 key is not usable; end the handshake.
    #[error("x25519 key is not usable")]
    Key,
    /// The ciphertext was not made for this context, number and associated data; drop it.
    #[error("ciphertext does not open")]
    Open,
    /// The context has no message numbers left; end the session.
    #[error("context is used up")]
    UsedUp,
}

/// One direction's sending half. Each call to [`Sealer::seal`] uses the next sequence number.
pub struct Sealer(AeadCtxS<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>);

/// One direction's receiving half. Opens strictly in order.
pub struct Opener(AeadCtxR<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>);

impl Sealer {
    /// Sets a context up to `receiver` (RFC 9180 `SetupBaseS`); gives the encapsulated key too.
    ///
    /// # Errors
    /// [`EnvelopeError::Key`] if `receiver` is of small order.
    pub fn setup(
        rng: &mut impl CryptoRng,
        receiver: &SessionKey,
        info: &[u8],
    ) -> Result<(SessionKey, Self), EnvelopeError> {
        let key = PublicKeyOf::from_bytes(receiver.as_bytes()).map_err(|_| EnvelopeError::Key)?;
        let (enc, context) = hpke::setup_sender_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(&OpModeS::Base, &key, info, rng)
        .map_err(|_| EnvelopeError::Key)?;
        Ok((SessionKey(enc.to_bytes().into()), Self(context)))
    }

    /// Encrypts `plaintext`, bound to `aad`, as the next message of this direction.
    ///
    /// # Errors
    /// [`EnvelopeError::UsedUp`] after 2^64 messages.
    pub fn seal(&mut self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        self.0.seal(plaintext, aad).map_err(|_| EnvelopeError::UsedUp)
    }
}

impl Opener {
    /// Sets a context up from the encapsulated key (RFC 9180 `SetupBaseR`).
    ///
    /// # Errors
    /// [`EnvelopeError::Key`] if `enc` is of small order.
    pub fn setup(
        secret: &SessionSecret,
        enc: &SessionKey,
        info: &[u8],
    ) -> Result<Self, EnvelopeError> {
        let key =
            PrivateKeyOf::from_bytes(secret.to_bytes().as_ref()).map_err(|_| EnvelopeError::Key)?;
        let enc = EncappedKeyOf::from_bytes(enc.as_bytes()).map_err(|_| EnvelopeError::Key)?;
        hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &key,
            &enc,
            info,
        )
        .map(Self)
        .map_err(|_| EnvelopeError::Key)
    }

    /// Decrypts the next message of this direction. On error the context stays where it was.
    ///
    /// # Errors
    /// [`EnvelopeError::Open`] if it was not sealed as this number with this `aad`.
    pub fn open(&mut self, aad: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        self.0.open(ciphertext, aad).map_err(|_| EnvelopeError::Open)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}
