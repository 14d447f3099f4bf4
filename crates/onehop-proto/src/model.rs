//! What the model checker and the fuzzer need beside the public calls (feature `model`).
//!
//! A checker branches, so it forks wallets; it counts states, so it looks at what is volatile; and
//! it is not about sealing, so its sessions have no keys and carry messages as they are. Decisions,
//! records, recovery and the barrier are the ones that ship.

use std::collections::BTreeMap;

use onehop_wire::{
    Certificate, Checkpoint, Message, Nonce, Now, Signed, TxId, UnixSeconds, encode,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::event::{CertificateFault, Fault};
use crate::outbox::Outbox;
use crate::output::PeerId;
use crate::payment::{BuyerPayment, SellerPayment};
use crate::record::LogRecord;
use crate::session::{Keys, Open, Peer, Phase};
use crate::state::State;
use crate::wallet::Wallet;

/// The other side of a session as the HELLOs would have introduced it.
#[derive(Clone, Debug)]
pub struct Introduced {
    /// Its certificate.
    pub certificate: Signed<Certificate>,
    /// Its purse, if it comes as a buyer.
    pub checkpoint: Option<Signed<Checkpoint>>,
    /// The buyer's nonce of this session.
    pub nonce: Nonce,
}

impl Wallet {
    /// A fork of this wallet whose monotonic clock begins anew: each timer is as far off as when it
    /// was set. `seed` is all its randomness. Unfinished handshakes and sealed sessions are lost.
    ///
    /// # Panics
    /// If outputs wait: they would be lost.
    #[must_use]
    pub fn fork(&self, seed: [u8; 32]) -> Self {
        assert!(self.outbox.is_idle(), "outputs wait");
        let vote_ms = u64::from(self.config.vote_ms);
        let pause = self.config.resend_first_ms.saturating_mul(8);
        let mut asked = self.asked.clone();
        for question in asked.values_mut() {
            question.until_ms = u64::from(question.request.body.vote_ms);
        }
        let plain = |(id, peer): (&PeerId, &Peer)| Some((*id, peer.plain()?));
        Self {
            config: self.config,
            state: self.state.clone(),
            signer: self.signer.clone(),
            mail: self.mail.clone(),
            rng: ChaCha20Rng::from_seed(seed),
            outbox: Outbox::new(self.outbox.last_lsn()),
            peers: self.peers.iter().filter_map(plain).collect(),
            asked,
            votes: self.votes.keys().map(|tx| (*tx, vote_ms)).collect(),
            probes: self.probes.keys().map(|tx| (*tx, (pause, pause))).collect(),
            shop: self.shop.clone(),
            buying_until: self.buying_until,
            compacted_lsn: self.compacted_lsn,
        }
    }

    /// Forgets when payments were made: nothing is decided by that, so that states which differ in
    /// nothing else are one.
    pub fn undate(&mut self) {
        self.state.undate();
    }

    /// A session without keys begins, after the checks that follow a handshake; what is owed to the
    /// other side is said.
    ///
    /// # Errors
    /// The [`Fault`] for which the handshake would have been refused; there is no session then.
    pub fn meet(&mut self, now: Now, peer: PeerId, other: Introduced) -> Result<(), Fault> {
        let refused = |_| Fault::Certificate(CertificateFault::OtherOffice);
        let certificate = self.trust().certificate(other.certificate).map_err(refused)?;
        let keys = Keys::Plain(other.nonce);
        let open = if let Some(checkpoint) = other.checkpoint {
            let checkpoint = self.trust().checkpoint(checkpoint).map_err(refused)?;
            let payer =
                self.judge_buyer(now, certificate, checkpoint).map_err(Fault::Certificate)?;
            let mut open = Open::with(keys, payer.certificate().clone());
            open.payer = Some(payer);
            open
        } else {
            if let Some(fault) = self.certificate_fault(now, certificate.body()) {
                return Err(Fault::Certificate(fault));
            }
            Open::with(keys, certificate)
        };
        let phase = Phase::Open(Box::new(open));
        self.peers.insert(peer, Peer { lookup: Vec::new(), phase, give_up_ms: 0 });
        self.opened(now, peer);
        Ok(())
    }

    /// An opened message arrived in the session with `peer`.
    pub fn hear(&mut self, now: Now, peer: PeerId, message: Message) {
        if self.peers.get(&peer).is_some_and(|peer| peer.open().is_some()) {
            self.on_message(now, peer, message);
        }
    }

    /// The payments about which the person is asked.
    #[must_use]
    pub fn questions_open(&self) -> Vec<TxId> {
        self.asked.keys().copied().collect()
    }

    /// Everything that a restart forgets and that decisions look at, canonically encoded.
    #[must_use]
    pub fn volatile(&self) -> Vec<u8> {
        let asked: Vec<_> = self
            .asked
            .values()
            .map(|asked| (asked.peer.0, &asked.request, &asked.order, &asked.payee))
            .collect();
        let votes: Vec<&TxId> = self.votes.keys().collect();
        let probes: Vec<&TxId> = self.probes.keys().collect();
        let sessions: Vec<_> = self
            .peers
            .iter()
            .filter_map(|(id, peer)| {
                let open = peer.open()?;
                let payer = open.payer.as_ref().map(|payer| payer.checkpoint().hash());
                Some((id.0, open.certificate.hash(), payer, open.session.nonce()))
            })
            .collect();
        let unsaved = self.outbox.last_lsn() > self.compacted_lsn;
        encode(&(asked, votes, probes, sessions, self.shop.is_some(), unsaved))
    }
}

impl Peer {
    /// This peer again, if it is in a session without keys.
    fn plain(&self) -> Option<Self> {
        let open = self.open()?;
        let Keys::Plain(nonce) = &open.session else {
            return None;
        };
        let mut fork = Open::with(Keys::Plain(*nonce), open.certificate.clone());
        fork.payer = open.payer.clone();
        fork.attached = open.attached.clone();
        (fork.told_news, fork.heard_news) = (open.told_news, open.heard_news);
        let phase = Phase::Open(Box::new(fork));
        Some(Self { lookup: self.lookup.clone(), phase, give_up_ms: self.give_up_ms })
    }
}

impl LogRecord {
    /// Forgets when it was made, as [`Wallet::undate`].
    pub const fn undate(&mut self) {
        if let Self::Invited { at, .. } | Self::Refused { at, .. } | Self::Prepared { at, .. } =
            self
        {
            *at = UnixSeconds(0);
        }
    }
}

impl State {
    /// Forgets when payments were made, as [`Wallet::undate`].
    pub fn undate(&mut self) {
        self.buyer.values_mut().for_each(|payment| payment.at = UnixSeconds(0));
        self.seller.values_mut().for_each(|payment| payment.at = UnixSeconds(0));
    }

    /// Payments in which this wallet is the buyer.
    #[must_use]
    pub const fn bought(&self) -> &BTreeMap<TxId, BuyerPayment> {
        &self.buyer
    }

    /// Payments in which this wallet is the seller.
    #[must_use]
    pub const fn sold(&self) -> &BTreeMap<TxId, SellerPayment> {
        &self.seller
    }

    /// Sum of the holds, and of what was received and is not settled.
    #[must_use]
    pub const fn sums(&self) -> (u64, u64) {
        (self.hold, self.received)
    }
}
