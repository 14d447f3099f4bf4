//! What can go wrong with a store's files, one enum per family of operations.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// How a store's files contradict themselves.
///
/// None of these is repairable here: restore the device from its office, not from these files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The marker file `STORE` is gone although the store holds data.
    #[error("the marker file STORE is missing")]
    MarkerMissing,
    /// The marker file `STORE` fails its checksum.
    #[error("the marker file STORE fails its checksum")]
    Marker,
    /// The marker says that the store was initialised, and its database is not there.
    #[error("the marker file STORE says the store was initialised, but sled/db is missing")]
    DatabaseMissing,
    /// The marker says that the store was initialised, and its database is empty.
    #[error("the marker file STORE says the store was initialised, but sled/db holds nothing")]
    DatabaseEmpty,
    /// Batches that had been made durable are gone.
    #[error("sled/db ends at batch {found}, but batch {forced} had been made durable")]
    LostBatches {
        /// The newest batch that was made durable.
        forced: u64,
        /// The newest batch found.
        found: u64,
    },
    /// A row does not match its checksum.
    #[error("a row of tree {tree} with a key of {key_bytes} bytes fails its checksum")]
    Row {
        /// The tree of the row.
        tree: u8,
        /// The length of its key.
        key_bytes: usize,
    },
    /// A row is whole and does not open: another key sealed it, or none, or at another place.
    #[error("a row of tree {tree} with a key of {key_bytes} bytes does not open with this key")]
    Sealed {
        /// The tree of the row.
        tree: u8,
        /// The length of its key.
        key_bytes: usize,
    },
    /// The rows, each whole, do not add up to the sum kept with them.
    #[error("the rows do not add up: {found} found, {expected} expected, or one is out of date")]
    Sum {
        /// How many rows there should be.
        expected: u64,
        /// How many rows there are.
        found: u64,
    },
    /// The database itself reports that it is damaged.
    #[error("the database reports damage")]
    Engine {
        /// What it reports.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database stopped in the middle of an operation.
    #[error("the database gave up on its own files")]
    EnginePanicked,
}

/// Why a store could not be opened or created. No file of it was changed, except that the
/// database may have cut off its own damaged tail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no store here. Create one, or look elsewhere.
    #[error("there is no store at {path}")]
    Missing {
        /// The directory of the store.
        path: PathBuf,
    },
    /// There is a store here already. Open it, or create one elsewhere.
    #[error("there is a store at {path} already")]
    Exists {
        /// The directory of the store.
        path: PathBuf,
    },
    /// Someone has the store open. Close the other program and retry.
    #[error("the store at {path} is open already, here or in another program")]
    Locked {
        /// The directory of the store.
        path: PathBuf,
    },
    /// The store was written by another version. Use that version.
    #[error("the store at {path} has format {found}, this program reads {expected}")]
    Version {
        /// The directory of the store.
        path: PathBuf,
        /// The format of the store.
        found: u32,
        /// The format asked for.
        expected: u32,
    },
    /// The store belongs to another kind of program. Look elsewhere.
    #[error("the store at {path} belongs to a {found}, not to a {expected}")]
    Kind {
        /// The directory of the store.
        path: PathBuf,
        /// The kind of the store.
        found: String,
        /// The kind asked for.
        expected: &'static str,
    },
    /// The store's files contradict themselves. Halt, sign nothing, tell the user.
    #[error("the store at {path} is damaged")]
    Damaged {
        /// The directory of the store.
        path: PathBuf,
        /// In what way.
        #[source]
        what: Damage,
    },
    /// The disk refused. Retry once it has room and works.
    #[error("failed to open the store at {path}")]
    Io {
        /// The directory of the store.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// Why a store could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An earlier call failed. Drop the handle and open the store again.
    #[error("the store at {path} failed earlier and must be opened again")]
    Poisoned {
        /// The directory of the store.
        path: PathBuf,
    },
    /// The store's files contradict themselves. Halt, sign nothing, tell the user.
    #[error("the store at {path} is damaged")]
    Damaged {
        /// The directory of the store.
        path: PathBuf,
        /// In what way.
        #[source]
        what: Damage,
    },
    /// The disk refused. Drop the handle and open the store again.
    #[error("failed to read the store at {path}")]
    Io {
        /// The directory of the store.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// Why a batch could not be written or made durable.
///
/// After any of these but [`WriteError::TooLarge`] nobody knows how much of the batch is on the
/// disk: halt, and let recovery find out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// An earlier call failed. Drop the handle and open the store again.
    #[error("the store at {path} failed earlier and must be opened again")]
    Poisoned {
        /// The directory of the store.
        path: PathBuf,
    },
    /// A key or value is over the limit. Nothing was written and the handle still works.
    #[error("an item of {bytes} bytes is over the limit of {bytes_max}")]
    TooLarge {
        /// The length of the item.
        bytes: usize,
        /// The longest allowed.
        bytes_max: usize,
    },
    /// The store's files contradict themselves. Halt, sign nothing, tell the user.
    #[error("the store at {path} is damaged")]
    Damaged {
        /// The directory of the store.
        path: PathBuf,
        /// In what way.
        #[source]
        what: Damage,
    },
    /// The disk refused; [`io::ErrorKind::StorageFull`] says that it is full. Halt, sign nothing.
    #[error("failed to write the store at {path}")]
    Io {
        /// The directory of the store.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl From<ReadError> for WriteError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Poisoned { path } => Self::Poisoned { path },
            ReadError::Damaged { path, what } => Self::Damaged { path, what },
            ReadError::Io { path, source } => Self::Io { path, source },
        }
    }
}
