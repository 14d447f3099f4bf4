//! A directory with one embedded database in it: atomic batches over several trees, and a
//! durability barrier that holds through a power cut.
//!
//! All trees lie in one flat space of keys, told apart by their first byte, so that one batch over
//! several trees is one batch of the database. `docs/storage-format.md` draws every byte.

mod dirs;
mod engine;
mod error;
mod marker;
mod opening;
mod rows;
mod scan;
mod state;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Engine, EngineError};
use marker::Marker;
use rows::{Head, STATE_KEY, piece_key, row_key};
use state::State;

use crate::seal::DataKey;

pub use error::{Damage, OpenError, ReadError, WriteError};
pub use opening::OpenMode;
pub use rows::{KEY_BYTES_MAX, TreeId, VALUE_BYTES_MAX};
pub use scan::{Row, Scan, Writes};

/// More than this many bytes since the page table, and opening checks every row. What the database
/// writes itself is some four times as much as it is given, so that up to here all of it lies in the
/// last segments of its log, which it checks for tears when it opens.
const RECENT_BYTES_MAX: u64 = 256 * 1024;
/// A barrier comes by itself after this many bytes without one.
const UNFORCED_BYTES_MAX: u64 = 128 * 1024;
/// How many rows are held in memory while checking all of them.
const PAGE_ROWS: usize = 1024;

/// How much a store keeps in memory, and how much it leaves to the next opening. It is a matter of
/// speed: any store can be opened with any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upkeep {
    /// Memory for the database's pages, in bytes.
    pub cache_bytes: u64,
    /// After this many bytes a barrier also closes and opens the database, which writes its page
    /// table and forgets its cache. Above 256 KiB an opening that follows a crash may have to read
    /// every row.
    pub turnover_bytes: u64,
}

impl Upkeep {
    /// For a device: little memory, and an opening that takes as long after a crash as after a
    /// shutdown.
    pub const DEVICE: Self = Self { cache_bytes: 8 << 20, turnover_bytes: 128 << 10 };
    /// For a service that writes all day, and opens seldom.
    pub const SERVICE: Self = Self { cache_bytes: 64 << 20, turnover_bytes: 16 << 20 };
}

/// An open store of rows. **What was applied before a [`SledFile::force`] that returned `Ok` is
/// there after a crash, whole; of what was applied after it, whole batches may be missing from the
/// newest on.**
///
/// One handle at a time, over all processes. Any failed call but [`WriteError::TooLarge`] poisons
/// the handle.
pub struct SledFile {
    path: PathBuf,
    /// Dropped before `_lock`, so that nobody meets a database half closed.
    engine: Engine,
    marker: Marker,
    state: State,
    /// What seals the values of all rows, if they are sealed.
    key: Option<DataKey>,
    upkeep: Upkeep,
    unforced_bytes: u64,
    forces: u64,
    poisoned: AtomicBool,
    _lock: File,
}

impl SledFile {
    /// Opens or creates the store in the directory `dir`, as `mode` says, kept as a device's.
    ///
    /// See [`SledFile::open_kept`].
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Panics
    /// If `kind` is longer than 16 bytes.
    pub fn open(
        dir: &Path,
        kind: &'static str,
        format: u32,
        mode: OpenMode,
    ) -> Result<Self, OpenError> {
        Self::open_kept(dir, kind, format, mode, Upkeep::DEVICE)
    }

    /// Opens or creates the store in the directory `dir`, as `mode` says.
    ///
    /// `kind` is at most 16 bytes; `format` is the caller's version of what its rows mean. Both
    /// are written once, and an existing store must have the same.
    ///
    /// # Errors
    /// See [`OpenError`].
    ///
    /// # Panics
    /// If `kind` is longer than 16 bytes.
    pub fn open_kept(
        dir: &Path,
        kind: &'static str,
        format: u32,
        mode: OpenMode,
        upkeep: Upkeep,
    ) -> Result<Self, OpenError> {
        opening::open(dir, kind, format, mode, upkeep)
    }

