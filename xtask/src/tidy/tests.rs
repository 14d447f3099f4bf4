//! Each rule of `tidy` against a snippet that it must refuse and one that it must let pass.

use super::*;

const WIRE: &str = "crates/onehop-wire/src/message.rs";
const STORE: &str = "crates/onehop-store/src/sled_file.rs";

/// Checks `text` as the file at `path` of a tree with nothing else in it.
#[track_caller]
fn check_file(path: &str, text: &str, expected: &[&str]) {
    let mut files = vec![(path, text)];
    let (package, _) = path.split_once("/src/").unwrap_or(("", ""));
    let (manifest, root) = (format!("{package}/Cargo.toml"), format!("{package}/src/lib.rs"));
    let modules = "//! A root.\nmod message;\nmod sled_file;\nmod a;\n";
    if !package.is_empty() {
        files.extend([(manifest.as_str(), ""), (root.as_str(), modules)]);
    }
    let found: Vec<_> = check(&Tree::of(&files)).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected.iter().map(|what| format!("{path}:{what}")).collect::<Vec<_>>());
}

#[test]
fn a_file_of_601_lines_is_too_long() {
    let lines = |count: usize| format!("//! A module.\n{}", "//\n".repeat(count - 1));
    check_file(WIRE, &lines(600), &[]);
    check_file(WIRE, &lines(601), &["601: the file has 601 lines; 600 is the most"]);
}

#[test]
fn the_readme_and_the_architecture_stay_short() {
    check_file("README.md", &"word\n".repeat(150), &[]);
    let long = "word\n".repeat(251);
    check_file("README.md", &long, &["151: the file has 251 lines; 150 is the most"]);
    check_file("ARCHITECTURE.md", &long, &["251: the file has 251 lines; 250 is the most"]);
    check_file("docs/ARCHITECTURE.md", &long, &[]);
}

#[test]
fn blanks_at_the_end_and_tabs_are_found() {
    check_file(WIRE, "//! A module.\n\nfn f() {}\n", &[]);
    check_file(WIRE, "//! A module. \n", &["1: blanks at the end of the line"]);
    check_file(WIRE, "//! A module.\r\n", &["1: blanks at the end of the line"]);
    check_file(WIRE, "//! A module.\n\tfn f() {}\n", &["2: a tab; indent with spaces"]);
    check_file(WIRE, "//! A module.", &["1: no newline at the end of the file"]);
    check_file("docs/a.md", "Two blanks  \n", &["1: blanks at the end of the line"]);
}

#[test]
fn a_module_says_what_it_is() {
    let missing = ["1: no module documentation (`//!`) at the head of the file"];
    check_file(WIRE, "\n//! A module.\n", &[]);
    check_file(WIRE, "// A comment.\n//! Too late.\n", &missing);
    check_file(WIRE, "", &missing);
    check_file("tests/a.rs", "fn f() {}\n", &[]);
}

#[test]
fn unfinished_work_is_found() {
    check_file(WIRE, "//! A module.\nfn f() { g(\"todo!()\"); todo(); }\n", &[]);
    check_file(WIRE, "//! A module.\nfn f() { todo!() }\n", &["2: unfinished: `todo!`"]);
    let unimplemented = "//! A module.\nfn f() { unimplemented!(\"b\") }\n";
    check_file(WIRE, unimplemented, &["2: unfinished: `unimplemented!`"]);
    check_file(WIRE, "//! A module.\n// FIXME: this.\n", &["2: unfinished: FIXME"]);
    check_file(WIRE, "//! A module.\nstruct S; // XXX\n", &["2: unfinished: XXX"]);
}

#[test]
fn a_test_that_is_never_run_is_found() {
    check_file(WIRE, "//! A module.\n#[test]\nfn f() { ignore(); }\n", &[]);
    let never = ["2: a test that is never run: `#[ignore]`"];
    check_file(WIRE, "//! A module.\n#[ignore]\nfn f() {}\n", &never);
    check_file(WIRE, "//! A module.\n#[ignore = \"slow\"]\nfn f() {}\n", &never);
}

#[test]
fn sled_is_flushed_by_force_alone() {
    let good = "//! A module.\nfn force(db: &Db) { db.flush(); sync(); }\n// db.flush()\n";
    check_file(STORE, good, &[]);
    let what = "3: `flush` outside `force` makes nothing durable";
    check_file(STORE, "//! A module.\nfn append(db: &Db) {\n    db.flush();\n}\n", &[what]);
    check_file(STORE, "//! A module.\nfn force() {}\nfn f() { Db::flush(db); }\n", &[what]);
    let elsewhere = "//! A module.\nfn f(db: sled::Db) {\n    db.flush_async();\n}\n";
    let what = "3: `flush_async` outside `force` makes nothing durable";
    check_file("crates/onehop-node/src/a.rs", elsewhere, &[what]);
    let output = "//! A module.\nfn f() { stdout().flush(); }\n";
    check_file("crates/onehop-node/src/a.rs", output, &[]);
}

#[test]
fn identifiers_of_the_pure_crates_keep_to_the_glossary() {
    let bad = "//! A module.\nstruct TransactionId;\n";
    let what = "2: `TransactionId` says \"transaction\"; the glossary says payment";
    check_file(WIRE, bad, &[what]);
    check_file(WIRE, "//! A transaction.\n// transaction\nconst A: &str = \"transaction\";\n", &[]);
    check_file(WIRE, "//! A module.\nstruct Blockmaster;\n", &[]);
    check_file("crates/onehop-store/src/a.rs", bad, &[]);
    for (word, instead) in GLOSSARY {
        let bad = format!("//! A module.\nconst MAX_{}_SIZE: u8 = 0;\n", word.to_uppercase());
        let constant = format!("MAX_{}_SIZE", word.to_uppercase());
        let what = format!("2: `{constant}` says \"{word}\"; the glossary says {instead}");
        check_file(WIRE, &bad, &[&what]);
    }
}

#[test]
fn documents_name_no_path_of_one_machine() {
    for root in MACHINE_ROOTS {
        let what = format!("2: a path of one machine: /{root}");
        check_file("docs/a.md", &format!("One\n`/{root}/me/x`\n"), &[&what]);
        check_file("docs/a.md", &format!("One\ncd /{root}\n"), &[&what]);
        check_file("docs/a.md", &format!("https://example.org/{root}/x and ./{root}/\n"), &[]);
        check_file("docs/a.md", &format!("/{root}ing and --{root}\n"), &[]);
    }
    check_file("docs/a.md", "`/usr/bin`, `/v1/claims`, and/or, / and /\n", &[]);
}

#[test]
fn a_file_that_no_module_names_is_dead() {
    let manifest = ("crates/x/Cargo.toml", "");
    let root = ("crates/x/src/lib.rs", "//! A root.\nmod a;\n");
    let a = ("crates/x/src/a.rs", "//! A module.\n");
    assert_eq!(check(&Tree::of(&[manifest, root, a])), []);
    let b = ("crates/x/src/b.rs", "//! A module.\n");
    let dead = Finding::new(b.0, 1, "no `mod` reaches this file");
    assert_eq!(check(&Tree::of(&[manifest, root, a, b])), [dead]);
}
