//! What must always hold: one checker for each invariant, each with its name.
//!
//! Most checkers read `Facts`: what devices have on disk and what left them. Facts only grow; a
//! crash takes none back, for what was forced or said stays said.

mod facts;

pub(crate) mod atomicity;
pub(crate) mod conservation;
pub(crate) mod contradiction;
pub(crate) mod credit;
pub(crate) mod liveness;
pub(crate) mod order;
pub(crate) mod outcome;

pub(crate) use facts::{Facts, Payment};

/// An invariant that did not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The invariant.
    pub invariant: &'static str,
    /// What was found.
    pub what: String,
    /// When, in milliseconds of virtual time.
    pub at_ms: u64,
}

impl Violation {
    /// True if only the office can keep this invariant when a wallet is not honest.
    #[must_use]
    pub fn is_of_office(&self) -> bool {
        self.invariant.starts_with("office")
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} ms: {}", self.invariant, self.at_ms, self.what)
    }
}
