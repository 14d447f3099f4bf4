//! The office's store on a simulated disk: its batches are records of a log, its rows what they
//! come to.

use money_office::{Batch, LedgerStore as _, MemLedger, StoreAround, StoreError, Table};
use onehop_store::{AppendError, Durability, Journal as _, LoadError, Lsn, SimJournal};
use onehop_wire::{decode, encode};

/// One batch as it lies in the log: table, key, and the value unless it is deleted.
type Written = Vec<(u8, Vec<u8>, Option<Vec<u8>>)>;

/// Batches in the log after which a snapshot takes their place.
const COMPACT_AFTER: usize = 20;

/// Rows in memory, and the disk that they come back from.
#[derive(Clone, Debug)]
pub(crate) struct DiskLedger {
    rows: MemLedger,
    pub(crate) journal: SimJournal,
    /// Number of the last record.
    pub(crate) last: u64,
    /// Batches since the last snapshot.
    since: usize,
    /// A mutant: batches are not forced.
    pub(crate) is_lazy: bool,
}

impl DiskLedger {
    /// A store on an empty disk.
    pub(crate) fn new() -> Result<Self, LoadError> {
        let rows = MemLedger::new();
        let mut ledger =
            Self { rows, journal: SimJournal::new(), last: 0, since: 0, is_lazy: false };
        ledger.load()?;
        Ok(ledger)
    }

    /// Reads everything back from the disk.
    pub(crate) fn load(&mut self) -> Result<(), LoadError> {
        let loaded = self.journal.load()?;
        self.rows = MemLedger::new();
        self.last = loaded.next().0 - 1;
        self.since = loaded.records.len();
        let snapshot = loaded.snapshot.into_iter().map(|(_, bytes)| bytes);
        for bytes in snapshot.chain(loaded.records.into_iter().map(|(_, bytes)| bytes)) {
            let batch = read(&bytes).ok_or(LoadError::Snapshot)?;
            self.rows.apply(&batch).map_err(|_| LoadError::Snapshot)?;
        }
        Ok(())
    }

    /// Replaces the log by a snapshot of the rows.
    pub(crate) fn compact(&mut self) -> Result<(), AppendError> {
        let mut all: Written = Vec::new();
        for table in Table::ALL {
            let rows = self.rows.scan(table, &[], None, usize::MAX).unwrap_or_default();
            all.extend(rows.into_iter().map(|(key, value)| (table.number(), key, Some(value))));
        }
        self.journal.snapshot(Lsn(self.last), &encode(&all), &[])?;
        self.since = 0;
        Ok(())
    }

    /// True if the log has grown long.
    pub(crate) const fn is_long(&self) -> bool {
        self.since >= COMPACT_AFTER
    }

    /// The rows, to be compared.
    pub(crate) const fn rows(&self) -> &MemLedger {
        &self.rows
    }
}

impl StoreAround for DiskLedger {
    type Inner = MemLedger;

    fn inner(&self) -> &MemLedger {
        &self.rows
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let written: Written = batch
            .writes
            .iter()
            .map(|((table, key), value)| (table.number(), key.clone(), value.clone()))
            .collect();
        let durability = if self.is_lazy { Durability::Lazy } else { Durability::Forced };
        let appended = self.journal.append(Lsn(self.last + 1), &[encode(&written)], durability);
        match appended {
            Ok(()) => {}
            Err(AppendError::Write(error)) => return Err(StoreError::Write(error)),
            Err(_) => return Err(StoreError::Missing { table: Table::Meta }),
        }
        self.last += 1;
        self.since += 1;
        self.rows.apply(batch)
    }
}

fn read(bytes: &[u8]) -> Option<Batch> {
    let written: Written = decode(bytes, bytes.len()).ok()?;
    let mut batch = Batch::default();
    for (number, key, value) in written {
        let table = Table::ALL.into_iter().find(|table| table.number() == number)?;
        batch.writes.insert((table, key), value);
    }
    Some(batch)
}

/// A ledger that is asked once more: nothing may be written to it but what it holds.
#[derive(Debug)]
pub(crate) struct Probe<'a>(pub(crate) &'a DiskLedger);

impl StoreAround for Probe<'_> {
    type Inner = DiskLedger;

    fn inner(&self) -> &DiskLedger {
        self.0
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for ((table, key), value) in &batch.writes {
            if self.0.get(*table, key)? != *value {
                return Err(StoreError::Row { table: *table });
            }
        }
        Ok(())
    }
}
