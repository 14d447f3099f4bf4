//! Bytes sealed under what Argon2id makes of a PIN or passphrase.
//!
//! ```text
//! offset  0        4        8       12      28      52
//!         | memory | passes | lanes | salt  | nonce | ciphertext, tag |
//!         | u32 LE | u32 LE | u32 LE| 16    | 24    | n + 16          |
//! ```
//!
//! XChaCha20-Poly1305. What the caller writes before it, and the first 28 bytes, are authenticated
//! with the ciphertext, so that nothing of them changes unnoticed.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::pin::Pin;

const COST_BYTES: usize = 12;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const HEAD_BYTES: usize = COST_BYTES + SALT_BYTES;

/// How much longer wrapped bytes are.
pub const WRAPPED_BYTES: usize = HEAD_BYTES + NONCE_BYTES + TAG_BYTES;

/// The most memory of a wrapping that is opened: another one is refused rather than tried.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 16;

/// What one guess costs: the parameters of Argon2id. They are stored beside what they guard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// How often it is gone through.
    pub passes: u32,
    /// How many lanes may be filled at once.
    pub lanes: u32,
}

impl Cost {
    /// The least that Argon2id takes: for tests, never for a person.
    pub const CHEAPEST: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    /// True if it makes a guess cheaper than `other` in some way, and in none dearer.
    #[must_use]
    pub const fn is_below(self, other: Self) -> bool {
        let less = self.memory_kib < other.memory_kib || self.passes < other.passes;
        less && self.memory_kib <= other.memory_kib && self.passes <= other.passes
    }

    fn to_bytes(self) -> [u8; COST_BYTES] {
        let mut bytes = [0; COST_BYTES];
        let fields = [self.memory_kib, self.passes, self.lanes];
        for (to, from) in bytes.chunks_exact_mut(4).zip(fields) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        bytes
    }

    fn parse(bytes: &[u8; COST_BYTES]) -> Option<Self> {
        let (memory_kib, rest) = bytes.split_first_chunk()?;
        let (passes, lanes) = rest.split_first_chunk()?;
        let memory_kib = u32::from_le_bytes(*memory_kib);
        let (passes, lanes) =
            (u32::from_le_bytes(*passes), u32::from_le_bytes(lanes.try_into().ok()?));
        let fits = memory_kib <= MEMORY_KIB_MAX && passes <= PASSES_MAX && lanes <= LANES_MAX;
        fits.then_some(Self { memory_kib, passes, lanes })
    }

    /// The key that a PIN makes.
    fn derive(self, pin: &Pin, salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut key = Zeroizing::new([0; 32]);
        argon.hash_password_into(pin.bytes(), salt, key.as_mut_slice()).ok()?;
        Some(key)
    }
}

