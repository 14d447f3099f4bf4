//! When two signatures of one payer contradict each other (spec §8.1).
//!
//! The rules look at bodies only; the caller has verified the signatures. An honest wallet, whose
//! `seq`, head and `cum_out` never go back, cannot produce a pair that these rules catch.

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::Sync;
use onehop_wire::{Agreed, Hash};

/// The rule that two entries break.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ForkKind {
    /// Two different entries with one number.
    SameSeq,
    /// Two different entries after one head.
    SamePrev,
    /// The later entry's `cum_out` leaves no room for the earlier one.
    Gap,
    /// An entry beyond the one that a SYNC named as the last.
    AfterClose,
}

impl ForkKind {
    /// The rule in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SameSeq => "two different entries have the same number",
            Self::SamePrev => "two different entries follow the same head",
            Self::Gap => "the later entry's total leaves out the earlier one",
            Self::AfterClose => "an entry contradicts the sync that closed its checkpoint",
        }
    }
}

/// The rule that entries `a` and `b`, each with its hash, break together; none for honest pairs.
///
/// Entries of different checkpoints never contradict each other.
#[must_use]
pub fn contradiction(a: (&Agreed, Hash), b: (&Agreed, Hash)) -> Option<ForkKind> {
    let ((a, a_hash), (b, b_hash)) = (a, b);
    if a.checkpoint != b.checkpoint || a_hash == b_hash {
        return None;
    }
    if a.seq == b.seq && !mutant::is(Mutant::SameSeqRuleOff) {
        return Some(ForkKind::SameSeq);
    }
    if a.prev == b.prev && !mutant::is(Mutant::SamePrevRuleOff) {
        return Some(ForkKind::SamePrev);
    }
    let (low, high) = if a.seq < b.seq { (a, b) } else { (b, a) };
    let least = u128::from(low.cum_out).saturating_add(u128::from(high.amount));
    let is_left_out = u128::from(high.cum_out) < least;
    (is_left_out && !mutant::is(Mutant::GapRuleOff)).then_some(ForkKind::Gap)
}

/// The rule that an entry breaks against the SYNC that closed its checkpoint.
#[must_use]
pub fn contradicts_close(entry: (&Agreed, Hash), sync: &Sync) -> Option<ForkKind> {
    let (agreed, hash) = entry;
    if agreed.checkpoint != sync.checkpoint || mutant::is(Mutant::CloseRuleOff) {
        return None;
    }
    let beyond = agreed.seq > sync.seq;
    let other_head = agreed.seq == sync.seq && hash != sync.head;
    let over = agreed.seq < sync.seq && agreed.cum_out >= sync.cum_out;
    (beyond || other_head || over).then_some(ForkKind::AfterClose)
}
