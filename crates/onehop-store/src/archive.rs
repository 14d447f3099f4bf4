//! The archive of a log on the embedded store: many small rows, packed into blocks.
//!
//! The database's page table, which it reads whole when it opens, has an entry for every eight to
//! sixteen rows. Some twenty archived rows to a block keep that table, and with it the opening,
//! short. A block lies under a key at or below its lowest row and above all rows of the block
//! before; the first lies under the empty key, every other one under as few bytes as tell it apart.
//! Blocks are split and never joined.

use std::collections::BTreeMap;

use crate::sled_file::{Damage, KEY_BYTES_MAX, ReadError, Row, Scan, SledFile, TreeId};
use crate::sled_file::{VALUE_BYTES_MAX, WriteError, Writes};

/// A block is split when it grows beyond this.
const BLOCK_BYTES: usize = 3072;
/// How many blocks are read at a time.
const PAGE_BLOCKS: usize = 16;
const ROW_HEADER_BYTES: usize = 6;
/// The longest value of a row, so that it fits a block of its own.
const ROW_VALUE_BYTES_MAX: usize = VALUE_BYTES_MAX - KEY_BYTES_MAX - ROW_HEADER_BYTES;

/// The archive in one tree of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Archive<'a> {
    file: &'a SledFile,
    tree: TreeId,
}

/// Blocks changed and not yet written, by key.
type Changed = BTreeMap<Vec<u8>, Vec<Row>>;

impl<'a> Archive<'a> {
    pub(crate) fn new(file: &'a SledFile, tree: TreeId) -> Self {
        Self { file, tree }
    }

    /// Adds to `writes` what sets `rows`, each replacing the one with its key.
    pub(crate) fn put(&self, rows: &[Row], writes: &mut Writes) -> Result<(), WriteError> {
        let mut changed = Changed::new();
        for (key, value) in rows {
            check_size(key.len(), KEY_BYTES_MAX)?;
            check_size(value.len(), ROW_VALUE_BYTES_MAX)?;
            let (at, mut block) = self.block_for(key, &changed)?;
            let added = (key.clone(), value.clone());
            match block.binary_search_by(|(other, _)| other.cmp(key)) {
                Ok(index) => block[index] = added,
                Err(index) => block.insert(index, added),
            }
            if let Some(upper) = split_off(&mut block, key) {
                changed.insert(separator(&block, &upper), upper);
            }
            changed.insert(at, block);
        }
        for (at, block) in changed {
            writes.put(self.tree, at, encode(&block));
        }
        Ok(())
    }

