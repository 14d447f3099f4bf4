//! The spine: routes inputs to decisions, records what they decide, and speaks.

use std::collections::BTreeMap;

use onehop_crypto::{SessionSecret, SigningKey, Trust};
use onehop_wire::limits::{OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Abort, AbortReason, CommitRequest, Message, Nonce, Now, RefusedReason, RejectCode, SessionKey,
    Signed, TxId, decode, encode,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use zeroize::Zeroizing;

use crate::config::{Config, NUMBER_BLOCK};
use crate::event::{Event, Fault, NotPaid, Terms};
use crate::outbox::Outbox;
use crate::output::{Output, PeerId};
use crate::payment::{BuyerState, SellerState};
use crate::purse::Balance;
use crate::record::LogRecord;
use crate::refusal::{RecoverError, Refusal};
use crate::seller::{calendar, sign_abort};
use crate::session::Peer;
use crate::state::{Secrets, State};
use crate::step::{Asked, Context, Step};

/// A wallet: its durable state, its sessions, and what it has to say.
///
/// See the crate's contract. A clone is a fork of the wallet and exists for simulations only.
#[derive(Debug)]
pub struct Wallet {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) signer: SigningKey,
    pub(crate) mail: SessionSecret,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) outbox: Outbox,
    pub(crate) peers: BTreeMap<PeerId, Peer>,
    pub(crate) asked: BTreeMap<TxId, Asked>,
    /// When the vote for a request is due, on the monotonic clock.
    pub(crate) votes: BTreeMap<TxId, u64>,
    /// When a payment in doubt is asked about again, and after what pause, within a session.
    pub(crate) probes: BTreeMap<TxId, (u64, u64)>,
    /// The LOOKUP being broadcast, while selling.
    pub(crate) shop: Option<Vec<u8>>,
    /// Until when buyer mode is open, on the monotonic clock.
    pub(crate) buying_until: Option<u64>,
    pub(crate) compacted_lsn: u64,
}

impl Wallet {
    /// Rebuilds a wallet from its log: the newest snapshot, if any, and all records after it.
    ///
    /// Requests that no buyer had answered are aborted; those records and words are the first
    /// outputs. `seed` must be fresh randomness of each start.
    ///
    /// # Errors
    /// [`RecoverError`]: halt and sign nothing; the log was not changed.
    pub fn recover(
        config: Config,
        seed: [u8; 32],
        snapshot: Option<(u64, &[u8])>,
        records: impl IntoIterator<Item = (u64, Vec<u8>)>,
    ) -> Result<Self, RecoverError> {
        let (mut last, mut state) = match snapshot {
            None => (0, State::default()),
            Some((lsn, bytes)) => {
                (lsn, decode(bytes, SNAPSHOT_MAX).map_err(RecoverError::Snapshot)?)
            }
        };
        let compacted_lsn = last;
        for (lsn, bytes) in records {
            if Some(lsn) != last.checked_add(1) {
                return Err(RecoverError::Gap { previous: last, found: lsn });
            }
            // The first record holds the keys.
            let bytes = Zeroizing::new(bytes);
            let mut record: LogRecord = decode(&bytes, RECORD_MAX)
                .map_err(|source| RecoverError::Record { lsn, source })?;
            state.apply(&record).map_err(|_| RecoverError::Misfit { lsn })?;
            record.wipe();
            last = lsn;
        }
        let nobody = Secrets { signing_seed: [0; 32], mail_secret: [0; 32] };
        let nobody = mutant::is(Mutant::EmptyStoreStarts).then_some(&nobody);
        let secrets = state.secrets.as_ref().or(nobody).ok_or(RecoverError::Empty)?;
        let mut wallet = Self {
            signer: SigningKey::from_seed(&secrets.signing_seed),
            mail: SessionSecret::from_bytes(secrets.mail_secret),
            rng: ChaCha20Rng::from_seed(seed),
            outbox: Outbox::new(last),
            config,
            state,
            peers: BTreeMap::new(),
            asked: BTreeMap::new(),
            votes: BTreeMap::new(),
            probes: BTreeMap::new(),
            shop: None,
            buying_until: None,
            compacted_lsn,
        };
        wallet.settle_after_restart();
        Ok(wallet)
    }

