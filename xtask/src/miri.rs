//! `xtask miri`: tests of the pure crates in Miri, which sees what no test asserts: undefined
//! behaviour of the code that they stand on.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use crate::figure::{Figure, Limit, count};
use crate::nightly;
use crate::source::Finding;

/// What `xtask miri` is told.
#[derive(Args, Debug)]
pub(crate) struct MiriArgs {
    /// All tests that Miri can run, not only the quick ones
    #[arg(long)]
    all: bool,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Tests of one package: which, and which of them to leave out.
struct Suite {
    package: &'static str,
    /// The kinds of tests.
    kinds: &'static [&'static str],
    /// Parts of names, one of which a test has to have; all if there are none.
    only: &'static [&'static str],
    /// Parts of names that none may have.
    skip: &'static [&'static str],
}

const fn suite(
    package: &'static str,
    kinds: &'static [&'static str],
    only: &'static [&'static str],
) -> Suite {
    // Miri is isolated from the machine: no files, and no clock of its own.
    Suite { package, kinds, only, skip: &["vectors"] }
}

/// Quick enough for every change: what signs little, for a signature takes Miri seconds, and reads no
/// file of vectors.
const SHORT: &[Suite] = &[
    suite("onehop-wire", &["--lib", "--test", "it"], &CODEC),
    suite("onehop-crypto", &["--test", "it"], &["never_printed", "small_order"]),
    suite("onehop-proto", &["--lib"], &["the_first_known_log"]),
];
/// Tests of the codec by its rules, one by one.
const CODEC: [&str; 12] = [
    "mutant",
    "a_list_is_taken_at_its_bound",
    "an_input_over_its_bound",
    "a_text_that",
    "hello_1_offers",
    "each_type_is_encoded",
    "a_varint",
    "only_zero_and_one",
    "a_variant_that",
    "a_domain_is_padded",
    "ids_are_hashes",
    "a_currency_with",
];
/// All of the codec and of the cryptography, and whole payments: each of those takes minutes.
const LONG: &[Suite] = &[
    suite("onehop-wire", &["--lib", "--test", "it"], &[]),
    suite("onehop-crypto", &["--test", "it"], &[]),
    suite("onehop-proto", &["--lib"], &["known_log", "payments::"]),
];

/// Runs the tests; a finding for each package of which one failed.
pub(crate) fn run(root: &Path, args: &MiriArgs) -> anyhow::Result<Vec<Finding>> {
    let install = "rustup component add --toolchain nightly miri rust-src";
    nightly::require(&["miri"], install)?;
    let suites = if args.all { LONG } else { SHORT };
    let (mut findings, mut passed, mut failed) = (Vec::new(), 0, 0);
    let started = Instant::now();
    for suite in suites {
        let output = test(root, suite)?;
        let (good, bad) = outcome(&output.text);
        passed += good;
        failed += bad;
        if !output.is_well || good == 0 {
            let end: Vec<&str> = output.text.lines().rev().take(20).collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            let what = format!("{} in Miri:\n    {}", suite.package, end.join("\n    "));
            findings.push(Finding::new("miri", 0, what));
            failed += u64::from(bad == 0);
        }
    }
    let size = if args.all { "all" } else { "short" };
    let figure = |name: &str, value, unit, limit| {
        let (name, method) = (format!("miri.{name}"), format!("cargo +nightly miri test, {size}"));
        Figure { name, value, unit, limit, n: passed + failed, method }
    };
    let seconds = started.elapsed().as_secs_f64().round();
    figure("tests_passed", count(passed), "1", Some(Limit::AtLeast(1.0))).print(args.json);
    figure("failures", count(failed), "1", Some(Limit::Exactly(0.0))).print(args.json);
    figure("seconds", seconds, "s", None).print(args.json);
    Ok(findings)
}

struct Output {
    text: String,
    is_well: bool,
}

fn test(root: &Path, suite: &Suite) -> anyhow::Result<Output> {
    let mut command = nightly::cargo();
    command.args(["miri", "test", "--locked", "-p", suite.package]).args(suite.kinds).arg("--");
    command.args(suite.only);
    for name in suite.skip {
        command.args(["--skip", name]);
    }
    let output = command
        .env("MIRIFLAGS", "-Zmiri-deterministic-concurrency")
        .env("PROPTEST_CASES", "4")
        .current_dir(root)
        .output()
        .context("cargo miri does not start")?;
    let words = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&words).into_owned();
    ensure!(!text.contains("is not installed for the toolchain"), "miri is missing: {text}");
    Ok(Output { text, is_well: output.status.success() })
}

/// Tests that passed and that failed, over all lines of results.
fn outcome(text: &str) -> (u64, u64) {
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines().filter(|line| line.starts_with("test result:")) {
        let number = |mark: &str| -> u64 {
            let before = line.split(mark).next().and_then(|head| head.split_whitespace().last());
            before.and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        passed += number(" passed");
        failed += number(" failed");
    }
    (passed, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_several_programs_are_added() {
        let text = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out\n\
            test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(outcome(text), (7, 1));
    }
}
