//! A peer that holds real keys and says whatever it likes with them.

use onehop_crypto::{BuyerHello, Session, SigningKey, Trust};
use onehop_proto::PeerId;
use onehop_wire::office::{Class, Enrol, OfficeAnswer, OfficeRequest, Sync, SyncEntry, Transfer};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, Attachment, Certificate, Checkpoint, Claim, Commit,
    CommitRequest, Committed, Hash, List, Message, Nonce, OfficeId, Packet, Release, ReleaseGround,
    SessionKey, Signed, Text, TxId, WalletId, decode, encode,
};
use rand_core::Rng as _;

use super::bench::Bench;
use super::{Played, Trouble, or_stuck};

/// A wallet's keys and papers without a wallet's scruples.
#[derive(Debug)]
pub(crate) struct Rogue {
    pub(crate) key: SigningKey,
    pub(crate) certificate: Signed<Certificate>,
    pub(crate) checkpoint: Signed<Checkpoint>,
    pub(crate) office: OfficeId,
    trust: Trust,
    /// The last entry that it signed as an honest wallet would.
    pub(crate) last: Option<Signed<Agreed>>,
    session: Option<(PeerId, usize, Session)>,
    /// What it was told and has not looked at.
    pub(crate) inbox: Vec<Message>,
    requests: u64,
    /// What its requests ask back.
    pub(crate) refund_of: Option<TxId>,
}

impl Rogue {
    /// Enrols, with `funds` in the purse.
    pub(crate) fn new(bench: &mut Bench, name: &str, funds: u64) -> Played<Self> {
        let key = SigningKey::from_seed(&bench.seed());
        let office = *bench.office()?.id();
        let info = or_stuck(bench.office()?.info(), "info")?;
        let trust = or_stuck(Trust::from_info(&info, None), "trust")?;
        let body = Enrol {
            key: key.public(),
            mail_key: SessionKey([7; 32]),
            name: Text::new(name).unwrap_or_default(),
            class: Class::Person,
        };
        let enrol = key.sign(&office, body).into_signed();
        let OfficeAnswer::Enrol(answer) = bench.post(&OfficeRequest::Enrol(enrol))? else {
            return Err(Trouble::Stuck("not enrolled".to_owned()));
        };
        let (certificate, checkpoint) = (answer.certificate, answer.checkpoint);
        let (last, session, inbox) = (None, None, Vec::new());
        let (requests, refund_of) = (0, None);
        let mut rogue = Self {
            key,
            certificate,
            checkpoint,
            office,
            trust,
            last,
            session,
            inbox,
            requests,
            refund_of,
        };
        if funds > 0 {
            let wallet = rogue.id();
            bench.deposit(wallet, funds)?;
            rogue.sync(bench, Vec::new(), Transfer::Charge(funds))?;
        }
        Ok(rogue)
    }

    pub(crate) fn id(&self) -> WalletId {
        self.key.wallet()
    }

    pub(crate) fn purse(&self) -> Hash {
        self.checkpoint.hash(&self.office)
    }

    /// Closes the purse with these entries, whatever it signed, and takes the next one.
    pub(crate) fn sync(
        &mut self,
        bench: &mut Bench,
        entries: Vec<SyncEntry>,
        transfer: Transfer,
    ) -> Played<()> {
        let last = entries.last().map(|entry| &entry.agreed);
        let body = Sync {
            wallet: self.id(),
            checkpoint: self.purse(),
            seq: last.map_or(0, |last| last.body.seq),
            head: last.map_or_else(|| self.purse(), |last| last.hash(&self.office)),
            cum_out: last.map_or(0, |last| last.body.cum_out),
            entries: or_stuck(List::new(entries), "entries")?,
            aborts: List::empty(),
            transfer,
        };
        let sync = self.key.sign(&self.office, body).into_signed();
        let OfficeAnswer::Sync(answer) = bench.post(&OfficeRequest::Sync(Box::new(sync)))? else {
            return Err(Trouble::Stuck("no next purse".to_owned()));
        };
        (self.certificate, self.checkpoint) = (answer.certificate, answer.checkpoint);
        self.last = None;
        Ok(())
    }

    // In session.

    /// Meets the seller `at` as a buyer, with its own papers. True if the seller is in session.
    pub(crate) fn meet(&mut self, bench: &mut Bench, at: usize) -> Played<bool> {
        let papers = (self.certificate.clone(), self.checkpoint.clone());
        self.meet_as(bench, at, &papers)
    }

