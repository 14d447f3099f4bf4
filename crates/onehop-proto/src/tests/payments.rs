//! Payments with nothing, or one thing, in their way.

use onehop_wire::{RefusedReason, TxId};

use super::office::Office;
use super::pair::{BUYER_FUNDS, Fate, Pair};
use crate::{Event, NotPaid, Refusal};

/// [P-2] [H-19]
#[test]
fn a_payment_is_four_messages_three_forces_and_the_same_end_on_both_sides() {
    let mut pair = Pair::new();
    pair.open();
    let (seller, buyer) = (&pair.seller.wallet, &pair.buyer.wallet);
    let (to_seller, to_buyer) =
        (seller.session(pair.peer).unwrap(), buyer.session(pair.peer).unwrap());
    assert_eq!(to_seller.1, to_buyer.1, "both screens show one short code");
    assert_eq!((to_seller.0.as_str(), to_buyer.0.as_str()), ("asha", "tea stall"));
    let before = (pair.seller.forces, pair.buyer.forces);
    for device in [&mut pair.seller, &mut pair.buyer] {
        device.said.clear();
        device.records.clear();
    }
    let tx = pair.pay(735, "order 1");
    assert_eq!(pair.seller.said, ["COMMIT-REQUEST", "COMMIT"]);
    assert_eq!(pair.buyer.said, ["AGREED", "COMMITTED"]);
    assert_eq!(pair.seller.records, ["Invited", "SellerCommitted", "Done"]);
    assert_eq!(pair.buyer.records, ["Prepared", "BuyerCommitted"]);
    assert_eq!((pair.seller.forces - before.0, pair.buyer.forces - before.1), (1, 2));
    assert_eq!(pair.seller.state(&tx), "DONE");
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
    pair.assert_settled(&tx, BUYER_FUNDS);
    assert!(pair.buyer.events.contains(&Event::Paid { tx }));
    assert!(pair.seller.events.contains(&Event::Acknowledged { tx }));
}

const ALL: [&str; 7] =
    ["HELLO-1", "HELLO-2", "HELLO-3", "COMMIT-REQUEST", "AGREED", "COMMIT", "COMMITTED"];

fn pay_with(fate: &mut dyn FnMut(&'static str) -> Fate) -> (Pair, TxId) {
    let mut pair = Pair::new();
    pair.connect();
    pair.wait(3_000, fate);
    let tx = pair.ask(735, "order 1");
    pair.wait(3_000, fate);
    pair.confirm(&tx);
    pair.wait(8_000, fate);
    (pair, tx)
}

/// [H-13] [H-15] [P-26]
#[test]
fn each_message_lost_once_delays_the_payment_and_loses_nothing() {
    for lost in ALL {
        let mut left = 1;
        let (pair, tx) = pay_with(&mut |name| {
            if name == lost && left > 0 {
                left -= 1;
                return Fate::Lost;
            }
            Fate::Arrives
        });
        assert_eq!(pair.seller.state(&tx), "DONE", "{lost} lost");
        pair.assert_settled(&tx, BUYER_FUNDS);
    }
}

/// [P-25] [H-4]
#[test]
fn each_message_doubled_changes_nothing() {
    for doubled in ALL {
        let (pair, tx) = pay_with(&mut |name| {
            if name == doubled { Fate::Doubled } else { Fate::Arrives }
        });
        assert_eq!(pair.seller.state(&tx), "DONE", "{doubled} doubled");
        // Opening its first shop takes a seller one more.
        assert_eq!((pair.seller.forces, pair.buyer.forces), (2, 2), "{doubled} doubled");
        pair.assert_settled(&tx, BUYER_FUNDS);
    }
}

#[test]
fn a_vote_that_comes_after_its_timer_is_answered_with_an_abort() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    // AGREED is on its way for longer than the seller waits.
    let late: Vec<_> = pair.buyer.out.drain(..).collect();
    pair.wait(61_000, &mut |name| match name {
        "AGREED" | "STATUS" => Fate::Lost,
        _ => Fate::Arrives,
    });
    assert_eq!(pair.seller.state(&tx), "ABORTED");
    pair.buyer.out.extend(late);
    pair.wait(120_000, &mut |_| Fate::Arrives);
    assert_eq!(pair.buyer.state(&tx), "ABORTED");
    pair.assert_settled(&tx, BUYER_FUNDS);
    assert_eq!(pair.buyer.wallet.state().purse().unwrap().cum_back, 735);
}

