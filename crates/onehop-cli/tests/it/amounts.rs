//! Amounts that are refused before anything is sent.

use crate::bench::Bench;

#[test]
fn a_bad_amount_is_refused_by_its_rule_and_nothing_changes() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    // Nobody is asked: the office is gone, and the answer is about the amount all the same.
    office.stop();
    let cases = [
        ("0", "the amount is 0, the least is 0.01 INR"),
        ("0.00", "the amount is 0, the least is 0.01 INR"),
        ("-1", "\"-1\" is negative"),
        ("1.234", "\"1.234\" has 3 decimals, INR has 2"),
        ("184467440737095516.16", "is over the largest amount, 18446744073709551615 minor units"),
        ("ten", "\"ten\" is not an amount"),
        ("1e3", "\"1e3\" is not an amount"),
        ("5 XYZ", "unknown currency \"XYZ\""),
        ("5 EUR", "amount is in EUR, the wallet is in INR"),
    ];
    for (amount, rule) in cases {
        bench.wallet("asha", &["charge", amount]).fails(2, rule);
        bench.wallet("asha", &["withdraw", amount]).fails(2, rule);
        bench.wallet("asha", &["sell", amount, "--order", "tea"]).fails(2, rule);
        let max = ["pay", "--to", "x", "--max", amount, "--yes"];
        bench.wallet("asha", &max).fails(2, rule);
    }
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn an_order_with_control_characters_or_too_long_is_refused() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "");
    bench.wallet("asha", &["sell", "1", "--order", "te\u{202e}a"]).fails(2, "order is not");
    bench.wallet("asha", &["sell", "1", "--order", &"x".repeat(257)]).fails(2, "order is not");
    let id = "y".repeat(33);
    let long = ["sell", "1", "--order", "tea", "--order-id", &id];
    bench.wallet("asha", &long).fails(2, "order id is not");
}

#[test]
fn a_wrong_command_line_is_one_line_and_code_2() {
    let bench = Bench::new();
    let cases: [&[&str]; 4] =
        [&["charge"], &["frob"], &["pay", "--yes"], &["sell", "1", "--order", "x", "--nonsense"]];
    for args in cases {
        let ended = bench.wallet("nobody", args);
        ended.fails(2, "see onehop --help");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
    }
    let help = bench.run(&["--help"]);
    help.says(0, "4  a payment is in doubt");
}
