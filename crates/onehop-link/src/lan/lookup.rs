//! The one-hop look-up: small UDP datagrams that no router passes on.
//!
//! A datagram is:
//!
//! | offset | size   | meaning  | values and limits                                    |
//! |--------|--------|----------|------------------------------------------------------|
//! | 0      | 1      | mark     | 0x4F                                                 |
//! | 1      | 1      | version  | 1                                                    |
//! | 2      | 2      | TCP port | big endian, 1..=65,535, at the datagram's source     |
//! | 4      | 0..256 | look-up  | opaque, to the end of the datagram, 256 bytes at most |

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, sync::mpsc, time::MissedTickBehavior};

use super::{Happening, LanConfig};
use crate::link::LOOKUP_MAX;

const MARK: u8 = 0x4F;
const VERSION: u8 = 1;
const HEAD_LEN: usize = 4;
/// Longer datagrams are cut here by the socket and then refused.
const DATAGRAM_BUFFER: usize = HEAD_LEN + LOOKUP_MAX + 1;

/// Look-ups remembered, so as not to report them again at once, and sources counted.
const REMEMBERED_MAX: usize = 256;
const REPORTED_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// A look-up as it was heard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Announcement {
    pub(super) address: SocketAddr,
    pub(super) lookup: Vec<u8>,
}

pub(super) fn encode(port: u16, lookup: &[u8]) -> Vec<u8> {
    let mut datagram = vec![MARK, VERSION];
    datagram.extend_from_slice(&port.to_be_bytes());
    datagram.extend_from_slice(lookup);
    datagram
}

fn decode(datagram: &[u8], source: SocketAddr) -> Option<Announcement> {
    let (&[mark, version, high, low], lookup) = datagram.split_first_chunk::<HEAD_LEN>()?;
    let port = u16::from_be_bytes([high, low]);
    let is_ours = mark == MARK && version == VERSION && port != 0 && lookup.len() <= LOOKUP_MAX;
    let address = SocketAddr::new(source.ip(), port);
    is_ours.then(|| Announcement { address, lookup: lookup.to_vec() })
}

/// Opens the socket that look-ups leave from.
pub(super) fn open_speaker(config: &LanConfig) -> io::Result<UdpSocket> {
    let from = config.interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_broadcast(true)?;
    socket.set_ttl_v4(1)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(true)?;
    socket.set_multicast_if_v4(&from)?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// Opens the socket that look-ups arrive at. Many processes of one device can have it.
pub(super) fn open_ear(config: &LanConfig) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, config.port).into())?;
    let interface = config.interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
    // Without a route there is nothing to join on; broadcasts are heard all the same.
    socket.join_multicast_v4(&config.group, &interface).ok();
    UdpSocket::from_std(socket.into())
}

/// Says `datagram` at once and then every so often, until dropped.
pub(super) async fn speak(socket: UdpSocket, config: LanConfig, datagram: Vec<u8>) {
    let is_loopback = config.interface.is_some_and(|interface| interface.is_loopback());
    let broadcast = if is_loopback { LOOPBACK_BROADCAST } else { Ipv4Addr::BROADCAST };
    let mut ticks = tokio::time::interval(config.announce_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut is_said = false;
        for to in [config.group, broadcast] {
            is_said |= socket.send_to(&datagram, (to, config.port)).await.is_ok();
        }
        // A device without any network still reaches the other processes on it.
        if !is_said && config.interface.is_none() {
            socket.send_to(&datagram, (LOOPBACK_BROADCAST, config.port)).await.ok();
        }
    }
}

