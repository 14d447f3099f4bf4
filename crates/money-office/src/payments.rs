//! How a payment comes from its payer's purse into suspense, and from there to whom it belongs.
//!
//! Money waits in suspense until its payment is decided. A payment is *covered* out of the payer's
//! purse once that is closed (or lapsed), then out of what the payer received; it is *paid* once it
//! is covered and claimed and the payee's checkpoint that the COMMIT names is closed as well.

use std::collections::VecDeque;

use onehop_evidence::{contradiction, contradicts_close};
use onehop_wire::domain::hash_of;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{Outcome, OutcomeKind, Sync};
use onehop_wire::{Abort, AbortSubject, Agreed, Hash, OfficeId, Signed, WalletId};
use serde::{Deserialize, Serialize};

use crate::draft::{Decided, Draft, read_row};
use crate::enrol::due_key;
use crate::error::Refusal;
use crate::evidence::Evidence;
use crate::rows::{
    Account, CheckpointRow, CommitFacts, EntryRow, PaymentKey, PaymentRow, WalletRow, key_of,
};
use crate::store::{LedgerStore, StoreError, Table};

/// Two signatures of one payer that contradict each other.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Proof {
    /// Two entries.
    Entries(Box<(Signed<Agreed>, Signed<Agreed>)>),
    /// An entry, and the SYNC that closed its checkpoint.
    Close(Box<(Signed<Agreed>, Signed<Sync>)>),
}

impl Proof {
    /// The hash that names the proof in an OUTCOME (spec §8.1).
    pub(crate) fn hash(&self, office: &OfficeId) -> Hash {
        let (first, second) = match self {
            Self::Entries(pair) => {
                let at = |entry: &Signed<Agreed>| (entry.body.seq, entry.hash(office));
                let (a, b) = (at(&pair.0), at(&pair.1));
                (a.min(b).1, a.max(b).1)
            }
            Self::Close(pair) => (pair.0.hash(office), pair.1.hash(office)),
        };
        hash_of("fork-proof", &[first.as_bytes(), second.as_bytes()])
    }

    /// The checkpoint whose owner signed both.
    pub(crate) fn checkpoint(&self) -> Hash {
        match self {
            Self::Entries(pair) => pair.0.body.checkpoint,
            Self::Close(pair) => pair.0.body.checkpoint,
        }
    }
}

/// What may have become possible.
pub(crate) enum Work {
    /// Something about this payment changed.
    Payment(PaymentKey),
    /// This wallet's purses grew.
    Wants(WalletId),
}

