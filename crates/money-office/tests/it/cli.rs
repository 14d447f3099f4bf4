//! The commands.

use std::os::unix::fs::PermissionsExt;

use crate::office::Folder;

#[test]
fn init_makes_keys_only_its_owner_can_read_and_overwrites_nothing() {
    let folder = Folder::init();
    let names = ["office-root.key", "operator.key"];
    let read = || names.map(|name| std::fs::read(folder.path().join(name)).unwrap());
    let before = read();
    for name in names {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let line = folder.refused(&["init", "--currency", "INR", "--profile", "rbi-2023"], 4);
    assert!(line.starts_with("there is an office in "), "{line}");
    assert_eq!(read(), before);
}

#[test]
fn an_unknown_profile_or_currency_or_one_that_does_not_fit_is_refused_and_makes_nothing() {
    let folder = Folder::new();
    let says = |currency, profile, extra: &[&str]| {
        let args = ["init", "--currency", currency, "--profile", profile];
        folder.refused(&[args.as_slice(), extra].concat(), 4)
    };
    let line = says("INR", "rbi-1999", &[]);
    assert!(line.starts_with("unknown profile \"rbi-1999\", known are rbi-2022, "), "{line}");
    assert_eq!(says("EUR", "rbi-2023", &[]), "profile rbi-2023 is for INR, not EUR");
    assert_eq!(says("XQZ", "rbi-2023", &[]), "unknown currency \"XQZ\"");
    let line = says("INR", "rbi-2023", &["--credit-line", "1.234"]);
    assert_eq!(line, "\"1.234\" has 3 decimals, INR has 2");
    assert!(!folder.path().exists());
}

/// [O-23]
#[test]
fn a_folder_without_an_office_a_strange_wallet_and_a_public_address_with_credit_are_refused() {
    let folder = Folder::new();
    let line = folder.refused(&["audit"], 3);
    assert!(line.contains("there is no store at "), "{line}");
    let folder = Folder::init();
    assert_eq!(folder.refused(&["wallet", "nobody"], 4), "no wallet is called \"nobody\"");
    assert_eq!(
        folder.refused(&["deposit", "nobody", "0"], 4),
        "the amount is 0, the least is 0.01 INR"
    );
    let line = folder.refused(&["serve", "--listen", "0.0.0.0:0"], 4);
    assert!(line.starts_with("an office with a credit line of 2000.00 INR serves only loopback"));
    let id = folder.ok(&["info", "--json"]);
    assert!(id.contains("\"currency\":\"INR\""), "{id}");
}

#[test]
fn an_office_in_use_that_does_not_answer_is_an_error_of_its_own() {
    let folder = Folder::init();
    let serving = folder.serve();
    std::fs::remove_file(folder.path().join("serve.addr")).unwrap();
    let line = folder.refused(&["audit"], 3);
    assert_eq!(line, "the office is in use by another program and does not answer");
    let line = folder.refused(&["serve", "--listen", "127.0.0.1:0"], 3);
    assert!(line.contains("is open already"), "{line}");
    drop(serving);
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}

#[test]
fn the_evidence_file_is_the_same_from_a_folder_and_from_the_running_office() {
    let folder = Folder::init();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (stopped, running) = (file("stopped"), file("running"));
    assert_eq!(folder.ok(&["export", &stopped]), "1 rows of evidence\n");
    let serving = folder.serve();
    folder.ok(&["export", &running]);
    let text = std::fs::read_to_string(stopped).unwrap();
    assert_eq!(text, std::fs::read_to_string(running).unwrap());
    assert_eq!(text, folder.ok(&["export", "-"]));
    assert_eq!(text.lines().count(), 3, "{text}");
    let missing = file("none/file");
    let line = folder.refused(&["export", &missing], 1);
    assert!(line.starts_with(&format!("failed to write {missing}: ")), "{line}");
    drop(serving);
}

/// [O-34]
#[test]
fn limits_are_chosen_at_init_by_a_file_and_changed_by_options_one_number_at_a_time() {
    let folder = Folder::new();
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("limits.json");
    let text = r#"{"per-payment": "70.00", "payments": 3, "per-checkpoint": null}"#;
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let init = ["init", "--currency", "INR", "--profile", "rbi-2023", "--limits", file];
    let line = folder.refused(&[init.as_slice(), &["--purse-max", "0"]].concat(), 4);
    assert_eq!(line, "limit purse-max is out of range");
    assert!(!folder.path().exists());
    folder.ok(&[init.as_slice(), &["--credit-line", "0"]].concat());
    let shown = folder.ok(&["limits", "show"]);
    let first = "limits 0\n  per payment: 70.00 INR\n  per payee: none\n  per checkpoint: none\n  \
                 payments: 3\n  hops: 1\n  purse at most: 2000.00 INR\n  credit line: 0.00 INR\n";
    assert!(shown.starts_with(first), "{shown}");
    let set = ["limits", "set", "--per-payee", "9.50", "--payments", "none"];
    let shown = folder.ok(&set);
    assert!(shown.starts_with("limits 1\n") && shown.contains("per payee: 9.50 INR"), "{shown}");
    assert!(shown.contains("payments: none") && shown.contains("per payment: 70.00 INR"));
    std::fs::write(file, r#"{"per-paymnt": "1"}"#).unwrap();
    let line = folder.refused(&["limits", "set", "--limits", file], 4);
    assert_eq!(line, "per-paymnt is no limit of an office");
    assert_eq!(folder.refused(&["limits", "set", "--hops", "9"], 4), "limit hops is out of range");
    assert!(folder.ok(&["limits", "show"]).starts_with("limits 1\n"));
    let none = "largest loss until the next sync: 0.00 INR, among 0 certificates\n";
    assert_eq!(folder.ok(&["exposure"]), none);
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}

#[test]
fn evidence_goes_into_csv_with_the_rows_of_the_file_for_auditors() {
    let folder = Folder::init();
    let lines = folder.ok(&["export", "-"]);
    let row: serde_json::Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    let field = |name: &str| row[name].as_str().unwrap().to_owned();
    let expected =
        format!("row,kind,bytes,chain\n1,OfficeKey,{},{}\n", field("bytes"), field("chain"));
    assert_eq!(folder.ok(&["export", "-", "--format", "csv"]), expected);
}

/// [N-9]
#[test]
fn a_new_root_is_announced_by_the_one_before_and_certifies_the_next_key() {
    let folder = Folder::init();
    let line = folder.ok(&["new-root"]);
    assert!(line.starts_with("root 1, key in ") && line.ends_with(": keep it offline\n"), "{line}");
    let path = folder.path().join("office-root-1.key");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(folder.ok(&["renew-key"]), "office key 2\n");
    let first = folder.path().join("office-root.key");
    assert_eq!(folder.ok(&["renew-key", "--root", first.to_str().unwrap()]), "office key 3\n");
    let operator = folder.path().join("operator.key");
    let line = folder.refused(&["renew-key", "--root", operator.to_str().unwrap()], 4);
    assert!(line.starts_with("not signed by this office: "), "{line}");
    assert_eq!(folder.ok(&["export", "-"]).matches("\"kind\":\"NewRoot\"").count(), 1);
    assert!(folder.ok(&["audit"]).ends_with("books balance\n"));
}
