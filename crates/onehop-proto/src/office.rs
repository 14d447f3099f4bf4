//! The wallet's side of what it asks the office: enrol, close and renew the purse, claim,
//! resolve (spec §9). The bytes travel over HTTP or as files; that is the shell's business.

use std::collections::BTreeMap;

use onehop_crypto::{SessionSecret, SigningKey};
use onehop_wire::limits::{CLAIMS_MAX, NAME_MAX, SYNC_ENTRIES_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{
    ClaimBundle, Class, Enrol, EnrolAnswer, EntryState, NewRoot, OfficeInfo, Outcome, OutcomeKind,
    Resolve, ResolveRequest, Sync, SyncAnswer, SyncEntry, Transfer, TransferResult, Verdict,
};
use onehop_wire::{
    Abort, AbortReason, Certificate, Checkpoint, Hash, List, Message, Nonce, Now, OfficeKey,
    Signed, Text, TxId, encode,
};
use rand_core::{CryptoRng, Rng as _};

use crate::event::{Event, NotPaid};
use crate::output::Output;
use crate::payment::{BuyerState, SellerState};
use crate::purse::Purse;
use crate::record::{LogRecord, Renewal};
use crate::refusal::Refusal;
use crate::state::State;
use crate::wallet::Wallet;

/// What a wallet is born with.
#[derive(Debug)]
pub struct Birth {
    record: LogRecord,
}

impl Birth {
    /// Makes the keys of a new wallet of `office`.
    ///
    /// # Errors
    /// [`Refusal::OfficeSignature`] if `office` is not signed by its own root key.
    pub fn new(rng: &mut impl CryptoRng, office: OfficeInfo) -> Result<Self, Refusal> {
        let signing_seed = *SigningKey::generate(rng).seed();
        Self::restored(rng, office, signing_seed)
    }

    /// Makes a wallet again of the signing key that a backup kept, with a fresh mail key: nothing
    /// else of the old state is known, and what the office answers to its ENROL is a higher epoch.
    ///
    /// # Errors
    /// [`Refusal::OfficeSignature`] if `office` is not signed by its own root key.
    pub fn restored(
        rng: &mut impl CryptoRng,
        office: OfficeInfo,
        signing_seed: [u8; 32],
    ) -> Result<Self, Refusal> {
        onehop_crypto::Trust::from_info(&office, None)?;
        let mail_secret = *SessionSecret::generate(rng).to_bytes();
        Ok(Self { record: LogRecord::Born { signing_seed, mail_secret, office } })
    }

    /// The first record of the wallet's log.
    #[must_use]
    pub fn into_record(self) -> LogRecord {
        self.record
    }
}

/// Evidence to file at the office.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claims {
    /// Bundles to post, each within the bounds of one request.
    pub bundles: Vec<ClaimBundle>,
}

/// True of the first purse of a new wallet, and of the first of an epoch of a restored one.
fn is_first(certificate: &Certificate, checkpoint: &Checkpoint) -> bool {
    let is_new = certificate.epoch == 1 && checkpoint.number == 1;
    let is_restored = certificate.epoch > 1 && checkpoint.number > 1;
    let base = (checkpoint.base_seq, checkpoint.base_head, checkpoint.base_cum_out);
    (is_new || is_restored)
        && checkpoint.epoch == certificate.epoch
        && checkpoint.balance == 0
        && base == (0, Hash([0; 32]), 0)
}

