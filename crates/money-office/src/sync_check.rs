//! What a SYNC must prove before it changes anything.

use std::collections::BTreeSet;

use onehop_crypto::Verified;
use onehop_evidence::{ReleaseFault, verify_abort};
use onehop_wire::office::{EntryState, OutcomeKind, Sync};
use onehop_wire::{Agreed, Commit, Hash, Money, PublicKey, Signed, TxId, WalletId};

use crate::draft::{Decided, Draft};
use crate::error::Refusal;
use crate::rows::{CheckpointRow, PaymentKey, PaymentRow, WalletRow};
use crate::store::{LedgerStore, Table};

/// What a SYNC proves of one entry.
pub(crate) enum Proven {
    InDoubt,
    Committed(Box<Verified<Commit>>),
    /// The seller waived it.
    Aborted,
    /// This office said VOID.
    Voided,
}

/// An entry whose signature and place in the chain were checked.
pub(crate) struct ChainEntry {
    pub(crate) agreed: Verified<Agreed>,
    pub(crate) proven: Proven,
}

impl<S: LedgerStore> Draft<'_, S> {
    /// Checks a SYNC whose signature was checked against the checkpoint that it closes.
    pub(crate) fn check_sync(
        &self,
        sync: &Sync,
        wallet: &WalletRow,
        checkpoint: &CheckpointRow,
    ) -> Decided<Vec<ChainEntry>> {
        let key = wallet.certificate.body.key;
        let entries = self.check_chain(sync, &key, checkpoint)?;
        let proven: Decided<Vec<ChainEntry>> = entries
            .into_iter()
            .zip(&sync.entries)
            .map(|(agreed, entry)| {
                let proven = self.check_state(sync.wallet, &agreed, &entry.state)?;
                Ok(ChainEntry { agreed, proven })
            })
            .collect();
        let proven = proven?;
        check_limits(checkpoint, &proven)?;
        self.check_refunds_synced(sync.wallet, sync.checkpoint, &proven)?;
        for abort in &sync.aborts {
            if abort.body.payee != sync.wallet {
                return Err(Refusal::WrongWallet.into());
            }
            self.trust.by_wallet(&key, abort.clone())?;
        }
        Ok(proven)
    }

    /// The entries are the whole chain from the checkpoint to the final numbers, each signed.
    fn check_chain(
        &self,
        sync: &Sync,
        key: &PublicKey,
        checkpoint: &CheckpointRow,
    ) -> Decided<Vec<Verified<Agreed>>> {
        let mut seen: BTreeSet<(TxId, WalletId)> = BTreeSet::new();
        let mut chain = Vec::with_capacity(sync.entries.len());
        let (mut seq, mut head, mut cum_out) = (0u64, sync.checkpoint, 0u64);
        for entry in &sync.entries {
            seq = seq.saturating_add(1);
            let agreed = self.trust.by_wallet(key, entry.agreed.clone())?;
            let body = agreed.body();
            let total = cum_out.checked_add(body.amount);
            let follows = body.checkpoint == sync.checkpoint
                && body.seq == seq
                && body.prev == head
                && body.amount >= 1
                && total == Some(body.cum_out)
                && body.cum_back <= body.cum_out
                && body.currency == self.setup.currency
                && body.payee != sync.wallet
                && body.redeem_by == checkpoint.redeem_by();
            if !follows {
                return Err(Refusal::Chain { seq }.into());
            }
            if !seen.insert((body.tx, body.payee)) {
                return Err(Refusal::OtherEntry { tx: body.tx.short() }.into());
            }
            (head, cum_out) = (agreed.hash(), body.cum_out);
            chain.push(agreed);
        }
        let field = match (sync.seq == seq, sync.head == head, sync.cum_out == cum_out) {
            (true, true, true) => return Ok(chain),
            (false, _, _) => "number",
            (true, false, _) => "head",
            (true, true, false) => "total",
        };
        Err(Refusal::Close { field }.into())
    }

    fn check_state(
        &self,
        payer: WalletId,
        agreed: &Verified<Agreed>,
        state: &EntryState,
    ) -> Decided<Proven> {
        let (body, entry) = (agreed.body(), agreed.hash());
        let seq = body.seq;
        let unproven = |source: ReleaseFault| Refusal::State { seq, source };
        match state {
            EntryState::InDoubt => Ok(Proven::InDoubt),
            EntryState::Committed(commit) => {
                let key = self.wallet_row(body.payee)?.certificate.body.key;
                let at = &commit.body;
                let same = at.tx == body.tx
                    && at.agreed == entry
                    && at.payer == payer
                    && at.payee == body.payee;
                if !same {
                    return Err(Refusal::Commit { seq }.into());
                }
                let commit = self.trust.by_wallet(&key, commit.clone())?;
                Ok(Proven::Committed(Box::new(commit)))
            }
            EntryState::Aborted(abort) => {
                let key = self.wallet_row(body.payee)?.certificate.body.key;
                verify_abort(self.trust, &key, &payer, (body, entry), abort.clone())
                    .map_err(unproven)?;
                Ok(Proven::Aborted)
            }
            EntryState::Voided(outcome) => {
                let outcome = self.trust.outcome(outcome.clone())?;
                let at = PaymentKey { tx: body.tx, payer, payee: body.payee };
                let row: Option<PaymentRow> = self.find(Table::Payments, &at.bytes())?;
                let stored = row.and_then(|row| row.outcome);
                let same = stored.as_ref().is_some_and(|stored| stored.body == *outcome.body())
                    && outcome.body().entry == entry
                    && outcome.body().kind == OutcomeKind::Void;
                if !same {
                    return Err(unproven(ReleaseFault::Mismatch).into());
                }
                Ok(Proven::Voided)
            }
        }
    }

    /// Entries of this checkpoint that the office knows and the chain leaves out: forks.
    pub(crate) fn left_out(
        &self,
        checkpoint: Hash,
        chain: &[ChainEntry],
    ) -> Decided<Vec<(PaymentKey, Signed<Agreed>)>> {
        let inside: BTreeSet<Hash> = chain.iter().map(|entry| entry.agreed.hash()).collect();
        let known = self.entries(checkpoint)?;
        let outside = known.into_iter().filter(|(_, hash)| !inside.contains(hash));
        Ok(outside.map(|(row, _)| (row.payment, row.agreed)).collect())
    }
}