#[test]
fn a_no_costs_nobody_a_message_more_and_one_force() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let before = pair.seller.forces;
    let now = pair.now();
    pair.buyer.wallet.refuse(now, &tx).unwrap();
    pair.run_well();
    assert_eq!(pair.buyer.said.last(), Some(&"REFUSED"));
    assert_eq!(pair.seller.said.last(), Some(&"COMMIT-REQUEST"));
    assert_eq!((pair.seller.forces - before, pair.buyer.forces), (1, 0));
    let why = NotPaid::Refused(RefusedReason::Declined);
    assert!(pair.seller.events.contains(&Event::NotPaid { tx, why }));
    pair.assert_settled(&tx, BUYER_FUNDS);
}

/// [P-9]
#[test]
fn nobody_answering_the_question_is_a_no() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.wait(70_000, &mut |_| Fate::Arrives);
    assert_eq!(pair.seller.state(&tx), "ABORTED");
    assert_eq!(pair.buyer.wallet.balance().available, BUYER_FUNDS);
}

/// [P-10] [M-8]
#[test]
fn too_little_money_or_a_limit_is_said_on_both_sides_and_nothing_is_held() {
    let mut pair = Pair::with(Office::new(1), 600);
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let why = NotPaid::Refused(RefusedReason::InsufficientFunds);
    assert!(pair.seller.events.contains(&Event::NotPaid { tx, why }));
    assert!(pair.buyer.events.contains(&Event::NotPaid { tx, why }));
    assert_eq!(pair.buyer.wallet.balance().available, 600);
    let over = pair.ask(50_001, "order 2");
    pair.run_well();
    let name = onehop_wire::LimitName::PerPayment;
    let why = NotPaid::Refused(RefusedReason::OverLimit { name, limit: 50_000 });
    assert!(pair.seller.events.contains(&Event::NotPaid { tx: over, why }));
    assert!(pair.buyer.events.contains(&Event::NotPaid { tx: over, why }));
    assert_eq!(pair.buyer.wallet.balance().available, 600);
}

/// [P-5]
#[test]
fn an_order_is_paid_once_and_may_be_tried_again_only_after_an_abort() {
    let mut pair = Pair::new();
    pair.open();
    let first = pair.ask(735, "order 1");
    let now = pair.now();
    let again = pair.seller.wallet.request(now, pair.peer, &Pair::terms(735, "order 1"));
    assert_eq!(again, Err(Refusal::OrderTaken { tx: first }));
    pair.seller.wallet.cancel(now, &first).unwrap();
    pair.run_well();
    let second = pair.pay(735, "order 1");
    assert_ne!(first, second);
    assert_eq!(pair.seller.state(&second), "DONE");
    let third = pair.seller.wallet.request(now, pair.peer, &Pair::terms(735, "order 1"));
    assert_eq!(third, Err(Refusal::OrderTaken { tx: second }));
}

#[test]
fn the_same_pair_pays_the_same_amount_twice() {
    let mut pair = Pair::new();
    pair.open();
    let first = pair.pay(735, "order 1");
    let second = pair.pay(735, "order 2");
    assert_ne!(first, second);
    assert_eq!(pair.buyer.wallet.balance().available, BUYER_FUNDS - 1_470);
    pair.assert_settled(&second, BUYER_FUNDS);
}

/// [M-1] [M-4]
#[test]
fn released_money_is_spent_again_with_its_release_attached() {
    let mut pair = Pair::with(Office::new(1), 1_000);
    pair.open();
    let first = pair.ask(800, "order 1");
    pair.run_well();
    pair.confirm(&first);
    pair.buyer.out.clear();
    pair.disconnect();
    pair.seller = pair.seller.restarted(true, 41);
    pair.connect();
    pair.run_well();
    assert_eq!(pair.buyer.state(&first), "ABORTED");
    assert_eq!(pair.buyer.wallet.balance().available, 1_000);
    let second = pair.pay(900, "order 2");
    assert!(pair.buyer.said.contains(&"ATTACHMENT"));
    assert_eq!(pair.seller.state(&second), "DONE");
    let purse = pair.buyer.wallet.state().purse().unwrap();
    assert_eq!((purse.seq, purse.cum_out, purse.cum_back), (2, 1_700, 800));
    pair.assert_settled(&second, 1_000);
}

/// [S-2]
#[test]
fn nothing_leaves_while_a_forced_record_is_not_durable() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let now = pair.now();
    pair.buyer.wallet.confirm(now, &tx).unwrap();
    let Some(crate::Output::Persist(batch)) = pair.buyer.wallet.poll_output() else {
        panic!("the record comes first");
    };
    assert!(batch.forced);
    assert_eq!(pair.buyer.wallet.poll_output(), None);
    pair.buyer.wallet.handle_timeout(crate::tests::pair::later(now, 5_000));
    assert_eq!(pair.buyer.wallet.poll_output(), None, "time does not lift the barrier");
    pair.buyer.wallet.persisted(batch.last());
    let next = pair.buyer.wallet.poll_output();
    assert!(matches!(next, Some(crate::Output::Transmit { name: "AGREED", .. })));
}
