//! `xtask sim`: lives through seeds of the simulated world and prints what they came to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use onehop_sim::replay::set_fault;
use onehop_sim::{
    Options, Replay, RunOutcome, Summary, Variant, World, replay_command, run_seeds_on,
};

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// What `xtask sim` is told.
#[derive(Args, Debug)]
pub(crate) struct SimArgs {
    /// How many seeds of each variant to live through
    #[arg(long, default_value_t = 200, value_name = "N")]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
    /// honest, rolled-back (a wallet is put back to an older disk), cloned (one runs twice), or all
    #[arg(long, default_value = "honest", value_name = "VARIANT")]
    variant: String,
    /// Probability of a fault, such as loss=0.2, varied from seed to seed; may be repeated
    #[arg(long, value_name = "NAME=P")]
    fault: Vec<String>,
    /// Acts of people before the faults stop
    #[arg(long, default_value_t = Options::default().acts, value_name = "N")]
    acts: usize,
    /// How many threads to use; what is printed does not depend on it
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
    /// Fail with fewer simulated payments than this
    #[arg(long, value_name = "N")]
    payments_min: Option<u64>,
    /// Print each run as a sequence diagram
    #[arg(long)]
    trace: bool,
    /// Write the first seed that fails, or the only one, to a file to replay it from
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Live through a saved seed again and print its sequence diagram
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "seeds", "from", "variant", "fault", "acts", "jobs", "payments_min", "save"
    ])]
    replay: Option<PathBuf>,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the seeds; a finding for each that failed and for all that was never reached.
pub(crate) fn run(args: &SimArgs) -> Result<Vec<Finding>> {
    if let Some(file) = &args.replay {
        return replay(file, args.json);
    }
    let variants = match Variant::by_name(&args.variant) {
        Some(variant) => vec![variant],
        None if args.variant == "all" => Variant::ALL.to_vec(),
        None => bail!("no variant is called {:?}", args.variant),
    };
    let (mut findings, mut figures) = (Vec::new(), Totals::default());
    let mut saved = None;
    for variant in variants {
        let options = options(args, variant)?;
        let summary = run_seeds_on(args.jobs.max(1), args.from, args.seeds, &options, |outcome| {
            if args.trace {
                print!("{}", outcome.trace);
            }
            let is_kept = !outcome.violations.is_empty() || args.seeds == 1;
            if saved.is_none() && is_kept {
                saved = Some(Replay { seed: outcome.seed, options: options.clone() });
            }
            findings.extend(failure(outcome, &options));
        });
        for name in summary.never() {
            findings.push(finding(format!(
                "{name} was never reached in {} seeds, {}",
                summary.seeds,
                variant.name()
            )));
        }
        if !args.json {
            print_counters(&summary, variant);
        }
        figures.add(&summary, variant);
    }
    if let (Some(file), Some(replay)) = (&args.save, saved) {
        std::fs::write(file, replay.to_string())
            .with_context(|| format!("failed to write {}", file.display()))?;
    }
    for figure in figures.into_figures(args) {
        figure.print(args.json);
        if !figure.holds() && findings.is_empty() {
            findings.push(finding(format!("{} does not hold", figure.name)));
        }
    }
    Ok(findings)
}

fn options(args: &SimArgs, variant: Variant) -> Result<Options> {
    let mut options = Options { trace: args.trace, variant, acts: args.acts, ..Options::default() };
    for text in &args.fault {
        set_fault(&mut options, text)?;
    }
    Ok(options)
}

fn replay(file: &Path, json: bool) -> Result<Vec<Finding>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read {}", file.display()))?;
    let replay = Replay::parse(&text).with_context(|| format!("{}", file.display()))?;
    let outcome = World::new(replay.seed, &replay.options).run();
    if !json {
        print!("{}", outcome.trace);
    }
    let (steps, method) = (outcome.steps, format!("cargo xtask sim --replay {}", file.display()));
    figure("sim.steps", steps, None, 1, method.clone()).print(json);
    let (failed, none) = (u64::from(!outcome.violations.is_empty()), Some(Limit::Exactly(0.0)));
    figure("sim.failed_seeds", failed, none, 1, method).print(json);
    Ok(failure(&outcome, &replay.options).into_iter().collect())
}

