//! What the office knows, for those who watch over it. Nothing here writes.

use onehop_wire::office::OutcomeKind;
use onehop_wire::{Hash, TxId};

use crate::audit::AuditReport;
use crate::draft::{Decided, read_row};
use crate::office::Office;
use crate::payments::Proof;
use crate::rows::{CheckpointRow, PaymentKey, PaymentRow};
use crate::store::{LedgerStore, StoreError, Table};

/// Where a payment stands at the office (spec §9.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// The payment.
    pub key: PaymentKey,
    /// `none`, `CLAIMED`, `PAID`, `VOID` or `DISPUTED`.
    pub state: &'static str,
    /// Part of the amount set aside for it, in minor units.
    pub covered: u64,
    /// The amount, in minor units.
    pub amount: u64,
    /// The payer's checkpoint is closed, or lapsed.
    pub is_over: bool,
}

impl<S: LedgerStore> Office<S> {
    /// How the payments with this tx id stand; empty if the office knows of none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn standings(&self, tx: TxId) -> Decided<Vec<Standing>> {
        self.view(|| self.standing_under(tx.as_bytes(), 16))
    }

    /// How all payments stand, by payment key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_standings(&self) -> Decided<Vec<Standing>> {
        self.view(|| self.standing_under(&[], usize::MAX))
    }

    fn standing_under(&self, prefix: &[u8], limit: usize) -> Decided<Vec<Standing>> {
        let mut found = Vec::new();
        for (key, bytes) in self.store().scan(Table::Payments, prefix, None, limit)? {
            let row: PaymentRow = read_row(Table::Payments, &bytes)?;
            let key =
                PaymentKey::from_bytes(&key).ok_or(StoreError::Row { table: Table::Payments })?;
            let purse = self.store().get(Table::Checkpoints, row.checkpoint.as_bytes())?;
            let purse = purse.ok_or(StoreError::Missing { table: Table::Checkpoints })?;
            let purse: CheckpointRow = read_row(Table::Checkpoints, &purse)?;
            let (covered, amount, is_over) = (row.covered, row.amount, purse.pays());
            found.push(Standing { key, state: state(&row), covered, amount, is_over });
        }
        Ok(found)
    }

    /// The proofs that wallets contradicted themselves, each with the hash that names it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn proofs(&self) -> Decided<Vec<(Hash, Proof)>> {
        let rows = self.store().scan(Table::Proofs, &[], None, usize::MAX)?;
        let mut proofs = Vec::with_capacity(rows.len());
        for (key, bytes) in rows {
            let hash = key.try_into().map_err(|_| StoreError::Row { table: Table::Proofs })?;
            proofs.push((Hash(hash), read_row(Table::Proofs, &bytes)?));
        }
        Ok(proofs)
    }

    /// Cash, accounts, purses and suspense as the books have them. The evidence is not read:
    /// [`Office::audit`] does that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sums(&self) -> Decided<AuditReport> {
        let books = self.balances()?;
        let held = books.get(&crate::rows::Account::Cash).copied().unwrap_or(0);
        let mut report = AuditReport { cash: held.saturating_neg(), ..AuditReport::default() };
        report.add_up(&books);
        Ok(report)
    }
}

fn state(row: &PaymentRow) -> &'static str {
    match row.outcome.as_ref().map(|outcome| &outcome.body.kind) {
        Some(OutcomeKind::Paid) => "PAID",
        Some(OutcomeKind::Void) => "VOID",
        Some(OutcomeKind::Disputed(_)) => "DISPUTED",
        None if row.is_claimed() => "CLAIMED",
        None => "none",
    }
}
