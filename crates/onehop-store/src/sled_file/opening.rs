//! Opening and creating a store: what must be there, what must not, and in which order.
//!
//! The marker file is written last at creation. Without it nothing was ever promised; with it, an
//! empty or missing database is damage and never a new store.

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::dirs::{create_durable, lock, sync_dir};
use super::engine::{Engine, EngineError, log_path};
use super::error::{Damage, OpenError, ReadError};
use super::marker::{Found, Identity, KIND_BYTES_MAX, Marker};
use super::rows::STATE_KEY;
use super::state::State;
use super::{RECENT_BYTES_MAX, SledFile, Upkeep};

/// Whether a store must exist before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// Make a new store; there must be none.
    Create,
    /// Open a store; there must be one.
    Open,
    /// Open the store, or make one if there is none.
    OpenOrCreate,
}

/// See [`SledFile::open`].
pub(super) fn open(
    dir: &Path,
    kind: &'static str,
    format: u32,
    mode: OpenMode,
    upkeep: Upkeep,
) -> Result<SledFile, OpenError> {
    assert!(kind.len() <= KIND_BYTES_MAX, "the kind of a store is at most 16 bytes");
    let io = |source: io::Error| OpenError::Io { path: dir.to_owned(), source };
    if mode == OpenMode::Open && !dir.is_dir() {
        return Err(OpenError::Missing { path: dir.to_owned() });
    }
    create_durable(dir).map_err(io)?;
    let Some(held) = lock(&dir.join("LOCK")).map_err(io)? else {
        return Err(OpenError::Locked { path: dir.to_owned() });
    };
    let database = dir.join("sled");
    match Marker::open(&dir.join("STORE")).map_err(io)? {
        Found::Bad => Err(damaged(dir, Damage::Marker)),
        Found::Marker(identity, marker) => {
            check_identity(dir, &identity, kind, format)?;
            if mode == OpenMode::Create {
                return Err(OpenError::Exists { path: dir.to_owned() });
            }
            if !log_path(&database).is_file() {
                return Err(damaged(dir, Damage::DatabaseMissing));
            }
            let engine =
                Engine::open(&database, upkeep.cache_bytes).map_err(|error| sorted(dir, error))?;
            checked(assemble(dir, engine, marker, upkeep, held)?)
        }
        Found::Nothing => {
            if mode == OpenMode::Open && !log_path(&database).is_file() {
                return Err(OpenError::Missing { path: dir.to_owned() });
            }
            let engine =
                Engine::open(&database, upkeep.cache_bytes).map_err(|error| sorted(dir, error))?;
            let identity = Identity { kind: kind.to_owned(), format };
            let (engine, marker) = initialise(dir, engine, mode, &identity)?;
            assemble(dir, engine, marker, upkeep, held)
        }
    }
}

/// Turns a database without a marker into a store, unless it holds data.
fn initialise(
    dir: &Path,
    mut engine: Engine,
    mode: OpenMode,
    identity: &Identity,
) -> Result<(Engine, Marker), OpenError> {
    let engine_error = |error| sorted(dir, error);
    let io = |source: io::Error| OpenError::Io { path: dir.to_owned(), source };
    let found = read_state(&engine).map_err(engine_error)?.unwrap_or_default();
    if found.batch > 1 {
        return Err(damaged(dir, Damage::MarkerMissing));
    }
    if mode == OpenMode::Open {
        return Err(OpenError::Missing { path: dir.to_owned() });
    }
    let first = State { batch: 1, ..State::default() };
    engine.apply([(STATE_KEY.to_vec(), Some(first.to_bytes()))]).map_err(engine_error)?;
    engine.force().map_err(engine_error)?;
    for made in ["sled/blobs", "sled", ""] {
        sync_dir(&dir.join(made)).map_err(io)?;
    }
    let marker = Marker::create(&dir.join("STORE"), identity, first.batch).map_err(io)?;
    Ok((engine, marker))
}

fn assemble(
    dir: &Path,
    engine: Engine,
    marker: Marker,
    upkeep: Upkeep,
    held: std::fs::File,
) -> Result<SledFile, OpenError> {
    let Some(state) = read_state(&engine).map_err(|error| sorted(dir, error))? else {
        return Err(damaged(dir, Damage::DatabaseEmpty));
    };
    if state.batch < marker.forced() {
        let (forced, found) = (marker.forced(), state.batch);
        return Err(damaged(dir, Damage::LostBatches { forced, found }));
    }
    Ok(SledFile {
        path: dir.to_owned(),
        engine,
        marker,
        state,
        key: None,
        upkeep,
        unforced_bytes: 0,
        forces: 0,
        poisoned: AtomicBool::new(false),
        _lock: held,
    })
}

/// Checks every row if more was written since the page table than the database checks by itself,
/// and makes durable what is there: it may have been left in the kernel's memory by a program that
/// died before its barrier, and the caller is about to act on it.
fn checked(mut file: SledFile) -> Result<SledFile, OpenError> {
    if file.state.recent_bytes > RECENT_BYTES_MAX {
        file.verify().map_err(|error| match error {
            ReadError::Poisoned { path } => OpenError::Locked { path },
            ReadError::Damaged { path, what } => OpenError::Damaged { path, what },
            ReadError::Io { path, source } => OpenError::Io { path, source },
        })?;
    }
    let settled = file.note_page_table().and_then(|()| file.barrier());
    settled.map_err(|error| sorted(&file.path, error))?;
    Ok(file)
}

fn read_state(engine: &Engine) -> Result<Option<State>, EngineError> {
    let bytes = engine.get(STATE_KEY)?;
    bytes.map(|bytes| State::parse(&bytes).map_err(EngineError::Damage)).transpose()
}

fn check_identity(
    dir: &Path,
    found: &Identity,
    kind: &'static str,
    format: u32,
) -> Result<(), OpenError> {
    let path = dir.to_owned();
    if found.kind != kind {
        return Err(OpenError::Kind { path, found: found.kind.clone(), expected: kind });
    }
    if found.format != format {
        return Err(OpenError::Version { path, found: found.format, expected: format });
    }
    Ok(())
}

fn damaged(dir: &Path, what: Damage) -> OpenError {
    OpenError::Damaged { path: dir.to_owned(), what }
}

fn sorted(dir: &Path, error: EngineError) -> OpenError {
    let path = dir.to_owned();
    match error {
        EngineError::Io(source) => OpenError::Io { path, source },
        EngineError::Damage(what) => OpenError::Damaged { path, what },
        EngineError::Busy => OpenError::Locked { path },
    }
}
