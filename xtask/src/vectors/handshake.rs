//! handshake.json: the three HELLOs with fixed randomness, and the first sealed messages.

use onehop_crypto::{BuyerHello, HandshakeError, SellerHello, Session, Trust};
use onehop_wire::domain::hash_of;
use onehop_wire::hello::{Lookup, Packet};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Message, Sealed, decode, encode};
use serde_json::{Value, json};

use super::fixed_rng::FixedRng;
use super::readable::{Case, bytes, hex};
use super::world::{NEW_YEAR, Person, World, text};

pub(crate) const BUYER_SECRET: [u8; 32] = [0x21; 32];
pub(crate) const BUYER_NONCE: [u8; 16] = [0xb0; 16];
pub(crate) const BUYER_IKM: [u8; 32] = [0x22; 32];
pub(crate) const SELLER_SECRET: [u8; 32] = [0x31; 32];
pub(crate) const SELLER_IKM: [u8; 32] = [0x32; 32];

/// A handshake that went well: its packets, and the session on either side.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) lookup: Vec<u8>,
    pub(crate) hello_1: Vec<u8>,
    pub(crate) hello_2: Vec<u8>,
    pub(crate) hello_3: Vec<u8>,
    pub(crate) buyer: Session,
    pub(crate) seller: Session,
}

pub(crate) fn lookup() -> Lookup {
    Lookup { version: 1, tag: [1, 2, 3, 4, 5, 6, 7, 8] }
}

/// The buyer's first step.
pub(crate) fn start(lookup: &[u8], want_office_key: bool) -> (BuyerHello, Vec<u8>) {
    let mut rng = FixedRng::new(&[&BUYER_SECRET, &BUYER_NONCE]);
    BuyerHello::start(&mut rng, lookup, want_office_key)
}

/// The seller's answer to the packet `hello_1`.
pub(crate) fn answer(
    world: &World,
    lookup: &[u8],
    hello_1: &[u8],
) -> Result<(SellerHello, Vec<u8>), HandshakeError> {
    let Packet::Hello1(hello) = decode(hello_1, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    let mut rng = FixedRng::new(&[&SELLER_IKM, &SELLER_SECRET]);
    let Person { signer, certificate, .. } = &world.seller;
    SellerHello::answer(&mut rng, &world.trust, signer, certificate, lookup, (&hello, hello_1))
}

/// The buyer's second step, after the packet `hello_2`.
pub(crate) fn reply(
    world: &World,
    trust: &mut Trust,
    buyer: BuyerHello,
    hello_2: &[u8],
) -> Result<(Session, Vec<u8>), HandshakeError> {
    let Packet::Hello2(hello) = decode(hello_2, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    let offer = buyer.read(trust, &hello, hello_2)?;
    let mut rng = FixedRng::new(&[&BUYER_IKM]);
    let Person { signer, certificate, checkpoint, .. } = &world.buyer;
    let (session, _, hello_3) = offer.answer(&mut rng, trust, signer, certificate, checkpoint)?;
    Ok((session, hello_3))
}

/// The seller's last step, after the packet `hello_3`.
pub(crate) fn finish(
    trust: &mut Trust,
    seller: SellerHello,
    hello_3: &[u8],
) -> Result<Session, HandshakeError> {
    let Packet::Hello3(hello) = decode(hello_3, PACKET_MAX)? else {
        return Err(HandshakeError::Mismatch);
    };
    seller.finish(trust, &hello, hello_3).map(|(session, _, _)| session)
}

/// The whole handshake of `world`'s buyer and seller.
pub(crate) fn run(world: &World, want_office_key: bool) -> Result<Run, HandshakeError> {
    let lookup = encode(&lookup());
    // Who asks for the office key does not know it yet.
    let mut trust =
        if want_office_key { Trust::new(world.root.public()) } else { world.trust.clone() };
    let (buyer, hello_1) = start(&lookup, want_office_key);
    let (seller, hello_2) = answer(world, &lookup, &hello_1)?;
    let (buyer, hello_3) = reply(world, &mut trust, buyer, &hello_2)?;
    let seller = finish(&mut world.trust.clone(), seller, &hello_3)?;
    Ok(Run { lookup, hello_1, hello_2, hello_3, buyer, seller })
}

fn concat(items: &[&[u8]]) -> Vec<u8> {
    let with_length = |item: &&[u8]| {
        let length = u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[..], item].concat()
    };
    items.iter().flat_map(with_length).collect()
}

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let mut cases = vec![
        complete("the buyer knows the office key", world, false)?,
        complete("the buyer asks for the office key", world, true)?,
    ];
    cases.extend(refused(world)?);
    Ok(cases)
}

