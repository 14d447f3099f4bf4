//! What a scene consists of, and what bounds it.

use crate::clock::Phase;
use crate::promises::Promise;

/// How large a scene is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// Seconds in all: for the unit tests and the mutants.
    Tiny,
    /// A few minutes in all: for each run of the checks.
    Short,
    /// As long as the night.
    Night,
}

/// A payment that somebody means to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) seller: usize,
    pub(crate) buyer: usize,
    pub(crate) amount: u64,
}

/// How often what is not endless by itself may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Power cuts of each device.
    pub(crate) power_cuts: u8,
    /// Messages that arrive twice, in all.
    pub(crate) duplicates: u8,
    /// Sessions that end under what is in flight, in all, besides those that power cuts end.
    pub(crate) losses: u8,
    /// Requests of one order.
    pub(crate) attempts: u8,
    /// SYNCs of each device.
    pub(crate) closes: u8,
    /// Answers of the office that come late or never; all others come at once.
    pub(crate) late_answers: u8,
    /// Times that a dishonest owner puts the disk back.
    pub(crate) puts_back: u8,
}

/// What a property has to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expect {
    /// It holds in every state.
    Always,
    /// It is seen in some state: the scene reaches what it is about.
    Sometimes,
    /// It is broken in some state: somebody is dishonest, and it is local.
    Broken,
}

/// A scene.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// What it is about, in one sentence.
    pub(crate) about: &'static str,
    /// Names and purses of the devices.
    pub(crate) purses: Vec<(&'static str, u64)>,
    pub(crate) orders: Vec<Order>,
    pub(crate) bounds: Bounds,
    /// Whether devices go to the office.
    pub(crate) has_office: bool,
    /// How late it gets, step by step.
    pub(crate) phases: Vec<Phase>,
    /// Whether sessions live on while it gets late.
    pub(crate) sessions_last: bool,
    /// Whether timers fire.
    pub(crate) has_timers: bool,
    /// Whether people withdraw requests and say no.
    pub(crate) declines: bool,
    /// Whether devices store snapshots and prune.
    pub(crate) prunes: bool,
    /// Whose owner puts the disk back.
    pub(crate) dishonest: Option<usize>,
    /// Whether the copy that is put back is the disk of the beginning; else it is made at any time
    /// at which something was received.
    pub(crate) keeps_first: bool,
    pub(crate) promises: Vec<(Promise, Expect)>,
}

impl Scene {
    /// Pairs that meet: buyer and seller.
    pub(crate) fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs: Vec<_> =
            self.orders.iter().map(|order| (order.buyer, order.seller)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// What comes after this date.
    pub(crate) fn later(&self, phase: Phase) -> Option<Phase> {
        self.phases.iter().copied().find(|later| *later > phase)
    }

    /// The bounds in words.
    pub(crate) fn bounds_in_words(&self) -> String {
        let bounds = self.bounds;
        let Bounds { power_cuts, duplicates, losses, attempts, .. } = bounds;
        let mut words = format!(
            "{} devices, {} orders of at most {attempts} requests, {power_cuts} power cuts a device, \
             {duplicates} duplicates, {losses} lost sessions, any order of delivery",
            self.purses.len(),
            self.orders.len(),
        );
        if self.has_office {
            words.push_str(&format!(
                ", {} SYNCs a device, {} late answers, dates {:?}",
                bounds.closes, bounds.late_answers, self.phases
            ));
        }
        if self.dishonest.is_some() {
            words.push_str(&format!(", a disk put back {} times", bounds.puts_back));
        }
        words
    }
}
