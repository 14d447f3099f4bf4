//! Group commit: calls decided one after the other, made durable together.

use crate::draft::Decided;
use crate::error::OfficeError;
use crate::hints::RowKey;
use crate::office::{Office, TRIES_MAX};
use crate::store::{Batch, LedgerStore, Purpose, Row, StoreError, Table};

/// A store that can hold the writes of several calls back, to make them durable as one batch.
///
/// While a group is open each call reads what those before it wrote. **No answer of a group may
/// leave before [`Office::group`] has returned `Ok`.**
#[derive(Clone, Debug, Default)]
pub struct Grouped<S> {
    inner: S,
    /// What the calls of the open group wrote.
    held: Option<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    batch: Batch,
    bytes: usize,
}

impl<S: LedgerStore> Grouped<S> {
    /// A store over `inner`, without an open group.
    #[must_use]
    pub const fn new(inner: S) -> Self {
        Self { inner, held: None }
    }

    /// The store beneath, without what an open group holds back.
    #[must_use]
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Gives the store beneath back. What an open group holds is dropped.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn open(&mut self) -> Result<(), StoreError> {
        self.inner.begin(Purpose::Write)?;
        self.held = Some(Held::default());
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let held = self.held.take().unwrap_or_default();
        if held.batch.writes.is_empty() {
            return self.inner.finish();
        }
        self.inner.apply(&held.batch)
    }

    /// Rows of the store with those of the group over them, from those after `after`.
    fn merged(
        &self,
        held: &Batch,
        (table, prefix): (Table, &[u8]),
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.map(<[u8]>::to_vec);
        while found.len() < limit {
            let wanted = limit.saturating_sub(found.len());
            let page = self.inner.scan(table, prefix, after.as_deref(), wanted)?;
            // Beyond the last row of a full page the store may have others, which come first.
            let end = page.last().map(|(key, _)| key.clone()).filter(|_| page.len() == wanted);
            overlay(&mut found, page, held, (table, prefix), (after.as_deref(), end.as_deref()));
            match end {
                Some(end) => after = Some(end),
                None => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }
}

/// Adds to `found` a page and what the group wrote between its bounds, in the order of the keys.
fn overlay(
    found: &mut Vec<Row>,
    page: Vec<Row>,
    held: &Batch,
    (table, prefix): (Table, &[u8]),
    (after, end): (Option<&[u8]>, Option<&[u8]>),
) {
    let mut rows: std::collections::BTreeMap<Vec<u8>, Vec<u8>> = page.into_iter().collect();
    let from = after.map_or(prefix, |after| after.max(prefix)).to_vec();
    let written = held.writes.range((table, from)..);
    for ((_, key), value) in
        written.take_while(|((t, key), _)| *t == table && key.starts_with(prefix))
    {
        if after.is_some_and(|after| key.as_slice() <= after) {
            continue;
        }
        if end.is_some_and(|end| key.as_slice() > end) {
            break;
        }
        match value {
            Some(value) => rows.insert(key.clone(), value.clone()),
            None => rows.remove(key),
        };
    }
    found.extend(rows);
}

impl<S: LedgerStore> LedgerStore for Grouped<S> {
    fn begin(&self, purpose: Purpose) -> Result<(), StoreError> {
        if self.held.is_some() { Ok(()) } else { self.inner.begin(purpose) }
    }

    fn finish(&self) -> Result<(), StoreError> {
        if self.held.is_some() { Ok(()) } else { self.inner.finish() }
    }

    fn cancel(&self) {
        if self.held.is_none() {
            self.inner.cancel();
        }
    }

    fn warm(&self, keys: &[(Table, Vec<u8>)]) {
        self.inner.warm(keys);
    }

    fn is_grouped(&self) -> bool {
        self.held.is_some()
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.held.as_ref().filter(|held| !held.batch.writes.is_empty());
        match held.and_then(|held| held.batch.writes.get(&(table, key.to_vec()))) {
            Some(written) => Ok(written.clone()),
            None => self.inner.get(table, key),
        }
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        match &self.held {
            Some(held) => self.merged(&held.batch, (table, prefix), after, limit),
            None => self.inner.scan(table, prefix, after, limit),
        }
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let Some(held) = &mut self.held else { return self.inner.apply(batch) };
        for ((_, key), value) in &batch.writes {
            let bytes = key.len().saturating_add(value.as_ref().map_or(0, Vec::len));
            held.bytes = held.bytes.saturating_add(bytes);
        }
        let writes = batch.writes.iter().map(|(key, value)| (key.clone(), value.clone()));
        held.batch.writes.extend(writes);
        Ok(())
    }
}

impl<S: LedgerStore> Office<Grouped<S>> {
    /// Runs `work`, which makes calls one after the other, and makes durable at once what they
    /// wrote. After a [`StoreError::Conflict`] all of it is run again, from fresh rows.
    ///
    /// # Errors
    /// [`StoreError`] if the group could not be made durable: **then nothing that `work` gave may
    /// be answered.**
    pub fn group<T>(&mut self, mut work: impl FnMut(&mut Self) -> T) -> Result<T, StoreError> {
        for _ in 1..TRIES_MAX {
            match self.try_group(&mut work) {
                Err(StoreError::Conflict) => {}
                done => return done,
            }
        }
        self.try_group(&mut work)
    }

    fn try_group<T>(&mut self, work: &mut impl FnMut(&mut Self) -> T) -> Result<T, StoreError> {
        self.store.open()?;
        let answers = work(self);
        self.store.close()?;
        Ok(answers)
    }

    /// Fetches rows that the calls of the open group will ask for, where that saves time.
    pub fn warm(&mut self, keys: &[RowKey]) {
        self.store.warm(keys);
    }

    /// Bytes that the open group will write.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.store.held.as_ref().map_or(0, |held| held.bytes)
    }

    /// One call as a group of its own.
    ///
    /// # Errors
    /// As the call's.
    pub fn alone<T>(&mut self, mut work: impl FnMut(&mut Self) -> Decided<T>) -> Decided<T> {
        self.group(&mut work).map_err(OfficeError::Store)?
    }
}
