//! What the operator orders is done here, whether the order came by file or by HTTP.

use std::collections::BTreeMap;

use onehop_crypto::verify;
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Hash, Signed, UnixSeconds, WalletId};

use crate::draft::{Decided, Draft, read_row};
use crate::error::{OfficeError, Refusal};
use crate::evidence::Evidence;
use crate::office::Office;
use crate::operator::{
    COMMAND_SECONDS_MAX, Command, OperatorAnswer, OperatorCommand, WalletReport,
};
use crate::rows::{
    Account, AccountRow, CheckpointRow, PaymentKey, PaymentRow, SUSPENSE_TAG, WalletRow,
};
use crate::store::{LedgerStore, StoreError, Table};

impl<S: LedgerStore> Office<S> {
    /// Does what the operator signed. The same order twice is done once.
    ///
    /// # Errors
    /// [`Refusal`]: not signed with the operator key, stale, no such wallet, or not enough money.
    pub fn operate(
        &mut self,
        now: UnixSeconds,
        order: &Signed<OperatorCommand>,
    ) -> Decided<OperatorAnswer> {
        let operator = self.setup().operator;
        let order = verify(self.id(), &operator, order.clone())?;
        if let Some(answer) = self.shown(now, order.body())? {
            return Ok(answer);
        }
        self.call(now, |draft| {
            if let Some(answer) = draft.answered(order.hash())? {
                return Ok(answer);
            }
            check_age(draft.now, order.body().at)?;
            draft.cause = order.hash();
            draft.order(order.signed(), order.hash())
        })
    }

    /// The answer to an order that writes nothing.
    fn shown(&self, now: UnixSeconds, order: &OperatorCommand) -> Decided<Option<OperatorAnswer>> {
        let read = |answer: Decided<OperatorAnswer>| {
            check_age(now, order.at)?;
            answer.map(Some)
        };
        match &order.command {
            Command::Audit => read(self.audit().map(OperatorAnswer::Audit)),
            Command::Export { after } => {
                read(self.export(*after).map(|page| OperatorAnswer::Exported(Box::new(page))))
            }
            Command::Statement { wallet, after } => {
                let page = self.statement(*wallet, *after);
                read(page.map(|page| OperatorAnswer::Statement(Box::new(page))))
            }
            Command::Debts => read(self.debts().map(OperatorAnswer::Debts)),
            Command::Limits => {
                let limits = self.limits().map_err(OfficeError::from);
                read(limits.map(|set| OperatorAnswer::Limits(Box::new(set))))
            }
            Command::Exposure => {
                let exposure = self.view(|| self.exposure(now));
                read(exposure.map(|it| OperatorAnswer::Exposure(Box::new(it))))
            }
            Command::Deposit { .. }
            | Command::Redeem { .. }
            | Command::Revoke { .. }
            | Command::Settle
            | Command::Wallets
            | Command::Wallet { .. }
            | Command::ReportLost { .. }
            | Command::Refund { .. }
            | Command::Bond { .. }
            | Command::ReleaseBond { .. }
            | Command::SetLimits(_) => Ok(None),
        }
    }

    /// Goes over what is undecided: checkpoints past their claim window lapse, claims on them are
    /// paid, and what can never be collected is disputed.
    ///
    /// # Errors
    /// [`crate::StoreError`].
    pub fn settle(&mut self, now: UnixSeconds) -> Decided<OperatorAnswer> {
        self.call(now, |draft| draft.settle())
    }
}

fn check_age(now: UnixSeconds, at: UnixSeconds) -> Result<(), Refusal> {
    let seconds = now.0.abs_diff(at.0);
    if seconds > COMMAND_SECONDS_MAX {
        return Err(Refusal::Stale { seconds, max: COMMAND_SECONDS_MAX });
    }
    Ok(())
}

