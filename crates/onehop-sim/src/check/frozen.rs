//! S-7: a frozen wallet signs nothing, and meets nobody.

use super::FROZEN;
use crate::device::Device;
use crate::env::Env;

/// A packet is about to leave: once FROZEN is on the disk it can only be an unsigned REJECT.
pub(crate) fn transmitting(env: &mut Env, device: &Device, name: &str) {
    if device.is_frozen && name != "REJECT" {
        env.facts.violate(FROZEN, format!("{} sends {name}", device.name()));
    }
}
