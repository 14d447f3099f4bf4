//! What a compaction erases, what it keeps, and when.

use onehop_wire::TxId;
use onehop_wire::office::Transfer;

use super::acts;
use super::office::DAY;
use super::pair::{BUYER_FUNDS, Pair};
use crate::Refusal;

type Made = fn(&mut Pair) -> TxId;

/// A payment, made; then the buyer's purse is renewed, so that the payment is of a closed one.
fn renewed_after(make: Made) -> (Pair, TxId) {
    let mut pair = Pair::new();
    pair.open();
    let tx = make(&mut pair);
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    pair.buyer.drain();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let balance = BUYER_FUNDS - 735;
    let answer = pair.office.renew(&pair.buyer.wallet, &sync, &certificate, balance, Vec::new());
    pair.buyer.wallet.renewed(answer).unwrap();
    pair.buyer.drain();
    (pair, tx)
}

/// True if the payment is erased by a compaction after `days`; it then has its row.
fn is_erased(pair: &mut Pair, is_buyer: bool, tx: &TxId, days: u64) -> bool {
    let mut now = pair.now();
    now.unix = now.unix.plus(days * DAY);
    let device = if is_buyer { &mut pair.buyer } else { &mut pair.seller };
    let compaction = device.wallet.compaction(now, true).unwrap();
    let rows = compaction.archived.len();
    device.wallet.compacted(compaction);
    let is_gone = device.view(tx).is_none();
    assert_eq!(rows, usize::from(is_gone), "what is erased is archived, and nothing else");
    is_gone
}

#[test]
fn a_buyer_forgets_a_payment_of_a_closed_purse_once_nothing_can_come_of_it() {
    let cases: [(Made, bool, bool); 5] = [
        (acts::done, true, true),
        (acts::refused, true, true),
        (acts::prepared, false, false),
        (acts::both_aborted, false, true),
        (acts::voided, false, true),
    ];
    for (make, at_once, after_its_date) in cases {
        let (mut pair, tx) = renewed_after(make);
        assert_eq!(is_erased(&mut pair, true, &tx, 0), at_once);
        if !at_once {
            // Something is recorded, or there would be nothing to compact.
            pair.buyer.wallet.record(vec![crate::LogRecord::NumbersFrom(0)], false);
            pair.buyer.drain();
            assert_eq!(is_erased(&mut pair, true, &tx, 30), after_its_date);
        }
    }
}

#[test]
fn a_payment_of_the_open_purse_stays() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::done(&mut pair);
    assert!(!is_erased(&mut pair, true, &tx, 30));
}

#[test]
fn a_seller_forgets_what_the_office_decided_and_keeps_waivers_until_their_date() {
    let cases: [(Made, bool, bool); 6] = [
        (acts::redeemed, true, true),
        (acts::lost, true, true),
        (acts::both_aborted, false, true),
        (acts::invited, false, false),
        (acts::seller_committed, false, false),
        (acts::done, false, false),
    ];
    for (make, at_once, after_its_date) in cases {
        for (days, expected) in [(0, at_once), (30, after_its_date)] {
            let mut pair = Pair::new();
            pair.open();
            let tx = make(&mut pair);
            assert_eq!(is_erased(&mut pair, false, &tx, days), expected, "after {days} days");
        }
    }
}

#[test]
fn an_order_whose_payment_is_archived_is_paid_until_its_date() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::redeemed(&mut pair);
    assert!(is_erased(&mut pair, false, &tx, 0));
    let (now, peer) = (pair.now(), pair.peer);
    let again = pair.seller.wallet.request(now, peer, &Pair::terms(735, "order 1"));
    assert_eq!(again, Err(Refusal::OrderPaid));
    pair.seller.wallet.record(vec![crate::LogRecord::NumbersFrom(0)], false);
    pair.seller.drain();
    let mut late = now;
    late.unix = late.unix.plus(30 * DAY);
    let compaction = pair.seller.wallet.compaction(late, true).unwrap();
    pair.seller.wallet.compacted(compaction);
    assert!(pair.seller.wallet.request(now, peer, &Pair::terms(735, "order 1")).is_ok());
}

#[test]
fn a_compaction_waits_for_the_disk_and_for_enough_to_be_worth_it() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now();
    assert!(pair.buyer.wallet.compaction(now, false).is_none(), "a few records are not enough");
    pair.buyer.wallet.record(vec![crate::LogRecord::NumbersFrom(9)], true);
    assert!(pair.buyer.wallet.compaction(now, true).is_none(), "a record waits for the disk");
    pair.buyer.drain();
    for number in 0..512 {
        pair.buyer.wallet.record(vec![crate::LogRecord::NumbersFrom(number)], false);
    }
    pair.buyer.drain();
    let compaction = pair.buyer.wallet.compaction(now, false).unwrap();
    assert_eq!(compaction.upto, pair.buyer.log.len() as u64);
    pair.buyer.wallet.compacted(compaction);
    assert!(pair.buyer.wallet.compaction(now, true).is_none(), "nothing is new");
}
