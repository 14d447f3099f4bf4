//! Two clocks. Deadlines between devices are durations on the monotonic one; dates that the
//! office wrote are seconds of the calendar.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub struct UnixSeconds(pub u64);

impl UnixSeconds {
    /// This date and `seconds` later, or the last representable one.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl core::fmt::Display for UnixSeconds {
    /// Writes the date as `YYYY-MM-DDThh:mm:ssZ` (RFC 3339).
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (year, month, day) = civil_from_days(self.0.checked_div(86_400).unwrap_or(0));
        let second = self.0.checked_rem(86_400).unwrap_or(0);
        let (h, m, s) = (second / 3_600, (second / 60) % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
    }
}

/// The Gregorian date of a day number, after Hinnant's `civil_from_days` with 1970-01-01 as 0.
#[expect(clippy::arithmetic_side_effects, reason = "all terms are bounded by u64::MAX / 86400")]
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// What a device's clocks say at one input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Now {
    /// Milliseconds of a clock that never goes back while the program runs.
    pub mono_ms: u64,
    /// The calendar as the device believes it; it may be wrong.
    pub unix: UnixSeconds,
}
