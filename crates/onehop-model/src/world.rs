//! One state of a scene: its devices, what is in flight, the office, the date, and what was used of
//! the bounds.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::bundle::{Flight, OFFICE, name_of_all};
use crate::clock::Phase;
use crate::desk::Ledger;
use crate::device::Held;
use crate::facts::Facts;
use crate::flaws::Flaws;
use crate::input::Kept;

/// Most devices of a scene.
pub(crate) const DEVICES_MAX: usize = 3;
/// Most orders of a scene.
pub(crate) const ORDERS_MAX: usize = 4;

/// How often each bounded thing happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Used {
    pub(crate) attempts: [u8; ORDERS_MAX],
    pub(crate) power_cuts: [u8; DEVICES_MAX],
    pub(crate) closes: [u8; DEVICES_MAX],
    pub(crate) duplicates: u8,
    pub(crate) losses: u8,
    pub(crate) late_answers: u8,
    pub(crate) puts_back: u8,
}

/// One state of a scene.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) devices: Vec<Held>,
    pub(crate) air: Vec<Flight>,
    pub(crate) office: Arc<Ledger>,
    pub(crate) phase: Phase,
    pub(crate) facts: Arc<Facts>,
    /// The disk that a dishonest owner kept, to put it back.
    pub(crate) kept: Option<Arc<Kept>>,
    pub(crate) used: Used,
    pub(crate) flaws: Flaws,
    /// Stands for all of the above.
    pub(crate) name: u64,
}

impl World {
    /// Gives the state its name, once nothing of it changes any more.
    pub(crate) fn named(mut self) -> Self {
        self.air.sort_by_key(|flight| flight.name);
        self.air.dedup_by_key(|flight| flight.name);
        let used = &self.used;
        let counts = used.attempts.iter().chain(&used.power_cuts).chain(&used.closes);
        let counts =
            counts.chain([&used.duplicates, &used.losses, &used.late_answers, &used.puts_back]);
        let counts = counts.fold(0u128, |all, count| all << 8 | u128::from(*count));
        let mut parts: Vec<u64> = self.devices.iter().map(|device| device.name).collect();
        parts.push(self.air.len() as u64);
        parts.extend(self.air.iter().map(|flight| flight.name));
        parts.extend([self.office.name, self.phase as u64, self.facts.name]);
        parts.push(self.kept.as_ref().map_or(0, |kept| kept.name));
        parts.extend([counts as u64, (counts >> 64) as u64, u64::from(self.flaws.bits())]);
        self.name = name_of_all(&parts);
        self
    }

    /// Puts words on the air, to whom is there to hear them.
    pub(crate) fn send(&mut self, flights: &[Flight]) {
        for flight in flights {
            let heard = self.devices.get(flight.to).is_some_and(|to| to.in_session(flight.from));
            if heard {
                self.air.push(flight.clone());
            }
        }
    }

    /// What was on its way to `to` from `from` is lost.
    pub(crate) fn cut_off(&mut self, to: usize, from: usize) {
        self.air.retain(|flight| flight.to != to || flight.from != from);
    }

    /// The power went: answers of the office on their way are lost as well.
    pub(crate) fn cut_off_all(&mut self, to: usize) {
        self.air.retain(|flight| flight.to != to);
    }

    pub(crate) fn is_asking_office(&self, device: usize) -> bool {
        self.air.iter().any(|flight| flight.to == device && flight.from == OFFICE)
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for World {}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
