//! What a backup keeps, and what the wallet that is made of it may do.

use onehop_wire::office::{OutcomeKind, Transfer, Verdict};
use onehop_wire::{Class, Text, encode};

use super::enrolment::answer;
use super::office::Office;
use super::pair::{Device, Fate, Pair};
use crate::{Config, Event, Refusal, Standing, Wallet};

/// The device is lost; this is what its backup makes on another one.
fn restored(lost: &Device, seed: u8) -> Device {
    let state = lost.wallet.state().backed_up().restored([seed; 32]).unwrap();
    let snapshot = encode(&state);
    let mut device = Device::start(lost.log.clone(), seed);
    device.wallet =
        Wallet::recover(Config::default(), [seed; 32], Some((0, &snapshot)), []).unwrap();
    (device.log, device.forced_len, device.forces) = (Vec::new(), 0, 0);
    (device.records, device.said, device.events) = (Vec::new(), Vec::new(), Vec::new());
    device.out.clear();
    device
}

/// The office gives it its next epoch.
fn renewed(office: &Office, device: &mut Device) {
    let enrol = device.wallet.enrol(Text::new("another name").unwrap(), Class::Merchant).unwrap();
    device.drain();
    let old = answer(office, &enrol, |_, _| {});
    let refused = device.wallet.enrolled(old).unwrap_err();
    assert_eq!(refused, Refusal::OfficeAnswer { what: "certificate" });
    let next = answer(office, &enrol, |certificate, checkpoint| {
        (certificate.epoch, checkpoint.epoch, checkpoint.number) = (2, 2, 9);
    });
    device.wallet.enrolled(next).unwrap();
    device.drain();
    assert!(!device.wallet.state().is_frozen());
}

/// A payment of which the buyer has not heard the decision.
fn in_doubt() -> (Pair, onehop_wire::TxId) {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.run(&mut |name| if name == "COMMIT" { Fate::Lost } else { Fate::Arrives });
    pair.disconnect();
    (pair, tx)
}

/// [S-7] [S-8]
#[test]
fn a_restored_wallet_has_its_records_and_nothing_to_spend_and_signs_nothing_but_enrol() {
    let (pair, tx) = in_doubt();
    let backup = pair.buyer.wallet.state().backed_up();
    assert!(backup.purse().is_none() && backup.is_frozen());
    let mut device = restored(&pair.buyer, 51);
    let now = pair.now();
    assert_eq!(device.wallet.open_shop(), Err(Refusal::Frozen));
    assert_eq!(device.wallet.open_buyer_mode(now, 1_000), Err(Refusal::Frozen));
    assert_eq!(device.wallet.close(now, Transfer::None).unwrap_err(), Refusal::Frozen);
    let balance = device.wallet.balance();
    assert_eq!((balance.available, balance.spendable, balance.in_doubt), (0, 0, 735));
    assert_eq!(device.view(&tx).map(|view| view.standing), Some(Standing::InDoubt));
    renewed(&pair.office, &mut device);
    assert_eq!(device.records, ["EnrolSigned", "Enrolled"]);
    let state = device.wallet.state();
    assert_eq!(state.certificate().map(|it| it.body.name.as_str()), Some("asha"));
    assert_eq!(device.wallet.balance().spendable, 0);
    // A backup of the whole state is none: it could be spent.
    assert!(pair.buyer.wallet.state().clone().restored([9; 32]).is_none());
}

/// [S-19]
#[test]
fn a_restored_buyer_acknowledges_no_commit_and_takes_the_offices_word() {
    let (mut pair, tx) = in_doubt();
    let agreed = pair.seller.wallet.claims().bundles[0].claims[0].agreed.clone();
    let mut device = restored(&pair.buyer, 52);
    renewed(&pair.office, &mut device);
    pair.buyer = device;
    pair.open();
    assert!(pair.buyer.said.contains(&"STATUS"), "{:?}", pair.buyer.said);
    assert!(!pair.buyer.said.contains(&"COMMITTED"), "{:?}", pair.buyer.said);
    assert!(pair.buyer.events.contains(&Event::AskOffice { tx }));
    assert_eq!(
        (pair.buyer.state(&tx).as_str(), pair.seller.state(&tx).as_str()),
        ("PREPARED", "COMMITTED")
    );
    let paid = pair.office.outcome(&agreed, OutcomeKind::Paid);
    pair.buyer.wallet.verdict(&Verdict::Outcome(paid)).unwrap();
    pair.buyer.drain();
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
    // Asked once more, it still signs nothing about a payment from before.
    pair.buyer.said.clear();
    pair.open();
    assert!(!pair.buyer.said.contains(&"COMMITTED"), "{:?}", pair.buyer.said);
    assert_eq!(pair.buyer.wallet.balance().in_doubt, 0);
}

/// [S-19]
#[test]
fn an_abort_ends_the_hold_of_a_restored_buyer_and_gives_it_nothing_to_spend_yet() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.run(&mut |name| if name == "ABORT" { Fate::Lost } else { Fate::Arrives });
    pair.disconnect();
    let mut device = restored(&pair.buyer, 53);
    renewed(&pair.office, &mut device);
    pair.buyer = device;
    pair.open();
    assert_eq!(pair.buyer.state(&tx), "ABORTED");
    let balance = pair.buyer.wallet.balance();
    assert_eq!((balance.available, balance.in_doubt, balance.received_unsettled), (0, 0, 0));
}

/// [S-8] [S-20] [P-16]
#[test]
fn a_restored_seller_decides_no_request_from_before_and_asks_nobody_for_its_order() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let backup = restored(&pair.seller, 54);
    // The lost device goes on and decides; its COMMIT does not arrive.
    pair.confirm(&tx);
    pair.run(&mut |name| if name == "COMMIT" { Fate::Lost } else { Fate::Arrives });
    pair.disconnect();
    pair.seller = backup;
    assert_eq!(pair.seller.state(&tx), "NONE");
    renewed(&pair.office, &mut pair.seller);
    pair.open();
    assert_eq!(pair.seller.said.last(), Some(&"UNKNOWN"), "{:?}", pair.seller.said);
    assert_eq!(
        (pair.seller.state(&tx).as_str(), pair.buyer.state(&tx).as_str()),
        ("NONE", "PREPARED")
    );
    let now = pair.now();
    let again = pair.seller.wallet.request(now, pair.peer, &Pair::terms(735, "order 1"));
    assert_eq!(again, Err(Refusal::OrderPaid));
    let other = pair.ask(100, "order 2");
    assert_ne!(other, tx);
}