impl Wallet {
    /// Signs ENROL, or gives the one signed before. A wallet restored from a backup asks for the
    /// name and class of its certificate, whatever is given.
    ///
    /// # Errors
    /// [`Refusal::Enrolled`] if the wallet has a certificate and was not restored.
    pub fn enrol(&mut self, name: Text<NAME_MAX>, class: Class) -> Result<Signed<Enrol>, Refusal> {
        let (name, class) = match self.state().certificate.as_ref().map(|it| &it.body) {
            None => (name, class),
            // A restored wallet is certified as before.
            Some(certificate) if self.state().is_restored() => {
                (certificate.name.clone(), certificate.class)
            }
            Some(_) => return Err(Refusal::Enrolled),
        };
        // Keys that were never certified may take another name.
        if let Some(enrol) = &self.state().enrol
            && enrol.body.name == name
            && enrol.body.class == class
        {
            return Ok(enrol.clone());
        }
        let office = *self.trust().office();
        let body = Enrol { key: self.signer().public(), mail_key: self.mail_key(), name, class };
        let enrol = self.signer().sign(&office, body).into_signed();
        self.record(vec![LogRecord::EnrolSigned(enrol.clone())], true);
        Ok(enrol)
    }

    /// Takes the office's answer to ENROL.
    ///
    /// # Errors
    /// [`Refusal`] if it is not of this office or does not fit what was asked; nothing changes.
    pub fn enrolled(&mut self, answer: EnrolAnswer) -> Result<(), Refusal> {
        let before = self.state().certificate.as_ref().map(|certificate| certificate.body.epoch);
        if before.is_some() && !self.state().is_restored() {
            return Err(Refusal::Enrolled);
        }
        let mut trust = self.trust().clone();
        for root in &answer.new_roots {
            trust.add_root(root.clone())?;
        }
        trust.add_key(answer.office_key.clone())?;
        let certificate = trust.certificate(answer.certificate.clone())?;
        let checkpoint = trust.checkpoint(answer.checkpoint.clone())?;
        let enrol = self.state().enrol.as_ref().ok_or(Refusal::NotEnrolled)?;
        let (asked, given) = (&enrol.body, certificate.body());
        let same = given.key == asked.key
            && given.mail_key == asked.mail_key
            && given.name == asked.name
            && checkpoint.body().wallet == given.wallet()
            && checkpoint.body().currency == given.currency;
        let is_newer = before.is_none_or(|epoch| given.epoch > epoch);
        if !same || !is_newer || !is_first(given, checkpoint.body()) {
            return Err(Refusal::OfficeAnswer { what: "certificate" });
        }
        self.record(vec![LogRecord::Enrolled(Box::new(answer))], true);
        Ok(())
    }

    /// Closes the purse and gives the SYNC to send; the one sent before, if one is unanswered.
    ///
    /// From then on nothing is signed under that purse. Requests that no buyer has answered are
    /// aborted first.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`] or [`Refusal::Frozen`].
    pub fn close(&mut self, now: Now, transfer: Transfer) -> Result<Signed<Sync>, Refusal> {
        if self.state().frozen {
            return Err(Refusal::Frozen);
        }
        let purse = self.state().purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        if let Some(sync) = &purse.closed {
            return Ok((**sync).clone());
        }
        self.forget_all_asked();
        let mut records = self.abort_all_invited();
        let aborts = aborts_in(&records);
        let sync = self.sync_body(transfer, &aborts)?;
        let office = *self.trust().office();
        let sync = self.signer().sign(&office, sync).into_signed();
        records.push(LogRecord::Closed(Box::new(sync.clone())));
        self.record(records, !mutant::is(Mutant::SyncNotForced));
        // Said only now: an ABORT may leave once it is durable, and not before.
        for abort in aborts {
            let tx = abort.body.tx;
            self.say_later(now, &tx, Message::Abort(abort));
        }
        Ok(sync)
    }

    fn sync_body(&self, transfer: Transfer, aborts: &[Signed<Abort>]) -> Result<Sync, Refusal> {
        let state = self.state();
        let purse = state.purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        let mut entries = state.sync_entries(purse);
        entries.sort_by_key(|entry| entry.agreed.body.seq);
        let aborts = aborts.iter().take(SYNC_ENTRIES_MAX).cloned().collect();
        Ok(Sync {
            wallet: purse.checkpoint.body.wallet,
            checkpoint: purse.hash,
            seq: purse.seq,
            head: purse.head,
            cum_out: purse.cum_out,
            entries: List::new(entries).map_err(|_| Refusal::PurseFull)?,
            aborts: List::new(aborts).map_err(|_| Refusal::PurseFull)?,
            transfer,
        })
    }

