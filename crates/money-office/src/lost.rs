//! Wallets reported lost, what their owners get back, and bonds (spec §9.10).

use onehop_wire::{Signed, UnixSeconds, WalletId};

use crate::draft::{Decided, Draft};
use crate::error::Refusal;
use crate::evidence::Evidence;
use crate::operator::{OperatorAnswer, OperatorCommand};
use crate::payments::Work;
use crate::rows::{Account, PaymentKey, PaymentRow, WalletRow};
use crate::store::{LedgerStore, StoreError, Table};

impl<S: LedgerStore> Draft<'_, S> {
    /// From when on nothing that the wallet signed can be claimed in time.
    pub(crate) const fn free_from(&self, row: &WalletRow) -> UnixSeconds {
        row.liable_until.plus(self.setup.grace_seconds)
    }

    /// The owner says that somebody else may have the wallet: it is refused from now on.
    pub(crate) fn report_lost(
        &mut self,
        order: &Signed<OperatorCommand>,
        wallet: WalletId,
    ) -> Decided<OperatorAnswer> {
        self.revoke(wallet)?;
        let row = self.wallet_row(wallet)?;
        self.put(Table::Wallets, wallet.as_bytes(), &WalletRow { lost: true, ..row });
        self.keep(&Evidence::Operator(order.clone()))?;
        self.reported(wallet)
    }

    /// What is left of a lost wallet goes to the account of another one, once every payment out of
    /// it that could be claimed in time has been.
    pub(crate) fn refund(
        &mut self,
        order: &Signed<OperatorCommand>,
        from: WalletId,
        to: WalletId,
    ) -> Decided<OperatorAnswer> {
        let (row, heir) = (self.wallet_row(from)?, self.wallet_row(to)?);
        if !row.lost {
            return Err(Refusal::NotLost { wallet: from }.into());
        }
        if heir.revoked {
            return Err(Refusal::Revoked { wallet: to }.into());
        }
        if heir.frozen {
            return Err(Refusal::Frozen { wallet: to }.into());
        }
        self.check_free(&row)?;
        self.settle()?;
        self.void_unclaimed(from)?;
        self.check_decided(from)?;
        self.keep(&Evidence::Operator(order.clone()))?;
        let account = Account::Wallet(from);
        let purses = [Account::Purse(from, row.number), self.next_purse(from)?];
        for source in purses.into_iter().chain([Account::Bond(from)]) {
            let left = self.free(source)?;
            self.post(source, account, left)?;
        }
        self.collect()?;
        self.check_debts(from)?;
        let left = self.free(account)?;
        if left == 0 {
            return Err(Refusal::Zero.into());
        }
        self.post(account, Account::Wallet(to), left)?;
        self.collect()?;
        self.reported(to)
    }

    /// Security out of the owner's account.
    pub(crate) fn bond(
        &mut self,
        order: &Signed<OperatorCommand>,
        wallet: WalletId,
        amount: u64,
    ) -> Decided<OperatorAnswer> {
        let row = self.wallet_row(wallet)?;
        if row.revoked {
            return Err(Refusal::Revoked { wallet }.into());
        }
        self.between(order, (Account::Wallet(wallet), Account::Bond(wallet)), &row, amount)
    }

    /// The bond goes back into the account once nothing that it secures can be claimed in time.
    pub(crate) fn release_bond(
        &mut self,
        order: &Signed<OperatorCommand>,
        wallet: WalletId,
        amount: u64,
    ) -> Decided<OperatorAnswer> {
        let row = self.wallet_row(wallet)?;
        self.check_free(&row)?;
        self.check_decided(wallet)?;
        self.between(order, (Account::Bond(wallet), Account::Wallet(wallet)), &row, amount)
    }

    fn between(
        &mut self,
        order: &Signed<OperatorCommand>,
        (source, target): (Account, Account),
        row: &WalletRow,
        amount: u64,
    ) -> Decided<OperatorAnswer> {
        let wallet = row.certificate.body.wallet();
        if amount == 0 {
            return Err(Refusal::Zero.into());
        }
        if row.frozen {
            return Err(Refusal::Frozen { wallet }.into());
        }
        self.check_debts(wallet)?;
        let free = self.free(source)?;
        if amount > free {
            return Err(self.insufficient(amount, free).into());
        }
        self.keep(&Evidence::Operator(order.clone()))?;
        self.post(source, target, amount)?;
        self.reported(wallet)
    }

    fn check_free(&self, row: &WalletRow) -> Decided<()> {
        let (wallet, until) = (row.certificate.body.wallet(), self.free_from(row));
        if self.now < until {
            return Err(Refusal::TooEarly { wallet, until }.into());
        }
        Ok(())
    }

    /// Refuses a wallet with open debts.
    pub(crate) fn check_debts(&self, wallet: WalletId) -> Decided<()> {
        let owed = self.owed(wallet)?;
        if owed > 0 {
            return Err(Refusal::Debt { wallet, owed: self.money(owed) }.into());
        }
        Ok(())
    }

    /// Voids what a wallet left in doubt and nobody claimed in time: it can't ask any more.
    fn void_unclaimed(&mut self, payer: WalletId) -> Decided<()> {
        for (key, row) in self.open_payments(payer)? {
            if !row.is_claimed() && self.now >= row.redeem_by.plus(self.setup.grace_seconds) {
                self.release(key, row)?;
                self.move_on(vec![Work::Wants(payer)])?;
            }
        }
        Ok(())
    }

    /// Refuses a wallet with payments that are not decided.
    fn check_decided(&self, wallet: WalletId) -> Decided<()> {
        let open = self.open_payments(wallet)?.len();
        let payments = u64::try_from(open).map_err(|_| StoreError::Range)?;
        if payments > 0 {
            return Err(Refusal::Undecided { wallet, payments }.into());
        }
        Ok(())
    }

    fn open_payments(&self, payer: WalletId) -> Result<Vec<(PaymentKey, PaymentRow)>, StoreError> {
        let mut found = Vec::new();
        for (bytes, _) in self.all(Table::Open, &[])? {
            let row: PaymentRow = self.need(Table::Payments, &bytes)?;
            let key = PaymentKey::from_bytes(&bytes);
            let key = key.ok_or(StoreError::Row { table: Table::Open })?;
            if key.payer == payer {
                found.push((key, row));
            }
        }
        Ok(found)
    }
}
