//! Power cuts and failing disks, as they strike a device's journal.

use onehop_store::SimJournal;
use onehop_store::sim_journal::DiskFault;
use rand_core::Rng as _;

use crate::env::Env;
use crate::faults::FaultKind;

/// The number of the office's disk; those of devices are their indices.
pub(crate) const OFFICE: usize = usize::MAX;

/// Cuts the power of disk `store`, on which records up to `forced` were made durable: of the
/// sectors that were not, all, none, a beginning or any subset arrives.
pub(crate) fn cut_power(journal: &mut SimJournal, env: &mut Env, store: usize, forced: u64) {
    if env.replace(journal, store, forced) {
        return;
    }
    if !env.strikes(FaultKind::TornWrite) {
        let keeps_all = env.rng.next_u32().is_multiple_of(2);
        journal.crash(|_| keeps_all);
        return;
    }
    let pending = journal.pending_sectors();
    let upto = env.pick(pending + 1);
    let mask = env.rng.next_u64();
    let is_prefix = env.rng.next_u32().is_multiple_of(2);
    journal.crash(|n| if is_prefix { n < upto } else { (mask >> (n % 64)) & 1 == 1 });
}

/// Lets the disk fail at one of the next operations, if it is its time.
pub(crate) fn trouble(journal: &mut SimJournal, env: &mut Env) {
    let after = env.between(0, 3);
    if env.strikes(FaultKind::Eio) {
        journal.fail_after(after, DiskFault::Io);
    } else if env.strikes(FaultKind::Enospc) {
        journal.fail_after(after, DiskFault::Full);
    }
}

/// Lets the disk fail while a device recovers, if it is its time.
pub(crate) fn trouble_in_recovery(journal: &mut SimJournal, env: &mut Env) {
    let after = env.between(0, 3);
    if env.strikes(FaultKind::RecoveryCrash) {
        journal.fail_after(after, DiskFault::Io);
    }
}
