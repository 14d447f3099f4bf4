//! SYNC: a wallet closes its checkpoint, moves money to or from its account, and gets the next.

use onehop_evidence::contradiction;
use onehop_wire::bounded::List;
use onehop_wire::limits::{OFFICE_KEYS_MAX, OUTCOMES_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{
    EntryState, Outcome, OutcomeKind, Sync, SyncAnswer, Transfer, TransferResult,
};
use onehop_wire::{Abort, Agreed, Certificate, Hash, Signed, UnixSeconds, WalletId};

use crate::answers::sentence;
use crate::draft::{Decided, Draft, read_row};
use crate::enrol::{NextPurse, due_key, redeem_by};
use crate::error::{OfficeError, Refusal};
use crate::evidence::{Evidence, Issued};
use crate::office::Office;
use crate::payments::Proof;
use crate::rows::{
    Account, CheckpointRow, ClosedBy, CommitFacts, PaymentKey, PaymentRow, WalletRow,
};
use crate::store::{LedgerStore, StoreError, Table};
use crate::sync_check::{ChainEntry, Proven};

impl<S: LedgerStore> Office<S> {
    /// Answers a SYNC; the same one always gets the same bytes.
    ///
    /// # Errors
    /// [`Refusal`]: unknown or revoked wallet, unsigned, not the newest checkpoint, not the whole
    /// chain, a state that is not proven, or a limit passed. Nothing has changed then.
    pub fn sync(&mut self, now: UnixSeconds, sync: &Signed<Sync>) -> Decided<SyncAnswer> {
        self.call(now, |draft| draft.sync(sync))
    }
}

/// The money part of an answer.
struct Moved {
    balance: u64,
    result: TransferResult,
}

impl<S: LedgerStore> Draft<'_, S> {
    fn sync(&mut self, sync: &Signed<Sync>) -> Decided<SyncAnswer> {
        let body = &sync.body;
        let wallet = self.wallet_row(body.wallet)?;
        let hash = self.trust.by_wallet(&wallet.certificate.body.key, sync.clone())?.hash();
        let before = self.answered(hash)?;
        if let Some(answer) = before.filter(|_| !mutant::is(Mutant::AnswersForgotten)) {
            return Ok(answer);
        }
        if wallet.revoked {
            return Err(Refusal::Revoked { wallet: body.wallet }.into());
        }
        let checkpoint = body.checkpoint;
        let row: Option<CheckpointRow> = self.find(Table::Checkpoints, checkpoint.as_bytes())?;
        let row = row.ok_or(Refusal::UnknownCheckpoint { checkpoint })?;
        if row.signed.body.wallet != body.wallet {
            return Err(Refusal::WrongWallet.into());
        }
        if row.closed.is_some() || wallet.checkpoint != checkpoint {
            return Err(Refusal::ClosedAlready { checkpoint }.into());
        }
        let chain = self.check_sync(body, &wallet, &row)?;
        let certificate = self.renewed(&wallet.certificate)?;
        self.cause = hash;
        let known = row.signed.body.revocations;
        self.close(sync, hash, row, &chain)?;
        let moved = self.renew_purse(body, wallet.number)?;
        let answer = self.reissue(body, certificate, known, &moved)?;
        let answer = SyncAnswer { sync: hash, ..answer };
        self.answer(hash, &answer);
        Ok(answer)
    }

    /// Files the evidence and lets all payments out of and into the checkpoint move on.
    fn close(
        &mut self,
        sync: &Signed<Sync>,
        hash: Hash,
        mut row: CheckpointRow,
        chain: &[ChainEntry],
    ) -> Decided<()> {
        let body = &sync.body;
        let evidence = self.keep(&Evidence::Synced(Box::new(sync.clone())))?;
        let forks = self.left_out(body.checkpoint, chain)?;
        self.delete(Table::Due, &due_key(&row, body.checkpoint));
        row.closed = Some(ClosedBy { sync: hash, evidence });
        self.put(Table::Checkpoints, body.checkpoint.as_bytes(), &row);
        let mut work = Vec::new();
        for abort in entry_aborts(body).chain(body.aborts.iter()) {
            work.extend(self.file_abort(abort)?);
        }
        for entry in chain {
            self.file_entry(entry, &row)?;
        }
        for (key, agreed) in forks {
            self.file_fork(key, &agreed, sync, chain)?;
        }
        work.extend(self.opened(body.checkpoint)?);
        self.move_on(work)?;
        self.dispute_uncovered(body.checkpoint)
    }

    fn file_entry(&mut self, entry: &ChainEntry, checkpoint: &CheckpointRow) -> Decided<()> {
        let agreed = entry.agreed.signed();
        let (key, mut row) = match self.learn(agreed, entry.agreed.hash(), checkpoint) {
            Ok(found) => found,
            // The payment is known by another entry of this payer: a fork, which pays once.
            Err(OfficeError::Refused(_)) => return Ok(()),
            Err(error @ OfficeError::Store(_)) => return Err(error),
        };
        match &entry.proven {
            Proven::Committed(commit) => {
                let payee_checkpoint = commit.body().payee_checkpoint;
                let facts = CommitFacts { commit: commit.hash(), payee_checkpoint };
                row.commit.get_or_insert(facts);
                row.committed = true;
            }
            Proven::Aborted => (row.aborted, row.asked_back) = (true, true),
            Proven::Voided => row.asked_back = true,
            Proven::InDoubt => {}
        }
        row.evidence = self.cause;
        self.put(Table::Payments, &key.bytes(), &row);
        Ok(self.reconsider(key)?)
    }

    /// A payment that the closing chain leaves out: if claimed, it is paid as far as the purse
    /// goes. The payer is frozen.
    fn file_fork(
        &mut self,
        key: PaymentKey,
        agreed: &Signed<Agreed>,
        sync: &Signed<Sync>,
        chain: &[ChainEntry],
    ) -> Decided<()> {
        let entry = agreed.hash(self.trust.office());
        let other = chain.iter().find(|other| {
            let other = (other.agreed.body(), other.agreed.hash());
            contradiction(other, (&agreed.body, entry)).is_some()
        });
        let proof = match other {
            Some(other) => {
                Proof::Entries(Box::new((agreed.clone(), other.agreed.signed().clone())))
            }
            None => Proof::Close(Box::new((agreed.clone(), sync.clone()))),
        };
        let proof = self.keep_proof(&proof);
        self.accuse(sync.body.checkpoint, proof)?;
        let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        if row.outcome.is_none() && !row.is_claimed() {
            self.decide(key, row, OutcomeKind::Disputed(proof))?;
        }
        Ok(())
    }

    /// What is left of the old purse, and what was received, less what goes to the account.
    fn renew_purse(&mut self, sync: &Sync, number: u32) -> Decided<Moved> {
        let wallet = sync.wallet;
        let (old, next) = (Account::Purse(wallet, number), self.next_purse(wallet)?);
        let account = Account::Wallet(wallet);
        let left = self.free(old)?;
        self.post(old, next, left)?;
        self.collect()?;
        self.collect_from_purse(wallet, next)?;
        let row = self.wallet_row(wallet)?;
        let full = if row.frozen { 0 } else { self.limits.purse_max };
        let over = self.free(next)?.saturating_sub(full);
        self.post(next, account, over)?;
        self.collect()?;
        let result = match self.transfer(sync, &row, next) {
            Ok(()) => TransferResult::Done,
            Err(OfficeError::Refused(refusal)) => TransferResult::Refused(sentence(&refusal)),
            Err(error @ OfficeError::Store(_)) => return Err(error),
        };
        Ok(Moved { balance: self.free(next)?, result })
    }

    fn transfer(&mut self, sync: &Sync, row: &WalletRow, next: Account) -> Decided<()> {
        let account = Account::Wallet(sync.wallet);
        let held = self.free(next)?;
        match sync.transfer {
            Transfer::None => Ok(()),
            Transfer::Charge(0) | Transfer::Withdraw(0) => Err(Refusal::Zero.into()),
            Transfer::Charge(_) if row.frozen => {
                Err(Refusal::Frozen { wallet: sync.wallet }.into())
            }
            Transfer::Charge(sum) => {
                self.check_debts(sync.wallet)?;
                let (limit, reached) = (self.limits.purse_max, held.saturating_add(sum));
                if reached > limit {
                    let (limit, reached) = (self.money(limit), self.money(reached));
                    return Err(Refusal::Limit { name: "purse-max", limit, reached }.into());
                }
                let line = i128::from(self.limits.credit_line);
                let free = self.balance(account)?.saturating_add(line).max(0);
                if i128::from(sum) > free {
                    let free = u64::try_from(free).map_err(|_| StoreError::Range)?;
                    return Err(self.insufficient(sum, free).into());
                }
                let row = self.charged(row.clone(), sum)?;
                self.put(Table::Wallets, sync.wallet.as_bytes(), &row);
                Ok(self.post(account, next, sum)?)
            }
            Transfer::Withdraw(sum) => {
                if sum > held {
                    return Err(self.insufficient(sum, held).into());
                }
                Ok(self.post(next, account, sum)?)
            }
        }
    }

    pub(crate) fn insufficient(&self, asked: u64, free: u64) -> Refusal {
        Refusal::Insufficient { asked: self.money(asked), free: self.money(free) }
    }

    /// Issues the next checkpoint and gathers what is new since the wallet's last: revocations
    /// since list `known`, and outcomes.
    fn reissue(
        &mut self,
        sync: &Sync,
        certificate: Signed<Certificate>,
        known: u32,
        moved: &Moved,
    ) -> Decided<SyncAnswer> {
        let row = self.wallet_row(sync.wallet)?;
        let number = row.number.checked_add(1).ok_or(StoreError::Range)?;
        let next = NextPurse {
            number,
            balance: moved.balance,
            base_seq: sync.seq,
            base_head: sync.head,
            base_cum_out: sync.cum_out,
        };
        let checkpoint = self.issue(&certificate, &next)?;
        let hash = checkpoint.hash(self.trust.office());
        let liable_until = row.liable_until.max(redeem_by(&certificate, &checkpoint));
        let certified = certificate.clone();
        let row =
            WalletRow { certificate: certified, checkpoint: hash, number, liable_until, ..row };
        self.put(Table::Wallets, sync.wallet.as_bytes(), &row);
        let issued = Issued {
            certificate: certificate.clone(),
            checkpoint: checkpoint.clone(),
            transferred: moved.result == TransferResult::Done,
        };
        self.keep(&Evidence::Issued(Box::new(issued)))?;
        let outcomes = self.take_news(sync.wallet)?;
        let keys: Vec<_> = self.trust.keys().cloned().collect();
        let newest = keys.len().saturating_sub(OFFICE_KEYS_MAX);
        let office_keys = List::new(keys.into_iter().skip(newest).collect());
        let office_keys = office_keys.map_err(|_| Refusal::TooLong)?;
        let outcomes = List::new(outcomes).map_err(|_| Refusal::TooLong)?;
        let revocations = self.revocations()?;
        let deltas = List::new(self.deltas(known)?).map_err(|_| Refusal::TooLong)?;
        let new_roots = self.new_roots()?;
        let (sync, transfer) = (self.cause, moved.result.clone());
        Ok(SyncAnswer {
            sync,
            office_keys,
            certificate,
            checkpoint,
            transfer,
            revocations,
            deltas,
            new_roots,
            outcomes,
        })
    }

    fn take_news(&mut self, wallet: WalletId) -> Result<Vec<Signed<Outcome>>, StoreError> {
        let rows = self.all(Table::News, wallet.as_bytes())?;
        let mut news = Vec::new();
        for (key, bytes) in rows.into_iter().take(OUTCOMES_MAX) {
            news.push(read_row(Table::News, &bytes)?);
            self.delete(Table::News, &key);
        }
        Ok(news)
    }
}

/// The ABORTs shown with entries.
fn entry_aborts(sync: &Sync) -> impl Iterator<Item = &Signed<Abort>> {
    sync.entries.iter().filter_map(|entry| match &entry.state {
        EntryState::Aborted(abort) => Some(abort),
        EntryState::InDoubt | EntryState::Committed(_) | EntryState::Voided(_) => None,
    })
}
