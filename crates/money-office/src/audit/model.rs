//! What the evidence read so far adds up to.

use std::collections::BTreeMap;

use onehop_crypto::{BadSignature, ChainError, Trust};
use onehop_evidence::{ClaimFault, ReleaseFault};
use onehop_wire::office::{OutcomeKind, Sync, Transfer};
use onehop_wire::{Agreed, Certificate, Hash, PublicKey, Signed, UnixSeconds, WalletId};

use super::debts::{Debt, DebtKey};
use crate::limits::LimitSet;
use crate::rows::{Account, PaymentKey, SetupRow};

/// Why a row of evidence does not hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Not what this program writes.
    #[error("is not readable")]
    Unreadable,
    /// Not signed by whom it names.
    #[error("{0}")]
    Signature(#[from] BadSignature),
    /// Not signed by this office.
    #[error("{0}")]
    Office(#[from] ChainError),
    /// A claim does not hold.
    #[error("{0}")]
    Claim(#[from] ClaimFault),
    /// A waiver does not hold.
    #[error("{0}")]
    Release(#[from] ReleaseFault),
    /// It names something that no earlier row speaks of.
    #[error("names an unknown {what}")]
    Unknown {
        /// What is unknown.
        what: &'static str,
    },
    /// It breaks a rule of the office.
    #[error("{rule}")]
    Rule {
        /// The rule.
        rule: &'static str,
    },
    /// A checkpoint was issued over another sum than the evidence gives.
    #[error("checkpoint over {issued} was issued where the evidence gives {expected}")]
    Balance {
        /// The checkpoint's balance.
        issued: u64,
        /// What it should be.
        expected: i128,
    },
}

/// Fails with `rule` unless it is kept.
pub(super) const fn ensure(kept: bool, rule: &'static str) -> Result<(), Fault> {
    if kept { Ok(()) } else { Err(Fault::Rule { rule }) }
}

pub(super) struct Owner {
    pub(super) key: PublicKey,
    pub(super) certificate: Signed<Certificate>,
    pub(super) number: u32,
    pub(super) newest: Hash,
    /// Its own signatures contradict each other.
    pub(super) forked: bool,
    /// Its owner reported it lost.
    pub(super) lost: bool,
    /// When its period of charges began, the sum in it, and the sum in all.
    pub(super) charged: (UnixSeconds, u64, u64),
    /// Latest date until which payments out of any of its checkpoints may be claimed.
    pub(super) liable_until: UnixSeconds,
    pub(super) transfer: Option<Transfer>,
}

pub(super) struct Purse {
    pub(super) wallet: WalletId,
    pub(super) number: u32,
    pub(super) redeem_by: UnixSeconds,
    /// The SYNC that closed it, with its hash.
    pub(super) closed: Option<(Box<Sync>, Hash)>,
    pub(super) lapsed: bool,
}

impl Purse {
    pub(super) const fn pays(&self) -> bool {
        self.closed.is_some() || self.lapsed
    }
}

#[derive(Debug)]
pub(super) struct Payment {
    pub(super) entry: Hash,
    pub(super) checkpoint: Hash,
    pub(super) number: u32,
    pub(super) request: Hash,
    pub(super) amount: u64,
    /// The checkpoint that the payee's COMMIT names, if there is a COMMIT.
    pub(super) claimed: Option<Option<Hash>>,
    pub(super) committed: bool,
    pub(super) aborted: bool,
    /// The payer asked for the money, or said that it came back.
    pub(super) asked_back: bool,
    pub(super) outcome: Option<OutcomeKind>,
    /// What the payee has of the amount, by the outcome and by debts.
    pub(super) received: i128,
    pub(super) debt: Option<DebtKey>,
    /// Nothing may be set aside for it: the chain that closed its checkpoint leaves it out.
    pub(super) left_out: bool,
}

impl Payment {
    pub(super) const fn is_released(&self) -> bool {
        self.aborted && !self.committed
    }

    pub(super) const fn is_claimed(&self) -> bool {
        self.claimed.is_some() && !self.is_released()
    }
}

/// Balances and states, recomputed.
pub(super) struct Model<'a> {
    pub(super) setup: &'a SetupRow,
    /// The limits in force.
    pub(super) limits: LimitSet,
    pub(super) trust: Trust,
    pub(super) owners: BTreeMap<WalletId, Owner>,
    pub(super) purses: BTreeMap<Hash, Purse>,
    pub(super) payments: BTreeMap<PaymentKey, Payment>,
    /// Payments of each payer in the order in which the evidence first names them.
    pub(super) order: BTreeMap<WalletId, Vec<PaymentKey>>,
    /// Entries of each checkpoint.
    pub(super) entries: BTreeMap<Hash, Vec<(Agreed, Hash)>>,
    pub(super) by_entry: BTreeMap<Hash, PaymentKey>,
    /// Refunds, by the payment that they are of.
    pub(super) refunds: BTreeMap<PaymentKey, Vec<PaymentKey>>,
    /// ABORTs shown before the entry they are about.
    pub(super) aborts: BTreeMap<PaymentKey, onehop_wire::AbortSubject>,
    /// Whom a fork proof of this hash convicts.
    pub(super) forks: BTreeMap<Hash, WalletId>,
    pub(super) debts: BTreeMap<DebtKey, Debt>,
    /// Number of the row that is read.
    pub(super) row: u64,
    books: BTreeMap<Account, i128>,
}

impl<'a> Model<'a> {
    pub(super) fn new(setup: &'a SetupRow) -> Self {
        Self {
            setup,
            limits: setup.first.clone(),
            trust: Trust::new(setup.root),
            owners: BTreeMap::new(),
            purses: BTreeMap::new(),
            payments: BTreeMap::new(),
            order: BTreeMap::new(),
            entries: BTreeMap::new(),
            by_entry: BTreeMap::new(),
            refunds: BTreeMap::new(),
            aborts: BTreeMap::new(),
            forks: BTreeMap::new(),
            debts: BTreeMap::new(),
            row: 0,
            books: BTreeMap::new(),
        }
    }

    pub(super) fn cash(&self) -> i128 {
        self.held(Account::Cash).saturating_neg()
    }

    pub(super) fn into_books(self) -> BTreeMap<Account, i128> {
        self.books.into_iter().filter(|(_, balance)| *balance != 0).collect()
    }

    pub(super) fn held(&self, account: Account) -> i128 {
        self.books.get(&account).copied().unwrap_or(0)
    }

    /// Moves a sum, however large: what does not fit shows up as a difference.
    pub(super) fn shift(&mut self, from: Account, to: Account, sum: i128) {
        let less = self.held(from).saturating_sub(sum);
        self.books.insert(from, less);
        let more = self.held(to).saturating_add(sum);
        self.books.insert(to, more);
    }

    pub(super) fn owner(&self, wallet: WalletId) -> Result<&Owner, Fault> {
        self.owners.get(&wallet).ok_or(Fault::Unknown { what: "wallet" })
    }

    pub(super) fn purse(&self, hash: Hash) -> Result<&Purse, Fault> {
        self.purses.get(&hash).ok_or(Fault::Unknown { what: "checkpoint" })
    }

    /// The purse after the newest one of a wallet.
    pub(super) fn coming(&self, wallet: WalletId) -> Account {
        let number = self.owners.get(&wallet).map_or(0, |owner| owner.number);
        Account::Purse(wallet, number.saturating_add(1))
    }

    /// Sets money aside for a payer's payments, the oldest first: out of the purse they were made
    /// from, then out of what the payer received.
    pub(super) fn set_aside(&mut self, payer: WalletId) {
        let coming = self.coming(payer);
        let mut order = self.order.remove(&payer).unwrap_or_default();
        order.retain(|key| {
            self.payments.get(key).is_some_and(|at| at.outcome.is_none() && !at.left_out)
        });
        for key in &order {
            let key = *key;
            let Some(payment) = self.payments.get(&key) else { continue };
            let Some(purse) = self.purses.get(&payment.checkpoint) else { continue };
            let due = purse.closed.is_some() || (purse.lapsed && payment.is_claimed());
            if !due || payment.is_released() {
                continue;
            }
            let (amount, own) = (i128::from(payment.amount), Account::Purse(payer, payment.number));
            for source in [own, coming] {
                let lacking = amount.saturating_sub(self.held(Account::Suspense(key)));
                let sum = lacking.min(self.held(source).max(0));
                self.shift(source, Account::Suspense(key), sum);
            }
        }
        self.order.insert(payer, order);
    }
}
