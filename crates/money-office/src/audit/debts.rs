//! Debts, once more: who owes whom by the evidence alone (spec §9.4).

use std::collections::BTreeMap;

use onehop_evidence::{contradiction, contradicts_close};
use onehop_wire::domain::hash_of;
use onehop_wire::office::{OutcomeKind, Sync};
use onehop_wire::{Agreed, Hash, WalletId};

use super::model::Model;
use crate::rows::{Account, PaymentKey, key_of};

/// Debtor, row of evidence and payment: a debtor's oldest first.
pub(super) type DebtKey = (WalletId, u64, PaymentKey);

/// What is open of a debt, and whom it is owed.
pub(super) struct Debt {
    creditor: WalletId,
    open: i128,
}

impl Debt {
    /// True if something is owed still.
    pub(super) const fn is_open(&self) -> bool {
        self.open > 0
    }
}

impl Model<'_> {
    /// What the evidence says of a decided payment, against what its payee has.
    pub(super) fn reconsider(&mut self, key: PaymentKey) {
        let Some(payment) = self.payments.get(&key) else { return };
        let guilty = match payment.outcome {
            None => return,
            Some(OutcomeKind::Disputed(proof)) => match self.forks.get(&proof) {
                Some(wallet) => Some(*wallet),
                None => return,
            },
            Some(OutcomeKind::Paid | OutcomeKind::Void) => None,
        };
        let is_void = payment.outcome == Some(OutcomeKind::Void);
        let is_payees = if is_void { payment.committed } else { payment.is_claimed() };
        let (debtor, creditor) = match (is_payees, guilty) {
            (true, Some(guilty)) => (Some(guilty), key.payee),
            (true, None) => {
                let broke_word = payment.committed && payment.asked_back;
                (broke_word.then_some(key.payer), key.payee)
            }
            (false, guilty) => (Some(key.payee), guilty.unwrap_or(key.payer)),
        };
        if is_payees && guilty.is_some() {
            self.pay_suspended(key);
        }
        self.owe(key, is_payees, debtor, creditor);
    }

    fn pay_suspended(&mut self, key: PaymentKey) {
        let suspense = Account::Suspense(key);
        let held = self.held(suspense).max(0);
        let Some(payment) = self.payments.get_mut(&key) else { return };
        let lacking = i128::from(payment.amount).saturating_sub(payment.received).max(0);
        let sum = held.min(lacking);
        payment.received = payment.received.saturating_add(sum);
        self.shift(suspense, Account::Wallet(key.payee), sum);
    }

    fn owe(
        &mut self,
        key: PaymentKey,
        is_payees: bool,
        debtor: Option<WalletId>,
        creditor: WalletId,
    ) {
        let row = self.row;
        let Some(payment) = self.payments.get_mut(&key) else { return };
        if let Some(at) = payment.debt {
            let same = self
                .debts
                .get(&at)
                .is_some_and(|debt| debtor == Some(at.0) && debt.creditor == creditor);
            if same {
                return;
            }
            self.debts.entry(at).and_modify(|debt| debt.open = 0);
            payment.debt = None;
        }
        let amount = i128::from(payment.amount);
        let open =
            if is_payees { amount.saturating_sub(payment.received) } else { payment.received };
        if let Some(debtor) = debtor.filter(|debtor| open > 0 && *debtor != creditor) {
            let at = (debtor, row, key);
            self.debts.insert(at, Debt { creditor, open });
            payment.debt = Some(at);
        }
    }

    /// Collects from bonds and accounts until nothing more can be collected.
    pub(super) fn collect(&mut self) {
        loop {
            let open = self.debts.iter().filter(|(_, debt)| debt.open > 0);
            let debts: Vec<DebtKey> = open.map(|(at, _)| *at).collect();
            let mut taken = 0i128;
            for at in debts {
                for source in [Account::Bond(at.0), Account::Wallet(at.0)] {
                    taken = taken.saturating_add(self.take(at, source));
                }
            }
            if taken == 0 {
                return;
            }
        }
    }

    /// The same from the purse that a wallet is about to get.
    pub(super) fn collect_from_purse(&mut self, wallet: WalletId, purse: Account) {
        let debts: Vec<DebtKey> = self.debts.keys().filter(|at| at.0 == wallet).copied().collect();
        for at in debts {
            self.take(at, purse);
        }
    }

    fn take(&mut self, at: DebtKey, source: Account) -> i128 {
        let held = self.held(source).max(0);
        let Some(debt) = self.debts.get_mut(&at) else { return 0 };
        let (sum, creditor) = (held.min(debt.open), debt.creditor);
        debt.open = debt.open.saturating_sub(sum);
        self.shift(source, Account::Wallet(creditor), sum);
        let to_payee = creditor == at.2.payee;
        if let Some(payment) = self.payments.get_mut(&at.2) {
            let change = if to_payee { sum } else { sum.saturating_neg() };
            payment.received = payment.received.saturating_add(change);
        }
        sum
    }

    /// What is open of each debt, under the office's own key of it, with its name.
    pub(super) fn open_debts(&self) -> BTreeMap<Vec<u8>, (String, u64)> {
        let open = self.debts.iter().filter(|(_, debt)| debt.open > 0);
        open.map(|((debtor, row, payment), debt)| {
            let key = key_of(&[debtor.as_bytes(), &row.to_be_bytes(), &payment.bytes()]);
            let PaymentKey { tx, payer, payee } = payment;
            let name = format!("debt/{debtor}/{row}/{tx}/{payer}/{payee}");
            (key, (name, u64::try_from(debt.open).unwrap_or(u64::MAX)))
        })
        .collect()
    }

    /// Notes whom a pair of contradicting entries convicts, under the hash of the proof.
    pub(super) fn convict(&mut self, wallet: WalletId, a: (&Agreed, Hash), b: (&Agreed, Hash)) {
        if contradiction(a, b).is_none() {
            return;
        }
        let place = |it: (&Agreed, Hash)| (it.0.seq, it.1);
        let (first, second) = (place(a).min(place(b)).1, place(a).max(place(b)).1);
        let proof = hash_of("fork-proof", &[first.as_bytes(), second.as_bytes()]);
        self.forks.insert(proof, wallet);
    }

    /// The same of an entry and the SYNC that closed its checkpoint.
    pub(super) fn convict_by_close(
        &mut self,
        wallet: WalletId,
        entry: (&Agreed, Hash),
        (sync, hash): (&Sync, Hash),
    ) {
        if contradicts_close(entry, sync).is_some() {
            let proof = hash_of("fork-proof", &[entry.1.as_bytes(), hash.as_bytes()]);
            self.forks.insert(proof, wallet);
        }
    }
}
