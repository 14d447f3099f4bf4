//! LOOKUP and the HELLOs, altered on their way, and what is sealed in them, forged by the peer.

use anyhow::{Context, bail};
use onehop_crypto::Sealer;
use onehop_wire::domain::{domain, hash_of};
use onehop_wire::hello::{BuyerIntroduction, BuyerProof, SellerIntroduction, SellerProof};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Hello2, Hello3, List, Packet, SessionKey, decode, encode};

use super::mutants::Genuine;
use super::stage::Stage;
use super::tally::{Case, Free, Reaction, Receiver};
use super::victim::{
    Heard, NOW, PEER, Victim, buyer_answer, buyer_hello, greeting, peer_lookup, seller_answer,
};
use crate::vectors::fixed_rng::FixedRng;
use crate::vectors::world::World;

const KEY: &[Free] = &[Free {
    path: "office_key",
    is_signed: false,
    why: "HELLO: the receiver has the office key that is left out",
}];

/// Gives bytes to a wallet set up for one try; true if they did what the genuine ones do.
type Try = fn(&World, &[u8]) -> anyhow::Result<(bool, Reaction)>;

struct Once<'a> {
    world: &'a World,
    attempt: Try,
}

impl Receiver for Once<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        match (self.attempt)(self.world, bytes) {
            Ok((true, _)) => Reaction::Accepted,
            Ok((false, reaction)) => reaction,
            Err(error) => Reaction::Changed(format!("{error:#}")),
        }
    }

    fn reset(&mut self) {}
}

/// The cases of look-up and handshake.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let world = &stage.world;
    let lookup: onehop_wire::Lookup = decode(&peer_lookup(), PACKET_MAX)?;
    let packet = |bytes: &[u8]| Genuine::new(&decode::<Packet>(bytes, PACKET_MAX)?);
    let (_, hello_1) = buyer_hello(&shop(world)?.1);
    let (_, greeted) = greeting(world, &world.buyer)?;
    let (_, hello_2) = seller_answer(world, &world.seller, &peer_lookup(), &greeted)?;
    let (_, hello_3) = introduced(world)?;
    let table: [(_, _, Try, _); 6] = [
        ("LOOKUP", Genuine::new(&lookup)?, on_lookup, &[][..]),
        ("HELLO 1", packet(&hello_1)?, on_hello_1, &[]),
        ("HELLO 2", packet(&hello_2)?, on_hello_2, &[]),
        ("HELLO 3", packet(&hello_3)?, on_hello_3, &[]),
        ("what HELLO 2 seals", Genuine::new(&seller_forge(world)?.introduction)?, on_seller, KEY),
        ("what HELLO 3 seals", Genuine::new(&buyer_forge(world)?.introduction)?, on_buyer, KEY),
    ];
    let case = |(name, genuine, attempt, free)| Case {
        name: str::to_owned(name),
        genuine,
        receiver: Box::new(Once { world, attempt }) as Box<dyn Receiver>,
        resign: None,
        free,
        is_idle: false,
    };
    Ok(table.into_iter().map(case).collect())
}

/// A sealed packet between other people.
pub(crate) fn other_session(world: &World) -> anyhow::Result<Genuine> {
    let mut run = crate::vectors::handshake::run(world, false)?;
    Genuine::new(&Packet::Sealed(run.seller.seal(b"opaque here")?))
}

/// What a wallet did that it should not have, if it did not do `wanted`.
fn outcome(before: &[u8], victim: &Victim, heard: &Heard, wanted: &str) -> (bool, Reaction) {
    let is_wanted = heard.effects.iter().any(|effect| effect == wanted);
    let reaction = match (heard.records().is_empty(), victim.state() == before) {
        (true, true) => Reaction::Nothing,
        (_, _) => Reaction::Changed(heard.effects.join(", ")),
    };
    (is_wanted, reaction)
}

/// A buyer's wallet hears a look-up, and the seller of the genuine one hears what it says.
fn on_lookup(world: &World, lookup: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let mut victim = Victim::new(world, &world.buyer)?;
    let before = victim.state();
    victim.wallet.open_buyer_mode(NOW, 100_000)?;
    victim.wallet.handle_up_as_buyer(NOW, PEER, lookup);
    let heard = victim.drain();
    let answered = heard.packets.first().is_some_and(|hello_1| {
        seller_answer(world, &world.seller, &peer_lookup(), hello_1).is_ok()
    });
    let (_, reaction) = outcome(&before, &victim, &heard, "");
    Ok((answered, reaction))
}

/// The seller's wallet with its shop open, and its LOOKUP.
fn shop(world: &World) -> anyhow::Result<(Victim, Vec<u8>)> {
    let mut victim = Victim::new(world, &world.seller)?;
    let lookup = victim.wallet.open_shop()?;
    victim.wallet.handle_up_as_seller(NOW, PEER);
    victim.drain();
    Ok((victim, lookup))
}

/// The buyer sent another HELLO 1: what is answered must not open for it.
fn on_hello_1(world: &World, hello_1: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let (mut victim, lookup) = shop(world)?;
    let (buyer, _) = buyer_hello(&lookup);
    let before = victim.state();
    let heard = victim.packet(hello_1);
    let (_, reaction) = outcome(&before, &victim, &heard, "");
    let is_answered = heard.effects.iter().any(|effect| effect == "message HELLO-2");
    let answer = heard.packets.first().filter(|_| is_answered);
    let read = answer.map(|hello_2| buyer_answer(world, &world.buyer, buyer, hello_2));
    Ok((read.is_some_and(|read| read.is_ok()), reaction))
}

