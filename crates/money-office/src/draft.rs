//! One call's view of the store: reads fall through, writes wait for one batch.

use std::collections::BTreeMap;

use onehop_crypto::{SigningKey, Trust};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Hash, UnixSeconds, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::debts::Touched;
use crate::error::OfficeError;
use crate::evidence::Evidence;
use crate::limits::LimitSet;
use crate::rows::SetupRow;
use crate::store::{Batch, LedgerStore, Row, StoreError, Table};

/// Rows of one scan of the store.
pub(crate) const PAGE: usize = 256;

/// What a call works with.
pub(crate) struct Draft<'a, S> {
    pub(crate) store: &'a S,
    pub(crate) setup: &'a SetupRow,
    /// The limits in force.
    pub(crate) limits: LimitSet,
    pub(crate) trust: &'a Trust,
    pub(crate) signer: &'a SigningKey,
    /// Number of the key of `signer`.
    pub(crate) signer_number: u32,
    /// Office time of this call.
    pub(crate) now: UnixSeconds,
    /// Evidence of this call, for the postings.
    pub(crate) cause: Hash,
    /// Wallets whose money or debts this call changed, and whose debts were not looked at since.
    pub(crate) touched: Touched,
    /// Payments that this call decided.
    pub(crate) decided: Vec<OutcomeKind>,
    batch: Batch,
}

impl<'a, S: LedgerStore> Draft<'a, S> {
    pub(crate) fn new(
        store: &'a S,
        (setup, limits): (&'a SetupRow, LimitSet),
        trust: &'a Trust,
        (signer, signer_number): (&'a SigningKey, u32),
        now: UnixSeconds,
    ) -> Self {
        let (cause, batch, decided) = (Hash([0; 32]), Batch::default(), Vec::new());
        let touched = Touched::new();
        Self {
            store,
            setup,
            limits,
            trust,
            signer,
            signer_number,
            now,
            cause,
            touched,
            decided,
            batch,
        }
    }

    /// The writes of the call.
    pub(crate) fn into_batch(self) -> Batch {
        self.batch
    }

    pub(crate) fn bytes(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.batch.writes.get(&(table, key.to_vec())) {
            Some(written) => Ok(written.clone()),
            None => self.store.get(table, key),
        }
    }

    pub(crate) fn find<T: Serialize + DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        self.bytes(table, key)?.map(|bytes| read_row(table, &bytes)).transpose()
    }

    /// A row that another one says is there.
    pub(crate) fn need<T: Serialize + DeserializeOwned>(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<T, StoreError> {
        self.find(table, key)?.ok_or(StoreError::Missing { table })
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, table: Table, key: &[u8], value: &T) {
        self.batch.writes.insert((table, key.to_vec()), Some(encode(value)));
    }

    pub(crate) fn delete(&mut self, table: Table, key: &[u8]) {
        self.batch.writes.insert((table, key.to_vec()), None);
    }

    /// All rows under `prefix`, those of this call included, ascending.
    pub(crate) fn all(&self, table: Table, prefix: &[u8]) -> Result<Vec<Row>, StoreError> {
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.store.scan(table, prefix, after.as_deref(), PAGE)?;
            let full = page.len() == PAGE;
            after = page.last().map(|(key, _)| key.clone());
            found.extend(page);
            if !full {
                break;
            }
        }
        let written = self.batch.writes.range((table, prefix.to_vec())..);
        for ((_, key), value) in
            written.take_while(|((t, key), _)| *t == table && key.starts_with(prefix))
        {
            match value {
                Some(value) => found.insert(key.clone(), value.clone()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().collect())
    }

    /// The next number of a counter, from 1.
    pub(crate) fn count(&mut self, counter: &'static str) -> Result<u64, StoreError> {
        let last: u64 = self.find(Table::Meta, counter.as_bytes())?.unwrap_or(0);
        let next = last.checked_add(1).ok_or(StoreError::Range)?;
        self.put(Table::Meta, counter.as_bytes(), &next);
        Ok(next)
    }

    /// Keeps a statement that the office acts on, once what came before has been collected: the
    /// audit does that after each row.
    pub(crate) fn keep(&mut self, evidence: &Evidence) -> Result<u64, StoreError> {
        self.collect()?;
        let number = self.count("evidence")?;
        self.put(Table::Evidence, &number.to_be_bytes(), evidence);
        Ok(number)
    }

    /// The answer given to this request before.
    pub(crate) fn answered<T: Serialize + DeserializeOwned>(
        &self,
        request: Hash,
    ) -> Result<Option<T>, StoreError> {
        self.find(Table::Answers, request.as_bytes())
    }

    pub(crate) fn answer<T: Serialize>(&mut self, request: Hash, answer: &T) {
        self.put(Table::Answers, request.as_bytes(), answer);
    }
}

/// Reads a stored row.
pub(crate) fn read_row<T: Serialize + DeserializeOwned>(
    table: Table,
    bytes: &[u8],
) -> Result<T, StoreError> {
    decode(bytes, bytes.len()).map_err(|_| StoreError::Row { table })
}

/// What a call returns.
pub(crate) type Decided<T> = Result<T, OfficeError>;
