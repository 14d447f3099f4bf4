//! Records that do not follow from the state before them: damage, or the log of another wallet.

use onehop_wire::{Hash, Signature, TxId, UnixSeconds, decode};

use super::acts;
use super::office::Office;
use super::pair::{Device, Pair};
use crate::record::Image;
use crate::state::Misfit;
use crate::{LogRecord, State};

fn records(device: &Device) -> Vec<LogRecord> {
    device.log.iter().map(|bytes| decode(bytes, 1 << 24).unwrap()).collect()
}

fn is_called(record: &LogRecord, name: &str) -> bool {
    format!("{record:?}").starts_with(name)
}

/// The first record of this name, and the state before it.
fn first(device: &Device, name: &str) -> (State, LogRecord) {
    let mut state = State::default();
    for record in records(device) {
        if is_called(&record, name) {
            return (state, record);
        }
        state.apply(&record).unwrap();
    }
    panic!("no {name} in this log");
}

/// True of the state before, false once it is bent.
fn only_as_it_was(device: &Device, name: &str, bend: impl FnOnce(&mut State, &mut LogRecord)) {
    let (mut state, mut record) = first(device, name);
    assert_eq!(state.clone().apply(&record), Ok(()), "{name} fits");
    bend(&mut state, &mut record);
    assert_eq!(state.apply(&record), Err(Misfit), "{name} no longer fits");
}

type Made = fn(&mut Pair) -> TxId;

fn made(make: Made) -> Pair {
    let mut pair = Pair::new();
    pair.open();
    make(&mut pair);
    pair
}

/// [S-5]
#[test]
fn nothing_but_a_birth_and_what_needs_no_wallet_is_a_first_record() {
    let pair = made(acts::lost);
    let mut firsts: Vec<String> = Vec::new();
    for record in [&pair.seller, &pair.buyer].into_iter().flat_map(records) {
        if State::default().apply(&record).is_ok() {
            let shown = format!("{record:?}");
            let name = shown.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned();
            firsts.push(name);
        }
    }
    firsts.sort();
    firsts.dedup();
    // A log that begins with any of these has no secrets, and is refused for that.
    assert_eq!(firsts, ["Born", "EnrolSigned", "Invited", "NumbersFrom", "Seen"]);
}

#[test]
fn a_wallet_is_born_once_and_of_an_office_that_its_root_signed() {
    let pair = Pair::new();
    only_as_it_was(&pair.buyer, "Born", |state, record| state.apply(record).unwrap());
    only_as_it_was(&pair.buyer, "Born", |_, record| {
        let LogRecord::Born { office, .. } = record else { panic!() };
        office.office_key.signature = Signature([7; 64]);
    });
    only_as_it_was(&pair.buyer, "Enrolled", |_, record| {
        let LogRecord::Enrolled(answer) = record else { panic!() };
        answer.office_key.body.not_after = UnixSeconds(0);
    });
}

#[test]
fn a_vote_is_the_next_entry_of_the_open_purse_or_no_record() {
    type Bend = fn(&mut State, &mut LogRecord);
    let bends: [Bend; 9] = [
        |state, _| state.purse = None,
        |state, _| state.trust = None,
        |state, _| state.purse.as_mut().unwrap().seq += 1,
        |state, _| state.purse.as_mut().unwrap().seq = u64::MAX,
        |state, _| state.purse.as_mut().unwrap().head = Hash([9; 32]),
        |state, _| state.purse.as_mut().unwrap().cum_out += 1,
        |state, _| state.purse.as_mut().unwrap().hash = Hash([9; 32]),
        |state, _| state.hold = u64::MAX,
        |_, record| {
            let LogRecord::Prepared { agreed, .. } = record else { panic!() };
            agreed.body.seq += 1;
        },
    ];
    let pair = made(acts::prepared);
    for bend in bends {
        only_as_it_was(&pair.buyer, "Prepared", bend);
    }
}

