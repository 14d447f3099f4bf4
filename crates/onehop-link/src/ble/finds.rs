//! The buyer's memory of who was seen: whom to visit, who was heard, whom to leave alone. Pure.

use std::collections::BTreeMap;

use crate::link::PeerRef;

/// Visits that are being begun at once.
const COURTED_MAX: usize = 4;
/// Devices remembered; of those that are not visited, the one seen longest ago goes first.
const REMEMBERED_MAX: usize = 256;
/// How often what was heard is said again, in milliseconds.
const SAY_AGAIN_MS: u64 = 2_000;
/// How long a look-up is said again after its seller was last seen, in milliseconds.
const FRESH_MS: u64 = 10_000;
/// How long a device can be connected to after it was last seen, in milliseconds.
const KEPT_MS: u64 = 120_000;
/// How long a device is left alone after its first failed visit; it doubles, in milliseconds.
const SHUN_MS: u64 = 2_000;
const SHUN_MAX_MS: u64 = 60_000;

/// A look-up to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    /// Whom to connect to.
    pub(super) peer: PeerRef,
    /// What was read.
    pub(super) lookup: Vec<u8>,
}

/// Everybody who was seen. `K` names a device for the stack.
#[derive(Debug)]
pub(super) struct Finds<K> {
    found: BTreeMap<K, Found>,
    made: u64,
}

#[derive(Debug)]
struct Found {
    peer: PeerRef,
    seen_at: u64,
    lookup: Option<Vec<u8>>,
    said_at: u64,
    /// Visits in a row that came to nothing.
    failures: u32,
    shunned_until: u64,
    visit: Visit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    None,
    /// Its look-up is not read yet.
    Begun,
    /// It is connected.
    On,
}

impl<K> Default for Finds<K> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), made: 0 }
    }
}

impl<K: Ord + Clone> Finds<K> {
    /// A device says that it sells. True if it is to be visited: [`Finds::begun`] then.
    pub(super) fn seen(&mut self, now: u64, key: &K) -> bool {
        let courted = self.found.values().filter(|found| found.visit == Visit::Begun).count();
        let found = self.remember(now, key);
        found.seen_at = now;
        found.visit == Visit::None && found.shunned_until <= now && courted < COURTED_MAX
    }

    /// A visit is begun, to read the look-up or to connect.
    pub(super) fn begun(&mut self, now: u64, key: &K) {
        self.remember(now, key).visit = Visit::Begun;
    }

    /// A visit has read a look-up.
    pub(super) fn read(&mut self, now: u64, key: &K, lookup: Vec<u8>) -> Report {
        let found = self.remember(now, key);
        found.visit = Visit::On;
        found.failures = 0;
        found.seen_at = now;
        found.said_at = now;
        found.lookup = Some(lookup.clone());
        Report { peer: found.peer, lookup }
    }

    /// A visit came to nothing: the device is left alone for a while, each time longer.
    pub(super) fn failed(&mut self, now: u64, key: &K) {
        let found = self.remember(now, key);
        found.visit = Visit::None;
        let wait = SHUN_MS << found.failures.min(5);
        found.shunned_until = now.saturating_add(wait.min(SHUN_MAX_MS));
        found.failures = found.failures.saturating_add(1);
    }

    /// A visit is over. The device may be visited again a little later.
    pub(super) fn left(&mut self, now: u64, key: &K) {
        let found = self.remember(now, key);
        found.visit = Visit::None;
        found.shunned_until = now.saturating_add(SHUN_MS);
    }

    /// Look-ups to say again. Forgets who was not seen for long.
    pub(super) fn due(&mut self, now: u64) -> Vec<Report> {
        self.found.retain(|_, found| {
            found.visit != Visit::None || now.saturating_sub(found.seen_at) < KEPT_MS
        });
        let mut reports = Vec::new();
        for found in self.found.values_mut() {
            let is_near = found.visit == Visit::On || now.saturating_sub(found.seen_at) < FRESH_MS;
            let is_due = now.saturating_sub(found.said_at) >= SAY_AGAIN_MS;
            if let Some(lookup) = found.lookup.clone()
                && is_near
                && is_due
                && found.failures == 0
            {
                found.said_at = now;
                reports.push(Report { peer: found.peer, lookup });
            }
        }
        reports
    }

