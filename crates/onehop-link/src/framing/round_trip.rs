//! How long to wait for an acknowledgement: RFC 6298, in milliseconds.

const FIRST_MS: u64 = 1_000;
/// More than the peer may hold an acknowledgement back, and some.
const LEAST_MS: u64 = 300;
const MOST_MS: u64 = 4_000;
/// Waits without progress after which the connection is taken for dead: 12 to 23 seconds.
const STALLED_AFTER: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    smoothed: Option<Smoothed>,
    waits: u32,
}

#[derive(Debug, Clone, Copy)]
struct Smoothed {
    mean_ms: u64,
    deviation_ms: u64,
}

impl RoundTrip {
    /// Notes that something was acknowledged, after `sample` milliseconds if it was sent once.
    pub(super) fn progressed(&mut self, sample: Option<u64>) {
        self.waits = 0;
        let Some(sample) = sample else { return };
        self.smoothed = Some(match self.smoothed {
            None => Smoothed { mean_ms: sample, deviation_ms: sample / 2 },
            Some(Smoothed { mean_ms, deviation_ms }) => Smoothed {
                mean_ms: (7 * mean_ms + sample) / 8,
                deviation_ms: (3 * deviation_ms + mean_ms.abs_diff(sample)) / 4,
            },
        });
    }

    /// Notes that a wait was in vain.
    pub(super) fn back_off(&mut self) {
        self.waits = self.waits.saturating_add(1);
    }

    pub(super) fn timeout_ms(&self) -> u64 {
        let base = self.smoothed.map_or(FIRST_MS, |smoothed| {
            smoothed.mean_ms.saturating_add(smoothed.deviation_ms.saturating_mul(4))
        });
        let doubled = base.clamp(LEAST_MS, MOST_MS) << self.waits.min(4);
        doubled.min(MOST_MS)
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.waits >= STALLED_AFTER
    }
}
