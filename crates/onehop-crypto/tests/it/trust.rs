//! The way from a statement of the office to the root.

use onehop_crypto::{BadSignature, ChainError, Memory, SigningKey, Trust};
use onehop_wire::domain::office_id;
use onehop_wire::office::{NewRoot, OutcomeKind, Pending, Revocations};
use onehop_wire::{List, TxId, UnixSeconds};

use crate::world::{DAY, NEW_YEAR, World, office_key_body};

fn bad(statement: &'static str) -> ChainError {
    ChainError::Signature(BadSignature { statement })
}

#[test]
fn a_statement_under_an_unknown_office_key_is_refused() {
    // [B-1]
    let world = World::new();
    let fresh = Trust::new(world.root.public());
    let unknown = Some(ChainError::UnknownOfficeKey { number: 1 });
    assert_eq!(fresh.certificate(world.buyer.certificate.clone()).err(), unknown);
    assert_eq!(fresh.checkpoint(world.buyer.checkpoint.clone()).err(), unknown);
}

#[test]
fn an_office_key_that_no_trusted_root_signed_is_refused() {
    // [B-1]
    let world = World::new();
    let mut trust = Trust::new(world.root.public());
    let body = office_key_body(1, &world.office_signer);
    for forger in [&world.office_signer, &world.seller.signer] {
        let forged = world.sign(forger, body.clone());
        assert_eq!(trust.add_key(forged), Err(bad("office-key")));
    }
    assert_eq!(trust.keys().count(), 0);
    assert_eq!(trust.add_key(world.office_key.clone()), Ok(()));
    assert_eq!(trust.add_key(world.office_key.clone()), Ok(()), "a repeat");
    assert_eq!(trust.key(1), Some(&world.office_key));
}

#[test]
fn a_statement_that_its_office_key_does_not_verify_is_refused() {
    // [B-1]
    let world = World::new();
    let seller = &world.seller.signer;
    let certificate = world.sign(seller, world.buyer.certificate.body.clone());
    assert_eq!(world.trust.certificate(certificate).err(), Some(bad("certificate")));
    let checkpoint = world.sign(seller, world.buyer.checkpoint.body.clone());
    assert_eq!(world.trust.checkpoint(checkpoint).err(), Some(bad("checkpoint")));
    let pending = Pending { tx: TxId([1; 32]), until: UnixSeconds(0), signed_by: 1 };
    let forged = world.sign(seller, pending.clone());
    assert_eq!(world.trust.pending(forged).err(), Some(bad("pending")));
    assert!(world.trust.pending(world.by_office(pending)).is_ok());
    let list = Revocations { number: 1, wallets: List::empty(), signed_by: 1 };
    let forged = world.sign(seller, list.clone());
    assert_eq!(world.trust.revocations(forged).err(), Some(bad("revocations")));
    assert!(world.trust.revocations(world.by_office(list)).is_ok());
}

#[test]
fn a_statement_of_another_office_is_refused() {
    // [B-1]
    let world = World::new();
    let other_root = SigningKey::from_seed(&[0x66; 32]);
    let mut other = Trust::new(other_root.public());
    let office = *other.office();
    let key = office_key_body(1, &world.office_signer);
    other.add_key(other_root.sign(&office, key).into_signed()).unwrap();
    // The same signing key serves both offices; the office id in the signing input differs.
    let certificate = world.buyer.certificate.clone();
    assert_eq!(other.certificate(certificate).err(), Some(bad("certificate")));
}

#[test]
fn two_office_keys_under_one_number_are_a_clash() {
    let world = World::new();
    let mut trust = world.trust.clone();
    let second = world.sign(&world.root, office_key_body(1, &world.seller.signer));
    assert_eq!(trust.add_key(second), Err(ChainError::OfficeKeyClash { number: 1 }));
    assert_eq!(trust.key(1), Some(&world.office_key));
}

#[test]
fn dates_outside_those_of_the_office_key_are_refused() {
    // [B-2]
    let world = World::new();
    let key = &world.office_key.body;
    let (first, last) = (key.not_before, key.not_after);
    let certificate = |at| {
        let mut body = world.buyer.certificate.body.clone();
        body.not_before = at;
        world.trust.certificate(world.by_office(body)).err()
    };
    let checkpoint = |at| {
        let mut body = world.buyer.checkpoint.body.clone();
        body.issued = at;
        world.trust.checkpoint(world.by_office(body)).err()
    };
    let refused = |at| Some(ChainError::OfficeKeyDates { number: 1, at });
    let before = UnixSeconds(first.0 - 1);
    let after = last.plus(1);
    for good in [first, UnixSeconds(NEW_YEAR), last] {
        assert_eq!((certificate(good), checkpoint(good)), (None, None));
    }
    for bad in [UnixSeconds(0), before, after, UnixSeconds(u64::MAX)] {
        assert_eq!((certificate(bad), checkpoint(bad)), (refused(bad), refused(bad)));
    }
}

