//! The office over a store that it opens again.

use onehop_wire::office::Transfer;

use super::world::{DAY, START, World};
use crate::Office;

/// [O-24]
#[test]
fn the_offices_clock_never_goes_back_also_across_a_restart() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "buyer");
    world.now = START.plus(3 * DAY);
    world.sync(&mut wallet, Transfer::None);
    world.office = Office::open(world.office.into_store()).unwrap();
    world.now = START;
    let answer = world.office.sync(world.now, &wallet.sync(Transfer::None)).unwrap();
    assert_eq!(answer.checkpoint.body.issued, START.plus(3 * DAY));
}
