//! Payments in doubt, released or resolved.

use onehop_wire::office::{EntryState, OutcomeKind, Transfer, Verdict};
use onehop_wire::{List, encode};

use super::world::{DAY, World};

fn outcome(verdict: Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

/// [O-6]
#[test]
fn what_is_in_doubt_stays_suspended_until_it_is_claimed() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 300, None, vec![]);
    world.sync(&mut buyer, Transfer::None);
    let report = world.report(&buyer);
    assert_eq!((report.purse, report.suspense), (700, 300));
    assert_eq!(outcome(world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    assert_eq!((world.report(&buyer).suspense, world.report(&seller).account), (0, 300));
}

/// [O-5] [O-14] [O-15] [O-16] [O-18]
#[test]
fn what_is_in_doubt_is_void_on_a_resolve_once_nobody_claimed_in_time() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 300, None, vec![]);
    let resolve = buyer.resolve(&paid, None);
    world.sync(&mut buyer, Transfer::None);
    let first = world.office.resolve(world.now, &resolve).unwrap();
    let second = world.office.resolve(world.now.plus(5), &resolve).unwrap();
    assert_eq!(encode(&first), encode(&second));
    world.now = paid.agreed.body.redeem_by.plus(DAY - 1);
    assert_eq!(outcome(world.office.resolve(world.now, &resolve).unwrap()), None);
    world.now = world.now.plus(1);
    let void = world.office.resolve(world.now, &resolve).unwrap();
    assert_eq!(outcome(void.clone()), Some(OutcomeKind::Void));
    // A claim after that gets the same bytes, is kept once, and the money is the payer's.
    let mut claim = paid.claim;
    claim.committed = None;
    assert_eq!(encode(&world.claim(&claim)), encode(&void));
    let before = world.office.store().clone();
    assert_eq!(encode(&world.claim(&claim)), encode(&void));
    assert!(*world.office.store() == before, "the same claim changed something");
    assert_eq!(world.sync(&mut buyer, Transfer::None).checkpoint.body.balance, 1_000);
}

/// [O-11] [O-14]
#[test]
fn a_claim_in_time_beats_the_resolve() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 300, None, vec![]);
    let resolve = buyer.resolve(&paid, None);
    assert_eq!(outcome(world.office.resolve(world.now, &resolve).unwrap()), None);
    assert_eq!(outcome(world.claim(&paid.claim)), None);
    world.now = paid.agreed.body.redeem_by.plus(3 * DAY);
    let answer = world.office.resolve(world.now, &resolve).unwrap();
    assert_eq!(outcome(answer), Some(OutcomeKind::Paid));
    world.balances();
    assert_eq!(world.sync(&mut buyer, Transfer::None).checkpoint.body.balance, 700);
}

/// [O-15]
#[test]
fn a_claim_is_good_however_late_until_void_is_written() {
    for closed in [true, false] {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 1_000);
        let seller = world.enrol(2, "seller");
        let paid = buyer.pay(&seller, 300, None, vec![]);
        if closed {
            world.sync(&mut buyer, Transfer::None);
        }
        world.now = paid.agreed.body.redeem_by.plus(100 * DAY);
        world.office.settle(world.now).unwrap();
        assert_eq!(outcome(world.claim(&paid.claim)), Some(OutcomeKind::Paid));
        let resolve = buyer.resolve(&paid, None);
        let answer = world.office.resolve(world.now, &resolve).unwrap();
        assert_eq!(outcome(answer), Some(OutcomeKind::Paid), "nothing paid is voided");
        assert_eq!(world.report(&seller).account, 300);
    }
}

/// [O-15]
#[test]
fn an_entry_that_the_seller_waived_is_released_whoever_shows_the_waiver() {
    for shown_by in ["the payer's sync", "the seller's sync", "a resolve", "the seller first"] {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 1_000);
        let mut seller = world.enrol(2, "seller");
        let paid = buyer.pay(&seller, 300, None, vec![]);
        let abort = seller.abort(&paid);
        let mut sync = seller.sync(Transfer::None).body;
        sync.aborts = List::new(vec![abort.clone()]).unwrap();
        let sellers = seller.key.sign(&seller.office, sync).into_signed();
        match shown_by {
            "the payer's sync" => {
                buyer.last_is(EntryState::Aborted(abort));
                world.sync(&mut buyer, Transfer::None);
            }
            "a resolve" => {
                let resolve = buyer.resolve(&paid, Some(abort));
                world.sync(&mut buyer, Transfer::None);
                let void = world.office.resolve(world.now, &resolve).unwrap();
                assert_eq!(outcome(void), Some(OutcomeKind::Void));
            }
            "the seller first" => {
                seller.renew(&world.office.sync(world.now, &sellers).unwrap());
                world.sync(&mut buyer, Transfer::None);
            }
            _ => {
                world.sync(&mut buyer, Transfer::None);
                seller.renew(&world.office.sync(world.now, &sellers).unwrap());
            }
        }
        world.balances();
        let mut claim = paid.claim.clone();
        claim.committed = None;
        assert_eq!(outcome(world.claim(&claim)), Some(OutcomeKind::Void), "{shown_by}");
        let answer = world.sync(&mut buyer, Transfer::None);
        assert_eq!(answer.checkpoint.body.balance, 1_000, "{shown_by}");
    }
}

#[test]
fn committed_beats_abort_and_abort_beats_commit() {
    for waived in [true, false] {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 1_000);
        let seller = world.enrol(2, "seller");
        let mut paid = buyer.pay(&seller, 300, None, vec![]);
        if !waived {
            paid.claim.committed = None;
        }
        assert_eq!(outcome(world.claim(&paid.claim)), None);
        buyer.last_is(EntryState::Aborted(seller.abort(&paid)));
        world.sync(&mut buyer, Transfer::None);
        let expected = if waived { OutcomeKind::Paid } else { OutcomeKind::Void };
        assert_eq!(outcome(world.claim(&paid.claim)), Some(expected));
    }
}

/// [O-9]
#[test]
fn a_resolve_of_mixed_parts_or_by_a_stranger_is_refused() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let (one, two) = (buyer.pay(&seller, 1, None, vec![]), buyer.pay(&seller, 2, None, vec![]));
    let mut mixed = buyer.resolve(&one, None);
    mixed.agreed = two.agreed.clone();
    let before = world.office.store().clone();
    let words = world.office.resolve(world.now, &mixed).unwrap_err().to_string();
    assert_eq!(words, "resolve's parts are of different payments");
    let mut forged = buyer.resolve(&one, None);
    forged.resolve.body.nonce = super::world::nonce(2);
    let words = world.office.resolve(world.now, &forged).unwrap_err().to_string();
    assert_eq!(words, "signature of a resolve does not verify");
    assert_eq!(*world.office.store(), before);
    assert_ne!(one.committed, two.committed);
}
