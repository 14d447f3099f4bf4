//! Waivers of a seller and outcomes of the office.

use onehop_crypto::{BadSignature, ChainError};
use onehop_evidence::{ReleaseFault, verify_abort, verify_release};
use onehop_wire::office::{Outcome, OutcomeKind};
use onehop_wire::{
    Abort, AbortSubject, Agreed, Attachment, Hash, Release, ReleaseGround, Signed, TxId,
};

use crate::world::World;

fn entry(world: &World) -> Signed<Agreed> {
    let request = world.request(&world.seller, &world.buyer, 735, 1);
    world.entry(&world.buyer, &mut world.chain(&world.buyer.checkpoint), &request, &[])
}

/// What is wrong with the seller's waiver once `change` was made to it.
fn abort_fault(change: impl FnOnce(&mut Abort)) -> Option<ReleaseFault> {
    let world = World::new();
    let agreed = entry(&world);
    let mut abort = world.abort(&world.seller, &world.buyer, &agreed).body;
    change(&mut abort);
    let abort = world.sign(&world.seller.signer, abort);
    let (key, payer) = (world.seller.signer.public(), world.buyer.id());
    let of = (&agreed.body, agreed.hash(&world.office()));
    verify_abort(&world.trust, &key, &payer, of, abort).err()
}

#[test]
fn a_waiver_names_the_payment_its_parties_and_the_entry_or_its_request() {
    // [M-3]
    let agreed = entry(&World::new());
    let (request, other) = (agreed.body.request, Hash([7; 32]));
    let third = World::new().third.id();
    let mismatch = Some(ReleaseFault::Mismatch);
    assert_eq!(abort_fault(|_| {}), None);
    assert_eq!(abort_fault(|abort| abort.subject = AbortSubject::Request(request)), None);
    assert_eq!(abort_fault(|abort| abort.subject = AbortSubject::Request(other)), mismatch);
    assert_eq!(abort_fault(|abort| abort.subject = AbortSubject::Agreed(other)), mismatch);
    assert_eq!(abort_fault(|abort| abort.subject = AbortSubject::Agreed(request)), mismatch);
    assert_eq!(abort_fault(|abort| abort.tx = TxId([7; 32])), mismatch);
    assert_eq!(abort_fault(|abort| abort.payer = third), mismatch);
    assert_eq!(abort_fault(|abort| abort.payee = third), mismatch);
}

/// What is wrong with a release whose ground is `ground`.
fn release_fault(
    world: &World,
    agreed: &Signed<Agreed>,
    ground: ReleaseGround,
) -> Option<ReleaseFault> {
    let release = Release { agreed: agreed.clone(), ground };
    verify_release(&world.trust, &world.buyer.signer.public(), &release).err()
}

#[test]
fn only_the_payee_of_the_entry_can_waive_it() {
    // [M-3]
    let world = World::new();
    let agreed = entry(&world);
    let third = ReleaseGround::Aborted {
        abort: world.abort(&world.third, &world.buyer, &agreed),
        seller: world.third.certificate.clone(),
    };
    assert_eq!(release_fault(&world, &agreed, third), Some(ReleaseFault::Mismatch));
    // The payee's name, the signature of another.
    let body = world.abort(&world.seller, &world.buyer, &agreed).body;
    let forged = ReleaseGround::Aborted {
        abort: world.sign(&world.third.signer, body),
        seller: world.seller.certificate.clone(),
    };
    let bad = BadSignature { statement: "abort" };
    assert_eq!(release_fault(&world, &agreed, forged), Some(ReleaseFault::Signature(bad)));
}

#[test]
fn the_waivers_certificate_is_of_this_office() {
    // [M-3]
    let world = World::new();
    let agreed = entry(&world);
    let mut seller = world.seller.certificate.clone();
    seller.body.signed_by = 5;
    let abort = world.abort(&world.seller, &world.buyer, &agreed);
    let ground = ReleaseGround::Aborted { abort, seller };
    let unknown = ReleaseFault::Chain(ChainError::UnknownOfficeKey { number: 5 });
    assert_eq!(release_fault(&world, &agreed, ground), Some(unknown));
}

#[test]
fn the_released_entry_is_signed_by_its_payer() {
    // [M-3]
    let world = World::new();
    let forged = world.sign(&world.third.signer, entry(&world).body);
    let Attachment::Release(release) = world.voided(&forged) else { panic!("a receipt") };
    let key = world.buyer.signer.public();
    let bad = BadSignature { statement: "agreed" };
    let found = verify_release(&world.trust, &key, &release).err();
    assert_eq!(found, Some(ReleaseFault::Signature(bad)));
}

#[test]
fn an_outcome_releases_only_as_void_and_only_the_entry_it_names_field_by_field() {
    // [M-3]
    let world = World::new();
    let agreed = entry(&world);
    let fault = |change: &dyn Fn(&mut Outcome)| {
        let mut outcome = world.outcome(&agreed, OutcomeKind::Void).body;
        change(&mut outcome);
        let outcome = world.by_office(outcome);
        release_fault(&world, &agreed, ReleaseGround::Voided(outcome))
    };
    assert_eq!(fault(&|_| {}), None);
    let yen = onehop_wire::Currency::by_code("JPY").unwrap();
    let changes: [&dyn Fn(&mut Outcome); 8] = [
        &|outcome| outcome.tx = TxId([7; 32]),
        &|outcome| outcome.entry = Hash([7; 32]),
        &|outcome| outcome.checkpoint = Hash([7; 32]),
        &|outcome| outcome.seq = 2,
        &|outcome| outcome.amount = 736,
        &|outcome| outcome.currency = yen,
        &|outcome| outcome.kind = OutcomeKind::Paid,
        &|outcome| outcome.kind = OutcomeKind::Disputed(Hash([7; 32])),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert_eq!(fault(change), Some(ReleaseFault::Mismatch), "change {at}");
    }
}

#[test]
fn an_outcome_that_the_office_did_not_sign_releases_nothing() {
    // [M-3]
    let world = World::new();
    let agreed = entry(&world);
    let body = world.outcome(&agreed, OutcomeKind::Void).body;
    let forged = ReleaseGround::Voided(world.sign(&world.buyer.signer, body));
    let bad = ChainError::Signature(BadSignature { statement: "outcome" });
    assert_eq!(release_fault(&world, &agreed, forged), Some(ReleaseFault::Chain(bad)));
}
