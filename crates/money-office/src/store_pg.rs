//! The office's store in PostgreSQL, for several offices on one database.
//!
//! A call that writes is one SERIALIZABLE transaction, its reads included. It first waits for its
//! turn at a lock that is no row, before the moment whose rows it sees: offices queue instead of
//! undoing each other's work. What gets past that queue (another program, a deadlock) ends in
//! [`StoreError::Conflict`], and the call is decided again. Rows are written in the order of their
//! keys.

mod link;
mod migrate;
mod shards;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{Row as _, query};
use tokio::runtime::Runtime;

use crate::store::{Batch, LedgerStore, Purpose, Row, StoreError, Table};
use link::{Failure, Link};

pub use shards::ShardedLedger;

/// No statement takes longer than this, or the database counts as away.
const ANSWER_SECONDS_MAX: u64 = 10;

const GET: &str = "SELECT value FROM office_row WHERE kind = $1 AND key = $2";
const WARM: &str = "SELECT kind, key, value FROM office_row \
    JOIN UNNEST($1::smallint[], $2::bytea[]) AS asked (kind, key) USING (kind, key)";
const SCAN: &str = "SELECT key, value FROM office_row \
    WHERE kind = $1 AND key >= $2 AND ($3::bytea IS NULL OR key < $3) ORDER BY key LIMIT $4";
const PUT: &str = "INSERT INTO office_row (kind, key, value) \
    SELECT * FROM UNNEST($1::smallint[], $2::bytea[], $3::bytea[]) \
    ON CONFLICT (kind, key) DO UPDATE SET value = EXCLUDED.value";
const DELETE: &str = "DELETE FROM office_row USING UNNEST($1::smallint[], $2::bytea[]) \
    AS gone (kind, key) WHERE office_row.kind = gone.kind AND office_row.key = gone.key";

/// A scan of at most this many rows is remembered within its call.
const REMEMBERED_MAX: usize = 16;

/// What a scan was asked: table, prefix, where it began and how many rows it may have.
type Asked = (Table, Vec<u8>, Vec<u8>, usize);

/// Where the transaction of the call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// No call: each read is for itself.
    Idle,
    Begun,
    /// The transaction is lost; so is whatever the call still does.
    Lost(Failure),
}

/// Rows in a database. Not to be used on a thread that drives an async runtime.
pub struct PgLedger {
    runtime: Runtime,
    options: PgConnectOptions,
    state: RefCell<State>,
}

struct State {
    /// None while the database is away.
    link: Option<Link>,
    stage: Stage,
    /// What this call has read: within a transaction it stays so.
    read: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    /// What this call has scanned, if it was little.
    scanned: BTreeMap<Asked, Vec<Row>>,
}

impl fmt::Debug for PgLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options hold a password.
        f.debug_struct("PgLedger").field("host", &self.options.get_host()).finish_non_exhaustive()
    }
}

impl PgLedger {
    /// Makes the tables in an empty database, at an address such as
    /// `postgres://user@localhost/office`.
    ///
    /// # Errors
    /// [`StoreError`], also if the database would lose what it acknowledges.
    pub fn create(url: &str) -> Result<Self, StoreError> {
        let store = Self::create_any(url)?;
        shards::whole(&store)?;
        Ok(store)
    }

    /// The same of a database that may be a part of a store.
    fn create_any(url: &str) -> Result<Self, StoreError> {
        let store = Self::connected(url)?;
        store.run(async |link| migrate::run(link).await)?;
        Ok(store)
    }

