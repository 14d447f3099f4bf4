//! Payments back: what the office accepts as a refund of an earlier payment (spec O-41 and O-42).
//!
//! A payee's claim is measured by what that payee itself committed to, a payer's SYNC by what that
//! payer itself signed: so nobody's word makes the other's honest one too much.

use std::collections::BTreeMap;

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Agreed, Hash, TxId, WalletId};

use crate::draft::{Decided, Draft};
use crate::error::Refusal;
use crate::rows::{PaymentKey, PaymentRow};
use crate::store::{LedgerStore, StoreError, Table};
use crate::sync_check::{ChainEntry, Proven};

/// The payment of which `refund` gives something back.
pub(crate) fn first_of(refund: &PaymentKey, of: TxId) -> PaymentKey {
    PaymentKey { tx: of, payer: refund.payee, payee: refund.payer }
}

impl<S: LedgerStore> Draft<'_, S> {
    /// Notes a refund under the payment that it is of.
    pub(crate) fn note_refund(&mut self, key: PaymentKey, agreed: &Agreed) {
        if let Some(of) = agreed.refund_of {
            self.put(Table::Refunds, &refund_key(&first_of(&key, of), key.tx), &());
        }
    }

    /// That a claim, if it is of a refund, and all that its payee claimed before of the same first
    /// payment are at most that payment, which was claimed itself. What was claimed before is not
    /// judged again.
    pub(crate) fn check_refund_claimed(&self, key: PaymentKey, agreed: &Agreed) -> Decided<()> {
        let Some(of) = agreed.refund_of else {
            return Ok(());
        };
        let known: Option<PaymentRow> = self.find(Table::Payments, &key.bytes())?;
        if known.is_some_and(|row| row.commit.is_some()) {
            return Ok(());
        }
        let first = first_of(&key, of);
        let row: Option<PaymentRow> = self.find(Table::Payments, &first.bytes())?;
        let Some(row) = row.filter(|row| row.commit.is_some()) else {
            return Err(Refusal::NoFirstPayment { tx: of.short() }.into());
        };
        let claimed = |row: &PaymentRow| row.commit.is_some();
        let before = self.given_back(&first, |tx, row| tx != key.tx && claimed(row))?;
        self.ensure_refund(&first, &row, before.saturating_add(u128::from(agreed.amount)))
    }

    /// That the refunds of a closing chain, and those of the same first payments under other
    /// checkpoints, are at most those payments.
    pub(crate) fn check_refunds_synced(
        &self,
        payer: WalletId,
        checkpoint: Hash,
        chain: &[ChainEntry],
    ) -> Decided<()> {
        let mut sums: BTreeMap<PaymentKey, u128> = BTreeMap::new();
        for entry in chain {
            let body = entry.agreed.body();
            let is_live = match entry.proven {
                Proven::InDoubt | Proven::Committed(_) => true,
                Proven::Aborted | Proven::Voided => false,
            };
            if let Some(of) = body.refund_of.filter(|_| is_live) {
                let first = PaymentKey { tx: of, payer: body.payee, payee: payer };
                let sum = sums.entry(first).or_insert(0);
                *sum = sum.saturating_add(u128::from(body.amount));
            }
        }
        for (first, sum) in sums {
            let row: Option<PaymentRow> = self.find(Table::Payments, &first.bytes())?;
            let tx = first.tx.short();
            let row = row.ok_or(Refusal::NoFirstPayment { tx })?;
            // Of which entry of its payer this wallet has signed a COMMIT is not known without it.
            if row.commit.is_some() {
                let before = self.given_back(&first, |_, row| row.checkpoint != checkpoint)?;
                self.ensure_refund(&first, &row, before.saturating_add(sum))?;
            }
        }
        Ok(())
    }

    /// Sum of the refunds of a payment that `counts` and that were neither released nor voided.
    fn given_back(
        &self,
        first: &PaymentKey,
        counts: impl Fn(TxId, &PaymentRow) -> bool,
    ) -> Result<u128, StoreError> {
        let mut sum = 0u128;
        for (at, _) in self.all(Table::Refunds, &first.bytes())? {
            let tx = at.last_chunk().ok_or(StoreError::Row { table: Table::Refunds })?;
            let key = PaymentKey { tx: TxId(*tx), payer: first.payee, payee: first.payer };
            let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            let is_void = row.outcome.as_ref().is_some_and(|it| it.body.kind == OutcomeKind::Void);
            if counts(key.tx, &row) && !row.is_released() && !is_void {
                sum = sum.saturating_add(u128::from(row.amount));
            }
        }
        Ok(sum)
    }

    fn ensure_refund(&self, first: &PaymentKey, row: &PaymentRow, sum: u128) -> Decided<()> {
        if sum <= u128::from(row.amount) || mutant::is(Mutant::OfficeRefundsUnchecked) {
            return Ok(());
        }
        let reached = self.money(u64::try_from(sum).unwrap_or(u64::MAX));
        let amount = self.money(row.amount);
        Err(Refusal::Refunded { tx: first.tx.short(), amount, reached }.into())
    }
}

fn refund_key(first: &PaymentKey, refund: TxId) -> Vec<u8> {
    [first.bytes().as_slice(), refund.as_bytes()].concat()
}