    /// Meets the seller `at` with these papers, its own or another's.
    pub(crate) fn meet_as(
        &mut self,
        bench: &mut Bench,
        at: usize,
        (certificate, checkpoint): &(Signed<Certificate>, Signed<Checkpoint>),
    ) -> Played<bool> {
        let (peer, now) = (bench.new_peer(), bench.now());
        let lookup = or_stuck(bench.unit(at)?.wallet.open_shop(), "open shop")?;
        bench.unit(at)?.wallet.handle_up_as_seller(now, peer);
        let (hello, hello_1) = BuyerHello::start(&mut bench.rng, &lookup, false);
        let answers = self.give(bench, at, peer, &hello_1)?;
        let hello_2 = or_stuck(answers.into_iter().next(), "no HELLO 2")?;
        let Ok(Packet::Hello2(body)) = decode::<Packet>(&hello_2, hello_2.len()) else {
            return Err(Trouble::Stuck("no HELLO 2".to_owned()));
        };
        let offer = or_stuck(hello.read(&mut self.trust, &body, &hello_2), "HELLO 2")?;
        let answer = offer.answer(&mut bench.rng, &self.trust, &self.key, certificate, checkpoint);
        let (session, _, hello_3) = or_stuck(answer, "HELLO 3")?;
        self.session = Some((peer, at, session));
        let answers = self.give(bench, at, peer, &hello_3)?;
        self.hear(&answers);
        Ok(bench.unit(at)?.wallet.session(peer).is_some())
    }

    /// Gives a packet to the wallet; what it sends back.
    fn give(
        &self,
        bench: &mut Bench,
        at: usize,
        peer: PeerId,
        bytes: &[u8],
    ) -> Played<Vec<Vec<u8>>> {
        let now = bench.now();
        bench.drain(at);
        bench.unit(at)?.wallet.handle_packet(now, peer, bytes);
        bench.drain(at);
        let out = bench.unit(at)?.out.drain(..);
        Ok(out.filter(|parcel| parcel.peer == peer).map(|parcel| parcel.bytes).collect())
    }

    fn hear(&mut self, packets: &[Vec<u8>]) {
        let Some((.., session)) = &mut self.session else { return };
        for bytes in packets {
            let Ok(Packet::Sealed(sealed)) = decode::<Packet>(bytes, bytes.len()) else { continue };
            let opened = session.open(&sealed).ok();
            let message = opened.and_then(|bytes| decode(&bytes, bytes.len()).ok());
            self.inbox.extend(message);
        }
    }

    /// Says something in session and hears the answers.
    pub(crate) fn say(&mut self, bench: &mut Bench, message: &Message) -> Played<()> {
        if let Some(vote) = message.vote() {
            // Whoever signs a vote holds it.
            let hash = vote.hash(&self.office);
            bench.facts.payment(vote.body.tx).prepared.insert(hash);
        }
        let (peer, at, session) = or_stuck(self.session.as_mut(), "no session")?;
        let (peer, at) = (*peer, *at);
        let sealed = or_stuck(session.seal(&encode(message)), "seal")?;
        let answers = self.give(bench, at, peer, &encode(&Packet::Sealed(sealed)))?;
        self.hear(&answers);
        Ok(())
    }

    /// The seller in session asks for `amount`.
    pub(crate) fn is_asked(
        &mut self,
        bench: &mut Bench,
        amount: u64,
    ) -> Played<Signed<CommitRequest>> {
        let (peer, at, _) = or_stuck(self.session.as_ref(), "no session")?;
        let (peer, at, now) = (*peer, *at, bench.now());
        let terms = bench.terms(amount);
        or_stuck(bench.unit(at)?.wallet.request(now, peer, &terms), "request")?;
        bench.drain(at);
        let out: Vec<_> = bench.unit(at)?.out.drain(..).map(|parcel| parcel.bytes).collect();
        self.hear(&out);
        let asked = self.inbox.drain(..).find_map(|message| {
            if let Message::CommitRequest { request, .. } = message { Some(request) } else { None }
        });
        or_stuck(asked, "no request")
    }

    // Signing.

    /// A request of its own to `payer`, as a seller.
    pub(crate) fn request(
        &mut self,
        bench: &mut Bench,
        payer: &Self,
        amount: u64,
    ) -> Signed<CommitRequest> {
        self.requests += 1;
        let mut nonce = Nonce([0; 16]);
        bench.rng.fill_bytes(&mut nonce.0);
        let window = u64::from(payer.certificate.body.claim_window);
        let body = CommitRequest {
            payer: payer.id(),
            payee: self.id(),
            buyer_nonce: nonce,
            seller_nonce: nonce,
            epoch: self.certificate.body.epoch,
            number: self.requests,
            amount,
            currency: self.checkpoint.body.currency,
            order_id: Text::new(format!("order {}", self.requests)).unwrap_or_default(),
            order_hash: Hash([7; 32]),
            vote_ms: 60_000,
            redeem_by: payer.checkpoint.body.expires.plus(window),
            refund_of: self.refund_of,
        };
        self.key.sign(&self.office, body).into_signed()
    }

