//! The end of a run: faults stop, devices come back, deadlines pass, everybody meets the office.

use money_office::OfficeError;

use crate::check::{conservation, liveness};
use crate::office::OfficeSim;
use crate::people::Plan;
use crate::workload;
use crate::world::World;

/// More than a purse, the claim window and the grace time together, in milliseconds.
const PAST_ALL_MS: u64 = 23 * 86_400_000;
/// Longer than people stay in a session, in milliseconds.
const REST_MS: u64 = 200_000;

/// Mends everything, lets it settle, and checks that it did.
pub(crate) fn finish(
    world: &mut World,
    office: &mut OfficeSim,
    oversleeps: bool,
) -> Result<(), OfficeError> {
    world.env.is_calm = true;
    world.env.radio.join();
    if oversleeps {
        part_in_haste(world, office)?;
    }
    world.run_for(office, REST_MS)?;
    let now = world.env.now_ms;
    if world.env.mutant.is_none() {
        for device in &world.devices {
            world.env.plans.push(now, device.index, Plan::Start);
        }
    }
    if oversleeps {
        world.run_for(office, PAST_ALL_MS)?;
        world.env.radio.join();
        for device in &mut world.devices {
            device.compact(&mut world.env);
        }
        // Half of them ask the office first, half the other device.
        if world.env.pick(2) == 0 {
            resolve_all(world, office)?;
        }
        // Purses have expired: nobody can open a session as a buyer before the next one.
        sync_all(world, office)?;
    }
    if oversleeps || reunites(world) {
        reunite(world, office)?;
    }
    visit_all(world, office)?;
    world.run_for(office, PAST_ALL_MS)?;
    for _ in 0..3 {
        resolve_all(world, office)?;
        visit_all(world, office)?;
        office.settle(&mut world.env)?;
    }
    world.reach_states();
    world.env.facts.check_changed();
    conservation::audit(&mut world.env, office)?;
    liveness::settled(&mut world.env, &world.devices, office)
}

/// True if everybody meets once more.
fn reunites(world: &mut World) -> bool {
    match world.env.reunites {
        Some(reunites) => reunites,
        None => world.env.pick(2) == 0,
    }
}

/// Some meet, and are torn apart in the midst of it, until after the deadlines.
fn part_in_haste(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for seller in 0..world.devices.len() {
        let buyer = (seller + 1 + world.env.pick(world.devices.len() - 1)) % world.devices.len();
        workload::meet(&mut world.env, &mut world.devices, seller, buyer);
        let pause = world.env.between(800, 6_000);
        world.run_for(office, pause)?;
        let until = world.env.now_ms + PAST_ALL_MS;
        world.env.radio.part(seller, buyer, until);
    }
    Ok(())
}

/// Every pair meets once more.
fn reunite(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for seller in 0..world.devices.len() {
        for buyer in 0..world.devices.len() {
            if seller != buyer {
                workload::meet(&mut world.env, &mut world.devices, seller, buyer);
                world.run_for(office, 20_000)?;
            }
        }
    }
    world.run_for(office, REST_MS)
}

fn resolve_all(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for device in &mut world.devices {
        workload::resolve(&mut world.env, device);
    }
    world.run_for(office, REST_MS)
}

/// Everybody files claims and renews the purse.
fn visit_all(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for device in &mut world.devices {
        workload::claim(&mut world.env, device);
    }
    world.run_for(office, REST_MS)?;
    sync_all(world, office)
}

/// Everybody renews the purse.
fn sync_all(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for device in &mut world.devices {
        workload::sync(&mut world.env, device);
    }
    world.run_for(office, REST_MS)
}