    /// Takes the office's answer to SYNC; gives what became of the transfer.
    ///
    /// # Errors
    /// [`Refusal`] if it is not of this office, or repeats other totals than this wallet's log;
    /// nothing changes then, and the wallet keeps waiting.
    pub fn renewed(&mut self, answer: SyncAnswer) -> Result<TransferResult, Refusal> {
        let records = self.renewal_records(&answer)?;
        let news = self.news_of(&records);
        self.record(records, true);
        for event in news {
            self.tell(event);
        }
        Ok(answer.transfer)
    }

    fn renewal_records(&self, answer: &SyncAnswer) -> Result<Vec<LogRecord>, Refusal> {
        let purse = self.state().purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        let sync = purse.closed.as_ref().ok_or(Refusal::OfficeAnswer { what: "no sync" })?;
        let mut trust = self.trust().clone();
        for root in &answer.new_roots {
            trust.add_root(root.clone())?;
        }
        for key in &answer.office_keys {
            trust.add_key(key.clone())?;
        }
        if answer.sync != sync.hash(trust.office()) {
            return Err(Refusal::OfficeAnswer { what: "sync" });
        }
        let certificate = trust.certificate(answer.certificate.clone())?;
        let checkpoint = trust.checkpoint(answer.checkpoint.clone())?;
        trust.revocations(answer.revocations.clone())?;
        for delta in &answer.deltas {
            trust.delta(delta.clone())?;
        }
        if certificate.body().key != self.signer().public() {
            return Err(Refusal::OfficeAnswer { what: "certificate" });
        }
        let goes_on = continues(purse, checkpoint.body(), certificate.body().epoch);
        if !goes_on && !mutant::is(Mutant::RenewalUnchecked) {
            return Err(Refusal::OfficeAnswer { what: "checkpoint" });
        }
        for outcome in &answer.outcomes {
            trust.outcome(outcome.clone())?;
        }
        let mut records = self.state().settle_all(&answer.outcomes);
        let known = self.trust().new_roots();
        let is_new_root = |root: &&Signed<NewRoot>| !known.contains(root);
        let is_new = |key: &&Signed<OfficeKey>| self.trust().key(key.body.number).is_none();
        records.push(LogRecord::Renewed(Box::new(Renewal {
            new_roots: answer.new_roots.iter().filter(is_new_root).cloned().collect(),
            office_keys: answer.office_keys.iter().filter(is_new).cloned().collect(),
            certificate: answer.certificate.clone(),
            checkpoint: answer.checkpoint.clone(),
            revocations: answer.revocations.clone(),
            deltas: answer.deltas.to_vec(),
        })));
        Ok(records)
    }

