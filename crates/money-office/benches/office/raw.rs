//! What one core verifies, by itself.

use std::hint::black_box;
use std::time::Instant;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey, verify_batch};

use crate::rate;

/// Signatures of one batch.
const BATCH: usize = 128;

/// Messages, each signed with a key of its own.
pub(crate) struct Signed {
    messages: Vec<[u8; 32]>,
    signatures: Vec<Signature>,
    keys: Vec<VerifyingKey>,
}

impl Signed {
    pub(crate) fn new(count: u32) -> Self {
        let mut it = Self { messages: Vec::new(), signatures: Vec::new(), keys: Vec::new() };
        for number in 0..count {
            let message = onehop_wire::domain::sha256(&number.to_be_bytes()).0;
            let key = SigningKey::from_bytes(&message);
            it.signatures.push(key.sign(&message));
            it.keys.push(key.verifying_key());
            it.messages.push(message);
        }
        it
    }

    pub(crate) const fn len(&self) -> usize {
        self.messages.len()
    }

    /// Strict verifications a second.
    pub(crate) fn strict(&self) -> f64 {
        let begun = Instant::now();
        for ((message, signature), key) in
            self.messages.iter().zip(&self.signatures).zip(&self.keys)
        {
            black_box(key.verify_strict(black_box(message), signature)).unwrap();
        }
        rate(self.len(), begun.elapsed())
    }

    /// Signatures a second in batches. A batch accepts some signatures that strict verification
    /// refuses, which is why the office does without.
    pub(crate) fn batch(&self) -> f64 {
        let begun = Instant::now();
        let messages: Vec<&[u8]> = self.messages.iter().map(<[u8; 32]>::as_slice).collect();
        let parts = messages.chunks(BATCH).zip(self.signatures.chunks(BATCH));
        for ((messages, signatures), keys) in parts.zip(self.keys.chunks(BATCH)) {
            black_box(verify_batch(black_box(messages), signatures, keys)).unwrap();
        }
        rate(self.len(), begun.elapsed())
    }
}
