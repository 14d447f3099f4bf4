//! A link over one segment of an IPv4 network, or over loopback between processes.
//!
//! A look-up goes out as a UDP datagram with a time to live of 1, by multicast and by broadcast,
//! and says at which TCP port its sender takes connections. `lan/lookup.rs` has the bytes of the
//! datagram, `lan/connection.rs` those on TCP. Nothing is sent or heard, and no port is open, until
//! [`announce`](Link::announce) or [`listen`](Link::listen) is called.
//!
//! With no `interface` given, the operating system chooses one: a device with several should give
//! it. With a loopback address all stays on the device.

mod connection;
mod lookup;

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use crate::{
    framing::FRAME_MAX,
    link::{LOOKUP_MAX, Link, LinkError, LinkEvent, LinkId, PeerRef},
    task::Task,
};
use lookup::Announcement;

/// The UDP port for look-ups, unless another is agreed on.
pub const DEFAULT_PORT: u16 = 47_811;
/// The multicast group for look-ups, unless another is agreed on: one of the local scope.
pub const DEFAULT_GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 47, 80);

/// Peers that can be connected to, at most; the one heard longest ago goes first.
const PEERS_MAX: usize = 256;
/// How long a peer can be connected to after it was last heard.
const PEER_KEPT: Duration = Duration::from_secs(120);
/// Events that wait to be received, at most: 350 KiB of frames.
const EVENTS_MAX: usize = 256;

/// Where a LAN link speaks and listens, and how patient it is.
#[derive(Debug, Clone, Copy)]
pub struct LanConfig {
    /// The UDP port for look-ups.
    pub port: u16,
    /// The multicast group for look-ups.
    pub group: Ipv4Addr,
    /// The address of the interface to use, or `None` to leave the choice to the system.
    pub interface: Option<Ipv4Addr>,
    /// The time between two look-ups.
    pub announce_every: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a peer that connected may take to its first frame.
    pub first_frame_timeout: Duration,
    /// How long a frame may take to arrive once it has begun.
    pub frame_timeout: Duration,
    /// How long a frame may take to be written, and a queue of them to move.
    pub write_timeout: Duration,
    /// Connections at once, at most; further ones are refused.
    pub connections_max: usize,
    /// Look-ups heard from one source in a second, at most.
    pub lookups_per_second_max: u32,
}

impl Default for LanConfig {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            group: DEFAULT_GROUP,
            interface: None,
            announce_every: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(5),
            first_frame_timeout: Duration::from_secs(10),
            frame_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(5),
            connections_max: 64,
            lookups_per_second_max: 64,
        }
    }
}

/// A [`Link`] over UDP and TCP. Dropping it closes everything.
///
/// Its methods have to be called within a tokio runtime with I/O and time.
#[derive(Debug)]
pub struct LanLink {
    config: LanConfig,
    events: mpsc::Receiver<Happening>,
    /// Given to tasks. Held here also, so that `events` never ends.
    sender: mpsc::Sender<Happening>,
    listener: Option<Task>,
    announcer: Option<Announcer>,
    connections: BTreeMap<LinkId, Connection>,
    links_made: u64,
    peers: BTreeMap<PeerRef, Peer>,
    peers_made: u64,
}

/// What a task has to tell.
#[derive(Debug)]
enum Happening {
    Heard(Announcement),
    Accepted(TcpStream),
    Connected(LinkId),
    Frame(LinkId, Vec<u8>),
    Ended(LinkId),
}

#[derive(Debug)]
struct Announcer {
    port: u16,
    lookup: Vec<u8>,
    _accepting: Task,
    _speaking: Task,
}

#[derive(Debug)]
struct Connection {
    /// `None` once closed from here: what waits is still written.
    frames: Option<mpsc::Sender<Vec<u8>>>,
    _carrying: Task,
}

#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    heard_at: Instant,
}