    /// Evidence of payments received that the office has not settled, oldest id first.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let received = self.state().seller.values().filter_map(|payment| match &payment.state {
            SellerState::Committed { claim, .. } | SellerState::Done { claim, .. } => {
                Some((**claim).clone())
            }
            SellerState::Invited
            | SellerState::Redeemed { .. }
            | SellerState::Lost { .. }
            | SellerState::Aborted(_) => None,
        });
        // The office judges a refund by the payment that it is of: that comes first.
        let mut all = self.state().first_claims();
        all.extend(received);
        let bundles = all
            .chunks(CLAIMS_MAX)
            .filter_map(|chunk| List::new(chunk.to_vec()).ok())
            .map(|claims| ClaimBundle { claims })
            .collect();
        Claims { bundles }
    }

    /// Asks the office to decide a payment in doubt.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] unless this wallet is its buyer and knows no final answer.
    pub fn resolve(&mut self, tx: &TxId) -> Result<ResolveRequest, Refusal> {
        let wrong = Refusal::WrongState { tx: *tx };
        let Some(payment) = self.state().buyer.get(tx).cloned() else {
            return Err(wrong);
        };
        let (vote, abort) = match &payment.state {
            BuyerState::Prepared(vote) => (vote, None),
            BuyerState::Aborted { vote, abort, .. } => (vote, Some(abort.clone())),
            BuyerState::Refused(_)
            | BuyerState::Committed { .. }
            | BuyerState::Settled { .. }
            | BuyerState::Voided { .. } => return Err(wrong),
        };
        let mut nonce = Nonce([0; 16]);
        self.rng().fill_bytes(&mut nonce.0);
        let office = *self.trust().office();
        let body = Resolve {
            tx: *tx,
            payer: payment.request.body.payer,
            agreed: vote.agreed.hash(&office),
            nonce,
        };
        Ok(ResolveRequest {
            resolve: self.signer().sign(&office, body).into_signed(),
            request: payment.request.clone(),
            agreed: vote.agreed.clone(),
            abort,
        })
    }

    /// Takes what the office says about one payment. A repeated or unknown one changes nothing.
    ///
    /// # Errors
    /// [`Refusal::OfficeSignature`] if it is not of this office; nothing changes.
    pub fn verdict(&mut self, verdict: &Verdict) -> Result<(), Refusal> {
        match verdict {
            Verdict::Outcome(outcome) => {
                self.trust().outcome(outcome.clone())?;
                let records: Vec<_> = self.state().settle(outcome).into_iter().collect();
                let news = self.news_of(&records);
                if !records.is_empty() {
                    self.record(records, true);
                }
                for event in news {
                    self.tell(event);
                }
                Ok(())
            }
            Verdict::Pending(pending) => {
                self.trust().pending(pending.clone())?;
                Ok(())
            }
            Verdict::Refused(_) => Ok(()),
        }
    }

    fn news_of(&self, records: &[LogRecord]) -> Vec<Event> {
        records
            .iter()
            .filter_map(|record| {
                if let LogRecord::Lost(outcome) = record {
                    return Some(Event::Reversed { tx: outcome.body.tx });
                }
                let LogRecord::BuyerSettled(outcome) = record else {
                    return None;
                };
                let tx = outcome.body.tx;
                Some(match outcome.body.kind {
                    OutcomeKind::Void => Event::NotPaid { tx, why: NotPaid::Voided },
                    OutcomeKind::Paid | OutcomeKind::Disputed(_) => Event::Paid { tx },
                })
            })
            .collect()
    }

    fn tell(&mut self, event: Event) {
        self.outbox().push(Output::Notify(event));
    }

    /// The aborts of all requests without a vote, for one batch with what follows.
    fn abort_all_invited(&self) -> Vec<LogRecord> {
        let open: Vec<TxId> = self
            .state()
            .seller
            .iter()
            .filter(|(_, payment)| payment.state == SellerState::Invited)
            .map(|(tx, _)| *tx)
            .collect();
        let mut records = Vec::new();
        for tx in open {
            if let Some((abort, request)) = self.sign_abort_of(&tx, AbortReason::Cancelled) {
                records.push(LogRecord::SellerAborted { abort, request });
            }
        }
        records
    }
}

impl State {
    fn sync_entries(&self, purse: &Purse) -> Vec<SyncEntry> {
        self.buyer
            .values()
            .filter_map(|payment| {
                let vote = payment.state.vote()?;
                (vote.agreed.body.checkpoint == purse.hash).then(|| SyncEntry {
                    agreed: vote.agreed.clone(),
                    state: entry_state(&payment.state),
                })
            })
            .collect()
    }

    /// The records of several final answers. Only the first about a payment settles it; another
    /// one that contradicts it is kept as evidence, once.
    fn settle_all(&self, outcomes: &[Signed<Outcome>]) -> Vec<LogRecord> {
        let mut settled: BTreeMap<TxId, Option<&Outcome>> = BTreeMap::new();
        let mut records = Vec::new();
        for outcome in outcomes {
            let (tx, body) = (outcome.body.tx, &outcome.body);
            match settled.get(&tx).copied() {
                None => {
                    if let Some(record) = self.settle(outcome) {
                        settled.insert(tx, Some(body));
                        records.push(record);
                    }
                }
                Some(Some(first)) if first.entry == body.entry && first.kind != body.kind => {
                    settled.insert(tx, None);
                    records.extend(self.against(outcome, true));
                }
                Some(_) => {}
            }
        }
        records
    }