impl<S: LedgerStore> Draft<'_, S> {
    fn order(&mut self, order: &Signed<OperatorCommand>, hash: Hash) -> Decided<OperatorAnswer> {
        let answer = match &order.body.command {
            Command::Deposit { wallet, amount } => self.cash(order, *wallet, *amount, false)?,
            Command::Redeem { wallet, amount } => self.cash(order, *wallet, *amount, true)?,
            Command::Revoke { wallet } => {
                self.revoke(*wallet)?;
                self.keep(&Evidence::Operator(order.clone()))?;
                self.reported(*wallet)?
            }
            Command::ReportLost { wallet } => self.report_lost(order, *wallet)?,
            Command::Refund { from, to } => self.refund(order, *from, *to)?,
            Command::Bond { wallet, amount } => self.bond(order, *wallet, *amount)?,
            Command::ReleaseBond { wallet, amount } => {
                self.release_bond(order, *wallet, *amount)?
            }
            Command::Settle => return self.settle(),
            Command::Wallets => return Ok(OperatorAnswer::Wallets(self.reports()?)),
            Command::Wallet { who } => {
                let wallet = self.named(who)?;
                return self.reported(wallet);
            }
            // Answered by the caller: it needs no draft.
            Command::SetLimits(set) => self.set_limits(order, set)?,
            Command::Audit
            | Command::Export { .. }
            | Command::Debts
            | Command::Limits
            | Command::Statement { .. }
            | Command::Exposure => {
                return Ok(OperatorAnswer::Wallets(Vec::new()));
            }
        };
        self.answer(hash, &answer);
        Ok(answer)
    }

    fn cash(
        &mut self,
        order: &Signed<OperatorCommand>,
        wallet: WalletId,
        amount: u64,
        out: bool,
    ) -> Decided<OperatorAnswer> {
        let row = self.wallet_row(wallet)?;
        let account = Account::Wallet(wallet);
        if amount == 0 {
            return Err(Refusal::Zero.into());
        }
        if out {
            if row.frozen {
                return Err(Refusal::Frozen { wallet }.into());
            }
            let free = self.free(account)?;
            if amount > free {
                return Err(self.insufficient(amount, free).into());
            }
        }
        let (debit, credit) = if out { (account, Account::Cash) } else { (Account::Cash, account) };
        self.keep(&Evidence::Operator(order.clone()))?;
        self.post(debit, credit, amount)?;
        self.collect()?;
        self.reported(wallet)
    }

    pub(crate) fn settle(&mut self) -> Decided<OperatorAnswer> {
        let mut lapsed = 0u64;
        for (_, bytes) in self.all(Table::Due, &[])? {
            let hash: Hash = read_row(Table::Due, &bytes)?;
            let row: CheckpointRow = self.need(Table::Checkpoints, hash.as_bytes())?;
            if row.redeem_by() >= self.now {
                break;
            }
            lapsed = lapsed.saturating_add(u64::from(!row.lapsed));
            self.lapse(hash)?;
            self.give_back(hash)?;
        }
        self.give_up()?;
        let count = |kind: fn(&OutcomeKind) -> bool| {
            u64::try_from(self.decided.iter().filter(|decided| kind(decided)).count())
                .unwrap_or(u64::MAX)
        };
        let open = u64::try_from(self.all(Table::Open, &[])?.len()).unwrap_or(u64::MAX);
        Ok(OperatorAnswer::Settled {
            lapsed,
            paid: count(|kind| *kind == OutcomeKind::Paid),
            disputed: count(|kind| matches!(kind, OutcomeKind::Disputed(_))),
            open,
        })
    }

    /// Disputes claims that wait for money which can't come any more: by then every checkpoint
    /// that could have paid their payer has closed or lapsed.
    fn give_up(&mut self) -> Decided<()> {
        let longest = self.setup.checkpoint_seconds.saturating_add(self.setup.grace_seconds);
        let longest = longest.saturating_add(u64::from(self.setup.claim_window));
        for (_, bytes) in self.all(Table::Wants, &[])? {
            let key: PaymentKey = read_row(Table::Wants, &bytes)?;
            let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            let wait = if row.proof.is_some() { self.setup.grace_seconds } else { longest };
            if row.is_claimed() && self.now > row.redeem_by.plus(wait) {
                let proof = row.proof.unwrap_or(row.evidence);
                self.decide(key, row, OutcomeKind::Disputed(proof))?;
            }
        }
        Ok(())
    }

    /// The wallet of this name, id, or beginning of an id if only one begins so.
    fn named(&self, who: &str) -> Decided<WalletId> {
        let unknown = || Refusal::NoSuchWallet { who: who.to_owned() };
        let name = who.trim().to_lowercase();
        if let Some(wallet) = self.find(Table::Names, name.as_bytes())? {
            return Ok(wallet);
        }
        if let Ok(wallet) = WalletId::from_hex(&name) {
            return self.wallet_row(wallet).map(|_| wallet);
        }
        let rows = self.all(Table::Wallets, &[])?;
        let mut found = rows.iter().filter_map(|(key, _)| {
            let wallet = WalletId(<[u8; 32]>::try_from(key.as_slice()).ok()?);
            (name.len() >= 4 && wallet.to_string().starts_with(&name)).then_some(wallet)
        });
        match (found.next(), found.next()) {
            (Some(wallet), None) => Ok(wallet),
            (Some(_) | None, _) => Err(unknown().into()),
        }
    }

    fn reports(&self) -> Decided<Vec<WalletReport>> {
        let (rows, suspended) = (self.all(Table::Wallets, &[])?, self.suspended()?);
        rows.iter()
            .map(|(_, bytes)| {
                let row: WalletRow = read_row(Table::Wallets, bytes)?;
                self.report(row.certificate.body.wallet(), &suspended)
            })
            .collect()
    }

    pub(crate) fn reported(&self, wallet: WalletId) -> Decided<OperatorAnswer> {
        let report = self.report(wallet, &self.suspended()?)?;
        Ok(OperatorAnswer::Wallet(Box::new(report)))
    }

    fn report(
        &self,
        wallet: WalletId,
        suspended: &BTreeMap<WalletId, i128>,
    ) -> Decided<WalletReport> {
        let row = self.wallet_row(wallet)?;
        let purse: CheckpointRow = self.need(Table::Checkpoints, row.checkpoint.as_bytes())?;
        Ok(WalletReport {
            wallet,
            name: row.certificate.body.name.as_str().to_owned(),
            account: self.balance(Account::Wallet(wallet))?,
            purse: self.balance(Account::Purse(wallet, row.number))?,
            incoming: self.balance(self.next_purse(wallet)?)?,
            suspense: suspended.get(&wallet).copied().unwrap_or(0),
            bond: self.balance(Account::Bond(wallet))?,
            owes: self.owed(wallet)?,
            checkpoint: row.number,
            expires: purse.signed.body.expires,
            revoked: row.revoked,
            frozen: row.frozen,
            lost: row.lost,
            free_from: self.free_from(&row),
        })
    }

    /// The suspended sums of each payer.
    fn suspended(&self) -> Result<BTreeMap<WalletId, i128>, StoreError> {
        let mut sums: BTreeMap<WalletId, i128> = BTreeMap::new();
        for (_, bytes) in self.all(Table::Accounts, &SUSPENSE_TAG)? {
            let row: AccountRow = read_row(Table::Accounts, &bytes)?;
            if let Account::Suspense(key) = row.account {
                let sum = sums.entry(key.payer).or_insert(0);
                *sum = sum.checked_add(row.balance).ok_or(StoreError::Range)?;
            }
        }
        Ok(sums)
    }
}
