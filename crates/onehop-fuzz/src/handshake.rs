//! The three HELLOs and the session: altered on their way, and forged inside by whoever has keys
//! of a session but not those of a wallet.

use std::sync::OnceLock;

use anyhow::{Context, bail};
use onehop_crypto::{BuyerHello, Sealer, SellerHello, Session};
use onehop_wire::domain::{domain, hash_of};
use onehop_wire::hello::{BuyerIntroduction, SellerIntroduction};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Hash, Hello2, Hello3, List, Packet, SessionKey, encode};

use crate::reader::{Reader, edit};
use crate::vectors::fixed_rng::FixedRng;
use crate::vectors::world::World;
use crate::victim::{buyer_answer, buyer_hello, peer_lookup, seller_answer};

/// Messages of one session, at most.
const MESSAGES_MAX: usize = 8;

/// A handshake that went well.
struct Run {
    world: World,
    lookup: Vec<u8>,
    hello_1: Vec<u8>,
    hello_2: Vec<u8>,
    hello_3: Vec<u8>,
}

impl Run {
    fn new() -> anyhow::Result<Self> {
        let (world, lookup) = (World::new(), peer_lookup());
        let (buyer, hello_1) = buyer_hello(&lookup);
        let (_, hello_2) = seller_answer(&world, &world.seller, &lookup, &hello_1)?;
        let (_, hello_3) = buyer_answer(&world, &world.buyer, buyer, &hello_2)?;
        Ok(Self { world, lookup, hello_1, hello_2, hello_3 })
    }

    fn seller(&self) -> anyhow::Result<SellerHello> {
        let answer = seller_answer(&self.world, &self.world.seller, &self.lookup, &self.hello_1);
        Ok(answer?.0)
    }

    fn buyer(&self) -> BuyerHello {
        buyer_hello(&self.lookup).0
    }

    /// The last step, to any HELLO 3.
    fn finish(&self, hello_3: &[u8]) -> anyhow::Result<Session> {
        let Packet::Hello3(body) = onehop_wire::decode(hello_3, PACKET_MAX)? else {
            bail!("another packet")
        };
        let mut trust = self.world.trust.clone();
        Ok(self.seller()?.finish(&mut trust, &body, hello_3)?.0)
    }
}

fn genuine() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "two of this project understand each other")]
    RUN.get_or_init(|| Run::new().expect("the genuine handshake"))
}

/// The inputs that are the genuine packets and introductions, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let Run { hello_1, hello_2, hello_3, world, .. } = genuine();
    let proof = onehop_wire::Signature([0; 64]);
    let seller = SellerIntroduction {
        certificate: world.seller.certificate.clone(),
        office_key: Some(world.office_key.clone()),
        proof,
    };
    let buyer = BuyerIntroduction {
        certificate: world.buyer.certificate.clone(),
        office_key: None,
        checkpoint: world.buyer.checkpoint.clone(),
        proof,
    };
    let with = |mode: u8, bytes: &[u8]| [&[mode], bytes].concat();
    vec![
        with(0, hello_1),
        with(1, hello_2),
        with(2, hello_3),
        with(3, &encode(&seller)),
        with(4, &encode(&buyer)),
        with(5, &[0, 1, 2, 3, 1, 0, 2, 1, 1, 1, 3]),
    ]
}

/// Gives the bytes after the first to the step of the handshake that the first one picks.
///
/// # Panics
/// If anything but the genuine packet is accepted, or a session opens what was not sealed for it.
pub fn handshake(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mode = reader.or_zero();
    let run = genuine();
    let done = match mode % 6 {
        0 => on_hello_1(run, reader.rest()),
        1 => on_hello_2(run, reader.rest()),
        2 => on_hello_3(run, reader.rest()),
        3 => on_seller(run, reader.rest()),
        4 => on_buyer(run, reader.rest()),
        _ => session(run, &mut reader),
    };
    // What is refused is refused in words, and that is all.
    drop(done);
}

fn on_hello_1(run: &Run, hello_1: &[u8]) -> anyhow::Result<()> {
    let (_, hello_2) = seller_answer(&run.world, &run.world.seller, &run.lookup, hello_1)?;
    let read = buyer_answer(&run.world, &run.world.buyer, run.buyer(), &hello_2);
    assert!(read.is_err() || hello_1 == run.hello_1, "a HELLO 1 that nobody sent is answered");
    Ok(())
}

