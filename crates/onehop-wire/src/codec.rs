//! Canonical bytes: postcard, with exactly one accepted encoding for each value (spec §3).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes were not accepted. The peer or the file is at fault; nothing can be retried.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input is longer than anything of this kind may be. It was not looked at.
    #[error("{found} bytes are over the bound of {max}")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes are not an encoding of this type.
    #[error("not a valid encoding")]
    Invalid,
    /// A valid encoding is followed by more bytes.
    #[error("{found} bytes follow the end")]
    Trailing {
        /// Bytes that follow.
        found: usize,
    },
    /// The value has another, shorter encoding.
    #[error("not the canonical encoding")]
    NotCanonical,
}

/// Encodes `value` canonically.
///
/// # Panics
/// Never for the types of this crate: they have no unsized or unsupported parts.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "postcard to a Vec fails only for unsized sequences")]
    postcard::to_allocvec(value).expect("every wire type has a known length")
}

/// Decodes `bytes` of at most `max` bytes into a `T`.
///
/// # Errors
/// [`DecodeError`] if the bytes are too long, invalid, followed by others, or not the bytes that
/// [`encode`] gives for the value. No allocation exceeds the length of `bytes` by more than the
/// bounds in [`crate::limits`].
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLong { found: bytes.len(), max });
    }
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).map_err(|_| DecodeError::Invalid)?;
    if !rest.is_empty() {
        return Err(DecodeError::Trailing { found: rest.len() });
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}
