//! The undo/redo log and the embedded store. It knows nothing of payments: records, states and
//! rows are opaque bytes.
//!
//! [`Journal`] is the contract of the log. [`SledJournal`] keeps it on a real disk, through
//! [`SledFile`]; [`SimJournal`] keeps it in memory, on a disk that can lose power, refuse and be
//! copied. Both pass [`conformance`].
//!
//! ```
//! use onehop_store::{Durability, Journal, Lsn, SimJournal};
//!
//! let mut journal = SimJournal::new();
//! assert_eq!(journal.load()?.next(), Lsn(1));
//! journal.append(Lsn(1), &[b"prepared".to_vec()], Durability::Forced)?;
//! journal.crash(|_sector| false);
//! assert_eq!(journal.load()?.records, [(Lsn(1), b"prepared".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
pub mod conformance;
pub mod frame;
pub mod journal;
pub mod seal;
pub mod sim_journal;
pub mod sled_file;
pub mod sled_journal;

pub use journal::{AppendError, Durability, Journal, LoadError, Loaded, Lsn};
pub use seal::DataKey;
pub use sim_journal::SimJournal;
pub use sled_file::{Damage, OpenError, OpenMode, ReadError, Row, Scan, SledFile};
pub use sled_file::{TreeId, Upkeep, WriteError, Writes};
pub use sled_journal::SledJournal;
