//! `xtask cuts`: every power cut of one payment and its settlement, on each of the three disks.

use clap::Args;
use onehop_sim::cuts::{self, StoreReport};

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// Failures of one store that are listed.
const LISTED_MAX: usize = 8;

/// What `xtask cuts` is told.
#[derive(Args, Debug)]
pub(crate) struct CutsArgs {
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Cuts the power everywhere; a finding for each way in which something did not hold.
pub(crate) fn run(args: &CutsArgs) -> Vec<Finding> {
    let mut findings = Vec::new();
    cuts::run(|report| {
        for figure in figures(&report) {
            figure.print(args.json);
            if !figure.holds() {
                findings.push(finding(format!("{} does not hold", figure.name)));
            }
        }
        findings.extend(report.failures.into_iter().take(LISTED_MAX).map(finding));
    });
    findings
}

fn figures(report: &StoreReport) -> Vec<Figure> {
    let (all, none) = (count(report.operations), Some(Limit::Exactly(0.0)));
    let again = count(report.recovery_operations);
    [
        ("operations", report.operations, Some(Limit::AtLeast(1.0))),
        ("operations_cut", report.covered, Some(Limit::Exactly(all))),
        ("recovery_operations", report.recovery_operations, Some(Limit::AtLeast(1.0))),
        ("recovery_operations_cut", report.recovery_covered, Some(Limit::Exactly(again))),
        ("cases", report.cases, None),
        ("disks", report.disks, None),
        ("worlds", report.lived, None),
        ("failures", report.failures.len() as u64, none),
    ]
    .into_iter()
    .map(|(what, value, limit)| Figure {
        name: format!("cuts.{}.{what}", report.name),
        value: count(value),
        unit: "1",
        limit,
        n: report.cases,
        method: "cargo xtask cuts, exhaustive".to_owned(),
    })
    .collect()
}

fn finding(what: String) -> Finding {
    Finding::new("crates/onehop-sim/src/cuts.rs", 0, what)
}