fn on_hello_2(world: &World, hello_2: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let (mut victim, _) = greeting(world, &world.buyer)?;
    let before = victim.state();
    let heard = victim.packet(hello_2);
    Ok(outcome(&before, &victim, &heard, "event SellerFound"))
}

/// The seller's wallet after HELLO 2, and the peer's HELLO 3.
fn introduced(world: &World) -> anyhow::Result<(Victim, Vec<u8>)> {
    let (mut victim, lookup) = shop(world)?;
    let (buyer, hello_1) = buyer_hello(&lookup);
    let heard = victim.packet(&hello_1);
    let hello_2 = heard.packets.first().context("no HELLO 2")?;
    let (_, hello_3) = buyer_answer(world, &world.buyer, buyer, hello_2)?;
    Ok((victim, hello_3))
}

fn on_hello_3(world: &World, hello_3: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let (mut victim, _) = introduced(world)?;
    let before = victim.state();
    let heard = victim.packet(hello_3);
    Ok(outcome(&before, &victim, &heard, "event SessionOpen"))
}

fn concat(items: &[&[u8]]) -> Vec<u8> {
    let with_length = |item: &&[u8]| {
        let length = u32::try_from(item.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[..], item].concat()
    };
    items.iter().flat_map(with_length).collect()
}

fn earlier(items: &[&[u8]]) -> onehop_wire::Hash {
    hash_of("earlier", &[&concat(items)])
}

/// A wallet that waits for a HELLO, and all that is needed to seal any introduction to it.
struct Forge<T> {
    victim: Victim,
    sealer: Sealer,
    session_key: SessionKey,
    enc: SessionKey,
    aad: onehop_wire::Hash,
    introduction: T,
}

fn seller_forge(world: &World) -> anyhow::Result<Forge<SellerIntroduction>> {
    let (victim, hello_1) = greeting(world, &world.buyer)?;
    let Packet::Hello1(hello) = decode(&hello_1, PACKET_MAX)? else { bail!("no HELLO 1") };
    let lookup = peer_lookup();
    let info = [&domain("hpke-seller")[..], &earlier(&[&lookup, &hello_1]).0].concat();
    let (enc, sealer) = Sealer::setup(&mut FixedRng::new(&[&[9; 32]]), &hello.session_key, &info)?;
    let session_key = SessionKey([9; 32]);
    let aad = earlier(&[&lookup, &hello_1, &encode(&(1_u8, session_key, enc))]);
    let proof = SellerProof { version: 1, wallet: world.seller.id(), earlier: aad };
    let introduction = SellerIntroduction {
        certificate: world.seller.certificate.clone(),
        office_key: Some(world.office_key.clone()),
        proof: world.sign(&world.seller.signer, proof).signature,
    };
    Ok(Forge { victim, sealer, session_key, enc, aad, introduction })
}

fn on_seller(world: &World, plaintext: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let forge = seller_forge(world)?;
    let Forge { mut victim, mut sealer, session_key, enc, aad, .. } = forge;
    let sealed = List::new(sealer.seal(&aad.0, plaintext)?)?;
    let hello_2 = encode(&Packet::Hello2(Hello2 { version: 1, session_key, enc, sealed }));
    let before = victim.state();
    let heard = victim.packet(&hello_2);
    Ok(outcome(&before, &victim, &heard, "event SellerFound"))
}

fn buyer_forge(world: &World) -> anyhow::Result<Forge<BuyerIntroduction>> {
    let (mut victim, lookup) = shop(world)?;
    let (_, hello_1) = buyer_hello(&lookup);
    let heard = victim.packet(&hello_1);
    let hello_2 = heard.packets.first().context("no HELLO 2")?;
    let Packet::Hello2(hello) = decode(hello_2, PACKET_MAX)? else { bail!("no HELLO 2") };
    let aad = earlier(&[&lookup, &hello_1, hello_2]);
    let info = [&domain("hpke-buyer")[..], &aad.0].concat();
    let (enc, sealer) = Sealer::setup(&mut FixedRng::new(&[&[9; 32]]), &hello.session_key, &info)?;
    let (wallet, seller) = (world.buyer.id(), world.seller.id());
    let proof = BuyerProof { version: 1, wallet, seller, earlier: aad };
    let introduction = BuyerIntroduction {
        certificate: world.buyer.certificate.clone(),
        office_key: Some(world.office_key.clone()),
        checkpoint: world.buyer.checkpoint.clone(),
        proof: world.sign(&world.buyer.signer, proof).signature,
    };
    Ok(Forge { victim, sealer, session_key: hello.session_key, enc, aad, introduction })
}

fn on_buyer(world: &World, plaintext: &[u8]) -> anyhow::Result<(bool, Reaction)> {
    let Forge { mut victim, mut sealer, enc, aad, .. } = buyer_forge(world)?;
    let sealed = List::new(sealer.seal(&aad.0, plaintext)?)?;
    let hello_3 = encode(&Packet::Hello3(Hello3 { enc, sealed }));
    let before = victim.state();
    let heard = victim.packet(&hello_3);
    Ok(outcome(&before, &victim, &heard, "event SessionOpen"))
}
