//! The log on the embedded store.

use crate::archive::Archive;
use crate::frame::{self, Frame, RECORD_BYTES_MAX, RecordHash, Replay};
use crate::journal::{AppendError, Durability, Journal, LoadError, Loaded, Lsn};
use crate::sled_file::{Damage, Row, Scan, SledFile, TreeId, WriteError, Writes};

/// Frames, by record number, big-endian.
const LOG: TreeId = TreeId::new(1);
/// The snapshot and the mark.
const HEAD: TreeId = TreeId::new(2);
/// Blocks of archived rows.
const ARCHIVE: TreeId = TreeId::new(3);

/// In [`HEAD`]: the record covered, its hash, the state.
const SNAPSHOT_KEY: &[u8] = b"snapshot";
/// In [`HEAD`]: the last record that a forced append was given. It is written in the same batch as
/// the records, so that it is there only if they are.
const FORCED_KEY: &[u8] = b"forced";

/// How many frames are read at a time.
const PAGE_ROWS: usize = 1024;

/// A [`Journal`] in a [`SledFile`], of which it uses the trees 1 to 3.
#[derive(Debug)]
pub struct SledJournal {
    file: SledFile,
    tail: Option<Tail>,
}

/// Where the log ends.
#[derive(Clone, Copy, Debug)]
struct Tail {
    /// The last record the snapshot covers.
    covered: Lsn,
    last: Lsn,
    hash: RecordHash,
    /// The last record known to be durable.
    forced: Lsn,
}

impl SledJournal {
    /// A journal in `file`, to be loaded before its first append.
    #[must_use]
    pub fn new(file: SledFile) -> Self {
        Self { file, tail: None }
    }

    /// The store underneath.
    #[must_use]
    pub fn file(&self) -> &SledFile {
        &self.file
    }

    fn tail(&self) -> Result<Tail, AppendError> {
        self.tail.ok_or(AppendError::NotLoaded)
    }

    /// The newest snapshot with the hash of the record it covers.
    fn snapshot_row(&self) -> Result<Option<(Lsn, RecordHash, Vec<u8>)>, LoadError> {
        let Some(bytes) = self.file.get(HEAD, SNAPSHOT_KEY)? else {
            return Ok(None);
        };
        let (lsn, rest) = bytes.split_first_chunk().ok_or(LoadError::Snapshot)?;
        let (hash, state) = rest.split_first_chunk().ok_or(LoadError::Snapshot)?;
        Ok(Some((Lsn(u64::from_le_bytes(*lsn)), RecordHash(*hash), state.to_vec())))
    }

    fn forced_row(&self) -> Result<Lsn, LoadError> {
        let Some(bytes) = self.file.get(HEAD, FORCED_KEY)? else {
            return Ok(Lsn(0));
        };
        let bytes = bytes.first_chunk().ok_or(LoadError::Snapshot)?;
        Ok(Lsn(u64::from_le_bytes(*bytes)))
    }

    /// Feeds all frames to `replay`; returns the keys of those that do not belong.
    fn replay(&self, replay: &mut Replay) -> Result<Vec<Vec<u8>>, LoadError> {
        let mut strays = Vec::new();
        let mut from = Vec::new();
        loop {
            let page = self.file.scan(&Scan::from(LOG, &from, PAGE_ROWS))?;
            let full = page.len() == PAGE_ROWS;
            for (key, bytes) in page {
                let whole = Frame::decode(&bytes)
                    .filter(|(frame, _)| frame.lsn.0.to_be_bytes().as_slice() == key);
                if !replay.push(whole) {
                    strays.push(key.clone());
                }
                from = key;
            }
            if !full {
                return Ok(strays);
            }
            // The least key above the last one.
            from.push(0);
        }
    }

    fn cut(&mut self, strays: Vec<Vec<u8>>) -> Result<(), LoadError> {
        let mut writes = Writes::new();
        for key in strays {
            writes.delete(LOG, key);
        }
        self.file.apply(&writes).and_then(|()| self.file.force()).map_err(LoadError::Settle)
    }
}

