//! What a single step can show to be broken; a state carries it on, so that a property sees it.

use core::fmt;

/// A set of broken promises.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Flaws(u32);

impl Flaws {
    /// Words left before what they bind was forced.
    pub(crate) const BARRIER: Self = Self(1);
    /// The live state is not what the log says, or the log cannot be recovered, or recovering it
    /// once more gives something else.
    pub(crate) const RECOVERY: Self = Self(1 << 1);
    /// A record was written because of a statement whose signature does not verify.
    pub(crate) const FORGERY: Self = Self(1 << 2);
    /// The same message again wrote a record, or was answered with other words.
    pub(crate) const REPLAY: Self = Self(1 << 3);
    /// An honest peer was blamed.
    pub(crate) const BLAME: Self = Self(1 << 4);
    /// A payment was credited twice.
    pub(crate) const CREDIT: Self = Self(1 << 5);
    /// The wallet's own assertions failed.
    pub(crate) const PANIC: Self = Self(1 << 6);
    /// The office answered the same request with other bytes, or changed something on it.
    pub(crate) const OFFICE_REPLAY: Self = Self(1 << 7);
    /// The office's books do not balance by its own audit.
    pub(crate) const AUDIT: Self = Self(1 << 8);
    /// VOID before its time, without a waiver.
    pub(crate) const EARLY_VOID: Self = Self(1 << 9);
    /// A RESOLVE was signed after COMMITTED.
    pub(crate) const RESOLVE: Self = Self(1 << 10);
    /// An honest wallet's own statement was refused by the office.
    pub(crate) const REFUSED: Self = Self(1 << 11);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn add_if(&mut self, is_so: bool, other: Self) {
        if is_so {
            self.add(other);
        }
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Flaws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
