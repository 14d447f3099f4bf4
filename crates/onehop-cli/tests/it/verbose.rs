//! `--verbose`: what a person who wonders is told, and what not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{Bench, Ended};

/// The details among the lines on stderr, which are all there is.
fn details(ended: &Ended) -> Vec<Value> {
    let lines = ended.err.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.map(Result::unwrap).collect();
    assert!(lines.iter().all(|line| line["event"] == "detail"), "{ended:?}");
    lines
}

/// What a detail says, without how much and how long.
fn told(detail: &Value) -> String {
    let part = |name: &str| detail[name].as_str().unwrap_or_default();
    [part("of"), part("method"), part("path"), part("link")].join(" ").trim().to_owned()
}

#[test]
fn a_person_who_wonders_is_told_the_folder_the_records_the_requests_and_the_bearer() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let sell = ["sell", "7.35", "--order", "masala chai", "--buyer", "asha", "-v", "--json"];
    let seller = bench.start_wallet("bharat", &sell);
    let pay = ["pay", "--to", "bharat", "--max", "8", "--yes", "--verbose", "--json"];
    let (buyer, seller) = (bench.wallet("asha", &pay), seller.finish());
    assert_eq!((buyer.code, seller.code), (Some(0), Some(0)), "{buyer:?} {seller:?}");
    let found: Vec<String> = details(&buyer).iter().map(told).collect();
    assert_eq!(found, ["settings", "wallet", "opened", "bearer   lan"]);
    let synced = bench.wallet("bharat", &["sync", "--json", "-v"]);
    let found = details(&synced);
    let words: Vec<String> = found.iter().map(told).collect();
    let asked = ["office GET /v1/office", "office POST /v1/claim", "office POST /v1/sync"];
    assert_eq!(words, [&["settings", "wallet", "opened"][..], &asked].concat());
    assert_eq!(found[1]["dir"], bench.text("bharat"));
    assert_eq!((&found[2]["payments"], &found[2]["archived"]), (&1.into(), &0.into()));
    for request in &found[3..] {
        let number = |name: &str| request[name].as_u64().unwrap_or_else(|| panic!("{request}"));
        assert_eq!(number("status"), 200);
        assert_eq!(number("sent") > 0, request["method"] == "POST", "{request}");
        assert!(number("received") > 100 && number("ms") < 60_000, "{request}");
    }
    // To people it is the same in words.
    let ended = bench.wallet("bharat", &["sync", "-v"]);
    for words in [
        format!("wallet: {}", bench.text("bharat")),
        "opened: ".to_owned(),
        "office: GET /v1/office: 0 bytes sent, status 200, ".to_owned(),
        "office: POST /v1/sync: ".to_owned(),
    ] {
        assert!(ended.err.lines().any(|line| line.starts_with(&words)), "{words} in {ended:?}");
    }
    office.stop();
    let ended = bench.wallet("bharat", &["sync", "-v"]);
    ended.fails(5, "is not reachable");
    assert!(ended.err.contains("office: GET /v1/office: 0 bytes sent, no answer, "), "{ended:?}");
}

#[test]
fn no_detail_tells_what_the_folder_keeps_sealed() {
    let bench = Bench::new();
    let office = bench.inr();
    let pin = bench.text("pin");
    std::fs::write(&pin, "four good long words\n").unwrap();
    let all = |args: &[&str]| {
        let more = ["--pin-file", &pin, "--pin-cost", "8", "-v", "--json"];
        [args, &more].concat().into_iter().map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let run = |args: &[&str]| {
        let args = all(args);
        bench.wallet("buyer", &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let made = run(&["init", "--office", &office.url, "--name", "asha the first"]);
    let charged = run(&["charge", "50"]);
    bench.enrol("tea stall", &office.url, "");
    let sell = ["sell", "7.35", "--order", "masala chai", "--any"];
    let seller = bench.start_wallet("tea stall", &sell);
    let paid = run(&["pay", "--to", "tea stall", "--max", "8", "--yes"]);
    seller.finish().says(0, "paid");
    let noted = run(&["contacts", "note", "tea stall", "green door"]);
    let (shown, synced) = (run(&["history"]), run(&["sync"]));
    let mut names = BTreeSet::new();
    for ended in [made, charged, paid, noted, shown, synced] {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for detail in details(&ended) {
            names.extend(detail.as_object().unwrap().keys().cloned());
        }
        for word in ["four good", "asha the", "tea stall", "masala", "7.35", "50.00", "green"] {
            assert!(!ended.err.contains(word), "{word} in {ended:?}");
        }
    }
    // None of these is an amount.
    let known = "adapter archived dir event file interface is_there link method ms of path \
                 payments port received rows sent status";
    assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), known);
}

#[test]
fn without_the_option_nothing_is_told_and_with_quiet_it_is_refused() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    assert_eq!(bench.wallet("asha", &["sync"]).err, "");
    assert_eq!(bench.wallet("asha", &["balance", "--json"]).err, "");
    for args in [&["sync", "-v", "-q"][..], &["-q", "sync", "-v"], &["-v", "sync", "--quiet"]] {
        bench.wallet("asha", args).fails(2, "cannot be used with");
    }
    // What is said comes before a settings file.
    let file = bench.text("settings.toml");
    std::fs::write(&file, "quiet = true\n").unwrap();
    let ended = bench.wallet("asha", &["balance", "-v", "--config", &file]);
    ended.says(0, "available");
    assert!(ended.err.starts_with(&format!("settings: {file}\nwallet: ")), "{ended:?}");
}