impl Journal for SledJournal {
    fn load(&mut self) -> Result<Loaded, LoadError> {
        self.tail = None;
        let snapshot = self.snapshot_row()?;
        let (covered, hash) =
            snapshot.as_ref().map_or((Lsn(0), RecordHash::NONE), |(lsn, hash, _)| (*lsn, *hash));
        let mut replay = Replay::new(covered, hash, self.forced_row()?);
        let strays = self.replay(&mut replay)?;
        let replayed = replay.finish()?;
        self.cut(strays)?;
        let (last, hash) = (replayed.last, replayed.hash);
        self.tail = Some(Tail { covered, last, hash, forced: last });
        Ok(replayed.into_loaded(snapshot.map(|(lsn, _, state)| (lsn, state))))
    }

    fn append(
        &mut self,
        first: Lsn,
        records: &[Vec<u8>],
        durability: Durability,
    ) -> Result<(), AppendError> {
        let mut tail = self.tail()?;
        check_append(tail.last, first, records)?;
        let (frames, hash) = frame::frames(first, records, tail.forced, tail.hash);
        let mut writes = Writes::new();
        for (lsn, bytes) in frames {
            writes.put(LOG, lsn.0.to_be_bytes(), bytes);
            tail.last = lsn;
        }
        tail.hash = hash;
        if durability == Durability::Forced && tail.last > tail.forced {
            writes.put(HEAD, FORCED_KEY, tail.last.0.to_le_bytes());
        }
        self.file.apply(&writes)?;
        if durability == Durability::Forced {
            self.file.force()?;
            tail.forced = tail.last;
        }
        self.tail = Some(tail);
        Ok(())
    }

    fn snapshot(&mut self, upto: Lsn, state: &[u8], archived: &[Row]) -> Result<(), AppendError> {
        let mut tail = self.tail()?;
        check_snapshot(tail.covered, tail.last, upto)?;
        let hash = self.hash_of(upto, tail)?;
        let mut row = upto.0.to_le_bytes().to_vec();
        row.extend(hash.0);
        row.extend(state);
        let mut writes = Writes::new();
        writes.put(HEAD, SNAPSHOT_KEY, row);
        writes.put(HEAD, FORCED_KEY, tail.last.0.to_le_bytes());
        for lsn in tail.covered.0 + 1..=upto.0 {
            writes.delete(LOG, lsn.to_be_bytes());
        }
        Archive::new(&self.file, ARCHIVE).put(archived, &mut writes)?;
        self.file.apply(&writes)?;
        self.file.force()?;
        tail.covered = upto;
        tail.forced = tail.last;
        self.tail = Some(tail);
        Ok(())
    }

    fn archived(
        &self,
        from: Option<&[u8]>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, LoadError> {
        let archive = Archive::new(&self.file, ARCHIVE);
        let rows =
            if reverse { archive.descending(from, limit) } else { archive.ascending(from, limit) };
        Ok(rows?)
    }

    fn archived_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LoadError> {
        Ok(Archive::new(&self.file, ARCHIVE).get(key)?)
    }

    fn forces(&self) -> u64 {
        self.file.forces()
    }
}

impl SledJournal {
    /// The hash of record `lsn`, which is in the log or is the one the snapshot covers.
    fn hash_of(&self, lsn: Lsn, tail: Tail) -> Result<RecordHash, AppendError> {
        if lsn == tail.last {
            return Ok(tail.hash);
        }
        // The record after it names it.
        let key = lsn.next().0.to_be_bytes();
        let row = self.file.get(LOG, &key).map_err(WriteError::from)?;
        match row.as_deref().and_then(Frame::decode) {
            Some((frame, _)) => Ok(frame.prev),
            None => {
                let what = Damage::Row { tree: LOG.number(), key_bytes: key.len() };
                Err(WriteError::Damaged { path: self.file.path().to_owned(), what }.into())
            }
        }
    }
}

/// Refuses records that do not follow `last`, or are too long.
pub(crate) fn check_append(last: Lsn, first: Lsn, records: &[Vec<u8>]) -> Result<(), AppendError> {
    if first != last.next() {
        return Err(AppendError::OutOfOrder { expected: last.next(), found: first });
    }
    let longest = records.iter().map(Vec::len).max().unwrap_or(0);
    if longest > RECORD_BYTES_MAX {
        let error = WriteError::TooLarge { bytes: longest, bytes_max: RECORD_BYTES_MAX };
        return Err(error.into());
    }
    Ok(())
}

/// Refuses a snapshot that goes back, or covers what is not there.
pub(crate) fn check_snapshot(covered: Lsn, last: Lsn, upto: Lsn) -> Result<(), AppendError> {
    if upto < covered || upto > last {
        return Err(AppendError::OutsideLog { upto, covered, last });
    }
    Ok(())
}
