//! `xtask bench office`: settlements a second on both stores, interleaved in one run.
//!
//! The measurement is a bench of `money-office`, built as what ships is; this runs it and prints its
//! figures. Wall times differ from machine to machine: only ratios have limits.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::figure::Printed;
use crate::source::Finding;

/// What can be measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum What {
    /// The money office on sled and on PostgreSQL
    Office,
}

/// How the names of those figures end whose limit is a least one.
const LEAST: [&str; 2] = [".over_cdk", ".two_threads_over_one"];

/// What `xtask bench` is told.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to measure
    #[arg(value_enum)]
    what: What,
    /// How often everything is measured; figures are medians
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: u32,
    /// Settlements of one measurement
    #[arg(long, default_value_t = 1000, value_name = "N")]
    settlements: u32,
    /// Accounts of the large store
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    accounts: u32,
    /// Build `bench/peers`, the Rust Cashu mint, and measure it in the same rounds
    #[arg(long)]
    peers: bool,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Builds the other programs; says to the bench where they are. They are a workspace of their own.
fn peers(root: &Path, cargo: &OsStr) -> Result<[OsString; 2]> {
    let target = root.join("target/peers");
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--manifest-path", "bench/peers/Cargo.toml"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root)
        .stdout(Stdio::null())
        .status()
        .context("failed to run cargo build")?;
    ensure!(status.success(), "bench/peers cannot be built");
    Ok(["--peer".into(), target.join("release/bench-peers").into()])
}

/// Runs the bench; a finding for each figure beyond its limit.
pub(crate) fn run(root: &Path, args: &BenchArgs) -> Result<Vec<Finding>> {
    let What::Office = args.what;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Without the service, which it does not measure.
    let built = ["--no-default-features", "--features", "postgres", "--bench", "office", "--"];
    let sizes = [
        ("--rounds", args.rounds),
        ("--settlements", args.settlements),
        ("--accounts", args.accounts),
    ];
    let out = Command::new(&cargo)
        .args(["bench", "--locked", "--package", "money-office"])
        .args(built)
        .args(sizes.iter().flat_map(|(name, size)| [(*name).to_owned(), size.to_string()]))
        .args(args.peers.then(|| peers(root, &cargo)).transpose()?.into_iter().flatten())
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("failed to run cargo bench")?;
    ensure!(out.status.success(), "the bench of the office failed");
    let text = String::from_utf8_lossy(&out.stdout);
    let figures: Vec<Printed> = text.lines().filter_map(Printed::parse).collect();
    ensure!(!figures.is_empty(), "the bench of the office printed no figures");
    let mut findings = Vec::new();
    for figure in figures {
        let is_least = LEAST.iter().any(|end| figure.name.ends_with(end));
        figure.print(if is_least { ">=" } else { "<=" }, args.json);
        if !figure.holds {
            let what = format!("{} is {}", figure.name, figure.value);
            findings.push(Finding::new("crates/money-office/benches/office/main.rs", 0, what));
        }
    }
    Ok(findings)
}
