//! Transactions that are prepared in one shard and decided in the home (PostgreSQL's PREPARE
//! TRANSACTION).

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor as _, query, query_as, query_scalar, raw_sql};

use crate::store::StoreError;
use crate::store_pg::PgLedger;
use crate::store_pg::link::is_dead;

/// How often a shard is asked what is left in it, while others carry it out.
const TRIES_MAX: usize = 1000;

/// One shard's part of a call's writes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Prepared {
    pub(super) shard: usize,
    /// Its name in the shard's cluster: letters, digits and hyphens.
    name: String,
}

impl Prepared {
    /// The part of the home's transaction `number` in `shard` of `store`.
    pub(super) fn new(store: &str, number: i64, shard: usize) -> Self {
        Self { shard, name: format!("{}{number}", start(store, shard)) }
    }
}

fn start(store: &str, shard: usize) -> String {
    format!("onehop-{store}-{shard}-")
}

fn int(shard: usize) -> i32 {
    i32::try_from(shard).unwrap_or(i32::MAX)
}

/// The number of the home's present transaction, which no other has or had.
pub(super) fn number(home: &PgLedger) -> Result<i64, StoreError> {
    home.run(async |link| {
        let asked = query_scalar("SELECT pg_current_xact_id()::text::bigint");
        asked.fetch_one(link.connection()).await
    })
}

/// What is decided and may not be carried out yet.
pub(super) fn decided(home: &PgLedger) -> Result<BTreeSet<Prepared>, StoreError> {
    let rows: Vec<(String, i32)> = home.run(async |link| {
        query_as("SELECT name, shard FROM office_decision").fetch_all(link.connection()).await
    })?;
    let of = |(name, shard)| Ok(Prepared { name, shard: usize::try_from(shard)? });
    let rows: Result<_, std::num::TryFromIntError> = rows.into_iter().map(of).collect();
    rows.map_err(|_| StoreError::Range)
}

/// Notes in the home's transaction what is decided with it, and forgets what is done.
pub(super) fn note(
    home: &PgLedger,
    made: &[Prepared],
    done: &[Prepared],
) -> Result<(), StoreError> {
    let names = |of: &[Prepared]| of.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let (made_names, shards) = (names(made), made.iter().map(|it| int(it.shard)));
    let (shards, done_names) = (shards.collect::<Vec<i32>>(), names(done));
    if !done.is_empty() {
        home.run(async |link| {
            let gone = query("DELETE FROM office_decision WHERE name = ANY($1)").bind(done_names);
            gone.execute(link.connection()).await.map(drop)
        })?;
    }
    if made.is_empty() {
        return Ok(());
    }
    home.run(async |link| {
        let noted = query(
            "INSERT INTO office_decision (name, shard) \
             SELECT * FROM UNNEST($1::text[], $2::int[])",
        );
        noted.bind(made_names).bind(shards).execute(link.connection()).await.map(drop)
    })
}

/// Ends the shard's transaction so that it survives and can be committed later, whatever happens.
pub(super) fn prepare(shard: &PgLedger, name: &Prepared) -> Result<(), StoreError> {
    let prepared = on(shard, "PREPARE TRANSACTION", name);
    if prepared.is_ok() {
        shard.forget();
    }
    prepared
}

/// Commits what is decided.
pub(super) fn commit(shard: &PgLedger, name: &Prepared) -> Result<(), StoreError> {
    on(shard, "COMMIT PREPARED", name)
}

/// Carries out in a shard what was decided, and rolls back what was not. Only while nobody else can
/// be between the two: under the home's lock.
pub(super) fn finish(
    shard: &PgLedger,
    store: &str,
    number: usize,
    decided: &BTreeSet<Prepared>,
) -> Result<(), StoreError> {
    let pattern = format!("{}%", start(store, number));
    let mut last = StoreError::Conflict;
    for _ in 0..TRIES_MAX {
        let names = left(shard, &pattern)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            let name = Prepared { shard: number, name };
            let how = if decided.contains(&name) { "COMMIT PREPARED" } else { "ROLLBACK PREPARED" };
            match on(shard, how, &name) {
                Ok(()) => {}
                // Who decided it carries it out at this moment.
                Err(error) if is_taken(&error) => last = error,
                Err(error) => return Err(error),
            }
        }
    }
    Err(last)
}

/// What is prepared in a shard.
fn left(shard: &PgLedger, pattern: &str) -> Result<Vec<String>, StoreError> {
    let ask = || {
        shard.run(async |link| {
            let asked = query_scalar(
                "SELECT gid FROM pg_prepared_xacts \
                 WHERE database = current_database() AND gid LIKE $1",
            );
            asked.bind(pattern).fetch_all(link.connection()).await
        })
    };
    let names = ask();
    // A connection that died since the last call: nothing was asked yet, a new one will do.
    if names.as_ref().is_err_and(is_dead) { ask() } else { names }
}

/// True if a prepared transaction is gone, or another session is at it (PostgreSQL 15, appendix A:
/// undefined object, object not in prerequisite state).
fn is_taken(error: &StoreError) -> bool {
    let StoreError::Database(source) = error else { return false };
    let Some(sqlx::Error::Database(said)) = source.downcast_ref::<sqlx::Error>() else {
        return false;
    };
    matches!(said.code().as_deref(), Some("42704" | "55000"))
}

fn on(shard: &PgLedger, statement: &str, name: &Prepared) -> Result<(), StoreError> {
    // The name is ours: it has no quotes.
    let statement = format!("{statement} '{}'", name.name);
    shard.run(async |link| {
        link.connection().execute(raw_sql(AssertSqlSafe(statement))).await.map(drop)
    })
}
