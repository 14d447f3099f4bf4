//! The store that the program was told to use.

use crate::store::{Batch, LedgerStore, Purpose, Row, StoreError, Table};
#[cfg(feature = "postgres")]
use crate::store_pg::{PgLedger, ShardedLedger};
use crate::store_sled::SledLedger;

/// One of the stores that keep what they acknowledge.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub enum AnyLedger {
    /// In a folder of this machine, for one office at a time.
    Sled(SledLedger),
    /// In a PostgreSQL database, for several offices at once.
    #[cfg(feature = "postgres")]
    Postgres(Box<PgLedger>),
    /// In several PostgreSQL databases, for several offices at once.
    #[cfg(feature = "postgres")]
    Sharded(Box<ShardedLedger>),
}

/// The same call on whichever store it is.
macro_rules! on {
    ($self:expr, $store:ident => $call:expr) => {
        match $self {
            Self::Sled($store) => $call,
            #[cfg(feature = "postgres")]
            Self::Postgres($store) => $call,
            #[cfg(feature = "postgres")]
            Self::Sharded($store) => $call,
        }
    };
}

impl LedgerStore for AnyLedger {
    fn begin(&self, purpose: Purpose) -> Result<(), StoreError> {
        on!(self, store => store.begin(purpose))
    }

    fn finish(&self) -> Result<(), StoreError> {
        on!(self, store => store.finish())
    }

    fn cancel(&self) {
        on!(self, store => store.cancel());
    }

    fn warm(&self, keys: &[(Table, Vec<u8>)]) {
        on!(self, store => store.warm(keys));
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        on!(self, store => store.get(table, key))
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        on!(self, store => store.scan(table, prefix, after, limit))
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        on!(self, store => store.apply(batch))
    }
}
