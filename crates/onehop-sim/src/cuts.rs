//! Every power cut of one payment and its settlement, on both devices and at the office.
//!
//! The payment is played once without a cut; that gives the disk operations of each store. Then
//! the power goes right after each of them, and every disk that this can leave is read back: with
//! each sector torn off and with every subset of the writes that were not durable. While it is read
//! back the power goes again, at each operation and in all those ways. What was forced must be
//! there each time. From every disk that differs the world runs on without faults: all invariants
//! are checked, everything settles, and the books are exact.
//!
//! Disks are taken for the same only if all bytes of them are that can still be read, at the same
//! moment of the same run.

mod disks;
mod play;

use std::collections::{BTreeMap, BTreeSet};

use onehop_store::{Journal as _, SimJournal};

use crate::disk::OFFICE;
use crate::env::{Cut, Found, Mutant};
use disks::{Subsets, left_by};
use play::{Played, play};

/// The stores whose power is cut: their names and numbers.
const STORES: [(&str, usize); 3] = [("seller", 0), ("buyer", 1), ("office", OFFICE)];

/// What the cuts of one store came to.
#[derive(Clone, Debug, Default)]
pub struct StoreReport {
    /// `seller`, `buyer` or `office`.
    pub name: &'static str,
    /// Disk operations of the payment and its settlement.
    pub operations: u64,
    /// Those right after which the power was cut.
    pub covered: u64,
    /// Disk operations of all recoveries from disks that differ.
    pub recovery_operations: u64,
    /// Those right after which the power was cut again.
    pub recovery_covered: u64,
    /// Ways in which a cut was tried: an operation and a choice of what arrives.
    pub cases: u64,
    /// Disks that differ, read back and checked.
    pub disks: u64,
    /// Worlds that ran on from one of them to the end.
    pub lived: u64,
    /// What did not hold.
    pub failures: Vec<String>,
}

/// Cuts the power of each store in every way; `each` is shown what that came to.
pub fn run(mut each: impl FnMut(StoreReport)) {
    for (name, store) in STORES {
        each(Search::new(name, store, None).run());
    }
}

/// The same for one store of a world that is broken on purpose.
#[cfg(test)]
pub(crate) fn run_broken(store: usize, mutant: Mutant) -> StoreReport {
    Search::new(STORES[store].0, STORES[store].1, Some(mutant)).run()
}

/// The search through the cuts of one store.
struct Search {
    store: usize,
    mutant: Option<Mutant>,
    report: StoreReport,
    /// Moments and disks from which the world has run on.
    lived: BTreeSet<(u64, Vec<u8>)>,
}

/// A disk that was read back: what it holds then, and what it was before.
type Recovered = BTreeMap<Vec<u8>, SimJournal>;

impl Search {
    fn new(name: &'static str, store: usize, mutant: Option<Mutant>) -> Self {
        let report = StoreReport { name, ..StoreReport::default() };
        Self { store, mutant, report, lived: BTreeSet::new() }
    }

    /// A search that has found enough in a world that is broken on purpose.
    fn is_done(&self) -> bool {
        let is_found = |failure: &String| failure.contains("records are left of");
        self.mutant.is_some() && self.report.failures.iter().any(is_found)
    }

    fn run(mut self) -> StoreReport {
        let base = play(self.mutant, Vec::new(), None);
        self.blame("no cut", &base);
        let Some([from, to]) = base.operations.get(&self.store).copied() else {
            return self.report;
        };
        self.report.operations = to - from;
        for at in from + 1..=to {
            if self.is_done() {
                break;
            }
            let first = Cut { store: self.store, at, disk: None };
            let Some(found) = play(self.mutant, vec![first.clone()], None).found else { continue };
            self.report.covered += 1;
            let recovered = self.read_back(&found, &format!("operation {}", at - from));
            for (image, disk) in recovered {
                if self.lived.insert((found.moves, image)) {
                    let cut = Cut { disk: Some(disk), ..first.clone() };
                    self.live_on(&cut, &format!("operation {}", at - from));
                }
            }
        }
        self.report
    }

