//! When payments were made: for people, and nothing else.

use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{Now, TxId, UnixSeconds, decode};

use super::acts;
use super::office::{DAY, TODAY};
use super::pair::{Device, Fate, Pair};
use crate::{Config, PaymentView, Standing, Wallet};

fn at(device: &Device, tx: &TxId) -> UnixSeconds {
    device.view(tx).unwrap().at
}

/// A payment asked for today, to which the buyer agrees `later` seconds after; nothing is heard.
fn in_doubt(later: u64) -> (Pair, TxId) {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::invited(&mut pair);
    let now = Now { unix: TODAY.plus(later), ..pair.now() };
    pair.buyer.wallet.confirm(now, &tx).unwrap();
    pair.buyer.drain();
    pair.disconnect();
    (pair, tx)
}

/// [M-18]
#[test]
fn a_payment_in_doubt_says_since_when_also_after_a_restart_and_of_a_backup() {
    let (mut pair, tx) = in_doubt(90);
    let since = TODAY.plus(90);
    for device in [&pair.buyer, &pair.buyer.restarted(false, 31)] {
        let view = device.view(&tx).unwrap();
        assert_eq!((view.standing, view.at), (Standing::InDoubt, since));
    }
    let kept = pair.buyer.wallet.state().backed_up().restored([9; 32]).unwrap();
    assert_eq!(kept.payment(&tx).unwrap().at, since);
    // The seller counts from its own question.
    assert_eq!(at(&pair.seller, &tx), TODAY);
    // How it ends does not change when it was.
    pair.seller = pair.seller.restarted(true, 32);
    pair.connect();
    pair.wait(100_000, &mut |_| Fate::Arrives);
    assert_eq!((pair.buyer.state(&tx).as_str(), at(&pair.buyer, &tx)), ("ABORTED", since));
    assert_eq!((pair.seller.state(&tx).as_str(), at(&pair.seller, &tx)), ("ABORTED", TODAY));
}

#[test]
fn a_snapshot_and_the_archive_keep_when_a_payment_was_made() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::redeemed(&mut pair);
    let late = Now { unix: TODAY.plus(30 * DAY), ..pair.now() };
    let compaction = pair.seller.wallet.compaction(late, true).unwrap();
    let row: (Option<PaymentView>, Option<ReceiptFile>) =
        decode(&compaction.archived[0].1, 1 << 20).unwrap();
    let view = row.0.unwrap();
    assert_eq!((view.tx, view.at), (tx, TODAY));

    let (pair, tx) = in_doubt(90);
    let compaction = pair.buyer.wallet.compaction(late, true).unwrap();
    let snapshot = Some((compaction.upto, compaction.snapshot.as_slice()));
    let wallet = Wallet::recover(Config::default(), [33; 32], snapshot, []).unwrap();
    assert_eq!(wallet.state().payment(&tx).unwrap().at, TODAY.plus(90));
}

#[test]
fn a_refusal_says_when_it_was() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::invited(&mut pair);
    let now = Now { unix: TODAY.plus(5), ..pair.now() };
    pair.buyer.wallet.refuse(now, &tx).unwrap();
    pair.run_well();
    assert_eq!((pair.buyer.state(&tx).as_str(), at(&pair.buyer, &tx)), ("REFUSED", TODAY.plus(5)));
}

#[test]
fn a_clock_that_was_never_set_shows_the_newest_date_of_the_office() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::invited(&mut pair);
    let unset = Now { unix: UnixSeconds(0), ..pair.now() };
    pair.buyer.wallet.confirm(unset, &tx).unwrap();
    pair.buyer.drain();
    assert_eq!(at(&pair.buyer, &tx), TODAY, "the purse was issued today");
    // A seller that lost the request knows no better either.
    pair.disconnect();
    pair.seller = pair.seller.restarted(false, 32);
    assert_eq!(pair.seller.view(&tx), None);
    pair.connect();
    pair.wait(100_000, &mut |_| Fate::Arrives);
    assert_eq!((pair.seller.state(&tx).as_str(), at(&pair.seller, &tx)), ("ABORTED", TODAY));
}
