//! Case files written by wallets and offices, and judged by anybody.

use crate::bench::{Bench, Ended, Office};

fn paid(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out.trim().rsplit(' ').next().unwrap().to_owned()
}

/// The whole id of the payment whose id begins with `digits`.
fn whole(bench: &Bench, wallet: &str, digits: &str) -> String {
    let list = bench.wallet(wallet, &["history", "--json"]).out;
    let lines = list.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut ids = lines.filter_map(|line| line["tx"].as_str().map(str::to_owned));
    ids.find(|id| id.starts_with(digits)).unwrap()
}

fn root_of(office: &Office, bench: &Bench) -> String {
    let said = bench.run(&["money-office", "--office", &office.dir, "info", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    value["root"].as_str().unwrap().to_owned()
}

#[test]
fn what_wallets_and_office_hold_about_an_honest_payment_convicts_nobody() {
    let bench = Bench::new();
    let office = bench.inr();
    let root = root_of(&office, &bench);
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let tx = paid(&bench.pay("asha", "bharat", "7.35").0);
    let (buyers, sellers) = (bench.text("buyers"), bench.text("sellers"));
    assert_eq!(bench.wallet("asha", &["evidence", &tx, &buyers]).code, Some(0));
    for wallet in ["bharat", "asha"] {
        assert_eq!(bench.wallet(wallet, &["sync"]).code, Some(0));
    }
    assert_eq!(bench.wallet("bharat", &["evidence", &tx, &sellers]).code, Some(0));
    let offices = bench.text("offices");
    let tx = whole(&bench, "asha", &tx);
    let at = ["money-office", "--office", &office.dir, "evidence", &tx, &offices];
    bench.run(&at).says(0, " exhibits");
    let receipt = bench.text("receipt");
    assert_eq!(bench.wallet("asha", &["receipt", "save", &tx, &receipt]).code, Some(0));
    for file in [&buyers, &sellers, &offices, &receipt] {
        bench.wallet("asha", &["judge", file]).says(0, "nobody is guilty");
        let at = ["judge", file, "--office", &office.url, "--json"];
        bench.wallet("none", &at).says(0, "{\"guilty\":null}");
        bench.run(&["money-office", "judge", file, "--root", &root]).says(0, "nobody is guilty");
    }
    let at = ["money-office", "judge", &buyers, "--root", &office.url];
    bench.run(&at).says(0, "nobody is guilty");

    bench.wallet("none", &["judge", &buyers]).fails(2, "give the office's root");
    let wrong = bench.text("wrong");
    let whole = std::fs::read(&buyers).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 12) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&wrong, &bytes).unwrap();
        let ended = bench.wallet("asha", &["judge", &wrong]);
        assert!(matches!(ended.code, Some(2 | 3)), "byte {at}: {ended:?}");
        assert!(ended.err.contains(&wrong) && ended.out.is_empty(), "byte {at}: {ended:?}");
    }
    let mut last = whole;
    *last.last_mut().unwrap() ^= 1;
    std::fs::write(&wrong, &last).unwrap();
    bench.wallet("asha", &["judge", &wrong]).fails(3, "is not signed by the wallet it names");
    let said = bench.run(&["money-office", "judge", &wrong, "--root", &root]);
    assert_eq!(said.code, Some(4), "{said:?}");
    std::fs::write(&wrong, b"x").unwrap();
    let words = "cannot be judged: not a case file, a fork proof or a receipt";
    bench.wallet("asha", &["judge", &wrong]).fails(2, words);
    let unknown = "00".repeat(32);
    let at = ["money-office", "--office", &office.dir, "evidence", &unknown, "-"];
    assert_eq!(bench.run(&at).code, Some(4));
}

#[test]
fn a_wallet_that_ran_twice_is_named_by_its_certified_name() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    for seller in ["bharat", "chitra"] {
        bench.enrol(seller, &office.url, "");
    }
    copy(&bench, "asha", "twin");
    let first = paid(&bench.pay("asha", "bharat", "40").0);
    let first = whole(&bench, "asha", &first);
    let sell = ["sell", "30", "--order", "tea", "--buyer", "asha"];
    let sell = bench.start_wallet("chitra", &sell);
    let pay = ["pay", "--to", "chitra", "--max", "999999", "--yes"];
    paid(&bench.wallet("twin", &pay));
    assert_eq!(sell.finish().code, Some(0));
    for seller in ["bharat", "chitra"] {
        bench.wallet(seller, &["sync"]);
    }
    let file = bench.text("case");
    let at = ["money-office", "--office", &office.dir, "evidence", &first, &file];
    bench.run(&at).says(0, " exhibits");
    let judged = bench.wallet("none", &["judge", &file, "--office", &office.url]);
    judged.says(0, "the payer \"asha\" (");
    judged.says(0, ") is guilty: two different entries have the same number, payment ");
    assert_eq!(judged.out.lines().count(), 1, "{judged:?}");
    let judged = bench.wallet("none", &["judge", &file, "--office", &office.url, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&judged.out).unwrap();
    assert_eq!((&value["guilty"], &value["name"]), (&"payer".into(), &"asha".into()));
    assert_eq!((&value["row"], &value["first_kind"]), (&1.into(), &"AGREED".into()));
}

/// A wallet runs a second time, from a copy of its folder.
fn copy(bench: &Bench, from: &str, to: &str) {
    let mut folders = vec![(bench.path(from), bench.path(to))];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let there = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push((entry.path(), there));
            } else {
                std::fs::copy(entry.path(), there).unwrap();
            }
        }
    }
}
