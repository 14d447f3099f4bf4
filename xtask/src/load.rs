//! `xtask load` and `xtask postgres`: the office under requests of many devices at once, while it
//! and its database are killed.
//!
//! Tests of `money-office` do it; these run them at another size and print their figures. Those on
//! PostgreSQL run here only: a machine without it would otherwise pass what it cannot run.

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::figure::{Limit, count};
use crate::source::Finding;
use crate::storm::Storm;

/// What `xtask load` and `xtask postgres` are told.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// How often all claims are uploaded, shuffled into bundles [default: 100; on PostgreSQL 40]
    #[arg(long, value_name = "N")]
    uploads: Option<u64>,
    /// How many times the office, or its database, is killed
    #[arg(long, default_value_t = 20, value_name = "N")]
    kills: u64,
    /// Chooses the moments [default: a random one, which is printed]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

const LOAD: Storm = Storm {
    package: "money-office",
    test: "it",
    filter: Some("load::an_office_killed_under_requests_of_two_devices_each_pays_every_claim_once"),
    file: "crates/money-office/tests/it/load.rs",
    word: "load",
    also: &[],
    variable: "ONEHOP_LOAD",
};

const POSTGRES: Storm = Storm {
    package: "money-office",
    test: "pg",
    filter: None,
    file: "crates/money-office/tests/pg/main.rs",
    word: "postgres",
    also: &["shards"],
    variable: "ONEHOP_POSTGRES",
};

/// Runs the load test; a finding if it fails.
pub(crate) fn run(root: &Path, args: &LoadArgs) -> Result<Vec<Finding>> {
    let uploads = args.uploads.unwrap_or(100);
    play(
        root,
        &LOAD,
        uploads,
        args,
        &[
            ("devices", "devices", 2 * 5 * uploads),
            ("office", "kills", args.kills),
            ("claims_paid_once", "claims", 1),
        ],
    )
}

/// Runs every test on PostgreSQL; a finding if one fails.
pub(crate) fn run_postgres(root: &Path, args: &LoadArgs) -> Result<Vec<Finding>> {
    if !is_installed() {
        bail!("PostgreSQL is missing: no initdb; on Debian, apt-get install postgresql");
    }
    let half = args.kills / 2;
    play(
        root,
        &POSTGRES,
        args.uploads.unwrap_or(40),
        args,
        &[
            ("tests", "tests", 1),
            ("devices", "devices", 1),
            ("database", "databases", args.kills - half),
            ("office", "offices", half),
            ("claims_paid_once", "claims", 1),
            ("shards.database", "shards/databases", args.kills - half),
            ("shards.office", "shards/offices", half),
            ("shards.claims_paid_once", "shards/claims", 1),
        ],
    )
}

/// True if there is a server to make a cluster with.
fn is_installed() -> bool {
    let places = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut bins = places.map(|place| place.path().join("bin")).chain(std::env::split_paths(&path));
    bins.any(|bin| bin.join("initdb").is_file())
}

/// Runs a test and prints its `rows`: the figure's name, the name that the test gives it, and the
/// least that it must be.
fn play(
    root: &Path,
    storm: &Storm,
    uploads: u64,
    args: &LoadArgs,
    rows: &[(&str, &str, u64)],
) -> Result<Vec<Finding>> {
    let kills = args.kills;
    let again = format!("cargo xtask {} --uploads {uploads} --kills {kills}", storm.word);
    let figures: Value = match storm.run(root, [uploads, kills], args.seed, &again)? {
        Ok(figures) => figures,
        Err(finding) => return Ok(vec![finding]),
    };
    let number =
        |name: &str| figures.pointer(&format!("/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let method = format!(
        "each request by two devices at once, a quarter of the answers dropped; SIGKILL at random \
         moments, seed {}, {} s",
        number("seed"),
        number("seconds")
    );
    let least = |least: u64| Some(Limit::AtLeast(count(least)));
    let rows: Vec<_> =
        rows.iter().map(|(name, field, limit)| (*name, number(field), least(*limit))).collect();
    Ok(storm.print(&rows, number("devices"), &method, args.json))
}