    /// Opens what [`Self::create`] made, and brings its tables to the newest form.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there are no tables; else as [`Self::create`].
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self::open_any(url)?;
        shards::whole(&store)?;
        Ok(store)
    }

    /// The same of a database that may be a part of a store.
    fn open_any(url: &str) -> Result<Self, StoreError> {
        let store = Self::connected(url)?;
        if !store.run(async |link| migrate::is_there(link).await)? {
            return Err(StoreError::Missing { table: Table::Meta });
        }
        store.run(async |link| migrate::run(link).await)?;
        Ok(store)
    }

    fn connected(url: &str) -> Result<Self, StoreError> {
        let options = link::options(url)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Away(Box::new(error)))?;
        let (read, scanned) = (BTreeMap::new(), BTreeMap::new());
        let state = State { link: None, stage: Stage::Idle, read, scanned };
        Ok(Self { runtime, options, state: RefCell::new(state) })
    }

    /// Does `work` on the connection, which is made if there is none. A failure loses the call's
    /// transaction; where the connection is no longer sure, it is dropped.
    fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut Link) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let mut state = self.state.borrow_mut();
        if let Stage::Lost(failure) = state.stage {
            return Err(failure.again());
        }
        let state = &mut *state;
        let done = self.runtime.block_on(async {
            let link = match state.link.take() {
                Some(link) => state.link.insert(link),
                None => state.link.insert(in_time(Link::connect(&self.options)).await??),
            };
            link::sorted(in_time(work(link)).await?)
        });
        if let Err(error) = &done {
            let failure = Failure::of(error);
            if failure != Failure::Conflict {
                state.link = None;
            }
            if state.stage == Stage::Begun {
                state.stage = Stage::Lost(failure);
            }
        }
        done
    }

    /// Begins a call's transaction by `statement`.
    fn begin_by(&self, statement: &'static str) -> Result<(), StoreError> {
        if self.forget() != Stage::Idle {
            // A call that nobody ended: its rows are of another moment.
            self.roll_back();
        }
        let mut begun = self.command(statement);
        if begun.as_ref().is_err_and(link::is_dead) {
            // The connection died since the last call. Nothing was asked yet: a new one will do.
            begun = self.command(statement);
        }
        match begun {
            Ok(()) => {
                self.state.borrow_mut().stage = Stage::Begun;
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn command(&self, statement: &'static str) -> Result<(), StoreError> {
        self.run(async |link| link.command(statement).await)
    }

    /// Sees the rows of this moment, whatever others write before the call asks for the first.
    fn see(&self) -> Result<(), StoreError> {
        self.command("SELECT pg_current_snapshot()")
    }

    /// Loses the connection, and with it the transaction of the call.
    fn disconnect(&self) {
        self.forget();
        self.state.borrow_mut().link = None;
    }

    /// Writes rows within the call's transaction.
    fn write_rows(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.writes.is_empty() {
            return Ok(());
        }
        self.run(async |link| {
            let gone = batch.writes.iter().filter(|(_, value)| value.is_none());
            let (kinds, keys): (Vec<i16>, Vec<&[u8]>) =
                gone.map(|((table, key), _)| (kind(*table), key.as_slice())).unzip();
            if !kinds.is_empty() {
                query(DELETE).bind(kinds).bind(keys).execute(link.connection()).await?;
            }
            let (mut kinds, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for ((table, key), value) in &batch.writes {
                if let Some(value) = value {
                    kinds.push(kind(*table));
                    keys.push(key.as_slice());
                    values.push(value.as_slice());
                }
            }
            if !kinds.is_empty() {
                let put = query(PUT).bind(kinds).bind(keys).bind(values);
                put.execute(link.connection()).await?;
            }
            Ok(())
        })
    }

    /// Ends the call's transaction by `statement`.
    fn end(&self, statement: &'static str) -> Result<(), StoreError> {
        let ended = self.run(async |link| link.command(statement).await);
        if matches!(self.forget(), Stage::Lost(_)) {
            self.roll_back();
        }
        ended
    }

    /// No call runs any more; where the one before stood.
    fn forget(&self) -> Stage {
        let mut state = self.state.borrow_mut();
        state.read.clear();
        state.scanned.clear();
        std::mem::replace(&mut state.stage, Stage::Idle)
    }

    /// What cannot be rolled back is dropped with its connection, which rolls it back too.
    fn roll_back(&self) {
        if self.state.borrow().link.is_some()
            && self.run(async |link| link.command("ROLLBACK").await).is_err()
        {
            self.state.borrow_mut().link = None;
        }
    }
}

/// The database counts as away if `work` takes too long.
async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, StoreError> {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    tokio::time::timeout(limit, work).await.map_err(|late| StoreError::Away(Box::new(late)))
}

const fn kind(table: Table) -> i16 {
    #[expect(clippy::as_conversions, reason = "i16::from is not const; u8 always fits")]
    let kind = table.number() as i16;
    kind
}

/// The least key above all that start with `prefix`, if there is one.
fn above(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if let Some(next) = last.checked_add(1) {
            key.push(next);
            return Some(key);
        }
    }
    None
}

impl LedgerStore for PgLedger {
    fn begin(&self, purpose: Purpose) -> Result<(), StoreError> {
        let statement = match purpose {
            // The lock comes first: the rows seen are those of the moment after it was given.
            Purpose::Write => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE office_writer IN EXCLUSIVE MODE"
            }
            // Writers come one after the other, so that what any moment shows is what they left.
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.begin_by(statement)
    }

    fn finish(&self) -> Result<(), StoreError> {
        self.end("COMMIT")
    }

    fn cancel(&self) {
        self.forget();
        self.roll_back();
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let at = (table, key.to_vec());
        if let Some(known) = self.state.borrow().read.get(&at) {
            return Ok(known.clone());
        }
        let value = self.run(async |link| {
            let asked = query(GET).bind(kind(table)).bind(key);
            let row = asked.fetch_optional(link.connection()).await?;
            row.map(|row: PgRow| row.try_get::<Vec<u8>, _>(0)).transpose()
        })?;
        let mut state = self.state.borrow_mut();
        if state.stage == Stage::Begun {
            state.read.insert(at, value.clone());
        }
        Ok(value)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut from = prefix.to_vec();
        if let Some(after) = after.filter(|after| *after >= prefix) {
            // The least key above `after`.
            from = [after, &[0]].concat();
        }
        let at: Asked = (table, prefix.to_vec(), from, limit);
        if let Some(known) = self.state.borrow().scanned.get(&at) {
            return Ok(known.clone());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = self.run(async |link| {
            let (table, prefix, from, _) = &at;
            let asked = query(SCAN).bind(kind(*table)).bind(from).bind(above(prefix)).bind(limit);
            let rows = asked.fetch_all(link.connection()).await?;
            rows.into_iter().map(|row: PgRow| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
        })?;
        let mut state = self.state.borrow_mut();
        if state.stage == Stage::Begun && rows.len() <= REMEMBERED_MAX {
            state.scanned.insert(at, rows.clone());
        }
        Ok(rows)
    }

    fn warm(&self, keys: &[(Table, Vec<u8>)]) {
        let wanted: BTreeSet<(i16, &[u8])> = {
            let state = self.state.borrow();
            let unknown = keys.iter().filter(|key| !state.read.contains_key(key));
            unknown.map(|(table, key)| (kind(*table), key.as_slice())).collect()
        };
        if wanted.is_empty() {
            return;
        }
        let (kinds, at): (Vec<i16>, Vec<&[u8]>) = wanted.into_iter().unzip();
        let rows = self.run(async |link| {
            let asked = query(WARM).bind(kinds).bind(at);
            let rows = asked.fetch_all(link.connection()).await?;
            rows.into_iter()
                .map(|row: PgRow| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?)))
                .collect::<Result<BTreeMap<(i16, Vec<u8>), Vec<u8>>, sqlx::Error>>()
        });
        // What went wrong is what the next read of this call says.
        let Ok(mut rows) = rows else { return };
        let mut state = self.state.borrow_mut();
        if state.stage == Stage::Begun {
            for (table, key) in keys {
                let value = rows.remove(&(kind(*table), key.clone()));
                state.read.entry((*table, key.clone())).or_insert(value);
            }
        }
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.state.borrow().stage == Stage::Idle {
            self.begin(Purpose::Write)?;
        }
        let written = self.write_rows(batch);
        match written {
            Ok(()) => self.end("COMMIT"),
            Err(error) => {
                self.cancel();
                Err(error)
            }
        }
    }
}
