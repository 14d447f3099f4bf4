//! The office's store over several databases, each with the rows whose ids hash to it.
//!
//! The first database is the home. Who writes holds its lock from the first read to the last
//! commit, so that there is one writer over all of them. What a call writes in other shards is
//! prepared there, durably; then the home commits its own rows together with the decision, by which
//! the prepared ones are committed. Whoever gets the home's lock next finishes what is left: what
//! was decided is committed, what was not is rolled back. Rows of a shard are not read before that
//! was done.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::store::{Batch, LedgerStore, Purpose, Row, StoreError, Table};
use crate::store_pg::PgLedger;

mod identity;
mod prepared;
mod route;

pub(super) use identity::whole;
use prepared::Prepared;
use route::{merged, shard_of, shard_of_prefix};

/// Begins a call that reads: it waits for its turn at the home, so that all shards show what the
/// last writer left, and lets the next writer in once it sees that.
const READ_HOME: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SAVEPOINT turn; \
    LOCK TABLE office_writer IN EXCLUSIVE MODE";
const LEAVE_TURN: &str = "ROLLBACK TO SAVEPOINT turn";

/// Rows in several databases. Not to be used on a thread that drives an async runtime.
#[derive(Debug)]
pub struct ShardedLedger {
    /// The home first.
    shards: Vec<PgLedger>,
    /// Names the store in all of its shards.
    store: String,
    call: RefCell<Call>,
    /// Steps of a commit that are still taken before the connections are dropped; for tests.
    steps: Option<u32>,
}

/// The call that runs.
#[derive(Debug, Default)]
struct Call {
    purpose: Option<Purpose>,
    /// Shards other than the home whose rows this call may read.
    entered: BTreeSet<usize>,
    /// What was decided by the time this call began.
    decided: BTreeSet<Prepared>,
}

impl ShardedLedger {
    /// Makes the tables in empty databases, the home first.
    ///
    /// # Errors
    /// [`StoreError`], also if a database is a shard already, holds an office, would lose what it
    /// acknowledges or allows no prepared transactions.
    pub fn create(urls: &[&str]) -> Result<Self, StoreError> {
        let shards: Result<Vec<_>, _> = urls.iter().map(|url| PgLedger::create_any(url)).collect();
        let shards = shards?;
        identity::prepare_allowed(&shards)?;
        let store = identity::give(&shards)?;
        Ok(Self::over(shards, store))
    }

    /// Opens what [`Self::create`] made, in the same order.
    ///
    /// # Errors
    /// [`StoreError::Shard`] if the databases are not the shards of one store in its order; else
    /// as [`Self::create`].
    pub fn open(urls: &[&str]) -> Result<Self, StoreError> {
        let shards: Result<Vec<_>, _> = urls.iter().map(|url| PgLedger::open_any(url)).collect();
        let shards = shards?;
        identity::prepare_allowed(&shards)?;
        let store = identity::check(&shards)?;
        Ok(Self::over(shards, store))
    }

    fn over(shards: Vec<PgLedger>, store: String) -> Self {
        Self { shards, store, call: RefCell::default(), steps: None }
    }

    /// Lets the next commit take so many steps and then lose all its connections, as if this
    /// program had been killed there. For tests.
    pub fn break_after(&mut self, steps: u32) {
        self.steps = Some(steps);
    }

    fn home(&self) -> Result<&PgLedger, StoreError> {
        self.shard(0)
    }

    fn shard(&self, number: usize) -> Result<&PgLedger, StoreError> {
        self.shards.get(number).ok_or(StoreError::Range)
    }

    /// The shard, once what earlier calls left in it is finished and this call has begun there.
    fn entered(&self, number: usize) -> Result<&PgLedger, StoreError> {
        let shard = self.shard(number)?;
        let mut call = self.call.borrow_mut();
        if number > 0
            && !call.entered.contains(&number)
            && let Some(purpose) = call.purpose
        {
            prepared::finish(shard, &self.store, number, &call.decided)?;
            shard.begin(purpose)?;
            call.entered.insert(number);
        }
        Ok(shard)
    }

