//! Many seeds, and what they came to.

use crate::counters::{Counters, SEEDS_MIN, SOMETIMES};
use crate::env::Options;
use crate::faults::{FaultKind, Variant};
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
}

impl Summary {
    /// What should sometimes be reached and never was, if there were enough seeds to tell.
    #[must_use]
    pub fn never(&self) -> Vec<&'static str> {
        if self.seeds < SEEDS_MIN {
            return Vec::new();
        }
        let faults = FaultKind::ALL.into_iter().map(FaultKind::counter);
        let all = SOMETIMES.iter().copied().chain(faults);
        all.filter(|name| self.counters.count(name) == 0).collect()
    }

    /// True if everything held and everything was reached.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.failed.is_empty() && self.never().is_empty()
    }
}

/// Lives through `count` seeds from `from` on; `each` is shown every outcome.
pub fn run_seeds(
    from: u64,
    count: u64,
    options: &Options,
    mut each: impl FnMut(&RunOutcome),
) -> Summary {
    let mut summary = Summary::default();
    for seed in from..from.saturating_add(count) {
        let outcome = World::new(seed, options).run();
        each(&outcome);
        summary.seeds += 1;
        summary.steps += outcome.steps;
        summary.payments += outcome.payments;
        summary.counters.add(&outcome.counters);
        summary.broken_locally += u64::from(!outcome.local.is_empty());
        if !outcome.violations.is_empty() {
            summary.failed.push(outcome);
        }
    }
    summary
}

/// The one command that replays a seed.
#[must_use]
pub fn replay_command(seed: u64, variant: Variant) -> String {
    let variant = match variant {
        Variant::Honest => "",
        Variant::RolledBack => " --variant rolled-back",
        Variant::Cloned => " --variant cloned",
    };
    format!("cargo xtask sim --seeds 1 --from {seed}{variant} --trace")
}
