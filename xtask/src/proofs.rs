//! The proofs: every command of this project that tries to break what ships, and what it printed.
//!
//! `xtask figures` runs them at the sizes of every change, `xtask night` at long ones. A proof is a
//! process of its own that prints figures; one that does not fit the machine ends with a line that
//! names what is missing, and counts as failed unless it was left out by name.

mod list;
mod record;
mod run;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::figure::Printed;
use crate::source::Finding;
use list::{Proof, Sizes};

/// What the commands that run proofs are told.
#[derive(Args, Debug)]
pub(crate) struct ProofArgs {
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Run this proof only; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Leave this proof out, and say so; may be repeated
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// How many processors to use
    #[arg(long, default_value_t = 2, value_name = "N")]
    cores: usize,
    /// Write the figures, the commit and the machine to a file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// What `xtask figures` is told.
#[derive(Args, Debug)]
pub(crate) struct FiguresArgs {
    #[command(flatten)]
    proofs: ProofArgs,
    /// Run nothing: write the table of docs/safety.md from docs/figures.json
    #[arg(long)]
    table: bool,
    /// Run nothing: find out whether that table is the one of that file
    #[arg(long, conflicts_with = "table")]
    check: bool,
}

/// What `xtask night` is told.
#[derive(Args, Debug)]
pub(crate) struct NightArgs {
    #[command(flatten)]
    proofs: ProofArgs,
    #[command(flatten)]
    sizes: Sizes,
}

/// Runs the proofs at short sizes, or deals with the table.
pub(crate) fn figures(root: &Path, args: &FiguresArgs) -> Result<Vec<Finding>> {
    if args.table || args.check {
        return table::bring_up_to_date(root, args.check);
    }
    all(root, &args.proofs, &list::short())
}

/// Runs the proofs at long sizes.
pub(crate) fn night(root: &Path, args: &NightArgs) -> Result<Vec<Finding>> {
    all(root, &args.proofs, &list::long(&args.sizes))
}

fn all(root: &Path, args: &ProofArgs, proofs: &[Proof]) -> Result<Vec<Finding>> {
    let chosen = chosen(args, proofs)?;
    let programs = run::Programs::new(root)?;
    let mut findings = Vec::new();
    let mut record = record::Record::begin(root)?;
    run::run(&programs, &chosen, args.cores.max(1), |ended| {
        let proof = ended.proof.name;
        if !args.json {
            println!("\n== {proof}: {} ({:.0} s)", ended.command, ended.seconds);
        }
        for figure in &ended.figures {
            figure.print("", args.json);
        }
        let time = Printed {
            name: format!("proof.{proof}.seconds"),
            value: ended.seconds.round(),
            unit: "s".to_owned(),
            limit: None,
            holds: true,
            n: 1,
            method: ended.command.clone(),
        };
        time.print("", args.json);
        record.add(&ended.figures, &time);
        findings.extend(ended.complaint().map(|what| Finding::new("proof", 0, what)));
    })?;
    if !args.json {
        for name in &args.without {
            println!("\nleft out: {name}");
        }
    }
    if let Some(file) = &args.save {
        record.save(file)?;
    }
    Ok(findings)
}

/// The proofs that are wanted, in the order of the list.
fn chosen<'a>(args: &ProofArgs, proofs: &'a [Proof]) -> Result<Vec<&'a Proof>> {
    for name in args.only.iter().chain(&args.without) {
        if !proofs.iter().any(|proof| proof.name == name) {
            let names: Vec<&str> = proofs.iter().map(|proof| proof.name).collect();
            bail!("there is no proof called {name:?}; there are {}", names.join(", "));
        }
    }
    let is_wanted = |proof: &&Proof| {
        let is_named = |names: &[String]| names.iter().any(|name| name == proof.name);
        !is_named(&args.without) && (args.only.is_empty() || is_named(&args.only))
    };
    let chosen: Vec<&Proof> = proofs.iter().filter(is_wanted).collect();
    (!chosen.is_empty()).then_some(chosen).context("no proof is left to run")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(only: &[&str], without: &[&str]) -> ProofArgs {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (only, without) = (owned(only), owned(without));
        ProofArgs { json: false, only, without, cores: 2, save: None }
    }

    #[test]
    fn a_proof_that_does_not_exist_is_named_and_nothing_runs() {
        let error = chosen(&args(&[], &["powre"]), &list::short()).unwrap_err();
        assert!(error.to_string().starts_with("there is no proof called \"powre\"; there are"));
    }

    #[test]
    fn proofs_can_be_chosen_and_left_out_but_not_all() {
        let short = list::short();
        let names = |args: &ProofArgs| {
            chosen(args, &short).map(|proofs| proofs.iter().map(|p| p.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&args(&["sim", "measure"], &["measure"])).unwrap(), ["sim"]);
        assert!(!names(&args(&[], &["sim"])).unwrap().contains(&"sim"));
        let error = names(&args(&["sim"], &["sim"])).unwrap_err();
        assert_eq!(error.to_string(), "no proof is left to run");
    }
}