fn complete(name: &str, world: &World, want_office_key: bool) -> anyhow::Result<Case> {
    let mut run = run(world, want_office_key)?;
    let Run { lookup, hello_1, hello_2, hello_3, .. } = &run;
    // Variant number, version, session key, encapsulated key.
    let clear_2 = &hello_2[1..66];
    let earlier = |items: &[&[u8]]| hex(hash_of("earlier", &[&concat(items)]).0);
    let case = common(name, world, want_office_key, lookup)
        .with("hello_1", hex(hello_1))
        .with("hello_2", hex(hello_2))
        .with("hello_3", hex(hello_3))
        .with("earlier_1", earlier(&[lookup, hello_1]))
        .with("earlier_2", earlier(&[lookup, hello_1, clear_2]))
        .with("earlier_3", earlier(&[lookup, hello_1, hello_2]))
        .with("transcript", hex(run.buyer.transcript().0))
        .with("short_code", run.buyer.short_code());
    let sealed = conversation(world, &mut run)?;
    Ok(case.with("sealed", sealed))
}

fn common(name: &str, world: &World, want_office_key: bool, lookup: &[u8]) -> Case {
    let known = if want_office_key { json!([]) } else { json!([bytes(&world.office_key)]) };
    Case::new(name)
        .with("office", hex(world.office().0))
        .with("root", hex(world.root.public().0))
        .with("buyer_knows", known)
        .with("seller_knows", json!([bytes(&world.office_key)]))
        .with("now", NEW_YEAR.to_string())
        .with("buyer_seed", hex(world.buyer.seed))
        .with("buyer_certificate", bytes(&world.buyer.certificate))
        .with("buyer_checkpoint", bytes(&world.buyer.checkpoint))
        .with("seller_seed", hex(world.seller.seed))
        .with("seller_certificate", bytes(&world.seller.certificate))
        .with("buyer_secret", hex(BUYER_SECRET))
        .with("buyer_nonce", hex(BUYER_NONCE))
        .with("buyer_ikm", hex(BUYER_IKM))
        .with("seller_secret", hex(SELLER_SECRET))
        .with("seller_ikm", hex(SELLER_IKM))
        .with("lookup", hex(lookup))
}

/// A payment's messages, sealed in both directions.
fn conversation(world: &World, run: &mut Run) -> anyhow::Result<Value> {
    let request = world.request(&world.seller, &world.buyer, 735, 1);
    let mut chain = world.chain(&world.buyer.checkpoint);
    let agreed = world.entry(&world.buyer, &mut chain, &request, &[]);
    let commit = world.commit(&world.seller, &world.buyer, &agreed, true);
    let committed = world.committed(&world.buyer, &commit);
    let order = text("2 tea");
    let tx = agreed.body.tx;
    let said = [
        (true, Message::CommitRequest { request, order }),
        // Sealed before the request was opened: it acknowledges nothing.
        (false, Message::Unknown(tx)),
        (false, Message::Agreed(agreed)),
        (true, Message::Commit(commit)),
        (false, Message::Committed(committed)),
    ];
    let mut sealed = Vec::new();
    let mut waiting: Option<Sealed> = None;
    for (at, (by_seller, message)) in said.into_iter().enumerate() {
        let message = encode(&message);
        let (from, to) = if by_seller {
            (&mut run.seller, &mut run.buyer)
        } else {
            (&mut run.buyer, &mut run.seller)
        };
        let packet = from.seal(&message)?;
        let transcript = from.transcript();
        let aad =
            [&transcript.0[..], &packet.number.to_be_bytes(), &packet.ack.to_be_bytes()].concat();
        sealed.push(json!({
            "from": if by_seller { "seller" } else { "buyer" },
            "number": packet.number.to_string(),
            "ack": packet.ack.to_string(),
            "aad": hex(aad),
            "message": hex(&message),
            "ciphertext": hex(&packet.ciphertext[..]),
            "packet": bytes(&Packet::Sealed(packet.clone())),
        }));
        if at == 0 {
            // The first packet crosses the second.
            waiting = Some(packet);
        } else {
            to.open(&packet)?;
            if let Some(first) = waiting.take() {
                run.buyer.open(&first)?;
            }
        }
    }
    Ok(Value::Array(sealed))
}

