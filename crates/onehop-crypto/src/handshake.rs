//! The three HELLOs, their transcript and keys (spec §4.2), and the session they make (§4.3).
//!
//! The caller decides which certificates, names and dates it accepts; this module decides what
//! the bytes prove. Each step consumes what it needs, so that none can be taken twice.

use onehop_wire::bounded::List;
use onehop_wire::domain::{domain, hash_of};
use onehop_wire::hello::{BuyerIntroduction, BuyerProof, SellerIntroduction, SellerProof};
use onehop_wire::limits::{PACKET_MAX, VERSION};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Certificate, Checkpoint, DecodeError, Hash, Hello1, Hello2, Hello3, Nonce, OfficeKey, Packet,
    Sealed, SessionKey, Signed, decode, encode,
};
use rand_core::CryptoRng;

use crate::envelope::{EnvelopeError, Opener, Sealer};
use crate::keys::{BadSignature, SessionSecret, SigningKey, Verified, verify};
use crate::trust::{ChainError, Trust};

/// Why a handshake ends. The peer is told a coarse code only.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// No version in common.
    #[error("no common protocol version")]
    Version,
    /// The HELLO does not answer this look-up or this HELLO.
    #[error("hello belongs to another handshake")]
    Mismatch,
    /// Keys or ciphertext are not usable.
    #[error("hello does not open")]
    Envelope(#[from] EnvelopeError),
    /// The sealed part is not a valid introduction.
    #[error("introduction is malformed")]
    Malformed(#[from] DecodeError),
    /// The proof of possession does not verify.
    #[error("introduction is not proven")]
    Proof(#[from] BadSignature),
    /// Certificate or checkpoint is not of this office.
    #[error("introduction is not of this office")]
    Chain(#[from] ChainError),
}

/// A session: both directions' contexts and the transcript that binds every message.
#[derive(Debug)]
pub struct Session {
    transcript: Hash,
    nonce: Nonce,
    sealer: Sealer,
    opener: Opener,
    sent: u32,
    opened: u32,
    /// What a mutant gives out again.
    #[cfg(feature = "mutants")]
    last: Vec<u8>,
}

impl Session {
    /// Seals `plaintext` as the next message of this side.
    ///
    /// # Errors
    /// [`EnvelopeError::UsedUp`] when the numbers are used up or `plaintext` is over the bound.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Sealed, EnvelopeError> {
        let number = self.sent.checked_add(1).ok_or(EnvelopeError::UsedUp)?;
        let ack = self.opened;
        let ciphertext = self.sealer.seal(&aad(&self.transcript, number, ack), plaintext)?;
        self.sent = number;
        let ciphertext = List::new(ciphertext).map_err(|_| EnvelopeError::UsedUp)?;
        Ok(Sealed { number, ack, ciphertext })
    }

    /// Opens the next message of the other side; the session is unchanged on error.
    ///
    /// # Errors
    /// [`EnvelopeError::Open`] if it is not exactly the next message, unaltered.
    pub fn open(&mut self, sealed: &Sealed) -> Result<Vec<u8>, EnvelopeError> {
        let next = self.opened.checked_add(1).ok_or(EnvelopeError::UsedUp)?;
        #[cfg(feature = "mutants")]
        if mutant::is(Mutant::SealedReplayed) && sealed.number == self.opened {
            return Ok(self.last.clone());
        }
        if sealed.number != next {
            return Err(EnvelopeError::Open);
        }
        let aad = aad(&self.transcript, sealed.number, sealed.ack);
        let plaintext = self.opener.open(&aad, &sealed.ciphertext)?;
        self.opened = next;
        #[cfg(feature = "mutants")]
        self.last.clone_from(&plaintext);
        Ok(plaintext)
    }

    /// Hash of LOOKUP and the three HELLOs.
    #[must_use]
    pub const fn transcript(&self) -> Hash {
        self.transcript
    }

    /// The buyer's session nonce.
    #[must_use]
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Number of the last message sealed.
    #[must_use]
    pub const fn sent(&self) -> u32 {
        self.sent
    }

    /// Number of the last message opened.
    #[must_use]
    pub const fn opened(&self) -> u32 {
        self.opened
    }

    /// The six digits that both screens show (spec §4.4).
    #[must_use]
    pub fn short_code(&self) -> String {
        let mut first = [0u8; 8];
        for (to, from) in first.iter_mut().zip(self.transcript.as_bytes()) {
            *to = *from;
        }
        let code = u64::from_be_bytes(first) % 1_000_000;
        format!("{:03} {:03}", code / 1_000, code % 1_000)
    }
}

fn aad(transcript: &Hash, number: u32, ack: u32) -> Vec<u8> {
    let mut aad = transcript.as_bytes().to_vec();
    aad.extend_from_slice(&number.to_be_bytes());
    aad.extend_from_slice(&ack.to_be_bytes());
    aad
}

/// Each item as its length (32 bits, big-endian) and its bytes.
fn concat(items: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::new();
    for item in items {
        let len = u32::try_from(item.len()).unwrap_or(u32::MAX);
        all.extend_from_slice(&len.to_be_bytes());
        all.extend_from_slice(item);
    }
    all
}

fn earlier(items: &[&[u8]]) -> Hash {
    hash_of("earlier", &[&concat(items)])
}

fn info(kind: &str, earlier: &Hash) -> Vec<u8> {
    let mut info = domain(kind).to_vec();
    info.extend_from_slice(earlier.as_bytes());
    info
}

fn clear_of_hello_2(version: u8, session_key: &SessionKey, enc: &SessionKey) -> Vec<u8> {
    encode(&(version, session_key, enc))
}

/// The buyer after HELLO 1.
#[derive(Debug)]
pub struct BuyerHello {
    lookup: Vec<u8>,
    hello_1: Vec<u8>,
    secret: SessionSecret,
    nonce: Nonce,
}

/// The buyer after HELLO 2: it knows who the seller is and may answer, or not.
#[derive(Debug)]
pub struct BuyerOffer {
    hello: BuyerHello,
    hello_2: Vec<u8>,
    version: u8,
    seller_key: SessionKey,
    opener: Opener,
    seller: Verified<Certificate>,
}

impl BuyerHello {
    /// Answers the LOOKUP whose bytes are `lookup`; gives the packet to send.
    pub fn start(
        rng: &mut impl CryptoRng,
        lookup: &[u8],
        want_office_key: bool,
    ) -> (Self, Vec<u8>) {
        let secret = SessionSecret::generate(rng);
        let mut nonce = Nonce([0; 16]);
        rng.fill_bytes(&mut nonce.0);
        let versions = List::new(vec![VERSION]).unwrap_or_default();
        let hello_1 = encode(&Packet::Hello1(Hello1 {
            versions,
            lookup: hash_of("lookup", &[lookup]),
            session_key: secret.public(),
            nonce,
            want_office_key,
        }));
        let this = Self { lookup: lookup.to_vec(), hello_1: hello_1.clone(), secret, nonce };
        (this, hello_1)
    }

    /// Reads HELLO 2, whose packet bytes as received are `bytes`.
    ///
    /// `trust` learns the office key that HELLO 2 carries, if a trusted root signed it.
    ///
    /// # Errors
    /// [`HandshakeError`]; with [`ChainError::UnknownOfficeKey`] a new handshake that asks for the
    /// key may succeed.
    pub fn read(
        self,
        trust: &mut Trust,
        hello: &Hello2,
        bytes: &[u8],
    ) -> Result<BuyerOffer, HandshakeError> {
        if hello.version != VERSION {
            return Err(HandshakeError::Version);
        }
        let before = earlier(&[&self.lookup, &self.hello_1]);
        let mut opener = Opener::setup(&self.secret, &hello.enc, &info("hpke-seller", &before))?;
        let clear = clear_of_hello_2(hello.version, &hello.session_key, &hello.enc);
        let aad = earlier(&[&self.lookup, &self.hello_1, &clear]);
        let plaintext = opener.open(aad.as_bytes(), &hello.sealed)?;
        let introduction: SellerIntroduction = decode(&plaintext, PACKET_MAX)?;
        if let Some(key) = introduction.office_key {
            trust.add_key(key)?;
        }
        let seller = trust.certificate(introduction.certificate)?;
        let proof =
            SellerProof { version: hello.version, wallet: seller.body().wallet(), earlier: aad };
        let proof = Signed { body: proof, signature: introduction.proof };
        if !mutant::is(Mutant::HelloProofUnchecked) {
            verify(trust.office(), &seller.body().key, proof)?;
        }
        Ok(BuyerOffer {
            hello: self,
            hello_2: bytes.to_vec(),
            version: hello.version,
            seller_key: hello.session_key,
            opener,
            seller,
        })
    }
}

impl BuyerOffer {
    /// The seller's certificate; its dates and currency are the caller's to judge.
    #[must_use]
    pub const fn seller(&self) -> &Verified<Certificate> {
        &self.seller
    }

    /// Answers with HELLO 3; gives the session, the seller's certificate and the packet to send.
    ///
    /// # Errors
    /// [`HandshakeError::Envelope`] if the seller's session key is not usable.
    pub fn answer(
        self,
        rng: &mut impl CryptoRng,
        trust: &Trust,
        signer: &SigningKey,
        certificate: &Signed<Certificate>,
        checkpoint: &Signed<Checkpoint>,
    ) -> Result<(Session, Verified<Certificate>, Vec<u8>), HandshakeError> {
        let before = earlier(&[&self.hello.lookup, &self.hello.hello_1, &self.hello_2]);
        let (enc, mut sealer) = Sealer::setup(rng, &self.seller_key, &info("hpke-buyer", &before))?;
        let proof = BuyerProof {
            version: self.version,
            wallet: certificate.body.wallet(),
            seller: self.seller.body().wallet(),
            earlier: before,
        };
        let known = self.seller.body().signed_by;
        let introduction = BuyerIntroduction {
            certificate: certificate.clone(),
            office_key: office_key_for(trust, known, certificate, checkpoint),
            checkpoint: checkpoint.clone(),
            proof: signer.sign(trust.office(), proof).signed().signature,
        };
        let sealed = sealer.seal(before.as_bytes(), &encode(&introduction))?;
        let sealed = List::new(sealed).map_err(|_| EnvelopeError::UsedUp)?;
        let hello_3 = encode(&Packet::Hello3(Hello3 { enc, sealed }));
        let items: [&[u8]; 4] = [&self.hello.lookup, &self.hello.hello_1, &self.hello_2, &hello_3];
        let session = Session {
            transcript: hash_of("transcript", &[&concat(&items)]),
            nonce: self.hello.nonce,
            sealer,
            opener: self.opener,
            sent: 0,
            opened: 0,
            #[cfg(feature = "mutants")]
            last: Vec::new(),
        };
        Ok((session, self.seller, hello_3))
    }
}

/// The one office key that the seller may lack: it has its own certificate's.
fn office_key_for(
    trust: &Trust,
    known: u32,
    certificate: &Signed<Certificate>,
    checkpoint: &Signed<Checkpoint>,
) -> Option<Signed<OfficeKey>> {
    [checkpoint.body.signed_by, certificate.body.signed_by]
        .into_iter()
        .find(|number| *number != known)
        .and_then(|number| trust.key(number).cloned())
}

/// The seller after HELLO 2.
#[derive(Debug)]
pub struct SellerHello {
    lookup: Vec<u8>,
    hello_1: Vec<u8>,
    hello_2: Vec<u8>,
    secret: SessionSecret,
    sealer: Sealer,
    nonce: Nonce,
    version: u8,
    seller: onehop_wire::WalletId,
}

impl SellerHello {
    /// Answers HELLO 1, whose packet bytes as received are `bytes`; gives the packet to send.
    ///
    /// # Errors
    /// [`HandshakeError`] if it answers another look-up, offers no known version, or brings an
    /// unusable key.
    pub fn answer(
        rng: &mut impl CryptoRng,
        trust: &Trust,
        signer: &SigningKey,
        certificate: &Signed<Certificate>,
        lookup: &[u8],
        (hello, bytes): (&Hello1, &[u8]),
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        if !hello.versions.contains(&VERSION) {
            return Err(HandshakeError::Version);
        }
        if hello.lookup != hash_of("lookup", &[lookup]) {
            return Err(HandshakeError::Mismatch);
        }
        let before = earlier(&[lookup, bytes]);
        let (enc, mut sealer) =
            Sealer::setup(rng, &hello.session_key, &info("hpke-seller", &before))?;
        let secret = SessionSecret::generate(rng);
        let session_key = secret.public();
        let clear = clear_of_hello_2(VERSION, &session_key, &enc);
        let aad = earlier(&[lookup, bytes, &clear]);
        let seller = certificate.body.wallet();
        let proof = SellerProof { version: VERSION, wallet: seller, earlier: aad };
        let office_key =
            hello.want_office_key.then(|| trust.key(certificate.body.signed_by).cloned()).flatten();
        let introduction = SellerIntroduction {
            certificate: certificate.clone(),
            office_key,
            proof: signer.sign(trust.office(), proof).signed().signature,
        };
        let sealed = sealer.seal(aad.as_bytes(), &encode(&introduction))?;
        let sealed = List::new(sealed).map_err(|_| EnvelopeError::UsedUp)?;
        let hello_2 =
            encode(&Packet::Hello2(Hello2 { version: VERSION, session_key, enc, sealed }));
        let this = Self {
            lookup: lookup.to_vec(),
            hello_1: bytes.to_vec(),
            hello_2: hello_2.clone(),
            secret,
            sealer,
            nonce: hello.nonce,
            version: VERSION,
            seller,
        };
        Ok((this, hello_2))
    }

    /// HELLO 1 and HELLO 2 as they went, to answer a repeated HELLO 1 with the same bytes.
    #[must_use]
    pub fn answered(&self) -> (&[u8], &[u8]) {
        (&self.hello_1, &self.hello_2)
    }

    /// Reads HELLO 3, whose packet bytes as received are `bytes`.
    ///
    /// `trust` learns the office key that HELLO 3 carries, if a trusted root signed it. That the
    /// checkpoint is of the certificate's wallet is checked here; dates, epochs and currency are
    /// the caller's to judge.
    ///
    /// # Errors
    /// [`HandshakeError`].
    pub fn finish(
        self,
        trust: &mut Trust,
        hello: &Hello3,
        bytes: &[u8],
    ) -> Result<(Session, Verified<Certificate>, Verified<Checkpoint>), HandshakeError> {
        let before = earlier(&[&self.lookup, &self.hello_1, &self.hello_2]);
        let mut opener = Opener::setup(&self.secret, &hello.enc, &info("hpke-buyer", &before))?;
        let plaintext = opener.open(before.as_bytes(), &hello.sealed)?;
        let introduction: BuyerIntroduction = decode(&plaintext, PACKET_MAX)?;
        if let Some(key) = introduction.office_key {
            trust.add_key(key)?;
        }
        let buyer = trust.certificate(introduction.certificate)?;
        let wallet = buyer.body().wallet();
        let proof =
            BuyerProof { version: self.version, wallet, seller: self.seller, earlier: before };
        let proof = Signed { body: proof, signature: introduction.proof };
        if !mutant::is(Mutant::HelloProofUnchecked) {
            verify(trust.office(), &buyer.body().key, proof)?;
        }
        let checkpoint = trust.checkpoint(introduction.checkpoint)?;
        if checkpoint.body().wallet != wallet {
            return Err(HandshakeError::Mismatch);
        }
        let items: [&[u8]; 4] = [&self.lookup, &self.hello_1, &self.hello_2, bytes];
        let session = Session {
            transcript: hash_of("transcript", &[&concat(&items)]),
            nonce: self.nonce,
            sealer: self.sealer,
            opener,
            sent: 0,
            opened: 0,
            #[cfg(feature = "mutants")]
            last: Vec::new(),
        };
        Ok((session, buyer, checkpoint))
    }
}
