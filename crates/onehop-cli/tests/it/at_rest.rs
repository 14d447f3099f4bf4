//! What lies in a wallet's folder, and the PIN around it.

use std::path::Path;

use onehop_vault::Vault;

use crate::bench::{Bench, Ended};

/// A PIN in a file, and guesses at it that cost nothing.
const CHEAP: [&str; 2] = ["--pin-cost", "8"];

impl Bench {
    /// Writes `pin` to a file and gives the arguments that name it.
    fn pin(&self, name: &str, pin: &str) -> [String; 4] {
        std::fs::write(self.path(name), format!("{pin}\n")).unwrap();
        ["--pin-file", &self.text(name), CHEAP[0], CHEAP[1]].map(ToOwned::to_owned)
    }

    fn with(&self, wallet: &str, pin: &[String; 4], args: &[&str]) -> Ended {
        let pin = pin.iter().map(String::as_str);
        self.wallet(wallet, &args.iter().copied().chain(pin).collect::<Vec<_>>())
    }
}

/// Every file below `dir`, with what it holds.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

// [S-16]
#[test]
fn no_name_no_order_no_amount_no_id_and_no_peer_lies_open_in_the_folder() {
    let bench = Bench::new();
    let office = bench.inr();
    let pin = bench.pin("pin", "four good long words");
    let init = ["init", "--office", &office.url, "--name", "asha the first"];
    let made = bench.with("buyer", &pin, &[&init[..], &["--json"]].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    bench.with("buyer", &pin, &["charge", "50"]).says(0, "50.00 INR");
    bench.enrol("tea stall", &office.url, "");
    let sell = ["sell", "7.35", "--order", "masala chai", "--order-id", "order 4711", "--any"];
    let seller = bench.start_wallet("tea stall", &sell);
    let pay = ["pay", "--to", "tea stall", "--max", "10", "--yes", "--trace"];
    let paid = bench.with("buyer", &pin, &pay);
    paid.says(0, "paid: 7.35 INR");
    seller.finish().says(0, "paid");
    bench.with("buyer", &pin, &["sync"]).says(0, "42.65 INR");

    let line = made.out.lines().find(|line| line.contains("\"wallet\"")).unwrap();
    let id = serde_json::from_str::<serde_json::Value>(line).unwrap()["wallet"].clone();
    let id = id.as_str().unwrap();
    // Long enough that random bytes do not hold them.
    let words = [
        "asha the first",
        "tea stall",
        "masala chai",
        "order 4711",
        "42.65",
        "four good",
        "http://",
        id,
    ];
    let raw = hex::decode(id).unwrap();
    let phrase = bench.with("buyer", &pin, &["backup", "--phrase"]).out;
    let secret = bip39::Mnemonic::parse(phrase.trim()).unwrap().to_entropy();
    let secret_text = hex::encode(&secret);
    let parts: Vec<&[u8]> = words
        .iter()
        .map(|word| word.as_bytes())
        .chain([raw.as_slice(), &secret, secret_text.as_bytes()])
        .collect();
    let mut kept = files(&bench.path("buyer"));
    for part in &parts {
        // A trace names acts and packets, and nothing that is in them.
        for (name, bytes) in &kept {
            assert!(!holds(bytes, part), "{:?} lies in {name}", String::from_utf8_lossy(part));
        }
    }
    assert!(!paid.err.contains(id) && !paid.err.contains("four good"), "{}", paid.err);
    // The search finds what does lie there: under the key it is all there.
    let key = Vault::at(&bench.path("buyer"));
    let pin_of = onehop_vault::Pin::new("four good long words").unwrap();
    let key = key.with_cost(onehop_vault::Cost::CHEAPEST).unlock(Some(&pin_of)).unwrap();
    let (_, settings) = kept.iter().find(|(name, _)| name.ends_with("/office")).unwrap();
    assert!(holds(&key.open(b"office", settings).unwrap(), b"asha the first"));
    kept.retain(|(name, _)| name.ends_with("/key"));
    assert_eq!(kept.len(), 1);
}

// [S-17]
#[test]
fn wrong_pins_lock_the_wallet_and_each_answer_is_one_sentence() {
    let bench = Bench::new();
    let office = bench.inr();
    let right = bench.pin("right", "four good long words");
    let wrong = bench.pin("wrong", "four bad long words");
    let init = ["init", "--office", &office.url, "--name", "asha"];
    let asked = bench.wallet("script", &["init", "--office", &office.url, "--name", "script"]);
    asked.says(0, "\"script\" is enrolled");
    assert!(asked.err.contains("warning: this wallet has no PIN"), "{asked:?}");
    let short = bench.pin("short", "12");
    bench.with("asha", &short, &init).fails(2, "at least 4 characters");
    assert!(!bench.path("asha").exists());
    bench.with("asha", &right, &init).says(0, "\"asha\" is enrolled");
    bench.wallet("asha", &["balance"]).fails(2, "give --pin-file FILE or ONEHOP_PIN");
    bench.with("asha", &wrong, &["balance"]).fails(3, "wrong PIN; 2 more");
    bench.with("asha", &right, &["balance"]).says(0, "available");
    for words in ["wrong PIN; 2 more", "wrong PIN; 1 more", "locked for 1800 s more"] {
        bench.with("asha", &wrong, &["balance"]).fails(3, words);
    }
    let locked = bench.with("asha", &right, &["balance"]);
    locked.fails(3, "too many wrong PINs: the wallet is locked for 1");
    assert_eq!(locked.out, "");
}

// [S-16]
#[test]
fn a_wallet_without_a_pin_is_warned_about_and_gets_one() {
    let bench = Bench::new();
    let office = bench.inr();
    let init = ["init", "--office", &office.url, "--name", "asha", "--no-pin"];
    let made = bench.wallet("asha", &init);
    made.says(0, "\"asha\" is enrolled");
    assert!(made.err.contains("warning: this wallet has no PIN"), "{made:?}");
    let (old, new) = (bench.pin("old", "four good long words"), bench.text("new"));
    std::fs::write(&new, "five even better long words").unwrap();
    let set = ["pin", "set", "--new-pin-file", &bench.text("old"), "--tries", "9"];
    bench.wallet("asha", &["pin", "change"]).fails(2, "use onehop pin set");
    bench.wallet("asha", &[&set[..], &CHEAP].concat()).says(0, "9 wrong ones lock it for 30 min");
    bench.wallet("asha", &["balance"]).fails(2, "this wallet has a PIN");
    bench.with("asha", &old, &set).fails(2, "use onehop pin change");
    let change = ["pin", "change", "--new-pin-file", &new, "--lock-minutes", "5"];
    bench.with("asha", &old, &change).says(0, "9 wrong ones lock it for 5 min");
    bench.with("asha", &old, &["balance"]).fails(3, "wrong PIN; 8 more");
    let new = bench.pin("new", "five even better long words");
    bench.with("asha", &new, &["balance"]).says(0, "available");
}

// [S-18]
#[test]
fn above_a_threshold_a_payment_needs_the_pin_again_and_a_wrong_one_pays_nothing() {
    let bench = Bench::new();
    let office = bench.inr();
    let pin = bench.pin("pin", "four good long words");
    let init = ["init", "--office", &office.url, "--name", "asha"];
    bench.with("asha", &pin, &init).says(0, "\"asha\" is enrolled");
    bench.with("asha", &pin, &["charge", "50"]).says(0, "50.00 INR");
    bench.enrol("bharat", &office.url, "");
    bench.with("asha", &pin, &["pin", "above", "5"]).says(0, "each payment of more than 5.00 INR");
    // The PIN that unlocks is typed, and so is the one that pays.
    let pay = ["pay", "--to", "bharat", "--max", "10", "--yes", "--pin-file", "-"];
    for (amount, typed, says) in [
        ("5", None, "paid: 5.00"),
        ("5.01", Some("bad words"), "not paid"),
        ("5.01", Some("four good long words"), "paid: 5.01"),
    ] {
        let sell = ["sell", amount, "--order", "tea", "--buyer", "asha"];
        let seller = bench.start_wallet("bharat", &sell);
        let mut buyer = bench.start_wallet("asha", &[&pay[..], &CHEAP].concat());
        buyer.type_line("four good long words");
        if let Some(typed) = typed {
            buyer.wait_for("PIN or passphrase");
            buyer.type_line(typed);
            if says == "not paid" {
                buyer.wait_for("wrong PIN; 2 more");
            }
        }
        let code = if says == "not paid" { 3 } else { 0 };
        buyer.finish().says(code, says);
        seller.finish().says(code, says.split(':').next().unwrap());
    }
}

#[test]
fn a_wallet_whose_key_is_gone_or_damaged_is_refused_and_not_made_anew() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let path = bench.path("asha").join("key");
    let whole = std::fs::read(&path).unwrap();
    let init = ["init", "--office", &office.url, "--name", "asha", "--no-pin"];
    let mut damaged = whole.clone();
    damaged[33] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    for args in [&["balance"][..], &["sync"], &init] {
        bench.wallet("asha", args).fails(6, "key is damaged");
    }
    std::fs::remove_file(&path).unwrap();
    for args in [&["balance"][..], &["sync"], &init] {
        bench.wallet("asha", args).fails(6, "has no file `key`");
    }
    std::fs::write(&path, whole).unwrap();
    assert_eq!(bench.figure("asha", "available"), 5_000);
}
