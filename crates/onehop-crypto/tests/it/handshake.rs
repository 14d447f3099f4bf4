//! The three HELLOs: their vectors, versions, office keys and replays.

use onehop_crypto::{ChainError, EnvelopeError, HandshakeError, Trust};
use onehop_wire::domain::hash_of;
use onehop_wire::hello::Hello1;
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Hash, List, OfficeKey, Packet, PublicKey, Signed, decode, encode};
use serde_json::Value;

use crate::fixed_rng::FixedRng;
use crate::steps::{answer, finish, lookup, reply, run, start};
use crate::vectors::{bytes, cases, text};
use crate::world::World;

fn trust_of(case: &Value, known: &str) -> Trust {
    let mut trust = Trust::new(PublicKey::from_hex(text(case, "root")).unwrap());
    for key in case[known].as_array().unwrap() {
        let key = hex::decode(key.as_str().unwrap()).unwrap();
        trust.add_key(decode::<Signed<OfficeKey>>(&key, 1_024).unwrap()).unwrap();
    }
    trust
}

/// The handshake of a case from its own randomness; ends at the packet that is refused.
fn replay(case: &Value) -> Result<(), HandshakeError> {
    use onehop_crypto::{BuyerHello, SellerHello};
    let world = World::new();
    let (mut buyers, mut sellers) = (trust_of(case, "buyer_knows"), trust_of(case, "seller_knows"));
    let lookup = bytes(case, "lookup");
    let given_1 = bytes(case, "hello_1");
    let Packet::Hello1(hello_1) = decode(&given_1, PACKET_MAX)? else { panic!("no HELLO 1") };
    let fresh = [bytes(case, "buyer_secret"), bytes(case, "buyer_nonce")].concat();
    let (buyer, made_1) =
        BuyerHello::start(&mut FixedRng::new(&[&fresh]), &lookup, hello_1.want_office_key);
    let mut rng = FixedRng::new(&[&bytes(case, "seller_ikm"), &bytes(case, "seller_secret")]);
    let certificate = decode(&bytes(case, "seller_certificate"), PACKET_MAX)?;
    let signer = &world.seller.signer;
    let (seller, made_2) = SellerHello::answer(
        &mut rng,
        &sellers,
        signer,
        &certificate,
        &lookup,
        (&hello_1, &given_1),
    )?;
    assert_eq!(made_1, given_1);
    let given_2 = bytes(case, "hello_2");
    let Packet::Hello2(hello_2) = decode(&given_2, PACKET_MAX)? else { panic!("no HELLO 2") };
    let offer = buyer.read(&mut buyers, &hello_2, &given_2)?;
    assert_eq!(made_2, given_2);
    let mut rng = FixedRng::new(&[&bytes(case, "buyer_ikm")]);
    let certificate = decode(&bytes(case, "buyer_certificate"), PACKET_MAX)?;
    let checkpoint = decode(&bytes(case, "buyer_checkpoint"), PACKET_MAX)?;
    let signer = &world.buyer.signer;
    let (mut buyer, _, made_3) =
        offer.answer(&mut rng, &buyers, signer, &certificate, &checkpoint)?;
    let given_3 = bytes(case, "hello_3");
    let mut seller = finish(&mut sellers, seller, &given_3)?;
    assert_eq!(made_3, given_3);
    for session in [&buyer, &seller] {
        assert_eq!(session.transcript().to_string(), text(case, "transcript"));
        assert_eq!(session.short_code(), text(case, "short_code"));
    }
    converse(case, &mut buyer, &mut seller);
    Ok(())
}

/// Seals every message of the case anew, and opens it on the other side.
fn converse(case: &Value, buyer: &mut onehop_crypto::Session, seller: &mut onehop_crypto::Session) {
    let mut waiting = Vec::new();
    for said in case["sealed"].as_array().unwrap() {
        let field = |name: &str| said[name].as_str().unwrap();
        let by_buyer = field("from") == "buyer";
        // What it acknowledges, the sender has opened before.
        waiting.retain(|(to_buyer, sealed): &(bool, onehop_wire::Sealed)| {
            let (to, receiver) =
                if *to_buyer { (true, &mut *buyer) } else { (false, &mut *seller) };
            let acks = to == by_buyer && sealed.number <= field("ack").parse().unwrap();
            if acks {
                receiver.open(sealed).unwrap();
            }
            !acks
        });
        let sender = if by_buyer { &mut *buyer } else { &mut *seller };
        let message = hex::decode(field("message")).unwrap();
        let sealed = sender.seal(&message).unwrap();
        assert_eq!(hex::encode(&sealed.ciphertext[..]), field("ciphertext"));
        assert_eq!(hex::encode(encode(&Packet::Sealed(sealed.clone()))), field("packet"));
        waiting.push((!by_buyer, sealed));
    }
}