impl<S: LedgerStore> Draft<'_, S> {
    /// The payment of an entry whose signature was checked; a new row if the office did not know.
    pub(crate) fn learn(
        &mut self,
        agreed: &Signed<Agreed>,
        entry: Hash,
        checkpoint: &CheckpointRow,
    ) -> Decided<(PaymentKey, PaymentRow)> {
        let (body, purse) = (&agreed.body, &checkpoint.signed.body);
        let key = PaymentKey { tx: body.tx, payer: purse.wallet, payee: body.payee };
        if let Some(row) = self.find::<PaymentRow>(Table::Payments, &key.bytes())? {
            if row.entry != entry {
                return Err(Refusal::OtherEntry { tx: key.tx.short() }.into());
            }
            return Ok((key, row));
        }
        let mut row = PaymentRow {
            entry,
            checkpoint: body.checkpoint,
            number: purse.number,
            seq: body.seq,
            amount: body.amount,
            request: body.request,
            redeem_by: body.redeem_by,
            arrival: self.count("arrival")?,
            covered: 0,
            commit: None,
            committed: false,
            aborted: false,
            asked_back: false,
            outcome: None,
            proof: None,
            evidence: self.cause,
            received: 0,
            debt: None,
        };
        let abort = key_of(&[key.tx.as_bytes(), key.payee.as_bytes()]);
        if let Some(abort) = self.find::<Signed<Abort>>(Table::Aborts, &abort)? {
            row.aborted = waives(&abort.body, &row);
        }
        let known = EntryRow { agreed: agreed.clone(), payment: key };
        self.put(Table::Entries, &entry_key(&body.checkpoint, body.seq, entry), &known);
        self.put(Table::Open, &key.bytes(), &());
        self.put(Table::Payments, &key.bytes(), &row);
        self.note_refund(key, body);
        Ok((key, row))
    }

    /// The entries of a checkpoint that the office knows, with their hashes.
    pub(crate) fn entries(&self, checkpoint: Hash) -> Result<Vec<(EntryRow, Hash)>, StoreError> {
        let rows = self.all(Table::Entries, checkpoint.as_bytes())?;
        rows.iter()
            .map(|(key, bytes)| {
                let row: EntryRow = read_row(Table::Entries, bytes)?;
                let hash = key.last_chunk().ok_or(StoreError::Row { table: Table::Entries })?;
                Ok((row, Hash(*hash)))
            })
            .collect()
    }

    /// The contradiction between an entry and what its payer signed before, kept as a proof.
    pub(crate) fn contradicted(
        &mut self,
        agreed: &Signed<Agreed>,
        entry: Hash,
        checkpoint: &CheckpointRow,
    ) -> Decided<Option<(&'static str, Hash)>> {
        let at = &agreed.body.checkpoint;
        let known = entry_key(at, agreed.body.seq, entry);
        if self.bytes(Table::Entries, &known)?.is_some() {
            return Ok(None);
        }
        for (other, hash) in self.entries(*at)? {
            let pair = contradiction((&agreed.body, entry), (&other.agreed.body, hash));
            if let Some(kind) = pair {
                let proof = Proof::Entries(Box::new((other.agreed, agreed.clone())));
                return Ok(Some((kind.words(), self.keep_proof(&proof))));
            }
        }
        let Some(closed) = checkpoint.closed else { return Ok(None) };
        let sync: Evidence = self.need(Table::Evidence, &closed.evidence.to_be_bytes())?;
        let Evidence::Synced(sync) = sync else {
            return Err(StoreError::Row { table: Table::Evidence }.into());
        };
        let Some(kind) = contradicts_close((&agreed.body, entry), &sync.body) else {
            return Ok(None);
        };
        let proof = Proof::Close(Box::new((agreed.clone(), *sync)));
        Ok(Some((kind.words(), self.keep_proof(&proof))))
    }

    pub(crate) fn keep_proof(&mut self, proof: &Proof) -> Hash {
        let hash = proof.hash(self.trust.office());
        self.put(Table::Proofs, hash.as_bytes(), proof);
        hash
    }

    /// Freezes the payer of a checkpoint and puts the proof against it beside what is undecided.
    pub(crate) fn accuse(&mut self, checkpoint: Hash, proof: Hash) -> Decided<()> {
        let purse: CheckpointRow = self.need(Table::Checkpoints, checkpoint.as_bytes())?;
        let wallet = purse.signed.body.wallet;
        let mut row: WalletRow = self.need(Table::Wallets, wallet.as_bytes())?;
        row.frozen = true;
        self.put(Table::Wallets, wallet.as_bytes(), &row);
        for (entry, _) in self.entries(checkpoint)? {
            self.blame(entry.payment, proof)?;
        }
        Ok(())
    }

    fn blame(&mut self, key: PaymentKey, proof: Hash) -> Decided<()> {
        let mut row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        if row.proof.is_none() && row.outcome.is_none() {
            row.proof = Some(proof);
            self.put(Table::Payments, &key.bytes(), &row);
        }
        Ok(())
    }

    /// Disputes the claims on a forked checkpoint that its purse did not cover.
    pub(crate) fn dispute_uncovered(&mut self, checkpoint: Hash) -> Decided<()> {
        for (entry, _) in self.entries(checkpoint)? {
            let key = entry.payment;
            let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            let short = row.outcome.is_none() && row.is_claimed() && row.covered < row.amount;
            if let Some(proof) = row.proof.filter(|_| short) {
                self.decide(key, row, OutcomeKind::Disputed(proof))?;
            }
        }
        Ok(())
    }

    /// Keeps an ABORT whose signature was checked; the payment it is about, if it is known.
    pub(crate) fn file_abort(&mut self, abort: &Signed<Abort>) -> Result<Vec<Work>, StoreError> {
        let body = &abort.body;
        let key = PaymentKey { tx: body.tx, payer: body.payer, payee: body.payee };
        let at = key_of(&[key.tx.as_bytes(), key.payee.as_bytes()]);
        if self.bytes(Table::Aborts, &at)?.is_none() {
            self.put(Table::Aborts, &at, abort);
        }
        let Some(mut row) = self.find::<PaymentRow>(Table::Payments, &key.bytes())? else {
            return Ok(Vec::new());
        };
        if !waives(body, &row) || row.aborted {
            return Ok(Vec::new());
        }
        row.aborted = true;
        self.put(Table::Payments, &key.bytes(), &row);
        self.reconsider(key)?;
        Ok(vec![Work::Payment(key)])
    }

    /// Notes that a checkpoint was not closed in time, so that claims on it can be paid.
    pub(crate) fn lapse(&mut self, hash: Hash) -> Decided<()> {
        let mut row: CheckpointRow = self.need(Table::Checkpoints, hash.as_bytes())?;
        if row.pays() || self.now <= row.redeem_by() {
            return Ok(());
        }
        row.lapsed = true;
        self.put(Table::Checkpoints, hash.as_bytes(), &row);
        self.keep(&Evidence::Lapsed { checkpoint: hash, at: self.now })?;
        let work = self.opened(hash)?;
        self.move_on(work)?;
        self.dispute_uncovered(hash)
    }

    /// What is left under a lapsed checkpoint of a restored wallet goes into its next purse, under
    /// the last one of a wallet that forked into its account, where its debts are collected.
    pub(crate) fn give_back(&mut self, hash: Hash) -> Decided<()> {
        let row: CheckpointRow = self.need(Table::Checkpoints, hash.as_bytes())?;
        let wallet = row.signed.body.wallet;
        let owner: WalletRow = self.need(Table::Wallets, wallet.as_bytes())?;
        let end = row.redeem_by().plus(self.setup.grace_seconds);
        let is_newest = owner.checkpoint == hash;
        if (is_newest && !owner.frozen) || !row.lapsed || self.now < end {
            return Ok(());
        }
        self.delete(Table::Due, &due_key(&row, hash));
        self.cause = hash;
        self.keep(&Evidence::GivenBack { checkpoint: hash, at: self.now })?;
        let old = Account::Purse(wallet, row.signed.body.number);
        let next = if is_newest { Account::Wallet(wallet) } else { self.next_purse(wallet)? };
        let left = self.free(old)?;
        self.post(old, next, left)?;
        self.move_on(vec![Work::Wants(wallet)])
    }

    /// The payments that may move once a checkpoint pays: those out of it and those into it.
    pub(crate) fn opened(&self, checkpoint: Hash) -> Result<Vec<Work>, StoreError> {
        let mut work = Vec::new();
        for (_, bytes) in self.all(Table::Waiting, checkpoint.as_bytes())? {
            work.push(Work::Payment(read_row(Table::Waiting, &bytes)?));
        }
        let mut out = Vec::new();
        for (entry, _) in self.entries(checkpoint)? {
            let row: PaymentRow = self.need(Table::Payments, &entry.payment.bytes())?;
            out.push((row.arrival, entry.payment));
        }
        out.sort();
        work.extend(out.into_iter().map(|(_, key)| Work::Payment(key)));
        Ok(work)
    }

    /// Does what has become possible, and what that makes possible, until nothing is left.
    pub(crate) fn move_on(&mut self, work: Vec<Work>) -> Decided<()> {
        let mut queue: VecDeque<Work> = work.into();
        while let Some(work) = queue.pop_front() {
            match work {
                Work::Payment(key) => self.step(key, &mut queue)?,
                Work::Wants(wallet) => self.cover(wallet, &mut queue)?,
            }
        }
        Ok(())
    }

    fn step(&mut self, key: PaymentKey, queue: &mut VecDeque<Work>) -> Decided<()> {
        let mut row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        if row.outcome.is_some() {
            return Ok(());
        }
        if row.is_released() {
            self.release(key, row)?;
            queue.push_back(Work::Wants(key.payer));
            return Ok(());
        }
        let purse: CheckpointRow = self.need(Table::Checkpoints, row.checkpoint.as_bytes())?;
        // Out of a checkpoint that only lapsed, nothing is set aside but what is claimed.
        let is_open = purse.closed.is_none() && !(purse.lapsed && row.is_claimed());
        if is_open && !mutant::is(Mutant::PaidBeforeClose) {
            return Ok(());
        }
        if row.covered < row.amount {
            self.put(Table::Wants, &want_key(&key, &row), &key);
            self.cover(key.payer, queue)
        } else {
            self.pay(key, &mut row, queue)
        }
    }

    /// Covers a wallet's payments in the order in which the office learnt of them.
    fn cover(&mut self, wallet: WalletId, queue: &mut VecDeque<Work>) -> Decided<()> {
        for (at, bytes) in self.all(Table::Wants, wallet.as_bytes())? {
            let key: PaymentKey = read_row(Table::Wants, &bytes)?;
            let mut row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            let sources = [Account::Purse(wallet, row.number), self.next_purse(wallet)?];
            for source in sources {
                let wanted = row.amount.saturating_sub(row.covered);
                let sum = self.free(source)?.min(wanted);
                self.post(source, Account::Suspense(key), sum)?;
                row.covered = row.covered.saturating_add(sum);
            }
            self.put(Table::Payments, &key.bytes(), &row);
            if row.covered == row.amount {
                self.delete(Table::Wants, &at);
                self.pay(key, &mut row, queue)?;
            }
        }
        Ok(())
    }

    fn pay(
        &mut self,
        key: PaymentKey,
        row: &mut PaymentRow,
        queue: &mut VecDeque<Work>,
    ) -> Decided<()> {
        let nobodys = mutant::is(Mutant::PaidUnclaimed)
            .then_some(CommitFacts { commit: row.entry, payee_checkpoint: None });
        let Some(commit) = row.commit.clone().filter(|_| row.is_claimed()).or(nobodys) else {
            return Ok(());
        };
        let named: Option<CheckpointRow> = match commit.payee_checkpoint {
            Some(hash) => self.find(Table::Checkpoints, hash.as_bytes())?,
            None => None,
        };
        let target = match named.filter(|named| named.signed.body.wallet == key.payee) {
            None => Account::Wallet(key.payee),
            Some(named) if named.pays() || mutant::is(Mutant::CreditedBeforeClose) => {
                self.next_purse(key.payee)?
            }
            Some(_) => {
                let at = waiting_key(row);
                self.put(Table::Waiting, &at, &key);
                return Ok(());
            }
        };
        self.post(Account::Suspense(key), target, row.amount)?;
        if mutant::is(Mutant::OfficeCreditsTwice) {
            self.post(Account::Suspense(key), target, row.amount)?;
        }
        self.decide(key, row.clone(), OutcomeKind::Paid)?;
        queue.push_back(Work::Wants(key.payee));
        Ok(())
    }

    /// VOID: what is in suspense goes back to the payer.
    pub(crate) fn release(&mut self, key: PaymentKey, row: PaymentRow) -> Decided<Signed<Outcome>> {
        let purse = self.next_purse(key.payer)?;
        self.post(Account::Suspense(key), purse, row.covered)?;
        self.decide(key, row, OutcomeKind::Void)
    }

    /// What the payee paid on, counting on a receipt that turned out worthless, has the same proof.
    fn blame_dependents(&mut self, payee: WalletId, row: &PaymentRow, proof: Hash) -> Decided<()> {
        let named = row.commit.as_ref().and_then(|commit| commit.payee_checkpoint);
        for (_, bytes) in self.all(Table::Wants, payee.as_bytes())? {
            let key: PaymentKey = read_row(Table::Wants, &bytes)?;
            let waiting: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            if Some(waiting.checkpoint) == named {
                self.blame(key, proof)?;
            }
        }
        Ok(())
    }

    /// Signs the one OUTCOME of a payment.
    pub(crate) fn decide(
        &mut self,
        key: PaymentKey,
        mut row: PaymentRow,
        kind: OutcomeKind,
    ) -> Decided<Signed<Outcome>> {
        let body = Outcome {
            tx: key.tx,
            entry: row.entry,
            checkpoint: row.checkpoint,
            seq: row.seq,
            amount: row.amount,
            currency: self.setup.currency,
            kind,
            signed_by: self.signer_number,
        };
        let outcome = self.signer.sign(self.trust.office(), body).into_signed();
        self.delete(Table::Wants, &want_key(&key, &row));
        self.delete(Table::Waiting, &waiting_key(&row));
        self.delete(Table::Open, &key.bytes());
        row.outcome = Some(outcome.clone());
        row.received = if kind == OutcomeKind::Paid { row.amount } else { 0 };
        self.put(Table::Payments, &key.bytes(), &row);
        self.keep(&Evidence::Decided(outcome.clone()))?;
        self.reconsider(key)?;
        self.decided.push(kind);
        if let OutcomeKind::Disputed(proof) = kind {
            self.blame_dependents(key.payee, &row, proof)?;
        }
        for wallet in [key.payer, key.payee] {
            let number = self.count("news")?;
            let at = key_of(&[wallet.as_bytes(), &number.to_be_bytes()]);
            self.put(Table::News, &at, &outcome);
        }
        Ok(outcome)
    }
}

/// True if an ABORT is about this payment's entry or request.
fn waives(abort: &Abort, row: &PaymentRow) -> bool {
    match abort.subject {
        AbortSubject::Agreed(hash) => hash == row.entry,
        AbortSubject::Request(hash) => hash == row.request,
    }
}

pub(crate) fn entry_key(checkpoint: &Hash, seq: u64, entry: Hash) -> Vec<u8> {
    key_of(&[checkpoint.as_bytes(), &seq.to_be_bytes(), entry.as_bytes()])
}

fn want_key(key: &PaymentKey, row: &PaymentRow) -> Vec<u8> {
    key_of(&[key.payer.as_bytes(), &row.arrival.to_be_bytes()])
}

fn waiting_key(row: &PaymentRow) -> Vec<u8> {
    let named = row.commit.as_ref().and_then(|commit| commit.payee_checkpoint);
    let named = named.unwrap_or(crate::office::NO_HASH);
    key_of(&[named.as_bytes(), &row.arrival.to_be_bytes()])
}
