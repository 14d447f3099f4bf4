//! A wallet's folder: `log/` in it is the store with the wallet's log, sealed under the folder's data
//! key.

use std::path::Path;

use onehop_proto::{Birth, Config, State, Wallet};
use onehop_store::{
    DataKey, Journal, LoadError, Loaded, OpenError, OpenMode, SledFile, SledJournal,
};
use onehop_store::{Durability, Lsn, Row};
use onehop_wire::{decode, encode};
use zeroize::Zeroizing;

use crate::error::{HomeError, NodeError};
use crate::keeper::Keeper;

/// The folder of the log within the wallet's.
const LOG: &str = "log";
/// What the store says it is.
const KIND: &str = "wallet";
/// Version of how the log's rows lie there: 1 was not sealed, 2 had records chained by CRC-32, 3
/// chains them by SHA-256, and holds what version 1 of the records and the snapshot says.
const FORMAT: u32 = 2 + onehop_proto::state::FORMAT;

impl Keeper<SledJournal> {
    /// Makes a wallet in the folder `dir`, which is created if need be, sealed under `key`.
    ///
    /// # Errors
    /// [`HomeError::Exists`] if there is a wallet; see [`HomeError`] for the rest.
    pub fn create(
        dir: &Path,
        key: DataKey,
        birth: Birth,
        config: Config,
    ) -> Result<Self, HomeError> {
        let (mut journal, _) = load_empty(dir, key)?;
        let record = encode(&birth.into_record());
        let born = journal.append(Lsn(1), std::slice::from_ref(&record), Durability::Forced);
        born.map_err(|source| HomeError::Settle {
            path: dir.to_owned(),
            source: NodeError::Append { first: 1, last: 1, source },
        })?;
        // The wallet wipes it once it is read.
        let loaded = Loaded { records: vec![(Lsn(1), record)], ..Loaded::default() };
        recovered(dir, config, journal, loaded)
    }

    /// Makes a wallet again in the folder `dir` of what [`Keeper::backup`] gave: frozen until its
    /// office has given it a higher epoch (spec §7.5).
    ///
    /// # Errors
    /// [`HomeError::Backup`] if `backup` is none of this version, [`HomeError::Exists`] if there is
    /// a wallet; see [`HomeError`] for the rest. Nothing is made then.
    pub fn restore(
        dir: &Path,
        key: DataKey,
        backup: &[u8],
        config: Config,
    ) -> Result<Self, HomeError> {
        let (kept, archived) = read_backup(backup)?;
        let mut mail_secret = Zeroizing::new([0; 32]);
        getrandom::fill(mail_secret.as_mut_slice()).map_err(HomeError::Random)?;
        let state = kept.restored(*mail_secret).ok_or(HomeError::Backup)?;
        let state = Zeroizing::new(encode(&state));
        let (mut journal, mut loaded) = load_empty(dir, key)?;
        // One atomic step, so that a crash leaves all of it or nothing.
        let stored = journal.snapshot(Lsn(0), &state, &archived);
        stored.map_err(|source| HomeError::Settle {
            path: dir.to_owned(),
            source: NodeError::Compact(source),
        })?;
        loaded.snapshot = Some((Lsn(0), state.to_vec()));
        recovered(dir, config, journal, loaded)
    }

    /// Opens the wallet in the folder `dir`, sealed under `key`: loads its log, recovers it, and settles what a crash
    /// left open.
    ///
    /// # Errors
    /// [`HomeError::Missing`] if there is none, [`HomeError::Locked`] if it is in use; see
    /// [`HomeError`] for the rest.
    pub fn open(dir: &Path, key: DataKey, config: Config) -> Result<Self, HomeError> {
        let (journal, loaded) = load(dir, key, OpenMode::Open)?;
        if loaded.next() == Lsn(1) && loaded.snapshot.is_none() {
            // Its making was cut off before it had keys of its own.
            return Err(HomeError::Missing { path: dir.to_owned() });
        }
        recovered(dir, config, journal, loaded)
    }
}

/// The longest backup that is read, in bytes.
const BACKUP_MAX: usize = 1 << 30;

/// What a backup holds: the state without anything to spend, and the archive.
type Backup = (State, Vec<Row>);

fn read_backup(backup: &[u8]) -> Result<Backup, HomeError> {
    decode(backup, BACKUP_MAX).map_err(|_| HomeError::Backup)
}

impl<J: Journal> Keeper<J> {
    /// All that a backup keeps of this wallet, in the open: seal it. Nothing can be spent out of
    /// it; what was paid and received is in it, with its evidence.
    ///
    /// # Errors
    /// [`NodeError::Archive`].
    pub fn backup(&self) -> Result<Zeroizing<Vec<u8>>, NodeError> {
        let rows = self.journal().archived(None, false, usize::MAX).map_err(NodeError::Archive)?;
        let backup: Backup = (self.wallet().state().backed_up(), rows);
        Ok(Zeroizing::new(encode(&backup)))
    }
}

/// A new log; there must be no wallet in it.
fn load_empty(dir: &Path, key: DataKey) -> Result<(SledJournal, Loaded), HomeError> {
    let (journal, loaded) = load(dir, key, OpenMode::OpenOrCreate)?;
    if loaded.next() != Lsn(1) || loaded.snapshot.is_some() {
        return Err(HomeError::Exists { path: dir.to_owned() });
    }
    Ok((journal, loaded))
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
    // It holds the wallet's keys.
    let snapshot = loaded.snapshot.map(|(upto, state)| (upto, Zeroizing::new(state)));
    let snapshot = snapshot.as_ref().map(|(upto, state)| (upto.0, state.as_slice()));
    let records = loaded.records.into_iter().map(|(lsn, bytes)| (lsn.0, bytes));
    let wallet = Wallet::recover(config, seed, snapshot, records)
        .map_err(|source| HomeError::Recover { path: dir.to_owned(), source })?;
    Keeper::from_parts(wallet, journal)
        .map_err(|source| HomeError::Settle { path: dir.to_owned(), source })
}

fn load(dir: &Path, key: DataKey, mode: OpenMode) -> Result<(SledJournal, Loaded), HomeError> {
    let path = || dir.to_owned();
    let file = match SledFile::open(&dir.join(LOG), KIND, FORMAT, mode) {
        Ok(file) => file,
        Err(OpenError::Missing { .. }) => return Err(HomeError::Missing { path: path() }),
        Err(OpenError::Exists { .. }) => return Err(HomeError::Exists { path: path() }),
        Err(OpenError::Locked { .. }) => return Err(HomeError::Locked { path: path() }),
        Err(source) => return Err(HomeError::Open { path: path(), source }),
    };
    let mut journal = SledJournal::new(file.sealed(key));
    let loaded =
        journal.load().map_err(|source: LoadError| HomeError::Load { path: path(), source })?;
    Ok((journal, loaded))
}
