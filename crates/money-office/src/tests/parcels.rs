//! Requests that others carry, sealed.

use onehop_crypto::SessionSecret;
use onehop_crypto::letter::{open_reply, seal_parcel};
use onehop_wire::office::{
    ClaimBundle, EntryState, OfficeAnswer, OfficeRequest, OutcomeKind, Transfer, Verdict,
};
use onehop_wire::relay::{Parcel, Reply};
use onehop_wire::{Bytes, List, OfficeId, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::world::{DAY, World, key};
use crate::{OfficeError, Refusal};

/// Who asks through others.
fn asker() -> SessionSecret {
    SessionSecret::from_bytes([0x61; 32])
}

fn sealed(world: &World, request: OfficeRequest) -> Parcel {
    let key = world.office.info().unwrap().office_key.body;
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    seal_parcel(&mut rng, world.office.id(), &key, asker().public(), request).unwrap()
}

fn opened(world: &World, reply: &Reply) -> OfficeAnswer {
    open_reply(&asker(), world.office.id(), reply).unwrap().body.answer
}

fn refusal(done: Result<Reply, OfficeError>) -> Refusal {
    match done {
        Err(OfficeError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// [O-43] [O-44]
#[test]
fn a_payer_that_never_comes_by_itself_has_its_payment_decided_by_parcel() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    buyer.last_is(EntryState::InDoubt);
    let asked = OfficeRequest::Resolve(Box::new(buyer.resolve(&paid, None)));
    let parcel = sealed(&world, asked.clone());
    let now = world.now;
    let early = world.office.relay(now, &parcel).unwrap();
    let OfficeAnswer::Resolve(verdict) = opened(&world, &early) else { panic!("{early:?}") };
    assert!(matches!(*verdict, Verdict::Pending(_)), "{verdict:?}");
    // The seller never comes either: its time passes.
    world.now = paid.agreed.body.redeem_by.plus(30 * DAY);
    let now = world.now;
    let late = world.office.relay(now, &parcel).unwrap();
    let OfficeAnswer::Resolve(verdict) = opened(&world, &late) else { panic!("{late:?}") };
    let Verdict::Outcome(outcome) = *verdict else { panic!("{verdict:?}") };
    assert_eq!(outcome.body.kind, OutcomeKind::Void);
    // Carried twice, by two: the same bytes; and the same as if it had come by itself.
    assert_eq!(encode(&world.office.relay(now, &parcel).unwrap()), encode(&late));
    let alone = world.office.answer(now, &asked).unwrap();
    assert_eq!(alone, opened(&world, &late));
    world.balances();
}

/// [O-43]
#[test]
fn who_carries_a_parcel_finds_nothing_in_it_of_the_payment_and_little_in_its_length() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    let bundle = ClaimBundle { claims: List::new(vec![paid.claim.clone()]).unwrap() };
    let asked = [
        OfficeRequest::Resolve(Box::new(buyer.resolve(&paid, None))),
        OfficeRequest::Claim(bundle),
        OfficeRequest::Sync(Box::new(buyer.sync(Transfer::None))),
    ];
    let now = world.now;
    let known = [
        buyer.id().as_bytes().to_vec(),
        seller.id().as_bytes().to_vec(),
        paid.agreed.body.tx.as_bytes().to_vec(),
        paid.agreed.signature.0.to_vec(),
        b"seller".to_vec(),
    ];
    for request in asked {
        let parcel = sealed(&world, request);
        assert_eq!((parcel.sealed.len() - 16) % 1024, 0, "a tag behind whole pages");
        let reply = world.office.relay(now, &parcel).unwrap();
        for bytes in [encode(&parcel), encode(&reply)] {
            for known in &known {
                assert!(!bytes.windows(known.len()).any(|it| it == known.as_slice()));
            }
        }
    }
}

/// [O-44]
#[test]
fn a_parcel_altered_in_any_bit_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    buyer.last_is(EntryState::InDoubt);
    let asked = OfficeRequest::Resolve(Box::new(buyer.resolve(&paid, None)));
    let parcel = sealed(&world, asked);
    let bytes = encode(&parcel);
    let (now, before) = (world.now, world.office.store().clone());
    for bit in (0..bytes.len() * 8).step_by(7) {
        let mut harmed = bytes.clone();
        harmed[bit / 8] ^= 1 << (bit % 8);
        let Ok(harmed) = onehop_wire::decode::<Parcel>(&harmed, bytes.len()) else { continue };
        refusal(world.office.relay(now, &harmed));
    }
    assert_eq!(*world.office.store(), before);
    let other = Parcel { office: OfficeId([7; 32]), ..parcel.clone() };
    let said = refusal(world.office.relay(now, &other)).to_string();
    assert!(said.starts_with("the parcel is for office 0707"), "{said}");
    let other = Parcel { number: 9, ..parcel.clone() };
    let said = refusal(world.office.relay(now, &other)).to_string();
    assert_eq!(said, "the parcel is sealed to office key 9, which is not known here");
    let other = Parcel { sealed: Bytes::empty(), ..parcel };
    let said = refusal(world.office.relay(now, &other)).to_string();
    assert_eq!(said, "the parcel cannot be read: the letter does not open");
}

/// [O-45]
#[test]
fn a_parcel_sealed_before_the_office_changed_its_key_is_answered_under_the_new_one() {
    let mut world = World::new();
    let buyer = world.funded(1, "buyer", 50_000);
    let asked = OfficeRequest::Sync(Box::new(buyer.sync(Transfer::None)));
    let parcel = sealed(&world, asked);
    assert_eq!(parcel.number, 1);
    let now = world.now;
    let root = key(201);
    assert_eq!(world.office.renew_key(&root, &[9; 32], now).unwrap(), 2);
    let reply = world.office.relay(now, &parcel).unwrap();
    let answered = open_reply(&asker(), world.office.id(), &reply).unwrap();
    assert_eq!(answered.body.signed_by, 2);
    assert!(matches!(answered.body.answer, OfficeAnswer::Sync(_)));
    // What the request inside is refused for, only the asker hears.
    let stranger = key(77);
    let forged = OfficeRequest::Sync(Box::new({
        let body = buyer.sync(Transfer::None).body;
        stranger.sign(world.office.id(), body).into_signed()
    }));
    let parcel = sealed(&world, forged);
    assert_eq!(parcel.number, 2);
    let reply = world.office.relay(now, &parcel).unwrap();
    let OfficeAnswer::Refused(words) = opened(&world, &reply) else { panic!("{reply:?}") };
    assert_eq!(words.as_str(), "signature of a sync does not verify");
}
