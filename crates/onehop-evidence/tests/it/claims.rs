//! Evidence that one wallet paid another.

use onehop_crypto::BadSignature;
use onehop_evidence::{ClaimFault, EntryFault, PayerFault, VerifiedClaim, verify_claim};
use onehop_wire::limits::NESTING_MAX;
use onehop_wire::{Attachment, Claim, Hash, List, TxId};

use crate::world::{Person, World};

fn claim(world: &World) -> Claim {
    let request = world.request(&world.seller, &world.buyer, 735, 1);
    let mut chain = world.chain(&world.buyer.checkpoint);
    let agreed = world.entry(&world.buyer, &mut chain, &request, &[]);
    world.receipt(&world.seller, &world.buyer, &agreed, &[])
}

fn judge(world: &World, payee: &Person, claim: &Claim) -> Result<VerifiedClaim, ClaimFault> {
    let payee = world.trust.certificate(payee.certificate.clone()).unwrap();
    verify_claim(&world.trust, claim, &payee)
}

/// What is wrong with the claim once `change` was made to it.
fn fault_of(change: impl FnOnce(&World, &mut Claim)) -> Option<ClaimFault> {
    let world = World::new();
    let mut claim = claim(&world);
    change(&world, &mut claim);
    judge(&world, &world.seller, &claim).err()
}

#[test]
fn a_claim_with_or_without_its_waiver_is_accepted() {
    assert_eq!(fault_of(|_, _| {}), None);
    assert_eq!(fault_of(|_, claim| claim.committed = None), None);
}

#[test]
fn a_payer_whose_papers_do_not_belong_together_is_a_fault() {
    let found = fault_of(|world, claim| claim.checkpoint = world.third.checkpoint.clone());
    assert_eq!(found, Some(ClaimFault::Payer(PayerFault::Wallet)));
}

#[test]
fn an_entry_with_a_fault_makes_the_claim_one() {
    let found = fault_of(|world, claim| {
        let mut body = claim.agreed.body.clone();
        body.hops = 1;
        claim.agreed = world.sign(&world.buyer.signer, body);
    });
    let hops = EntryFault::Hops { found: 1, expected: 0 };
    assert_eq!(found, Some(ClaimFault::Entry(hops)));
}

#[test]
fn commit_and_committed_are_signed_by_those_whom_they_name() {
    let found = fault_of(|_, claim| claim.commit.signature.0[0] ^= 1);
    assert_eq!(found, Some(ClaimFault::Signature(BadSignature { statement: "commit" })));
    let found = fault_of(|_, claim| {
        claim.committed.as_mut().unwrap().signature.0[0] ^= 1;
    });
    assert_eq!(found, Some(ClaimFault::Signature(BadSignature { statement: "committed" })));
}

#[test]
fn parts_of_different_payments_do_not_make_a_claim() {
    let mismatch = Some(ClaimFault::Mismatch);
    type Change = fn(&World, &mut onehop_wire::Commit);
    let commits: [Change; 4] = [
        |_, commit| commit.tx = TxId([7; 32]),
        |_, commit| commit.agreed = Hash([7; 32]),
        |world, commit| commit.payer = world.third.id(),
        |world, commit| commit.payee = world.third.id(),
    ];
    for (at, change) in commits.into_iter().enumerate() {
        let found = fault_of(|world, claim| {
            let mut body = claim.commit.body.clone();
            change(world, &mut body);
            claim.commit = world.sign(&world.seller.signer, body);
        });
        assert_eq!(found, mismatch, "change {at} of COMMIT");
    }
    type Waiver = fn(&World, &mut onehop_wire::Committed);
    let waivers: [Waiver; 5] = [
        |_, committed| committed.tx = TxId([7; 32]),
        |_, committed| committed.agreed = Hash([7; 32]),
        |_, committed| committed.commit = Hash([7; 32]),
        |world, committed| committed.payer = world.third.id(),
        |world, committed| committed.payee = world.third.id(),
    ];
    for (at, change) in waivers.into_iter().enumerate() {
        let found = fault_of(|world, claim| {
            let mut body = claim.committed.clone().unwrap().body;
            change(world, &mut body);
            claim.committed = Some(world.sign(&world.buyer.signer, body));
        });
        assert_eq!(found, mismatch, "change {at} of COMMITTED");
    }
}

#[test]
fn nobody_but_the_payee_can_claim() {
    let world = World::new();
    let found = judge(&world, &world.third, &claim(&world)).err();
    assert_eq!(found, Some(ClaimFault::Mismatch));
}

/// Money that goes from hand to hand `depth` times before it reaches the seller.
fn chain_of_receipts(world: &World, depth: u8) -> Claim {
    let hands = [&world.buyer, &world.seller];
    let mut inner: Option<Claim> = None;
    for hop in (0..=depth).rev() {
        // The outermost payment is one of the buyer to the seller.
        let (payer, payee) = match hop % 2 {
            0 => (hands[0], hands[1]),
            _ => (hands[1], hands[0]),
        };
        let attachments: Vec<_> =
            inner.take().map(|claim| Attachment::Receipt(Box::new(claim))).into_iter().collect();
        let request = world.request(payee, payer, 1, hop);
        let mut chain = world.chain(&payer.checkpoint);
        let agreed = world.entry(payer, &mut chain, &request, &attachments);
        inner = Some(world.receipt(payee, payer, &agreed, &attachments));
    }
    inner.unwrap()
}

/// The same people with certificates that let money move on without end.
fn world_without_limits() -> World {
    let mut world = World::new();
    for person in ["seller", "buyer"] {
        let of = if person == "seller" { &world.seller } else { &world.buyer };
        let mut body = of.certificate.body.clone();
        body.limits.hops = u8::MAX;
        let certificate = world.by_office(body);
        let of = if person == "seller" { &mut world.seller } else { &mut world.buyer };
        of.certificate = certificate;
    }
    world
}

#[test]
fn receipts_are_judged_as_deep_as_their_bytes_allow_which_is_less_than_8() {
    // [W-8]
    let world = world_without_limits();
    let fault = |depth| {
        let claim = chain_of_receipts(&world, depth);
        judge(&world, &world.seller, &claim).err()
    };
    for depth in 0..=6 {
        assert_eq!(fault(depth), None, "{depth} deep");
    }
    let too_many_bytes = ClaimFault::Entry(EntryFault::Attachments);
    assert_eq!(fault(NESTING_MAX), Some(too_many_bytes));
}

#[test]
fn a_receipt_whose_own_receipt_is_bad_does_not_count() {
    // [M-2]
    let world = world_without_limits();
    let good = chain_of_receipts(&world, 1);
    // The payer signs an entry over a receipt that lacks its waiver.
    let mut items = good.attachments.to_vec();
    if let Some(Attachment::Receipt(inner)) = items.first_mut() {
        inner.committed = None;
    }
    let mut body = good.agreed.body.clone();
    body.attachments = List::new(items.iter().map(Attachment::hash).collect()).unwrap();
    let agreed = world.sign(&world.buyer.signer, body);
    let bad = world.receipt(&world.seller, &world.buyer, &agreed, &items);
    assert_eq!(judge(&world, &world.seller, &good).err(), None);
    let found = judge(&world, &world.seller, &bad).err();
    assert_eq!(found, Some(ClaimFault::Entry(EntryFault::Receipt)));
}
