//! A thousand payments.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::bench::{Bench, Figures};

const WALLETS: usize = 10;
const ROUNDS: usize = 200;
/// What each wallet charges, in minor units.
const CHARGED: u64 = 50_000;

#[test]
fn a_thousand_payments_between_changing_pairs_leave_the_books_exact() {
    let bench = Bench::new();
    let mut office = bench.office("office");
    let names: Vec<String> = (0..WALLETS).map(|number| format!("wallet {number}")).collect();
    for name in &names {
        bench.enrol(name, &office, "500");
    }
    office.stop();
    let lanes: Vec<Bench> = (0..WALLETS / 2).map(|_| bench.lane()).collect();
    let (mut given, mut taken) = ([0_u64; WALLETS], [0_u64; WALLETS]);
    let began = Instant::now();
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for ((buyer, seller), (number, lane)) in
                pairs(round).into_iter().zip(lanes.iter().enumerate())
            {
                let amount = amount(round * lanes.len() + number);
                given[buyer] += amount;
                taken[seller] += amount;
                let (buyer, seller) = (&names[buyer], &names[seller]);
                let text = format!("{}.{:02}", amount / 100, amount % 100);
                scope.spawn(move || lane.paid(buyer, seller, &text));
            }
        });
    }
    println!("1,000 payments by 2,000 processes: {:.1?}", began.elapsed());
    for ((name, given), taken) in names.iter().zip(given).zip(taken) {
        let expected =
            Figures { available: CHARGED - given, received_unsettled: taken, ..Figures::default() };
        assert_eq!(bench.figures(name), expected, "{name}");
    }
    check_histories(&bench, &names);
    office.again(&bench);
    // A seller's proceeds need the buyer's purse closed: everybody comes twice.
    for name in names.iter().chain(&names) {
        bench.wallet(name, &["sync"]).done();
    }
    for ((name, given), taken) in names.iter().zip(given).zip(taken) {
        let available = CHARGED - given + taken;
        assert_eq!(bench.figures(name), Figures { available, ..Figures::default() }, "{name}");
    }
    office.audit(&bench, CHARGED * 10);
}

/// Everybody meets everybody in nine rounds, then the other way around.
fn pairs(round: usize) -> Vec<(usize, usize)> {
    let others = WALLETS - 1;
    let at = |place: usize| if place == 0 { others } else { (place + round) % others };
    let pair = |place: usize| (at(place), at(others - place));
    let turned = (round / others) % 2 == 1;
    let turn = |(one, other)| if turned { (other, one) } else { (one, other) };
    (0..WALLETS / 2).map(pair).map(turn).collect()
}

/// From 0.01 to 4.99, and 2.50 on average.
const fn amount(number: usize) -> u64 {
    1 + (number as u64 * 211) % 499
}

/// Every payment is in two histories, once given and once taken, with the same amount.
fn check_histories(bench: &Bench, names: &[String]) {
    let mut sides: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut amounts: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for name in names {
        for (tx, payment) in bench.history(name) {
            assert_eq!(payment["standing"], "paid", "{payment}");
            let side = payment["direction"].as_str().unwrap().to_owned();
            assert!(sides.entry(tx.clone()).or_default().insert(side), "{payment}");
            amounts.entry(tx).or_default().insert(payment["amount"].as_u64().unwrap());
        }
    }
    assert_eq!(sides.len(), ROUNDS * WALLETS / 2);
    assert!(sides.values().all(|sides| sides.len() == 2));
    assert!(amounts.values().all(|amounts| amounts.len() == 1));
}

#[test]
fn all_pairs_meet_equally_often() {
    let mut met: BTreeMap<(usize, usize), u32> = BTreeMap::new();
    for round in 0..18 {
        let pairs = pairs(round);
        let present: BTreeSet<usize> =
            pairs.iter().flat_map(|(one, other)| [*one, *other]).collect();
        assert_eq!(present.len(), WALLETS);
        pairs.into_iter().for_each(|pair| *met.entry(pair).or_default() += 1);
    }
    assert_eq!(met.len(), WALLETS * (WALLETS - 1));
    assert!(met.values().all(|times| *times == 1));
}