impl Default for Cost {
    /// RFC 9106's second choice, on one lane: some 0.2 s of a computer of 2020.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// Why wrapped bytes did not open, or could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WrapError {
    /// They are cut off, or their parameters are out of bounds.
    #[error("not readable")]
    Malformed,
    /// Another PIN or passphrase, or a byte was changed.
    #[error("wrong passphrase, or not as it was written")]
    Shut,
    /// The operating system gives no randomness.
    #[error("failed to draw randomness")]
    Random(#[source] getrandom::Error),
}

/// Seals `bytes` under `pin`, bound to the caller's `head`.
///
/// # Errors
/// [`WrapError`], if Argon2id does not take `cost` or there is no randomness.
pub fn wrap(pin: &Pin, cost: Cost, head: &[u8], bytes: &[u8]) -> Result<Vec<u8>, WrapError> {
    let mut drawn = [0; SALT_BYTES + NONCE_BYTES];
    getrandom::fill(&mut drawn).map_err(WrapError::Random)?;
    let (salt, nonce) = drawn.split_at(SALT_BYTES);
    let mut out = cost.to_bytes().to_vec();
    out.extend(salt);
    let bound = [head, &out].concat();
    out.extend(nonce);
    let key = cost.derive(pin, salt).ok_or(WrapError::Malformed)?;
    // Freshly allocated, and sealed before it grows: no copy of `bytes` stays behind.
    let mut body = Vec::with_capacity(bytes.len() + TAG_BYTES);
    body.extend(bytes);
    cipher(&key)
        .encrypt_in_place(&nonce_of(nonce), &bound, &mut body)
        .map_err(|_| WrapError::Malformed)?;
    out.append(&mut body);
    Ok(out)
}

/// Opens what [`wrap`] sealed with the same `pin` and `head`.
///
/// # Errors
/// [`WrapError`].
pub fn unwrap(pin: &Pin, head: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    let (cost, salt, nonce, body) = parts(wrapped).ok_or(WrapError::Malformed)?;
    let bound = [head, wrapped.get(..HEAD_BYTES).unwrap_or_default()].concat();
    let key = cost.derive(pin, salt).ok_or(WrapError::Malformed)?;
    let mut out = Zeroizing::new(body.to_vec());
    cipher(&key)
        .decrypt_in_place(&nonce_of(nonce), &bound, &mut *out)
        .map_err(|_| WrapError::Shut)?;
    Ok(out)
}

/// What one guess at wrapped bytes costs; none if they are not readable.
pub(crate) fn cost_of(wrapped: &[u8]) -> Option<Cost> {
    parts(wrapped).map(|(cost, ..)| cost)
}

type Parts<'a> = (Cost, &'a [u8], &'a [u8], &'a [u8]);

fn parts(wrapped: &[u8]) -> Option<Parts<'_>> {
    let (cost, rest) = wrapped.split_first_chunk()?;
    let (salt, rest) = rest.split_at_checked(SALT_BYTES)?;
    let (nonce, body) = rest.split_at_checked(NONCE_BYTES)?;
    Some((Cost::parse(cost)?, salt, nonce, body))
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

fn nonce_of(bytes: &[u8]) -> XNonce {
    let mut nonce = XNonce::default();
    for (to, from) in nonce.iter_mut().zip(bytes) {
        *to = *from;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_bytes_open_with_the_same_pin_and_head_only() {
        let (pin, other) = (Pin::new("abcd").unwrap(), Pin::new("abce").unwrap());
        let wrapped = wrap(&pin, Cost::CHEAPEST, b"head", b"seven rupees").unwrap();
        assert_eq!(wrapped.len(), WRAPPED_BYTES + 12);
        assert_eq!(*unwrap(&pin, b"head", &wrapped).unwrap(), b"seven rupees".to_vec());
        assert!(matches!(unwrap(&other, b"head", &wrapped), Err(WrapError::Shut)));
        assert!(matches!(unwrap(&pin, b"heat", &wrapped), Err(WrapError::Shut)));
        for byte in HEAD_BYTES - SALT_BYTES..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[byte] ^= 1;
            assert!(matches!(unwrap(&pin, b"head", &changed), Err(WrapError::Shut)), "{byte}");
        }
    }

    #[test]
    fn parameters_that_would_take_all_memory_and_cut_bytes_are_refused_untried() {
        let pin = Pin::new("abcd").unwrap();
        let wrapped = wrap(&pin, Cost::CHEAPEST, b"", b"x").unwrap();
        for (at, byte) in [(3, 0xff), (7, 1), (11, 1)] {
            let mut changed = wrapped.clone();
            changed[at] = byte;
            assert!(matches!(unwrap(&pin, b"", &changed), Err(WrapError::Malformed)), "{at}");
        }
        for length in 0..HEAD_BYTES + NONCE_BYTES {
            let cut = unwrap(&pin, b"", &wrapped[..length]);
            assert!(matches!(cut, Err(WrapError::Malformed)), "{length}");
        }
    }

    #[test]
    fn a_cost_is_below_one_that_is_dearer_in_some_way_and_cheaper_in_none() {
        let usual = Cost::default();
        let less = Cost { memory_kib: 32 * 1024, ..usual };
        assert!(less.is_below(usual) && Cost::CHEAPEST.is_below(usual));
        assert!(!usual.is_below(usual) && !usual.is_below(less));
        assert!(!Cost { passes: 4, ..less }.is_below(usual));
    }
}