    /// The record of a final answer, if it is news to this wallet. One that contradicts another,
    /// or what the seller waived, is kept as evidence.
    fn settle(&self, outcome: &Signed<Outcome>) -> Option<LogRecord> {
        let (tx, body) = (&outcome.body.tx, &outcome.body);
        let void = body.kind == OutcomeKind::Void;
        if let Some(payment) = self.seller.get(tx) {
            if payment.state.claim().is_some_and(|claim| claim.commit.body.agreed != body.entry) {
                return None;
            }
            return match &payment.state {
                SellerState::Invited => None,
                SellerState::Committed { .. } | SellerState::Done { .. } => match body.kind {
                    OutcomeKind::Paid => Some(LogRecord::Redeemed(outcome.clone())),
                    OutcomeKind::Void | OutcomeKind::Disputed(_) => {
                        Some(LogRecord::Lost(outcome.clone()))
                    }
                },
                SellerState::Redeemed { outcome: held, .. }
                | SellerState::Lost { outcome: held, .. } => {
                    self.against(outcome, held.body.kind != body.kind)
                }
                SellerState::Aborted(_) => self.against(outcome, !void),
            };
        }
        let payment = self.buyer.get(tx)?;
        if payment.state.vote()?.agreed.hash(self.office()?) != body.entry {
            return None;
        }
        let settled = Some(LogRecord::BuyerSettled(outcome.clone()));
        match &payment.state {
            BuyerState::Prepared(_) => settled,
            BuyerState::Aborted { .. } if void => {
                settled.filter(|_| self.returning.get(tx).is_some_and(|back| !back.decided))
            }
            BuyerState::Aborted { .. } => self.against(outcome, true),
            BuyerState::Settled { outcome: held, .. }
            | BuyerState::Voided { outcome: held, .. } => {
                self.against(outcome, held.body.kind != body.kind)
            }
            BuyerState::Refused(_) | BuyerState::Committed { .. } => None,
        }
    }

    /// An OUTCOME kept as evidence, if it contradicts what is held.
    fn against(&self, outcome: &Signed<Outcome>, contradicts: bool) -> Option<LogRecord> {
        let step = self.keep_evidence(outcome.body.tx, encode(outcome), true);
        step.records.into_iter().next().filter(|_| contradicts)
    }
}

/// That `next` goes on exactly where `purse` ended.
fn continues(purse: &Purse, next: &Checkpoint, epoch: u32) -> bool {
    let last = &purse.checkpoint.body;
    next.wallet == last.wallet
        && next.epoch == epoch
        && next.epoch >= last.epoch
        && Some(next.number) == last.number.checked_add(1)
        && next.currency == last.currency
        && next.base_seq == purse.seq
        && next.base_head == purse.head
        && next.base_cum_out == purse.cum_out
}

fn aborts_in(records: &[LogRecord]) -> Vec<Signed<Abort>> {
    let of = |record: &LogRecord| {
        if let LogRecord::SellerAborted { abort, .. } = record { Some(abort.clone()) } else { None }
    };
    records.iter().filter_map(of).collect()
}

fn entry_state(state: &BuyerState) -> EntryState {
    match state {
        BuyerState::Committed { commit, .. } => EntryState::Committed(commit.clone()),
        BuyerState::Aborted { abort, .. } => EntryState::Aborted(abort.clone()),
        BuyerState::Voided { outcome, .. } => EntryState::Voided(outcome.clone()),
        BuyerState::Refused(_) | BuyerState::Prepared(_) | BuyerState::Settled { .. } => {
            EntryState::InDoubt
        }
    }
}
