//! The history as pages and as a table, and what shells and people look up.

use crate::bench::{Bench, Ended};

/// The orders in a history with `--json`.
fn orders(ended: &Ended) -> Vec<String> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let values = ended.out.lines().map(serde_json::from_str::<serde_json::Value>);
    values.map(|value| value.unwrap()["order_id"].as_str().unwrap().to_owned()).collect()
}

/// When the payments in a history with `--json` were made.
fn times(ended: &Ended) -> Vec<u64> {
    let values = ended.out.lines().map(serde_json::from_str::<serde_json::Value>);
    values.map(|value| value.unwrap()["at"].as_u64().unwrap()).collect()
}

#[test]
fn a_history_is_filtered_a_page_at_a_time_and_written_as_a_table() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("=SUM(A1)", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let sell = |from: &str, to: &str, id: &str| {
        let more = ["sell", "1.50", "--order", "tea, two", "--order-id", id, "--buyer", from];
        let selling = bench.start_wallet(to, &more);
        let paying = bench.start_wallet(from, &["pay", "--to", to, "--max", "2", "--yes"]);
        assert_eq!((paying.finish().code, selling.finish().code), (Some(0), Some(0)));
    };
    sell("asha", "bharat", "one");
    sell("asha", "bharat", "two");
    sell("=SUM(A1)", "asha", "three");
    let history = |more: &[&str]| bench.wallet("asha", &[&["history", "--json"], more].concat());
    let mut all = orders(&history(&[]));
    let (first, rest) = (orders(&history(&["--limit", "1"])), orders(&history(&["--skip", "1"])));
    assert_eq!([first, rest].concat(), all);
    let made = times(&history(&[]));
    assert!(made.is_sorted_by(|newer, older| newer >= older), "{made:?}");
    all.sort();
    assert_eq!(all, ["one", "three", "two"]);
    assert_eq!(orders(&history(&["--way", "in"])), ["three"]);
    assert_eq!(orders(&history(&["--with", "BHAR", "--way", "out", "--skip", "1"])), ["one"]);
    assert_eq!(orders(&history(&["--standing", "not-paid"])), [""; 0]);
    let table = bench.wallet("asha", &["history", "--csv", "--way", "in"]).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    assert!(lines[0].starts_with("tx,direction,standing,state,amount,currency,other,name,"));
    assert!(lines[0].ends_with(",order_id,order,redeem_by,refund_of,at"), "{table}");
    let at = times(&history(&["--way", "in"]))[0];
    assert!(lines[1].ends_with(&format!(",,{at}")), "{table}");
    assert!(lines[1].contains(",in,paid,"), "{table}");
    assert!(lines[1].contains(",150,INR,"), "{table}");
    assert!(lines[1].contains(",'=SUM(A1),three,\"tea, two\","), "{table}");
    let both = bench.wallet("asha", &["history", "--csv", "--json"]);
    assert!(both.code == Some(2) && both.err.contains("cannot be used with"), "{both:?}");
}

#[test]
fn a_receipt_goes_through_a_qr_code() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let (buyer, _) = bench.pay("asha", "bharat", "7.35");
    let tx = buyer.out.trim().rsplit(' ').next().unwrap().to_owned();
    let shown = bench.wallet("asha", &["receipt", "qr", &tx]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let width = |line: &str| line.chars().count();
    let first = width(shown.out.lines().next().unwrap());
    assert!(first > 40 && shown.out.lines().all(|line| width(line) == first), "{}", shown.out);
    let said = bench.wallet("asha", &["receipt", "qr", &tx, "--json"]).out;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let text = said["text"].as_str().unwrap();
    let file = bench.text("scanned");
    std::fs::write(&file, format!("{text}\r\n")).unwrap();
    let verify = ["receipt", "verify", &file, "--office", &office.url];
    bench.wallet("none", &verify).says(0, "paid: 7.35 INR from \"asha\"");
    let damaged = text.replacen(&text[200..202], "00", 1);
    std::fs::write(&file, damaged).unwrap();
    let ended = bench.wallet("none", &verify);
    assert!(matches!(ended.code, Some(2 | 3)), "{ended:?}");
    let picture = bench.text("picture.svg");
    assert_eq!(bench.wallet("asha", &["receipt", "qr", &tx, "--svg", &picture]).code, Some(0));
    assert!(std::fs::read_to_string(&picture).unwrap().contains("<svg "));
    bench.wallet("asha", &["receipt", "qr", &tx, "--svg", &picture]).fails(1, "failed to write");
    bench.wallet("asha", &["receipt", "qr", "ffffffff"]).fails(2, "no payment ffffffff");
}

#[test]
fn shells_complete_commands_and_every_command_has_a_manual_page() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.run(&["completions", shell]);
        assert!(script.code == Some(0) && script.out.contains("receipt"), "{shell}: {script:?}");
    }
    bench.run(&["completions", "sh"]).fails(2, "invalid value 'sh'");
    let folder = bench.text("man/man1");
    assert_eq!(bench.run(&["man", &folder]).code, Some(0));
    let help = bench.run(&["--help"]).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    // A long description goes on in lines that begin further right.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands = names.filter(|name| !name.is_empty());
    let mut count = 0;
    for command in commands {
        let page = std::fs::read_to_string(format!("{folder}/onehop-{command}.1"));
        assert!(page.unwrap().contains(".SH NAME"), "{command}");
        count += 1;
    }
    assert!(count > 15, "{help}");
    bench.run(&["man", "/dev/null/no"]).fails(1, "failed to write manual pages to /dev/null/no");
}

/// [N-4]
#[test]
fn a_wallet_says_whom_it_refuses_and_who_told() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let ended = bench.wallet("asha", &["refused"]);
    assert_eq!(ended.out, "revocation list 0, from the office; 0 refused\n", "{ended:?}");
    let ended = bench.wallet("asha", &["refused", "--json"]);
    assert_eq!(ended.out.matches("\"revocations\":0").count(), 1, "{ended:?}");
}