#[test]
fn a_decision_needs_the_payment_in_the_state_before_it() {
    let cases: [(Made, bool, &str); 6] = [
        (acts::done, false, "SellerCommitted"),
        (acts::done, false, "Done"),
        (acts::done, true, "BuyerCommitted"),
        (acts::both_aborted, true, "BuyerAborted"),
        (acts::voided, true, "BuyerSettled"),
        (acts::redeemed, false, "Redeemed"),
    ];
    for (make, is_buyer, name) in cases {
        let pair = made(make);
        let device = if is_buyer { &pair.buyer } else { &pair.seller };
        only_as_it_was(device, name, |state, _| {
            state.buyer.clear();
            state.seller.clear();
        });
        if name == "SellerCommitted" {
            continue;
        }
        only_as_it_was(device, name, |state, record| {
            state.apply(record).unwrap();
            if name == "BuyerSettled" {
                // Once more it is a word about a payment that is decided.
                assert_eq!(state.clone().apply(record), Err(Misfit));
            }
        });
    }
}

#[test]
fn sums_that_leave_their_range_are_no_record() {
    let too_much = u64::MAX;
    let paid = made(acts::done);
    only_as_it_was(&paid.seller, "SellerCommitted", |state, _| state.received = too_much);
    only_as_it_was(&paid.seller, "SellerCommitted", |_, record| {
        let LogRecord::SellerCommitted { change, .. } = record else { panic!() };
        change.redo = Image { received_less: too_much, ..Image::default() };
    });
    only_as_it_was(&paid.buyer, "BuyerCommitted", |state, _| state.hold = 0);
    let settled = made(acts::settled);
    only_as_it_was(&settled.buyer, "BuyerSettled", |state, _| state.hold = 0);
    let aborted = made(acts::both_aborted);
    only_as_it_was(&aborted.buyer, "BuyerAborted", |state, _| state.hold = 0);
    only_as_it_was(&aborted.buyer, "BuyerAborted", |state, _| {
        state.purse.as_mut().unwrap().cum_back = too_much;
    });
    let voided = made(acts::voided);
    only_as_it_was(&voided.buyer, "BuyerSettled", |state, _| state.hold = 0);
}

#[test]
fn a_purse_is_closed_and_renewed_only_where_there_is_one() {
    let mut pair = made(acts::done);
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, onehop_wire::office::Transfer::None).unwrap();
    pair.buyer.drain();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let answer = pair.office.renew(&pair.buyer.wallet, &sync, &certificate, 99_265, Vec::new());
    pair.buyer.wallet.renewed(answer).unwrap();
    pair.buyer.drain();
    only_as_it_was(&pair.buyer, "Closed", |state, _| state.purse = None);
    only_as_it_was(&pair.buyer, "Renewed", |state, _| state.purse = None);
    only_as_it_was(&pair.buyer, "Renewed", |state, _| state.certificate = None);
    only_as_it_was(&pair.buyer, "Renewed", |_, record| {
        let LogRecord::Renewed(renewal) = record else { panic!() };
        let mut key = Office::new(1).info().office_key;
        key.body.number = 2;
        renewal.office_keys = vec![key];
    });
}

#[test]
fn lists_that_peers_can_fill_have_an_end() {
    let pair = Pair::new();
    let mut state = pair.buyer.wallet.state().clone();
    let seen = |number: u32| {
        let mut wallet = onehop_wire::WalletId([0; 32]);
        wallet.0[..4].copy_from_slice(&number.to_be_bytes());
        LogRecord::Seen { wallet, epoch: 1, number: 1 }
    };
    for number in 0..=10_000 {
        state.apply(&seen(number)).unwrap();
    }
    assert_eq!(state.seen.len(), 10_000);
    let LogRecord::Seen { wallet, .. } = seen(7) else { panic!() };
    state.apply(&LogRecord::Seen { wallet, epoch: 2, number: 5 }).unwrap();
    assert_eq!(state.seen[&wallet], (2, 5), "a peer that is known is kept up to date");
    let evidence = LogRecord::Evidence { tx: TxId([1; 32]), message: vec![7] };
    for _ in 0..=1_024 {
        state.apply(&evidence).unwrap();
    }
    assert_eq!(state.evidence().len(), 1_024);
}
