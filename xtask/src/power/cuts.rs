//! Cutting the power: machines on one disk, one after the other, until the planned cuts are done.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng as _;

use super::guest::Guest;
use super::ledger::{Kind, Ledger, Problem, Weight};
use super::machine::{Loses, Machine, Parts, Said};
use super::tools;

/// The size of a disk.
const DISK_BYTES: u64 = 64 << 20;
/// A machine that acknowledges nothing and comes no further for so long is stuck. Emulated, on a
/// busy machine, with waits of four minutes inside.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked whether the run is to end.
const LOOK: Duration = Duration::from_millis(200);
/// After how many payments received the power is cut at most, and how soon: before the buyer knows.
const RECEIVED_MAX: u64 = 5;
const SOON_MS: u64 = 20;
/// After how many acknowledgements at most, and how long after them: anywhere in a payment.
const ACKNOWLEDGED_MAX: u64 = 16;
const LATER_MS: u64 = 1_500;
/// How long a wallet waits before each record and packet where it does. A program that ends syncs
/// its files; without the waits, what is lost without the fsync is there again too soon.
const PACE: Duration = Duration::from_millis(25);
/// How long after the disk is mounted a recovery is cut at most.
const RECOVERY_MS: u64 = 4_000;

/// Cuts of one disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) loses: Loses,
    /// Without the fsync.
    pub(super) is_control: bool,
    pub(super) cuts: u64,
    /// The number of its first cut, over all of its kind.
    pub(super) first: u64,
}

/// What a series came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) series: Series,
    /// Cuts after which a machine came to the end of its recovery, or was found to be wrong.
    pub(super) cuts: u64,
    pub(super) cuts_in_recovery: u64,
    pub(super) acknowledged: u64,
    pub(super) problems: Vec<Problem>,
    /// Where disk and logs are, if they stay.
    pub(super) kept: Option<PathBuf>,
}

/// What all series share.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) guest: &'a Guest,
    pub(super) folder: &'a Path,
    /// Set when the run is to end early.
    pub(super) stop: &'a AtomicBool,
    /// A disk with an office and two wallets.
    pub(super) base: PathBuf,
    /// Whether disks and logs stay although nothing is wrong with them.
    pub(super) keep: bool,
}

/// When the power is cut.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Never,
    /// After the seller has received so many payments, and so long.
    Received(u64, Duration),
    /// After so many acknowledgements of any kind, and so long.
    Acknowledged(u64, Duration),
    /// So long after the disk is mounted.
    Mounted(Duration),
}

/// How a machine ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Cut,
    Off,
    /// It got too little processor time to show anything; as good as cut, and not counted.
    Starved,
}

/// How many machines of one series may starve.
const STARVED_MAX: u64 = 3;

impl<'a> Bench<'a> {
    /// Makes the disk that all series start from.
    ///
    /// # Errors
    /// If it cannot be made, or the machine that sets it up does not come to its end.
    pub(super) fn set_up(
        guest: &'a Guest,
        folder: &'a Path,
        stop: &'a AtomicBool,
        keep: bool,
    ) -> Result<Self> {
        let base = folder.join("base.img");
        File::create(&base)?.set_len(DISK_BYTES)?;
        tools::output("mkfs.ext4", &["-q", "-F", &base.display().to_string()], folder)?;
        let bench = Self { guest, folder, stop, base, keep };
        let mut ledger = Ledger::default();
        let parts = Parts {
            kernel: &guest.kernel,
            archive: &guest.real,
            disk: &bench.base,
            loses: Loses::Memory,
            pace: Duration::ZERO,
            folder,
        };
        if bench.run(&parts, "setup", Plan::Never, &mut ledger)? == End::Starved {
            bail!("the machine that sets up got no processor time");
        }
        if let Some(problem) = ledger.problems().first() {
            bail!("the machine was not set up: {problem}");
        }
        Ok(bench)
    }

    /// Cuts the power of one disk's machines, and looks at what is left after each.
    ///
    /// # Errors
    /// If a machine cannot be started, or the run is to end.
    pub(super) fn series(&self, series: Series, random: &mut ChaCha8Rng) -> Result<Outcome> {
        let folder = tempfile::tempdir_in(self.folder)?;
        let disk = folder.path().join("disk.img");
        std::fs::copy(&self.base, &disk).context("failed to copy the disk")?;
        let parts = Parts {
            kernel: &self.guest.kernel,
            archive: if series.is_control { &self.guest.control } else { &self.guest.real },
            disk: &disk,
            loses: series.loses,
            pace: if series.is_control || random.next_u64().is_multiple_of(2) {
                PACE
            } else {
                Duration::ZERO
            },
            folder: folder.path(),
        };
        let (mut ledger, mut starved) = (Ledger::default(), 0);
        let mut outcome = Outcome {
            series,
            cuts: 0,
            cuts_in_recovery: 0,
            acknowledged: 0,
            problems: Vec::new(),
            kept: None,
        };
        let mut machines = 0;
        loop {
            let is_last = outcome.cuts == series.cuts;
            let (phase, plan) = match (machines, is_last) {
                (_, true) => ("last", Plan::Never),
                (0, false) => ("load", plan(random, false, series.is_control)),
                (_, false) => ("live", plan(random, true, series.is_control)),
            };
            let recoveries = ledger.recoveries();
            let end = self.run(&parts, phase, plan, &mut ledger)?;
            let was_in_recovery = machines > 0 && ledger.recoveries() == recoveries;
            machines += 1;
            outcome.cuts += u64::from(end == End::Cut);
            outcome.cuts_in_recovery += u64::from(end == End::Cut && was_in_recovery);
            starved += u64::from(end == End::Starved);
            if starved > STARVED_MAX {
                bail!("{starved} machines of one disk got no processor time; run fewer at once");
            }
            if !ledger.problems().is_empty() || (is_last && end == End::Off) {
                break;
            }
        }
        outcome.acknowledged = ledger.acknowledged();
        outcome.problems = ledger.problems().to_vec();
        if self.keep || (!series.is_control && !outcome.problems.is_empty()) {
            outcome.kept = Some(self.keep(folder, series)?);
        }
        Ok(outcome)
    }