/// The code that a refused HELLO is answered with (spec §4.2).
fn reject_code(error: HandshakeError) -> &'static str {
    match error {
        HandshakeError::Version => "Version",
        HandshakeError::Chain(_) => "Certificate",
        HandshakeError::Mismatch
        | HandshakeError::Envelope(_)
        | HandshakeError::Malformed(_)
        | HandshakeError::Proof(_)
        | _ => "Handshake",
    }
}

#[test]
fn every_vector_of_a_handshake_is_made_again_or_refused_as_it_says() {
    // [W-12]
    for case in cases("handshake") {
        let name = text(&case, "name");
        let found = replay(&case).err().map(reject_code);
        let expected = case.get("error").and_then(Value::as_str);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_hashes_of_the_key_schedule_are_those_of_the_specification() {
    // [W-12]
    let concat = |items: &[&[u8]]| -> Vec<u8> {
        let length = |item: &&[u8]| u32::try_from(item.len()).unwrap().to_be_bytes();
        items.iter().flat_map(|item| [&length(item)[..], item].concat()).collect()
    };
    for case in cases("handshake").iter().filter(|case| case.get("error").is_none()) {
        let packets = ["lookup", "hello_1", "hello_2", "hello_3"].map(|name| bytes(case, name));
        let [lookup, hello_1, hello_2, hello_3] = packets.each_ref().map(Vec::as_slice);
        let earlier = |items: &[&[u8]]| hash_of("earlier", &[&concat(items)]).to_string();
        assert_eq!(earlier(&[lookup, hello_1]), text(case, "earlier_1"));
        assert_eq!(earlier(&[lookup, hello_1, &hello_2[1..66]]), text(case, "earlier_2"));
        assert_eq!(earlier(&[lookup, hello_1, hello_2]), text(case, "earlier_3"));
        let transcript = hash_of("transcript", &[&concat(&[lookup, hello_1, hello_2, hello_3])]);
        assert_eq!(transcript.to_string(), text(case, "transcript"));
    }
}

fn changed_hello_1(packet: &[u8], change: impl FnOnce(&mut Hello1)) -> Vec<u8> {
    let Packet::Hello1(mut hello) = decode(packet, PACKET_MAX).unwrap() else { panic!("other") };
    change(&mut hello);
    encode(&Packet::Hello1(hello))
}

#[test]
fn a_seller_chooses_the_version_it_speaks_and_refuses_a_list_without_it() {
    // [V-2]
    let world = World::new();
    let lookup = lookup(1);
    let (_, hello_1) = start(1, &lookup, false);
    let offering = |versions: &[u8]| {
        let versions = List::new(versions.to_vec()).unwrap();
        let hello_1 = changed_hello_1(&hello_1, |hello| hello.versions = versions);
        answer(&world, 2, &lookup, &hello_1)
    };
    for without in [&[][..], &[0], &[2, 3, 4, 255]] {
        assert_eq!(offering(without).err(), Some(HandshakeError::Version), "{without:?}");
    }
    for with in [&[1][..], &[9, 1], &[9, 8, 7, 1]] {
        let (_, hello_2) = offering(with).unwrap();
        assert_eq!(hello_2[1], 1, "{with:?}");
    }
}

#[test]
fn a_buyer_refuses_a_version_that_it_did_not_offer() {
    // [V-3]
    let world = World::new();
    let lookup = lookup(1);
    for version in [0, 2, 255] {
        let (buyer, hello_1) = start(1, &lookup, false);
        let (_, mut hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
        hello_2[1] = version;
        let mut trust = world.trust.clone();
        let refused = reply(&world.buyer, &mut trust, buyer, &hello_2);
        assert_eq!(refused.err(), Some(HandshakeError::Version));
    }
}

#[test]
fn a_longer_list_of_versions_than_was_sent_ends_at_the_opening() {
    // [V-4]
    let world = World::new();
    let lookup = lookup(1);
    let (buyer, hello_1) = start(1, &lookup, false);
    let versions = List::new(vec![9, 1]).unwrap();
    let altered = changed_hello_1(&hello_1, |hello| hello.versions = versions);
    let (_, hello_2) = answer(&world, 2, &lookup, &altered).unwrap();
    let refused = reply(&world.buyer, &mut world.trust.clone(), buyer, &hello_2);
    assert_eq!(refused.err(), Some(HandshakeError::Envelope(EnvelopeError::Open)));
}

#[test]
fn a_hello_1_to_another_lookup_is_refused() {
    // [H-3] [V-4]
    let world = World::new();
    let (_, hello_1) = start(1, &lookup(1), false);
    let refused = answer(&world, 2, &lookup(2), &hello_1);
    assert_eq!(refused.err(), Some(HandshakeError::Mismatch));
    // The buyer heard a LOOKUP with another version than the seller sent.
    let mut altered = lookup(1);
    altered[0] = 2;
    let (_, hello_1) = start(1, &altered, false);
    let refused = answer(&world, 2, &lookup(1), &hello_1);
    assert_eq!(refused.err(), Some(HandshakeError::Mismatch));
}

#[test]
fn a_hello_1_with_a_key_that_is_not_usable_is_refused() {
    // [H-3]
    let world = World::new();
    let lookup = lookup(1);
    let (_, hello_1) = start(1, &lookup, false);
    let zero = changed_hello_1(&hello_1, |hello| hello.session_key.0 = [0; 32]);
    let refused = answer(&world, 2, &lookup, &zero);
    assert_eq!(refused.err(), Some(HandshakeError::Envelope(EnvelopeError::Key)));
}

#[test]
fn a_seller_keeps_its_hello_2_for_a_repeated_hello_1() {
    // [H-4]
    let world = World::new();
    let lookup = lookup(1);
    let (_, hello_1) = start(1, &lookup, false);
    let (seller, hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
    assert_eq!(seller.answered(), (&hello_1[..], &hello_2[..]));
}

#[test]
fn a_seller_sends_its_office_key_if_and_only_if_it_is_asked() {
    // [H-7]
    let world = World::new();
    let lookup = lookup(1);
    let mut trust = Trust::new(world.root.public());
    let (buyer, hello_1) = start(1, &lookup, false);
    let (_, hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
    let unknown = HandshakeError::Chain(ChainError::UnknownOfficeKey { number: 1 });
    let refused = reply(&world.buyer, &mut trust, buyer, &hello_2);
    assert_eq!(refused.err(), Some(unknown));
    let (buyer, hello_1) = start(1, &lookup, true);
    let (_, hello_2) = answer(&world, 2, &lookup, &hello_1).unwrap();
    assert!(reply(&world.buyer, &mut trust, buyer, &hello_2).is_ok());
    assert_eq!(trust.key(1), Some(&world.office_key));
}

#[test]
fn a_hello_3_replayed_to_a_new_handshake_does_not_open() {
    // [H-12]
    let world = World::new();
    let old = run(&world, 1, 2);
    // The same buyer packet again; the seller's answer is fresh.
    let (seller, hello_2) = answer(&world, 3, &old.lookup, &old.hello_1).unwrap();
    assert_ne!(hello_2, old.hello_2);
    let refused = finish(&mut world.trust.clone(), seller, &old.hello_3);
    assert_eq!(refused.err(), Some(HandshakeError::Envelope(EnvelopeError::Open)));
}

#[test]
fn hellos_name_nobody_and_share_nothing_with_those_of_another_session() {
    // [H-1]
    let world = World::new();
    let (one, other) = (run(&world, 1, 2), run(&world, 3, 4));
    let runs = |bytes: &[u8]| bytes.windows(8).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let certificate = encode(&world.buyer.certificate);
    let secret = [&world.buyer.id().0[..], &world.seller.id().0, &certificate, b"Ravi"];
    for packet in [&one.lookup, &one.hello_1] {
        for secret in secret {
            let is_in = runs(packet).iter().any(|run| runs(secret).contains(run));
            assert!(!is_in, "a HELLO 1 or LOOKUP holds part of a certificate");
        }
    }
    // Behind the versions and the hash of the LOOKUP: session key and nonce.
    assert_ne!(one.hello_1[35..67], other.hello_1[35..67]);
    assert_ne!(one.hello_1[67..83], other.hello_1[67..83]);
    assert_eq!(one.buyer.nonce().0[..], one.hello_1[67..83]);
    assert_ne!(one.buyer.transcript(), Hash([0; 32]));
}
