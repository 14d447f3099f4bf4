//! Signatures checked before their request's turn.

use onehop_wire::List;
use onehop_wire::evidence::Claim;
use onehop_wire::office::{ClaimBundle, EntryState, OutcomeKind, Transfer, Verdict};

use super::world::World;

fn bundle(claim: &Claim) -> ClaimBundle {
    ClaimBundle { claims: List::new(vec![claim.clone()]).unwrap() }
}

#[test]
fn what_is_checked_ahead_is_remembered_in_its_turn_and_changes_no_answer() {
    let play = |is_ahead: bool| {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 50_000);
        let seller = world.enrol(2, "seller");
        let paid = buyer.pay(&seller, 735, None, vec![]);
        // The first claim tells the office the seller's key.
        let mut forged = paid.claim.clone();
        forged.commit.signature.0[0] ^= 1;
        let mut verdicts = Vec::new();
        for claim in [&forged, &paid.claim] {
            if is_ahead {
                world.office.ahead().claims(&bundle(claim));
            }
            verdicts.push(world.claim(claim));
        }
        buyer.last_is(EntryState::Committed(paid.commit.clone()));
        let sync = buyer.sync(Transfer::None);
        if is_ahead {
            world.office.ahead().sync(&sync);
        }
        verdicts.push(world.claim(&paid.claim));
        let answer = world.office.sync(world.now, &sync).unwrap();
        verdicts.push(world.claim(&paid.claim));
        (verdicts, answer)
    };
    let (verdicts, answer) = play(false);
    assert_eq!(play(true), (verdicts.clone(), answer));
    assert!(matches!(verdicts[0], Verdict::Refused(_)), "{:?}", verdicts[0]);
    let Some(Verdict::Outcome(outcome)) = verdicts.last() else { panic!("{verdicts:?}") };
    assert_eq!(outcome.body.kind, OutcomeKind::Paid);
}

#[test]
fn a_claim_and_a_sync_checked_ahead_leave_no_signature_of_a_wallet_to_their_turn() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let first = buyer.pay(&seller, 735, None, vec![]);
    world.claim(&first.claim);
    buyer.last_is(EntryState::Committed(first.commit.clone()));
    let second = buyer.pay(&seller, 1, None, vec![]);
    buyer.last_is(EntryState::Committed(second.commit.clone()));
    let known = |world: &World| world.office.ahead().signatures();
    let before = known(&world);
    let claim = bundle(&second.claim);
    world.office.ahead().claims(&claim);
    // AGREED, COMMIT and COMMITTED.
    assert_eq!(known(&world), before + 3);
    world.office.claim(world.now, &claim).unwrap();
    assert_eq!(known(&world), before + 3);
    let sync = buyer.sync(Transfer::None);
    world.office.ahead().sync(&sync);
    // The SYNC itself: what it carries was in the claims.
    assert_eq!(known(&world), before + 4);
    world.office.sync(world.now, &sync).unwrap();
    assert_eq!(known(&world), before + 4);
}

#[test]
fn what_does_not_verify_ahead_is_not_remembered() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    let before = world.office.ahead().signatures();
    let mut forged = paid.claim;
    forged.agreed.signature.0[0] ^= 1;
    world.office.ahead().claims(&bundle(&forged));
    let mut sync = buyer.sync(Transfer::None);
    sync.signature.0[0] ^= 1;
    world.office.ahead().sync(&sync);
    assert_eq!(world.office.ahead().signatures(), before);
}
