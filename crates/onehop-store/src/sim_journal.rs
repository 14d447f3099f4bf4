//! The log on a simulated disk: deterministic, copied like a value, and with its power at hand.

mod disk;
mod layout;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::frame::{self, Frame, RecordHash, Replay};
use crate::journal::{AppendError, Durability, Journal, LoadError, Loaded, Lsn};
use crate::sled_file::{ReadError, Row, WriteError};
use crate::sled_journal::{check_append, check_snapshot};

use disk::{Disk, SECTOR_BYTES};

pub use disk::DiskFault;

/// A [`Journal`] on a disk in memory.
///
/// Its records are frames on sectors of 512 bytes, so that a crash tears them as a disk would. A
/// clone is a copy of the disk: the device a thief restores.
#[derive(Clone, Debug, Default)]
pub struct SimJournal {
    disk: Disk,
    /// `None` until loaded.
    open: Option<Open>,
    poisoned: bool,
}

/// What a loaded journal knows.
#[derive(Clone, Debug)]
struct Open {
    generation: u64,
    /// The last record the snapshot covers.
    covered: Lsn,
    last: Lsn,
    hash: RecordHash,
    /// The last record known to be durable.
    forced: Lsn,
    /// How many marks were written; the parity picks the sector.
    marks: u64,
    /// The sectors at which the records after `covered` start.
    starts: Vec<usize>,
    /// The sector after the last record.
    end: usize,
    archive: BTreeMap<Vec<u8>, Vec<u8>>,
    archive_rows: u64,
    archive_sectors: usize,
}

impl SimJournal {
    /// A journal on an empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses power. Of the sectors written since the last barrier those arrive for which `keep`
    /// says so, given their number in order of writing. Ends faults; [`Journal::load`] comes next.
    pub fn crash(&mut self, keep: impl FnMut(usize) -> bool) {
        self.disk.crash(keep);
        self.open = None;
        self.poisoned = false;
    }

    /// Lets every disk operation fail after `operations` more, until the next crash.
    pub fn fail_after(&mut self, operations: u64, fault: DiskFault) {
        self.disk.fail_after(operations, fault);
    }

    /// Ends a fault that no operation has met yet.
    pub fn mend(&mut self) {
        self.disk.mend();
    }

    /// Flips the bits of `mask` in durable byte `at`; `false` if there is no such byte.
    pub fn flip(&mut self, at: usize, mask: u8) -> bool {
        self.disk.flip(at, mask)
    }

    /// How many bytes are durable; the end of what [`SimJournal::flip`] can reach.
    #[must_use]
    pub fn durable_bytes(&self) -> usize {
        self.disk.durable_bytes()
    }

    /// How many sectors the next crash has to choose from.
    #[must_use]
    pub fn pending_sectors(&self) -> usize {
        self.disk.pending_sectors()
    }

    /// How many sectors each write since the last barrier has, in order: they are what
    /// [`SimJournal::crash`] numbers, write by write.
    #[must_use]
    pub fn pending_writes(&self) -> &[usize] {
        self.disk.pending_writes()
    }

