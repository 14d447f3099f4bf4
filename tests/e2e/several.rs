//! Several at once, and several times the same.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use onehop::prelude::*;
use onehop::wire::RefusedReason;

use crate::bench::{Bench, Figures, folder};
use crate::process::Running;

#[test]
fn two_sellers_at_once_ask_for_a_balance_that_covers_one_and_one_is_paid() {
    let bench = Bench::new();
    let mut office = bench.office("office");
    bench.enrol("asha", &office, "10");
    bench.enrol("bharat", &office, "");
    bench.enrol("chitra", &office, "");
    office.stop();
    let sell = ["sell", "7.35", "--order", "tea", "--buyer", "asha"];
    let sellers = ["bharat", "chitra"].map(|name| bench.start_wallet(name, &sell));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(say_yes_to_both(&bench, "asha"));
    let [bharat, chitra] = sellers.map(Running::finish);
    let (winner, loser, refused) = if bharat.code == Some(0) {
        ("bharat", "chitra", chitra)
    } else {
        ("chitra", "bharat", bharat)
    };
    refused.not_paid("insufficient-funds");
    let none = Figures::default();
    assert_eq!(bench.figures("asha"), Figures { available: 265, ..none });
    assert_eq!(bench.figures(winner), Figures { received_unsettled: 735, ..none });
    assert_eq!(bench.figures(loser), none);
    // One after the other it is the same.
    let (buyer, seller) = bench.pay("asha", loser, "2.66");
    buyer.not_paid("insufficient-funds");
    seller.not_paid("insufficient-funds");
    office.again(&bench);
    for name in ["asha", winner, loser] {
        bench.wallet(name, &["sync"]).done();
    }
    assert_eq!(bench.figures(winner), Figures { available: 735, ..none });
    office.audit(&bench, 1_000);
}

/// Waits until two sellers ask, then pays both in one breath.
async fn say_yes_to_both(bench: &Bench, buyer: &str) {
    let folder = folder(bench, buyer);
    let key = Vault::at(&folder).unlock(None).unwrap();
    let keeper = Keeper::open(&folder, key, Config::default()).unwrap();
    let config = LanConfig {
        port: bench.port.number,
        interface: Some(Ipv4Addr::LOCALHOST),
        ..LanConfig::default()
    };
    let (handle, mut events, task) = start(keeper, LanLink::new(config), Box::new(Unwatched));
    handle.buy(Duration::from_secs(120)).await.unwrap();
    let mut asked = Vec::new();
    while asked.len() < 2 {
        let event = events.next().await.unwrap();
        if let Event::SellerFound { peer, .. } = event {
            handle.introduce(peer).await.unwrap();
        } else if let Event::Asked { tx, .. } = event {
            asked.push(tx);
        }
    }
    let (one, other) = tokio::join!(handle.confirm(asked[0]), handle.confirm(asked[1]));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    let (mut paid, mut refused) = (Vec::new(), Vec::new());
    while paid.len() + refused.len() < 2 {
        let event = events.next().await.unwrap();
        if let Event::Paid { tx } = event {
            paid.push(tx);
        } else if let Event::NotPaid { tx, why } | Event::AskedNoMore { tx, why } = event {
            assert_eq!(why, NotPaid::Refused(RefusedReason::InsufficientFunds));
            refused.push(tx);
        }
    }
    assert_eq!((paid.len(), refused.len()), (1, 1));
    handle.stop().await;
    drop(task.await.unwrap().unwrap());
}

#[test]
fn of_twenty_buyers_at_once_only_the_one_that_is_picked_pays() {
    const BUYERS: usize = 20;
    let bench = Bench::new();
    let mut office = bench.office("office");
    let names: Vec<String> = (0..BUYERS).map(|number| format!("buyer {number}")).collect();
    bench.enrol("bharat", &office, "");
    for name in &names {
        bench.enrol(name, &office, "10");
    }
    office.stop();
    let began = Instant::now();
    let pay = ["pay", "--to", "bharat", "--max", "7.35", "--yes"];
    let buyers: Vec<Running> = names.iter().map(|name| bench.start_wallet(name, &pay)).collect();
    let mut seller = bench.start_wallet("bharat", &["sell", "7.35", "--order", "tea"]);
    let mut ids = std::collections::BTreeMap::new();
    while ids.len() < BUYERS {
        let buyer = seller.event("buyer");
        let text = |name: &str| buyer[name].as_str().unwrap().to_owned();
        ids.insert(text("name"), text("id"));
    }
    println!("{BUYERS} buyers in session: {:.1?}", began.elapsed());
    seller.say(&ids["buyer 13"]);
    seller.finish().came_to(0, "paid");
    for (name, buyer) in names.iter().zip(buyers) {
        if name == "buyer 13" {
            buyer.finish().came_to(0, "paid");
            assert_eq!(bench.figures(name), Figures { available: 265, ..Figures::default() });
        } else {
            buyer.terminate().came_to(3, "not_paid");
            assert_eq!(bench.figures(name), Figures { available: 1_000, ..Figures::default() });
            assert!(bench.history(name).is_empty());
        }
    }
    let received = Figures { received_unsettled: 735, ..Figures::default() };
    assert_eq!(bench.figures("bharat"), received);
    office.again(&bench);
    for name in names.iter().map(String::as_str).chain(["bharat"]) {
        bench.wallet(name, &["sync"]).done();
    }
    assert_eq!(bench.figures("bharat"), Figures { available: 735, ..Figures::default() });
    office.audit(&bench, 20_000);
}

#[test]
fn the_same_amount_twice_is_two_payments_and_the_same_order_twice_is_one() {
    let bench = Bench::new();
    let office = bench.office("office");
    bench.enrol("asha", &office, "50");
    bench.enrol("bharat", &office, "");
    bench.paid("asha", "bharat", "7.35");
    bench.paid("asha", "bharat", "7.35");
    assert_eq!(bench.history("asha").len(), 2);
    assert!(bench.history("asha").keys().eq(bench.history("bharat").keys()));
    let figures = |given| {
        let buyer = Figures { available: 5_000 - given, ..Figures::default() };
        (buyer, Figures { received_unsettled: given, ..Figures::default() })
    };
    assert_eq!((bench.figures("asha"), bench.figures("bharat")), figures(1_470));
    let order = ["sell", "1", "--order", "tea", "--order-id", "7", "--buyer", "asha"];
    let pay = ["pay", "--to", "bharat", "--max", "1", "--yes"];
    let buyer = bench.start_wallet("asha", &pay);
    bench.wallet("bharat", &order).came_to(0, "paid");
    buyer.finish().came_to(0, "paid");
    // Who asks again gets the same answer, also with nobody nearby.
    let again = bench.wallet("bharat", &order);
    again.came_to(0, "paid");
    assert_eq!(again.out.last().unwrap()["acknowledged"], true, "{again:?}");
    let other = ["sell", "2", "--order", "tea", "--order-id", "7", "--any"];
    bench.wallet("bharat", &other).fails(2, "order \"7\" was paid with 1.00 INR");
    assert_eq!((bench.figures("asha"), bench.figures("bharat")), figures(1_570));
    for name in ["asha", "bharat"] {
        bench.wallet(name, &["sync"]).done();
    }
    let after = |available| Figures { available, ..Figures::default() };
    let found = (bench.figures("asha"), bench.figures("bharat"));
    assert_eq!(found, (after(5_000 - 1_570), after(1_570)));
    office.audit(&bench, 5_000);
}
