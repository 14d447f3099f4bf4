//! Durability: what was forced is there after every crash, whole and in order, and the wallet that
//! is folded from it is one.

use money_office::MemLedger;
use onehop_proto::{Config, Wallet};
use onehop_store::{Journal as _, LoadError, Loaded, SimJournal};
use rand_core::Rng as _;

use super::{DURABILITY, EMPTY, OFFICE_DURABILITY, OFFICE_I11, RECOVERY};
use crate::env::{Env, Mutant};
use crate::ledger::DiskLedger;

/// A device read its log back after a crash.
pub(crate) fn loaded(
    env: &mut Env,
    device: usize,
    forced: u64,
    loaded: Result<&Loaded, &LoadError>,
) {
    match loaded {
        Ok(loaded) => {
            let mut last = loaded.next().0 - 1;
            if env.mutant == Some(Mutant::ForgetsForced) {
                last = last.saturating_sub(3);
            }
            if last < forced && !env.facts.is_tainted {
                let what = format!("device {device} finds {last} records of {forced}");
                env.facts.violate(DURABILITY, what);
            }
        }
        // The disk failed while it was read or settled; it is tried again.
        Err(LoadError::Settle(_) | LoadError::Read(_)) => {}
        Err(error) => {
            let what = format!("device {device} cannot load its log: {error}");
            env.facts.violate(DURABILITY, what);
        }
    }
}

/// A store opens empty although it was in use: no wallet may come of it.
pub(crate) fn empty(env: &mut Env, name: &str) {
    let refused = SimJournal::new().load().is_ok_and(|loaded| {
        let records = loaded.records.into_iter().map(|(lsn, bytes)| (lsn.0, bytes));
        Wallet::recover(Config::default(), [0; 32], None, records).is_err()
    });
    if !refused {
        env.facts.violate(EMPTY, format!("{name} starts without its log"));
    }
    env.line(name, "x", "", "finds an empty store and halts");
}

/// A log that was read back made no wallet.
pub(crate) fn unrecovered(env: &mut Env, name: &str, error: &onehop_proto::RecoverError) {
    env.facts.violate(RECOVERY, format!("{name}: {error}"));
}

/// The office read its books back, whose last batch was `last` and whose rows were `before`.
pub(crate) fn office_loaded(
    env: &mut Env,
    last: u64,
    loaded: &Result<(), LoadError>,
    ledger: &DiskLedger,
    before: &MemLedger,
) {
    let what = match loaded {
        Err(error) => format!("the office cannot load its log: {error}"),
        Ok(()) if ledger.last < last => format!("the office finds {} of {last}", ledger.last),
        Ok(()) if ledger.last == last && ledger.rows() != before => {
            "a batch that failed changed the books".to_owned()
        }
        Ok(()) => return,
    };
    env.facts.violate(OFFICE_DURABILITY, what);
}

/// The office is about to answer: its decision must be durable. That is read off a copy of its
/// disk that loses power, from time to time.
pub(crate) fn answering(env: &mut Env, ledger: &DiskLedger) {
    if !env.side.next_u32().is_multiple_of(8) {
        return;
    }
    let mut copy = ledger.journal.clone();
    copy.crash(|_| false);
    let last = copy.load().map(|loaded| loaded.next().0 - 1).unwrap_or(0);
    if last < ledger.last {
        let what = format!("the office would find {last} batches of {}", ledger.last);
        env.facts.violate(OFFICE_I11, what);
    }
}
