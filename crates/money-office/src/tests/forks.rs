//! Wallets that pay twice with the same money.

use onehop_wire::office::{EntryState, OutcomeKind, Transfer, TransferResult, Verdict};

use super::world::World;
use crate::Command;

fn outcome(verdict: &Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

/// [O-11] [O-13]
#[test]
fn two_claims_on_one_purse_are_paid_as_far_as_it_goes_and_the_rest_is_disputed() {
    let mut world = World::new();
    let mut wallet = world.funded(1, "buyer", 1_000);
    let mut image = wallet.image();
    let (one, two) = (world.enrol(2, "one"), world.enrol(3, "two"));
    let first = wallet.pay(&one, 800, None, vec![]);
    let second = image.pay(&two, 800, None, vec![]);
    assert_eq!(outcome(&world.claim(&first.claim)), None);
    assert_eq!(outcome(&world.claim(&second.claim)), None);
    assert!(world.report(&wallet).frozen);
    world.now = first.agreed.body.redeem_by.plus(1);
    world.order(Command::Settle).unwrap();
    world.balances();
    assert_eq!(outcome(&world.claim(&first.claim)), Some(OutcomeKind::Paid));
    let Some(OutcomeKind::Disputed(proof)) = outcome(&world.claim(&second.claim)) else {
        panic!("paid beyond its backing")
    };
    let stored = crate::LedgerStore::get(world.office.store(), crate::Table::Proofs, &proof.0);
    assert!(stored.unwrap().is_some());
    // The 2.00 that were left are the second payee's, and the rest is owed.
    assert_eq!((world.report(&two).account, world.report(&wallet).owes), (200, 600));
}

/// [O-13]
#[test]
fn an_entry_against_the_sync_that_closed_is_disputed_and_the_wallet_gets_nothing_more() {
    let mut world = World::new();
    let mut wallet = world.funded(1, "buyer", 1_000);
    let mut image = wallet.image();
    let (one, two) = (world.enrol(2, "one"), world.enrol(3, "two"));
    let first = wallet.pay(&one, 100, None, vec![]);
    wallet.last_is(EntryState::Committed(first.commit));
    world.sync(&mut wallet, Transfer::None);
    let second = image.pay(&two, 100, None, vec![]);
    let third = image.pay(&two, 100, None, vec![]);
    for late in [second, third] {
        let verdict = world.claim(&late.claim);
        assert!(matches!(outcome(&verdict), Some(OutcomeKind::Disputed(_))));
    }
    let answer = world.sync(&mut wallet, Transfer::Charge(10));
    assert_eq!(answer.checkpoint.body.balance, 0);
    assert!(matches!(answer.transfer, TransferResult::Refused(_)));
    let wallet = wallet.id();
    assert!(world.order(Command::Redeem { wallet, amount: 1 }).is_err());
}

#[test]
fn a_claim_that_the_closing_chain_leaves_out_is_paid_while_the_purse_covers_it() {
    for (spent, kept) in [(500, Some(OutcomeKind::Paid)), (0, Some(OutcomeKind::Paid))] {
        let mut world = World::new();
        let mut wallet = world.funded(1, "buyer", 1_000);
        let mut image = wallet.image();
        let (one, two) = (world.enrol(2, "one"), world.enrol(3, "two"));
        let victim = wallet.pay(&one, 700, None, vec![]);
        world.claim(&victim.claim);
        if spent > 0 {
            let other = image.pay(&two, spent, None, vec![]);
            image.last_is(EntryState::Committed(other.commit));
        }
        let answer = world.sync(&mut image, Transfer::None);
        assert_eq!(answer.checkpoint.body.balance, 0);
        assert_eq!(outcome(&world.claim(&victim.claim)), kept);
        assert_eq!(world.report(&one).account, 700);
        let (got, owed) = if spent > 0 { (300, 200) } else { (0, 0) };
        assert_eq!((world.report(&two).account, world.report(&wallet).owes), (got, owed));
        assert!(world.report(&wallet).frozen);
    }
}
