//! Payments between two processes: refusals on both screens, questions, other offices.

use crate::bench::Bench;

#[test]
fn insufficient_funds_are_named_on_both_sides_and_nothing_is_held() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "5");
    bench.enrol("bharat", &office.url, "");
    let (buyer, seller) = bench.pay("asha", "bharat", "7.35");
    buyer.says(3, "not paid: insufficient funds");
    seller.says(3, "not paid: insufficient funds");
    assert_eq!(bench.figure("asha", "held") + bench.figure("asha", "in_doubt"), 0);
    assert_eq!(bench.figure("asha", "available"), 500);
}

#[test]
fn a_limit_is_named_with_its_value_on_both_sides_and_nothing_is_held() {
    let bench = Bench::new();
    let office = bench.office("office", "EUR", "aml-emoney");
    bench.enrol("asha", &office.url, "150");
    bench.enrol("bharat", &office.url, "");
    let (buyer, seller) = bench.pay("asha", "bharat", "100");
    buyer.says(0, "paid");
    seller.says(0, "paid: 100.00 EUR");
    let (buyer, seller) = bench.pay("asha", "bharat", "60");
    buyer.says(3, "not paid: over the per-checkpoint limit of 150.00 EUR");
    seller.says(3, "not paid: over the per-checkpoint limit of 150.00 EUR");
    assert_eq!(bench.figure("asha", "held") + bench.figure("asha", "in_doubt"), 0);
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn one_payment_over_its_limit_is_named_on_both_sides_too() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "1000");
    bench.enrol("bharat", &office.url, "");
    let (buyer, seller) = bench.pay("asha", "bharat", "500.01");
    buyer.says(3, "not paid: over the per-payment limit of 500.00 INR");
    seller.says(3, "not paid: over the per-payment limit of 500.00 INR");
    assert_eq!(bench.figure("asha", "spendable"), 100_000);
}

#[test]
fn a_person_chooses_reads_and_answers() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    for (answer, code, words) in [("n", 3, "not paid: declined by the buyer"), ("y", 0, "paid")] {
        let mut seller = bench.start_wallet("bharat", &["sell", "7.35", "--order", "two teas"]);
        let mut buyer = bench.start_wallet("asha", &["pay"]);
        buyer.wait_for("seller 1  \"bharat\"");
        buyer.type_line("1");
        let line = seller.wait_for("buyer ");
        let id = line.split_whitespace().nth(1).unwrap().to_owned();
        seller.type_line("000000x");
        seller.wait_for("there is no buyer \"000000x\"");
        seller.type_line(&id);
        let asked = buyer.wait_for("asks for");
        assert!(asked.starts_with("\"bharat\" asks for 7.35 INR for \"two teas\" (code "));
        assert!(asked.replace(' ', "").contains(&id), "{asked} has no {id}");
        buyer.wait_for("pay? y/n");
        buyer.type_line(answer);
        buyer.finish().says(code, words);
        seller.finish().says(code, words);
    }
    assert_eq!(bench.figure("asha", "available"), 5_000 - 735);
    assert_eq!(bench.figure("bharat", "received_unsettled"), 735);
}

#[test]
fn no_more_than_max_is_paid_and_the_end_of_stdin_is_no() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let sell = ["sell", "7.35", "--order", "tea", "--any"];
    let seller = bench.start_wallet("bharat", &sell);
    let max = ["pay", "--to", "bharat", "--max", "7.34", "--yes"];
    bench.wallet("asha", &max).says(3, "not paid: declined");
    seller.finish().says(3, "not paid: declined");
    let seller = bench.start_wallet("bharat", &sell);
    bench.wallet("asha", &["pay", "--to", "bharat"]).says(3, "not paid: declined");
    seller.finish().says(3, "not paid: declined");
    bench.wallet("asha", &["pay"]).says(3, "stdin has ended");
    bench.wallet("bharat", &["sell", "1", "--order", "tea"]).says(3, "stdin has ended");
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn a_wallet_of_another_office_is_refused_by_name_before_any_question() {
    let bench = Bench::new();
    let office = bench.inr();
    let other = bench.office("other", "INR", "rbi-2023");
    bench.enrol("asha", &office.url, "50");
    bench.enrol("mallory", &other.url, "");
    let _seller = bench.start_wallet("mallory", &["sell", "1", "--order", "tea", "--any"]);
    let mut buyer = bench.start_wallet("asha", &["pay", "--to", "mallory", "--for", "60"]);
    buyer.wait_for("certificate is of an unknown office");
    buyer.terminate();
    let ended = buyer.finish();
    ended.says(3, "certificate is of an unknown office");
    assert!(!ended.err.contains("asks for"), "{ended:?}");
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn an_order_is_paid_once() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let sell = ["sell", "5", "--order", "tea", "--order-id", "7", "--buyer", "asha"];
    let pay = ["pay", "--to", "bharat", "--max", "5", "--yes"];
    let seller = bench.start_wallet("bharat", &sell);
    bench.wallet("asha", &pay).says(0, "paid");
    seller.finish().says(0, "paid");
    // Who asks again gets the same answer, with nobody nearby.
    bench.wallet("bharat", &sell).says(0, "paid: 5.00 INR, payment ");
    let other = ["sell", "6", "--order", "tea", "--order-id", "7", "--any"];
    bench.wallet("bharat", &other).fails(2, "order \"7\" was paid with 5.00 INR");
    assert_eq!(bench.figure("asha", "available"), 4_500);
}

#[test]
fn a_wallet_that_is_not_enrolled_neither_sells_nor_pays() {
    let bench = Bench::new();
    let office = bench.inr();
    let info = bench.text("info");
    let ended = bench.run(&["money-office", "--office", &office.dir, "info", "--out", &info]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let request = bench.text("request");
    let init = ["init", "--office", &info, "--no-pin", "--offline-request", &request];
    bench.wallet("new", &init).says(0, "bytes for money-office answer");
    for args in [&["sell", "1", "--order", "tea"][..], &["pay"], &["balance"], &["sync"]] {
        bench.wallet("new", args).fails(3, "wallet is not enrolled");
    }
    bench.wallet("none", &["balance"]).fails(2, "there is no wallet at");
}
