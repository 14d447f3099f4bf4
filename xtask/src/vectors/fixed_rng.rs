//! Randomness that is not: the bytes that a test wrote down, in order.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Yields `bytes` and then panics, so that nobody draws more than was written down.
#[derive(Debug)]
pub(crate) struct FixedRng {
    bytes: Vec<u8>,
    drawn: usize,
}

impl FixedRng {
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self { bytes: parts.concat(), drawn: 0 }
    }

    /// True if every byte was drawn.
    pub(crate) fn is_used_up(&self) -> bool {
        self.drawn == self.bytes.len()
    }
}

impl TryRng for FixedRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let end = self.drawn + to.len();
        assert!(end <= self.bytes.len(), "more randomness is drawn than was written down");
        to.copy_from_slice(&self.bytes[self.drawn..end]);
        self.drawn = end;
        Ok(())
    }
}

impl TryCryptoRng for FixedRng {}
