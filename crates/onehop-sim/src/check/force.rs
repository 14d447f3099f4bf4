//! I11: nothing signed leaves before its force returned.

use onehop_store::Journal as _;
use rand_core::Rng as _;

use super::I11;
use crate::device::Device;
use crate::env::Env;

/// A packet is about to leave: every forced batch before it must be durable. That is read off the
/// order of operations, and from time to time off a copy of the disk that loses power.
pub(crate) fn transmitting(env: &mut Env, device: &Device, name: &str) {
    if let Some(lsn) = device.awaited {
        let what = format!("{} sends {name}, record {lsn} is not durable", device.name());
        env.facts.violate(I11, what);
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
        env.facts.violate(I11, what);
    }
}