    /// The device of a peer and what it was heard to say.
    pub(super) fn whereabouts(&self, peer: PeerRef) -> Option<(K, Vec<u8>)> {
        let (key, found) = self.found.iter().find(|(_, found)| found.peer == peer)?;
        Some((key.clone(), found.lookup.clone()?))
    }

    /// Everybody may be visited at once.
    pub(super) fn forgive(&mut self) {
        for found in self.found.values_mut() {
            (found.failures, found.shunned_until) = (0, 0);
        }
    }

    fn remember(&mut self, now: u64, key: &K) -> &mut Found {
        if !self.found.contains_key(key) {
            let idle = self.found.iter().filter(|(_, found)| found.visit == Visit::None);
            let oldest = idle.min_by_key(|(_, found)| found.seen_at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest.filter(|_| self.found.len() >= REMEMBERED_MAX) {
                self.found.remove(&oldest);
            }
        }
        let made = &mut self.made;
        self.found.entry(key.clone()).or_insert_with(|| {
            let peer = PeerRef(*made);
            *made += 1;
            Found {
                peer,
                seen_at: now,
                lookup: None,
                said_at: now,
                failures: 0,
                shunned_until: 0,
                visit: Visit::None,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_are_courted_at_once_and_the_others_when_their_turn_comes() {
        let mut finds = Finds::default();
        let begun: Vec<u8> = (0..9)
            .filter(|key| {
                let visit = finds.seen(0, key);
                if visit {
                    finds.begun(0, key);
                }
                visit
            })
            .collect();
        assert_eq!(begun, [0, 1, 2, 3]);
        assert!(!finds.seen(1, &8));
        finds.read(2, &0, b"tea".to_vec());
        assert!(!finds.seen(3, &0) && finds.seen(3, &8));
    }

    #[test]
    fn who_fails_is_left_alone_for_longer_and_longer() {
        let mut finds = Finds::default();
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..8 {
            assert!(finds.seen(now, &1));
            finds.begun(now, &1);
            finds.failed(now, &1);
            let wait = (0..).map(|n| n * 500).find(|wait| finds.seen(now + wait, &1)).unwrap();
            waits.push(wait);
            now += wait;
        }
        assert_eq!(waits, [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
        finds.failed(now, &1);
        finds.forgive();
        assert!(finds.seen(now, &1));
    }

    #[test]
    fn a_look_up_is_said_every_two_seconds_while_its_seller_is_near() {
        let mut finds = Finds::default();
        finds.begun(0, &1);
        let report = finds.read(0, &1, b"tea".to_vec());
        let said = |finds: &mut Finds<i32>, from: u64, to: u64| {
            (from..to).step_by(500).flat_map(|now| finds.due(now)).collect::<Vec<_>>()
        };
        assert_eq!(said(&mut finds, 0, 60_000), vec![report; 29]);
        finds.left(60_000, &1);
        assert_eq!(said(&mut finds, 60_000, 120_000), vec![]);
        assert!(!finds.seen(61_999, &1) && finds.seen(62_000, &1));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_who_is_visited() {
        let mut finds = Finds::default();
        finds.begun(0, &0);
        finds.read(0, &0, b"tea".to_vec());
        (1..5_000).for_each(|key| assert!(finds.seen(key, &key)));
        assert_eq!(finds.found.len(), REMEMBERED_MAX);
        assert_eq!(finds.whereabouts(PeerRef(0)), Some((0, b"tea".to_vec())));
        assert!(finds.whereabouts(PeerRef(4_999)).is_none(), "it was never read");
        assert!(finds.due(1_000_000).len() == 1 && finds.found.len() == 1);
    }
}
