//! One row of evidence after the other.

use std::collections::BTreeSet;

use onehop_crypto::verify;
use onehop_evidence::{contradiction, verify_abort, verify_claim};
use onehop_wire::evidence::Claim;
use onehop_wire::office::{EntryState, Outcome, OutcomeKind, ResolveRequest, Sync, Transfer};
use onehop_wire::{Abort, AbortSubject, Agreed, Commit, Hash, Signed, UnixSeconds, WalletId};

use super::model::{Fault, Model, Owner, Payment, Purse, ensure};
use crate::evidence::{Enrolled, Evidence, Issued};
use crate::operator::{COMMAND_SECONDS_MAX, Command, OperatorCommand};
use crate::refunds::first_of;
use crate::rows::{Account, PaymentKey};

impl Model<'_> {
    pub(super) fn replay(&mut self, row: u64, evidence: Evidence) -> Result<(), Fault> {
        self.row = row;
        let found = self.read(evidence);
        self.collect();
        found
    }

    fn read(&mut self, evidence: Evidence) -> Result<(), Fault> {
        match evidence {
            Evidence::OfficeKey(key) => Ok(self.trust.add_key(key)?),
            Evidence::NewRoot(root) => Ok(self.trust.add_root(root)?),
            Evidence::Enrolled(enrolled) => self.enrolled(*enrolled),
            Evidence::Operator(order) => self.ordered(order),
            Evidence::Synced(sync) => self.synced(*sync),
            Evidence::Issued(issued) => self.issued(*issued),
            Evidence::Claimed(claim) => self.claimed(&claim),
            Evidence::Resolved(request) => self.resolved(*request),
            Evidence::Lapsed { checkpoint, at } => {
                let late = at > self.purse(checkpoint)?.redeem_by;
                ensure(late, "a checkpoint lapsed before its claim window ended")?;
                self.purses.entry(checkpoint).and_modify(|purse| purse.lapsed = true);
                let wallet = self.purse(checkpoint)?.wallet;
                self.set_aside(wallet);
                Ok(())
            }
            Evidence::GivenBack { checkpoint, at } => {
                let purse = self.purse(checkpoint)?;
                let (wallet, old) = (purse.wallet, Account::Purse(purse.wallet, purse.number));
                let late = at >= purse.redeem_by.plus(self.setup.grace_seconds);
                let owner = self.owner(wallet)?;
                let is_newest = owner.newest == checkpoint;
                let is_left = !is_newest || owner.forked;
                ensure(late && is_left, "the rest of an open checkpoint was given back")?;
                let account = Account::Wallet(wallet);
                let target = if is_newest { account } else { self.coming(wallet) };
                self.shift(old, target, self.held(old));
                self.set_aside(wallet);
                Ok(())
            }
            Evidence::Decided(outcome) => self.decided(outcome),
        }
    }

    fn enrolled(&mut self, enrolled: Enrolled) -> Result<(), Fault> {
        let own_key = enrolled.enrol.body.key;
        let enrol = verify(self.trust.office(), &own_key, enrolled.enrol)?;
        let certificate = self.trust.certificate(enrolled.certificate)?;
        let checkpoint = self.trust.checkpoint(enrolled.checkpoint)?;
        let (wallet, key) = (certificate.body().wallet(), certificate.body().key);
        ensure(enrol.body().key == key, "a certificate is for another key than its enrolment")?;
        ensure(checkpoint.body().wallet == wallet, "a checkpoint is another wallet's")?;
        let in_force = certificate.body().limits == self.limits.limits;
        ensure(in_force, "a certificate has other limits than the office")?;
        ensure(checkpoint.body().balance == 0, "a first checkpoint is not empty")?;
        let number = checkpoint.body().number;
        let coming = self.coming(wallet);
        if self.owners.contains_key(&wallet) {
            // A restored wallet: what it received waits for the purse after the empty one.
            let after = Account::Purse(wallet, number.saturating_add(1));
            self.shift(coming, after, self.held(coming));
        }
        ensure(coming == Account::Purse(wallet, number), "a checkpoint's number is not the next")?;
        let redeem_by = checkpoint.body().expires.plus(u64::from(certificate.body().claim_window));
        let purse = Purse { wallet, number, redeem_by, closed: None, lapsed: false };
        self.purses.insert(checkpoint.hash(), purse);
        let owner = Owner {
            key,
            certificate: certificate.into_signed(),
            number,
            newest: checkpoint.hash(),
            forked: false,
            lost: false,
            charged: self.owners.get(&wallet).map(|owner| owner.charged).unwrap_or_default(),
            liable_until: self
                .owners
                .get(&wallet)
                .map_or(redeem_by, |owner| owner.liable_until.max(redeem_by)),
            transfer: None,
        };
        self.owners.insert(wallet, owner);
        Ok(())
    }

    fn ordered(&mut self, order: Signed<OperatorCommand>) -> Result<(), Fault> {
        let order = verify(self.trust.office(), &self.setup.operator, order)?;
        match &order.body().command {
            Command::Deposit { wallet, amount } => {
                self.owner(*wallet)?;
                self.shift(Account::Cash, Account::Wallet(*wallet), i128::from(*amount));
            }
            Command::Redeem { wallet, amount } => {
                self.owner(*wallet)?;
                self.shift(Account::Wallet(*wallet), Account::Cash, i128::from(*amount));
            }
            Command::ReportLost { wallet } => {
                self.owner(*wallet)?;
                self.owners.entry(*wallet).and_modify(|owner| owner.lost = true);
            }
            Command::Refund { from, to } => self.refunded(*from, *to, order.body().at)?,
            Command::Bond { wallet, amount } => {
                let sum = i128::from(*amount);
                self.shift(Account::Wallet(*wallet), Account::Bond(*wallet), sum);
            }
            Command::ReleaseBond { wallet, amount } => {
                self.ensure_free(*wallet, order.body().at)?;
                let sum = i128::from(*amount);
                self.shift(Account::Bond(*wallet), Account::Wallet(*wallet), sum);
            }
            Command::Revoke { .. }
            | Command::Settle
            | Command::Audit
            | Command::Wallets
            | Command::Wallet { .. }
            | Command::Export { .. }
            | Command::Debts
            | Command::Limits
            | Command::Exposure
            | Command::Statement { .. } => {}
            Command::SetLimits(set) => {
                let is_next = Some(set.number) == self.limits.number.checked_add(1);
                ensure(is_next, "a set of limits does not have the next number")?;
                self.limits = (**set).clone();
            }
        }
        Ok(())
    }

    /// Counts a charge against velocity and cumulative caps.
    fn charged(&mut self, wallet: WalletId, sum: u64, at: UnixSeconds) -> Result<(), Fault> {
        let (since, before, total) = self.owner(wallet)?.charged;
        let is_over = at >= since.plus(self.limits.charge_period);
        let (since, before) = if is_over { (at, 0) } else { (since, before) };
        let (reached, total) = (before.saturating_add(sum), total.saturating_add(sum));
        let kept = self.limits.charge_per_period.is_none_or(|most| reached <= most)
            && self.limits.charge_total.is_none_or(|most| total <= most);
        ensure(kept, "a wallet was charged beyond the office's limits")?;
        self.owners.entry(wallet).and_modify(|owner| owner.charged = (since, reached, total));
        Ok(())
    }

    /// Nothing that the wallet signed could be claimed in time any more at the time of an order.
    fn ensure_free(&self, wallet: WalletId, at: UnixSeconds) -> Result<(), Fault> {
        let end = self.owner(wallet)?.liable_until.plus(self.setup.grace_seconds);
        // An order's date may be off the office's clock by so much.
        let is_over = at.plus(COMMAND_SECONDS_MAX) >= end;
        let open = self.debts.iter().any(|(key, debt)| key.0 == wallet && debt.is_open());
        ensure(is_over && !open, "what secures a wallet's payments was given back too early")
    }

    fn refunded(&mut self, from: WalletId, to: WalletId, at: UnixSeconds) -> Result<(), Fault> {
        let (owner, account) = (self.owner(from)?, Account::Wallet(from));
        ensure(owner.lost, "a wallet was refunded that nobody reported lost")?;
        let purses = [Account::Purse(from, owner.number), self.coming(from), Account::Bond(from)];
        for source in purses {
            self.shift(source, account, self.held(source).max(0));
        }
        self.collect();
        self.ensure_free(from, at)?;
        self.owner(to)?;
        self.shift(account, Account::Wallet(to), self.held(account).max(0));
        Ok(())
    }

    fn synced(&mut self, sync: Signed<Sync>) -> Result<(), Fault> {
        let key = self.owner(sync.body.wallet)?.key;
        let sync = verify(self.trust.office(), &key, sync)?;
        let (hash, sync) = (sync.hash(), sync.into_signed().body);
        let (wallet, checkpoint) = (sync.wallet, sync.checkpoint);
        let newest = self.owner(wallet)?.newest == checkpoint;
        let is_closed = self.purse(checkpoint)?.closed.is_some();
        ensure(newest && !is_closed, "a closed checkpoint was closed again")?;
        self.ensure_refunds_synced(&sync)?;
        let closed = (Box::new(sync.clone()), hash);
        self.purses.entry(checkpoint).and_modify(|purse| purse.closed = Some(closed));
        let mut chain: BTreeSet<Hash> = BTreeSet::new();
        for abort in &sync.aborts {
            let abort = verify(self.trust.office(), &key, abort.clone())?;
            self.waived(abort.body());
        }
        for entry in &sync.entries {
            let agreed = verify(self.trust.office(), &key, entry.agreed.clone())?;
            chain.insert(agreed.hash());
            let about =
                PaymentKey { tx: agreed.body().tx, payer: wallet, payee: agreed.body().payee };
            self.register(about, agreed.body(), agreed.hash())?;
            self.stated(about, agreed.body(), agreed.hash(), &entry.state)?;
        }
        let forked = self.leave_out(&sync, hash, &chain);
        self.owners.entry(wallet).and_modify(|owner| {
            owner.forked |= forked;
            owner.transfer = Some(sync.transfer);
        });
        self.set_aside(wallet);
        Ok(())
    }

    /// Marks the entries that a closing chain leaves out; true if there are any.
    fn leave_out(&mut self, sync: &Sync, hash: Hash, chain: &BTreeSet<Hash>) -> bool {
        let known = self.entries.get(&sync.checkpoint).cloned().unwrap_or_default();
        let mut forked = false;
        for (agreed, entry) in known.iter().filter(|(_, entry)| !chain.contains(entry)) {
            for other in &sync.entries {
                let other = (&other.agreed.body, other.agreed.hash(self.trust.office()));
                self.convict(sync.wallet, (agreed, *entry), other);
            }
            self.convict_by_close(sync.wallet, (agreed, *entry), (sync, hash));
            let key = self.by_entry.get(entry);
            if let Some(payment) = key.and_then(|key| self.payments.get_mut(key)) {
                forked = true;
                payment.left_out = !payment.is_claimed();
            }
        }
        forked
    }

    fn stated(
        &mut self,
        about: PaymentKey,
        agreed: &Agreed,
        entry: Hash,
        state: &EntryState,
    ) -> Result<(), Fault> {
        match state {
            EntryState::InDoubt => {}
            EntryState::Voided(_) => self.asked_back(about, entry),
            EntryState::Committed(commit) => {
                let key = self.owner(about.payee)?.key;
                let commit = verify(self.trust.office(), &key, commit.clone())?;
                ensure(commit.body().agreed == entry, "a commit is for another entry")?;
                self.committed(about, commit.body(), true);
            }
            EntryState::Aborted(abort) => {
                let key = self.owner(about.payee)?.key;
                let abort =
                    verify_abort(&self.trust, &key, &about.payer, (agreed, entry), abort.clone())?;
                self.waived(abort.body());
                self.asked_back(about, entry);
            }
        }
        Ok(())
    }

    fn asked_back(&mut self, key: PaymentKey, entry: Hash) {
        let payment = self.payments.get_mut(&key);
        if let Some(payment) = payment.filter(|payment| payment.entry == entry) {
            payment.asked_back = true;
        }
        self.reconsider(key);
    }

    /// Notes an entry; one payment has one entry.
    fn register(&mut self, key: PaymentKey, agreed: &Agreed, entry: Hash) -> Result<(), Fault> {
        let purse = self.purse(agreed.checkpoint)?;
        ensure(purse.wallet == key.payer, "an entry is of another wallet's checkpoint")?;
        let mut payment = Payment {
            entry,
            checkpoint: agreed.checkpoint,
            number: purse.number,
            request: agreed.request,
            amount: agreed.amount,
            claimed: None,
            committed: false,
            aborted: false,
            asked_back: false,
            outcome: None,
            received: 0,
            debt: None,
            left_out: false,
        };
        if self.payments.contains_key(&key) {
            return Ok(());
        }
        payment.aborted = self.aborts.get(&key).is_some_and(|abort| waives(*abort, &payment));
        self.entries.entry(agreed.checkpoint).or_default().push((agreed.clone(), entry));
        self.by_entry.insert(entry, key);
        self.order.entry(key.payer).or_default().push(key);
        if let Some(of) = agreed.refund_of {
            self.refunds.entry(first_of(&key, of)).or_default().push(key);
        }
        self.payments.insert(key, payment);
        Ok(())
    }

    fn waived(&mut self, abort: &Abort) {
        let key = PaymentKey { tx: abort.tx, payer: abort.payer, payee: abort.payee };
        self.aborts.entry(key).or_insert(abort.subject);
        if let Some(payment) = self.payments.get_mut(&key) {
            payment.aborted |= waives(abort.subject, payment);
        }
        self.reconsider(key);
    }

    fn committed(&mut self, key: PaymentKey, commit: &Commit, waived: bool) {
        let payment = self.payments.get_mut(&key);
        if let Some(payment) = payment.filter(|payment| payment.entry == commit.agreed) {
            payment.claimed.get_or_insert(commit.payee_checkpoint);
            payment.committed |= waived;
        }
        self.reconsider(key);
    }

    fn claimed(&mut self, claim: &Claim) -> Result<(), Fault> {
        let payee = self.owner(claim.commit.body.payee)?.certificate.clone();
        let payee = self.trust.certificate(payee)?;
        let verified = verify_claim(&self.trust, claim, &payee)?;
        let (agreed, entry) = (verified.entry.agreed.body(), verified.entry.agreed.hash());
        let payer = verified.payer.checkpoint().body().wallet;
        let key = PaymentKey { tx: agreed.tx, payer, payee: agreed.payee };
        self.ensure_refund_claimed(key, agreed)?;
        if !self.by_entry.contains_key(&entry) {
            let closed = self.purse(agreed.checkpoint)?.closed.is_some();
            self.register(key, agreed, entry)?;
            self.mark_fork(payer, agreed, entry)?;
            if let Some(payment) = self.payments.get_mut(&key) {
                // What comes after the close is covered by nothing.
                payment.left_out |= closed;
            }
        }
        self.committed(key, verified.commit.body(), verified.committed.is_some());
        self.set_aside(payer);
        Ok(())
    }

    fn mark_fork(&mut self, payer: WalletId, agreed: &Agreed, entry: Hash) -> Result<(), Fault> {
        let others = self.entries.get(&agreed.checkpoint).cloned().unwrap_or_default();
        let mut clash = false;
        for (other, hash) in others {
            clash |= contradiction((&other, hash), (agreed, entry)).is_some();
            self.convict(payer, (&other, hash), (agreed, entry));
        }
        let closed = self.purse(agreed.checkpoint)?.closed.clone();
        if let Some((sync, hash)) = &closed {
            self.convict_by_close(payer, (agreed, entry), (sync, *hash));
        }
        let forked = clash || closed.is_some();
        self.owners.entry(payer).and_modify(|owner| owner.forked |= forked);
        Ok(())
    }

    fn resolved(&mut self, asked: ResolveRequest) -> Result<(), Fault> {
        let (payer, payee) = (asked.request.body.payer, asked.request.body.payee);
        let (payer_key, payee_key) = (self.owner(payer)?.key, self.owner(payee)?.key);
        let agreed = verify(self.trust.office(), &payer_key, asked.agreed)?;
        verify(self.trust.office(), &payer_key, asked.resolve)?;
        verify(self.trust.office(), &payee_key, asked.request)?;
        let key = PaymentKey { tx: agreed.body().tx, payer, payee };
        self.register(key, agreed.body(), agreed.hash())?;
        self.asked_back(key, agreed.hash());
        if let Some(abort) = asked.abort {
            let about = (agreed.body(), agreed.hash());
            let abort = verify_abort(&self.trust, &payee_key, &payer, about, abort)?;
            self.waived(abort.body());
        }
        self.set_aside(payer);
        Ok(())
    }

    fn decided(&mut self, outcome: Signed<Outcome>) -> Result<(), Fault> {
        let outcome = self.trust.outcome(outcome)?;
        let body = outcome.body();
        let key = *self.by_entry.get(&body.entry).ok_or(Fault::Unknown { what: "entry" })?;
        let coming = self.coming(key.payer);
        let suspense = Account::Suspense(key);
        let payment = self.payments.get(&key).ok_or(Fault::Unknown { what: "payment" })?;
        ensure(payment.outcome.is_none(), "a payment was decided twice")?;
        ensure(body.amount == payment.amount, "an outcome names another amount")?;
        match body.kind {
            OutcomeKind::Paid => {
                let sum = i128::from(payment.amount);
                ensure(payment.is_claimed(), "a payment was paid without a claim")?;
                ensure(self.purse(payment.checkpoint)?.pays(), "paid before the payer's close")?;
                ensure(self.held(suspense) == sum, "a payment was paid beyond its backing")?;
                let named = payment.claimed.flatten().and_then(|hash| self.purses.get(&hash));
                let target = match named.filter(|purse| purse.wallet == key.payee) {
                    None => Account::Wallet(key.payee),
                    Some(purse) => {
                        ensure(purse.pays(), "paid before the payee's close")?;
                        self.coming(key.payee)
                    }
                };
                self.shift(suspense, target, sum);
            }
            OutcomeKind::Void => {
                ensure(!payment.is_claimed(), "a claimed payment was voided")?;
                self.shift(suspense, coming, self.held(suspense));
            }
            OutcomeKind::Disputed(_) => {}
        }
        let is_paid = body.kind == OutcomeKind::Paid;
        self.payments.entry(key).and_modify(|payment| {
            payment.outcome = Some(body.kind);
            payment.received = if is_paid { i128::from(payment.amount) } else { 0 };
        });
        self.reconsider(key);
        self.set_aside(key.payee);
        self.set_aside(key.payer);
        Ok(())
    }

    fn issued(&mut self, issued: Issued) -> Result<(), Fault> {
        let certificate = self.trust.certificate(issued.certificate)?;
        let checkpoint = self.trust.checkpoint(issued.checkpoint)?;
        let body = checkpoint.body();
        let wallet = body.wallet;
        let next = self.coming(wallet);
        ensure(
            next == Account::Purse(wallet, body.number),
            "a checkpoint's number is not the next",
        )?;
        let in_force = certificate.body().limits == self.limits.limits;
        ensure(in_force, "a certificate has other limits than the office")?;
        let owner = self.owner(wallet)?;
        let (old, forked) = (Account::Purse(wallet, owner.number), owner.forked);
        let transfer = owner.transfer.filter(|_| issued.transferred);
        self.shift(old, next, self.held(old));
        self.collect_from_purse(wallet, next);
        let full = if forked { 0 } else { i128::from(self.limits.purse_max) };
        let over = self.held(next).saturating_sub(full).max(0);
        self.shift(next, Account::Wallet(wallet), over);
        self.collect();
        match transfer.unwrap_or(Transfer::None) {
            Transfer::None => {}
            Transfer::Charge(sum) => {
                self.charged(wallet, sum, body.issued)?;
                self.shift(Account::Wallet(wallet), next, i128::from(sum));
            }
            Transfer::Withdraw(sum) => self.shift(next, Account::Wallet(wallet), i128::from(sum)),
        }
        let redeem_by = body.expires.plus(u64::from(certificate.body().claim_window));
        let purse = Purse { wallet, number: body.number, redeem_by, closed: None, lapsed: false };
        let (hash, issued, expected) = (checkpoint.hash(), body.balance, self.held(next));
        let number = body.number;
        self.purses.insert(hash, purse);
        self.owners.entry(wallet).and_modify(|owner| {
            (owner.number, owner.newest) = (number, hash);
            owner.liable_until = owner.liable_until.max(redeem_by);
            owner.certificate = certificate.into_signed();
        });
        if i128::from(issued) == expected {
            return Ok(());
        }
        Err(Fault::Balance { issued, expected })
    }
}

fn waives(subject: AbortSubject, payment: &Payment) -> bool {
    match subject {
        AbortSubject::Agreed(hash) => hash == payment.entry,
        AbortSubject::Request(hash) => hash == payment.request,
    }
}
