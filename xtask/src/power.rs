//! `xtask power`: wallets and their office in a virtual machine whose power is cut.
//!
//! What was acknowledged is read outside of the machine, on its serial line. The same without the
//! fsync must lose some of it, or the cuts show nothing. `tests/power/README.md` draws it.

mod cuts;
mod guest;
mod ledger;
mod machine;
#[cfg(test)]
mod tests;
mod tools;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Args;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng as _;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

use cuts::{Bench, Outcome, Series};
use guest::Guest;
use ledger::Kind;
use machine::Loses;

/// Most cuts of one disk, one after the other.
const SERIES_CUTS: u64 = 5;
const BOTH: [Loses; 2] = [Loses::Memory, Loses::Drive];

/// What `xtask power` is told.
#[derive(Args, Debug)]
pub(crate) struct PowerArgs {
    /// How many times the power is cut; three in four lose the drive's cache too
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    cuts: u64,
    /// How many times without the fsync
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    control_cuts: u64,
    /// What the moments of the cuts are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many machines run at once
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    machines: u64,
    /// Leave disks and logs in target/power; those of a failure stay anyway
    #[arg(long)]
    keep: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Cuts the power; a finding for each contradiction and each figure that does not hold.
///
/// # Errors
/// If a tool is missing, or a machine cannot be run.
pub(crate) fn run(root: &Path, args: &PowerArgs) -> Result<Vec<Finding>> {
    tools::check()?;
    let cache = root.join("target/power");
    std::fs::create_dir_all(&cache)?;
    sweep(&cache)?;
    let prefix = format!("run-{}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(&cache)?;
    let stop = stop_flag()?;
    let guest = guest::build(root, &cache, folder.path())?;
    let bench = Bench::set_up(&guest, folder.path(), &stop, args.keep)?;
    let outcomes = run_all(&bench, args)?;
    let figures = figures(args, &guest, &outcomes)?;
    figures.iter().for_each(|figure| figure.print(args.json));
    let mut findings = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.series.is_control) {
        findings.extend(outcome.problems.iter().map(|problem| {
            finding(format!("{}, cut {}: {problem}", outcome.series.loses, last_cut(outcome)))
        }));
    }
    for figure in figures.iter().filter(|figure| !figure.holds()) {
        findings.push(finding(format!("{} does not hold: {}", figure.name, figure.value)));
    }
    Ok(findings)
}

/// Clears away what a run left that could not do it itself.
fn sweep(cache: &Path) -> Result<()> {
    for entry in std::fs::read_dir(cache)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let process = name.strip_prefix("run-").and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn finding(what: String) -> Finding {
    Finding::new("tests/power", 0, what)
}

fn last_cut(outcome: &Outcome) -> u64 {
    outcome.series.first + outcome.cuts.saturating_sub(1)
}

/// Set by an interrupt or a termination: machines end with this process anyway, its folder would
/// stay.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        flag.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

/// Deals the cuts out to disks, the control's last. One cut in four leaves the drive its cache.
///
/// None of the control's does: the store's files grow by whole segments, so that what it hands to
/// the drive without an fsync is lost only if the drive loses it.
fn plan(args: &PowerArgs) -> VecDeque<Series> {
    let mut all = VecDeque::new();
    let of_memory = args.cuts.div_ceil(4);
    for (is_control, lefts, longest) in [
        (false, [of_memory, args.cuts - of_memory], SERIES_CUTS),
        (true, [0, args.control_cuts], 1),
    ] {
        let mut first = 1;
        for (loses, mut left) in BOTH.into_iter().zip(lefts) {
            for disks in (1..=left.div_ceil(longest)).rev() {
                let cuts = left.div_ceil(disks);
                all.push_back(Series { loses, is_control, cuts, first });
                first += cuts;
                left -= cuts;
            }
        }
    }
    all
}

fn run_all(bench: &Bench<'_>, args: &PowerArgs) -> Result<Vec<Outcome>> {
    let queue = Mutex::new(plan(args));
    let outcomes = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().ok().and_then(|mut queue| queue.pop_front());
            let Some(series) = next else { return Ok(()) };
            let stream = series.first * 2 + u64::from(series.is_control);
            let mut random = ChaCha8Rng::seed_from_u64(args.seed);
            random.set_stream(stream);
            let outcome = bench.series(series, &mut random)?;
            tell(&outcome);
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.push(outcome);
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..args.machines).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|worker| match worker.join() {
            Ok(end) => end,
            Err(_) => bail!("a worker panicked"),
        });
        ends.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
    })?;
    outcomes.into_inner().ok().context("a worker panicked")
}