/// The limits of the certificate, over everything under the checkpoint that was not released.
fn check_limits(checkpoint: &CheckpointRow, chain: &[ChainEntry]) -> Result<(), Refusal> {
    let limits = &checkpoint.certificate.body.limits;
    let live = chain.iter().filter(|entry| match entry.proven {
        Proven::InDoubt | Proven::Committed(_) => true,
        Proven::Aborted | Proven::Voided => false,
    });
    let (mut total, mut payments) = (0u64, 0u64);
    let mut payees: std::collections::BTreeMap<WalletId, u64> = std::collections::BTreeMap::new();
    let passed = |limit: Option<u64>, reached: u64| limit.filter(|limit| reached > *limit);
    let count = |name, limit: Option<u64>, reached: u64| match passed(limit, reached) {
        Some(limit) => {
            let (limit, reached) = (limit.to_string(), reached.to_string());
            Err(Refusal::Limit { name, limit, reached })
        }
        None => Ok(()),
    };
    let currency = checkpoint.certificate.body.currency;
    let money = |minor| Money::new(minor, currency).to_string();
    let over = |name, limit: Option<u64>, reached: u64| match passed(limit, reached) {
        Some(limit) => Err(Refusal::Limit { name, limit: money(limit), reached: money(reached) }),
        None => Ok(()),
    };
    for entry in live {
        let body = entry.agreed.body();
        total = total.saturating_add(body.amount);
        payments = payments.saturating_add(1);
        let payee = payees.entry(body.payee).or_insert(0);
        *payee = payee.saturating_add(body.amount);
        over("per-payment", limits.per_payment, body.amount)?;
        over("per-payee", limits.per_payee, *payee)?;
        count("hops", Some(u64::from(limits.hops)), u64::from(body.hops))?;
    }
    over("per-checkpoint", limits.per_checkpoint, total)?;
    count("payments", limits.payments.map(u64::from), payments)
}
