//! What arrives from outside: channels, packets, time.

use onehop_crypto::{BuyerHello, ChainError, HandshakeError, SellerHello, Verified};
use onehop_evidence::Payer;
use onehop_wire::limits::{PACKET_MAX, VERSION};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Certificate, Checkpoint, Hello1, Hello2, Hello3, Message, Now, Packet, RejectCode, Sealed,
    UnixSeconds, decode, encode,
};

use crate::config::OPEN_FAILURES_MAX;
use crate::event::{CertificateFault, Event, Fault};
use crate::output::{Heard, Output, PeerId};
use crate::payment::{BuyerState, SellerState};
use crate::record::LogRecord;
use crate::refusal::Refusal;
use crate::seller::calendar;
use crate::session::{Open, Peer, Phase, Repeated};
use crate::wallet::Wallet;

impl Wallet {
    /// Buyer: a channel to the seller whose LOOKUP bytes are `lookup` is up.
    ///
    /// Outside buyer mode, or with a LOOKUP of another version, the channel is closed again and
    /// nothing is said.
    pub fn handle_up_as_buyer(&mut self, now: Now, peer: PeerId, lookup: &[u8]) {
        let known = decode::<onehop_wire::Lookup>(lookup, 64);
        let fits = known.is_ok_and(|lookup| lookup.version == VERSION);
        let full = self.peers.len() >= self.config.peers_max;
        if self.buying_until.is_none() || !fits || full {
            self.outbox().push(Output::Disconnect(peer));
            return;
        }
        self.greet(now, peer, lookup.to_vec(), false);
    }

    pub(crate) fn greet(&mut self, now: Now, peer: PeerId, lookup: Vec<u8>, want_key: bool) {
        let (hello, bytes) = BuyerHello::start(self.rng(), &lookup, want_key);
        self.transmit(peer, bytes.clone(), "HELLO-1");
        let repeated = Repeated::new(&self.config, now.mono_ms, bytes, "HELLO-1");
        let phase = Phase::Greeting { hello, repeated, asked_for_key: want_key };
        let give_up_ms = now.mono_ms.saturating_add(self.config.handshake_ms);
        self.peers.insert(peer, Peer { lookup, phase, give_up_ms });
    }

    /// Seller: a channel from a buyer is up.
    pub fn handle_up_as_seller(&mut self, now: Now, peer: PeerId) {
        let full = self.peers.len() >= self.config.peers_max;
        let Some(lookup) = self.shop.clone().filter(|_| !full) else {
            let code = if full { RejectCode::Busy } else { RejectCode::Ended };
            self.transmit(peer, encode(&Packet::Reject(code)), "REJECT");
            self.outbox().push(Output::Disconnect(peer));
            return;
        };
        let give_up_ms = now.mono_ms.saturating_add(self.config.handshake_ms);
        self.peers.insert(peer, Peer { lookup, phase: Phase::Listening, give_up_ms });
    }

    /// The channel is gone, and with it the session's keys. Payments stay what they are.
    pub fn handle_down(&mut self, peer: PeerId) {
        let Some(gone) = self.peers.remove(&peer) else {
            return;
        };
        self.asked.retain(|_, asked| asked.peer != peer);
        if gone.open().is_some() {
            self.outbox().push(Output::Notify(Event::SessionClosed { peer }));
        }
    }

    /// Ends the session with `peer` from this side.
    pub fn hang_up(&mut self, peer: PeerId) {
        self.handle_down(peer);
        self.outbox().push(Output::Disconnect(peer));
    }