impl LanLink {
    /// Makes a link that is silent and deaf.
    pub fn new(config: LanConfig) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        Self {
            config,
            events,
            sender,
            listener: None,
            announcer: None,
            connections: BTreeMap::new(),
            links_made: 0,
            peers: BTreeMap::new(),
            peers_made: 0,
        }
    }

    fn take(&mut self, happening: Happening) -> Option<LinkEvent> {
        match happening {
            Happening::Heard(announcement) => self.heard(announcement),
            Happening::Accepted(stream) => {
                let first_within = Some(self.config.first_frame_timeout);
                let (config, events) = (self.config, self.sender.clone());
                let link = self.add_connection(|link, frames| {
                    connection::carry(link, stream, first_within, config, frames, events)
                })?;
                Some(LinkEvent::Up { link, initiator: false, mtu: FRAME_MAX })
            }
            Happening::Connected(link) => {
                let is_open = self.connections.get(&link).is_some_and(|it| it.frames.is_some());
                is_open.then_some(LinkEvent::Up { link, initiator: true, mtu: FRAME_MAX })
            }
            Happening::Frame(link, bytes) => {
                let is_open = self.connections.get(&link).is_some_and(|it| it.frames.is_some());
                is_open.then_some(LinkEvent::Frame { link, bytes })
            }
            Happening::Ended(link) => {
                self.connections.remove(&link).map(|_| LinkEvent::Down { link })
            }
        }
    }

    fn heard(&mut self, announcement: Announcement) -> Option<LinkEvent> {
        let Announcement { address, lookup } = announcement;
        let is_own = self
            .announcer
            .as_ref()
            .is_some_and(|own| own.port == address.port() && own.lookup == lookup);
        if is_own || self.listener.is_none() {
            return None;
        }
        let heard_at = Instant::now();
        self.peers.retain(|_, peer| heard_at.duration_since(peer.heard_at) < PEER_KEPT);
        let known = self.peers.iter_mut().find(|(_, peer)| peer.address == address);
        if let Some((&reference, peer)) = known {
            peer.heard_at = heard_at;
            return Some(LinkEvent::Heard { peer: reference, lookup });
        }
        if self.peers.len() >= PEERS_MAX {
            let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.heard_at);
            if let Some((&oldest, _)) = oldest {
                self.peers.remove(&oldest);
            }
        }
        let peer = PeerRef(self.peers_made);
        self.peers_made += 1;
        self.peers.insert(peer, Peer { address, heard_at });
        Some(LinkEvent::Heard { peer, lookup })
    }

    /// Starts the task of a connection, or drops it at once if there are too many.
    fn add_connection<F>(
        &mut self,
        carry: impl FnOnce(LinkId, mpsc::Receiver<Vec<u8>>) -> F,
    ) -> Option<LinkId>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.connections.len() >= self.config.connections_max {
            return None;
        }
        let link = LinkId(self.links_made);
        self.links_made += 1;
        let (frames, waiting) = mpsc::channel(connection::WAITING_MAX);
        let _carrying = Task::spawn(carry(link, waiting));
        self.connections.insert(link, Connection { frames: Some(frames), _carrying });
        Some(link)
    }

    /// Opens the port and starts to speak.
    async fn start_announcing(&self, lookup: &[u8]) -> io::Result<Announcer> {
        let at = self.config.interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let listener = TcpListener::bind(SocketAddrV4::new(at, 0)).await?;
        let port = listener.local_addr()?.port();
        let speaker = lookup::open_speaker(&self.config)?;
        let datagram = lookup::encode(port, lookup);
        Ok(Announcer {
            port,
            lookup: lookup.to_vec(),
            _accepting: Task::spawn(accept(listener, self.sender.clone())),
            _speaking: Task::spawn(lookup::speak(speaker, self.config, datagram)),
        })
    }
}

async fn accept(listener: TcpListener, events: mpsc::Sender<Happening>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if events.send(Happening::Accepted(stream)).await.is_err() {
                    return;
                }
            }
            // Out of descriptors, most likely: leave time for some to be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

impl Link for LanLink {
    async fn recv(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            let happening = self.events.recv().await.ok_or(LinkError::Stopped)?;
            if let Some(event) = self.take(happening) {
                return Ok(event);
            }
        }
    }

    async fn send(&mut self, link: LinkId, frame: &[u8]) -> Result<(), LinkError> {
        if frame.is_empty() || frame.len() > FRAME_MAX {
            return Err(LinkError::FrameLength { len: frame.len(), mtu: FRAME_MAX });
        }
        let connection = self.connections.get_mut(&link);
        let connection = connection.ok_or(LinkError::UnknownLink { link })?;
        let frames = connection.frames.as_ref().ok_or(LinkError::UnknownLink { link })?;
        let sending = frames.send_timeout(frame.to_vec(), self.config.write_timeout).await;
        sending.map_err(|refused| match refused {
            mpsc::error::SendTimeoutError::Closed(_) => LinkError::UnknownLink { link },
            mpsc::error::SendTimeoutError::Timeout(_) => {
                connection.frames = None;
                LinkError::Blocked { link }
            }
        })
    }

    async fn announce(&mut self, lookup: Option<&[u8]>) -> Result<(), LinkError> {
        let Some(lookup) = lookup else {
            self.announcer = None;
            return Ok(());
        };
        if lookup.len() > LOOKUP_MAX {
            return Err(LinkError::LookupTooLong { len: lookup.len() });
        }
        let io = |source| LinkError::Io { action: "announce", source };
        if let Some(own) = &mut self.announcer {
            // The port stays, so that peers who know it can come back.
            let speaker = lookup::open_speaker(&self.config).map_err(io)?;
            let datagram = lookup::encode(own.port, lookup);
            own.lookup = lookup.to_vec();
            own._speaking = Task::spawn(lookup::speak(speaker, self.config, datagram));
        } else {
            self.announcer = Some(self.start_announcing(lookup).await.map_err(io)?);
        }
        Ok(())
    }

    async fn listen(&mut self, on: bool) -> Result<(), LinkError> {
        if on && self.listener.is_none() {
            let io = |source| LinkError::Io { action: "listen for look-ups", source };
            let ear = lookup::open_ear(&self.config).map_err(io)?;
            self.listener = Some(Task::spawn(lookup::hear(ear, self.config, self.sender.clone())));
        } else if !on {
            self.listener = None;
        }
        Ok(())
    }

    fn connect(&mut self, peer: PeerRef) -> Result<LinkId, LinkError> {
        let known = self.peers.get(&peer).filter(|peer| peer.heard_at.elapsed() < PEER_KEPT);
        let address = known.ok_or(LinkError::UnknownPeer { peer })?.address;
        let (config, events) = (self.config, self.sender.clone());
        self.add_connection(|link, frames| connection::dial(link, address, config, frames, events))
            .ok_or(LinkError::TooManyLinks { max: config.connections_max })
    }

    fn close(&mut self, link: LinkId) {
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.frames = None;
        }
    }
}