    /// The bytes of the disk as a reader sees them. Two disks with the same bytes and nothing
    /// pending behave alike from then on, but for the count of their operations.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        self.disk.image()
    }

    /// Of a journal that is loaded, the bytes that a reader of its disk can reach: its snapshot, its
    /// log, its archive and the two numbers that say which they are. What else lies on the disk is
    /// left from a snapshot that never came into force, and is overwritten before it is read.
    #[must_use]
    pub fn reachable(&self) -> Option<Vec<u8>> {
        let open = self.open.as_ref()?;
        let file = |file: u8, sectors: usize| {
            let bytes = self.disk.read(file);
            bytes.get(..sectors * SECTOR_BYTES).unwrap_or(bytes)
        };
        let (log, snapshot) =
            (layout::log_file(open.generation), layout::snapshot_file(open.generation));
        let numbers = [
            open.generation,
            open.marks,
            open.forced.0,
            open.archive_sectors as u64,
            open.end as u64,
            self.disk.pending_sectors() as u64,
        ];
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend(file(log, open.end));
        bytes.extend(file(layout::ARCHIVE, open.archive_sectors));
        if open.generation > 0 {
            let (frame, _) = Frame::decode(self.disk.read(snapshot))?;
            bytes.extend(frame.encode().0);
        }
        Some(bytes)
    }

    /// How many writes and barriers the disk has seen, failed ones included.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.disk.operations()
    }

    fn read_disk(&self) -> Result<(Open, Loaded), LoadError> {
        let (generation, archive_sectors) = layout::newest_pair(self.disk.read(layout::HEAD))?;
        let (marks, forced) = layout::newest_pair(self.disk.read(layout::MARK))?;
        let snapshot = match generation {
            0 => None,
            _ => {
                let file = self.disk.read(layout::snapshot_file(generation));
                Some(layout::parse_snapshot(file, generation)?)
            }
        };
        let (covered, hash) =
            snapshot.as_ref().map_or((Lsn(0), RecordHash::NONE), |(upto, hash, _)| (*upto, *hash));
        let mut replay = Replay::new(covered, hash, Lsn(forced));
        let log = self.disk.read(layout::log_file(generation));
        let (starts, end) = layout::replay_log(log, &mut replay);
        let replayed = replay.finish()?;
        let archive_sectors = usize::try_from(archive_sectors).map_err(|_| LoadError::Snapshot)?;
        let rows = layout::parse_archive(self.disk.read(layout::ARCHIVE), archive_sectors)?;
        let open = Open {
            generation,
            covered,
            last: replayed.last,
            hash: replayed.hash,
            forced: replayed.last,
            marks,
            starts,
            end,
            archive_rows: rows.len() as u64,
            archive: rows.into_iter().collect(),
            archive_sectors,
        };
        let snapshot = snapshot.map(|(upto, _, state)| (upto, state));
        Ok((open, replayed.into_loaded(snapshot)))
    }

    /// What is open, if it may be written.
    fn writable(&self) -> Result<&Open, AppendError> {
        if self.poisoned {
            return Err(WriteError::Poisoned { path: path() }.into());
        }
        self.open.as_ref().ok_or(AppendError::NotLoaded)
    }

    /// Runs `write` on what is open, and poisons the handle if it fails.
    fn write(
        &mut self,
        write: impl FnOnce(&mut Self, &mut Open) -> io::Result<()>,
    ) -> Result<(), AppendError> {
        let mut open = self.open.take().ok_or(AppendError::NotLoaded)?;
        write(self, &mut open).map_err(|error| self.fail(error))?;
        self.open = Some(open);
        Ok(())
    }

    fn loaded(&self) -> Result<&Open, LoadError> {
        // Nothing is read before it was loaded, as on a handle that is not open.
        self.open.as_ref().ok_or(LoadError::Read(ReadError::Poisoned { path: path() }))
    }

    fn fail(&mut self, source: io::Error) -> WriteError {
        self.poisoned = true;
        WriteError::Io { path: path(), source }
    }

    /// A barrier, and the note that it was passed, which the next one makes durable.
    fn force(&mut self, open: &mut Open) -> io::Result<()> {
        self.disk.sync()?;
        open.forced = open.last;
        open.marks += 1;
        let sector = usize::from(open.marks.is_multiple_of(2));
        self.disk.write(layout::MARK, sector, &layout::pair_bytes(open.marks, open.forced.0))
    }

    fn write_records(&mut self, open: &mut Open, frames: Vec<(Lsn, Vec<u8>)>) -> io::Result<()> {
        let at = open.end;
        let mut bytes = Vec::new();
        for (lsn, frame) in frames {
            open.starts.push(open.end);
            open.end += layout::sectors(frame.len());
            open.last = lsn;
            bytes.extend(layout::padded(frame));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.disk.write(layout::log_file(open.generation), at, &bytes)
    }

    /// Where record `lsn`, or the one after the last, starts in the log.
    fn start_of(open: &Open, lsn: Lsn) -> usize {
        let index = lsn.0.saturating_sub(open.covered.next().0);
        let start = usize::try_from(index).ok().and_then(|index| open.starts.get(index));
        start.copied().unwrap_or(open.end)
    }

    /// Writes the next generation beside the present one, then puts it into force.
    fn write_snapshot(
        &mut self,
        open: &mut Open,
        upto: Lsn,
        state: &[u8],
        archived: &[Row],
    ) -> io::Result<()> {
        let old_log = self.disk.read(layout::log_file(open.generation));
        let kept_from = Self::start_of(open, upto.next());
        let kept = old_log.get(kept_from * SECTOR_BYTES..open.end * SECTOR_BYTES);
        let kept = kept.unwrap_or_default().to_vec();
        // The record after `upto` names it.
        let hash = Frame::decode(&kept).map_or(open.hash, |(frame, _)| frame.prev);

        let generation = open.generation + 1;
        self.disk.wipe(layout::log_file(generation), 0)?;
        if !kept.is_empty() {
            self.disk.write(layout::log_file(generation), 0, &kept)?;
        }
        let snapshot = layout::snapshot_frame(generation, upto, hash, state);
        self.disk.write(layout::snapshot_file(generation), 0, &snapshot)?;
        let rows = layout::archive_frames(open.archive_rows, archived);
        if !rows.is_empty() {
            self.disk.write(layout::ARCHIVE, open.archive_sectors, &rows)?;
        }
        self.disk.sync()?;

        open.archive_sectors += layout::sectors(rows.len());
        open.archive_rows += archived.len() as u64;
        open.archive.extend(archived.iter().cloned());
        let sector = usize::from(generation.is_multiple_of(2));
        let head = layout::pair_bytes(generation, open.archive_sectors as u64);
        self.disk.write(layout::HEAD, sector, &head)?;

        let dropped = usize::try_from(upto.0 - open.covered.0).unwrap_or(usize::MAX);
        open.starts.drain(..dropped.min(open.starts.len()));
        for start in &mut open.starts {
            *start -= kept_from;
        }
        open.end -= kept_from;
        (open.generation, open.covered) = (generation, upto);
        self.force(open)
    }
}

