//! `xtask sim`: lives through seeds of the simulated world and prints what they came to.

use clap::{Args, ValueEnum};
use onehop_sim::{Options, RunOutcome, Summary, Variant, replay_command, run_seeds};

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// How the seeds were found to be in order; part of each figure.
const METHOD: &str = "cargo xtask sim";

/// What `xtask sim` is told.
#[derive(Args, Debug)]
pub(crate) struct SimArgs {
    /// How many seeds to live through
    #[arg(long, default_value_t = 200, value_name = "N")]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
    /// Print each run as a sequence diagram
    #[arg(long)]
    trace: bool,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Whether a wallet is put back to an older disk, or runs twice
    #[arg(long, value_enum, default_value_t = Kind::Honest)]
    variant: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    Honest,
    RolledBack,
    Cloned,
}

/// Runs the seeds; a finding for each that failed and for all that was never reached.
pub(crate) fn run(args: &SimArgs) -> Vec<Finding> {
    let variant = match args.variant {
        Kind::Honest => Variant::Honest,
        Kind::RolledBack => Variant::RolledBack,
        Kind::Cloned => Variant::Cloned,
    };
    let options = Options { trace: args.trace, variant, ..Options::default() };
    let mut findings = Vec::new();
    let summary = run_seeds(args.from, args.seeds, &options, |outcome| {
        if args.trace {
            print!("{}", outcome.trace);
        }
        findings.extend(failure(outcome, variant));
    });
    for name in summary.never() {
        if variant == Variant::Honest {
            findings.push(finding(format!("{name} was never reached in {} seeds", summary.seeds)));
        }
    }
    if variant != Variant::Honest && summary.broken_locally == 0 {
        findings
            .push(finding("no dishonest wallet broke anything: the variant does nothing".into()));
    }
    if args.json {
        print_json(&summary, variant);
    } else {
        print_text(&summary);
    }
    findings
}

fn failure(outcome: &RunOutcome, variant: Variant) -> Option<Finding> {
    let violation = outcome.violations.first()?;
    let replay = replay_command(outcome.seed, variant);
    Some(finding(format!("seed {}: {violation}\n    replay: {replay}", outcome.seed)))
}

fn finding(what: String) -> Finding {
    Finding::new("crates/onehop-sim", 0, what)
}

fn print_text(summary: &Summary) {
    println!(
        "{} seeds, {} steps, {} payments, {} seeds failed",
        summary.seeds,
        summary.steps,
        summary.payments,
        summary.failed.len()
    );
    for (name, count) in summary.counters.all() {
        println!("  {name:<32} {count}");
    }
}

fn print_json(summary: &Summary, variant: Variant) {
    let failed = summary.failed.len() as u64;
    let none = Some(Limit::Exactly(0.0));
    let honest = variant == Variant::Honest;
    let broken = (!honest).then_some(Limit::AtLeast(1.0));
    let figures = [
        ("sim.failed_seeds", failed, none),
        ("sim.steps", summary.steps, None),
        ("sim.payments", summary.payments, None),
        ("sim.never_reached", summary.never().len() as u64, none),
        ("sim.broken_locally", summary.broken_locally, broken),
    ];
    for (name, value, limit) in figures {
        if name == "sim.never_reached" && !honest {
            continue;
        }
        let (name, method) = (name.to_owned(), format!("{METHOD}, {variant:?}"));
        Figure { name, value: count(value), unit: "1", limit, n: summary.seeds, method }
            .print(true);
    }
}
