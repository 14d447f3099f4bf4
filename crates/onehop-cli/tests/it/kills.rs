//! `kill -9` at every record written and every packet sent or taken: after a restart both sides
//! know the same outcome, and no money is made or lost.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{Bench, Running};

/// What the buyer begins with, in minor units.
const BEGINNING: u64 = 5_000;
/// A payment has no more steps than this on one side.
const STEPS_MAX: usize = 40;

#[test]
fn a_seller_killed_at_any_step_agrees_with_its_buyer_afterwards() {
    kill_at_every_step("bharat");
}

#[test]
fn a_buyer_killed_at_any_step_agrees_with_its_seller_afterwards() {
    kill_at_every_step("asha");
}

fn kill_at_every_step(victim: &str) {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let steps = (0..STEPS_MAX).take_while(|step| kill_at(&bench, victim, *step)).count();
    assert!((8..STEPS_MAX).contains(&steps), "{victim} was killed at {steps} steps");
    for wallet in ["bharat", "asha", "bharat"] {
        let ended = bench.wallet(wallet, &["sync"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let sum = bench.figure("asha", "available") + bench.figure("bharat", "available");
    assert_eq!(sum, BEGINNING);
    let audit = bench.run(&["money-office", "--office", &office.dir, "audit"]);
    assert_eq!(audit.code, Some(0), "{audit:?}");
}

/// Kills `victim` before its step number `step`, and the other side with it: the power is cut.
/// False if the payment was over before.
fn kill_at(bench: &Bench, victim: &str, step: usize) -> bool {
    let order = format!("order {step}");
    let step_flag = |name: &str| if name == victim { "--step" } else { "--trace" };
    let sell = ["sell", "1", "--order", &order, "--buyer", "asha", step_flag("bharat")];
    let pay = ["pay", "--to", "bharat", "--max", "1", "--yes", step_flag("asha")];
    let seller = bench.start_wallet("bharat", &sell);
    let buyer = bench.start_wallet("asha", &pay);
    let (mut dies, other) = if victim == "asha" { (buyer, seller) } else { (seller, buyer) };
    let is_killed = reach(&mut dies, step);
    if is_killed {
        drop((dies, other));
    } else {
        dies.finish().says(0, "paid");
        other.finish().says(0, "paid");
    }
    meet_again(bench);
    assert_eq!(bench.figure("asha", "in_doubt"), 0, "{victim}, step {step}");
    let sum = bench.figure("asha", "available") + bench.figure("bharat", "received_unsettled");
    assert_eq!(sum, BEGINNING, "{victim}, step {step}");
    assert_eq!(paid(bench, "asha"), paid(bench, "bharat"), "{victim}, step {step}");
    is_killed
}

/// Lets `steps` steps be done; true if it then waits before another.
fn reach(process: &mut Running, steps: usize) -> bool {
    for _ in 0..steps {
        if process.line_with("step: ").is_none() {
            return false;
        }
        process.type_line("");
    }
    process.line_with("step: ").is_some()
}

/// The buyer asks about what is in doubt while the seller's shop is open for anybody.
fn meet_again(bench: &Bench) {
    let mut seller = bench.start_wallet("bharat", &["sell", "1", "--order", "-", "--buyer", "x"]);
    seller.wait_for("looking for buyers");
    bench.wallet("asha", &["resume", "--for", "50"]).says(0, "nothing is unfinished");
    seller.terminate();
    seller.finish().says(3, "no buyer was chosen");
}

/// Payments that happened, as one side knows them.
fn paid(bench: &Bench, wallet: &str) -> BTreeSet<String> {
    let history = bench.wallet(wallet, &["history", "--json", "--limit", "1000"]);
    let lines = history.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let paid = lines.filter(|line| line["standing"] == "paid");
    paid.map(|line| line["tx"].as_str().unwrap().to_owned()).collect()
}
