//! The audit: every balance once more, from the signed evidence alone.
//!
//! It shares no code with the calls that kept the books: it checks each signature again, walks the
//! evidence in order with its own rules, and compares what it finds with the stored balances and
//! with the sum of the postings.

mod debts;
mod model;
mod refunds;
mod replay;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::draft::{Decided, read_row};
use crate::evidence::Evidence;
use crate::office::Office;
use crate::rows::{Account, AccountRow, DebtRow, PostingRow};
use crate::store::{LedgerStore, StoreError, Table};

/// Rows of one scan.
const PAGE: usize = 256;
/// More differences than this are counted, not listed.
const LISTED_MAX: usize = 100;

/// A balance that is not what the evidence says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// The account.
    pub row: String,
    /// What the books hold, in minor units.
    pub books: i128,
    /// What the evidence or the postings say.
    pub evidence: i128,
    /// Whether the postings, instead of the evidence, contradict the balance.
    pub postings: bool,
}

/// What the audit found. Sums are in minor units, from the books.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditReport {
    /// Rows of evidence read.
    pub evidence: u64,
    /// Cash handed in, less cash handed out, as the operator signed it.
    pub cash: i128,
    /// Sum of all accounts.
    pub accounts: i128,
    /// Sum of all purses.
    pub purses: i128,
    /// Sum of all suspended payments.
    pub suspense: i128,
    /// Sum of all bonds.
    pub bonds: i128,
    /// Evidence that does not hold, by its row.
    pub faults: Vec<String>,
    /// Balances that differ, the first ones.
    pub differences: Vec<Difference>,
}

/// Rows of evidence between two words of how far an audit is.
const TOLD_EVERY: u64 = 64;

impl AuditReport {
    /// True if nothing differs and cash equals accounts, purses and suspense.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.faults.is_empty() && self.differences.is_empty() && self.missing() == 0
    }

    /// Cash less what the books owe: 0 when money was neither made nor lost.
    #[must_use]
    pub fn missing(&self) -> i128 {
        let owed = self.accounts.saturating_add(self.bonds).saturating_add(self.purses);
        let owed = owed.saturating_add(self.suspense);
        self.cash.saturating_sub(owed)
    }
}

impl<S: LedgerStore> Office<S> {
    /// Recomputes every account, purse and suspended payment from the evidence.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn audit(&self) -> Decided<AuditReport> {
        self.audit_telling(&|_, _| {})
    }

    /// The same; `tell` hears now and then how many rows of evidence were replayed, and of how many.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn audit_telling(&self, tell: &dyn Fn(u64, u64)) -> Decided<AuditReport> {
        self.view(|| self.recompute(tell))
    }

    fn recompute(&self, tell: &dyn Fn(u64, u64)) -> Decided<AuditReport> {
        let all = self.store.get(Table::Meta, b"evidence")?;
        let all: u64 = all.map_or(Ok(0), |bytes| read_row(Table::Meta, &bytes))?;
        let mut model = model::Model::new(self.setup());
        let mut report = AuditReport::default();
        self.each(Table::Evidence, |key, bytes| {
            report.evidence = report.evidence.saturating_add(1);
            if report.evidence % TOLD_EVERY == 0 {
                tell(report.evidence, all);
            }
            let fault = match read_row::<Evidence>(Table::Evidence, bytes) {
                Ok(evidence) => model.replay(row_number(key), evidence).err(),
                Err(_) => Some(model::Fault::Unreadable),
            };
            let number = row_number(key);
            if let Some(fault) = fault.filter(|_| report.faults.len() < LISTED_MAX) {
                report.faults.push(format!("evidence row {number}: {fault}"));
            }
            if number != report.evidence && report.faults.len() < LISTED_MAX {
                report.faults.push(format!("evidence row {} is missing", report.evidence));
                report.evidence = number;
            }
            Ok(())
        })?;
        let books = self.balances()?;
        report.cash = model.cash();
        report.add_up(&books);
        report.compare_debts(&self.debt_rows()?, model.open_debts());
        let model = model.into_books();
        report.compare(&books, &model, false);
        report.compare(&books, &self.posted()?, true);
        Ok(report)
    }

    pub(crate) fn balances(&self) -> Result<BTreeMap<Account, i128>, StoreError> {
        let mut books = BTreeMap::new();
        self.each(Table::Accounts, |_, bytes| {
            let row: AccountRow = read_row(Table::Accounts, bytes)?;
            books.insert(row.account, row.balance);
            Ok(())
        })?;
        Ok(books)
    }

    fn posted(&self) -> Result<BTreeMap<Account, i128>, StoreError> {
        let mut books: BTreeMap<Account, i128> = BTreeMap::new();
        self.each(Table::Postings, |_, bytes| {
            let row: PostingRow = read_row(Table::Postings, bytes)?;
            let sum = i128::from(row.amount);
            let debit = books.entry(row.debit).or_default();
            *debit = debit.checked_sub(sum).ok_or(StoreError::Range)?;
            let credit = books.entry(row.credit).or_default();
            *credit = credit.checked_add(sum).ok_or(StoreError::Range)?;
            Ok(())
        })?;
        Ok(books)
    }

    fn each(
        &self,
        table: Table,
        mut work: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.store().scan(table, &[], after.as_deref(), PAGE)?;
            for (key, bytes) in &page {
                work(key, bytes)?;
            }
            match page.last() {
                Some((key, _)) => after = Some(key.clone()),
                None => return Ok(()),
            }
        }
    }
}

impl AuditReport {
    pub(crate) fn add_up(&mut self, books: &BTreeMap<Account, i128>) {
        for (account, balance) in books {
            let sum = match account {
                Account::Cash => continue,
                Account::Wallet(_) => &mut self.accounts,
                Account::Purse(..) => &mut self.purses,
                Account::Suspense(_) => &mut self.suspense,
                Account::Bond(_) => &mut self.bonds,
            };
            *sum = sum.saturating_add(*balance);
        }
    }

    /// Names the debts that are not open by what the evidence says.
    fn compare_debts(&mut self, books: &[DebtRow], evidence: BTreeMap<Vec<u8>, (String, u64)>) {
        let mut evidence = evidence;
        let stored = books.iter().filter(|row| row.open() > 0);
        let mut pairs: Vec<(String, u64, u64)> = Vec::new();
        for row in stored {
            let found = evidence.remove(&row.key()).map_or(0, |(_, open)| open);
            pairs.push((row.name(), row.open(), found));
        }
        pairs.extend(evidence.into_values().map(|(name, open)| (name, 0, open)));
        for (row, books, evidence) in pairs {
            if books != evidence && self.differences.len() < LISTED_MAX {
                let (books, evidence) = (i128::from(books), i128::from(evidence));
                self.differences.push(Difference { row, books, evidence, postings: false });
            }
        }
    }

    fn compare(
        &mut self,
        books: &BTreeMap<Account, i128>,
        other: &BTreeMap<Account, i128>,
        postings: bool,
    ) {
        let accounts: BTreeSet<&Account> = books.keys().chain(other.keys()).collect();
        for account in accounts {
            let held = |books: &BTreeMap<Account, i128>| books.get(account).copied().unwrap_or(0);
            let (books, evidence) = (held(books), held(other));
            if books != evidence && self.differences.len() < LISTED_MAX {
                let row = account.to_string();
                self.differences.push(Difference { row, books, evidence, postings });
            }
        }
    }
}

/// The number of a row of evidence, from its key.
fn row_number(key: &[u8]) -> u64 {
    key.iter().fold(0u64, |n, byte| (n << 8) | u64::from(*byte))
}
