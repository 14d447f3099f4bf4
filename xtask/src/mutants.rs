//! `xtask mutants`: breaks each shipped decision in turn and sees that a checker notices.
//!
//! A killer is a scene or a few seeds of the simulated world. It must find nothing as long as
//! nothing is broken, and must be stopped by a named checker once the mutant is alive. And the other
//! way round: each checker of the simulator must speak for at least one mutant, or it proves nothing.

#[cfg(feature = "mutants")]
mod killers;
mod verdict;

use clap::Args;

use crate::source::Finding;

/// What `xtask mutants` is told.
#[derive(Args, Debug)]
pub(crate) struct MutantsArgs {
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Only this mutant; whether each checker speaks is then not asked
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How many seeds of the simulated world a mutant may take to be noticed
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

/// Runs the mutants; a finding for each survivor and each checker that stayed silent.
///
/// # Errors
///
/// If this build has no mutants, or none of the name that was asked for.
#[cfg(feature = "mutants")]
pub(crate) fn run(args: &MutantsArgs) -> anyhow::Result<Vec<Finding>> {
    let hook = std::panic::take_hook();
    // A mutant may run into an assertion; that is counted and not printed.
    std::panic::set_hook(Box::new(|_| {}));
    let report = killers::judge_all(args.only.as_deref(), args.seeds);
    std::panic::set_hook(hook);
    let report = report?;
    report.print(args.json);
    Ok(report.findings())
}

/// Refuses: the shipped decisions of this build cannot be broken.
///
/// # Errors
///
/// Always.
#[cfg(not(feature = "mutants"))]
pub(crate) fn run(_args: &MutantsArgs) -> anyhow::Result<Vec<Finding>> {
    anyhow::bail!(
        "this build has no mutants; use: cargo run -p xtask --features mutants -- mutants"
    )
}
