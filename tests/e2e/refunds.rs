//! Payments back between real processes: a part, the rest, and one that is too much.

use serde_json::{Value, json};

use crate::bench::{Bench, Figures};
use crate::process::Ended;

/// `customer` asks `shop` for `amount` of the payment back.
fn ask_back(bench: &Bench, customer: &str, shop: &str, amount: &str, first: &str) -> [Ended; 2] {
    let mut pay = bench.start_wallet(shop, &["pay", "--to", customer, "--max", "500", "--yes"]);
    pay.event("listening");
    let sell = ["sell", amount, "--refund-of", first, "--buyer", shop, "--for", "20"];
    let sell = bench.wallet(customer, &sell);
    let ended = if sell.code == Some(0) { pay.finish() } else { pay.terminate() };
    [sell, ended]
}

fn refunds_of<'a>(history: &'a [Value], first: &str) -> Vec<&'a Value> {
    history.iter().filter(|payment| payment["refund_of"] == json!(first)).collect()
}

/// [R-1] [R-3] [O-41] [O-42]
#[test]
fn a_shop_gives_a_payment_back_in_two_parts_and_no_more() {
    let bench = Bench::new();
    let mut office = bench.office("office");
    bench.enrol("asha", &office, "500");
    bench.enrol("shop", &office, "100");
    bench.paid("asha", "shop", "50");
    let history = bench.history("asha");
    let first = history.keys().next().unwrap().clone();
    // The office is away: all this is between the two.
    office.stop();
    for amount in ["20", "30"] {
        let [customer, shop] = ask_back(&bench, "asha", "shop", amount, &first[..8]);
        customer.came_to(0, "paid");
        let asked = shop.out.iter().find(|line| line["event"] == "asked").unwrap();
        assert_eq!(asked["refund_of"], json!(first));
        shop.came_to(0, "paid");
    }
    let [customer, _] = ask_back(&bench, "asha", "shop", "0.01", &first);
    assert_eq!(customer.code, Some(3), "{customer:?}");
    for wallet in ["asha", "shop"] {
        let history: Vec<Value> = bench.history(wallet).into_values().collect();
        let mut amounts: Vec<_> = refunds_of(&history, &first)
            .iter()
            .map(|refund| (refund["amount"].as_u64().unwrap(), refund["standing"].clone()))
            .collect();
        amounts.sort_by_key(|(amount, _)| *amount);
        assert_eq!(amounts, [(2_000, json!("paid")), (3_000, json!("paid"))]);
    }
    // Whoever comes first, the office settles the payment and both refunds.
    office.again(&bench);
    for wallet in ["asha", "shop", "asha"] {
        bench.wallet(wallet, &["sync"]).done();
    }
    let none = Figures::default();
    assert_eq!(bench.figures("asha"), Figures { available: 50_000, ..none });
    assert_eq!(bench.figures("shop"), Figures { available: 10_000, ..none });
    office.audit(&bench, 60_000);
}