    /// The entry that an honest wallet would sign next, changed by `edit`.
    pub(crate) fn entry(
        &mut self,
        request: &Signed<CommitRequest>,
        attachments: &[Attachment],
        edit: impl FnOnce(&mut Agreed),
    ) -> Played<Signed<Agreed>> {
        let last = self.last.as_ref();
        let hops = attachments.iter().filter_map(|attachment| match attachment {
            Attachment::Receipt(claim) => Some(claim.agreed.body.hops.saturating_add(1)),
            Attachment::Release(_) => None,
        });
        let mut body = Agreed {
            checkpoint: self.purse(),
            seq: last.map_or(0, |last| last.body.seq) + 1,
            prev: last.map_or_else(|| self.purse(), |last| last.hash(&self.office)),
            amount: request.body.amount,
            cum_out: last.map_or(0, |last| last.body.cum_out) + request.body.amount,
            cum_back: 0,
            cum_in: 0,
            currency: request.body.currency,
            payee: request.body.payee,
            tx: request.body.tx_id(),
            request: request.hash(&self.office),
            redeem_by: request.body.redeem_by,
            refund_of: request.body.refund_of,
            hops: hops.max().unwrap_or(0),
            attachments: or_stuck(
                List::new(attachments.iter().map(Attachment::hash).collect()),
                "attachments",
            )?,
        };
        edit(&mut body);
        let entry = self.key.sign(&self.office, body).into_signed();
        self.last = Some(entry.clone());
        Ok(entry)
    }

    /// Votes in session; gives the payment.
    pub(crate) fn votes(
        &mut self,
        bench: &mut Bench,
        amount: u64,
        attachments: &[Attachment],
        edit: impl FnOnce(&mut Agreed),
    ) -> Played<TxId> {
        let request = self.is_asked(bench, amount)?;
        let entry = self.entry(&request, attachments, edit)?;
        for attachment in attachments {
            self.say(bench, &Message::Attachment(attachment.clone()))?;
        }
        let tx = entry.body.tx;
        self.say(bench, &Message::Agreed(entry))?;
        Ok(tx)
    }

    /// Pays `payee`, another rogue, in private; the receipt.
    pub(crate) fn pays(
        &mut self,
        bench: &mut Bench,
        payee: &mut Self,
        amount: u64,
        attachments: &[Attachment],
        names: Option<Hash>,
    ) -> Played<Claim> {
        let request = payee.request(bench, self, amount);
        let agreed = self.entry(&request, attachments, |_| {})?;
        let (tx, hash) = (agreed.body.tx, agreed.hash(&self.office));
        let (payer, payee_id) = (self.id(), payee.id());
        let commit = Commit { tx, payer, payee: payee_id, agreed: hash, payee_checkpoint: names };
        let commit = payee.key.sign(&self.office, commit);
        let committed =
            Committed { tx, payer, payee: payee_id, agreed: hash, commit: commit.hash() };
        Ok(Claim {
            payer: self.certificate.clone(),
            checkpoint: self.checkpoint.clone(),
            agreed,
            attachments: or_stuck(List::new(attachments.to_vec()), "attachments")?,
            commit: commit.into_signed(),
            committed: Some(self.key.sign(&self.office, committed).into_signed()),
        })
    }

    /// Votes for `payee`, another rogue, who waives it; the release.
    pub(crate) fn is_released(
        &mut self,
        bench: &mut Bench,
        payee: &mut Self,
        amount: u64,
    ) -> Played<Release> {
        let request = payee.request(bench, self, amount);
        let agreed = self.entry(&request, &[], |_| {})?;
        let body = Abort {
            tx: agreed.body.tx,
            payer: self.id(),
            payee: payee.id(),
            subject: AbortSubject::Agreed(agreed.hash(&self.office)),
            reason: AbortReason::Cancelled,
        };
        let abort = payee.key.sign(&self.office, body).into_signed();
        let ground = ReleaseGround::Aborted { abort, seller: payee.certificate.clone() };
        Ok(Release { agreed, ground })
    }
}
