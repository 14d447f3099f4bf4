//! A wallet's folder: `log/` in it is the store with the wallet's log.

use std::path::Path;

use onehop_proto::{Birth, Config, Wallet};
use onehop_store::{Durability, Lsn};
use onehop_store::{Journal, LoadError, Loaded, OpenError, OpenMode, SledFile, SledJournal};
use onehop_wire::encode;

use crate::error::{HomeError, NodeError};
use crate::keeper::Keeper;

/// The folder of the log within the wallet's.
const LOG: &str = "log";
/// What the store says it is.
const KIND: &str = "wallet";
/// Version of what the log's rows mean.
const FORMAT: u32 = onehop_proto::state::FORMAT;

impl Keeper<SledJournal> {
    /// Makes a wallet in the folder `dir`, which is created if need be.
    ///
    /// # Errors
    /// [`HomeError::Exists`] if there is a wallet; see [`HomeError`] for the rest.
    pub fn create(dir: &Path, birth: Birth, config: Config) -> Result<Self, HomeError> {
        let (mut journal, loaded) = load(dir, OpenMode::OpenOrCreate)?;
        if loaded.next() != Lsn(1) {
            return Err(HomeError::Exists { path: dir.to_owned() });
        }
        let record = encode(&birth.into_record());
        let born = journal.append(Lsn(1), std::slice::from_ref(&record), Durability::Forced);
        born.map_err(|source| HomeError::Settle {
            path: dir.to_owned(),
            source: NodeError::Append { first: 1, last: 1, source },
        })?;
        let loaded = Loaded { records: vec![(Lsn(1), record)], ..Loaded::default() };
        recovered(dir, config, journal, loaded)
    }

    /// Opens the wallet in the folder `dir`: loads its log, recovers it, and settles what a crash
    /// left open.
    ///
    /// # Errors
    /// [`HomeError::Missing`] if there is none, [`HomeError::Locked`] if it is in use; see
    /// [`HomeError`] for the rest.
    pub fn open(dir: &Path, config: Config) -> Result<Self, HomeError> {
        let (journal, loaded) = load(dir, OpenMode::Open)?;
        if loaded.next() == Lsn(1) {
            // Its making was cut off before it had keys.
            return Err(HomeError::Missing { path: dir.to_owned() });
        }
        recovered(dir, config, journal, loaded)
    }
}

/// Recovers a wallet from what `journal` held when it was loaded.
///
/// # Errors
/// [`HomeError`], naming `dir`.
fn recovered(
    dir: &Path,
    config: Config,
    journal: SledJournal,
    loaded: Loaded,
) -> Result<Keeper, HomeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(HomeError::Random)?;
    let snapshot = loaded.snapshot.as_ref().map(|(upto, state)| (upto.0, state.as_slice()));
    let records = loaded.records.into_iter().map(|(lsn, bytes)| (lsn.0, bytes));
    let wallet = Wallet::recover(config, seed, snapshot, records)
        .map_err(|source| HomeError::Recover { path: dir.to_owned(), source })?;
    Keeper::from_parts(wallet, journal)
        .map_err(|source| HomeError::Settle { path: dir.to_owned(), source })
}

fn load(dir: &Path, mode: OpenMode) -> Result<(SledJournal, Loaded), HomeError> {
    let path = || dir.to_owned();
    let file = match SledFile::open(&dir.join(LOG), KIND, FORMAT, mode) {
        Ok(file) => file,
        Err(OpenError::Missing { .. }) => return Err(HomeError::Missing { path: path() }),
        Err(OpenError::Exists { .. }) => return Err(HomeError::Exists { path: path() }),
        Err(OpenError::Locked { .. }) => return Err(HomeError::Locked { path: path() }),
        Err(source) => return Err(HomeError::Open { path: path(), source }),
    };
    let mut journal = SledJournal::new(file);
    let loaded =
        journal.load().map_err(|source: LoadError| HomeError::Load { path: path(), source })?;
    Ok((journal, loaded))
}
