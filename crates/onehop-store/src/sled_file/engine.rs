//! The embedded database, and the only code that names it.
//!
//! One flat space of keys, atomic batches, bounded ranges, and a durability barrier. Every call is
//! fenced: an error of the database is sorted into "the disk refused" and "the files are damaged",
//! and a panic inside it, which is how it meets some damage, becomes the latter.

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::dirs::sync_dir;
use super::error::Damage;
use super::scan::{Bounds, Row};

#[cfg(all(feature = "control-no-fsync", not(debug_assertions)))]
compile_error!("control-no-fsync is for the power-cut test only, which builds without --release");

/// How often, and how long between, to wait for the database's own threads to let go of its file.
const RELEASE_TRIES: u32 = 200;
const RELEASE_WAIT: Duration = Duration::from_millis(5);

/// Why the database refused.
#[derive(Debug)]
pub(super) enum EngineError {
    /// The operating system refused.
    Io(io::Error),
    /// The files are damaged.
    Damage(Damage),
    /// Another handle holds the database's own lock.
    Busy,
}

/// An open database.
pub(super) struct Engine {
    /// `None` only after a reopening that failed.
    db: Option<sled::Db>,
    /// The database's log, opened before the first write so that no write error can slip by.
    log: File,
    dir: PathBuf,
    /// Memory for pages of the database.
    cache_bytes: u64,
}

impl Engine {
    /// Opens the database in `dir`, making an empty one if there is none.
    pub(super) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, EngineError> {
        fs::create_dir_all(dir).map_err(EngineError::Io)?;
        remove_unfinished_page_tables(dir).map_err(EngineError::Io)?;
        let db = open_released(dir, cache_bytes)?;
        // Opening renames the database's page table into place.
        sync_dir(dir).map_err(EngineError::Io)?;
        let log = File::open(log_path(dir)).map_err(EngineError::Io)?;
        Ok(Self { db: Some(db), log, dir: dir.to_owned(), cache_bytes })
    }

    /// Applies puts (`Some`) and deletions (`None`) as one atomic batch. Not durable yet.
    pub(super) fn apply(
        &mut self,
        rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), EngineError> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let db = self.db()?;
        fenced(|| db.apply_batch(batch))
    }

    /// Makes every batch applied so far durable.
    ///
    /// `flush` hands the log to the kernel and waits with `sync_file_range`, which neither flushes
    /// the disk's cache nor records the file's new length; the fsync does both.
    #[expect(clippy::disallowed_methods, reason = "this is the barrier: flush, then fsync")]
    pub(super) fn force(&mut self) -> Result<(), EngineError> {
        let db = self.db()?;
        fenced(|| db.flush())?;
        if cfg!(feature = "control-no-fsync") {
            return Ok(());
        }
        self.log.sync_all().map_err(EngineError::Io)
    }

    /// Closes and opens the database, by which it writes its page table and so shortens what the
    /// next opening has to read. Only after [`Engine::force`].
    pub(super) fn reopen(&mut self) -> Result<(), EngineError> {
        let db = self.db.take();
        fenced(|| {
            drop(db);
            Ok(())
        })?;
        *self = Self::open(&self.dir, self.cache_bytes)?;
        Ok(())
    }

    /// The value at `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let db = self.db()?;
        Ok(fenced(|| db.get(key))?.map(|value| value.to_vec()))
    }

    /// At most `limit` rows of a range, from its low end, or from its high end if `reverse`.
    pub(super) fn range(
        &self,
        bounds: Bounds,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, EngineError> {
        let db = self.db()?;
        fenced(|| {
            let rows = db.range::<Vec<u8>, _>(bounds);
            let owned = |row: sled::Result<(sled::IVec, sled::IVec)>| {
                row.map(|(key, value)| (key.to_vec(), value.to_vec()))
            };
            if reverse {
                rows.rev().take(limit).map(owned).collect()
            } else {
                rows.take(limit).map(owned).collect()
            }
        })
    }

    fn db(&self) -> Result<&sled::Db, EngineError> {
        self.db.as_ref().ok_or(EngineError::Busy)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let db = self.db.take();
        // Closing writes what is still in memory, which nobody was promised.
        drop(fenced(|| {
            drop(db);
            Ok(())
        }));
    }
}

/// The database's log inside its directory.
pub(super) fn log_path(dir: &Path) -> PathBuf {
    dir.join("db")
}

/// A page table that a crash left half written would be taken for the newest one and refused.
fn remove_unfinished_page_tables(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Opens the database, giving the threads of a handle just closed time to let go of the file.
fn open_released(dir: &Path, cache_bytes: u64) -> Result<sled::Db, EngineError> {
    let config = sled::Config::new()
        .path(dir)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(cache_bytes)
        .use_compression(false)
        .flush_every_ms(None);
    let mut tries = 0;
    loop {
        match fenced(|| config.open()) {
            Err(EngineError::Busy) if tries < RELEASE_TRIES => {
                tries += 1;
                thread::sleep(RELEASE_WAIT);
            }
            opened => return opened,
        }
    }
}

/// Runs one call of the database and sorts what went wrong.
fn fenced<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, EngineError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(sorted(error)),
        Err(_panic) => Err(EngineError::Damage(Damage::EnginePanicked)),
    }
}

fn sorted(error: sled::Error) -> EngineError {
    match error {
        // A log shorter than its page table says, or a length that makes no sense.
        sled::Error::Io(source) if is_nonsense(source.kind()) => damage(sled::Error::Io(source)),
        // The database wraps its lock error in text of its own; nothing else starts so.
        sled::Error::Io(source) if source.to_string().starts_with("could not acquire lock") => {
            EngineError::Busy
        }
        sled::Error::Io(source) => EngineError::Io(source),
        other @ (sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. }) => damage(other),
    }
}

fn is_nonsense(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

fn damage(error: sled::Error) -> EngineError {
    EngineError::Damage(Damage::Engine { source: Box::new(error) })
}
