//! The books: balances and postings, changed only in pairs.

use onehop_wire::{Money, WalletId};

use crate::draft::Draft;
use crate::rows::{Account, AccountRow, PostingRow, WalletRow};
use crate::store::{LedgerStore, StoreError, Table};

impl<S: LedgerStore> Draft<'_, S> {
    /// Credits less debits of an account.
    pub(crate) fn balance(&self, account: Account) -> Result<i128, StoreError> {
        let row: Option<AccountRow> = self.find(Table::Accounts, &account.bytes())?;
        Ok(row.map_or(0, |row| row.balance))
    }

    /// What can be drawn from an account that must not go below zero.
    pub(crate) fn free(&self, account: Account) -> Result<u64, StoreError> {
        let balance = self.balance(account)?.max(0);
        u64::try_from(balance).map_err(|_| StoreError::Range)
    }

    /// Moves `amount` from `debit` to `credit`, naming the evidence of this call.
    pub(crate) fn post(
        &mut self,
        debit: Account,
        credit: Account,
        amount: u64,
    ) -> Result<(), StoreError> {
        if amount == 0 {
            return Ok(());
        }
        let number = self.count("posting")?;
        let (evidence, at) = (self.cause, self.now);
        let posting = PostingRow { debit, credit, amount, evidence, at };
        self.put(Table::Postings, &number.to_be_bytes(), &posting);
        let sum = i128::from(amount);
        let less = self.balance(debit)?.checked_sub(sum).ok_or(StoreError::Range)?;
        self.set_balance(debit, less);
        let more = self.balance(credit)?.checked_add(sum).ok_or(StoreError::Range)?;
        self.set_balance(credit, more);
        if let Account::Wallet(wallet) | Account::Bond(wallet) = credit {
            self.touched.insert(wallet);
        }
        Ok(())
    }

    fn set_balance(&mut self, account: Account, balance: i128) {
        if balance == 0 {
            self.delete(Table::Accounts, &account.bytes());
        } else {
            self.put(Table::Accounts, &account.bytes(), &AccountRow { account, balance });
        }
    }

    /// The purse that the wallet will get next; money received waits in it.
    pub(crate) fn next_purse(&self, wallet: WalletId) -> Result<Account, StoreError> {
        let row: WalletRow = self.need(Table::Wallets, wallet.as_bytes())?;
        let next = row.number.checked_add(1).ok_or(StoreError::Range)?;
        Ok(Account::Purse(wallet, next))
    }

    /// An amount of the office's currency, for people.
    pub(crate) fn money(&self, minor: u64) -> String {
        Money::new(minor, self.setup.currency).to_string()
    }
}
