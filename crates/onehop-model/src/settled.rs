//! When all is settled (I12).

use crate::device::{Bought, Sold};
use crate::machine::Machine;
use crate::world::World;

/// No payment is open or in doubt. With an office, what was received is redeemed or lost; without
/// one, every COMMIT is acknowledged.
pub(crate) fn is_settled(machine: &Machine, world: &World) -> bool {
    world.devices.iter().all(|device| {
        let bought = device.view.bought.iter().all(|(_, state, _)| *state != Bought::Prepared);
        let sold = device.view.sold.iter().all(|(_, state, _)| match state {
            Sold::Invited | Sold::Committed => false,
            Sold::Done => !machine.scene.has_office,
            Sold::Redeemed | Sold::Lost | Sold::Aborted => true,
        });
        bought && sold && device.view.asked.is_empty()
    })
}
