//! What must always hold: one checker for each invariant of spec §11, each with its name.
//!
//! Most checkers read `Facts`: what devices have on disk and what left them. Facts only grow; a
//! crash takes none back, for what was forced or said stays said.

pub(crate) mod authority;
pub(crate) mod chain;
pub(crate) mod conservation;
pub(crate) mod contradiction;
pub(crate) mod credit;
pub(crate) mod deadline;
pub(crate) mod durability;
pub(crate) mod facts;
pub(crate) mod force;
pub(crate) mod forks;
pub(crate) mod frozen;
pub(crate) mod gain;
pub(crate) mod judged;
pub(crate) mod liveness;
pub(crate) mod loss;
pub(crate) mod prepared;
pub(crate) mod released;
pub(crate) mod replays;
pub(crate) mod voided;

pub(crate) use facts::{Facts, Payment};

/// Money is neither made nor lost in all wallets together.
pub const C1: &str = "C1 conservation";
/// Money is neither made nor lost in the office's books.
pub const OFFICE_C1: &str = "office C1 conservation";
/// Atomicity in the one direction.
pub const I1: &str = "I1 never both gain";
/// Atomicity in the other.
pub const I2: &str = "I2 never both lose";
/// The order of the two phases.
pub const I3: &str = "I3 prepared before committed";
/// A payment counts once.
pub const I4: &str = "I4 credited once";
/// Nobody honest contradicts itself.
pub const I5: &str = "I5 no honest contradiction";
/// Nobody honest is blamed, by anybody, for what it signed.
pub const JUDGED: &str = "office I5 the judge names nobody honest";
/// The office says one thing of a payment.
pub const I6: &str = "office I6 never pays what it voided";
/// PAID and a release exclude each other.
pub const I7: &str = "office I7 paid implies not released";
/// The spend chain grows only.
pub const I8: &str = "I8 chain never goes back";
/// VOID has a ground.
pub const I9: &str = "office I9 void implies deadline or ABORT";
/// Wallets move money on two certified signatures only.
pub const I10: &str = "I10 both signed";
/// The office pays on two signatures only.
pub const OFFICE_I10: &str = "office I10 both signed";
/// The barrier between disk and air.
pub const I11: &str = "I11 nothing leaves before its force";
/// Liveness.
pub const I12: &str = "I12 everything settles";
/// Liveness at the counter: no honest request is refused.
pub const I12_ANSWERED: &str = "I12 the office answers honest wallets";
/// Packets replayed.
pub const I13: &str = "I13 replays";
/// Requests replayed.
pub const OFFICE_I13: &str = "office I13 replays";
/// Honest wallets find no proof against each other.
pub const I14: &str = "I14 honest history leaves no proof";
/// The office finds a proof of every overspend whose halves it knows.
pub const OFFICE_I14_PROOF: &str = "office I14 overspend leaves a proof";
/// The office convicts and freezes nobody honest.
pub const OFFICE_I14_HONEST: &str = "office I14 no honest wallet convicted";
/// What was forced is there after a crash.
pub const DURABILITY: &str = "durability";
/// The same at the office.
pub const OFFICE_DURABILITY: &str = "office durability";
/// The office answers only what it has written.
pub const OFFICE_I11: &str = "office I11 nothing leaves before its force";
/// A frozen wallet signs nothing (spec S-7).
pub const FROZEN: &str = "S7 frozen signs nothing";
/// A store that opens empty is refused (spec S-6).
pub const EMPTY: &str = "S6 an empty store is refused";
/// A log that is whole makes a wallet again.
pub const RECOVERY: &str = "recovery";

/// Every checker by its name; those that begin with `office` hold whatever wallets do.
pub const ALL: [&str; 28] = [
    C1,
    OFFICE_C1,
    I1,
    I2,
    I3,
    I4,
    I5,
    JUDGED,
    I6,
    I7,
    I8,
    I9,
    I10,
    OFFICE_I10,
    I11,
    I12,
    I12_ANSWERED,
    I13,
    OFFICE_I13,
    I14,
    OFFICE_I14_PROOF,
    OFFICE_I14_HONEST,
    DURABILITY,
    OFFICE_DURABILITY,
    OFFICE_I11,
    FROZEN,
    EMPTY,
    RECOVERY,
];

/// An invariant that did not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The invariant: one of [`ALL`], or what kept the world from running.
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
