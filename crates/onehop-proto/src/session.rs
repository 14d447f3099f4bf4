//! One channel to another device: the handshake's phases and the open session.

use onehop_crypto::{BuyerHello, BuyerOffer, EnvelopeError, SellerHello, Session, Verified};
use onehop_evidence::Payer;
use onehop_wire::limits::{ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX};
use onehop_wire::{Attachment, Certificate, Hash, Nonce, Sealed, WalletId, encode};

use crate::arq::Arq;
use crate::config::Config;

/// A packet of the handshake that is sent again until it is answered.
#[derive(Debug)]
pub(crate) struct Repeated {
    pub(crate) bytes: Vec<u8>,
    pub(crate) name: &'static str,
    at_ms: u64,
    pause_ms: u64,
    left: u32,
}

impl Repeated {
    pub(crate) fn new(config: &Config, now_ms: u64, bytes: Vec<u8>, name: &'static str) -> Self {
        let pause_ms = config.resend_first_ms;
        Self { bytes, name, at_ms: now_ms.saturating_add(pause_ms), pause_ms, left: 4 }
    }

    pub(crate) fn due(&mut self, now_ms: u64) -> Option<(Vec<u8>, &'static str)> {
        if self.left == 0 || self.at_ms > now_ms {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        self.pause_ms = self.pause_ms.saturating_mul(2);
        self.at_ms = now_ms.saturating_add(self.pause_ms);
        Some((self.bytes.clone(), self.name))
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        (self.left > 0).then_some(self.at_ms)
    }
}

/// How far the handshake with a peer is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Buyer: HELLO 1 is out.
    Greeting { hello: BuyerHello, repeated: Repeated, asked_for_key: bool },
    /// Buyer: HELLO 2 is in; the person decides whether to say who we are.
    Found { offer: Box<BuyerOffer> },
    /// Seller: waiting for HELLO 1.
    Listening,
    /// Seller: HELLO 2 is out.
    Greeted { hello: Box<SellerHello> },
    /// Both: done.
    Open(Box<Open>),
}

/// A finished handshake.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) session: Keys,
    /// The other wallet.
    pub(crate) certificate: Verified<Certificate>,
    /// The other wallet's purse, if it came as a buyer.
    pub(crate) payer: Option<Payer>,
    pub(crate) arq: Arq,
    pub(crate) attached: Attached,
    pub(crate) failures: u32,
    /// A NEWS was said in this session; there is no second.
    pub(crate) told_news: bool,
    /// A NEWS was heard in this session; a second is dropped.
    pub(crate) heard_news: bool,
    /// Buyer: HELLO 3, until the seller has shown that it has it.
    pub(crate) hello_3: Option<Repeated>,
}

impl Open {
    pub(crate) fn new(session: Session, certificate: Verified<Certificate>) -> Self {
        Self::with(Keys::Sealed(session), certificate)
    }

    pub(crate) fn with(session: Keys, certificate: Verified<Certificate>) -> Self {
        Self {
            session,
            certificate,
            payer: None,
            arq: Arq::default(),
            attached: Attached::default(),
            failures: 0,
            told_news: false,
            heard_news: false,
            hello_3: None,
        }
    }

    pub(crate) fn wallet(&self) -> WalletId {
        self.certificate.body().wallet()
    }
}

/// What a session seals and opens with.
#[derive(Debug)]
#[cfg_attr(
    feature = "model",
    expect(clippy::large_enum_variant, reason = "the small variant is in no program that ships")
)]
pub(crate) enum Keys {
    /// What the three HELLOs agreed on.
    Sealed(Session),
    /// Nothing: the model checker carries messages as they are. Only the buyer's nonce is there.
    #[cfg(feature = "model")]
    Plain(Nonce),
}

impl Keys {
    pub(crate) fn seal(&mut self, plaintext: &[u8]) -> Result<Sealed, EnvelopeError> {
        match self {
            Self::Sealed(session) => session.seal(plaintext),
            #[cfg(feature = "model")]
            Self::Plain(_) => Err(EnvelopeError::UsedUp),
        }
    }

    pub(crate) fn open(&mut self, sealed: &Sealed) -> Result<Vec<u8>, EnvelopeError> {
        match self {
            Self::Sealed(session) => session.open(sealed),
            #[cfg(feature = "model")]
            Self::Plain(_) => Err(EnvelopeError::Open),
        }
    }

    pub(crate) const fn nonce(&self) -> Nonce {
        match self {
            Self::Sealed(session) => session.nonce(),
            #[cfg(feature = "model")]
            Self::Plain(nonce) => *nonce,
        }
    }

    pub(crate) const fn sent(&self) -> u32 {
        match self {
            Self::Sealed(session) => session.sent(),
            #[cfg(feature = "model")]
            Self::Plain(_) => 0,
        }
    }

    pub(crate) const fn opened(&self) -> u32 {
        match self {
            Self::Sealed(session) => session.opened(),
            #[cfg(feature = "model")]
            Self::Plain(_) => 0,
        }
    }

    pub(crate) fn short_code(&self) -> String {
        match self {
            Self::Sealed(session) => session.short_code(),
            #[cfg(feature = "model")]
            Self::Plain(_) => String::new(),
        }
    }
}

/// Attachments that came ahead of their AGREED, bounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attached {
    items: Vec<(Hash, Attachment)>,
    bytes: usize,
}

impl Attached {
    /// Keeps `attachment`; false if it goes over the bounds.
    pub(crate) fn keep(&mut self, attachment: Attachment) -> bool {
        let hash = attachment.hash();
        if self.items.iter().any(|(known, _)| *known == hash) {
            return true;
        }
        let bytes = self.bytes.saturating_add(encode(&attachment).len());
        if bytes > ATTACHMENTS_BYTES_MAX || self.items.len() >= ATTACHMENTS_MAX {
            return false;
        }
        self.bytes = bytes;
        self.items.push((hash, attachment));
        true
    }

    /// The attachments of these hashes, in that order, as far as they are here; the rest goes.
    pub(crate) fn take(&mut self, hashes: &[Hash]) -> Vec<Attachment> {
        let items = core::mem::take(&mut self.items);
        self.bytes = 0;
        hashes
            .iter()
            .filter_map(|hash| items.iter().find(|(known, _)| known == hash))
            .map(|(_, attachment)| attachment.clone())
            .collect()
    }
}

/// One channel.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The LOOKUP that this side answered, as a buyer; the one it sent, as a seller.
    pub(crate) lookup: Vec<u8>,
    pub(crate) phase: Phase,
    /// When an unfinished handshake is given up.
    pub(crate) give_up_ms: u64,
}

impl Peer {
    pub(crate) fn open(&self) -> Option<&Open> {
        match &self.phase {
            Phase::Open(open) => Some(open),
            Phase::Greeting { .. }
            | Phase::Found { .. }
            | Phase::Listening
            | Phase::Greeted { .. } => None,
        }
    }

    pub(crate) fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.phase {
            Phase::Open(open) => Some(open),
            Phase::Greeting { .. }
            | Phase::Found { .. }
            | Phase::Listening
            | Phase::Greeted { .. } => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        match &self.phase {
            Phase::Greeting { repeated, .. } => {
                repeated.deadline().into_iter().chain([self.give_up_ms]).min()
            }
            Phase::Listening | Phase::Greeted { .. } => Some(self.give_up_ms),
            // A person decides; buyer mode's own end bounds it.
            Phase::Found { .. } => None,
            Phase::Open(open) => {
                let hello = open.hello_3.as_ref().and_then(Repeated::deadline);
                open.arq.deadline().into_iter().chain(hello).min()
            }
        }
    }
}
