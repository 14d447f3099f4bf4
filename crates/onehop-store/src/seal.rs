//! Sealing what lies on a disk: the data key of one folder, and what it does to rows and files.
//!
//! ```text
//! offset  0               16          24
//!         | opening       | count     | ciphertext ... | tag      |
//!         | 16 bytes      | u64 LE    |                | 16 bytes |
//! ```
//!
//! XChaCha20-Poly1305. The first 24 bytes are its nonce: `opening` is drawn when the key is
//! unlocked, `count` counts what was sealed since, so that no nonce comes twice, also when a power
//! cut takes back what was written. Where a sealed value belongs is authenticated with it: moved
//! elsewhere it does not open.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// The length of a data key.
pub const KEY_BYTES: usize = 32;
/// The length of what must be drawn anew for each unlocking.
pub const OPENING_BYTES: usize = 16;
/// How much longer a sealed value is.
pub const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

const NONCE_BYTES: usize = OPENING_BYTES + 8;
const TAG_BYTES: usize = 16;

/// The key under which everything in one folder lies. Clones share its count of nonces.
///
/// It wipes itself and never prints.
#[derive(Clone)]
pub struct DataKey {
    inner: Arc<Inner>,
}

struct Inner {
    /// Wipes itself.
    cipher: XChaCha20Poly1305,
    opening: [u8; OPENING_BYTES],
    count: AtomicU64,
}

impl DataKey {
    /// The data key with these bytes, for one unlocking: `opening` must be fresh randomness.
    #[must_use]
    pub fn new(key: &[u8; KEY_BYTES], opening: [u8; OPENING_BYTES]) -> Self {
        let cipher = XChaCha20Poly1305::new(key.into());
        Self { inner: Arc::new(Inner { cipher, opening, count: AtomicU64::new(0) }) }
    }

    /// Seals `bytes` so that they open only at `place`.
    ///
    /// # Panics
    /// If `bytes` are longer than 256 GiB, the bound of the cipher.
    #[must_use]
    pub fn seal(&self, place: &[u8], bytes: &[u8]) -> Vec<u8> {
        let count = self.inner.count.fetch_add(1, Ordering::Relaxed);
        let mut out = Vec::with_capacity(SEAL_BYTES + bytes.len());
        out.extend(self.inner.opening);
        out.extend(count.to_le_bytes());
        let nonce = nonce_of(&out);
        out.extend(bytes);
        let sealed = out.get_mut(NONCE_BYTES..).and_then(|body| {
            self.inner.cipher.encrypt_inout_detached(&nonce, place, body.into()).ok()
        });
        #[expect(clippy::expect_used, reason = "no value comes near the cipher's bound")]
        let tag = sealed.expect("a value is shorter than the cipher's bound");
        out.extend_from_slice(&tag);
        out
    }

    /// Opens what was sealed at `place`; `None` if one bit of it, the place or the key is another.
    #[must_use]
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
        let (body, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut out = body.to_vec();
        let opened = self.inner.cipher.decrypt_inout_detached(
            &nonce_of(nonce),
            place,
            out.as_mut_slice().into(),
            tag.into(),
        );
        opened.ok().map(|()| out)
    }
}

/// The nonce that `bytes` begin with.
fn nonce_of(bytes: &[u8]) -> XNonce {
    let mut nonce = XNonce::default();
    for (to, from) in nonce.iter_mut().zip(bytes) {
        *to = *from;
    }
    nonce
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> DataKey {
        DataKey::new(&[n; KEY_BYTES], [n; OPENING_BYTES])
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
        let sealed = key(1).seal(b"here", b"seven rupees");
        assert_eq!(key(1).open(b"here", &sealed), Some(b"seven rupees".to_vec()));
        assert_eq!(key(1).open(b"there", &sealed), None);
        assert_eq!(key(2).open(b"here", &sealed), None);
        assert_eq!(sealed.len(), SEAL_BYTES + 12);
        assert!(!sealed.windows(5).any(|part| part == b"seven"));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_opens() {
        let sealed = key(1).seal(b"", b"x");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key(1).open(b"", &flipped), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(key(1).open(b"", &sealed[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_to_the_same_bytes_and_clones_share_the_count() {
        let first = key(1);
        let second = first.clone();
        let sealed = [first.seal(b"", b"x"), second.seal(b"", b"x"), first.seal(b"", b"x")];
        assert_ne!(sealed[0], sealed[1]);
        assert_ne!(sealed[1], sealed[2]);
        assert_eq!(sealed[2][OPENING_BYTES], 2);
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", key(7)), "DataKey(..)");
    }
}
