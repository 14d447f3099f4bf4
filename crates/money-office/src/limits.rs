//! The office's limits as data: numbered sets, of which the newest is in force (spec §9.7).

use onehop_wire::limits::NESTING_MAX;
use onehop_wire::{Limits, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::draft::{Decided, Draft, read_row};
use crate::error::Refusal;
use crate::evidence::Evidence;
use crate::office::Office;
use crate::operator::{OperatorAnswer, OperatorCommand};
use crate::rows::WalletRow;
use crate::store::{LedgerStore, StoreError, Table};

/// Where the set in force lies, if it is not the first one.
const LIMITS: &[u8] = b"limits";

/// A numbered set of limits. Sums are in minor units of the office's currency.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LimitSet {
    /// Counts the sets; that of `init` is 0.
    pub number: u32,
    /// What goes into every certificate from then on.
    pub limits: Limits,
    /// Most that a purse may hold when it is issued.
    pub purse_max: u64,
    /// How far an account may go below zero.
    pub credit_line: u64,
    /// Most that a wallet may charge in one period.
    pub charge_per_period: Option<u64>,
    /// Length of a period, in seconds; it begins with the first charge after the one before.
    pub charge_period: u64,
    /// Most that a wallet may charge in all.
    pub charge_total: Option<u64>,
}

impl LimitSet {
    /// Refuses a set that no purse could be issued under.
    ///
    /// # Errors
    /// [`Refusal::LimitSet`] with the limit's name.
    pub fn check(&self) -> Result<(), Refusal> {
        let limits = &self.limits;
        let zero = |limit: Option<u64>| limit == Some(0);
        let wrong = [
            ("per-payment", zero(limits.per_payment)),
            ("per-payee", zero(limits.per_payee)),
            ("per-checkpoint", zero(limits.per_checkpoint)),
            ("payments", limits.payments == Some(0)),
            ("hops", limits.hops > NESTING_MAX),
            ("purse-max", self.purse_max == 0),
            ("charge-per-period", zero(self.charge_per_period)),
            ("charge-period", self.charge_per_period.is_some() && self.charge_period == 0),
            ("charge-total", zero(self.charge_total)),
        ];
        match wrong.into_iter().find(|(_, wrong)| *wrong) {
            Some((name, _)) => Err(Refusal::LimitSet { name }),
            None => Ok(()),
        }
    }
}

/// What a wallet has charged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Charged {
    /// When its period began.
    since: UnixSeconds,
    /// In that period.
    sum: u64,
    /// In all.
    total: u64,
}

impl Charged {
    /// This and another charge; or the name of the limit that it passes, with limit and sum.
    pub(crate) fn and(
        self,
        sum: u64,
        set: &LimitSet,
        now: UnixSeconds,
    ) -> Result<Self, (&'static str, u64, u64)> {
        let is_over = now >= self.since.plus(set.charge_period);
        let (since, before) = if is_over { (now, 0) } else { (self.since, self.sum) };
        let (reached, total) = (before.saturating_add(sum), self.total.saturating_add(sum));
        if let Some(limit) = set.charge_per_period.filter(|limit| reached > *limit) {
            return Err(("charge-per-period", limit, reached));
        }
        if let Some(limit) = set.charge_total.filter(|limit| total > *limit) {
            return Err(("charge-total", limit, total));
        }
        Ok(Self { since, sum: reached, total })
    }
}

impl<S: LedgerStore> Office<S> {
    /// The limits in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn limits(&self) -> Result<LimitSet, StoreError> {
        match self.store().get(Table::Meta, LIMITS)? {
            Some(bytes) => read_row(Table::Meta, &bytes),
            None => Ok(self.setup().first.clone()),
        }
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    /// Puts the next set in force.
    pub(crate) fn set_limits(
        &mut self,
        order: &Signed<OperatorCommand>,
        set: &LimitSet,
    ) -> Decided<OperatorAnswer> {
        let expected = self.limits.number.checked_add(1).ok_or(StoreError::Range)?;
        if set.number != expected {
            return Err(Refusal::LimitNumber { expected, found: set.number }.into());
        }
        set.check()?;
        self.keep(&Evidence::Operator(order.clone()))?;
        self.put(Table::Meta, LIMITS, set);
        Ok(OperatorAnswer::Limits(Box::new(set.clone())))
    }

    /// The wallet's row after another charge, if velocity and cumulative caps allow it.
    pub(crate) fn charged(&self, row: WalletRow, sum: u64) -> Decided<WalletRow> {
        match row.charged.and(sum, &self.limits, self.now) {
            Ok(charged) => Ok(WalletRow { charged, ..row }),
            Err((name, limit, reached)) => {
                let (limit, reached) = (self.money(limit), self.money(reached));
                Err(Refusal::Limit { name, limit, reached }.into())
            }
        }
    }
}
