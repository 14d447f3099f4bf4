//! The steps of a handshake with fixed randomness, each from packet bytes to packet bytes.

use onehop_crypto::{BuyerHello, HandshakeError, SellerHello, Session, Trust};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Lookup, Packet, decode, encode};

use crate::fixed_rng::FixedRng;
use crate::world::{Person, World};

/// LOOKUP and HELLOs that went well, and the session on either side.
pub(crate) struct Run {
    pub(crate) lookup: Vec<u8>,
    pub(crate) hello_1: Vec<u8>,
    pub(crate) hello_2: Vec<u8>,
    pub(crate) hello_3: Vec<u8>,
    pub(crate) buyer: Session,
    pub(crate) seller: Session,
}

pub(crate) fn lookup(tag: u8) -> Vec<u8> {
    encode(&Lookup { version: 1, tag: [tag; 8] })
}

/// The buyer's first step; `fresh` stands for its randomness.
pub(crate) fn start(fresh: u8, lookup: &[u8], want_key: bool) -> (BuyerHello, Vec<u8>) {
    BuyerHello::start(&mut FixedRng::new(&[&[fresh; 48]]), lookup, want_key)
}

pub(crate) fn answer(
    world: &World,
    fresh: u8,
    lookup: &[u8],
    packet: &[u8],
) -> Result<(SellerHello, Vec<u8>), HandshakeError> {
    let Packet::Hello1(hello) = decode(packet, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    let mut rng = FixedRng::new(&[&[fresh; 64]]);
    let Person { signer, certificate, .. } = &world.seller;
    SellerHello::answer(&mut rng, &world.trust, signer, certificate, lookup, (&hello, packet))
}

pub(crate) fn reply(
    buyer: &Person,
    trust: &mut Trust,
    hello: BuyerHello,
    packet: &[u8],
) -> Result<(Session, Vec<u8>), HandshakeError> {
    let Packet::Hello2(hello_2) = decode(packet, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    let offer = hello.read(trust, &hello_2, packet)?;
    let mut rng = FixedRng::new(&[&[0x22; 32]]);
    let Person { signer, certificate, checkpoint, .. } = buyer;
    let (session, _, hello_3) = offer.answer(&mut rng, trust, signer, certificate, checkpoint)?;
    Ok((session, hello_3))
}

pub(crate) fn finish(
    trust: &mut Trust,
    hello: SellerHello,
    packet: &[u8],
) -> Result<Session, HandshakeError> {
    let Packet::Hello3(hello_3) = decode(packet, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    hello.finish(trust, &hello_3, packet).map(|(session, _, _)| session)
}

pub(crate) fn run(world: &World, buyer_fresh: u8, seller_fresh: u8) -> Run {
    let lookup = lookup(1);
    let (buyer, hello_1) = start(buyer_fresh, &lookup, false);
    let (seller, hello_2) = answer(world, seller_fresh, &lookup, &hello_1).unwrap();
    let mut trust = world.trust.clone();
    let (buyer, hello_3) = reply(&world.buyer, &mut trust, buyer, &hello_2).unwrap();
    let seller = finish(&mut trust, seller, &hello_3).unwrap();
    Run { lookup, hello_1, hello_2, hello_3, buyer, seller }
}
