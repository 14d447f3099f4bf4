//! The air: connections between devices and frames on their way.

use std::collections::{BTreeMap, BTreeSet};

use onehop_link::link::{LinkEvent, LinkId};

use crate::env::Env;
use crate::faults::FaultKind;

/// The usual MTU, in bytes.
const MTU: usize = 500;
/// MTUs of Bluetooth stacks, in bytes.
const MTUS: [usize; 4] = [23, 64, 185, 517];

#[derive(Clone, Copy, Debug)]
struct Connection {
    /// Who connected, and to whom.
    ends: [usize; 2],
}

/// Everything on its way through the air.
#[derive(Debug, Default)]
pub(crate) struct Radio {
    connections: BTreeMap<LinkId, Connection>,
    /// By time of arrival, then by order of sending.
    flights: BTreeMap<(u64, u64), (usize, LinkEvent)>,
    /// Pairs that cannot hear each other, the lower one first, and until when.
    apart: BTreeMap<(usize, usize), u64>,
    made: u64,
    sent: u64,
}

impl Radio {
    /// When the next thing arrives.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.flights.keys().next().map(|(at, _)| *at)
    }

    /// What arrives at `now` and for which device.
    pub(crate) fn take(&mut self, now: u64) -> Option<(usize, LinkEvent)> {
        let entry = self.flights.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    fn push(&mut self, at: u64, to: usize, event: LinkEvent) {
        self.sent += 1;
        self.flights.insert((at, self.sent), (to, event));
    }

    pub(crate) fn part(&mut self, a: usize, b: usize, until: u64) {
        self.apart.insert((a.min(b), a.max(b)), until);
    }

    /// Ends all partitions.
    pub(crate) fn join(&mut self) {
        self.apart.clear();
    }

    fn are_apart(&self, a: usize, b: usize, now: u64) -> bool {
        self.apart.get(&(a.min(b), a.max(b))).is_some_and(|until| *until > now)
    }

    /// Closes a connection once what was sent on it has arrived; both ends hear of it.
    pub(crate) fn close(&mut self, now: u64, link: LinkId) {
        let flights = self.flights.iter().filter(|(_, (_, event))| is_frame_on(event, link));
        let last = flights.map(|((at, _), _)| *at).max().unwrap_or(now);
        if let Some(connection) = self.connections.remove(&link) {
            for end in connection.ends {
                self.push(last.max(now) + 1, end, LinkEvent::Down { link });
            }
        }
    }

    /// Breaks a connection; what is on its way is lost.
    fn cut(&mut self, now: u64, link: LinkId) {
        self.flights.retain(|_, (_, event)| !is_frame_on(event, link));
        self.close(now, link);
    }

    /// A device is gone, and its connections with it.
    pub(crate) fn gone(&mut self, now: u64, device: usize) {
        let links: BTreeSet<LinkId> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.ends.contains(&device))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            self.cut(now + 50, link);
        }
        self.flights.retain(|_, (to, _)| *to != device);
    }
}

fn is_frame_on(event: &LinkEvent, link: LinkId) -> bool {
    matches!(event, LinkEvent::Frame { link: on, .. } if *on == link)
}

/// Begins to connect `from` to `to`; the result comes as an event.
pub(crate) fn connect(env: &mut Env, from: usize, to: usize, to_is_on: bool) -> LinkId {
    env.radio.made += 1;
    let link = LinkId(env.radio.made);
    let mut mtu = MTU;
    let other = env.pick(MTUS.len());
    if env.strikes(FaultKind::MtuChange) {
        mtu = MTUS.get(other).copied().unwrap_or(MTU);
    }
    let at = env.now_ms + env.between(5, 80);
    if env.radio.are_apart(from, to, env.now_ms) || !to_is_on {
        env.radio.push(at, from, LinkEvent::Down { link });
        return link;
    }
    env.radio.connections.insert(link, Connection { ends: [from, to] });
    env.radio.push(at, from, LinkEvent::Up { link, initiator: true, mtu });
    env.radio.push(at, to, LinkEvent::Up { link, initiator: false, mtu });
    link
}

/// Sends a frame, which may meet any fault on its way.
pub(crate) fn send(env: &mut Env, from: usize, link: LinkId, mut bytes: Vec<u8>) {
    let Some(connection) = env.radio.connections.get(&link).copied() else {
        return;
    };
    let [a, b] = connection.ends;
    let to = if a == from { b } else { a };
    let now = env.now_ms;
    if env.strikes(FaultKind::Disconnect) {
        env.radio.cut(now, link);
        return;
    }
    if env.radio.are_apart(a, b, now) || env.strikes(FaultKind::Loss) {
        return;
    }
    if env.strikes(FaultKind::Corruption) {
        let (at, bit) = (env.pick(bytes.len()), env.pick(8));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }
    let mut at = now + env.between(2, 6);
    if env.strikes(FaultKind::Reordering) {
        at += env.between(5, 60);
    }
    if env.strikes(FaultKind::Delay) {
        at += env.between(500, 5_000);
    }
    if env.strikes(FaultKind::Duplication) {
        let again = at + env.between(0, 100);
        env.radio.push(again, to, LinkEvent::Frame { link, bytes: bytes.clone() });
    }
    env.radio.push(at, to, LinkEvent::Frame { link, bytes });
}
