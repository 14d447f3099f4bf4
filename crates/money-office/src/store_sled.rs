//! The office's store on a real disk, in one sled file.

use std::path::Path;

use onehop_store::{OpenMode, Scan, SledFile, TreeId, Upkeep, Writes};

use crate::store::{Batch, LedgerStore, Row, StoreError, Table};

/// What the store's marker says.
const KIND: &str = "money-office";
/// The version of what the rows mean.
const FORMAT: u32 = 2;

/// Tables in a directory, forced to the disk with every batch. Open in one process at a time.
#[derive(Debug)]
pub struct SledLedger {
    file: SledFile,
}

impl SledLedger {
    /// Makes a new store in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Open`], also if there is one already.
    pub fn create(dir: &Path) -> Result<Self, StoreError> {
        Self::open_as(dir, OpenMode::Create)
    }

    /// Opens the store in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Open`], also if there is none or another process has it open.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_as(dir, OpenMode::Open)
    }

    fn open_as(dir: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        Ok(Self { file: SledFile::open_kept(dir, KIND, FORMAT, mode, Upkeep::SERVICE)? })
    }
}

const fn tree(table: Table) -> TreeId {
    TreeId::new(table.number())
}

impl LedgerStore for SledLedger {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.file.get(tree(table), key)?)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut scan = Scan::prefix(tree(table), prefix, limit);
        if let Some(after) = after.filter(|after| *after >= prefix) {
            // The least key above `after`.
            let mut from = after.to_vec();
            from.push(0);
            scan.from = Some(from);
        }
        Ok(self.file.scan(&scan)?)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut writes = Writes::new();
        for ((table, key), value) in &batch.writes {
            match value {
                Some(value) => writes.put(tree(*table), key.clone(), value.clone()),
                None => writes.delete(tree(*table), key.clone()),
            }
        }
        self.file.apply(&writes)?;
        Ok(self.file.force()?)
    }
}
