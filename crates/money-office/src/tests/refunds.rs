//! Payments back, as the office accepts them.

use onehop_wire::encode;
use onehop_wire::office::{EntryState, OutcomeKind, Transfer, Verdict};

use super::audits;
use super::world::{DAY, Paid, Wallet, World};
use crate::Table;
use crate::draft::read_row;
use crate::evidence::Evidence;

const FIRST: u64 = 5_000;

fn kind(verdict: &Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

fn refused(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Refused(words) => words.to_string(),
        Verdict::Outcome(_) | Verdict::Pending(_) => panic!("{verdict:?}"),
    }
}

fn unknown(first: &Paid) -> String {
    let tx = first.agreed.body.tx.short();
    format!("payment {tx}, of which a refund is claimed, is not known here: claim it first")
}

fn too_much(first: &Paid, reached: &str) -> String {
    let tx = first.agreed.body.tx.short();
    format!("refunds of payment {tx} of 50.00 INR would reach {reached} INR")
}

/// A customer who paid a shop, and nobody has met the office since.
fn sold() -> (World, Wallet, Wallet, Paid) {
    let mut world = World::new();
    let mut customer = world.funded(1, "customer", 20_000);
    let shop = world.funded(2, "shop", 20_000);
    let first = customer.pay(&shop, FIRST, Some(shop.here()), vec![]);
    customer.last_is(EntryState::Committed(first.commit.clone()));
    (world, customer, shop, first)
}

/// What a SYNC of `wallet` is refused with; nothing changes.
fn sync_refused(world: &mut World, wallet: &Wallet) -> String {
    let sync = wallet.sync(Transfer::None);
    let words = world.office.sync(world.now, &sync).unwrap_err().to_string();
    world.balances();
    words
}

/// [O-41]
#[test]
fn a_customer_who_comes_first_shows_the_payment_and_then_its_refund() {
    let (mut world, mut customer, mut shop, first) = sold();
    let refund = shop.refund(&customer, 2_000, &first);
    let rows = world.office.export(0).unwrap().rows().len();
    assert_eq!(refused(&world.claim(&refund.claim)), unknown(&first));
    assert_eq!(world.office.export(0).unwrap().rows().len(), rows, "nothing is kept");
    assert_eq!(kind(&world.claim(&first.claim)), None);
    assert_eq!(kind(&world.claim(&refund.claim)), None);
    world.sync(&mut customer, Transfer::None);
    shop.last_is(EntryState::Committed(refund.commit.clone()));
    let answer = world.sync(&mut shop, Transfer::None);
    assert_eq!(answer.checkpoint.body.balance, 20_000 + FIRST - 2_000);
    assert_eq!(kind(&world.claim(&refund.claim)), Some(OutcomeKind::Paid));
    let answer = world.sync(&mut customer, Transfer::None);
    assert_eq!(answer.checkpoint.body.balance, 20_000 - FIRST + 2_000);
}

/// [O-42]
#[test]
fn a_shop_that_comes_first_claims_the_payment_and_then_closes_over_its_refund() {
    let (mut world, _, mut shop, first) = sold();
    let customer = world.enrol(1, "customer");
    let refund = shop.refund(&customer, FIRST, &first);
    shop.last_is(EntryState::Committed(refund.commit));
    assert_eq!(sync_refused(&mut world, &shop), unknown(&first));
    world.claim(&first.claim);
    world.sync(&mut shop, Transfer::None);
}

/// [O-41] [O-42]
#[test]
fn refunds_above_the_first_payment_are_refused_to_both_and_change_nothing() {
    let (mut world, customer, mut shop, first) = sold();
    world.claim(&first.claim);
    let whole = shop.refund(&customer, FIRST, &first);
    shop.last_is(EntryState::Committed(whole.commit.clone()));
    let more = shop.refund(&customer, 1, &first);
    assert_eq!(kind(&world.claim(&whole.claim)), None);
    assert_eq!(refused(&world.claim(&more.claim)), too_much(&first, "50.01"));
    assert_eq!(sync_refused(&mut world, &shop), too_much(&first, "50.01"));
    // One that was accepted stays so, whatever came since.
    assert_eq!(kind(&world.claim(&whole.claim)), None);
    let lone = shop.refund(&customer, FIRST + 1, &first);
    assert_eq!(refused(&world.claim(&lone.claim)), too_much(&first, "100.01"));
}

/// [O-42]
#[test]
fn refunds_under_several_checkpoints_add_up() {
    let (mut world, customer, mut shop, first) = sold();
    world.claim(&first.claim);
    shop.refund(&customer, 3_000, &first);
    world.sync(&mut shop, Transfer::None);
    shop.refund(&customer, 2_001, &first);
    assert_eq!(sync_refused(&mut world, &shop), too_much(&first, "50.01"));
    shop.entries.clear();
    shop.refund(&customer, 2_000, &first);
    world.sync(&mut shop, Transfer::None);
}