    /// This store with every value sealed under `key`; keys, sizes and counts of rows are not.
    ///
    /// A store is used with one key from its first row on. What another key sealed, or none, is
    /// damage.
    #[must_use]
    pub fn sealed(mut self, key: DataKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Applies `writes` as one atomic batch. Not durable before the next [`SledFile::force`].
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn apply(&mut self, writes: &Writes) -> Result<(), WriteError> {
        self.check_alive_for_write()?;
        if writes.is_empty() {
            return Ok(());
        }
        check_sizes(writes)?;
        self.apply_ops(writes).map_err(|error| self.fail_write(error))?;
        if self.unforced_bytes > UNFORCED_BYTES_MAX {
            self.force()?;
        }
        Ok(())
    }

    /// Makes every batch applied so far durable. Without one since the last time, a no-op.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub fn force(&mut self) -> Result<(), WriteError> {
        self.check_alive_for_write()?;
        if self.unforced_bytes == 0 {
            return Ok(());
        }
        self.barrier().map_err(|error| self.fail_write(error))
    }

    /// How many barriers this handle has sent to the disk.
    #[must_use]
    pub fn forces(&self) -> u64 {
        self.forces
    }

    /// The directory of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value at `key`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn get(&self, tree: TreeId, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        self.check_alive_for_read()?;
        let value = self.engine.get(&row_key(tree, key)).and_then(|first| match first {
            Some(first) => self.whole(tree, key, &first).map(|(_, value)| Some(value)),
            None => Ok(None),
        });
        value.map_err(|error| self.fail_read(error))
    }

    /// The rows of a range, keys and values, in the order asked for.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn scan(&self, scan: &Scan) -> Result<Vec<Row>, ReadError> {
        self.check_alive_for_read()?;
        let Some(bounds) = scan.bounds() else {
            return Ok(Vec::new());
        };
        let rows = self.engine.range(bounds, scan.reverse, scan.limit).and_then(|rows| {
            let row = |(row_key, first): Row| {
                let key = row_key.get(1..).unwrap_or_default().to_vec();
                let (_, value) = self.whole(scan.tree, &key, &first)?;
                Ok((key, value))
            };
            rows.into_iter().map(row).collect()
        });
        rows.map_err(|error| self.fail_read(error))
    }

    /// Reads every row and checks that they add up; returns how many there are.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn verify(&self) -> Result<u64, ReadError> {
        self.check_alive_for_read()?;
        self.add_up().map_err(|error| self.fail_read(error))
    }

    fn apply_ops(&mut self, writes: &Writes) -> Result<(), EngineError> {
        let mut state = self.state;
        let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        let mut bytes = 0;
        for (tree, key, value) in &writes.ops {
            let row = row_key(*tree, key);
            let old = match rows.get(&row) {
                Some(pending) => pending.clone(),
                None => self.engine.get(&row)?,
            };
            if let Some(first) = old {
                let (head, _) = Head::split(*tree, key, &first).map_err(EngineError::Damage)?;
                state.remove(head);
                for piece in 1..=head.later_pieces() {
                    rows.insert(piece_key(*tree, key, piece), None);
                }
            }
            bytes += row.len() as u64;
            let Some(value) = value else {
                rows.insert(row, None);
                continue;
            };
            let value = match &self.key {
                Some(seal) => Cow::Owned(seal.seal(&row, value)),
                None => Cow::Borrowed(value),
            };
            bytes += value.len() as u64;
            let head = Head::of(*tree, key, &value);
            state.add(head);
            let (first, later) = rows::cut(head, &value);
            rows.insert(row, Some(first));
            for (at, piece) in later.enumerate() {
                rows.insert(piece_key(*tree, key, at + 1), Some(piece));
            }
        }
        state.batch += 1;
        state.recent_bytes += bytes;
        rows.insert(STATE_KEY.to_vec(), Some(state.to_bytes()));
        self.engine.apply(rows)?;
        self.state = state;
        self.unforced_bytes += bytes;
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), EngineError> {
        self.engine.force()?;
        self.forces += 1;
        self.unforced_bytes = 0;
        self.marker.mark(self.state.batch).map_err(EngineError::Io)?;
        if self.state.recent_bytes < self.upkeep.turnover_bytes {
            return Ok(());
        }
        self.engine.reopen()?;
        self.note_page_table()
    }

    /// Notes that the database has just written its page table. Need not be durable: without the
    /// note the next opening only checks more than it must.
    fn note_page_table(&mut self) -> Result<(), EngineError> {
        let noted = self.state.recent_bytes;
        self.state.recent_bytes = 0;
        if noted > RECENT_BYTES_MAX {
            self.engine.apply([(STATE_KEY.to_vec(), Some(self.state.to_bytes()))])?;
        }
        Ok(())
    }

    /// Puts the pieces of a row together, checks them, and opens what is sealed.
    fn whole(
        &self,
        tree: TreeId,
        key: &[u8],
        first: &[u8],
    ) -> Result<(Head, Vec<u8>), EngineError> {
        let (head, inline) = Head::split(tree, key, first).map_err(EngineError::Damage)?;
        let mut value = inline.to_vec();
        for piece in 1..=head.later_pieces() {
            value.extend(self.engine.get(&piece_key(tree, key, piece))?.unwrap_or_default());
        }
        let (number, key_bytes) = (tree.number(), key.len());
        if Head::of(tree, key, &value) != head {
            return Err(EngineError::Damage(Damage::Row { tree: number, key_bytes }));
        }
        let Some(seal) = &self.key else {
            return Ok((head, value));
        };
        let shut = || EngineError::Damage(Damage::Sealed { tree: number, key_bytes });
        Ok((head, seal.open(&row_key(tree, key), &value).ok_or_else(shut)?))
    }

    fn add_up(&self) -> Result<u64, EngineError> {
        let mut found = State::default();
        let mut low = Bound::Included(vec![1]);
        let high = Bound::Excluded(vec![0xff]);
        loop {
            let page = self.engine.range((low, high.clone()), false, PAGE_ROWS)?;
            for (row, first) in &page {
                if let Some((tree, key)) = row.split_first() {
                    found.add(self.whole(TreeId::new(*tree), key, first)?.0);
                }
            }
            match page.into_iter().next_back() {
                Some((last, _)) => low = Bound::Excluded(last),
                None => break,
            }
        }
        if (found.rows, found.sum) == (self.state.rows, self.state.sum) {
            Ok(found.rows)
        } else {
            let (expected, found) = (self.state.rows, found.rows);
            Err(EngineError::Damage(Damage::Sum { expected, found }))
        }
    }

    fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    fn check_alive_for_read(&self) -> Result<(), ReadError> {
        let path = || self.path.clone();
        if self.is_poisoned() { Err(ReadError::Poisoned { path: path() }) } else { Ok(()) }
    }

    fn check_alive_for_write(&self) -> Result<(), WriteError> {
        let path = || self.path.clone();
        if self.is_poisoned() { Err(WriteError::Poisoned { path: path() }) } else { Ok(()) }
    }

    fn fail_read(&self, error: EngineError) -> ReadError {
        self.poisoned.store(true, Ordering::Release);
        let path = self.path.clone();
        match error {
            EngineError::Io(source) => ReadError::Io { path, source },
            EngineError::Damage(what) => ReadError::Damaged { path, what },
            EngineError::Busy => ReadError::Poisoned { path },
        }
    }

    fn fail_write(&self, error: EngineError) -> WriteError {
        self.poisoned.store(true, Ordering::Release);
        let path = self.path.clone();
        match error {
            EngineError::Io(source) => WriteError::Io { path, source },
            EngineError::Damage(what) => WriteError::Damaged { path, what },
            EngineError::Busy => WriteError::Poisoned { path },
        }
    }
}

/// Closing writes the page table, and notes it if the next opening would check every row otherwise.
/// A failure leaves that to the next opening.
impl Drop for SledFile {
    fn drop(&mut self) {
        let is_noted = self.state.recent_bytes <= RECENT_BYTES_MAX;
        // What was not forced was promised to nobody, and is not to be noted as whole.
        if is_noted || self.unforced_bytes > 0 || self.is_poisoned() {
            return;
        }
        drop(self.engine.reopen().and_then(|()| self.note_page_table()));
    }
}

impl fmt::Debug for SledFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledFile")
            .field("path", &self.path)
            .field("state", &self.state)
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

fn check_sizes(writes: &Writes) -> Result<(), WriteError> {
    let limit = |bytes: usize, bytes_max: usize| {
        if bytes > bytes_max { Err(WriteError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
    };
    for (_, key, value) in &writes.ops {
        limit(key.len(), KEY_BYTES_MAX)?;
        limit(value.as_ref().map_or(0, Vec::len), VALUE_BYTES_MAX)?;
    }
    Ok(())
}