#[test]
fn an_outcome_has_no_date_and_any_known_office_key_serves_it() {
    // [B-2]
    let world = World::new();
    let mut trust = world.trust.clone();
    let old = SigningKey::from_seed(&[4; 32]);
    let mut body = office_key_body(2, &old);
    (body.not_before, body.not_after) = (UnixSeconds(0), UnixSeconds(1));
    trust.add_key(world.sign(&world.root, body)).unwrap();
    let request = world.request(&world.seller, &world.buyer, 1, 1);
    let mut chain = world.chain(&world.buyer.checkpoint);
    let agreed = world.entry(&world.buyer, &mut chain, &request, &[]);
    let mut outcome = world.outcome(&agreed, OutcomeKind::Paid).body;
    outcome.signed_by = 2;
    assert!(trust.outcome(world.sign(&old, outcome)).is_ok());
}

#[test]
fn a_new_root_is_taken_from_a_trusted_one_only_and_then_signs_keys() {
    // [B-1]
    let world = World::new();
    let [second, third] = [[3; 32], [5; 32]].map(|seed| SigningKey::from_seed(&seed));
    let root = |number, key: &SigningKey| NewRoot {
        number,
        root: key.public(),
        from: UnixSeconds(NEW_YEAR + DAY),
    };
    let mut trust = world.trust.clone();
    let by_second = world.sign(&second, root(2, &third));
    assert_eq!(trust.add_root(by_second.clone()), Err(bad("new-root")));
    let key = world.sign(&second, office_key_body(2, &world.office_signer));
    assert_eq!(trust.add_key(key.clone()), Err(bad("office-key")));
    trust.add_root(world.sign(&world.root, root(1, &second))).unwrap();
    trust.add_root(by_second).unwrap();
    trust.add_key(key).unwrap();
    // The old root still certifies what is out, and the office id stays.
    let old = world.sign(&world.root, office_key_body(3, &world.office_signer));
    trust.add_key(old).unwrap();
    assert_eq!(*trust.office(), office_id(&world.root.public()));
    assert_eq!(trust.root(), world.root.public());
}

/// [O-21]
#[test]
fn an_office_that_does_not_hash_to_the_pinned_id_is_refused() {
    let world = World::new();
    let (info, office) = (world.info(), world.office());
    assert_eq!(Trust::from_info(&info, Some(&office)), Ok(world.trust.clone()));
    assert_eq!(Trust::from_info(&info, None), Ok(world.trust));
    let other = office_id(&world.seller.signer.public());
    let refused = Trust::from_info(&info, Some(&other));
    assert_eq!(refused, Err(ChainError::Root { office: other }));
}

/// [O-21]
#[test]
fn a_trust_that_remembers_refuses_what_one_that_does_not_would() {
    let world = World::new();
    let trust = world.trust.clone().remembering(Memory::new());
    assert_eq!(trust, world.trust);
    let good = world.seller.certificate.clone();
    for _ in 0..2 {
        let verified = trust.certificate(good.clone()).unwrap();
        assert_eq!(verified, world.trust.certificate(good.clone()).unwrap());
    }
    let mut altered = good.clone();
    altered.body.epoch += 1;
    assert_eq!(trust.certificate(altered.clone()), world.trust.certificate(altered));
    let mut forged = good.clone();
    forged.signature.0[0] ^= 1;
    assert_eq!(trust.certificate(forged.clone()), world.trust.certificate(forged));
    let mut misnamed = good;
    misnamed.body.signed_by += 1;
    assert_eq!(trust.certificate(misnamed.clone()), world.trust.certificate(misnamed.clone()));
    assert!(trust.certificate(misnamed).is_err());
}

#[test]
fn what_one_thread_has_verified_another_finds_verified_and_nothing_else() {
    let world = World::new();
    let office = world.office();
    let memory = Memory::new();
    let trust = world.trust.clone().remembering(memory.clone());
    let seller = world.seller.signer.public();
    let signed = world.seller.certificate.clone();
    assert_eq!(memory.key_of(&world.seller.signer.wallet()), None);
    trust.certificate(signed.clone()).unwrap();
    assert_eq!(memory.key_of(&world.seller.signer.wallet()), Some(seller));
    let order = NewRoot { number: 1, root: seller, from: UnixSeconds(1) };
    let good = world.seller.signer.sign(&office, order).into_signed();
    let mut forged = good.clone();
    forged.signature.0[0] ^= 1;
    for _ in 0..2 {
        let elsewhere = memory.clone();
        let (good, forged) = (good.clone(), forged.clone());
        std::thread::spawn(move || {
            assert!(elsewhere.verify(&office, &seller, good).is_ok());
            assert!(elsewhere.verify(&office, &seller, forged).is_err());
        })
        .join()
        .unwrap();
    }
    let verified = trust.by_wallet(&seller, good.clone()).unwrap();
    assert_eq!(verified, onehop_crypto::verify(&office, &seller, good.clone()).unwrap());
    assert!(trust.by_wallet(&seller, forged).is_err());
    let buyer = world.buyer.signer.public();
    assert!(trust.by_wallet(&buyer, good).is_err());
}