    /// Does `work` within a call of its own, unless one runs.
    fn within<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.call.borrow().purpose.is_some() {
            return work();
        }
        self.begin(Purpose::Read)?;
        let done = work();
        if done.is_err() {
            self.cancel();
            return done;
        }
        self.finish().and(done)
    }

    /// Counts a step of a commit.
    fn step(&mut self) -> Result<(), StoreError> {
        let Some(left) = &mut self.steps else { return Ok(()) };
        if let Some(less) = left.checked_sub(1) {
            *left = less;
            return Ok(());
        }
        self.steps = None;
        for shard in &self.shards {
            shard.disconnect();
        }
        *self.call.borrow_mut() = Call::default();
        Err(StoreError::Away(Box::from("this program was told to break here")))
    }

    /// Writes the parts of a batch, whose home's part comes last.
    fn write(&mut self, parts: &[Batch]) -> Result<(), StoreError> {
        let mut made: Vec<Prepared> = Vec::new();
        let written = self.prepare_all(parts, &mut made);
        if let Err(error) = written.and_then(|()| self.decide(parts, &made)) {
            // Whether the home has committed, its next writer sees. What is prepared waits for it.
            self.cancel();
            return Err(error);
        }
        for name in &made {
            self.step()?;
            // It is decided: who comes next does what fails here.
            drop(self.shard(name.shard).and_then(|shard| prepared::commit(shard, name)));
        }
        self.steps = None;
        Ok(())
    }

    fn prepare_all(&mut self, parts: &[Batch], made: &mut Vec<Prepared>) -> Result<(), StoreError> {
        let away = || parts.iter().enumerate().skip(1).filter(|(_, part)| !part.writes.is_empty());
        if away().next().is_none() {
            return Ok(());
        }
        let number = prepared::number(self.home()?)?;
        for (shard, part) in away() {
            let name = Prepared::new(&self.store, number, shard);
            self.entered(shard)?.write_rows(part)?;
            self.step()?;
            prepared::prepare(self.shard(shard)?, &name)?;
            self.call.borrow_mut().entered.remove(&shard);
            made.push(name);
            self.step()?;
        }
        Ok(())
    }

    /// Commits the home's part with the decision, and forgets decisions that were carried out.
    fn decide(&mut self, parts: &[Batch], made: &[Prepared]) -> Result<(), StoreError> {
        let done: Vec<Prepared> = {
            let call = self.call.borrow();
            let written: BTreeSet<usize> = made.iter().map(|name| name.shard).collect();
            let seen = |name: &&Prepared| {
                call.entered.contains(&name.shard) || written.contains(&name.shard)
            };
            call.decided.iter().filter(seen).cloned().collect()
        };
        // What was only read elsewhere is sure once its transaction has ended.
        while let Some(shard) = { self.call.borrow_mut().entered.pop_first() } {
            self.shard(shard)?.finish()?;
        }
        let home = self.home()?;
        if let Some(part) = parts.first() {
            home.write_rows(part)?;
        }
        prepared::note(home, made, &done)?;
        self.step()?;
        self.call.take();
        self.home()?.finish()
    }
}

impl LedgerStore for ShardedLedger {
    fn begin(&self, purpose: Purpose) -> Result<(), StoreError> {
        if self.call.borrow().purpose.is_some() {
            self.cancel();
        }
        let home = self.home()?;
        match purpose {
            Purpose::Write => home.begin(purpose)?,
            Purpose::Read => home.begin_by(READ_HOME)?,
        }
        let begun = prepared::decided(home).and_then(|decided| {
            let (purpose, entered) = (Some(purpose), BTreeSet::new());
            *self.call.borrow_mut() = Call { purpose, entered, decided };
            if purpose == Some(Purpose::Write) {
                return Ok(());
            }
            for number in 1..self.shards.len() {
                self.entered(number)?.see()?;
            }
            home.command(LEAVE_TURN)
        });
        if begun.is_err() {
            self.cancel();
        }
        begun
    }

    fn finish(&self) -> Result<(), StoreError> {
        let entered = std::mem::take(&mut *self.call.borrow_mut()).entered;
        let mut done = self.home()?.finish();
        for number in entered {
            done = done.and(self.shard(number)?.finish());
        }
        done
    }

    fn cancel(&self) {
        let entered = std::mem::take(&mut *self.call.borrow_mut()).entered;
        for number in std::iter::once(0).chain(entered) {
            if let Ok(shard) = self.shard(number) {
                shard.cancel();
            }
        }
    }

    fn warm(&self, keys: &[(Table, Vec<u8>)]) {
        for number in 0..self.shards.len() {
            let here = |(table, key): &&(Table, Vec<u8>)| {
                shard_of(*table, key, self.shards.len()) == number
            };
            let keys: Vec<_> = keys.iter().filter(here).cloned().collect();
            if !keys.is_empty()
                && let Ok(shard) = self.entered(number)
            {
                shard.warm(&keys);
            }
        }
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let number = shard_of(table, key, self.shards.len());
        self.within(|| self.entered(number)?.get(table, key))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let one = shard_of_prefix(table, prefix, self.shards.len());
        self.within(|| {
            let numbers = one.map_or(0..self.shards.len(), |one| one..one.saturating_add(1));
            let found: Result<Vec<_>, _> = numbers
                .map(|number| self.entered(number)?.scan(table, prefix, after, limit))
                .collect();
            Ok(merged(found?, limit))
        })
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.call.borrow().purpose != Some(Purpose::Write) {
            self.begin(Purpose::Write)?;
        }
        let mut parts = vec![Batch::default(); self.shards.len()];
        for ((table, key), value) in &batch.writes {
            let number = shard_of(*table, key, self.shards.len());
            if let Some(part) = parts.get_mut(number) {
                part.writes.insert((*table, key.clone()), value.clone());
            }
        }
        self.write(&parts)
    }
}