    /// Buyer: the person chose this seller; says who we are.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] if no seller on `peer` waits for that; [`Refusal::NotEnrolled`].
    pub fn introduce(&mut self, now: Now, peer: PeerId) -> Result<(), Refusal> {
        let certificate = self.state.certificate.clone().ok_or(Refusal::NotEnrolled)?;
        let checkpoint = self.state.purse.as_ref().ok_or(Refusal::NotEnrolled)?.checkpoint.clone();
        let found = self.peers.get(&peer).is_some_and(|p| matches!(p.phase, Phase::Found { .. }));
        let gone = if found { self.peers.remove(&peer) } else { None };
        let Some(Peer { lookup, phase: Phase::Found { offer }, give_up_ms }) = gone else {
            return Err(Refusal::NoSession);
        };
        let (trust, signer) = (self.trust().clone(), self.signer().clone());
        let answer = offer.answer(self.rng(), &trust, &signer, &certificate, &checkpoint);
        let (session, seller, bytes) = answer.map_err(|_| Refusal::Session)?;
        let mut open = Open::new(session, seller);
        open.hello_3 = Some(Repeated::new(&self.config, now.mono_ms, bytes.clone(), "HELLO-3"));
        self.transmit(peer, bytes, "HELLO-3");
        let phase = Phase::Open(Box::new(open));
        self.peers.insert(peer, Peer { lookup, phase, give_up_ms });
        self.opened(now, peer);
        Ok(())
    }

    /// A packet arrived. Whatever is wrong with it is an event, never an error. What it said about
    /// a payment, if it was new and opened, is for logs.
    pub fn handle_packet(&mut self, now: Now, peer: PeerId, bytes: &[u8]) -> Option<Heard> {
        if !self.peers.contains_key(&peer) {
            return None;
        }
        let Ok(packet) = decode::<Packet>(bytes, PACKET_MAX) else {
            self.blame(peer, Fault::Malformed);
            return None;
        };
        match packet {
            Packet::Hello1(hello) => self.on_hello_1(peer, &hello, bytes),
            Packet::Hello2(hello) => self.on_hello_2(now, peer, &hello, bytes),
            Packet::Hello3(hello) => self.on_hello_3(now, peer, &hello, bytes),
            Packet::Sealed(sealed) => {
                let message = self.on_sealed(now, peer, &sealed)?;
                let (name, tx) = (message.name(), message.tx());
                let before = tx.map(|tx| self.stage(&tx));
                self.on_message(now, peer, message);
                let (tx, before) = (tx?, before?);
                return Some(Heard { message: name, tx, before, after: self.stage(&tx) });
            }
            Packet::Reject(code) => self.on_reject(peer, code),
        }
        None
    }

