//! `xtask kills`: wallets and their office are killed at random moments, over real processes.
//!
//! The end-to-end test does it; this runs it at another size and prints its figures.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::figure::{Limit, count};
use crate::source::Finding;
use crate::storm::Storm;

const KILLS: Storm = Storm {
    package: "onehop",
    test: "e2e",
    filter: Some(
        "kills::wallets_and_an_office_killed_at_random_moments_leave_the_books_exact_each_time",
    ),
    file: "tests/e2e/kills.rs",
    word: "kills",
    also: &[],
    variable: "ONEHOP_KILLS",
};

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
    let again = format!("cargo xtask kills --wallets {} --office {}", args.wallets, args.office);
    let sizes = [args.wallets, args.office].map(u64::from);
    let figures = match KILLS.run(root, sizes, args.seed, &again)? {
        Ok(figures) => figures,
        Err(finding) => return Ok(vec![finding]),
    };
    let number = |name: &str| figures[name].as_u64().unwrap_or(0);
    let (wallets, office, audits) = (number("wallets"), number("office"), number("audits"));
    let method = format!(
        "SIGKILL of processes over loopback at random moments, seed {}, {} s",
        number("seed"),
        number("seconds")
    );
    let at_least = |bound: u64| Some(Limit::AtLeast(count(bound)));
    let rows = [
        ("wallets", wallets, at_least(args.wallets.into())),
        ("office", office, at_least(args.office.into())),
        ("audits_exact", audits, at_least(wallets + office)),
        ("lost", number("lost"), Some(Limit::Exactly(0.0))),
    ];
    Ok(KILLS.print(&rows, wallets + office, &method, args.json))
}
