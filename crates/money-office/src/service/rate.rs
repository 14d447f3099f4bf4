//! How many requests one address may make: more are refused before they reach the office.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Addresses remembered before those that are quiet again are forgotten.
const REMEMBERED_MAX: usize = 10_000;
/// How many seconds' worth of requests may come at once.
const BURST_SECONDS: u32 = 4;

/// A quota for each address.
#[derive(Clone)]
pub(crate) struct Rate {
    limiter: Arc<DefaultKeyedRateLimiter<IpAddr>>,
    clock: DefaultClock,
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("addresses", &self.limiter.len()).finish_non_exhaustive()
    }
}

impl Rate {
    /// `per_second` requests of each address, four times as many at once.
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(BURST_SECONDS_NON_ZERO);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { limiter: Arc::new(RateLimiter::keyed(quota)), clock: DefaultClock::default() }
    }

    /// Counts a request of `from`; if it is one too many, gives the seconds to wait.
    pub(crate) fn check(&self, from: IpAddr) -> Result<(), u64> {
        if self.limiter.len() >= REMEMBERED_MAX {
            self.limiter.retain_recent();
        }
        let refused = |not: governor::NotUntil<_>| {
            // Rounded up, so that whoever waits so long is served.
            not.wait_time_from(self.clock.now()).as_secs().saturating_add(1)
        };
        self.limiter.check_key(&household(from)).map_err(refused)
    }
}

const BURST_SECONDS_NON_ZERO: NonZeroU32 = match NonZeroU32::new(BURST_SECONDS) {
    Some(seconds) => seconds,
    None => NonZeroU32::MIN,
};

/// Whoever has one address of IPv6 has the 2^64 beside it.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_burst_and_its_neighbours_share_it() {
        let rate = Rate::new(NonZeroU32::MIN);
        let [first, same, other] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|text| text.parse::<IpAddr>().unwrap());
        let served = (0..10).filter(|_| rate.check(first).is_ok()).count();
        assert_eq!(served, 4);
        assert!(matches!(rate.check(same), Err(1 | 2)));
        assert_eq!(rate.check(other), Ok(()));
        assert_eq!(household("::ffff:10.0.0.9".parse().unwrap()), IpAddr::from([10, 0, 0, 9]));
    }
}
