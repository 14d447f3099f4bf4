//! The project's own checks: `cargo xtask --help` lists them.
//!
//! Each task answers one question about the source tree, prints one line per finding and exits 1 if
//! there is any; 2 means that the task itself could not run. Only `vectors` changes
//! files, and not with `--check`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool prints")]

mod bench;
mod ble_lab;
mod corpus;
mod coverage;
mod cuts;
mod figure;
mod fuzz;
mod kills;
mod layers;
mod load;
mod malformed;
mod measure;
mod miri;
mod model;
mod mutants;
mod nightly;
mod power;
mod proofs;
mod sim;
mod source;
mod spec;
mod storm;
mod tidy;
mod vectors;
mod verify;
mod vm;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, error::ErrorKind};

use crate::source::{Finding, Tree};

/// The exit code of a task that found something.
const EXIT_FINDINGS: u8 = 1;
/// The exit code of a task that could not run.
const EXIT_UNUSABLE: u8 = 2;

/// The project's own checks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(after_help = "Exit code: 0 nothing found, 1 findings were printed, 2 could not run.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check how files are written: length, blanks, module docs, leftovers, words, dead files
    Tidy,
    /// Check the one-way dependency arrow between crates, and what the pure crates may name
    Layers,
    /// Check that each numbered MUST of protocol-spec.md is cited by a test, and nothing else is
    #[command(after_help = "A tag in brackets, [P-17], defines a statement where it stands in \
        protocol-spec.md; the\nspec refers back to it without brackets. A test cites it in a \
        comment: // [P-17]")]
    Spec {
        /// Name each statement that no test cites
        #[arg(long)]
        list: bool,
    },
    /// Measure what a payment costs against the budgets: instructions, bytes, flushes, time
    Measure {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        /// Play one scene, for a tool that watches this process
        #[arg(long, hide = true)]
        scene: Option<String>,
        /// Size of the scene
        #[arg(long, hide = true, default_value_t = 0)]
        n: u64,
        /// Folder of the scene
        #[arg(long, hide = true, default_value = ".")]
        folder: std::path::PathBuf,
    },
    /// Measure how many payments the office settles, beside what its signatures alone allow
    Bench(bench::BenchArgs),
    /// Cut the power of virtual machines with wallets in them; nothing acknowledged may be lost
    Power(power::PowerArgs),
    /// Pay over Bluetooth LE between virtual machines, and hold against it what may go wrong
    BleLab(ble_lab::LabArgs),
    /// Cut the power at every disk operation of one payment, and again while it is recovered
    Cuts(cuts::CutsArgs),
    /// Break each shipped decision in turn, and see that a checker notices; needs --features mutants
    Mutants(mutants::MutantsArgs),
    /// Write the first inputs of each fuzz target into fuzz/corpus/
    Corpus {
        /// Write nothing; find the files that this source would write differently
        #[arg(long)]
        check: bool,
    },
    /// Find the regions of code that corpora and tests never run
    Coverage(coverage::CoverageArgs),
    /// Run the fuzz targets, built by nightly Rust
    Fuzz(fuzz::FuzzArgs),
    /// Run tests of the pure crates in Miri on nightly Rust
    Miri(miri::MiriArgs),
    /// Give every mutant of every message to its receiver: nothing is accepted, nothing changes
    Malformed(malformed::MalformedArgs),
    /// Live through seeds of the simulated world; a seed that fails prints how to replay it
    Sim(sim::SimArgs),
    /// Run every proof at its short size and print all figures; or write the table of docs/safety.md
    Figures(proofs::FiguresArgs),
    /// Run every proof at a long size
    Night(proofs::NightArgs),
    /// Explore every state of each scene of the model checker, over the functions that ship
    Model(model::ModelArgs),
    /// Write the test vectors of protocol-spec.md, section 14, into vectors/
    Vectors {
        /// Write nothing; find the files that this source would write differently
        #[arg(long)]
        check: bool,
    },
    /// Kill wallets and their office at random moments over real processes, and audit each time
    Kills(kills::KillsArgs),
    /// Kill the office under requests of many devices at once; every claim is paid once
    Load(load::LoadArgs),
    /// Test the office on PostgreSQL, with database and offices killed under load
    Postgres(load::LoadArgs),
    /// Ask tools/verify.py for a second opinion: vectors, messages, fork proofs and books
    Verify(verify::VerifyArgs),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match run(&cli.task) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            for finding in findings {
                println!("{finding}");
            }
            ExitCode::from(EXIT_FINDINGS)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(EXIT_UNUSABLE)
        }
    }
}