    /// The value at `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let (_, block) = self.block_for(key, &Changed::new())?;
        Ok(block.into_iter().find(|(other, _)| other == key).map(|(_, value)| value))
    }

    /// At most `limit` rows from `from` on, ascending.
    pub(crate) fn ascending(
        &self,
        from: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, ReadError> {
        let from = from.unwrap_or_default();
        let mut rows = Vec::new();
        let mut start = self.stored_floor(from)?.map_or_else(Vec::new, |(at, _)| at);
        loop {
            let page = self.file.scan(&Scan::from(self.tree, &start, PAGE_BLOCKS))?;
            let Some((last, _)) = page.last() else {
                return Ok(rows);
            };
            start.clone_from(last);
            start.push(0);
            for (_, bytes) in page {
                let block = self.decode(&bytes)?;
                let wanted = block.into_iter().filter(|(key, _)| key.as_slice() >= from);
                rows.extend(wanted.take(limit - rows.len()));
            }
            if rows.len() == limit {
                return Ok(rows);
            }
        }
    }

    /// At most `limit` rows below `until`, descending.
    pub(crate) fn descending(
        &self,
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, ReadError> {
        let mut rows = Vec::new();
        let mut end = until.map(<[u8]>::to_vec);
        loop {
            let scan = Scan { reverse: true, until: end, ..Scan::all(self.tree, PAGE_BLOCKS) };
            let page = self.file.scan(&scan)?;
            let Some((last, _)) = page.last() else {
                return Ok(rows);
            };
            end = Some(last.clone());
            for (_, bytes) in page {
                let block = self.decode(&bytes)?;
                let below = |key: &[u8]| until.is_none_or(|until| key < until);
                let wanted = block.into_iter().rev().filter(|(key, _)| below(key));
                rows.extend(wanted.take(limit - rows.len()));
            }
            if rows.len() == limit {
                return Ok(rows);
            }
        }
    }

    /// The block in which `key` belongs, with its own key; empty if there is none.
    fn block_for(&self, key: &[u8], changed: &Changed) -> Result<(Vec<u8>, Vec<Row>), ReadError> {
        let stored = self.stored_floor(key)?;
        let newer = changed.range(..=key.to_vec()).next_back();
        match (stored, newer) {
            (Some((at, bytes)), Some((other, _))) if at > *other => Ok((at, self.decode(&bytes)?)),
            (_, Some((at, block))) => Ok((at.clone(), block.clone())),
            (Some((at, bytes)), None) => Ok((at, self.decode(&bytes)?)),
            (None, None) => Ok((Vec::new(), Vec::new())),
        }
    }

    /// The stored block with the greatest key at or below `key`.
    fn stored_floor(&self, key: &[u8]) -> Result<Option<Row>, ReadError> {
        let mut above = key.to_vec();
        above.push(0);
        let scan = Scan { reverse: true, until: Some(above), ..Scan::all(self.tree, 1) };
        Ok(self.file.scan(&scan)?.pop())
    }

    fn decode(&self, bytes: &[u8]) -> Result<Vec<Row>, ReadError> {
        decode(bytes).ok_or_else(|| ReadError::Damaged {
            path: self.file.path().to_owned(),
            what: Damage::Row { tree: self.tree.number(), key_bytes: 0 },
        })
    }
}

fn check_size(bytes: usize, bytes_max: usize) -> Result<(), WriteError> {
    if bytes > bytes_max { Err(WriteError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
}

/// Splits a block that has grown too long by the row `added`; returns its upper part.
fn split_off(block: &mut Vec<Row>, added: &[u8]) -> Option<Vec<Row>> {
    let size = |rows: &[Row]| -> usize { rows.iter().map(row_bytes).sum() };
    let total = size(block);
    if block.len() < 2 || total <= BLOCK_BYTES {
        return None;
    }
    // Rows mostly come in order, and then the full block need never be touched again.
    let at = if block.last().is_some_and(|(key, _)| key == added) {
        block.len() - 1
    } else {
        (1..block.len() - 1).find(|at| size(&block[..*at]) * 2 >= total).unwrap_or(block.len() - 1)
    };
    Some(block.split_off(at))
}

/// The shortest key above all rows of `lower` and not above any of `upper`: blocks are found by
/// keys that lie open on the disk, so that they say as little of the rows' keys as they can.
fn separator(lower: &[Row], upper: &[Row]) -> Vec<u8> {
    let below = lower.last().map_or(&[][..], |(key, _)| key);
    let above = upper.first().map_or(&[][..], |(key, _)| key);
    let same = below.iter().zip(above).take_while(|(one, other)| one == other).count();
    above.iter().take(same + 1).copied().collect()
}

fn row_bytes((key, value): &Row) -> usize {
    ROW_HEADER_BYTES + key.len() + value.len()
}

/// Each row as `key length u16 | value length u32 | key | value`.
fn encode(block: &[Row]) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.iter().map(row_bytes).sum());
    for (key, value) in block {
        // Both lengths were checked when the row came in.
        out.extend((key.len() as u16).to_le_bytes());
        out.extend((value.len() as u32).to_le_bytes());
        out.extend(key);
        out.extend(value);
    }
    out
}

fn decode(mut bytes: &[u8]) -> Option<Vec<Row>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let (key_bytes, rest) = bytes.split_first_chunk()?;
        let (value_bytes, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u16::from_le_bytes(*key_bytes).into())?;
        let value_bytes = usize::try_from(u32::from_le_bytes(*value_bytes)).ok()?;
        let (value, rest) = rest.split_at_checked(value_bytes)?;
        rows.push((key.to_vec(), value.to_vec()));
        bytes = rest;
    }
    Some(rows)
}
