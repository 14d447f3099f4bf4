//! The clock of a scene: a few dates, in order, and two durations.

use onehop_wire::{Now, UnixSeconds};

use crate::setup::START;

/// When votes and questions to a person are out of date, on a monotonic clock begun anew.
pub(crate) const DEADLINE_MS: u64 = 60_000;
/// When a payment in doubt is asked about again.
pub(crate) const PROBE_MS: u64 = 4_000;

const DAY: u64 = 86_400;

/// How late it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// The purses of the beginning are open.
    Early,
    /// They have expired.
    Expired,
    /// Their claim window is over.
    Unclaimable,
    /// And the time of grace.
    Voidable,
    /// Every purse that was ever issued in the scene is past all that.
    Late,
}

impl Phase {
    /// The calendar.
    pub(crate) const fn today(self) -> UnixSeconds {
        let days = match self {
            Self::Early => 0,
            Self::Expired => 8,
            Self::Unclaimable => 21,
            Self::Voidable => 23,
            Self::Late => 90,
        };
        START.plus(days * DAY + 60)
    }

    /// The clocks of a device after `mono_ms` of its own.
    pub(crate) const fn now(self, mono_ms: u64) -> Now {
        Now { mono_ms, unix: self.today() }
    }
}
