//! Debts: what is owed once stronger evidence comes after an OUTCOME (spec §9.4).
//!
//! An OUTCOME never changes. Of contradictory evidence COMMITTED beats ABORT and ABORT beats COMMIT;
//! what this makes right and the OUTCOME did not give is owed by whoever signed both statements,
//! and by nobody else. The office collects a debt out of what the debtor has at the office and
//! never advances it.

use std::collections::BTreeSet;

use onehop_wire::office::OutcomeKind;
use onehop_wire::{Hash, WalletId};
use serde::{Deserialize, Serialize};

use crate::draft::{Decided, Draft, read_row};
use crate::office::Office;
use crate::payments::Proof;
use crate::rows::{Account, CheckpointRow, DebtRow, PaymentKey, PaymentRow, key_of};
use crate::store::{LedgerStore, StoreError, Table};

/// Whether any debt was ever made; without one, nobody's debts need to be looked up.
const ANY: &[u8] = b"debts";

/// A debt as the operator sees it. Sums are in minor units.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DebtReport {
    /// Who signed two statements that contradict each other.
    pub debtor: WalletId,
    /// Whom it is owed.
    pub creditor: WalletId,
    /// The payment it is about.
    pub payment: PaymentKey,
    /// What was owed at first.
    pub amount: u64,
    /// What has been collected.
    pub collected: u64,
    /// What is owed still; the rest of a debt that later evidence ended is owed no more.
    pub open: u64,
}

impl From<DebtRow> for DebtReport {
    fn from(row: DebtRow) -> Self {
        let DebtRow { debtor, creditor, payment, amount, collected, .. } = row;
        Self { debtor, creditor, payment, amount, collected, open: row.open() }
    }
}

