//! `xtask verify`: the second opinion of tools/verify.py, written from the specification alone.
//!
//! The Python program checks the vectors, says of each of many messages of real wallets what this
//! project says of them, sound ones and damaged ones, recomputes the books of offices from their
//! evidence files, and judges case files. Each comparison is seen to fail where something was edited.

mod books;
mod cases;
mod damage;
mod device;
mod judge;
mod messages;
mod planted;
mod python;
mod town;
mod verdict;

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;
use python::Python;
use town::Town;

/// Differences that are listed; the rest is counted.
const LISTED_MAX: usize = 20;

/// What `xtask verify` is told.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// How many messages to compare at least
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    messages: usize,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What was counted, and what was found.
struct Report {
    figures: Vec<Figure>,
    findings: Vec<Finding>,
}

impl Report {
    fn figure(&mut self, name: &str, value: usize, limit: Option<Limit>, n: usize, method: &str) {
        let (name, method) = (format!("verify.{name}"), method.to_owned());
        let (value, n) = (count(value as u64), n as u64);
        self.figures.push(Figure { name, value, unit: "1", limit, n, method });
    }

    fn find(&mut self, what: String) {
        if self.findings.len() < LISTED_MAX {
            self.findings.push(Finding::new("tools/verify.py", 0, what));
        }
    }
}

/// Runs all of it; a finding for each disagreement.
pub(crate) fn run(root: &Path, args: &VerifyArgs) -> Result<Vec<Finding>> {
    let python = Python::set_up(root)?;
    let mut report = Report { figures: Vec::new(), findings: Vec::new() };
    vectors(&python, &mut report)?;
    let mut towns = Vec::new();
    let mut said = 0;
    for seed in args.from.. {
        let town = Town::live(seed)?;
        said += town.said.len();
        towns.push(town);
        if said >= args.messages {
            break;
        }
    }
    messages::compare(&python, &towns, args.messages, &mut report)?;
    books::compare(&python, &towns, &mut report)?;
    judge::compare(&python, &towns, &mut report)?;
    for figure in &report.figures {
        if !figure.holds() {
            let text = format!("{} is {}", figure.name, figure.value);
            report.findings.push(Finding::new("tools/verify.py", 0, text));
        }
        figure.print(args.json);
    }
    Ok(report.findings)
}

/// Every vector, and each file once more with one case edited.
fn vectors(python: &Python, report: &mut Report) -> Result<()> {
    let folder = python.root.join("vectors");
    let found = python.vectors(&folder)?;
    for line in &found.lines {
        report.find(format!("vectors: {line}"));
    }
    let method = "cargo xtask verify: tools/verify.py over vectors/, records.json left out";
    let (none, some) = (Some(Limit::Exactly(0.0)), Some(Limit::AtLeast(1.0)));
    report.figure("vectors", found.cases, some, found.cases, method);
    report.figure("vectors_failed", found.failed, none, found.cases, method);
    let planted = planted::edited_vectors(&folder, &python.scratch.join("vectors"))?;
    let mut missed = 0;
    for (name, edited) in &planted {
        let found = python.vectors(edited)?;
        if found.failed != 1 {
            missed += 1;
            report.find(format!("{name} with one edited case: {} cases fail", found.failed));
        }
    }
    let method = "copies of the vectors, each with one digit of one case edited";
    report.figure("edited_vectors_missed", missed, none, planted.len(), method);
    Ok(())
}