    /// Puts a folder where the next run does not clear it away.
    fn keep(&self, folder: tempfile::TempDir, series: Series) -> Result<PathBuf> {
        let kind = if series.is_control { "control" } else { "cuts" };
        let cache = self.folder.parent().unwrap_or(self.folder);
        let kept = cache.join(format!("kept-{kind}-{}", series.first));
        if kept.exists() {
            std::fs::remove_dir_all(&kept)?;
        }
        std::fs::rename(folder.keep(), &kept)?;
        Ok(kept)
    }

    /// One machine, until its power is cut or it goes off. One that fails and that has starved
    /// says nothing about what is on its disk.
    fn run(&self, parts: &Parts<'_>, phase: &str, plan: Plan, ledger: &mut Ledger) -> Result<End> {
        ledger.power_on();
        let mut machine = Machine::start(parts, phase, ledger.next_order())?;
        let problems = ledger.problems().len();
        let end = self.watch(&mut machine, plan, ledger)?;
        if ledger.problems().len() > problems && machine.has_starved() {
            ledger.forgive(problems);
            return Ok(End::Starved);
        }
        Ok(end)
    }

    fn watch(&self, machine: &mut Machine, plan: Plan, ledger: &mut Ledger) -> Result<End> {
        let mut cut_at: Option<Instant> = None;
        let (mut received, mut acknowledged) = (0, 0);
        let mut stuck_at = Instant::now() + PATIENCE;
        let mut is_off = false;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                bail!("interrupted");
            }
            let now = Instant::now();
            if cut_at.is_some_and(|at| at <= now) {
                break;
            }
            let until = cut_at.unwrap_or(stuck_at).min(now + LOOK);
            match machine.hear(until) {
                Said::Nothing if now > stuck_at => {
                    ledger.note(Kind::Halted, "the machine comes no further");
                    return Ok(End::Off);
                }
                Said::Nothing => {}
                Said::Off => {
                    if !is_off {
                        let words = machine.last_words();
                        ledger.note(Kind::Halted, format!("the machine went off: {words}"));
                    }
                    return Ok(End::Off);
                }
                Said::Line(line) => {
                    let weight = ledger.hear(&line);
                    is_off |= line == "G off";
                    received += u64::from(weight == Weight::Received);
                    let is_told = matches!(weight, Weight::Received | Weight::Acknowledged);
                    acknowledged += u64::from(is_told);
                    if weight != Weight::Noise {
                        stuck_at = Instant::now() + PATIENCE;
                    }
                    let is_due = match plan {
                        Plan::Never => None,
                        Plan::Received(after, delay) => (received >= after).then_some(delay),
                        Plan::Acknowledged(after, delay) => {
                            (acknowledged >= after).then_some(delay)
                        }
                        Plan::Mounted(delay) => line.starts_with("G up").then_some(delay),
                    };
                    cut_at = cut_at.or_else(|| is_due.map(|delay| Instant::now() + delay));
                }
            }
        }
        // What came out before the power was cut was said, whenever it is read.
        for line in machine.cut() {
            ledger.hear(&line);
        }
        Ok(End::Cut)
    }
}

/// When to cut: one in four recoveries; else half of them when a seller has just received, where
/// the control loses most.
fn plan(random: &mut ChaCha8Rng, recovers: bool, is_control: bool) -> Plan {
    let mut below = |most: u64| random.next_u64() % most;
    let (in_recovery, soon) = (recovers && below(4) == 0, is_control || below(2) == 0);
    let mut moment = |most: u64| Duration::from_millis(below(most));
    match (in_recovery, soon) {
        (true, _) => Plan::Mounted(moment(RECOVERY_MS)),
        (false, true) => {
            let delay = moment(SOON_MS);
            Plan::Received(1 + below(RECEIVED_MAX), delay)
        }
        (false, false) => {
            let delay = moment(LATER_MS);
            Plan::Acknowledged(1 + below(ACKNOWLEDGED_MAX), delay)
        }
    }
}
