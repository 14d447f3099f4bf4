//! Refunds, measured again: none is above the payment that it is of (spec O-41, O-42).

use std::collections::BTreeMap;

use onehop_wire::Agreed;
use onehop_wire::office::{EntryState, OutcomeKind, Sync};

use super::model::{Fault, Model, Payment, ensure};
use crate::refunds::first_of;
use crate::rows::PaymentKey;

const UNKNOWN: &str = "a refund of a payment that nobody had claimed";
const TOO_MUCH: &str = "the refunds of a payment are more than it";

impl Model<'_> {
    pub(super) fn ensure_refund_claimed(
        &self,
        key: PaymentKey,
        agreed: &Agreed,
    ) -> Result<(), Fault> {
        let Some(of) = agreed.refund_of else {
            return Ok(());
        };
        if self.payments.get(&key).is_some_and(|payment| payment.claimed.is_some()) {
            return Ok(());
        }
        let first = first_of(&key, of);
        let amount = self.payments.get(&first).filter(|first| first.claimed.is_some());
        let amount = amount.ok_or(Fault::Rule { rule: UNKNOWN })?.amount;
        let before =
            self.given_back(&first, |other, refund| *other != key && refund.claimed.is_some());
        ensure(before.saturating_add(agreed.amount.into()) <= amount.into(), TOO_MUCH)
    }

    pub(super) fn ensure_refunds_synced(&self, sync: &Sync) -> Result<(), Fault> {
        let mut sums: BTreeMap<PaymentKey, u128> = BTreeMap::new();
        for entry in &sync.entries {
            let is_live = match entry.state {
                EntryState::InDoubt | EntryState::Committed(_) => true,
                EntryState::Aborted(_) | EntryState::Voided(_) => false,
            };
            let body = &entry.agreed.body;
            if let Some(of) = body.refund_of.filter(|_| is_live) {
                let first = PaymentKey { tx: of, payer: body.payee, payee: sync.wallet };
                let sum = sums.entry(first).or_insert(0);
                *sum = sum.saturating_add(body.amount.into());
            }
        }
        for (first, sum) in sums {
            let payment = self.payments.get(&first).ok_or(Fault::Rule { rule: UNKNOWN })?;
            if payment.claimed.is_some() {
                let elsewhere = |refund: &Payment| refund.checkpoint != sync.checkpoint;
                let before = self.given_back(&first, |_, refund| elsewhere(refund));
                ensure(before.saturating_add(sum) <= payment.amount.into(), TOO_MUCH)?;
            }
        }
        Ok(())
    }

    fn given_back(
        &self,
        first: &PaymentKey,
        counts: impl Fn(&PaymentKey, &Payment) -> bool,
    ) -> u128 {
        let refunds = self.refunds.get(first).into_iter().flatten();
        let known = refunds.filter_map(|key| Some((key, self.payments.get(key)?)));
        known
            .filter(|(_, refund)| {
                !refund.is_released() && refund.outcome != Some(OutcomeKind::Void)
            })
            .filter(|(key, refund)| counts(key, refund))
            .fold(0u128, |sum, (_, refund)| sum.saturating_add(refund.amount.into()))
    }
}
