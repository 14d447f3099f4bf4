//! `xtask fuzz`: runs the targets of `fuzz/` for a number of executions.
//!
//! It builds them as cargo-fuzz does, but for what only this project wrote; cargo-fuzz by itself
//! builds and runs them too.

mod keep;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;

use crate::corpus;
use crate::figure::{Figure, Limit, count};
use crate::nightly;
use crate::source::Finding;

/// What `xtask fuzz` is told.
#[derive(Args, Debug)]
pub(crate) struct FuzzArgs {
    /// Executions of each target
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    runs: u64,
    /// How many targets run at once
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// The fuzzer's seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u32,
    /// Afterwards, commit what reaches further: copy it into fuzz/kept/
    #[arg(long)]
    keep: bool,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// What one run came to.
#[derive(Debug, Default, Eq, PartialEq)]
struct Report {
    executions: u64,
    /// Edges of the program that were reached.
    edges: u64,
    /// The program ended before its time: an input was found.
    is_crashed: bool,
}

/// Runs each target; a finding for each that an input was found of.
pub(crate) fn run(root: &Path, args: &FuzzArgs) -> anyhow::Result<Vec<Finding>> {
    let targets = chosen(&args.target)?;
    ensure!(args.runs > 0, "--runs 0 would try nothing");
    nightly::require(&[], "rustup toolchain install nightly")?;
    build(root)?;
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Vec::new());
    let work = || -> anyhow::Result<()> {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let finding = one(root, target, args)?;
            findings.lock().map_err(|_| anyhow!("a runner of targets panicked"))?.extend(finding);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..args.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| anyhow!("a runner of targets panicked"))?
        })
    })?;
    findings.into_inner().map_err(|_| anyhow!("a runner of targets panicked"))
}

/// Runs one target and prints its figures.
fn one(root: &Path, target: &str, args: &FuzzArgs) -> anyhow::Result<Option<Finding>> {
    let started = Instant::now();
    let (report, text) = fuzz(root, target, args)?;
    let seconds = started.elapsed().as_secs_f64();
    for figure in figures(target, &report, seconds, args) {
        figure.print(args.json);
    }
    if !report.is_crashed && report.executions >= args.runs {
        if args.keep {
            let kept = keep::keep(root, target)?;
            eprintln!("{target}: {kept} inputs of {} are kept", grown(root, target).display());
        }
        return Ok(None);
    }
    let end: Vec<&str> = text.lines().rev().take(12).collect();
    let end: Vec<&str> = end.into_iter().rev().collect();
    let what = format!("{target} ended early:\n    {}", end.join("\n    "));
    Ok(Some(Finding::new(ARTIFACTS, 0, what)))
}

fn chosen(wanted: &[String]) -> anyhow::Result<Vec<&'static str>> {
    let all = onehop_fuzz::TARGETS.map(|(name, _)| name);
    for name in wanted {
        if !all.contains(&name.as_str()) {
            bail!("there is no target {name:?}; there are {}", all.join(", "));
        }
    }
    let is_wanted = |name: &&str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == *name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// What cargo-fuzz gives the compiler for everything. There is no sanitizer: this project forbids
/// unsafe code, and what is asserted is asserted faster.
const FLAGS: &str = r#"["-Cpasses=sancov-module", "-Cllvm-args=-sanitizer-coverage-level=4", "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters", "-Cllvm-args=-sanitizer-coverage-pc-table", "-Cllvm-args=-sanitizer-coverage-trace-compares", "-Cllvm-args=-simplifycfg-branch-fold-threshold=0"]"#;

const PROGRAMS: &str = "fuzz/target/release";
/// Inputs that earlier runs grew and that reach further than those of [`corpus`], below the root.
pub(crate) const KEPT: &str = "fuzz/kept";
/// Inputs that were found, below the root.
const ARTIFACTS: &str = "fuzz/artifacts";

fn build(root: &Path) -> anyhow::Result<()> {
    let mut command = nightly::cargo();
    command.args(["build", "--release", "--locked", "--bins", "-Zprofile-rustflags"]);
    for package in nightly::INSTRUMENTED {
        command.args(["--config", &format!("profile.release.package.{package}.rustflags={FLAGS}")]);
    }
    let output = command
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(root.join("fuzz"))
        .output()
        .context("cargo does not start")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the fuzz targets do not build:\n{words}");
    Ok(())
}

