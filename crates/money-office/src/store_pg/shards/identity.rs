//! Which databases belong together, and in which order.

use sqlx::{query, query_as, query_scalar};

use crate::store::StoreError;
use crate::store_pg::PgLedger;

/// What a database says of itself: store, number, how many shards.
type Named = (String, i32, i32);

/// The store's name, given to databases that have none and no rows.
pub(super) fn give(shards: &[PgLedger]) -> Result<String, StoreError> {
    if shards.iter().all(|shard| matches!(named(shard), Ok(Some(_)))) {
        return check(shards);
    }
    let count = int(shards.len())?;
    for (number, shard) in shards.iter().enumerate() {
        match named(shard)? {
            Some(named) => return Err(wrong(number, &words(&named))),
            None if has_rows(shard)? => return Err(wrong(number, "an office of its own")),
            None => {}
        }
    }
    let home = shards.first().ok_or(StoreError::Range)?;
    let store: String = home.run(async |link| {
        let made = query_scalar("SELECT replace(gen_random_uuid()::text, '-', '')");
        made.fetch_one(link.connection()).await
    })?;
    // The home last: a creation that was cut short is found by the others.
    for (number, shard) in shards.iter().enumerate().rev() {
        let (number, store) = (int(number)?, store.clone());
        shard.run(async |link| {
            let put = query("INSERT INTO office_shard (store, number, shards) VALUES ($1, $2, $3)");
            let put = put.bind(store).bind(number).bind(count);
            put.execute(link.connection()).await.map(drop)
        })?;
    }
    Ok(store)
}

/// The store's name, if these are all of its shards in its order.
pub(super) fn check(shards: &[PgLedger]) -> Result<String, StoreError> {
    let count = int(shards.len())?;
    let mut store = None;
    for (number, shard) in shards.iter().enumerate() {
        let found = named(shard)?.ok_or_else(|| wrong(number, "no shard"))?;
        let store: &String = store.get_or_insert_with(|| found.0.clone());
        if *store != found.0 {
            return Err(wrong(number, &format!("{} of another store", words(&found))));
        }
        if (found.1, found.2) != (int(number)?, count) {
            return Err(wrong(number, &words(&found)));
        }
    }
    store.ok_or(StoreError::Range)
}

/// Refuses a database that is only a part of a store.
pub(in crate::store_pg) fn whole(store: &PgLedger) -> Result<(), StoreError> {
    named(store)?.map_or(Ok(()), |named| Err(wrong(0, &words(&named))))
}

/// Refuses shards that cannot prepare a transaction.
pub(super) fn prepare_allowed(shards: &[PgLedger]) -> Result<(), StoreError> {
    for (number, shard) in shards.iter().enumerate().skip(1) {
        let most: String = shard.run(async |link| {
            query_scalar("SHOW max_prepared_transactions").fetch_one(link.connection()).await
        })?;
        if most == "0" {
            return Err(wrong(
                number,
                "one without prepared transactions: set \
                max_prepared_transactions to 10 or more there and restart it",
            ));
        }
    }
    Ok(())
}

fn named(shard: &PgLedger) -> Result<Option<Named>, StoreError> {
    shard.run(async |link| {
        let asked = query_as("SELECT store, number, shards FROM office_shard");
        asked.fetch_optional(link.connection()).await
    })
}

fn has_rows(shard: &PgLedger) -> Result<bool, StoreError> {
    shard.run(async |link| {
        query_scalar("SELECT EXISTS (SELECT FROM office_row)").fetch_one(link.connection()).await
    })
}

fn words((_, number, shards): &Named) -> String {
    format!("shard {} of {shards}", number.saturating_add(1))
}

fn wrong(number: usize, found: &str) -> StoreError {
    StoreError::Shard { position: number.saturating_add(1), found: found.to_owned() }
}

fn int(number: usize) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| StoreError::Range)
}