/// [O-42]
#[test]
fn a_refund_that_was_released_leaves_room_for_another_also_if_it_was_claimed() {
    for is_claimed in [false, true] {
        let (mut world, customer, mut shop, first) = sold();
        world.claim(&first.claim);
        let waived = shop.refund(&customer, FIRST, &first);
        shop.last_is(EntryState::Aborted(customer.abort(&waived)));
        let again = shop.refund(&customer, FIRST, &first);
        shop.last_is(EntryState::Committed(again.commit.clone()));
        if is_claimed {
            // Who waived it claims it: its own word, and not the shop's, is in the way of the other.
            let claim = onehop_wire::evidence::Claim { committed: None, ..waived.claim.clone() };
            assert_eq!(kind(&world.claim(&claim)), None);
            assert_eq!(refused(&world.claim(&again.claim)), too_much(&first, "100.00"));
        }
        let answer = world.sync(&mut shop, Transfer::None);
        assert_eq!(answer.checkpoint.body.balance, 20_000 - FIRST);
        world.claim(&again.claim);
        world.balances();
    }
}

/// [O-42]
#[test]
fn a_refund_of_a_closed_checkpoint_counts_until_it_is_void() {
    let (mut world, customer, mut shop, first) = sold();
    world.claim(&first.claim);
    let doubtful = shop.refund(&customer, FIRST, &first);
    world.sync(&mut shop, Transfer::None);
    let asked = shop.resolve(&doubtful, Some(customer.abort(&doubtful)));
    let again = shop.refund(&customer, FIRST, &first);
    assert_eq!(sync_refused(&mut world, &shop), too_much(&first, "100.00"));
    assert_eq!(kind(&world.office.resolve(world.now, &asked).unwrap()), Some(OutcomeKind::Void));
    assert_eq!(kind(&world.claim(&again.claim)), None);
    world.sync(&mut shop, Transfer::None);
}

/// [O-41]
#[test]
fn entries_that_nobody_asked_for_do_not_make_a_customers_refund_too_much() {
    let (mut world, mut customer, mut shop, first) = sold();
    world.claim(&first.claim);
    shop.refund(&customer, FIRST, &first);
    world.sync(&mut shop, Transfer::None);
    let meant = shop.refund(&customer, FIRST, &first);
    assert_eq!(kind(&world.claim(&meant.claim)), None);
    // The shop's own SYNC says too much; its customer is paid when the checkpoint has lapsed.
    assert_eq!(sync_refused(&mut world, &shop), too_much(&first, "100.00"));
    world.sync(&mut customer, Transfer::None);
    world.now = world.now.plus(40 * DAY);
    assert_eq!(kind(&world.claim(&meant.claim)), Some(OutcomeKind::Paid));
}

/// [O-42]
#[test]
fn a_customer_who_signed_the_first_payment_twice_does_not_stop_the_shops_sync() {
    let (mut world, customer, mut shop, first) = sold();
    let mut image = customer.image();
    image.entries.clear();
    let mut small = first.request.clone();
    small.body.amount = 1;
    let other = image.agree(&shop, &small, &[]);
    image
        .entries
        .push(onehop_wire::office::SyncEntry { agreed: other, state: EntryState::InDoubt });
    world.sync(&mut image, Transfer::None);
    refused(&world.claim(&first.claim));
    let refund = shop.refund(&customer, FIRST, &first);
    shop.last_is(EntryState::Committed(refund.commit));
    world.sync(&mut shop, Transfer::None);
}

/// [O-41] [O-42]
#[test]
fn an_audit_names_a_refund_that_the_office_should_have_refused() {
    let claimed = |bytes: &[u8], of: &Paid| {
        let row: Evidence = read_row(Table::Evidence, bytes).unwrap();
        matches!(row, Evidence::Claimed(claim) if *claim == of.claim)
    };
    let prepared = || {
        let (mut world, mut customer, mut shop, first) = sold();
        world.claim(&first.claim);
        let refund = shop.refund(&customer, 3_000, &first);
        world.claim(&refund.claim);
        let other = customer.pay(&shop, 7, None, vec![]);
        world.claim(&other.claim);
        let more = shop.refund(&customer, 2_001, &first);
        (world, first, other, more, shop)
    };
    let (world, first, ..) = prepared();
    let gone = |bytes: &[u8]| claimed(bytes, &first).then(Vec::new);
    let found = audits::with(world, Table::Evidence, gone);
    assert!(found.iter().any(|line| line.contains("that nobody had claimed")), "{found:?}");
    let (world, _, other, more, _) = prepared();
    let row = encode(&Evidence::Claimed(Box::new(more.claim)));
    let found =
        audits::with(world, Table::Evidence, |bytes| claimed(bytes, &other).then(|| row.clone()));
    assert!(found.iter().any(|line| line.contains("are more than it")), "{found:?}");
    let (world, _, other, _, shop) = prepared();
    let row = encode(&Evidence::Synced(Box::new(shop.sync(Transfer::None))));
    let found =
        audits::with(world, Table::Evidence, |bytes| claimed(bytes, &other).then(|| row.clone()));
    assert!(found.iter().any(|line| line.contains("are more than it")), "{found:?}");
}