    fn settle_after_restart(&mut self) {
        if self.state.frozen {
            return;
        }
        let invited: Vec<TxId> = self
            .state
            .seller
            .iter()
            .filter(|(_, payment)| payment.state == SellerState::Invited)
            .map(|(tx, _)| *tx)
            .collect();
        let mut records = Vec::new();
        for tx in invited {
            if let Some((abort, request)) = self.sign_abort_of(&tx, AbortReason::Restarted) {
                records.push(LogRecord::SellerAborted { abort, request });
            }
        }
        if self.state.number > 0 && !mutant::is(Mutant::RequestNumbersRepeat) {
            // Requests after the last forced record may be lost; their numbers are not used again.
            records.push(LogRecord::NumbersFrom(self.state.number.saturating_add(NUMBER_BLOCK)));
        }
        if !records.is_empty() {
            self.record(records, true);
        }
    }

    // Commands: each may be refused, and then nothing is sent or changed.

    /// Begins to sell: gives the LOOKUP to broadcast, fresh each time.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`] or [`Refusal::Frozen`].
    pub fn open_shop(&mut self) -> Result<Vec<u8>, Refusal> {
        self.may_meet()?;
        if self.state.number == 0 {
            // A restart has to know that there may have been requests before it.
            self.record(vec![LogRecord::NumbersFrom(1)], true);
        }
        let mut tag = [0u8; 8];
        self.rng.fill_bytes(&mut tag);
        let lookup = encode(&onehop_wire::Lookup { version: onehop_wire::limits::VERSION, tag });
        self.shop = Some(lookup.clone());
        Ok(lookup)
    }

    /// That this wallet may say who it is.
    fn may_meet(&self) -> Result<(), Refusal> {
        if self.state.certificate.is_none() {
            return Err(Refusal::NotEnrolled);
        }
        if self.state.frozen && !mutant::is(Mutant::FrozenMeets) {
            return Err(Refusal::Frozen);
        }
        Ok(())
    }

    /// Stops selling: no new handshakes are answered. Open sessions go on.
    pub fn close_shop(&mut self) {
        self.shop = None;
    }

    /// Opens buyer mode for `for_ms` milliseconds.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`] or [`Refusal::Frozen`].
    pub fn open_buyer_mode(&mut self, now: Now, for_ms: u64) -> Result<(), Refusal> {
        self.may_meet()?;
        self.buying_until = Some(now.mono_ms.saturating_add(for_ms));
        Ok(())
    }

    /// Closes buyer mode: unfinished handshakes and unanswered questions end.
    pub fn close_buyer_mode(&mut self) {
        self.buying_until = None;
        self.forget_all_asked();
        self.drop_unfinished_as_buyer();
    }