impl<S: LedgerStore> Office<S> {
    /// All debts there were, by debtor, each debtor's oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn debts(&self) -> Decided<Vec<DebtReport>> {
        Ok(self.debt_rows()?.into_iter().map(DebtReport::from).collect())
    }

    pub(crate) fn debt_rows(&self) -> Result<Vec<DebtRow>, StoreError> {
        self.rows(Table::Debts, |_| true)
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    /// Sets right what the evidence says of a decided payment, as far as somebody signed both.
    pub(crate) fn reconsider(&mut self, key: PaymentKey) -> Result<(), StoreError> {
        let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        let Some(outcome) = &row.outcome else { return Ok(()) };
        let guilty = match outcome.body.kind {
            OutcomeKind::Paid | OutcomeKind::Void => None,
            OutcomeKind::Disputed(proof) => match self.accused(proof)? {
                Some(wallet) => Some(wallet),
                // Nobody contradicted himself: nobody owes.
                None => return Ok(()),
            },
        };
        let is_due = row.is_owed_to_payee();
        let owed = if is_due {
            let debtor = guilty.or_else(|| row.is_payers_word_broken().then_some(key.payer));
            debtor.map(|debtor| (debtor, key.payee))
        } else {
            Some((key.payee, guilty.unwrap_or(key.payer)))
        };
        if is_due && guilty.is_some() {
            self.pay_suspended(key)?;
        }
        self.owe(key, is_due, owed)
    }

    /// What is in suspense for a disputed payment is its payee's.
    fn pay_suspended(&mut self, key: PaymentKey) -> Result<(), StoreError> {
        let mut row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        let lacking = row.amount.saturating_sub(row.received);
        let sum = self.free(Account::Suspense(key))?.min(lacking);
        self.post(Account::Suspense(key), Account::Wallet(key.payee), sum)?;
        row.received = row.received.checked_add(sum).ok_or(StoreError::Range)?;
        self.put(Table::Payments, &key.bytes(), &row);
        Ok(())
    }

    /// Ends the payment's debt if it goes the other way, and makes the one that is right now.
    fn owe(
        &mut self,
        key: PaymentKey,
        is_due: bool,
        owed: Option<(WalletId, WalletId)>,
    ) -> Result<(), StoreError> {
        let mut row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        if let Some(at) = row.debt.clone() {
            let mut before: DebtRow = self.need(Table::Debts, &at)?;
            if owed == Some((before.debtor, before.creditor)) {
                return Ok(());
            }
            before.is_ended = true;
            self.put(Table::Debts, &at, &before);
            row.debt = None;
        }
        let amount = if is_due { row.amount.saturating_sub(row.received) } else { row.received };
        let owed = owed.filter(|(debtor, creditor)| amount > 0 && debtor != creditor);
        if let Some((debtor, creditor)) = owed {
            let number: u64 = self.need(Table::Meta, b"evidence")?;
            let debt = DebtRow {
                debtor,
                creditor,
                payment: key,
                row: number,
                amount,
                collected: 0,
                is_ended: false,
            };
            self.put(Table::Debts, &debt.key(), &debt);
            self.put(Table::Meta, ANY, &());
            self.touched.insert(debtor);
            row.debt = Some(debt.key());
        }
        self.put(Table::Payments, &key.bytes(), &row);
        Ok(())
    }

    /// Whose two signatures a fork proof kept here shows.
    fn accused(&self, proof: Hash) -> Result<Option<WalletId>, StoreError> {
        let Some(proof) = self.find::<Proof>(Table::Proofs, proof.as_bytes())? else {
            return Ok(None);
        };
        let at = proof.checkpoint();
        let purse: CheckpointRow = self.need(Table::Checkpoints, at.as_bytes())?;
        Ok(Some(purse.signed.body.wallet))
    }

    /// The debts of a wallet that are open, the oldest first.
    pub(crate) fn owes(&self, wallet: WalletId) -> Result<Vec<DebtRow>, StoreError> {
        if self.bytes(Table::Meta, ANY)?.is_none() {
            return Ok(Vec::new());
        }
        let rows = self.all(Table::Debts, wallet.as_bytes())?;
        let rows: Result<Vec<DebtRow>, _> =
            rows.iter().map(|(_, bytes)| read_row(Table::Debts, bytes)).collect();
        Ok(rows?.into_iter().filter(|row| row.open() > 0).collect())
    }

    /// The sum that a wallet owes, in minor units.
    pub(crate) fn owed(&self, wallet: WalletId) -> Result<u64, StoreError> {
        let open = self.owes(wallet)?.iter().try_fold(0u64, |sum, row| sum.checked_add(row.open()));
        open.ok_or(StoreError::Range)
    }

    /// Collects what can be collected from bond and account of everybody whose money or debts
    /// changed, and from those who got it in turn.
    pub(crate) fn collect(&mut self) -> Result<(), StoreError> {
        while let Some(wallet) = self.touched.pop_first() {
            for debt in self.owes(wallet)? {
                self.collect_from(debt, &[Account::Bond(wallet), Account::Wallet(wallet)])?;
            }
        }
        Ok(())
    }

    /// The same from the purse that a wallet is about to get.
    pub(crate) fn collect_from_purse(
        &mut self,
        wallet: WalletId,
        purse: Account,
    ) -> Result<(), StoreError> {
        for debt in self.owes(wallet)? {
            self.collect_from(debt, &[purse])?;
        }
        Ok(())
    }

    fn collect_from(&mut self, mut debt: DebtRow, sources: &[Account]) -> Result<(), StoreError> {
        let mut taken = 0u64;
        for source in sources {
            let sum = self.free(*source)?.min(debt.open());
            self.post(*source, Account::Wallet(debt.creditor), sum)?;
            debt.collected = debt.collected.checked_add(sum).ok_or(StoreError::Range)?;
            taken = taken.checked_add(sum).ok_or(StoreError::Range)?;
        }
        if taken == 0 {
            return Ok(());
        }
        let mut row: PaymentRow = self.need(Table::Payments, &debt.payment.bytes())?;
        let received = if debt.creditor == debt.payment.payee {
            row.received.checked_add(taken)
        } else {
            row.received.checked_sub(taken)
        };
        row.received = received.ok_or(StoreError::Range)?;
        self.put(Table::Payments, &debt.payment.bytes(), &row);
        self.put(Table::Debts, &debt.key(), &debt);
        Ok(())
    }
}

/// Wallets whose money or debts a call changed.
pub(crate) type Touched = BTreeSet<WalletId>;

impl DebtRow {
    /// Where it lies: a debtor's oldest first.
    pub(crate) fn key(&self) -> Vec<u8> {
        key_of(&[self.debtor.as_bytes(), &self.row.to_be_bytes(), &self.payment.bytes()])
    }

    /// What the audit and the evidence file call it.
    pub(crate) fn name(&self) -> String {
        let PaymentKey { tx, payer, payee } = self.payment;
        format!("debt/{}/{}/{tx}/{payer}/{payee}", self.debtor, self.row)
    }

    /// What is owed still.
    pub(crate) const fn open(&self) -> u64 {
        if self.is_ended { 0 } else { self.amount.saturating_sub(self.collected) }
    }
}
