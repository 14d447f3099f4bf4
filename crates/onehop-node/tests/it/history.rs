//! The history of a wallet: what lives and what is archived, in one order, any number of lines.

use onehop_node::Keeper;
use onehop_proto::{Direction, PaymentView, Standing};
use onehop_store::{Journal as _, Lsn, Row, SimJournal};
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{Money, TxId, UnixSeconds, WalletId, encode};

use crate::device::sim_keeper;
use crate::office::{Office, inr};

/// A payment received, of which the payer's purse decides until when it may be claimed.
fn received(number: u8, at: u64, redeem_by: u64) -> PaymentView {
    PaymentView {
        tx: TxId([number; 32]),
        direction: Direction::In,
        standing: Standing::Paid,
        state: "REDEEMED".to_owned(),
        amount: Money::new(1, inr()),
        other: WalletId([1; 32]),
        name: "asha".to_owned(),
        order_id: number.to_string(),
        order: String::new(),
        redeem_by: UnixSeconds(redeem_by),
        refund_of: None,
        seq: Some(1),
        at: UnixSeconds(at),
    }
}

fn row(view: &PaymentView) -> Row {
    let key = [view.redeem_by.0.to_be_bytes().as_slice(), view.tx.as_bytes()].concat();
    (key, encode(&(Some(view), None::<ReceiptFile>)))
}

/// A wallet with nothing but this archive.
fn archive_of(views: &[PaymentView]) -> Keeper<SimJournal> {
    let keeper = sim_keeper(&Office::new(), "tea stall", 10, 0);
    let compaction = keeper.wallet().compaction(keeper.now(), true).unwrap();
    let (wallet, mut journal) = keeper.into_parts();
    let mut rows: Vec<Row> = views.iter().map(row).collect();
    rows.sort();
    journal.snapshot(Lsn(compaction.upto), &compaction.snapshot, &rows).unwrap();
    Keeper::from_parts(wallet, journal).unwrap()
}

#[test]
fn a_history_is_newest_first_however_long_each_payment_may_be_claimed() {
    let made = |number: u8| 1_000_000 + 1_000 * u64::from(number);
    // One of a purse that was about to expire, one of a fresh one, and so on.
    let until = |number: u8| made(number) + [20_500, 100, 60_500][usize::from(number % 3)];
    let numbers = 0..200;
    let mut views: Vec<_> =
        numbers.map(|number| received(number, made(number), until(number))).collect();
    // A clock was years ahead, once.
    views[0].at = UnixSeconds(9_000_000_000);
    let keeper = archive_of(&views);
    let mut expected = views.clone();
    expected.sort_by_key(|view| std::cmp::Reverse(view.at.min(view.redeem_by)));
    assert_ne!(expected[0].tx, views[0].tx, "the clock that was ahead is not believed");
    for limit in [0, 1, 2, 5, 63, 64, 65, 128, 199, 200, 201, usize::MAX] {
        let found = keeper.history(limit).unwrap();
        assert_eq!(found, expected[..limit.min(200)], "of {limit}");
    }
}