fn run(task: &Task) -> anyhow::Result<Vec<Finding>> {
    let here = std::env::current_dir().context("failed to find the current folder")?;
    let tree = Tree::read(&source::workspace_root(&here)?)?;
    Ok(match task {
        Task::Tidy => tidy::check(&tree),
        Task::Layers => layers::check(&tree)?,
        Task::Spec { list } => {
            let report = spec::check(&tree, *list);
            println!("{}", report.summary());
            report.findings
        }
        Task::Measure { scene: Some(scene), n, folder, .. } => {
            measure::play(scene, *n, folder)?;
            Vec::new()
        }
        Task::Measure { json, .. } => {
            if !measure::run(&tree.root, *json)? {
                anyhow::bail!("a budget does not hold");
            }
            Vec::new()
        }
        Task::Figures(args) => proofs::figures(&tree.root, args)?,
        Task::Night(args) => proofs::night(&tree.root, args)?,
        Task::Bench(args) => bench::run(&tree.root, args)?,
        Task::Power(args) => power::run(&tree.root, args)?,
        Task::BleLab(args) => ble_lab::run(&tree.root, args)?,
        Task::Cuts(args) => cuts::run(args),
        Task::Sim(args) => sim::run(args)?,
        Task::Mutants(args) => mutants::run(args)?,
        Task::Corpus { check: true } => corpus::check(&tree.root)?,
        Task::Corpus { check: false } => {
            corpus::write(&tree.root)?;
            Vec::new()
        }
        Task::Coverage(args) => coverage::run(&tree.root, args)?,
        Task::Fuzz(args) => fuzz::run(&tree.root, args)?,
        Task::Miri(args) => miri::run(&tree.root, args)?,
        Task::Malformed(args) => malformed::run(args)?,
        Task::Model(args) => model::run(args)?,
        Task::Vectors { check: true } => vectors::check(&tree.root)?,
        Task::Vectors { check: false } => {
            vectors::write(&tree.root)?;
            Vec::new()
        }
        Task::Kills(args) => kills::run(&tree.root, args)?,
        Task::Load(args) => load::run(&tree.root, args)?,
        Task::Postgres(args) => load::run_postgres(&tree.root, args)?,
        Task::Verify(args) => verify::run(&tree.root, args)?,
    })
}

/// Prints help where it was asked for, and any other complaint about the arguments as one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", one_line(error));
    ExitCode::from(EXIT_UNUSABLE)
}

/// The complaint without clap's usage and tips: the help has those.
fn one_line(error: &clap::Error) -> String {
    let complaint = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "error: no task was named".to_owned()
    } else {
        let text = error.to_string();
        text.lines().next().unwrap_or("error: unusable arguments").to_owned()
    };
    format!("{complaint}; see cargo xtask --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_task_is_refused_in_one_line() {
        let error = Cli::try_parse_from(["xtask", "tidyy"]).unwrap_err();
        let line = one_line(&error);
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains("'tidyy'"), "{line}");
    }

    #[test]
    fn no_task_at_all_is_refused_in_one_line() {
        let error = Cli::try_parse_from(["xtask"]).unwrap_err();
        assert_eq!(one_line(&error), "error: no task was named; see cargo xtask --help");
    }
}
