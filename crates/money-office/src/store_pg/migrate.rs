//! The tables of the database, one step after the other.

use sqlx::{Executor as _, query, query_scalar, raw_sql};

use super::link::Link;

/// Every step there is, the first one first. A step that was released never changes.
const STEPS: [&str; 2] = [
    include_str!("../../migrations/0001_rows.sql"),
    include_str!("../../migrations/0002_shards.sql"),
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS office_migration (number int PRIMARY KEY)";

/// True if there is anything of an office in the database.
pub(super) async fn is_there(link: &mut Link) -> Result<bool, sqlx::Error> {
    let asked = query_scalar("SELECT to_regclass('office_migration') IS NOT NULL");
    asked.fetch_one(link.connection()).await
}

/// Takes the steps that are missing, all in one transaction. Two offices at once do it once.
pub(super) async fn run(link: &mut Link) -> Result<(), sqlx::Error> {
    if !is_there(link).await? {
        // Two that make it at the same moment: the second is told that it is there.
        let made = link.command(LEDGER).await;
        if !is_there(link).await? {
            made?;
        }
    }
    link.command("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let done = steps(link).await;
    link.command(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

async fn steps(link: &mut Link) -> Result<(), sqlx::Error> {
    link.command("LOCK TABLE office_migration IN EXCLUSIVE MODE").await?;
    let last = query_scalar("SELECT coalesce(max(number), 0) FROM office_migration");
    let last: i32 = last.fetch_one(link.connection()).await?;
    for (number, step) in (1i32..).zip(STEPS).filter(|(number, _)| *number > last) {
        link.connection().execute(raw_sql(step)).await?;
        let noted = query("INSERT INTO office_migration (number) VALUES ($1)").bind(number);
        noted.execute(link.connection()).await?;
    }
    Ok(())
}
