//! What everything in the world shares: the clock, chance, the air, the trace and the facts.

use std::collections::VecDeque;

use onehop_store::SimJournal;
use onehop_store::sim_journal::DiskFault;
use onehop_wire::{UnixSeconds, WalletId};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

use crate::check::Facts;
use crate::counters::Counters;
use crate::faults::{FaultKind, Faults, Variant};
use crate::people::Plans;
use crate::radio::Radio;
use crate::trace::Trace;

/// The calendar when a world begins.
pub const START: UnixSeconds = UnixSeconds(1_800_000_000);

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// What can go wrong; varied from seed to seed.
    pub faults: Faults,
    /// How many wallets there are, 2 to 4.
    pub wallets: usize,
    /// How many acts of people there are before the faults stop.
    pub acts: usize,
    /// Whether the lines of the sequence diagram are kept.
    pub trace: bool,
    /// Whether every wallet is honest.
    pub variant: Variant,
    /// Steps between two audits of the office.
    pub audit_every: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            wallets: 4,
            acts: 60,
            trace: false,
            variant: Variant::Honest,
            audit_every: 2_000,
        }
    }
}

/// A world that is broken on purpose, to see that a checker notices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mutant {
    /// Packets leave before the batch in front of them is written.
    TransmitFirst,
    /// Forced batches are written lazily.
    NoForce,
    /// The office does not force its batches.
    OfficeNoForce,
    /// After a crash the newest forced record is missing.
    ForgetsForced,
    /// The office comes back with the store it had some requests ago.
    OfficeForgets,
    /// Deposits are booked twice behind the office's back.
    CashTwice,
    /// Devices are not started again when the faults stop.
    NobodyReturns,
}

/// A power cut that is due.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// Whose disk: the index of a device, or [`crate::disk::OFFICE`].
    pub(crate) store: usize,
    /// How many operations the disk still does, counted from its first.
    pub(crate) at: u64,
    /// What is found on the disk afterwards; none: all that was written.
    pub(crate) disk: Option<SimJournal>,
}

/// A disk at the moment of a power cut.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) journal: SimJournal,
    /// The last record that was known to be durable.
    pub(crate) forced: u64,
    pub(crate) moves: u64,
}

fn fraction(rng: &mut ChaCha20Rng) -> f64 {
    f64::from(rng.next_u32()) / (f64::from(u32::MAX) + 1.0)
}

/// What everything in the world shares.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) now_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    /// Chance of what was added later, so that the seeds kept as tests go on as they did.
    pub(crate) side: ChaCha20Rng,
    /// Power cuts that are due, the next one first.
    pub(crate) cuts: VecDeque<Cut>,
    /// The disk at the last power cut that was due.
    pub(crate) found: Option<Found>,
    /// Counts what happens: between two counts nothing but a disk changes.
    pub(crate) moves: u64,
    /// People do as they are told: each asks once and says yes.
    pub(crate) is_scripted: bool,
    /// The world stands still: a power cut came after which nothing was to follow.
    pub(crate) is_stopped: bool,
    /// Whether everybody meets once more in the end; none: by chance.
    pub(crate) reunites: Option<bool>,
    /// Operations of the disk that was cut: when its device began to read it back, had read it,
    /// and had said what follows from it.
    pub(crate) recovery: Option<[u64; 3]>,
    pub(crate) faults: Faults,
    /// No further faults: what is broken is mended.
    pub(crate) is_calm: bool,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) radio: Radio,
    pub(crate) plans: Plans,
    pub(crate) trace: Trace,
    pub(crate) counters: Counters,
    pub(crate) facts: Facts,
    /// Numbers orders, so that their ids differ.
    pub(crate) orders: u64,
    /// Cash given to each device's owner, less what was handed out again, in minor units.
    pub(crate) given: Vec<i128>,
    /// The wallet of each device that enrolled.
    pub(crate) wallets: Vec<WalletId>,
}

impl Env {
    /// True if a fault of this kind happens here.
    pub(crate) fn strikes(&mut self, kind: FaultKind) -> bool {
        let drawn = match kind.is_late() {
            false => self.fraction(),
            true => fraction(&mut self.side),
        };
        let strikes = !self.is_calm && drawn < self.faults.probability(kind);
        if strikes {
            self.counters.reach(kind.counter());
        }
        strikes
    }

    /// A number from 0 up to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        fraction(&mut self.rng)
    }

    /// True if the power of `store` goes now that its disk has done so many operations.
    pub(crate) fn is_cut(&self, store: usize, operations: u64) -> bool {
        self.cuts.front().is_some_and(|cut| cut.store == store && operations >= cut.at)
    }

    /// At a power cut that was due: keeps the disk as it is, and puts the one that is found
    /// afterwards in its place.
    pub(crate) fn replace(&mut self, journal: &mut SimJournal, store: usize, forced: u64) -> bool {
        if !self.is_cut(store, journal.operations()) {
            return false;
        }
        let Some(cut) = self.cuts.pop_front() else { return false };
        self.found = Some(Found { journal: journal.clone(), forced, moves: self.moves });
        match cut.disk {
            Some(disk) => *journal = disk,
            None => {
                self.is_stopped = true;
                journal.crash(|_| true);
            }
        }
        if let Some(next) = self.cuts.front().filter(|next| next.store == store) {
            let after = next.at.saturating_sub(journal.operations());
            journal.fail_after(after, DiskFault::Full);
        }
        true
    }

    /// A number from `from` up to `to`, less `to` itself.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.rng.next_u64() % (to - from).max(1)
    }

    /// One of `count` things.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.rng.next_u64() % (count.max(1) as u64)).unwrap_or(0)
    }

    /// 32 random bytes.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }

    /// The calendar as it really is.
    pub(crate) fn today(&self) -> UnixSeconds {
        START.plus(self.now_ms / 1_000)
    }

    pub(crate) fn line(&mut self, from: &str, arrow: &str, to: &str, what: &str) {
        self.trace.line(self.now_ms, from, arrow, to, what);
    }
}