    /// Asks the buyer on `peer` for money; gives the new payment's id.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn request(&mut self, now: Now, peer: PeerId, terms: &Terms) -> Result<TxId, Refusal> {
        let mut nonce = Nonce([0; 16]);
        if !mutant::is(Mutant::TxRetried) {
            self.rng.fill_bytes(&mut nonce.0);
        }
        let context = self.context(now, peer).ok_or(Refusal::NoSession)?;
        let step = self.state.invite(&context, terms, nonce)?;
        let invited = step.records.iter().find_map(|record| {
            if let LogRecord::Invited { request, .. } = record {
                Some(request.body.tx_id())
            } else {
                None
            }
        });
        let tx = invited.ok_or(Refusal::NoSession)?;
        let due = now.mono_ms.saturating_add(u64::from(self.config.vote_ms));
        self.carry_out(now, peer, step);
        self.votes.insert(tx, due);
        Ok(tx)
    }

    /// Cancels a request that no vote has answered.
    ///
    /// # Errors
    /// [`Refusal::WrongState`].
    pub fn cancel(&mut self, now: Now, tx: &TxId) -> Result<(), Refusal> {
        self.abort_invited(now, tx, AbortReason::Cancelled)
    }

    /// Says yes to a question: the money is held, then AGREED is sent.
    ///
    /// # Errors
    /// [`Refusal`]; the question is then answered with REFUSED.
    pub fn confirm(&mut self, now: Now, tx: &TxId) -> Result<(), Refusal> {
        let wrong = Refusal::WrongState { tx: *tx };
        if self.asked.get(tx).is_some_and(|asked| asked.until_ms <= now.mono_ms) {
            self.refuse(now, tx)?;
            return Err(wrong);
        }
        let asked = self.asked.remove(tx).ok_or(wrong)?;
        let peer = asked.peer;
        let context = self.context(now, peer).ok_or(Refusal::NoSession)?;
        match self.state.agree(&context, &asked) {
            Ok(step) => {
                self.carry_out(now, peer, step);
                let pause = self.config.resend_first_ms.saturating_mul(8);
                self.probes.insert(*tx, (now.mono_ms.saturating_add(pause), pause));
                Ok(())
            }
            Err(refusal) => {
                let reason = self.state.reason(&refusal);
                let step = self.state.refuse(&context, asked.request, reason);
                self.carry_out(now, peer, step);
                Err(refusal)
            }
        }
    }

    /// Says no to a question.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] if there is no such question.
    pub fn refuse(&mut self, now: Now, tx: &TxId) -> Result<(), Refusal> {
        let asked = self.asked.remove(tx).ok_or(Refusal::WrongState { tx: *tx })?;
        let peer = asked.peer;
        let context = self.context(now, peer).ok_or(Refusal::NoSession)?;
        let step = self.state.refuse(&context, asked.request, RefusedReason::Declined);
        self.carry_out(now, peer, step);
        Ok(())
    }

    /// The wallet may not sign until the office renews its epoch: after a restore.
    ///
    /// It leaves all sessions and meets nobody.
    pub fn freeze(&mut self) {
        self.record(vec![LogRecord::Frozen], true);
        self.close_shop();
        self.close_buyer_mode();
        self.votes.clear();
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.hang_up(peer);
        }
    }

    /// Says again, on an open session, what an aborted or committed payment owes its buyer.
    pub(crate) fn say_later(&mut self, now: Now, tx: &TxId, message: Message) {
        if let Some(peer) = self.peer_of_buyer(tx) {
            self.say(now, peer, &message);
        }
    }

    fn peer_of_buyer(&self, tx: &TxId) -> Option<PeerId> {
        let payer = self.state.seller.get(tx)?.request.body.payer;
        self.peers
            .iter()
            .find(|(_, peer)| peer.open().is_some_and(|open| open.wallet() == payer))
            .map(|(id, _)| *id)
    }

    pub(crate) fn abort_invited(
        &mut self,
        now: Now,
        tx: &TxId,
        reason: AbortReason,
    ) -> Result<(), Refusal> {
        self.votes.remove(tx);
        let wrong = Refusal::WrongState { tx: *tx };
        let invited = self.state.seller.get(tx).is_some_and(|p| p.state == SellerState::Invited);
        let open = invited && !self.state.frozen;
        let signed = if open { self.sign_abort_of(tx, reason) } else { None };
        let (abort, request) = signed.ok_or(wrong)?;
        let forced = !mutant::is(Mutant::AbortNotForced);
        self.record(vec![LogRecord::SellerAborted { abort: abort.clone(), request }], forced);
        self.say_later(now, tx, Message::Abort(abort));
        self.outbox.push(Output::Notify(Event::NotPaid { tx: *tx, why: NotPaid::Aborted(reason) }));
        Ok(())
    }

    /// The waiver of a request that has no vote, signed but not recorded.
    pub(crate) fn sign_abort_of(
        &self,
        tx: &TxId,
        reason: AbortReason,
    ) -> Option<(Signed<Abort>, Signed<CommitRequest>)> {
        let payment = self.state.seller.get(tx)?;
        let office = *self.trust().office();
        let request = payment.request.clone();
        Some((sign_abort(&self.signer, &office, &request, None, reason), request))
    }

    // Carrying decisions out: the only way state changes and words leave.

    /// Applies `records` and queues them; nothing queued later leaves before a forced batch is
    /// durable.
    pub(crate) fn record(&mut self, records: Vec<LogRecord>, forced: bool) {
        for record in &records {
            let applied = self.state.apply(record);
            assert!(applied.is_ok(), "a decision made a record that its own state refuses");
        }
        self.outbox.persist(records, forced);
    }

    pub(crate) fn carry_out(&mut self, now: Now, peer: PeerId, step: Step) {
        let Step { records, forced, say, events, fault, ask, forget } = step;
        let is_paid = |record: &LogRecord| {
            matches!(record, LogRecord::BuyerCommitted { .. } | LogRecord::Done { .. })
        };
        let paid = records.iter().any(is_paid);
        if !records.is_empty() {
            for record in &records {
                self.forget_timers(record);
            }
            self.record(records, forced);
        }
        for message in &say {
            self.say(now, peer, message);
        }
        for event in events {
            self.outbox.push(Output::Notify(event));
        }
        if let Some((tx, why)) = forget
            && self.asked.remove(&tx).is_some()
        {
            self.outbox.push(Output::Notify(Event::AskedNoMore { tx, why }));
        }
        if let Some((request, order)) = ask {
            self.ask(now, peer, request, order);
        }
        if let Some(fault) = fault {
            self.outbox.push(Output::Notify(Event::PeerFault { peer, fault }));
        }
        if paid {
            // Behind everything that the payment needs.
            self.tell_news(now, peer);
        }
    }

    /// Timers of a payment end with its decision.
    fn forget_timers(&mut self, record: &LogRecord) {
        if let LogRecord::SellerCommitted { tx, .. } = record {
            self.votes.remove(tx);
        }
        if let LogRecord::SellerAborted { abort, .. } = record {
            self.votes.remove(&abort.body.tx);
        }
        if let LogRecord::BuyerAborted { abort, .. } = record {
            self.probes.remove(&abort.body.tx);
        }
        if let LogRecord::BuyerCommitted { commit, .. } = record {
            self.probes.remove(&commit.body.tx);
        }
    }

    fn ask(
        &mut self,
        now: Now,
        peer: PeerId,
        request: Signed<CommitRequest>,
        order: onehop_wire::Text<{ onehop_wire::limits::ORDER_TEXT_MAX }>,
    ) {
        let Some(open) = self.peers.get(&peer).and_then(Peer::open) else {
            return;
        };
        let tx = request.body.tx_id();
        let payee = open.certificate.signed().clone();
        let in_doubt_with_payee = self.state.buyer.values().any(|payment| {
            payment.request.body.payee == request.body.payee
                && matches!(payment.state, BuyerState::Prepared(_))
        });
        let first = request.body.refund_of.as_ref();
        let first = first.and_then(|of| self.state.received_from(of, &request.body.payee));
        let first = first.map(|minor| onehop_wire::Money::new(minor, request.body.currency));
        let event = Event::Asked {
            tx,
            peer,
            payee: payee.body.name.to_string(),
            terms: Terms {
                amount: request.body.money(),
                order_id: request.body.order_id.clone(),
                order: order.to_string(),
                refund_of: request.body.refund_of,
            },
            short_code: open.session.short_code(),
            in_doubt_with_payee,
            first,
        };
        let until_ms = now.mono_ms.saturating_add(u64::from(request.body.vote_ms));
        self.asked.insert(tx, Asked { peer, request, order, payee, until_ms });
        self.outbox.push(Output::Notify(event));
    }

    pub(crate) fn forget_all_asked(&mut self) {
        self.asked.clear();
    }

    /// What a decision may look at in the session with `peer`.
    pub(crate) fn context(&self, now: Now, peer: PeerId) -> Option<Context<'_>> {
        let open = self.peers.get(&peer)?.open()?;
        Some(Context {
            config: &self.config,
            trust: self.state.trust.as_ref()?,
            signer: &self.signer,
            me: self.state.wallet()?,
            today: calendar(now.unix, self.state.newest_issued),
            certificate: &open.certificate,
            payer: open.payer.as_ref(),
            nonce: open.session.nonce(),
        })
    }

    /// Refuses a peer and ends its channel.
    pub(crate) fn reject(&mut self, peer: PeerId, code: RejectCode, fault: Fault) {
        let bytes = encode(&onehop_wire::Packet::Reject(code));
        self.outbox.push(Output::Transmit { peer, bytes, name: "REJECT" });
        self.outbox.push(Output::Notify(Event::PeerFault { peer, fault }));
        self.hang_up(peer);
    }

    // Outputs and their answers.

    /// What to do next; see the crate's contract.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.poll()
    }

    /// The forced batch that ends with record `lsn` is durable.
    pub fn persisted(&mut self, lsn: u64) {
        self.outbox.persisted(lsn);
    }

    // Getters.

    /// The durable state.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The office as this wallet knows it.
    ///
    /// # Panics
    /// Never: a wallet is born with its office.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        #[expect(clippy::expect_used, reason = "recover() refuses a log without an office")]
        self.state.trust.as_ref().expect("a wallet is born with its office")
    }

    /// The session with `peer`: the other wallet's name and the short code.
    #[must_use]
    pub fn session(&self, peer: PeerId) -> Option<(String, String)> {
        let open = self.peers.get(&peer)?.open()?;
        Some((open.certificate.body().name.to_string(), open.session.short_code()))
    }

    /// The four figures, and what one payment could use.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let own = self.state.purse.as_ref().map_or(0, crate::purse::Purse::own);
        let clamp = |sum: i128| u64::try_from(sum.max(0)).unwrap_or(u64::MAX);
        let returning: u64 = self
            .state
            .returning
            .values()
            .fold(0u64, |sum, returning| sum.saturating_add(returning.amount));
        let spent_on = i128::from(self.state.spent_on);
        let received = i128::from(self.state.received).saturating_add(i128::from(returning));
        let held = self.held_in_session();
        Balance {
            available: clamp(own),
            held,
            in_doubt: self.state.hold.saturating_sub(held),
            received_unsettled: clamp(received.saturating_add(own.min(0)).saturating_sub(spent_on)),
            spendable: self.state.spendable(),
        }
    }

    /// Sum of holds whose payee is in session.
    fn held_in_session(&self) -> u64 {
        if self.state.hold == 0 {
            return 0;
        }
        let live: Vec<_> =
            self.peers.values().filter_map(Peer::open).map(|open| open.wallet()).collect();
        self.state
            .buyer
            .values()
            .filter(|payment| live.contains(&payment.request.body.payee))
            .filter_map(|payment| {
                if let BuyerState::Prepared(vote) = &payment.state {
                    Some(vote.agreed.body.amount)
                } else {
                    None
                }
            })
            .fold(0u64, u64::saturating_add)
    }

    /// The seed of the signing key: all of a wallet that cannot be had again from its office.
    #[must_use]
    pub fn signing_seed(&self) -> Zeroizing<[u8; 32]> {
        self.signer.seed()
    }

    pub(crate) const fn signer(&self) -> &SigningKey {
        &self.signer
    }

    pub(crate) fn mail_key(&self) -> SessionKey {
        self.mail.public()
    }

    pub(crate) fn rng(&mut self) -> &mut ChaCha20Rng {
        &mut self.rng
    }

    pub(crate) const fn outbox_ref(&self) -> &Outbox {
        &self.outbox
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// Longest snapshot that is read back, in bytes.
const SNAPSHOT_MAX: usize = 1 << 30;
/// Longest record that is read back, in bytes: a SYNC is the largest.
const RECORD_MAX: usize = OFFICE_BODY_MAX + PACKET_MAX;
