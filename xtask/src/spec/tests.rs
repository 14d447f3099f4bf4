//! The coverage check against specifications and code that fall short.

use super::*;

/// Checks a specification together with one test file and prints what is found.
#[track_caller]
fn check_spec(spec: &str, test: &str, expected: &[&str]) -> Report {
    let report = check(&Tree::of(&[(SPEC, spec), ("tests/it.rs", test)]), true);
    let found: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
    report
}

#[test]
fn a_statement_with_its_test_is_let_pass() {
    let report = check_spec("[W-3] A wallet MUST wait.\n", "// [W-3]\nfn f() {}\n", &[]);
    assert_eq!(report.summary(), "protocol-spec.md: 1 of 1 statements are cited by a test");
}

#[test]
fn a_must_without_a_tag_is_found() {
    let what = "a MUST without a tag";
    check_spec("# Rules\nA wallet\nMUST wait.\n", "", &[&format!("protocol-spec.md:3: {what}")]);
    check_spec("It MUST NOT act.\n", "", &[&format!("protocol-spec.md:1: {what}")]);
    check_spec("A MUSTARD, and you must.\n\n```\nMUST\n```\n", "", &[]);
    check_spec("MUST is to be read as in RFC 2119.\n", "", &[]);
}

#[test]
fn a_tag_serves_its_own_paragraph_item_or_row() {
    let test = "// [W-1]\n";
    check_spec("A wallet\nMUST wait\nfor it [W-1].\n", test, &[]);
    let found = ["protocol-spec.md:2: a MUST without a tag"];
    check_spec("- It MUST wait. [W-1]\n- It MUST act.\n", test, &found);
    check_spec("1. It MUST wait. [W-1]\n2. It MUST act.\n", test, &found);
    check_spec("| it MUST wait | [W-1] |\n| it MUST act | |\n", test, &found);
    let found = ["protocol-spec.md:3: a MUST without a tag"];
    check_spec("It MUST wait. [W-1]\n\nIt MUST act.\n", test, &found);
}

#[test]
fn a_tag_is_defined_once() {
    let found = ["protocol-spec.md:3: [W-1] is defined on line 1 already"];
    check_spec("[W-1] One.\n\n[W-1] Two.\n", "// [W-1]\n", &found);
    check_spec("[W-1] One.\n\nBy W-1 too.\n", "// [W-1]\n", &[]);
}

#[test]
fn a_citation_of_nothing_is_found() {
    check_spec("", "fn f() {}\n/// [W-9]\n", &["tests/it.rs:2: [W-9] is not in protocol-spec.md"]);
    check_spec("", "// [RFC-9180] [a-1] [ABCD-1] [W-] [W-1x]\nlet a = \"[W-1]\";\n", &[]);
}

#[test]
fn a_statement_without_a_test_is_found() {
    let spec = "[W-1] One.\n\n[W-2] Two.\n";
    let found = ["protocol-spec.md:3: [W-2] is cited by no test"];
    check_spec(spec, "// [W-1]\n", &found);
    check_spec(spec, "// [W-1]\nlet a = \"[W-2]\";\n", &found);
    let report = check(&Tree::of(&[(SPEC, spec)]), false);
    let line = "protocol-spec.md:1: no test cites 2 statements; --list names them";
    assert_eq!(report.findings.first().map(ToString::to_string).as_deref(), Some(line));
}

#[test]
fn a_missing_specification_is_found() {
    let report = check(&Tree::of(&[]), false);
    assert_eq!(report.findings, [Finding::new(SPEC, 1, "the specification is missing")]);
}

#[test]
fn only_a_citation_in_a_test_counts() {
    let covers = |path: &str, text: &str| {
        let lib = "#[cfg(test)]\nmod vectors;\nmod a;\n";
        let files = [
            (SPEC, "[W-1] One.\n"),
            ("crates/x/Cargo.toml", ""),
            ("crates/x/src/lib.rs", lib),
            (path, text),
        ];
        check(&Tree::of(&files), true).findings.is_empty()
    };
    let in_module = "#[cfg(test)]\nmod tests {\n    // [W-1]\n    fn f() {}\n}\n";
    assert!(covers("crates/x/src/a.rs", in_module));
    assert!(covers("crates/x/src/a/tests.rs", "/// [W-1]\nfn f() {}\n"));
    assert!(covers("crates/x/src/vectors.rs", "// [W-1]\n"));
    assert!(covers("crates/x/tests/it/main.rs", "//! [W-1]\n"));
    assert!(!covers("crates/x/src/a.rs", "// [W-1]\nfn f() {}\n"));
    assert!(!covers("crates/x/src/a.rs", "// [W-1]\n#[cfg(test)]\nmod tests {}\n"));
    assert!(!covers("xtask/src/spec.rs", in_module));
}
