//! The payment whose power is cut: one seller, one buyer, one office, and people who do as told.

use std::collections::{BTreeMap, VecDeque};

use money_office::OfficeError;
use onehop_store::sim_journal::DiskFault;

use crate::check::Violation;
use crate::disk::OFFICE;
use crate::env::{Cut, Found, Mutant, Options};
use crate::faults::Faults;
use crate::finish;
use crate::office::OfficeSim;
use crate::workload;
use crate::world::World;

/// The seed of the one run.
const SEED: u64 = 1;
/// Longer than people stay in a session, in milliseconds.
const MEETING_MS: u64 = 150_000;
/// Longer than an answer of the office takes, in milliseconds.
const VISIT_MS: u64 = 30_000;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Operations of each disk when the payment begins, and when it is settled.
    pub(super) operations: BTreeMap<usize, [u64; 2]>,
    /// The disk at the last power cut.
    pub(super) found: Option<Found>,
    pub(super) recovery: Option<[u64; 3]>,
    pub(super) violations: Vec<Violation>,
}

/// Plays the payment with these power cuts. Without an `ending` it stops when it is settled, or
/// at a cut after which no disk is found; with one, the faults end, and whether the two meet once
/// more or not, everything must settle.
pub(super) fn play(mutant: Option<Mutant>, cuts: Vec<Cut>, ending: Option<bool>) -> Played {
    let faults = Faults::none();
    let options =
        Options { faults, wallets: 2, acts: 0, audit_every: u64::MAX, ..Options::default() };
    let mut world = World::with(SEED, &options, mutant);
    let Some(mut office) = world.office.take() else { return Played::default() };
    let mut played = Played::default();
    let lived = tidy(&mut world, &mut office)
        .and_then(|()| live(&mut world, &mut office, &mut played, cuts, ending));
    if let Err(error) = lived {
        world.env.facts.violate("office store", format!("{error:?}"));
    }
    played.found = world.env.found.take();
    played.recovery = world.env.recovery;
    played.violations = std::mem::take(&mut world.env.facts.violations);
    played
}

/// Snapshots of everything: what is cut is then on short logs.
fn tidy(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    for device in &mut world.devices {
        device.compact(&mut world.env);
    }
    office.compact(&mut world.env)
}

fn live(
    world: &mut World,
    office: &mut OfficeSim,
    played: &mut Played,
    cuts: Vec<Cut>,
    ending: Option<bool>,
) -> Result<(), OfficeError> {
    (world.env.is_scripted, world.env.reunites) = (true, ending);
    played.operations = operations(world, office)?;
    arm(world, office, cuts)?;
    pay_and_settle(world, office)?;
    for (store, now) in operations(world, office)? {
        if let Some([_, end]) = played.operations.get_mut(&store) {
            [*end, _] = now;
        }
    }
    match ending {
        Some(_) if !world.env.is_stopped => finish::finish(world, office, false),
        Some(_) | None => Ok(()),
    }
}

fn operations(world: &World, office: &OfficeSim) -> Result<BTreeMap<usize, [u64; 2]>, OfficeError> {
    let devices = world.devices.iter().map(|device| (device.index, device.journal.operations()));
    let office = office.read()?.store().journal.operations();
    Ok(devices.chain([(OFFICE, office)]).map(|(store, now)| (store, [now, now])).collect())
}

fn arm(world: &mut World, office: &mut OfficeSim, cuts: Vec<Cut>) -> Result<(), OfficeError> {
    world.env.cuts = VecDeque::from(cuts);
    let Some(cut) = world.env.cuts.front() else { return Ok(()) };
    let (store, at) = (cut.store, cut.at);
    if store == OFFICE {
        office.with_ledger(|ledger| {
            let after = at - ledger.journal.operations();
            ledger.journal.fail_after(after, DiskFault::Full);
        })?;
    } else if let Some(device) = world.devices.get_mut(store) {
        let after = at - device.journal.operations();
        device.journal.fail_after(after, DiskFault::Full);
    }
    Ok(())
}

/// The seller asks, the buyer pays; the seller claims, both renew their purses, all tidy up.
fn pay_and_settle(world: &mut World, office: &mut OfficeSim) -> Result<(), OfficeError> {
    workload::meet(&mut world.env, &mut world.devices, 0, 1);
    world.run_for(office, MEETING_MS)?;
    if let Some(seller) = world.devices.get_mut(0) {
        workload::claim(&mut world.env, seller);
    }
    world.run_for(office, VISIT_MS)?;
    for who in [1, 0] {
        if let Some(device) = world.devices.get_mut(who) {
            workload::sync(&mut world.env, device);
        }
        world.run_for(office, VISIT_MS)?;
    }
    for device in &mut world.devices {
        if !world.env.is_stopped {
            device.compact(&mut world.env);
        }
    }
    if world.env.is_stopped { Ok(()) } else { office.compact(&mut world.env) }
}