impl Journal for SimJournal {
    fn load(&mut self) -> Result<Loaded, LoadError> {
        self.open = None;
        if self.poisoned {
            return Err(LoadError::Read(ReadError::Poisoned { path: path() }));
        }
        let (mut open, loaded) = self.read_disk()?;
        let settled = self.disk.wipe(layout::log_file(open.generation), open.end).and_then(|()| {
            match self.disk.pending_sectors() {
                0 => Ok(()),
                _ => self.force(&mut open),
            }
        });
        settled.map_err(|error| LoadError::Settle(self.fail(error)))?;
        self.open = Some(open);
        Ok(loaded)
    }

    fn append(
        &mut self,
        first: Lsn,
        records: &[Vec<u8>],
        durability: Durability,
    ) -> Result<(), AppendError> {
        let open = self.writable()?;
        check_append(open.last, first, records)?;
        let (frames, hash) = frame::frames(first, records, open.forced, open.hash);
        self.write(|journal, open| {
            open.hash = hash;
            journal.write_records(open, frames)?;
            match durability {
                Durability::Forced => journal.force(open),
                Durability::Lazy => Ok(()),
            }
        })
    }

    fn snapshot(&mut self, upto: Lsn, state: &[u8], archived: &[Row]) -> Result<(), AppendError> {
        let open = self.writable()?;
        check_snapshot(open.covered, open.last, upto)?;
        self.write(|journal, open| journal.write_snapshot(open, upto, state, archived))
    }

    fn archived(
        &self,
        from: Option<&[u8]>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, LoadError> {
        let archive = &self.loaded()?.archive;
        let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match (from, reverse) {
            (None, false) => archive.iter().take(limit).map(owned).collect(),
            (None, true) => archive.iter().rev().take(limit).map(owned).collect(),
            (Some(key), false) => archive.range(key.to_vec()..).take(limit).map(owned).collect(),
            (Some(key), true) => {
                archive.range(..key.to_vec()).rev().take(limit).map(owned).collect()
            }
        })
    }

    fn archived_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LoadError> {
        Ok(self.loaded()?.archive.get(key).cloned())
    }

    fn forces(&self) -> u64 {
        self.disk.forces()
    }
}

fn path() -> PathBuf {
    PathBuf::from("(memory)")
}
