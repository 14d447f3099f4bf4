//! The largest loss there can be until the next sync (spec §9.11).
//!
//! Each payee that a copied wallet meets takes at most what the limits and the checkpoint let it
//! take; the office pays what backs it once. The rest is lost, by whomever bears it.

use std::collections::BTreeMap;

use onehop_wire::limits::RECEIPTS_MAX;
use onehop_wire::{Limits, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::draft::{Decided, read_row};
use crate::office::Office;
use crate::rows::{Account, AccountRow, CheckpointRow, WalletRow};
use crate::store::{LedgerStore, StoreError, Table};

/// What could be lost. Sums are in minor units; none where no limit bounds them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Exposure {
    /// Wallets with a certificate that is valid: each may be a payee of every other.
    pub certificates: u64,
    /// Wallets with an unexpired checkpoint that something could be lost by, by id.
    pub wallets: Vec<WalletExposure>,
    /// All of them together.
    pub total: Option<u128>,
}

/// What could be lost if copies of one wallet pay everybody they can.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WalletExposure {
    /// The wallet.
    pub wallet: WalletId,
    /// Its name.
    pub name: String,
    /// Its unexpired checkpoints, the closed ones among them.
    pub checkpoints: u64,
    /// Most that one payee takes under one of them.
    pub reach: Option<u64>,
    /// What its payees would lose, before the bond.
    pub loss: Option<u128>,
    /// The bond that pays them first.
    pub bond: u64,
}

impl WalletExposure {
    /// The loss beyond the bond.
    #[must_use]
    pub fn beyond_bond(&self) -> Option<u128> {
        self.loss.map(|loss| loss.saturating_sub(u128::from(self.bond)))
    }
}

/// An unexpired checkpoint.
struct Outstanding {
    wallet: WalletId,
    balance: u64,
    limits: Limits,
    is_closed: bool,
}

/// What the limits alone let one payee take under one checkpoint.
fn cap(limits: &Limits) -> Option<u64> {
    let by_count = match (limits.payments, limits.per_payment) {
        (Some(count), Some(amount)) => Some(u64::from(count).saturating_mul(amount)),
        (Some(_) | None, _) => None,
    };
    [limits.per_checkpoint, limits.per_payee, by_count].into_iter().flatten().min()
}

/// The largest receipt that a checkpoint can give another wallet, if anything bounds it.
fn largest_receipt(from: &Outstanding, hops: u8) -> Option<u64> {
    // Over one hop, what is attached was itself paid without receipts.
    let own = (hops <= 1).then_some(from.balance);
    [own, from.limits.per_payment, cap(&from.limits)].into_iter().flatten().min()
}

/// What one payee takes at most: what limits, balance and received money allow.
fn reach(of: &Outstanding, all: &[Outstanding]) -> Option<u64> {
    let others = all.iter().filter(|other| other.wallet != of.wallet && of.limits.hops > 0);
    let mut largest = Some(0u64);
    for receipt in others.map(|other| largest_receipt(other, of.limits.hops)) {
        largest = largest.zip(receipt).map(|(a, b)| a.max(b));
    }
    let receipts = u64::try_from(RECEIPTS_MAX).unwrap_or(u64::MAX);
    let backed = largest.map(|sum| of.balance.saturating_add(sum.saturating_mul(receipts)));
    [backed, cap(&of.limits)].into_iter().flatten().min()
}

/// What all payees take less what backs it once; a closed checkpoint backs nothing any more.
fn loss(of: &Outstanding, reach: u64, payees: u64) -> u128 {
    let taken = u128::from(payees).saturating_mul(u128::from(reach));
    let backed = if of.is_closed { 0 } else { of.balance.max(reach) };
    taken.saturating_sub(u128::from(backed))
}

impl<S: LedgerStore> Office<S> {
    /// The largest loss until the next sync, from the limits and certificates outstanding.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn exposure(&self, now: UnixSeconds) -> Decided<Exposure> {
        let wallets: Vec<WalletRow> = self.rows(Table::Wallets, |_| true)?;
        let valid = wallets.iter().filter(|row| row.certificate.body.not_after >= now);
        let certificates = u64::try_from(valid.count()).map_err(|_| StoreError::Range)?;
        let live = |row: &CheckpointRow| row.signed.body.expires >= now;
        let checkpoints: Vec<CheckpointRow> = self.rows(Table::Checkpoints, live)?;
        let all: Vec<Outstanding> = checkpoints
            .into_iter()
            .map(|row| Outstanding {
                wallet: row.signed.body.wallet,
                balance: row.signed.body.balance,
                is_closed: row.closed.is_some(),
                limits: row.certificate.body.limits,
            })
            .collect();
        let mut by_wallet: BTreeMap<WalletId, Vec<&Outstanding>> = BTreeMap::new();
        for row in &all {
            by_wallet.entry(row.wallet).or_default().push(row);
        }
        let mut found = Vec::new();
        for row in &wallets {
            let body = &row.certificate.body;
            let payees = certificates.saturating_sub(u64::from(body.not_after >= now));
            let own = by_wallet.get(&body.wallet()).map(Vec::as_slice).unwrap_or_default();
            let entry = self.of_wallet(row, own, &all, payees)?;
            if entry.loss != Some(0) {
                found.push(entry);
            }
        }
        let total = found.iter().map(WalletExposure::beyond_bond);
        let total = total.sum::<Option<u128>>();
        Ok(Exposure { certificates, wallets: found, total })
    }

    fn of_wallet(
        &self,
        row: &WalletRow,
        own: &[&Outstanding],
        all: &[Outstanding],
        payees: u64,
    ) -> Decided<WalletExposure> {
        let wallet = row.certificate.body.wallet();
        let reaches: Vec<Option<u64>> = own.iter().map(|of| reach(of, all)).collect();
        let losses = own.iter().zip(&reaches).map(|(of, reach)| match reach {
            Some(reach) => Some(loss(of, *reach, payees)),
            None if payees == 0 => Some(0),
            None => None,
        });
        let bond: Option<AccountRow> = self
            .store()
            .get(Table::Accounts, &Account::Bond(wallet).bytes())?
            .map(|bytes| read_row(Table::Accounts, &bytes))
            .transpose()?;
        Ok(WalletExposure {
            wallet,
            name: row.certificate.body.name.as_str().to_owned(),
            checkpoints: u64::try_from(own.len()).map_err(|_| StoreError::Range)?,
            reach: reaches
                .iter()
                .copied()
                .collect::<Option<Vec<u64>>>()
                .map(|all| all.into_iter().max().unwrap_or(0)),
            loss: losses.sum::<Option<u128>>(),
            bond: bond.map_or(0, |row| u64::try_from(row.balance).unwrap_or(0)),
        })
    }
}
