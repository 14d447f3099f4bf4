//! Account statements: what moved into and out of a wallet's account, bond and purses.

use onehop_wire::{Hash, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::draft::{Decided, read_row};
use crate::office::Office;
use crate::rows::{Account, PostingRow};
use crate::store::{LedgerStore, StoreError, Table};

/// Postings looked at for one page.
const PAGE_ROWS: usize = 512;

/// A part of a statement, oldest first.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatementPage {
    /// The wallet's postings among those looked at.
    pub rows: Vec<StatementRow>,
    /// The last posting looked at, to ask for the next page with; none after the last page.
    pub next: Option<u64>,
}

/// A sum that moved.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatementRow {
    /// Counts the postings of the office.
    pub posting: u64,
    /// Office time.
    pub at: UnixSeconds,
    /// The account that it left, as the audit names it.
    pub from: String,
    /// The account that it came to.
    pub to: String,
    /// Minor units.
    pub amount: u64,
    /// Hash of the statement that caused it.
    pub evidence: Hash,
}

impl<S: LedgerStore> Office<S> {
    /// The postings of a wallet after posting `after`, as far as one page goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn statement(&self, wallet: WalletId, after: u64) -> Decided<StatementPage> {
        let at = after.to_be_bytes();
        let page = self.store().scan(Table::Postings, &[], Some(&at), PAGE_ROWS)?;
        let (mut rows, mut next) = (Vec::new(), None);
        for (key, bytes) in &page {
            let number = <[u8; 8]>::try_from(key.as_slice()).map(u64::from_be_bytes);
            let number = number.map_err(|_| StoreError::Row { table: Table::Postings })?;
            next = Some(number);
            let row: PostingRow = read_row(Table::Postings, bytes)?;
            if is_of(row.debit, wallet) || is_of(row.credit, wallet) {
                rows.push(StatementRow {
                    posting: number,
                    at: row.at,
                    from: row.debit.to_string(),
                    to: row.credit.to_string(),
                    amount: row.amount,
                    evidence: row.evidence,
                });
            }
        }
        Ok(StatementPage { rows, next })
    }
}

fn is_of(account: Account, wallet: WalletId) -> bool {
    match account {
        Account::Wallet(owner) | Account::Bond(owner) | Account::Purse(owner, _) => owner == wallet,
        Account::Cash | Account::Suspense(_) => false,
    }
}
