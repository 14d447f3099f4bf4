//! Payments cut in the middle: what each side is told, and every way to the end.

use std::time::{SystemTime, UNIX_EPOCH};

use onehop_wire::UnixSeconds;

use crate::bench::Bench;

/// The link is cut for good before the packet `name` leaves the seller.
fn cut_before(bench: &Bench, name: &str) {
    let sell = ["sell", "7.35", "--order", "tea", "--buyer", "asha", "--step"];
    let mut seller = bench.start_wallet("bharat", &sell);
    let pay = ["pay", "--to", "bharat", "--max", "10", "--yes"];
    let mut buyer = bench.start_wallet("asha", &pay);
    while !seller.wait_for("step: ").contains(name) {
        seller.type_line("");
    }
    seller.type_line("cut");
    // The end of stdin keeps it cut.
    seller.end_typing();
    buyer.wait_for("the link is lost");
    buyer.terminate();
    buyer.finish().says(4, "in doubt: 7.35 INR to \"bharat\", payment ");
    seller.terminate();
    seller.finish().says(0, "paid, not acknowledged yet: 7.35 INR");
}

fn bench() -> (Bench, crate::bench::Office) {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    (bench, office)
}

#[test]
fn a_payment_in_doubt_is_shown_and_resumed_between_the_wallets() {
    let (bench, office) = bench();
    office.stop();
    cut_before(&bench, "send COMMIT ");
    assert_eq!(bench.figure("asha", "in_doubt"), 735);
    assert_eq!(bench.figure("asha", "available"), 5_000 - 735);
    assert_eq!(bench.figure("bharat", "received_unsettled"), 735);
    bench.wallet("asha", &["balance"]).says(0, "do not pay again; run onehop resume near them");
    bench.wallet("bharat", &["balance"]).says(0, "claim by ");
    bench.wallet("asha", &["resume", "--office"]).fails(5, "is not reachable");
    let buyer = bench.start_wallet("asha", &["resume"]);
    let seller = bench.start_wallet("bharat", &["resume"]);
    buyer.finish().says(0, "nothing is unfinished any more");
    seller.finish().says(0, "nothing is unfinished any more");
    assert_eq!(bench.figure("asha", "in_doubt"), 0);
    bench.wallet("asha", &["history"]).says(0, "COMMITTED");
    bench.wallet("bharat", &["history"]).says(0, "DONE");
    bench.wallet("asha", &["resume"]).says(0, "nothing is unfinished");
}

/// [M-18]
#[test]
fn a_payment_in_doubt_says_with_whom_since_when_and_what_to_do() {
    let (bench, _office) = bench();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now();
    cut_before(&bench, "send COMMIT ");
    let history = bench.wallet("asha", &["history", "--json"]).out;
    let payment: serde_json::Value = serde_json::from_str(&history).unwrap();
    let at = payment["at"].as_u64().unwrap();
    assert!((before..=now()).contains(&at), "{at} from {before}");
    let (since, tx) = (UnixSeconds(at).to_string(), &payment["tx"].as_str().unwrap()[..8]);
    let line = format!(
        "in doubt since {since}: {tx} of 7.35 INR to \"bharat\": do not pay again; run onehop resume \
         near them, or onehop resume --office"
    );
    let balance = bench.wallet("asha", &["balance"]);
    assert_eq!(balance.out.lines().last(), Some(line.as_str()), "{balance:?}");
    let line = format!("{tx}  {}Z       -7.35 INR  to   bharat ", &since[..16]);
    bench.wallet("asha", &["history"]).says(0, &line);
}

#[test]
fn a_payment_in_doubt_is_decided_by_the_office_once_the_seller_has_claimed() {
    let (bench, _office) = bench();
    cut_before(&bench, "send COMMIT ");
    bench.wallet("asha", &["resume", "--office"]).says(4, "still unfinished: 1 in doubt");
    assert_eq!(bench.wallet("bharat", &["sync"]).code, Some(0));
    assert_eq!(bench.wallet("asha", &["sync"]).code, Some(0));
    assert_eq!(bench.wallet("asha", &["resume", "--office"]).code, Some(0));
    assert_eq!(bench.wallet("bharat", &["sync"]).code, Some(0));
    assert_eq!(bench.figure("asha", "in_doubt"), 0);
    assert_eq!(bench.figure("asha", "available"), 5_000 - 735);
    assert_eq!(bench.figure("bharat", "available"), 735);
}

#[test]
fn the_next_payment_to_the_same_seller_settles_the_one_in_doubt_first() {
    let (bench, _office) = bench();
    cut_before(&bench, "send COMMIT ");
    let (buyer, seller) = bench.pay("asha", "bharat", "1");
    buyer.says(0, "paid: 1.00 INR to \"bharat\"");
    seller.says(0, "paid: 1.00 INR");
    assert_eq!(bench.figure("asha", "in_doubt"), 0);
    assert_eq!(bench.figure("bharat", "received_unsettled"), 835);
    assert_eq!(bench.figure("asha", "available"), 5_000 - 835);
}

#[test]
fn a_seller_that_dies_before_it_decides_pays_nobody_and_both_agree_on_it() {
    let (bench, _office) = bench();
    let sell = ["sell", "7.35", "--order", "tea", "--buyer", "asha", "--step"];
    let mut seller = bench.start_wallet("bharat", &sell);
    let pay = ["pay", "--to", "bharat", "--max", "10", "--yes"];
    let mut buyer = bench.start_wallet("asha", &pay);
    while !seller.wait_for("step: ").contains("persist SELLER-COMMITTED") {
        seller.type_line("");
    }
    // SIGKILL, with the vote received and no decision on disk.
    drop(seller);
    buyer.wait_for("the money is held");
    buyer.terminate();
    buyer.finish().says(4, "in doubt");
    let buyer = bench.start_wallet("asha", &["resume"]);
    let seller = bench.start_wallet("bharat", &["sell", "1", "--order", "other", "--buyer", "x"]);
    buyer.finish().says(0, "not paid: the seller restarted before it decided");
    drop(seller);
    assert_eq!(bench.figure("asha", "spendable"), 5_000);
    assert_eq!(bench.figure("bharat", "received_unsettled"), 0);
}

#[test]
fn the_doctor_names_what_to_look_at() {
    let (bench, office) = bench();
    bench.wallet("asha", &["doctor"]).says(0, "ok    office: there");
    cut_before(&bench, "send COMMIT ");
    office.stop();
    let ended = bench.wallet("asha", &["doctor"]);
    ended.says(1, "look  payments: 1 unfinished");
    ended.says(1, "look  office: ");
}
