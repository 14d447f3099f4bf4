//! Where the office keeps its rows: sorted tables, one atomic durable batch at a time.

use std::collections::BTreeMap;
use std::ops::Bound;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// One sorted table of rows. The numbers are part of the stored format.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Table {
    /// Set-up, clock and counters, by name.
    Meta = 1,
    /// The office's certified signing keys, by number.
    OfficeKeys = 2,
    /// Wallets, by id.
    Wallets = 3,
    /// Wallet ids, by display name in lower case.
    Names = 4,
    /// Checkpoints issued, by hash.
    Checkpoints = 5,
    /// Entries known, by checkpoint, number and hash.
    Entries = 6,
    /// Payments, by payment key.
    Payments = 7,
    /// Payments without an outcome, by payment key.
    Open = 8,
    /// Payments still to be covered by their payer, by payer and order of arrival.
    Wants = 9,
    /// Payments covered, waiting for the payee's checkpoint to close, by that checkpoint.
    Waiting = 10,
    /// Checkpoints not closed, by the date on which they lapse.
    Due = 11,
    /// ABORTs shown to the office, by payment and seller.
    Aborts = 12,
    /// Balances, by account.
    Accounts = 13,
    /// Postings, by number.
    Postings = 14,
    /// Signed evidence in order of arrival, by number.
    Evidence = 15,
    /// Answers given, by the hash of the request.
    Answers = 16,
    /// Outcomes not yet delivered, by wallet and number.
    News = 17,
    /// Proofs that a payer signed contradicting entries, by hash.
    Proofs = 18,
    /// Debts, by debtor, row of evidence and payment key.
    Debts = 19,
    /// Refunds, by the key of the payment that they are of and their own id.
    Refunds = 20,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 20] = [
        Self::Meta,
        Self::OfficeKeys,
        Self::Wallets,
        Self::Names,
        Self::Checkpoints,
        Self::Entries,
        Self::Payments,
        Self::Open,
        Self::Wants,
        Self::Waiting,
        Self::Due,
        Self::Aborts,
        Self::Accounts,
        Self::Postings,
        Self::Evidence,
        Self::Answers,
        Self::News,
        Self::Proofs,
        Self::Debts,
        Self::Refunds,
    ];

    /// The number under which the table is stored.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "a fieldless enum of u8")]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// Why the office's rows could not be read or written. Nothing may be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be opened.
    #[error("failed to open the office's store")]
    Open(#[from] onehop_store::OpenError),
    /// The store could not be read.
    #[error("failed to read the office's store")]
    Read(#[from] onehop_store::ReadError),
    /// The store could not be written; stop serving and open it again.
    #[error("failed to write the office's store")]
    Write(#[from] onehop_store::WriteError),
    /// A row is not what this program writes; stop serving.
    #[error("a row of table {table:?} is damaged")]
    Row {
        /// The table.
        table: Table,
    },
    /// A row that another one names is not there; stop serving.
    #[error("a row of table {table:?} is missing")]
    Missing {
        /// The table.
        table: Table,
    },
    /// A sum leaves the range of the books; stop serving.
    #[error("a balance is out of range")]
    Range,
    /// Another writer came in between; nothing was written. The call is to be decided again, from
    /// fresh rows.
    #[error("another writer changed the office's rows at the same time")]
    Conflict,
    /// The database does not answer. Nothing was written in part; whether a batch that was on its
    /// way was written whole, the next call sees. Ask again later.
    #[error("the office's database is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database refuses; its operator has to mend that.
    #[error("the office's database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database does not keep what it acknowledges: an office must not run on it.
    #[error("the database would lose what it acknowledged: {setting} is {value}")]
    NotDurable {
        /// The setting of the database.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// A database is not the part of a store that it was named as.
    #[error("database {position} of the store is {found}")]
    Shard {
        /// Its place in the list, from 1.
        position: usize,
        /// What it is instead.
        found: String,
    },
    /// There is an office in the store already.
    #[error("the store holds an office already")]
    Taken,
}

/// What a call may do with the rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// Read rows of one moment.
    Read,
    /// Read, decide and write, as if no other call ran at the same time.
    Write,
}

/// Puts and deletions that happen together or not at all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// Table and key, with the value to put, or none to delete.
    pub writes: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

/// The office's store. One writer at a time.
///
/// A call is [`Self::begin`], reads, and one of [`Self::apply`], [`Self::finish`] and
/// [`Self::cancel`]. A store that nobody else can open needs nothing of the first and the last two:
/// what it holds changes only by its own `apply`.
pub trait LedgerStore {
    /// Begins a call: until it ends, all reads see one moment, and with [`Purpose::Write`] nobody
    /// else writes what they depend on.
    ///
    /// # Errors
    /// [`StoreError`]; no call has begun then.
    fn begin(&self, _purpose: Purpose) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends a call that writes nothing. Only then what it read is sure.
    ///
    /// # Errors
    /// [`StoreError`]; the call is over.
    fn finish(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Gives a call up: nothing of it is written.
    fn cancel(&self) {}

    /// Says which rows this call will ask for, so that a store far away can fetch them at once.
    /// They are read as before; a failure shows when they are.
    fn warm(&self, _keys: &[(Table, Vec<u8>)]) {}

    /// True while this call's writes wait for others, to be made durable with them.
    fn is_grouped(&self) -> bool {
        false
    }

    /// The value at `key`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` rows whose keys start with `prefix`, ascending, from those after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// Makes `batch` durable, all of it, and ends the call. What was applied survives a power cut
    /// once this is `Ok`.
    ///
    /// # Errors
    /// [`StoreError`]; nobody knows then how much is on the disk, and nothing may be answered.
    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError>;
}

/// A store before another one: calls and reads pass, and what is written is its own business.
pub trait StoreAround {
    /// What it stands before.
    type Inner: LedgerStore;

    /// The other store.
    fn inner(&self) -> &Self::Inner;

    /// As [`LedgerStore::apply`].
    ///
    /// # Errors
    /// As [`LedgerStore::apply`].
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError>;
}

impl<A: StoreAround> LedgerStore for A {
    fn begin(&self, purpose: Purpose) -> Result<(), StoreError> {
        self.inner().begin(purpose)
    }

    fn finish(&self) -> Result<(), StoreError> {
        self.inner().finish()
    }

    fn cancel(&self) {
        self.inner().cancel();
    }

    fn warm(&self, keys: &[(Table, Vec<u8>)]) {
        self.inner().warm(keys);
    }

    fn is_grouped(&self) -> bool {
        self.inner().is_grouped()
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner().scan(table, prefix, after, limit)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.write(batch)
    }
}

/// A store in memory, for tests and simulations.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MemLedger {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl MemLedger {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl LedgerStore for MemLedger {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(&(table, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let low = match after {
            Some(after) if after >= prefix => Bound::Excluded((table, after.to_vec())),
            Some(_) | None => Bound::Included((table, prefix.to_vec())),
        };
        let rows = self.rows.range((low, Bound::Unbounded));
        let within = rows.take_while(|((t, key), _)| *t == table && key.starts_with(prefix));
        Ok(within.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for (key, value) in &batch.writes {
            match value {
                Some(value) => self.rows.insert(key.clone(), value.clone()),
                None => self.rows.remove(key),
            };
        }
        Ok(())
    }
}