const LOOPBACK_BROADCAST: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// Reports what is heard, until dropped.
pub(super) async fn hear(socket: UdpSocket, config: LanConfig, events: mpsc::Sender<Happening>) {
    let only_loopback = config.interface.is_some_and(|interface| interface.is_loopback());
    let mut memory = Memory::new(config.lookups_per_second_max);
    let mut buffer = [0; DATAGRAM_BUFFER];
    loop {
        let Ok((len, source)) = socket.recv_from(&mut buffer).await else {
            // Such errors come one per wrong datagram of ours; pause in case this one stays.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if only_loopback && !source.ip().is_loopback() {
            continue;
        }
        let now = Instant::now();
        if !memory.allows(source.ip(), now) {
            continue;
        }
        let announcement = buffer.get(..len).and_then(|datagram| decode(datagram, source));
        if let Some(announcement) = announcement.filter(|heard| memory.is_new(heard, now)) {
            // When nobody takes events, look-ups are the first to go: they are repeated anyway.
            events.try_send(Happening::Heard(announcement)).ok();
        }
    }
}

/// What was heard lately, and how much from whom.
#[derive(Debug)]
struct Memory {
    per_second: u32,
    heard: BTreeMap<Announcement, Instant>,
    sources: BTreeMap<IpAddr, (Instant, u32)>,
}

impl Memory {
    fn new(per_second: u32) -> Self {
        Self { per_second, heard: BTreeMap::new(), sources: BTreeMap::new() }
    }

    /// Counts a datagram from `source`, and says whether it is within the rate.
    fn allows(&mut self, source: IpAddr, now: Instant) -> bool {
        let second = Duration::from_secs(1);
        if self.sources.len() >= REMEMBERED_MAX && !self.sources.contains_key(&source) {
            self.sources.retain(|_, (since, _)| now.duration_since(*since) < second);
            if self.sources.len() >= REMEMBERED_MAX {
                return false;
            }
        }
        let (since, count) = self.sources.entry(source).or_insert((now, 0));
        if now.duration_since(*since) >= second {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_second
    }

    /// Remembers what was heard, and says whether to report it.
    fn is_new(&mut self, heard: &Announcement, now: Instant) -> bool {
        self.heard.retain(|_, at| now.duration_since(*at) < REPORTED_AGAIN_AFTER);
        if self.heard.contains_key(heard) || self.heard.len() >= REMEMBERED_MAX {
            return false;
        }
        self.heard.insert(heard.clone(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

    #[test]
    fn a_datagram_is_read_as_it_was_written_and_others_are_ignored() {
        let good = encode(513, b"hello");
        assert_eq!(good, [0x4F, 1, 2, 1, b'h', b'e', b'l', b'l', b'o']);
        let address = SocketAddr::new(SOURCE.ip(), 513);
        let expected = Announcement { address, lookup: b"hello".to_vec() };
        assert_eq!(decode(&good, SOURCE), Some(expected));
        let too_long = encode(1, &[0; LOOKUP_MAX + 1]);
        for bad in [&good[..3], &encode(0, b"x"), &too_long, b"", b"\x4F\x02\x01\x01"] {
            assert_eq!(decode(bad, SOURCE), None);
        }
    }

    #[test]
    fn a_source_beyond_its_rate_is_not_heard_until_the_next_second() {
        let mut memory = Memory::new(10);
        let start = Instant::now();
        let heard = (0..100).filter(|_| memory.allows(SOURCE.ip(), start)).count();
        assert_eq!(heard, 10);
        assert!(memory.allows(SOURCE.ip(), start + Duration::from_secs(1)));
    }

    #[test]
    fn memory_of_what_was_heard_is_bounded_and_fades() {
        let mut memory = Memory::new(10);
        let start = Instant::now();
        let announcement =
            |number: u32| Announcement { address: SOURCE, lookup: number.to_be_bytes().to_vec() };
        let new = (0..1_000).filter(|number| memory.is_new(&announcement(*number), start)).count();
        assert_eq!(new, REMEMBERED_MAX);
        assert!(!memory.is_new(&announcement(0), start));
        assert!(memory.is_new(&announcement(0), start + REPORTED_AGAIN_AFTER));
        let sources =
            (0..1_000).filter(|number| memory.allows(Ipv4Addr::from(*number).into(), start));
        assert_eq!(sources.count(), REMEMBERED_MAX);
    }
}