    /// Everything that can be on the disk once it was read back, with the power going once more
    /// at any operation of that. What was forced must be there.
    fn read_back(&mut self, found: &Found, what: &str) -> Recovered {
        let (mut recovered, mut seen) = (Recovered::new(), BTreeSet::new());
        let first = left_by(&found.journal, &mut seen, &mut self.report.cases, Subsets::OfSectors);
        for disk in first {
            let Some(operations) = self.check(&disk, found.forced, &mut recovered, what) else {
                continue;
            };
            self.report.recovery_operations += operations;
            for after in 1..=operations {
                let mut again = disk.clone();
                again.fail_after(after, onehop_store::sim_journal::DiskFault::Full);
                // Power goes right after this operation, whether reading has ended with it or not.
                let _is_read = again.load().is_ok();
                self.report.recovery_covered +=
                    u64::from(again.operations() >= disk.operations() + after);
                for disk in left_by(&again, &mut seen, &mut self.report.cases, Subsets::OfWrites) {
                    self.check(&disk, found.forced, &mut recovered, what);
                }
            }
        }
        recovered
    }

    /// Reads one disk back; how many operations that took.
    fn check(
        &mut self,
        disk: &SimJournal,
        forced: u64,
        recovered: &mut Recovered,
        what: &str,
    ) -> Option<u64> {
        self.report.disks += 1;
        let mut read = disk.clone();
        match read.load() {
            Ok(loaded) if loaded.next().0 > forced => {
                let reachable = read.reachable().unwrap_or_else(|| read.image());
                recovered.entry(reachable).or_insert_with(|| disk.clone());
                Some(read.operations() - disk.operations())
            }
            Ok(loaded) => {
                let last = loaded.next().0 - 1;
                self.fail(format!("{what}: {last} records are left of {forced}"));
                None
            }
            Err(error) => {
                self.fail(format!("{what}: {error}"));
                None
            }
        }
    }

    /// Runs on from a disk, with and without a last meeting, and cuts the power again wherever the
    /// device writes before it has come back.
    fn live_on(&mut self, cut: &Cut, what: &str) {
        let played = self.live(vec![cut.clone()], what);
        let Some([_, read, done]) = played.recovery else { return };
        self.report.recovery_operations += done - read;
        for at in read + 1..=done {
            let second = Cut { store: self.store, at, disk: None };
            let cuts = vec![cut.clone(), second.clone()];
            let Some(found) = play(self.mutant, cuts, None).found else { continue };
            self.report.recovery_covered += 1;
            let what = format!("{what}, then operation {} of the recovery", at - read);
            let (mut recovered, mut seen) = (Recovered::new(), BTreeSet::new());
            for disk in
                left_by(&found.journal, &mut seen, &mut self.report.cases, Subsets::OfSectors)
            {
                self.check(&disk, found.forced, &mut recovered, &what);
            }
            for disk in recovered.into_values() {
                let second = Cut { disk: Some(disk), ..second.clone() };
                self.live(vec![cut.clone(), second], &what);
            }
        }
    }

    fn live(&mut self, cuts: Vec<Cut>, what: &str) -> Played {
        let played = play(self.mutant, cuts.clone(), Some(true));
        self.blame(what, &played);
        let parted = play(self.mutant, cuts, Some(false));
        self.blame(what, &parted);
        self.report.lived += 2;
        played
    }

    fn blame(&mut self, what: &str, played: &Played) {
        for violation in &played.violations {
            self.fail(format!("{what}: {violation}"));
        }
    }

    fn fail(&mut self, what: String) {
        self.report.failures.push(format!("{}, {what}", self.report.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payment_without_a_cut_settles_in_both_endings() {
        for ending in [true, false] {
            let played = play(None, Vec::new(), Some(ending));
            assert_eq!(played.violations, []);
            assert!(played.operations.values().all(|[from, to]| to > from));
        }
    }

    #[test]
    fn a_device_that_skips_the_barrier_is_caught() {
        let failures = run_broken(0, Mutant::NoForce).failures;
        assert!(failures.iter().any(|failure| failure.contains("records are left of")));
    }

    #[test]
    fn an_office_that_skips_the_barrier_is_caught() {
        let failures = run_broken(2, Mutant::OfficeNoForce).failures;
        assert!(failures.iter().any(|failure| failure.contains("records are left of")));
    }
}
