//! What a person notes about other wallets.

use serde_json::Value;

use crate::bench::Bench;

/// Guesses at a passphrase cost nothing here.
const CHEAP: [&str; 2] = ["--pin-cost", "8"];

impl Bench {
    /// The contacts of a wallet, as programs read them.
    fn contacts(&self, wallet: &str) -> Vec<Value> {
        let ended = self.wallet(wallet, &["contacts", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Two wallets, of which asha has paid bharat.
    fn acquainted(&self) -> crate::bench::Office {
        let office = self.inr();
        self.enrol("asha", &office.url, "50");
        self.enrol("bharat", &office.url, "");
        let (buyer, seller) = self.pay("asha", "bharat", "1.50");
        assert_eq!((buyer.code, seller.code), (Some(0), Some(0)), "{buyer:?} {seller:?}");
        office
    }
}

#[test]
fn a_note_stands_in_the_contacts_until_it_is_removed_and_nobody_reads_it_in_the_folder() {
    let bench = Bench::new();
    let _office = bench.acquainted();
    assert_eq!(bench.contacts("asha")[0]["note"], Value::Null);
    let id = bench.contacts("asha")[0]["wallet"].as_str().unwrap().to_owned();
    let noted = format!("noted about \"bharat\", wallet {}: \"the tea stall\"\n", &id[..8]);
    let ended = bench.wallet("asha", &["contacts", "note", "bharat", " the tea stall "]);
    assert_eq!((ended.code, ended.out), (Some(0), noted));
    let listed = bench.wallet("asha", &["contacts"]);
    listed.says(0, "1 payments: paid 1.50 INR, received 0.00 INR (your note: \"the tea stall\")");
    assert_eq!(bench.contacts("asha")[0]["note"], "the tea stall");
    let sealed = std::fs::read(bench.path("asha").join("office")).unwrap();
    assert!(!sealed.windows(9).any(|part| part == b"tea stall"));
    // The first digits of the id are as good as the name.
    let digits = id[..10].to_ascii_uppercase();
    let ended = bench.wallet("asha", &["contacts", "note", &digits, "closed", "--json"]);
    let said: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(said["note"], "closed", "{ended:?}");
    // What is not understood changes nothing.
    let sealed = std::fs::read(bench.path("asha").join("office")).unwrap();
    for (who, text, words) in [
        ("bhara", "x", "there is no contact \"bhara\": give a name that onehop contacts lists"),
        ("", "x", "there is no contact \"\""),
        (&id[..3], "x", "there is no contact"),
        ("bharat", "a\u{202e}b", "the note is not acceptable: text has the control character"),
        ("bharat", &"x".repeat(201), "the note has 201 characters, the most are 200"),
    ] {
        bench.wallet("asha", &["contacts", "note", who, text]).fails(2, words);
    }
    assert_eq!(std::fs::read(bench.path("asha").join("office")).unwrap(), sealed);
    let removed = format!("nothing is noted about \"bharat\", wallet {}\n", &id[..8]);
    assert_eq!(bench.wallet("asha", &["contacts", "note", "bharat", ""]).out, removed);
    assert!(!bench.wallet("asha", &["contacts"]).out.contains("note"));
}

#[test]
fn a_note_stands_beside_the_name_of_who_is_found_and_who_asks() {
    let bench = Bench::new();
    let _office = bench.acquainted();
    bench.wallet("asha", &["contacts", "note", "bharat", "the tea stall"]).says(0, "noted");
    bench.wallet("bharat", &["contacts", "note", "asha", "no sugar"]).says(0, "noted");
    let sell = ["sell", "2", "--order", "tea"];
    let mut seller = bench.start_wallet("bharat", &sell);
    let mut buyer = bench.start_wallet("asha", &["pay"]);
    buyer.wait_for("seller 1  \"bharat\" (your note: \"the tea stall\")");
    buyer.type_line("1");
    let line = seller.wait_for("\"asha\" (your note: \"no sugar\")  (code ");
    seller.type_line(line.split_whitespace().nth(1).unwrap());
    buyer
        .wait_for("\"bharat\" (your note: \"the tea stall\") asks for 2.00 INR for \"tea\" (code ");
    buyer.type_line("n");
    buyer.finish().says(3, "not paid: declined");
    seller.finish().says(3, "not paid: declined");
}

#[test]
fn a_note_is_a_line_of_its_own_where_the_wallet_is_lines() {
    let bench = Bench::new();
    let _office = bench.acquainted();
    bench.wallet("asha", &["contacts", "note", "bharat", "the tea stall"]).says(0, "noted");
    bench.wallet("bharat", &["contacts", "note", "asha", "no sugar"]).says(0, "noted");
    let mut buyer = bench.start_wallet("asha", &["ui", "--plain"]);
    buyer.type_line("pay");
    let mut seller = bench.start_wallet("bharat", &["ui", "--plain"]);
    seller.type_line("sell 2 tea");
    let line = buyer.wait_for("your note about seller ");
    let number = line.trim_start_matches("your note about seller ");
    let number = number.strip_suffix(": the tea stall").unwrap();
    buyer.type_line(&format!("choose {number}"));
    let line = seller.wait_for("your note about code ");
    let code = line.trim_start_matches("your note about code ").trim_end_matches(": no sugar");
    seller.type_line(&format!("ask {code}"));
    assert_eq!(buyer.wait_for("who asks"), "your note about who asks: the tea stall");
    buyer.type_line("no");
    buyer.wait_for("not paid: nothing was paid: declined");
}

#[test]
fn notes_come_along_in_a_backup() {
    let bench = Bench::new();
    let _office = bench.acquainted();
    bench.wallet("asha", &["contacts", "note", "bharat", "the tea stall"]).says(0, "noted");
    let (file, words) = (bench.text("backup"), bench.text("words"));
    std::fs::write(&words, "four good long words\n").unwrap();
    let with = |args: &[&str]| {
        let all = [args, &["--passphrase-file", &words], &CHEAP].concat();
        all.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let run = |wallet: &str, args: &[&str]| {
        let args = with(args);
        bench.wallet(wallet, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    run("asha", &["backup", "--out", &file]).says(0, "no money");
    run("again", &["restore", &file, "--no-pin"]).says(0, "\"asha\" is restored");
    let contacts = bench.contacts("again");
    assert_eq!(
        (&contacts[0]["name"], &contacts[0]["note"]),
        (&"bharat".into(), &"the tea stall".into())
    );
}