fn failure(outcome: &RunOutcome, options: &Options) -> Option<Finding> {
    let violation = outcome.violations.first()?;
    let replay = replay_command(outcome.seed, options);
    Some(finding(format!("seed {}: {violation}\n    replay: {replay}", outcome.seed)))
}

fn finding(what: String) -> Finding {
    Finding::new("crates/onehop-sim", 0, what)
}

fn print_counters(summary: &Summary, variant: Variant) {
    println!("{}:", variant.name());
    for (name, count) in summary.counters.all() {
        println!("  {name:<48} {count}");
    }
}

/// What all variants came to together.
#[derive(Debug, Default)]
struct Totals {
    seeds: u64,
    failed: u64,
    steps: u64,
    payments: u64,
    required: u64,
    never: u64,
    /// Of each dishonest variant, its seeds and those that broke something locally.
    broken: Vec<(Variant, u64, u64)>,
}

impl Totals {
    fn add(&mut self, summary: &Summary, variant: Variant) {
        self.seeds += summary.seeds;
        self.failed += summary.failed.len() as u64;
        self.steps += summary.steps;
        self.payments += summary.payments;
        self.required += summary.required();
        self.never += summary.never().len() as u64;
        if variant != Variant::Honest {
            self.broken.push((variant, summary.seeds, summary.broken_locally));
        }
    }

    fn into_figures(self, args: &SimArgs) -> Vec<Figure> {
        let method = format!(
            "cargo xtask sim --variant {}, {} seeds of each from {}",
            args.variant, args.seeds, args.from
        );
        let none = Some(Limit::Exactly(0.0));
        let least = args.payments_min.map(|min| Limit::AtLeast(count(min)));
        let all = [
            ("sim.failed_seeds", self.failed, none),
            ("sim.steps", self.steps, None),
            ("sim.payments", self.payments, least),
            ("sim.required_to_be_reached", self.required, None),
            ("sim.never_reached", self.never, none),
        ];
        let figures =
            all.map(|(name, value, limit)| figure(name, value, limit, self.seeds, method.clone()));
        let broken = self.broken.into_iter().map(|(variant, seeds, broken)| {
            let name = format!("sim.broken_locally.{}", variant.name().replace('-', "_"));
            // A dishonest wallet that breaks nothing in all seeds is none.
            figure(&name, broken, Some(Limit::AtLeast(1.0)), seeds, method.clone())
        });
        figures.into_iter().chain(broken).collect()
    }
}

fn figure(name: &str, value: u64, limit: Option<Limit>, n: u64, method: String) -> Figure {
    Figure { name: name.to_owned(), value: count(value), unit: "1", limit, n, method }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: SimArgs,
    }

    fn complaint(words: &[&str]) -> String {
        let line = Line::try_parse_from([&["sim"], words].concat()).unwrap();
        format!("{:#}", run(&line.args).unwrap_err())
    }

    #[test]
    fn names_that_nobody_knows_are_refused_in_one_line() {
        assert_eq!(complaint(&["--variant", "heroic"]), "no variant is called \"heroic\"");
        assert_eq!(complaint(&["--fault", "lots=0.2"]), "no fault is called \"lots\"");
        assert!(complaint(&["--fault", "loss=2"]).contains("\"loss=2\""));
        assert!(Line::try_parse_from(["sim", "--heroic"]).is_err());
        assert!(Line::try_parse_from(["sim", "--replay", "file", "--seeds", "3"]).is_err());
    }

    #[test]
    fn a_replay_file_of_another_version_or_none_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seed");
        let name = file.to_str().unwrap();
        assert!(complaint(&["--replay", name]).contains(name));
        std::fs::write(&file, "onehop-sim replay 9\nseed 1\n").unwrap();
        let line = complaint(&["--replay", name]);
        assert!(line.contains("version 9") && line.lines().count() == 1, "{line}");
    }
}