/// Handshakes that end at one packet, with the code that its receiver answers.
fn refused(world: &World) -> anyhow::Result<Vec<Case>> {
    let good = run(world, false)?;
    let other_lookup = encode(&Lookup { tag: [8; 8], ..lookup() });
    let hello_1 = |change: &dyn Fn(&mut onehop_wire::Hello1)| {
        let mut packet = decode::<Packet>(&good.hello_1, PACKET_MAX);
        if let Ok(Packet::Hello1(hello)) = &mut packet {
            change(hello);
        }
        packet.map(|packet| encode(&packet))
    };
    let base = |name: &str| common(name, world, false, &good.lookup);
    let flipped = |packet: &[u8], at: usize| {
        let mut packet = packet.to_vec();
        packet[at] ^= 1;
        packet
    };
    let last = |packet: &[u8]| flipped(packet, packet.len() - 1);
    Ok(vec![
        base("hello 1 offers no known version")
            .with("hello_1", hex(hello_1(&|hello| hello.versions = versions(&[2, 9]))?))
            .with("error", "Version"),
        base("hello 1 answers another look-up")
            .with("hello_1", hex(start(&other_lookup, false).1))
            .with("error", "Handshake"),
        base("hello 1 has a session key of small order")
            .with("hello_1", hex(hello_1(&|hello| hello.session_key.0 = [0; 32])?))
            .with("error", "Handshake"),
        base("hello 2 chooses a version that was not offered")
            .with("hello_1", hex(&good.hello_1))
            .with("hello_2", hex(with_byte(&good.hello_2, 1, 2)))
            .with("error", "Version"),
        base("hello 2 has another session key")
            .with("hello_1", hex(&good.hello_1))
            .with("hello_2", hex(flipped(&good.hello_2, 2)))
            .with("error", "Handshake"),
        base("hello 2 was altered in its last byte")
            .with("hello_1", hex(&good.hello_1))
            .with("hello_2", hex(last(&good.hello_2)))
            .with("error", "Handshake"),
        base("hello 3 was altered in its last byte")
            .with("hello_1", hex(&good.hello_1))
            .with("hello_2", hex(&good.hello_2))
            .with("hello_3", hex(last(&good.hello_3)))
            .with("error", "Handshake"),
    ])
}

fn versions(of: &[u8]) -> onehop_wire::List<u8, 4> {
    onehop_wire::List::new(of.to_vec()).unwrap_or_default()
}

fn with_byte(packet: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[at] = byte;
    packet
}

/// The proofs that are signed in `run` and never sent as bodies, for statements.json.
pub(crate) fn proofs(
    world: &World,
    run: &Run,
) -> (onehop_wire::hello::SellerProof, onehop_wire::hello::BuyerProof) {
    let clear_2 = &run.hello_2[1..66];
    let earlier_2 = hash_of("earlier", &[&concat(&[&run.lookup, &run.hello_1, clear_2])]);
    let earlier_3 = hash_of("earlier", &[&concat(&[&run.lookup, &run.hello_1, &run.hello_2])]);
    let (seller, buyer) = (world.seller.id(), world.buyer.id());
    (
        onehop_wire::hello::SellerProof { version: 1, wallet: seller, earlier: earlier_2 },
        onehop_wire::hello::BuyerProof { version: 1, wallet: buyer, seller, earlier: earlier_3 },
    )
}
