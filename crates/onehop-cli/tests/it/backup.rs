//! A lost device, and its backup on another one.

use crate::bench::{Bench, Ended};

/// Guesses at a passphrase cost nothing here.
const CHEAP: [&str; 2] = ["--pin-cost", "8"];

impl Bench {
    fn secret(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), format!("{text}\n")).unwrap();
        self.text(name)
    }

    fn restore(&self, wallet: &str, file: &str, passphrase: &str) -> Ended {
        let args = ["restore", file, "--passphrase-file", passphrase, "--no-pin"];
        self.wallet(wallet, &[&args[..], &CHEAP].concat())
    }
}

// [S-8]
#[test]
fn a_wallet_is_restored_with_its_records_and_paid_and_pays_after_the_office_renewed_it() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let (buyer, _) = bench.pay("asha", "bharat", "7.35");
    buyer.says(0, "paid");
    let (file, passphrase) = (bench.text("backup"), bench.secret("words", "four good long words"));
    let backup = ["backup", "--out", &file, "--passphrase-file", &passphrase];
    let backup = [&backup[..], &CHEAP].concat();
    bench.wallet("asha", &backup).says(0, "has this wallet's key and records, and no money");
    let bytes = std::fs::read(&file).unwrap();
    assert!(
        !["\"asha\"", "bharat", "http://"]
            .iter()
            .any(|word| { bytes.windows(word.len()).any(|window| window == word.as_bytes()) })
    );
    // The device goes on and is lost then.
    let (buyer, _) = bench.pay("asha", "bharat", "1.00");
    buyer.says(0, "paid");

    let made = bench.restore("again", &file, &passphrase);
    made.says(0, "\"asha\" is restored");
    assert!(made.err.contains("epoch 2, an empty purse"), "{made:?}");
    assert_eq!(bench.figure("again", "available"), 0);
    bench.wallet("again", &["history"]).says(0, "bharat");
    // What is left of the lost device settles nothing any more.
    bench.wallet("asha", &["sync"]).fails(5, "office refused");
    bench.wallet("again", &["sync"]).says(0, "available");
    bench.wallet("again", &["charge", "20"]).says(0, "20.00 INR");
    let sell = ["sell", "2", "--order", "more tea", "--buyer", "asha"];
    let seller = bench.start_wallet("bharat", &sell);
    let pay = ["pay", "--to", "bharat", "--max", "2", "--yes"];
    bench.wallet("again", &pay).says(0, "paid");
    seller.finish().says(0, "paid");
}

// [S-8]
#[test]
fn without_the_office_a_restored_wallet_waits_frozen() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let (file, passphrase) = (bench.text("backup"), bench.secret("words", "four good long words"));
    let backup = ["backup", "--out", &file, "--passphrase-file", &passphrase];
    bench.wallet("asha", &[&backup[..], &CHEAP].concat()).says(0, "no money");
    office.stop();
    let made = bench.restore("again", &file, &passphrase);
    made.says(0, "frozen until its office renews it");
    assert!(made.err.contains("run onehop sync when it can be reached"), "{made:?}");
    for args in [&["pay"][..], &["sell", "1", "--order", "tea"]] {
        bench.wallet("again", args).fails(3, "frozen");
    }
    bench.wallet("again", &["sync"]).fails(5, "is not reachable");
    bench.wallet("again", &["balance"]).says(0, "available");
}

#[test]
fn what_is_no_backup_of_this_passphrase_and_version_is_refused_and_makes_nothing() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let (file, passphrase) = (bench.text("backup"), bench.secret("words", "four good long words"));
    let backup = ["backup", "--out", &file, "--passphrase-file", &passphrase];
    let backup = [&backup[..], &CHEAP].concat();
    bench.wallet("asha", &backup).says(0, "no money");
    bench.wallet("asha", &backup).fails(1, "failed to write");
    let wrong = bench.secret("wrong", "four bad long words");
    bench.restore("again", &file, &wrong).fails(2, "another passphrase, or it was changed");
    let whole = std::fs::read(&file).unwrap();
    for (at, words) in [
        (0, "is no backup of a wallet"),
        (8, "is a backup of another version"),
        (30, "another passphrase, or it was changed"),
        (whole.len() - 1, "another passphrase, or it was changed"),
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 2;
        std::fs::write(bench.path("changed"), bytes).unwrap();
        bench.restore("again", &bench.text("changed"), &passphrase).fails(2, words);
    }
    std::fs::write(bench.path("cut"), &whole[..40]).unwrap();
    bench.restore("again", &bench.text("cut"), &passphrase).fails(2, "is no backup of a wallet");
    assert!(!bench.path("again").exists());
    bench.restore("asha", &file, &passphrase).fails(2, "already has a wallet");
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn the_words_alone_make_the_wallet_again_without_its_records() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let shown = bench.wallet("asha", &["backup", "--phrase"]);
    shown.says(0, " ");
    assert!(shown.err.contains("who knows them is this wallet"), "{shown:?}");
    assert_eq!(shown.out.split_whitespace().count(), 24, "{shown:?}");
    let restore = |words: &str| {
        let file = bench.secret("phrase", words);
        let args = ["restore", "--phrase", "--phrase-file", &file, "--name", "asha", "--no-pin"];
        bench.wallet("again", &[&args[..], &["--office", &office.url]].concat())
    };
    let mut words: Vec<&str> = shown.out.split_whitespace().collect();
    words.swap(0, 1);
    // One order of words in 256 passes for another wallet's; then the name is taken.
    assert_ne!(restore(&words.join(" ")).code, Some(0));
    if bench.path("again").exists() {
        std::fs::remove_dir_all(bench.path("again")).unwrap();
    }
    restore(shown.out.trim()).says(0, "\"asha\" is enrolled");
    bench.wallet("asha", &["sync"]).fails(5, "office refused");
    bench.wallet("again", &["sync"]).says(0, "available");
}