    /// Role and state of a payment; ASKED is not durable, and not known to the state.
    fn stage(&self, tx: &onehop_wire::TxId) -> &'static str {
        if self.asked.contains_key(tx) { "buyer ASKED" } else { self.state.stage(tx) }
    }

    /// A reject is not authenticated: it ends a session, as a lost channel does, and no payment.
    fn on_reject(&mut self, peer: PeerId, code: RejectCode) {
        let fault = match code {
            RejectCode::Version => Fault::Version,
            RejectCode::Certificate => Fault::Certificate(CertificateFault::OtherOffice),
            RejectCode::Handshake => Fault::Handshake,
            RejectCode::Busy => Fault::Flood,
            RejectCode::Ended => Fault::Unexpected,
        };
        self.blame(peer, fault);
        self.hang_up(peer);
    }

    fn on_hello_1(&mut self, peer: PeerId, hello: &Hello1, bytes: &[u8]) {
        let Some(here) = self.peers.get(&peer) else {
            return;
        };
        match &here.phase {
            Phase::Listening => {}
            Phase::Greeted { hello } => {
                let (first, second) = hello.answered();
                if first == bytes {
                    let again = second.to_vec();
                    return self.transmit(peer, again, "HELLO-2");
                }
            }
            Phase::Greeting { .. } | Phase::Found { .. } | Phase::Open(_) => {
                return self.blame(peer, Fault::Unexpected);
            }
        }
        let lookup = here.lookup.clone();
        let Some(certificate) = self.state.certificate.clone() else {
            return;
        };
        let (trust, signer) = (self.trust().clone(), self.signer().clone());
        let answer =
            SellerHello::answer(self.rng(), &trust, &signer, &certificate, &lookup, (hello, bytes));
        match answer {
            Err(HandshakeError::Version) => {
                self.reject(peer, RejectCode::Version, Fault::Version);
            }
            Err(_) => self.reject(peer, RejectCode::Handshake, Fault::Handshake),
            Ok((hello, bytes)) => {
                self.transmit(peer, bytes, "HELLO-2");
                if let Some(here) = self.peers.get_mut(&peer) {
                    here.phase = Phase::Greeted { hello: Box::new(hello) };
                }
            }
        }
    }

    fn on_hello_2(&mut self, now: Now, peer: PeerId, hello: &Hello2, bytes: &[u8]) {
        let waiting =
            self.peers.get(&peer).is_some_and(|p| matches!(p.phase, Phase::Greeting { .. }));
        let gone = if waiting { self.peers.remove(&peer) } else { None };
        let Some(Peer { lookup, phase, give_up_ms }) = gone else {
            // A repeated HELLO 2 crossed with what came after it.
            return;
        };
        let Phase::Greeting { hello: mine, asked_for_key, .. } = phase else {
            return;
        };
        let mut trust = self.trust().clone();
        match mine.read(&mut trust, hello, bytes) {
            Err(HandshakeError::Chain(ChainError::UnknownOfficeKey { .. })) if !asked_for_key => {
                self.greet(now, peer, lookup, true);
            }
            Err(error) => {
                let fault = handshake_fault(error);
                self.blame(peer, fault);
                self.outbox().push(Output::Disconnect(peer));
            }
            Ok(offer) => {
                self.learn_keys(&trust);
                if let Some(fault) = self.certificate_fault(now, offer.seller().body()) {
                    self.blame(peer, Fault::Certificate(fault));
                    self.outbox().push(Output::Disconnect(peer));
                    return;
                }
                let seller = offer.seller().body();
                let (wallet, name) = (seller.wallet(), seller.name.to_string());
                let phase = Phase::Found { offer: Box::new(offer) };
                self.peers.insert(peer, Peer { lookup, phase, give_up_ms });
                self.found(now, peer, wallet, name);
            }
        }
    }

    /// A seller with whom a payment is in doubt was met before; anybody else the person chooses.
    fn found(&mut self, now: Now, peer: PeerId, wallet: onehop_wire::WalletId, name: String) {
        let in_doubt = self.state.buyer.values().any(|payment| {
            payment.request.body.payee == wallet && matches!(payment.state, BuyerState::Prepared(_))
        });
        self.outbox().push(Output::Notify(Event::SellerFound { peer, wallet, name }));
        if in_doubt && self.introduce(now, peer).is_err() {
            self.hang_up(peer);
        }
    }

    fn on_hello_3(&mut self, now: Now, peer: PeerId, hello: &Hello3, bytes: &[u8]) {
        let waiting =
            self.peers.get(&peer).is_some_and(|p| matches!(p.phase, Phase::Greeted { .. }));
        let gone = if waiting { self.peers.remove(&peer) } else { None };
        let Some(Peer { lookup, phase: Phase::Greeted { hello: mine }, give_up_ms }) = gone else {
            return;
        };
        let mut trust = self.trust().clone();
        match mine.finish(&mut trust, hello, bytes) {
            Err(error) => {
                let fault = handshake_fault(error);
                let code = if matches!(fault, Fault::Certificate(_)) {
                    RejectCode::Certificate
                } else {
                    RejectCode::Handshake
                };
                self.reject(peer, code, fault);
            }
            Ok((session, buyer, checkpoint)) => {
                self.learn_keys(&trust);
                match self.judge_buyer(now, buyer, checkpoint) {
                    Err(fault) => {
                        self.reject(peer, RejectCode::Certificate, Fault::Certificate(fault));
                    }
                    Ok(payer) => {
                        let mut open = Open::new(session, payer.certificate().clone());
                        open.payer = Some(payer);
                        let phase = Phase::Open(Box::new(open));
                        self.peers.insert(peer, Peer { lookup, phase, give_up_ms });
                        self.opened(now, peer);
                    }
                }
            }
        }
    }

    /// Office keys that a handshake brought are kept, so that restarts know them too.
    fn learn_keys(&mut self, trust: &onehop_crypto::Trust) {
        let news: Vec<_> = trust
            .keys()
            .filter(|key| self.trust().key(key.body.number).is_none())
            .map(|key| LogRecord::OfficeKeySeen(key.clone()))
            .collect();
        if !news.is_empty() {
            self.record(news, false);
        }
    }

    pub(crate) fn certificate_fault(
        &self,
        now: Now,
        other: &Certificate,
    ) -> Option<CertificateFault> {
        let today = calendar(now.unix, self.state.newest_issued);
        let mine = self.state.certificate.as_ref().map(|certificate| &certificate.body);
        if mine.is_some_and(|mine| mine.key == other.key) {
            return Some(CertificateFault::Myself);
        }
        if mine.is_none_or(|mine| mine.currency != other.currency) {
            return Some(CertificateFault::Currency);
        }
        if self.state.is_revoked(&other.wallet()) {
            return Some(CertificateFault::Revoked);
        }
        let dated = other.not_before <= today.plus(CLOCK_SLACK)
            && (today <= other.not_after || mutant::is(Mutant::CertificateExpiryIgnored));
        (!dated).then_some(CertificateFault::Expired)
    }

    pub(crate) fn judge_buyer(
        &mut self,
        now: Now,
        buyer: Verified<Certificate>,
        checkpoint: Verified<Checkpoint>,
    ) -> Result<Payer, CertificateFault> {
        if let Some(fault) = self.certificate_fault(now, buyer.body()) {
            return Err(fault);
        }
        let wallet = buyer.body().wallet();
        let (epoch, number) = (checkpoint.body().epoch, checkpoint.body().number);
        let expires = checkpoint.body().expires;
        let payer = Payer::new(buyer, checkpoint).map_err(|_| CertificateFault::Mismatch)?;
        let today: UnixSeconds = calendar(now.unix, self.state.newest_issued);
        if today > expires && !mutant::is(Mutant::CheckpointExpiryIgnored) {
            return Err(CertificateFault::Expired);
        }
        match self.state.seen.get(&wallet) {
            Some(seen) if (epoch, number) < *seen => return Err(CertificateFault::Outdated),
            Some(seen) if (epoch, number) == *seen => {}
            Some(_) | None => {
                self.record(vec![LogRecord::Seen { wallet, epoch, number }], false);
            }
        }
        Ok(payer)
    }

    /// The handshake is done: say what is owed to this peer.
    pub(crate) fn opened(&mut self, now: Now, peer: PeerId) {
        let Some(open) = self.peers.get(&peer).and_then(Peer::open) else {
            return;
        };
        let wallet = open.wallet();
        let event = Event::SessionOpen {
            peer,
            wallet,
            name: open.certificate.body().name.to_string(),
            short_code: open.session.short_code(),
        };
        self.outbox().push(Output::Notify(event));
        let mut owed = self.questions_for(now, peer, wallet);
        let to_buyer = self.state.seller.values().filter(|p| p.request.body.payer == wallet);
        owed.extend(
            to_buyer
                .filter(|payment| match payment.state {
                    SellerState::Committed { .. } => true,
                    SellerState::Invited
                    | SellerState::Done { .. }
                    | SellerState::Redeemed { .. }
                    | SellerState::Lost { .. }
                    | SellerState::Aborted(_) => false,
                })
                .flat_map(crate::payment::SellerPayment::owes),
        );
        for message in &owed {
            self.say(now, peer, message);
        }
    }

    /// Votes and questions about payments in doubt with the payee `wallet`.
    fn questions_for(&self, now: Now, peer: PeerId, wallet: onehop_wire::WalletId) -> Vec<Message> {
        let Some(context) = self.context(now, peer) else {
            return Vec::new();
        };
        let mut questions = Vec::new();
        for payment in self.state.buyer.values() {
            if payment.request.body.payee != wallet {
                continue;
            }
            questions.extend(self.state.questions(&context, payment));
        }
        questions
    }

    /// Opens a sealed packet; the message in it, if it is the next one and in order.
    fn on_sealed(&mut self, now: Now, peer: PeerId, sealed: &Sealed) -> Option<Message> {
        let Some(open) = self.peers.get_mut(&peer).and_then(Peer::open_mut) else {
            self.blame(peer, Fault::Unexpected);
            return None;
        };
        let is_known = sealed.number <= open.session.opened();
        let is_replayed = is_known && mutant::is(Mutant::SealedReplayed);
        if is_known && !is_replayed {
            let again = open.arq.echo(now.mono_ms);
            self.transmit_all(peer, again);
            return None;
        }
        // A message beyond the next one comes again after the missing ones.
        if Some(sealed.number) != open.session.opened().checked_add(1) && !is_replayed {
            return None;
        }
        let Ok(plaintext) = open.session.open(sealed) else {
            open.failures = open.failures.saturating_add(1);
            if open.failures >= OPEN_FAILURES_MAX {
                self.reject(peer, RejectCode::Ended, Fault::Envelope);
            } else {
                self.blame(peer, Fault::Envelope);
            }
            return None;
        };
        let acked = sealed.ack <= open.session.sent();
        open.arq.acked(sealed.ack);
        open.hello_3 = None;
        match decode::<Message>(&plaintext, PACKET_MAX) {
            Ok(_) if !acked => {
                self.blame(peer, Fault::Unexpected);
                self.hang_up(peer);
            }
            Err(_) => {
                self.blame(peer, Fault::Malformed);
                self.hang_up(peer);
            }
            Ok(message) => return Some(message),
        }
        None
    }

    pub(crate) fn on_message(&mut self, now: Now, peer: PeerId, message: Message) {
        if let Message::Attachment(attachment) = message {
            let open = self.peers.get_mut(&peer).and_then(Peer::open_mut);
            if open.is_some_and(|open| !open.attached.keep(attachment)) {
                self.blame(peer, Fault::Flood);
            }
            return;
        }
        if let Message::News(news) = message {
            return self.on_news(now, peer, *news);
        }
        let open = self.peers.get_mut(&peer).and_then(Peer::open_mut);
        let attached = match (open, message.vote()) {
            (Some(open), Some(vote)) => open.attached.take(&vote.body.attachments),
            (_, None) | (None, _) => Vec::new(),
        };
        let Some(context) = self.context(now, peer) else {
            return;
        };
        let step = self.decide(&context, message, &attached);
        self.carry_out(now, peer, step);
    }

    /// Seals a message for `peer` and sends it; it is sent again until it is acknowledged.
    pub(crate) fn say(&mut self, now: Now, peer: PeerId, message: &Message) {
        let config = self.config;
        let Some(open) = self.peers.get_mut(&peer).and_then(Peer::open_mut) else {
            return;
        };
        #[cfg(feature = "model")]
        if matches!(open.session, crate::session::Keys::Plain(_)) {
            return self.transmit(peer, encode(message), message.name());
        }
        let sealed = open.session.seal(&encode(message));
        let kept = sealed.map(|sealed| {
            let number = sealed.number;
            let bytes = encode(&Packet::Sealed(sealed));
            let named = (number, message.name());
            (open.arq.sent(&config, now.mono_ms, named, bytes.clone()), bytes)
        });
        match kept {
            Ok((true, bytes)) => self.transmit(peer, bytes, message.name()),
            Ok((false, _)) | Err(_) => self.hang_up(peer),
        }
    }

    pub(crate) fn blame(&mut self, peer: PeerId, fault: Fault) {
        self.outbox().push(Output::Notify(Event::PeerFault { peer, fault }));
    }

    fn transmit(&mut self, peer: PeerId, bytes: Vec<u8>, name: &'static str) {
        self.outbox().push(Output::Transmit { peer, bytes, name });
    }

    pub(crate) fn transmit_all(&mut self, peer: PeerId, packets: Vec<(Vec<u8>, &'static str)>) {
        for (bytes, name) in packets {
            self.transmit(peer, bytes, name);
        }
    }
}

/// Seconds by which a certificate may seem to begin in the future: clocks differ.
const CLOCK_SLACK: u64 = 86_400;

fn handshake_fault(error: HandshakeError) -> Fault {
    if matches!(error, HandshakeError::Version) {
        return Fault::Version;
    }
    if matches!(error, HandshakeError::Chain(_)) {
        return Fault::Certificate(CertificateFault::OtherOffice);
    }
    Fault::Handshake
}
