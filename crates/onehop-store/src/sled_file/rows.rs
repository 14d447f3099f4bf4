//! How a tree's row lies in the flat space of the database.
//!
//! A value is cut into pieces of at most [`PIECE_BYTES`], because the database writes any page
//! above 128 KiB to a file of its own that it never makes durable. The first piece lies under the
//! row's own key, behind a head with the checksum of the whole row; the others lie in a tree of
//! their own.

use super::error::Damage;
use crate::seal::SEAL_BYTES;

/// The state row of the file itself.
pub(super) const STATE_KEY: &[u8] = &[0];
/// The tree of the pieces after a value's first.
const PIECES_TREE: u8 = 0xff;
/// The longest piece of a value. At most 18 rows share a page, so that it stays below 128 KiB.
const PIECE_BYTES: usize = 4096;
const HEAD_BYTES: usize = 8;

/// The longest key of a row.
pub const KEY_BYTES_MAX: usize = 512;
/// The longest value of a row, before it is sealed.
pub const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Which tree of a [`SledFile`](super::SledFile) a row belongs to: 1 to 254.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeId(u8);

impl TreeId {
    /// The tree with this number; meant for constants.
    ///
    /// # Panics
    /// If `number` is 0 or 255, which the file keeps for itself.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        assert!(number != 0 && number != PIECES_TREE, "trees 0 and 255 are reserved");
        Self(number)
    }

    /// The number of the tree.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The head of a row: its checksum and the length of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) check: u32,
    pub(super) value_bytes: usize,
}

impl Head {
    pub(super) fn of(tree: TreeId, key: &[u8], value: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&row_key(tree, key));
        // The length keeps a byte from moving between key and value unnoticed.
        hasher.update(&value.len().to_le_bytes());
        hasher.update(value);
        Self { check: hasher.finalize(), value_bytes: value.len() }
    }

    /// Splits the first piece of a row into its head and the bytes behind it.
    pub(super) fn split<'a>(
        tree: TreeId,
        key: &[u8],
        first: &'a [u8],
    ) -> Result<(Self, &'a [u8]), Damage> {
        let bad = || Damage::Row { tree: tree.0, key_bytes: key.len() };
        let (check, rest) = first.split_first_chunk::<4>().ok_or_else(bad)?;
        let (value_bytes, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
        let value_bytes = usize::try_from(u32::from_le_bytes(*value_bytes)).map_err(|_| bad())?;
        if value_bytes > VALUE_BYTES_MAX + SEAL_BYTES || rest.len() != value_bytes.min(PIECE_BYTES)
        {
            return Err(bad());
        }
        Ok((Self { check: u32::from_le_bytes(*check), value_bytes }, rest))
    }

    /// How many pieces follow the first.
    pub(super) fn later_pieces(self) -> usize {
        self.value_bytes.saturating_sub(1) / PIECE_BYTES
    }

    /// What the row adds to the sum over all rows; spread so that unlike errors do not cancel.
    pub(super) fn weight(self) -> u64 {
        // The finaliser of splitmix64 (Steele et al., 2014).
        let mut z = u64::from(self.check).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The key of a row's first piece.
pub(super) fn row_key(tree: TreeId, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(tree.0);
    bytes.extend(key);
    bytes
}

/// The key of a later piece, 1 for the second.
pub(super) fn piece_key(tree: TreeId, key: &[u8], piece: usize) -> Vec<u8> {
    let mut bytes = vec![PIECES_TREE, tree.0];
    // Keys are at most 512 bytes and pieces at most 4096, so that neither cast loses anything.
    bytes.extend((key.len() as u16).to_be_bytes());
    bytes.extend(key);
    bytes.extend((piece as u32).to_be_bytes());
    bytes
}

/// The pieces of a row: the first with its head, then the others.
pub(super) fn cut(head: Head, value: &[u8]) -> (Vec<u8>, impl Iterator<Item = Vec<u8>>) {
    let (inline, rest) = value.split_at(value.len().min(PIECE_BYTES));
    let mut first = Vec::with_capacity(HEAD_BYTES + inline.len());
    first.extend(head.check.to_le_bytes());
    first.extend((head.value_bytes as u32).to_le_bytes());
    first.extend(inline);
    (first, rest.chunks(PIECE_BYTES).map(<[u8]>::to_vec))
}
