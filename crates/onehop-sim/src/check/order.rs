//! Order: prepared before committed (I3), nothing leaves before its force (I11), and what was
//! forced is there after a crash.

use onehop_store::{Journal, LoadError, Loaded};
use onehop_wire::{Hash, TxId};
use rand_core::Rng as _;

use super::Facts;
use crate::device::Device;
use crate::env::{Env, Mutant};

/// A seller committed: the vote it names must have been durable before.
pub(crate) fn committed(facts: &mut Facts, tx: &TxId, agreed: Hash) {
    let is_prepared = facts.payments.get(tx).is_some_and(|p| p.prepared.contains(&agreed));
    if !is_prepared {
        let what = format!("payment {}: committed on a vote not on disk", tx.short());
        facts.violate("I3 prepared before committed", what);
    }
}

/// A packet is about to leave: every forced batch before it must be durable. That is read off the
/// order of operations, and from time to time off a copy of the disk that loses power.
pub(crate) fn transmitting(env: &mut Env, device: &Device, name: &str) {
    const NAME: &str = "I11 nothing leaves before its force";
    if let Some(lsn) = device.awaited {
        let what = format!("{} sends {name}, record {lsn} is not durable", device.name());
        env.facts.violate(NAME, what);
    }
    let is_vote = matches!(name, "AGREED" | "COMMIT" | "ABORT" | "COMMITTED" | "RELEASED");
    if !is_vote || !env.rng.next_u32().is_multiple_of(8) {
        return;
    }
    let mut copy = device.journal.clone();
    copy.crash(|_| false);
    let last = copy.load().map(|loaded| loaded.next().0 - 1).unwrap_or(0);
    if last < device.forced {
        let (name, forced) = (device.name(), device.forced);
        let what = format!("{name} would find {last} records of {forced} after a crash");
        env.facts.violate(NAME, what);
    }
}

/// A device read its log back after a crash.
pub(crate) fn loaded(
    env: &mut Env,
    device: usize,
    forced: u64,
    loaded: Result<&Loaded, &LoadError>,
) {
    const NAME: &str = "durability";
    match loaded {
        Ok(loaded) => {
            let mut last = loaded.next().0 - 1;
            if env.mutant == Some(Mutant::ForgetsForced) {
                last = last.saturating_sub(3);
            }
            if last < forced && !env.facts.is_tainted {
                let what = format!("device {device} finds {last} records of {forced}");
                env.facts.violate(NAME, what);
            }
        }
        Err(LoadError::Settle(_) | LoadError::Read(_)) => {}
        Err(error) => {
            let what = format!("device {device} cannot load its log: {error}");
            env.facts.violate(NAME, what);
        }
    }
}
