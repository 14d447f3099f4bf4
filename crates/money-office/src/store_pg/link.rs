//! One connection to the database, and what its failures mean.

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection, query_scalar, raw_sql};

use crate::store::StoreError;

/// What every session sets. All reads are by key, whatever the database believes of its tables;
/// and it limits, in milliseconds, a lock not had, a statement that hangs, an office that holds
/// the lock and says nothing.
const SESSION: [(&str, &str); 6] = [
    ("enable_seqscan", "off"),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "serializable"),
    ("lock_timeout", "8000"),
    ("statement_timeout", "9000"),
    ("idle_in_transaction_session_timeout", "20000"),
];

/// Settings without which an acknowledged write may be lost.
const DURABLE: [(&str, &str); 3] = [
    ("fsync", "SHOW fsync"),
    ("full_page_writes", "SHOW full_page_writes"),
    ("synchronous_commit", "SHOW synchronous_commit"),
];

/// What a failure of the database asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// The same call again.
    Conflict,
    /// The same call later.
    Away,
    /// Somebody to look.
    Broken,
}

impl Failure {
    pub(super) const fn of(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Away(_) => Self::Away,
            StoreError::Open(_)
            | StoreError::Read(_)
            | StoreError::Write(_)
            | StoreError::Row { .. }
            | StoreError::Missing { .. }
            | StoreError::Range
            | StoreError::Database(_)
            | StoreError::NotDurable { .. }
            | StoreError::Shard { .. }
            | StoreError::Taken => Self::Broken,
        }
    }

    /// The error for whatever else is asked in a transaction that was lost by it.
    pub(super) fn again(self) -> StoreError {
        match self {
            Self::Conflict => StoreError::Conflict,
            Self::Away => StoreError::Away(Box::new(TransactionLost)),
            Self::Broken => StoreError::Database(Box::new(TransactionLost)),
        }
    }
}

/// The transaction ended before its call did.
#[derive(Debug, thiserror::Error)]
#[error("the transaction of this call is lost")]
struct TransactionLost;

/// A connection that keeps what it acknowledges.
pub(super) struct Link(PgConnection);

impl Link {
    /// Connects, and refuses a database that would lose what it acknowledged.
    pub(super) async fn connect(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let mut connection = sorted(options.connect().await)?;
        for (setting, show) in DURABLE {
            let value: String = sorted(query_scalar(show).fetch_one(&mut connection).await)?;
            if value != "on" {
                return Err(StoreError::NotDurable { setting, value });
            }
        }
        Ok(Self(connection))
    }

    pub(super) const fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Statements without parameters, sent at once.
    pub(super) async fn command(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        self.0.execute(raw_sql(statement)).await.map(drop)
    }
}

/// The address and what every connection to it sets.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url);
    let options = options.map_err(|error| StoreError::Database(Box::new(error)))?;
    Ok(options.application_name("money-office").options(SESSION).disable_statement_logging())
}

/// The same result, its error sorted by what is to be done.
pub(super) fn sorted<T>(result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    result.map_err(|error| match failure(&error) {
        Failure::Conflict => StoreError::Conflict,
        Failure::Away => StoreError::Away(Box::new(error)),
        Failure::Broken => StoreError::Database(Box::new(error)),
    })
}

fn failure(error: &sqlx::Error) -> Failure {
    if let sqlx::Error::Database(said) = error {
        return said.code().map_or(Failure::Broken, |code| by_sqlstate(&code));
    }
    if is_of_connection(error) { Failure::Away } else { Failure::Broken }
}

const fn is_of_connection(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed)
}

/// True if the failure is of the connection, not of what was asked over it.
pub(super) fn is_dead(error: &StoreError) -> bool {
    let StoreError::Away(source) = error else { return false };
    let Some(error) = source.downcast_ref::<sqlx::Error>() else { return false };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    is_of_connection(error) || matches!(code.as_deref(), Some("57P01" | "57P02" | "25P03"))
}

/// By PostgreSQL 15, appendix A.
fn by_sqlstate(code: &str) -> Failure {
    match code {
        // Serialization failure, deadlock.
        "40001" | "40P01" => Failure::Conflict,
        // A lock not had or a statement cancelled in time, a session ended for idling, a server
        // that shuts down, crashed or starts, a standby that takes no writes.
        "55P03" | "57014" | "25P03" | "57P01" | "57P02" | "57P03" | "25006" => Failure::Away,
        // Connections, and resources: disk, memory, connections.
        code if code.starts_with("08") || code.starts_with("53") => Failure::Away,
        _ => Failure::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_tried_again_is_told_from_what_somebody_has_to_mend() {
        for code in ["40001", "40P01"] {
            assert_eq!(by_sqlstate(code), Failure::Conflict, "{code}");
        }
        for code in ["08006", "53100", "53300", "55P03", "57014", "57P01", "57P03", "25006"] {
            assert_eq!(by_sqlstate(code), Failure::Away, "{code}");
        }
        for code in ["42P01", "28P01", "3D000", "XX001", "23505"] {
            assert_eq!(by_sqlstate(code), Failure::Broken, "{code}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(matches!(options("postgres://["), Err(StoreError::Database(_))));
    }
}
