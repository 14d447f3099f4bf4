//! Somebody between the two who changes, swaps and reflects what they say.

use onehop_crypto::{BadSignature, HandshakeError, Sealer, SigningKey};
use onehop_wire::domain::{domain, hash_of};
use onehop_wire::hello::SellerIntroduction;
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Hello2, Hello3, List, Packet, SessionKey, Signature, decode, encode};

use crate::fixed_rng::FixedRng;
use crate::steps::{answer, finish, lookup, reply, run, start};
use crate::world::World;

/// One bit of each byte of `packet` changed, the bit being another from byte to byte.
fn alterations(packet: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..packet.len()).map(|at| {
        let mut altered = packet.to_vec();
        altered[at] ^= 1 << (at % 8);
        (at, altered)
    })
}

#[test]
fn any_change_of_hello_1_ends_the_handshake() {
    // [V-4] [H-12]
    let world = World::new();
    let lookup = lookup(1);
    let (_, hello_1) = start(1, &lookup, false);
    for (at, altered) in alterations(&hello_1) {
        let Ok((_, hello_2)) = answer(&world, 2, &lookup, &altered) else { continue };
        let (buyer, _) = start(1, &lookup, false);
        let read = reply(&world.buyer, &mut world.trust.clone(), buyer, &hello_2);
        assert!(read.is_err(), "the change of byte {at} goes unnoticed");
    }
}

#[test]
fn any_change_of_hello_2_ends_the_handshake() {
    // [V-4] [H-6] [H-12]
    let world = World::new();
    let lookup = lookup(1);
    let (_, hello_1) = start(1, &lookup, false);
    let (_, hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
    for (at, altered) in alterations(&hello_2) {
        let (buyer, _) = start(1, &lookup, false);
        let read = reply(&world.buyer, &mut world.trust.clone(), buyer, &altered);
        assert!(read.is_err(), "the change of byte {at} goes unnoticed");
    }
}

#[test]
fn any_change_of_hello_3_ends_the_handshake() {
    // [V-4] [H-10] [H-12]
    let world = World::new();
    let good = run(&world, 1, 2);
    for (at, altered) in alterations(&good.hello_3) {
        let (seller, _) = answer(&world, 2, &good.lookup, &good.hello_1).unwrap();
        let read = finish(&mut world.trust.clone(), seller, &altered);
        assert!(read.is_err(), "the change of byte {at} goes unnoticed");
    }
}

#[test]
fn a_sealed_hello_reflected_to_its_sender_does_not_open() {
    // [H-12]
    let world = World::new();
    let good = run(&world, 1, 2);
    let Packet::Hello2(Hello2 { enc, sealed, .. }) = decode(&good.hello_2, PACKET_MAX).unwrap()
    else {
        panic!("no HELLO 2")
    };
    let reflected = encode(&Packet::Hello3(Hello3 { enc, sealed }));
    let (seller, _) = answer(&world, 2, &good.lookup, &good.hello_1).unwrap();
    assert!(finish(&mut world.trust.clone(), seller, &reflected).is_err());
}

/// HELLO 2 of somebody who knows the protocol, with a certificate and a proof of their choice.
fn hello_2(
    world: &World,
    hello_1: &[u8],
    prove: &dyn Fn(onehop_wire::hello::SellerProof) -> Signature,
) -> Vec<u8> {
    let concat = |items: &[&[u8]]| -> Vec<u8> {
        let length = |item: &&[u8]| u32::try_from(item.len()).unwrap().to_be_bytes();
        items.iter().flat_map(|item| [&length(item)[..], item].concat()).collect()
    };
    let lookup = lookup(1);
    let Packet::Hello1(hello) = decode(hello_1, PACKET_MAX).unwrap() else { panic!("other") };
    let before = hash_of("earlier", &[&concat(&[&lookup, hello_1])]);
    let info = [&domain("hpke-seller")[..], &before.0].concat();
    let mut rng = FixedRng::new(&[&[9; 32]]);
    let (enc, mut sealer) = Sealer::setup(&mut rng, &hello.session_key, &info).unwrap();
    let session_key = SessionKey([9; 32]);
    let clear = encode(&(1_u8, session_key, enc));
    let earlier = hash_of("earlier", &[&concat(&[&lookup, hello_1, &clear])]);
    let wallet = world.seller.id();
    let proof = prove(onehop_wire::hello::SellerProof { version: 1, wallet, earlier });
    let certificate = world.seller.certificate.clone();
    let introduction = SellerIntroduction { certificate, office_key: None, proof };
    let sealed = sealer.seal(&earlier.0, &encode(&introduction)).unwrap();
    let sealed = List::new(sealed).unwrap();
    encode(&Packet::Hello2(Hello2 { version: 1, session_key, enc, sealed }))
}

#[test]
fn a_certificate_without_its_key_proves_nothing() {
    // [H-6]
    let world = World::new();
    let office = world.office();
    let read = |prove: &dyn Fn(onehop_wire::hello::SellerProof) -> Signature| {
        let (buyer, hello_1) = start(1, &lookup(1), false);
        let hello_2 = hello_2(&world, &hello_1, prove);
        reply(&world.buyer, &mut world.trust.clone(), buyer, &hello_2).map(drop)
    };
    let by = |signer: &SigningKey, proof| signer.sign(&office, proof).signed().signature;
    assert_eq!(read(&|proof| by(&world.seller.signer, proof)), Ok(()));
    let bad = HandshakeError::Proof(BadSignature { statement: "hello-2" });
    assert_eq!(read(&|proof| by(&world.third.signer, proof)), Err(bad));
    // A proof that the seller gave in another session.
    let elsewhere = read(&|mut proof| {
        proof.earlier.0[0] ^= 1;
        by(&world.seller.signer, proof)
    });
    assert_eq!(elsewhere, Err(bad));
    let downgraded = read(&|mut proof| {
        proof.version = 0;
        by(&world.seller.signer, proof)
    });
    assert_eq!(downgraded, Err(bad));
}

#[test]
fn a_buyer_with_the_checkpoint_or_certificate_of_another_is_refused() {
    // [H-10]
    let world = World::new();
    let lookup = lookup(1);
    let attempt = |change: &dyn Fn(&mut crate::world::Person)| {
        let mut thief = world.third.clone();
        change(&mut thief);
        let (buyer, hello_1) = start(1, &lookup, false);
        let (seller, hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
        let mut trust = world.trust.clone();
        let (_, hello_3) = reply(&thief, &mut trust, buyer, &hello_2).unwrap();
        finish(&mut trust, seller, &hello_3).map(drop)
    };
    assert_eq!(attempt(&|_| {}), Ok(()));
    let checkpoint = world.buyer.checkpoint.clone();
    let refused = attempt(&|thief| thief.checkpoint = checkpoint.clone());
    assert_eq!(refused, Err(HandshakeError::Mismatch));
    let certificate = world.buyer.certificate.clone();
    let refused = attempt(&|thief| thief.certificate = certificate.clone());
    let bad = HandshakeError::Proof(BadSignature { statement: "hello-3" });
    assert_eq!(refused, Err(bad));
    let refused = attempt(&|thief| thief.checkpoint.signature.0[0] ^= 1);
    assert!(matches!(refused, Err(HandshakeError::Chain(_))), "{refused:?}");
}
