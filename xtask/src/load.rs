//! `xtask load` and `xtask postgres`: the office under requests of many devices at once, while it
//! and its database are killed.
//!
//! Tests of `money-office` do it; these run them at another size and print their figures. Those on
//! PostgreSQL run here only: a machine without it would otherwise pass what it cannot run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// What `xtask load` is told.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// How often all claims are uploaded, shuffled into bundles
    #[arg(long, default_value_t = 100, value_name = "N")]
    uploads: u64,
    /// How many times the office is killed
    #[arg(long, default_value_t = 20, value_name = "N")]
    kills: u64,
    /// Chooses the moments [default: a random one, which is printed]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What `xtask postgres` is told.
#[derive(Args, Debug)]
pub(crate) struct PostgresArgs {
    /// How often all claims are uploaded, shuffled into bundles
    #[arg(long, default_value_t = 40, value_name = "N")]
    uploads: u64,
    /// How many times the database or an office is killed
    #[arg(long, default_value_t = 20, value_name = "N")]
    kills: u64,
    /// Chooses the moments [default: a random one, which is printed]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// One of the tests, at the size that was asked for.
struct Storm {
    /// The target of `money-office`, what is run of it, and what its figures begin with.
    test: &'static str,
    filter: Option<&'static str>,
    word: &'static str,
    /// The variable that tells it its size.
    variable: &'static str,
    plan: String,
}

/// Runs the load test; a finding if it fails.
pub(crate) fn run(root: &Path, args: &LoadArgs) -> Result<Vec<Finding>> {
    let test = "load::an_office_killed_under_requests_of_two_devices_each_pays_every_claim_once";
    let storm = Storm {
        test: "it",
        filter: Some(test),
        word: "load ",
        variable: "ONEHOP_LOAD",
        plan: plan(args.uploads, args.kills, args.seed),
    };
    let figures = match storm.run(root)? {
        Ok(figures) => figures,
        Err(seed) => {
            let (uploads, kills) = (args.uploads, args.kills);
            let again = format!("cargo xtask load --uploads {uploads} --kills {kills} {seed}");
            let what = format!("the test fails: {again}");
            return Ok(vec![Finding::new("crates/money-office/tests/it/load.rs", 0, what)]);
        }
    };
    let rows = [
        ("devices", "devices", Some(count(2 * 5 * args.uploads))),
        ("office", "kills", Some(count(args.kills))),
        ("claims_paid_once", "claims", Some(1.0)),
    ];
    Ok(print("load", &figures, &rows, args.json))
}

/// Runs every test on PostgreSQL; a finding if one fails.
pub(crate) fn run_postgres(root: &Path, args: &PostgresArgs) -> Result<Vec<Finding>> {
    if !is_installed() {
        bail!("PostgreSQL is missing: no initdb; on Debian, apt-get install postgresql");
    }
    let storm = Storm {
        test: "pg",
        filter: None,
        word: "postgres ",
        variable: "ONEHOP_POSTGRES",
        plan: plan(args.uploads, args.kills, args.seed),
    };
    let figures = match storm.run(root)? {
        Ok(figures) => figures,
        Err(seed) => {
            let (uploads, kills) = (args.uploads, args.kills);
            let again = format!("cargo xtask postgres --uploads {uploads} --kills {kills} {seed}");
            let what = format!("a test fails: {again}");
            return Ok(vec![Finding::new("crates/money-office/tests/pg/main.rs", 0, what)]);
        }
    };
    let half = args.kills / 2;
    let rows = [
        ("tests", "tests", Some(1.0)),
        ("devices", "devices", Some(1.0)),
        ("database", "databases", Some(count(args.kills - half))),
        ("office", "offices", Some(count(half))),
        ("claims_paid_once", "claims", Some(1.0)),
    ];
    Ok(print("postgres", &figures, &rows, args.json))
}

/// True if there is a server to make a cluster with.
fn is_installed() -> bool {
    let places = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut bins = places.map(|place| place.path().join("bin")).chain(std::env::split_paths(&path));
    bins.any(|bin| bin.join("initdb").is_file())
}

fn plan(uploads: u64, kills: u64, seed: Option<u64>) -> String {
    let seed = seed.map(|seed| format!(",{seed}")).unwrap_or_default();
    format!("{uploads},{kills}{seed}")
}

impl Storm {
    /// The figures that the test printed, and how many tests passed; or how to name its seed.
    fn run(&self, root: &Path) -> Result<Result<Value, String>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--locked", "--package", "money-office", "--test", self.test, "--"]);
        if let Some(filter) = self.filter {
            command.args([filter, "--exact"]);
        }
        let out = command
            .args(["--nocapture", "--test-threads", "2"])
            .current_dir(root)
            .env(self.variable, &self.plan)
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run cargo test")?;
        let text = String::from_utf8_lossy(&out.stdout);
        let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word));
        let figures: Option<Value> =
            said(self.word).map(serde_json::from_str).transpose().context("no figures")?;
        let passed = said("test result: ok. ").and_then(|line| line.split(' ').next());
        match (figures, passed.and_then(|passed| passed.parse::<u64>().ok())) {
            (Some(mut figures), Some(passed)) if out.status.success() => {
                figures["tests"] = passed.into();
                Ok(Ok(figures))
            }
            _ => {
                // The test says by itself what fails.
                eprint!("{text}");
                Ok(Err(said("seed ").map(|seed| format!("--seed {seed}")).unwrap_or_default()))
            }
        }
    }
}

/// Prints each row and finds what is below its least value.
fn print(
    head: &str,
    figures: &Value,
    rows: &[(&str, &str, Option<f64>)],
    json: bool,
) -> Vec<Finding> {
    let number = |name: &str| figures[name].as_u64().unwrap_or(0);
    let method = format!(
        "each request by two devices at once, a quarter of the answers dropped; SIGKILL at random \
         moments, seed {}, {} s",
        number("seed"),
        number("seconds")
    );
    let mut findings = Vec::new();
    for (name, field, least) in rows {
        let (value, limit) = (count(number(field)), least.map(Limit::AtLeast));
        let (name, method) = (format!("{head}.{name}"), method.clone());
        let figure = Figure { name, value, unit: "1", limit, n: number("devices"), method };
        figure.print(json);
        if !figure.holds() {
            let what = format!("{} is {}", figure.name, figure.value);
            findings.push(Finding::new("crates/money-office/tests", 0, what));
        }
    }
    findings
}
