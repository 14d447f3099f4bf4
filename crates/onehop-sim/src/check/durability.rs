//! Durability: what was forced is there after every crash, whole and in order, and the wallet that
//! is folded from it is one.

use onehop_store::{LoadError, Loaded};

use super::{DURABILITY, RECOVERY};
use crate::env::{Env, Mutant};

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

/// A log that was read back made no wallet.
pub(crate) fn unrecovered(env: &mut Env, name: &str, error: &onehop_proto::RecoverError) {
    env.facts.violate(RECOVERY, format!("{name}: {error}"));
}
