//! Worlds that are broken around the shipped code: disks, drivers and office stores that lie.
//!
//! What the shipped decisions cannot show, because it is what they stand on, is shown with these:
//! that the checkers notice a world that does not keep its side.

use crate::env::{Mutant, Options};
use crate::world::World;

/// Every broken world by its name.
const ALL: [(&str, Mutant); 7] = [
    ("world-transmits-first", Mutant::TransmitFirst),
    ("world-does-not-force", Mutant::NoForce),
    ("world-office-does-not-force", Mutant::OfficeNoForce),
    ("world-forgets-what-was-forced", Mutant::ForgetsForced),
    ("world-office-forgets", Mutant::OfficeForgets),
    ("world-books-cash-twice", Mutant::CashTwice),
    ("world-nobody-returns", Mutant::NobodyReturns),
];

/// The names of all broken worlds.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.into_iter().map(|(name, _)| name)
}

/// Lives through one seed of the world of this name; the invariants that broke. None: no such world.
#[must_use]
pub fn run(name: &str, seed: u64) -> Option<Vec<&'static str>> {
    let (_, mutant) = ALL.into_iter().find(|(known, _)| *known == name)?;
    let options = Options { acts: 25, ..Options::default() };
    let run = World::with(seed, &options, Some(mutant)).run();
    Some(run.violations.iter().map(|violation| violation.invariant).collect())
}
