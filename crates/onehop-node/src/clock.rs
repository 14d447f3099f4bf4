//! The two clocks of a device: the only place that reads them, beside the office.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use onehop_wire::{Now, UnixSeconds};
use tokio::time::Instant;

/// A monotonic clock that starts at 0, and the calendar beside it.
///
/// It follows the clock of the runtime, so that tests may pause it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        let mono_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A calendar before 1970 is wrong in any case; what the office signed is later.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms, unix: UnixSeconds(unix.as_secs()) }
    }

    /// When the monotonic clock says `mono_ms`.
    pub(crate) fn at(&self, mono_ms: u64) -> Option<Instant> {
        self.start.checked_add(Duration::from_millis(mono_ms))
    }
}
