//! Timers and bounds of a wallet, with their units (spec §13).

/// What a wallet may be told to do differently. The defaults are those of the specification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Config {
    /// How long a seller waits for a vote, in milliseconds.
    pub vote_ms: u32,
    /// First pause before an unacknowledged message is sent again, in milliseconds; it doubles.
    pub resend_first_ms: u64,
    /// Longest pause before an unacknowledged message is sent again, in milliseconds.
    pub resend_last_ms: u64,
    /// How long a handshake may take before it is dropped, in milliseconds.
    pub handshake_ms: u64,
    /// Channels open at once; further ones are told that the wallet is busy.
    pub peers_max: usize,
    /// Payments that may be in doubt at once.
    pub in_doubt_max: usize,
    /// Payments that may be in doubt at once with one payee.
    pub in_doubt_per_payee_max: usize,
    /// Least time left to claim a payment for it to be accepted, in seconds.
    pub claim_time_min: u64,
    /// Records after which a compaction is worth its flush.
    pub compact_after: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            vote_ms: 60_000,
            resend_first_ms: 500,
            resend_last_ms: 60_000,
            handshake_ms: 120_000,
            peers_max: 32,
            in_doubt_max: 8,
            in_doubt_per_payee_max: 2,
            claim_time_min: 86_400,
            compact_after: 512,
        }
    }
}

/// Sealed messages that may wait for acknowledgement in one session.
pub(crate) const UNACKED_MAX: usize = 16;
/// Bytes of them that may wait.
pub(crate) const UNACKED_BYTES_MAX: usize = 65_536;
/// Sealed packets that fail to open before the session is ended.
pub(crate) const OPEN_FAILURES_MAX: u32 = 64;
/// Least pause between two resends that a duplicate provokes, in milliseconds.
pub(crate) const ECHO_PAUSE_MS: u64 = 100;
/// Every so many request numbers one is forced, so that numbers never repeat after a crash.
pub(crate) const NUMBER_BLOCK: u64 = 64;
/// Shortest and longest vote deadline that a buyer accepts, in milliseconds.
pub(crate) const VOTE_MS: core::ops::RangeInclusive<u32> = 1_000..=600_000;
/// Questions to the person open at once; one of each payee.
pub(crate) const PROMPTS_MAX: usize = 8;
/// Refusals of one payee that are kept; what it asks beyond that is dropped.
pub(crate) const REFUSALS_PER_PAYEE_MAX: usize = 64;
/// Contradictory messages kept for the office.
pub(crate) const EVIDENCE_MAX: usize = 1_024;
/// Peers whose newest epoch and checkpoint number are remembered.
pub(crate) const SEEN_MAX: usize = 10_000;
/// Heads of other payers that are kept, one of each.
pub(crate) const HEADS_MAX: usize = 256;
/// Fork proofs that are kept to pass on. Whom an older one convicts stays refused.
pub(crate) const PROOFS_MAX: usize = 64;
/// Wallets of which is remembered what they were told.
pub(crate) const TOLD_MAX: usize = 1_024;
/// Heads in one NEWS.
pub(crate) const HEADS_TOLD: usize = 2;
/// Fork proofs in one NEWS.
pub(crate) const PROOFS_TOLD: usize = 1;
/// Office keys in one NEWS, the newest.
pub(crate) const KEYS_TOLD: usize = 4;
/// Revocation deltas in one NEWS to a wallet that has not shown which list it has.
pub(crate) const DELTAS_BLIND: usize = 8;