fn on_hello_2(run: &Run, hello_2: &[u8]) -> anyhow::Result<()> {
    let Packet::Hello2(body) = onehop_wire::decode(hello_2, PACKET_MAX)? else {
        bail!("another packet")
    };
    run.buyer().read(&mut run.world.trust.clone(), &body, hello_2)?;
    assert_eq!(hello_2, run.hello_2, "another HELLO 2 is accepted");
    Ok(())
}

fn on_hello_3(run: &Run, hello_3: &[u8]) -> anyhow::Result<()> {
    run.finish(hello_3)?;
    assert_eq!(hello_3, run.hello_3, "another HELLO 3 is accepted");
    Ok(())
}

fn earlier(items: &[&[u8]]) -> Hash {
    let with_length = |item: &&[u8]| {
        let length = u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[..], item].concat()
    };
    let all: Vec<u8> = items.iter().flat_map(with_length).collect();
    hash_of("earlier", &[&all])
}

/// A seller that seals any introduction: without the proof it is nobody.
fn on_seller(run: &Run, introduction: &[u8]) -> anyhow::Result<()> {
    let Packet::Hello1(hello) = onehop_wire::decode(&run.hello_1, PACKET_MAX)? else {
        bail!("no HELLO 1")
    };
    let before = earlier(&[&run.lookup, &run.hello_1]);
    let info = [&domain("hpke-seller")[..], &before.0].concat();
    let (enc, mut sealer) =
        Sealer::setup(&mut FixedRng::new(&[&[9; 32]]), &hello.session_key, &info)?;
    let session_key = SessionKey([9; 32]);
    let aad = earlier(&[&run.lookup, &run.hello_1, &encode(&(1_u8, session_key, enc))]);
    let sealed = List::new(sealer.seal(&aad.0, introduction)?)?;
    let hello_2 = Hello2 { version: 1, session_key, enc, sealed };
    let bytes = encode(&Packet::Hello2(hello_2.clone()));
    let read = run.buyer().read(&mut run.world.trust.clone(), &hello_2, &bytes);
    assert!(read.is_err(), "a seller without a proof is believed");
    Ok(())
}

/// A buyer that seals any introduction.
fn on_buyer(run: &Run, introduction: &[u8]) -> anyhow::Result<()> {
    let Packet::Hello2(hello) = onehop_wire::decode(&run.hello_2, PACKET_MAX)? else {
        bail!("no HELLO 2")
    };
    let aad = earlier(&[&run.lookup, &run.hello_1, &run.hello_2]);
    let info = [&domain("hpke-buyer")[..], &aad.0].concat();
    let (enc, mut sealer) =
        Sealer::setup(&mut FixedRng::new(&[&[9; 32]]), &hello.session_key, &info)?;
    let sealed = List::new(sealer.seal(&aad.0, introduction)?)?;
    let hello_3 = encode(&Packet::Hello3(Hello3 { enc, sealed }));
    assert!(run.finish(&hello_3).is_err(), "a buyer without a proof is believed");
    Ok(())
}

/// Sealed messages, some altered, repeated or out of order.
fn session(run: &Run, reader: &mut Reader<'_>) -> anyhow::Result<()> {
    let Some(first) = reader.byte() else { return Ok(()) };
    let (mut buyer, _) = buyer_answer(&run.world, &run.world.buyer, run.buyer(), &run.hello_2)?;
    let mut seller = run.finish(&run.hello_3)?;
    let mut sealed = Vec::new();
    for number in 0..MESSAGES_MAX.min(usize::from(first % 8) + 1) {
        sealed.push(buyer.seal(&[u8::try_from(number)?; 3])?);
    }
    for _ in 0..MESSAGES_MAX {
        let Some(act) = reader.byte() else { break };
        let pick = sealed.get(usize::from(act >> 1) % sealed.len()).context("no message")?;
        let (genuine, next) = (encode(pick), seller.opened() + 1);
        let mut bytes = genuine.clone();
        if act & 1 == 1 {
            edit(reader, &mut bytes);
        }
        let Ok(altered) = onehop_wire::decode(&bytes, PACKET_MAX) else { continue };
        let opened = seller.open(&altered);
        let is_next = bytes == genuine && pick.number == next;
        assert_eq!(opened.is_ok(), is_next, "just the next message opens, and only unaltered");
    }
    Ok(())
}
