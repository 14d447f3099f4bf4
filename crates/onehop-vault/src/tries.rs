//! How many wrong PINs there were, and how long a lock still lasts. Pure.
//!
//! ```text
//! offset  0          4        5        8          12        28           36       44
//!         | "OHT1"   | wrong  | 0 0 0  | left     | boot id | boot       | wall   | check  |
//!         | 4 bytes  | u8     |        | u32 LE s | 16      | u64 LE s   | u64 LE | u32 LE |
//! ```
//!
//! A lock is a number of seconds left, as of a moment that both clocks are noted of. While the
//! machine stays on, only the clock since its start counts. After a new start the time it was off
//! does not count, because nobody can tell how long that was: a clock on the wall can be set.

use crate::clock::{Boot, Clocks};

const MAGIC: &[u8; 4] = b"OHT1";
const BODY_BYTES: usize = 44;

/// How many wrong PINs lock a wallet, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rules {
    /// How many: at least 1.
    pub tries: u8,
    /// For so many seconds.
    pub lock_seconds: u32,
}

impl Default for Rules {
    /// Three, and half an hour.
    fn default() -> Self {
        Self { tries: 3, lock_seconds: 30 * 60 }
    }
}

/// What is known of earlier tries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tries {
    /// Wrong ones since the last right one or lock.
    pub(crate) wrong: u8,
    /// Seconds of a lock that were left at `noted`.
    left: u32,
    noted: Clocks,
}

impl Tries {
    /// None so far.
    pub(crate) const fn none(now: Clocks) -> Self {
        Self { wrong: 0, left: 0, noted: now }
    }

    /// The lock, if it lasts, in seconds from `now`; this is then as of `now`.
    pub(crate) fn lock(&mut self, now: Clocks) -> Option<u32> {
        let passed = passed(self.noted, now);
        self.left = self.left.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        self.noted = now;
        (self.left > 0).then_some(self.left)
    }

    /// Counts a try before it is made, as if it were wrong: a program that is killed meanwhile has
    /// used it up. The last one begins the lock.
    pub(crate) fn count(&mut self, rules: Rules, now: Clocks) {
        self.wrong = self.wrong.saturating_add(1);
        self.noted = now;
        if self.wrong >= rules.tries {
            *self = Self::locked(rules, now);
        }
    }

    /// Locked from now on.
    pub(crate) const fn locked(rules: Rules, now: Clocks) -> Self {
        Self { wrong: 0, left: rules.lock_seconds, noted: now }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let boot = self.noted.boot.unwrap_or(Boot { id: [0; 16], seconds: 0 });
        let mut bytes = MAGIC.to_vec();
        bytes.extend([self.wrong, 0, 0, 0]);
        bytes.extend(self.left.to_le_bytes());
        bytes.extend(boot.id);
        bytes.extend(boot.seconds.to_le_bytes());
        bytes.extend(self.noted.wall.to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, check) = bytes.split_last_chunk::<4>()?;
        let is_whole = u32::from_le_bytes(*check) == crc32fast::hash(body);
        (is_whole && body.len() == BODY_BYTES).then_some(())?;
        let (wrong, rest) = body.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (left, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (seconds, wall) = rest.split_first_chunk()?;
        let boot = Boot { id: *id, seconds: u64::from_le_bytes(*seconds) };
        let wall = u64::from_le_bytes(wall.try_into().ok()?);
        let noted = Clocks { wall, boot: (*id != [0; 16]).then_some(boot) };
        Some(Self { wrong: wrong[0], left: u32::from_le_bytes(*left), noted })
    }
}

/// How many seconds have passed at least, whatever was set meanwhile.
fn passed(noted: Clocks, now: Clocks) -> u64 {
    match (noted.boot, now.boot) {
        (Some(then), Some(now)) if then.id == now.id => now.seconds.saturating_sub(then.seconds),
        (Some(_), Some(now)) => now.seconds,
        // Without such a clock there is only the one on the wall; set back, no time has passed.
        (None, None) => now.wall.saturating_sub(noted.wall),
        (Some(_), None) | (None, Some(_)) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { tries: 3, lock_seconds: 1_800 };

    const fn at(id: u8, seconds: u64, wall: u64) -> Clocks {
        Clocks { wall, boot: Some(Boot { id: [id; 16], seconds }) }
    }

    // [S-17]
    #[test]
    fn the_third_try_locks_before_it_is_made() {
        let now = at(1, 100, 5_000);
        let mut tries = Tries::none(now);
        for wrong in [1, 2] {
            tries.count(RULES, now);
            assert_eq!((tries.wrong, tries.lock(now)), (wrong, None));
        }
        tries.count(RULES, now);
        assert_eq!((tries.wrong, tries.lock(now)), (0, Some(1_800)));
    }

    // [S-17]
    #[test]
    fn setting_the_clock_on_the_wall_changes_nothing_while_the_machine_is_on() {
        for wall in [0, 4_000, 5_000, 1 << 40] {
            let mut tries = Tries::locked(RULES, at(1, 100, 5_000));
            assert_eq!(tries.lock(at(1, 1_000, wall)), Some(900));
            assert_eq!(tries.lock(at(1, 1_899, wall)), Some(1));
            assert_eq!(tries.lock(at(1, 1_900, wall)), None);
        }
    }

    // [S-17]
    #[test]
    fn a_new_start_ends_no_lock_and_time_off_does_not_count() {
        for wall in [0, 5_000, 1 << 40] {
            let mut tries = Tries::locked(RULES, at(1, 100, 5_000));
            assert_eq!(tries.lock(at(1, 700, 5_600)), Some(1_200));
            assert_eq!(tries.lock(at(2, 20, wall)), Some(1_180));
            assert_eq!(tries.lock(at(2, 620, wall)), Some(580));
            // Many starts without a look between do not help either.
            assert_eq!(tries.lock(at(9, 5, wall)), Some(575));
        }
    }

    #[test]
    fn where_there_is_only_a_wall_clock_setting_it_back_never_shortens_a_lock() {
        let wall = |wall| Clocks { wall, boot: None };
        let mut tries = Tries::locked(RULES, wall(5_000));
        assert_eq!(tries.lock(wall(0)), Some(1_800));
        assert_eq!(tries.lock(wall(1_000)), Some(800));
        // Another system's clock is no continuation of it.
        assert_eq!(tries.lock(at(1, 1 << 20, 1 << 40)), Some(800));
    }

    #[test]
    fn tries_read_back_and_any_flip_is_noticed() {
        for noted in [at(7, 1 << 33, 1 << 34), Clocks { wall: 9, boot: None }] {
            let tries = Tries { wrong: 2, left: 77, noted };
            let bytes = tries.to_bytes();
            assert_eq!(Tries::parse(&bytes), Some(tries));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Tries::parse(&flipped), None, "bit {bit}");
            }
        }
    }
}
