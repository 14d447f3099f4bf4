//! `xtask coverage`: the regions of the codec and of the state machines that the tests of their
//! crates and the committed corpora of the fuzzer never run.
//!
//! A region counts once, however many copies of its function the compiler made, and is run if any
//! of them is. What is derived has no regions.

mod export;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;

use crate::figure::{Figure, Limit, count};
use crate::nightly;
use crate::source::Finding;
use export::Regions;

/// What `xtask coverage` is told.
#[derive(Args, Debug)]
pub(crate) struct CoverageArgs {
    /// How many test programs run at once
    #[arg(long, default_value_t = 2, value_name = "N")]
    jobs: usize,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Files whose regions are counted together.
struct Part {
    name: &'static str,
    /// Beginnings of paths.
    files: &'static [&'static str],
    /// Files among them that are in no program that ships.
    without: &'static [&'static str],
    /// Per cent.
    least: f64,
}

const PARTS: [Part; 2] = [
    // All of the crate: dates and amounts for people too.
    Part { name: "codec", files: &["crates/onehop-wire/src/"], without: &[], least: 100.0 },
    Part {
        name: "state_machines",
        files: &["crates/onehop-proto/src/"],
        // The feature of the model checker and of the fuzzer.
        without: &["crates/onehop-proto/src/model.rs"],
        least: 95.0,
    },
];

/// The packages whose tests are run: their own, and the corpora.
const PACKAGES: [&str; 3] = ["onehop-wire", "onehop-proto", "onehop-fuzz"];

/// Measures; a finding for each function of which a region was never run, where a part falls short.
pub(crate) fn run(root: &Path, args: &CoverageArgs) -> anyhow::Result<Vec<Finding>> {
    let profdata = nightly::llvm_tool("llvm-profdata")?;
    let cov = nightly::llvm_tool("llvm-cov")?;
    let folder = root.join("target/coverage");
    let programs = build(root, &folder)?;
    let profile = profile(&profdata, &folder, &programs, args.jobs)?;
    let regions = Regions::read(&export(&cov, root, &profile, &programs)?, root)?;
    let mut findings = Vec::new();
    for part in PARTS {
        let (run, all) = regions.of(&part);
        ensure!(all > 0, "no region of {:?} was found", part.files);
        for file in part.without {
            ensure!(root.join(file).is_file(), "{file} is left out, and does not exist");
        }
        let share = 100.0 * count(run) / count(all);
        let figure = Figure {
            name: format!("coverage.{}.regions", part.name),
            value: (share * 100.0).floor() / 100.0,
            unit: "%",
            limit: Some(Limit::AtLeast(part.least)),
            n: all,
            method: format!("tests and corpora, {run} of {all} regions"),
        };
        figure.print(args.json);
        let is_short = !figure.holds();
        for (file, line, function, missed) in regions.missed(&part, root) {
            let what = format!("{missed} regions of {function} are never run");
            if is_short {
                findings.push(Finding::new(&file, line, what));
            } else if !args.json {
                println!("{file}:{line}: {what}");
            }
        }
    }
    Ok(findings)
}

/// Builds the tests so that they count; gives the programs.
fn build(root: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = nightly::cargo();
    command.args(["test", "--no-run", "--locked", "--lib", "--tests", "--message-format=json"]);
    for package in PACKAGES {
        command.args(["-p", package]);
    }
    // What others wrote is not counted, and cryptography that counts is slow.
    command.arg("-Zprofile-rustflags");
    for package in nightly::INSTRUMENTED {
        let flags = format!("profile.dev.package.{package}.rustflags=[\"-Cinstrument-coverage\"]");
        command.args(["--config", &flags]);
    }
    let output = command
        .env("CARGO_TARGET_DIR", folder)
        .current_dir(root)
        .output()
        .context("cargo does not start")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the instrumented tests do not build:\n{words}");
    let text = String::from_utf8(output.stdout)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let programs: Vec<PathBuf> = messages
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .collect();
    ensure!(!programs.is_empty(), "no test program was built");
    Ok(programs)
}

/// Runs the programs, `jobs` at a time; gives the profile of all of them together.
fn profile(
    profdata: &Path,
    folder: &Path,
    programs: &[PathBuf],
    jobs: usize,
) -> anyhow::Result<PathBuf> {
    let raw = folder.join("raw");
    if raw.exists() {
        std::fs::remove_dir_all(&raw)?;
    }
    let next = AtomicUsize::new(0);
    let work = || -> anyhow::Result<()> {
        while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
            run_one(program, folder, &raw)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| anyhow::anyhow!("a runner of tests panicked"))?
        })
    })?;
    let merged = folder.join("all.profdata");
    let files = std::fs::read_dir(&raw)?.map(|entry| Ok(entry?.path()));
    let files: Vec<PathBuf> = files.collect::<std::io::Result<_>>()?;
    let output = Command::new(profdata)
        .args(["merge", "-sparse", "-o"])
        .arg(&merged)
        .args(files)
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "llvm-profdata cannot read the profiles: {words}");
    Ok(merged)
}

/// Counters are not atomic: each program has one thread.
fn run_one(program: &Path, folder: &Path, raw: &Path) -> anyhow::Result<()> {
    let package = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let output = Command::new(program)
        .arg("--test-threads=1")
        .env("LLVM_PROFILE_FILE", raw.join(format!("{package}-%p.profraw")))
        .current_dir(folder)
        .output()
        .with_context(|| format!("{package} does not start"))?;
    let words = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{package} fails:\n{words}");
    Ok(())
}

fn export(cov: &Path, root: &Path, profile: &Path, programs: &[PathBuf]) -> anyhow::Result<Value> {
    let mut command = Command::new(cov);
    command.args(["export", "-format=text", "-skip-expansions", "-instr-profile"]).arg(profile);
    for program in programs {
        command.arg("-object").arg(program);
    }
    command.arg("-sources");
    for part in PARTS {
        command.args(part.files.iter().map(|file| root.join(file)));
    }
    let output = command.output().context("llvm-cov does not start")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "llvm-cov cannot read the profile: {words}");
    Ok(serde_json::from_slice(&output.stdout)?)
}