/// Longest input of a target, in bytes: what it reads, and for lists of acts no more than they use.
fn longest(target: &str) -> usize {
    if target == "wallet" { 256 } else { 4_096 }
}

fn fuzz(root: &Path, target: &str, args: &FuzzArgs) -> anyhow::Result<(Report, String)> {
    let grown = grown(root, target);
    let artifacts = root.join(ARTIFACTS).join(target);
    std::fs::create_dir_all(&grown)?;
    std::fs::create_dir_all(&artifacts)?;
    let committed = [corpus::FOLDER, KEPT].map(|folder| root.join(folder).join(target));
    let folders = committed.into_iter().filter(|folder| folder.is_dir());
    let log = log(root, target);
    let words = std::fs::File::create(&log)
        .with_context(|| format!("failed to create {}", log.display()))?;
    let status = Command::new(root.join(PROGRAMS).join(target))
        .arg(format!("-runs={}", args.runs))
        .arg(format!("-seed={}", args.seed))
        .arg(format!("-max_len={}", longest(target)))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // Seconds by the clock: on a machine that starves, an input of a millisecond took 13.
        .args(["-timeout=300", "-rss_limit_mb=4096", "-print_final_stats=1"])
        // Weighing inputs by how rare their edges are takes a quarter of the time.
        .arg("-entropic=0")
        .arg(grown)
        .args(folders)
        .stdout(Stdio::null())
        .stderr(words)
        .status()
        .with_context(|| format!("the fuzz target {target} does not start"))?;
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    Ok((report(&text, status.success()), text))
}

/// What runs on this machine grew.
fn grown(root: &Path, target: &str) -> PathBuf {
    root.join("fuzz/grown").join(target)
}

/// Where libFuzzer tells how far it is.
fn log(root: &Path, target: &str) -> PathBuf {
    root.join(ARTIFACTS).join(format!("{target}.log"))
}

/// What libFuzzer says at its end, and on its last line about the coverage.
fn report(text: &str, is_well: bool) -> Report {
    let after = |line: &str, mark: &str| -> Option<u64> {
        let (_, rest) = line.split_once(mark)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let executed = text.lines().find_map(|line| after(line, "stat::number_of_executed_units:"));
    let edges = text.lines().filter_map(|line| after(line, " cov: ")).next_back();
    Report { executions: executed.unwrap_or(0), edges: edges.unwrap_or(0), is_crashed: !is_well }
}

fn figures(target: &str, report: &Report, seconds: f64, args: &FuzzArgs) -> Vec<Figure> {
    let method = format!("libFuzzer, seed {}, from the inputs committed and grown", args.seed);
    let n = report.executions;
    let figure = |name: &str, value, unit, limit| {
        let (name, method) = (format!("fuzz.{target}.{name}"), method.clone());
        Figure { name, value, unit, limit, n, method }
    };
    let least = Some(Limit::AtLeast(count(args.runs)));
    vec![
        figure("executions", count(report.executions), "1", least),
        figure("crashes", count(u64::from(report.is_crashed)), "1", Some(Limit::Exactly(0.0))),
        figure("edges", count(report.edges), "1", None),
        figure("seconds", seconds.round(), "s", None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_of_a_run_are_read() {
        let text = "#2 INITED cov: 12 ft: 13 corp: 1/1b\n#9 NEW    cov: 34 ft: 40 corp: 2/3b\n\
                    stat::number_of_executed_units: 1000\n";
        let expected = Report { executions: 1_000, edges: 34, is_crashed: false };
        assert_eq!(report(text, true), expected);
    }

    #[test]
    fn a_run_that_found_something_does_not_hold() {
        let args = FuzzArgs {
            runs: 1_000,
            jobs: 1,
            target: Vec::new(),
            seed: 1,
            keep: false,
            json: false,
        };
        let crashed = report("==1== ERROR: libFuzzer: deadly signal\n", false);
        let failed = figures("decode", &crashed, 1.0, &args);
        let failed: Vec<_> = failed.iter().filter(|figure| !figure.holds()).collect();
        assert_eq!(failed.len(), 2, "{failed:?}");
    }

    #[test]
    fn an_unknown_target_is_refused_with_the_list_and_all_are_run_by_default() {
        let error = chosen(&["walet".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no target \"walet\"; there are decode, "), "{error}");
        assert_eq!(chosen(&[]).unwrap().len(), onehop_fuzz::TARGETS.len());
    }
}
