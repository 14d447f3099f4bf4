//! `xtask kills`: wallets and their office are killed at random moments, over real processes.
//!
//! The end-to-end test does it; this runs it at another size and prints its figures.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

const TEST: &str =
    "kills::wallets_and_an_office_killed_at_random_moments_leave_the_books_exact_each_time";

/// What `xtask kills` is told.
#[derive(Args, Debug)]
pub(crate) struct KillsArgs {
    /// How many wallets are killed at least
    #[arg(long, default_value_t = 300, value_name = "N")]
    wallets: u32,
    /// How many times the office is killed
    #[arg(long, default_value_t = 20, value_name = "N")]
    office: u32,
    /// Chooses the moments [default: a random one, which is printed]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the test; a finding if it fails.
pub(crate) fn run(root: &Path, args: &KillsArgs) -> Result<Vec<Finding>> {
    let seed = args.seed.map(|seed| format!(",{seed}")).unwrap_or_default();
    let plan = format!("{},{}{seed}", args.wallets, args.office);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["test", "--quiet", "--locked", "--package", "onehop", "--test", "e2e", "--"])
        .args([TEST, "--exact", "--nocapture"])
        .current_dir(root)
        .env("ONEHOP_KILLS", &plan)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run cargo test")?;
    let text = String::from_utf8_lossy(&out.stdout);
    let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word));
    let figures: Option<Value> =
        said("kills ").map(serde_json::from_str).transpose().context("no figures of kills")?;
    let Some(figures) = figures.filter(|_| out.status.success()) else {
        let seed = said("seed ").unwrap_or("unknown");
        let again =
            format!("cargo xtask kills --wallets {} --office {}", args.wallets, args.office);
        let what = format!("the test fails: {again} --seed {seed}");
        return Ok(vec![Finding::new("tests/e2e/kills.rs", 0, what)]);
    };
    Ok(print(&figures, args))
}

fn print(figures: &Value, args: &KillsArgs) -> Vec<Finding> {
    let number = |name: &str| figures[name].as_u64().unwrap_or(0);
    let (wallets, office, audits) = (number("wallets"), number("office"), number("audits"));
    let method = format!(
        "SIGKILL of processes over loopback at random moments, seed {}, {} s",
        number("seed"),
        number("seconds")
    );
    let at_least = |bound: u64| Some(Limit::AtLeast(count(bound)));
    let none = Some(Limit::Exactly(0.0));
    let rows = [
        ("wallets", wallets, at_least(args.wallets.into())),
        ("office", office, at_least(args.office.into())),
        ("audits_exact", audits, at_least(wallets + office)),
        ("lost", number("lost"), none),
    ];
    let mut findings = Vec::new();
    for (name, value, limit) in rows {
        let (name, method) = (format!("kills.{name}"), method.clone());
        let (value, n) = (count(value), wallets + office);
        let figure = Figure { name, value, unit: "1", limit, n, method };
        figure.print(args.json);
        if !figure.holds() {
            let what = format!("{} is {}", figure.name, figure.value);
            findings.push(Finding::new("tests/e2e/kills.rs", 0, what));
        }
    }
    findings
}