/// One line for who waits.
fn tell(outcome: &Outcome) {
    let Series { loses, is_control, first, .. } = outcome.series;
    let kind = if is_control { "control" } else { "cuts" };
    let what = match outcome.problems.first() {
        None => "all there".to_owned(),
        Some(problem) => format!("{problem}, {} in all", outcome.problems.len()),
    };
    eprintln!(
        "{kind} {first} to {}, losing {loses}: {} acknowledged payments, {what}",
        last_cut(outcome),
        outcome.acknowledged
    );
}

fn figures(args: &PowerArgs, guest: &Guest, outcomes: &[Outcome]) -> Result<Vec<Figure>> {
    let version = tools::output("qemu-system-x86_64", &["--version"], Path::new("/"))?;
    let version = version.lines().next().unwrap_or_default();
    let version = version.trim_start_matches("QEMU emulator version ");
    let real = || outcomes.iter().filter(|outcome| !outcome.series.is_control);
    let control = || outcomes.iter().filter(|outcome| outcome.series.is_control);
    let cuts = |which: &dyn Fn(&&Outcome) -> bool, of: &[&Outcome]| -> u64 {
        of.iter().copied().filter(|it| which(it)).map(|it| it.cuts).sum()
    };
    let (real, control): (Vec<_>, Vec<_>) = (real().collect(), control().collect());
    let done = cuts(&|_| true, &real);
    let drive = cuts(&|it| it.series.loses == Loses::Drive, &real);
    let in_recovery: u64 = real.iter().map(|it| it.cuts_in_recovery).sum();
    let problems = |kinds: &[Kind]| -> u64 {
        let all = real.iter().flat_map(|it| &it.problems);
        all.filter(|problem| kinds.contains(&problem.kind)).count() as u64
    };
    let method = format!(
        "SIGKILL of QEMU {version} (tcg, cache=writeback), Linux {}, ext4 noatime, commit=5; {drive} \
         of the cuts with nbdkit's cache lost, {in_recovery} in recovery; seed {}",
        guest.kernel_version, args.seed
    );
    let figure = |name: &str, value: u64, limit: Option<Limit>, n: u64, method: &str| Figure {
        name: format!("power.{name}"),
        value: count(value),
        unit: "1",
        limit,
        n,
        method: method.to_owned(),
    };
    let none = Some(Limit::Exactly(0.0));
    let acknowledged = real.iter().map(|it| it.acknowledged).sum();
    let mut figures = vec![
        figure("cuts", done, Some(Limit::AtLeast(count(args.cuts))), done, &method),
        figure("acknowledged_payments", acknowledged, Some(Limit::AtLeast(1.0)), done, &method),
        figure("lost", problems(&[Kind::Lost]), none, done, &method),
        figure("doubled", problems(&[Kind::Doubled]), none, done, &method),
        figure("halted_or_wrong", problems(&[Kind::Halted, Kind::Wrong]), none, done, &method),
    ];
    let without = format!(
        "the same without the fsync, each time with nbdkit's cache lost; seed {}",
        args.seed
    );
    let control_done = cuts(&|_| true, &control);
    let least = Some(Limit::AtLeast(count(args.control_cuts)));
    figures.push(figure("control_cuts", control_done, least, control_done, &without));
    let lost = control.iter().filter(|it| has_lost(it)).count() as u64;
    let at_least_one = Some(Limit::AtLeast(1.0));
    figures.push(figure("control_lost", lost, at_least_one, control_done, &without));
    Ok(figures)
}

fn has_lost(outcome: &Outcome) -> bool {
    outcome.problems.iter().any(|problem| problem.kind == Kind::Lost)
}
