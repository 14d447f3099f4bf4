//! The contract of the log, whatever it lies on.

use crate::sled_file::{ReadError, Row, WriteError};

/// The number of a log record; the first is 1, and none is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How long an append waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Until the records, and all before them, survive a power cut.
    Forced,
    /// Not at all: a crash may take the records, from the newest on.
    Lazy,
}

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The newest snapshot and the last record it covers.
    pub snapshot: Option<(Lsn, Vec<u8>)>,
    /// The records after the snapshot, in order, without a gap.
    pub records: Vec<(Lsn, Vec<u8>)>,
    /// How many damaged or stranded records were cut off the tail; nobody was promised them.
    pub cut: u64,
}

impl Loaded {
    /// The number that the next record must have.
    #[must_use]
    pub fn next(&self) -> Lsn {
        let covered = self.snapshot.as_ref().map_or(Lsn(0), |(upto, _)| *upto);
        self.records.last().map_or(covered, |(lsn, _)| *lsn).next()
    }
}

/// Why a log could not be read back. Nothing of it was overwritten: halt, sign nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A record that had been made durable is damaged. Not repairable here.
    #[error("log record {lsn} is damaged, but records up to {forced} had been made durable")]
    Damaged {
        /// The record.
        lsn: Lsn,
        /// The last record known to have been durable.
        forced: Lsn,
    },
    /// The log skips a record that had been made durable. Not repairable here.
    #[error("log record {found} is found where {expected} should be")]
    Gap {
        /// The record that should come next.
        expected: Lsn,
        /// The record that does.
        found: Lsn,
    },
    /// The log ends before a record that had been made durable. Not repairable here.
    #[error("the log ends at record {last}, but records up to {forced} had been made durable")]
    Lost {
        /// The last record found.
        last: Lsn,
        /// The last record known to have been durable.
        forced: Lsn,
    },
    /// The snapshot, or the rows that say which is the newest, are damaged. Not repairable here.
    #[error("the snapshot of the log is damaged")]
    Snapshot,
    /// The store underneath could not be read.
    #[error("failed to read the log")]
    Read(#[from] ReadError),
    /// The torn tail could not be cut off durably. The log must not be used.
    #[error("failed to settle the tail of the log")]
    Settle(#[source] WriteError),
}

/// Why records or a snapshot could not be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The records do not follow the last one. The caller is wrong; nothing was written.
    #[error("record {found} cannot follow: the next one is {expected}")]
    OutOfOrder {
        /// The number the next record must have.
        expected: Lsn,
        /// The number given.
        found: Lsn,
    },
    /// The snapshot covers less than the one stored, or more than the log. The caller is wrong;
    /// nothing was written.
    #[error("a snapshot up to {upto} is outside of the log, from {covered} to {last}")]
    OutsideLog {
        /// The record the snapshot was to cover.
        upto: Lsn,
        /// What the stored snapshot covers.
        covered: Lsn,
        /// The last record.
        last: Lsn,
    },
    /// The log was not loaded on this handle. The caller is wrong; nothing was written.
    #[error("the log has not been loaded")]
    NotLoaded,
    /// The store underneath refused. Unless it says that an item was too large, nobody knows what
    /// is on the disk: halt, and let recovery find out.
    #[error("failed to write the log")]
    Write(#[from] WriteError),
}

/// A log of numbered records with snapshots of the state they make, and an archive beside it.
///
/// **What `append` with [`Durability::Forced`] or `snapshot` returned `Ok` for is still there after
/// any crash: in order, and whole.** What was appended lazily may be missing, from the newest on.
/// Records and states are opaque bytes.
///
/// [`Journal::load`] comes first on every handle. After an error that wraps a [`WriteError`] other
/// than `TooLarge` the handle refuses everything; drop it and open the store again.
pub trait Journal {
    /// Reads everything since the newest snapshot, and cuts off a torn tail.
    ///
    /// What it returns is durable. A tail is cut only above the last record known to have been
    /// durable; anything wrong below that is an error.
    ///
    /// # Errors
    /// See [`LoadError`].
    fn load(&mut self) -> Result<Loaded, LoadError>;

    /// Appends consecutive records, the first numbered `first`, as one atomic batch.
    ///
    /// With [`Durability::Forced`], `Ok` means that these and all earlier records are durable;
    /// `records` may then be empty.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn append(
        &mut self,
        first: Lsn,
        records: &[Vec<u8>],
        durability: Durability,
    ) -> Result<(), AppendError>;

    /// In one atomic batch stores `state` as the snapshot that covers all records up to `upto`,
    /// drops those records, and sets the rows `archived`; durable once `Ok`.
    ///
    /// # Errors
    /// See [`AppendError`].
    fn snapshot(&mut self, upto: Lsn, state: &[u8], archived: &[Row]) -> Result<(), AppendError>;

    /// At most `limit` rows of the archive: ascending, those with a key of at least `from`; in
    /// `reverse`, descending, those with a key below `from`. Without `from`, from that end on.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn archived(
        &self,
        from: Option<&[u8]>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, LoadError>;

    /// The row of the archive at `key`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn archived_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LoadError>;

    /// How many durability barriers this handle has sent to the disk.
    fn forces(&self) -> u64;
}
