//! The clocks by which a lock is measured.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the machine's clocks say at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clocks {
    /// Seconds since 1970 by the clock on the wall, which anybody may set.
    pub wall: u64,
    /// The clock that nobody can set; none where the system has none.
    pub boot: Option<Boot>,
}

/// How long a machine has been on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Boot {
    /// A number that is another one after each start of the machine.
    pub id: [u8; 16],
    /// Seconds since that start, sleep included.
    pub seconds: u64,
}

impl Clocks {
    /// Reads them.
    #[must_use]
    pub fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { wall, boot: boot() }
    }
}

#[cfg(target_os = "linux")]
fn boot() -> Option<Boot> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = parse_id(&text)?;
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Some(Boot { id, seconds: u64::try_from(since.tv_sec).ok()? })
}

#[cfg(not(target_os = "linux"))]
fn boot() -> Option<Boot> {
    None
}

/// The 32 hexadecimal digits of a UUID.
#[cfg(any(target_os = "linux", test))]
fn parse_id(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    (digits.len() == 32).then_some(())?;
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_is_read_and_nonsense_is_none() {
        let id = parse_id("00112233-4455-6677-8899-aabbccddeeff\n").unwrap();
        assert_eq!(id[..3], [0x00, 0x11, 0x22]);
        for text in
            ["", "x", "00112233-4455-6677-8899-aabbccddee", "zz112233-4455-6677-8899-aabbccddeeff"]
        {
            assert_eq!(parse_id(text), None, "{text}");
        }
    }

    #[test]
    fn the_system_clocks_are_there() {
        let clocks = Clocks::now();
        assert!(clocks.wall > 1_700_000_000);
        assert_eq!(clocks.boot.is_some(), cfg!(target_os = "linux"));
    }
}
