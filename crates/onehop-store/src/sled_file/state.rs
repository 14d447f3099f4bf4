//! The state row: one row of the file about all the others, rewritten by every batch.

use super::error::Damage;
use super::rows::Head;

const STATE_BYTES: usize = 32;

/// What the file knows about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The number of the newest batch; the first is 1.
    pub(super) batch: u64,
    /// How many rows there are.
    pub(super) rows: u64,
    /// The sum of the rows' weights.
    pub(super) sum: u64,
    /// How many bytes were written since the database last wrote its page table.
    pub(super) recent_bytes: u64,
}

impl State {
    pub(super) fn add(&mut self, head: Head) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(head.weight());
    }

    pub(super) fn remove(&mut self, head: Head) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(head.weight());
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE_BYTES + 4);
        for field in [self.batch, self.rows, self.sum, self.recent_bytes] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let bad = || Damage::Row { tree: 0, key_bytes: 0 };
        let (body, check) = bytes.split_last_chunk::<4>().ok_or_else(bad)?;
        if body.len() != STATE_BYTES || u32::from_le_bytes(*check) != crc32fast::hash(body) {
            return Err(bad());
        }
        let mut fields = body.chunks_exact(8).map(|field| {
            field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
        });
        let mut field = || fields.next().ok_or_else(bad);
        Ok(Self { batch: field()?, rows: field()?, sum: field()?, recent_bytes: field()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_row_reads_back_and_notices_any_flip() {
        let state = State { batch: 1, rows: 1 << 40, sum: u64::MAX, recent_bytes: 77 };
        let bytes = state.to_bytes();
        assert_eq!(State::parse(&bytes).unwrap(), state);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(State::parse(&flipped).is_err(), "bit {bit}");
        }
    }
}
