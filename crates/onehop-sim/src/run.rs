//! Many seeds, and what they came to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use crate::counters::Counters;
use crate::env::Options;
use crate::faults::{FaultKind, Faults, Variant};
use crate::required::{self, Need};
use crate::world::{RunOutcome, World};

/// What a run of seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds lived through.
    pub seeds: u64,
    /// Things that happened.
    pub steps: u64,
    /// Payments for which a buyer voted yes.
    pub payments: u64,
    /// What was reached.
    pub counters: Counters,
    /// Runs in which something did not hold.
    pub failed: Vec<RunOutcome>,
    /// Dishonest variants: runs in which a local invariant broke.
    pub broken_locally: u64,
    /// What the seeds must have reached.
    required: Vec<Need>,
}

impl Summary {
    /// An empty summary of runs of `variant`.
    #[must_use]
    pub fn of(variant: Variant) -> Self {
        Self { required: required::of(variant), ..Self::default() }
    }

    /// What should sometimes be reached and never was, if there were enough seeds to tell.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        let missing =
            |need: &&Need| need.counters.iter().all(|name| self.counters.count(name) == 0);
        self.due().filter(missing).filter_map(|need| need.counters.first().copied()).collect()
    }

    /// How many things so many seeds must have reached.
    #[must_use]
    pub fn required(&self) -> u64 {
        self.due().count() as u64
    }

    fn due(&self) -> impl Iterator<Item = &Need> {
        self.required.iter().filter(|need| self.seeds >= need.seeds_min)
    }

    /// True if everything held and everything was reached.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed.is_empty() && self.never().is_empty()
    }

    fn add(&mut self, outcome: RunOutcome) {
        self.seeds += 1;
        self.steps += outcome.steps;
        self.payments += outcome.payments;
        self.counters.add(&outcome.counters);
        self.broken_locally += u64::from(!outcome.local.is_empty());
        if !outcome.violations.is_empty() {
            self.failed.push(outcome);
        }
    }
}

/// Lives through `count` seeds from `from` on; `each` is shown every outcome.
pub fn run_seeds(
    from: u64,
    count: u64,
    options: &Options,
    mut each: impl FnMut(&RunOutcome),
) -> Summary {
    let mut summary = Summary::of(options.variant);
    for seed in from..from.saturating_add(count) {
        let outcome = World::new(seed, options).run();
        each(&outcome);
        summary.add(outcome);
    }
    summary
}

/// The same on `jobs` threads. Outcomes are shown in the order of their seeds.
pub fn run_seeds_on(
    jobs: usize,
    from: u64,
    count: u64,
    options: &Options,
    mut each: impl FnMut(&RunOutcome),
) -> Summary {
    if jobs <= 1 {
        return run_seeds(from, count, options, each);
    }
    let mut summary = Summary::of(options.variant);
    let (next, end) = (AtomicU64::new(from), from.saturating_add(count));
    let (done, outcomes) = mpsc::sync_channel(64);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more once the run is given up.
                    if seed >= end || done.send(World::new(seed, options).run()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let (mut waiting, mut turn) = (BTreeMap::new(), from);
        for outcome in outcomes {
            waiting.insert(outcome.seed, outcome);
            while let Some(outcome) = waiting.remove(&turn) {
                each(&outcome);
                summary.add(outcome);
                turn += 1;
            }
        }
    });
    summary
}

/// The one command that replays a seed.
#[must_use]
pub fn replay_command(seed: u64, options: &Options) -> String {
    let mut command = format!("cargo xtask sim --seeds 1 --from {seed}");
    if options.variant != Variant::Honest {
        command.push_str(&format!(" --variant {}", options.variant.name()));
    }
    let usual = (Options::default(), Faults::default());
    if options.acts != usual.0.acts {
        command.push_str(&format!(" --acts {}", options.acts));
    }
    for kind in FaultKind::ALL {
        let probability = options.faults.probability(kind);
        if probability.to_bits() != usual.1.probability(kind).to_bits() {
            command.push_str(&format!(" --fault {}={probability}", kind.name()));
        }
    }
    command + " --trace"
}
