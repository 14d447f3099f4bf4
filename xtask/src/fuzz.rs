//! `xtask fuzz`: runs the targets of `fuzz/` through cargo-fuzz for a number of executions.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::figure::{Figure, Limit, count};
use crate::nightly;
use crate::source::Finding;

/// What `xtask fuzz` is told.
#[derive(Args, Debug)]
pub(crate) struct FuzzArgs {
    /// Executions of each target
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    runs: u64,
    /// Only this target; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// The fuzzer's seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u32,
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
    nightly::require(&["fuzz"], "rustup toolchain install nightly; cargo install cargo-fuzz")?;
    build(root)?;
    let mut findings = Vec::new();
    for target in targets {
        let started = Instant::now();
        let (report, text) = fuzz(root, target, args)?;
        let seconds = started.elapsed().as_secs_f64();
        for figure in figures(target, &report, seconds, args) {
            figure.print(args.json);
        }
        if report.is_crashed || report.executions < args.runs {
            let end: Vec<&str> = text.lines().rev().take(12).collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            let what = format!("{target} ended early:\n    {}", end.join("\n    "));
            findings.push(Finding::new("fuzz/artifacts", 0, what));
        }
    }
    Ok(findings)
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

/// Without a sanitizer: this project forbids unsafe code, and what is asserted is asserted faster.
const BUILD: [&str; 2] = ["--sanitizer", "none"];

fn build(root: &Path) -> anyhow::Result<()> {
    let output = nightly::cargo()
        .args(["fuzz", "build"])
        .args(BUILD)
        .current_dir(root.join("fuzz"))
        .output()
        .context("cargo-fuzz does not start")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the fuzz targets do not build:\n{words}");
    Ok(())
}

fn fuzz(root: &Path, target: &str, args: &FuzzArgs) -> anyhow::Result<(Report, String)> {
    let grown = root.join("fuzz/grown").join(target);
    std::fs::create_dir_all(&grown)?;
    let folders = [grown, root.join("fuzz/corpus").join(target)];
    let mut command = nightly::cargo();
    command.args(["fuzz", "run"]).args(BUILD).arg(target).args(&folders).arg("--");
    command
        .arg(format!("-runs={}", args.runs))
        .arg(format!("-seed={}", args.seed))
        .args(["-max_len=4096", "-timeout=60", "-rss_limit_mb=4096", "-print_final_stats=1"])
        .current_dir(root.join("fuzz"));
    let output = command.output().context("cargo-fuzz does not start")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((report(&text, output.status.success()), text))
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
    let method = format!("libFuzzer, seed {}, from fuzz/corpus/{target}", args.seed);
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
        let args = FuzzArgs { runs: 1_000, target: Vec::new(), seed: 1, json: false };
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
