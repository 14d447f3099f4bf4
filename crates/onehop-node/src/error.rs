//! What can go wrong around a wallet, one enum per family of operations.

use std::path::PathBuf;

use onehop_link::link::LinkError;
use onehop_proto::{RecoverError, Refusal};
use onehop_store::{AppendError, LoadError, OpenError};
use onehop_wire::DecodeError;

/// Why a wallet's folder could not be made or opened. Halt and sign nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Create a wallet, or look elsewhere.
    #[error("there is no wallet at {path}")]
    Missing {
        /// The wallet's folder.
        path: PathBuf,
    },
    /// Open it, or create one elsewhere.
    #[error("there is a wallet at {path} already")]
    Exists {
        /// The wallet's folder.
        path: PathBuf,
    },
    /// Close the other program and retry.
    #[error("the wallet at {path} is in use by another program")]
    Locked {
        /// The wallet's folder.
        path: PathBuf,
    },
    /// The source says whether it is damaged, of another version, or refused by the disk.
    #[error("failed to open the wallet at {path}")]
    Open {
        /// The wallet's folder.
        path: PathBuf,
        /// What the store says.
        #[source]
        source: OpenError,
    },
    /// The log is damaged. Restore the device through the office, not from these files.
    #[error("failed to read the wallet at {path}")]
    Load {
        /// The wallet's folder.
        path: PathBuf,
        /// What is wrong with the log.
        #[source]
        source: LoadError,
    },
    /// The log is whole but does not make a wallet: another version's, or damaged by hand.
    #[error("failed to recover the wallet at {path}")]
    Recover {
        /// The wallet's folder.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: RecoverError,
    },
    /// What was to be restored is no backup of this version, or holds what could be spent.
    #[error("this is no backup of a wallet that this program can read")]
    Backup,
    /// What recovery itself had to write could not be written.
    #[error("failed to settle the wallet at {path}")]
    Settle {
        /// The wallet's folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: NodeError,
    },
    /// The operating system gives no randomness. Nothing works without.
    #[error("failed to draw randomness")]
    Random(#[source] getrandom::Error),
}

/// Why a wallet halted. Nothing was said after it: open the folder again, and recovery finds out
/// what is on the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Records could not be made durable.
    #[error("failed to keep records {first} to {last} in the wallet's log")]
    Append {
        /// The first record.
        first: u64,
        /// The last record.
        last: u64,
        /// What the store says; it names the file.
        #[source]
        source: AppendError,
    },
    /// A snapshot could not be made durable.
    #[error("failed to compact the wallet's log")]
    Compact(#[source] AppendError),
    /// The archive of finished payments could not be read.
    #[error("failed to read the wallet's archive")]
    Archive(#[source] LoadError),
    /// A row of the archive is not readable by this version.
    #[error("row of the wallet's archive is not readable")]
    ArchiveRow(#[source] DecodeError),
    /// An earlier call failed.
    #[error("the wallet halted earlier and must be opened again")]
    Halted,
    /// The link stopped for good. Make another.
    #[error("failed to go on with the link")]
    Link(#[source] LinkError),
    /// The operating system gives no randomness.
    #[error("failed to draw randomness")]
    Random(#[source] getrandom::Error),
}

/// Why a command to a running node did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The wallet declined; it says what to do.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The link could not do it. Retrying may help; the source says why.
    #[error("failed to use the link")]
    Link(#[source] LinkError),
    /// The node has stopped or halted; its task says why.
    #[error("the node has stopped")]
    Stopped,
}
