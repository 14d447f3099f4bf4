//! A link in memory, for tests and simulations: no clock, no socket, no chance.
//!
//! A [`Hub`] is the air between any number of [`LoopbackLink`]s. Everything happens in the order of
//! the calls. Look-ups are not repeated by a timer; [`Hub::announce_again`] repeats them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::link::{LOOKUP_MAX, Link, LinkError, LinkEvent, LinkId, PeerRef};

/// Events that may wait for one place; more close the connection they come from.
const INBOX_MAX: usize = 4_096;

/// One of the places at a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

/// The air between loopback links. Clones are the same hub.
#[derive(Debug, Clone)]
pub struct Hub {
    air: Arc<Mutex<Air>>,
}

#[derive(Debug)]
struct Air {
    mtu: usize,
    places: BTreeMap<Place, Station>,
    /// Connections by number: who connected, and to whom.
    connections: BTreeMap<LinkId, [Place; 2]>,
    /// Pairs that cannot hear each other, the lower place first.
    apart: BTreeSet<[Place; 2]>,
    links_made: u64,
}

#[derive(Debug, Default)]
struct Station {
    lookup: Option<Vec<u8>>,
    is_listening: bool,
    inbox: VecDeque<LinkEvent>,
    arrival: Arc<Notify>,
}

/// One place at a [`Hub`].
#[derive(Debug)]
pub struct LoopbackLink {
    hub: Hub,
    place: Place,
    arrival: Arc<Notify>,
}

impl Hub {
    /// Makes a hub whose connections carry frames of `mtu` bytes.
    pub fn new(mtu: usize) -> Self {
        let air = Air {
            mtu,
            places: BTreeMap::new(),
            connections: BTreeMap::new(),
            apart: BTreeSet::new(),
            links_made: 0,
        };
        Self { air: Arc::new(Mutex::new(air)) }
    }

    /// Makes a link at a new place. Places are numbered from 0.
    pub fn join(&self) -> LoopbackLink {
        let mut air = self.air();
        let place = Place(air.places.last_key_value().map_or(0, |(last, _)| last.0 + 1));
        let station = Station::default();
        let arrival = Arc::clone(&station.arrival);
        air.places.insert(place, station);
        LoopbackLink { hub: self.clone(), place, arrival }
    }

    /// Cuts the connections between two places and keeps them from hearing each other.
    pub fn cut(&self, one: Place, other: Place) {
        let mut air = self.air();
        air.apart.insert(pair(one, other));
        air.drop_connections(|ends| pair(ends[0], ends[1]) == pair(one, other));
    }

    /// Lets two places hear each other again; connections have to be made anew.
    pub fn restore(&self, one: Place, other: Place) {
        self.air().apart.remove(&pair(one, other));
    }

    /// Gives connections made from here on another MTU.
    pub fn set_mtu(&self, mtu: usize) {
        self.air().mtu = mtu;
    }

    /// Repeats every look-up once.
    pub fn announce_again(&self) {
        let mut air = self.air();
        let announcers: Vec<Place> = air.places.keys().copied().collect();
        announcers.into_iter().for_each(|from| air.say(from));
    }

    fn air(&self) -> MutexGuard<'_, Air> {
        // No code that holds the lock can leave the air half changed.
        self.air.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Air {
    fn deliver(&mut self, to: Place, event: LinkEvent) {
        if let Some(station) = self.places.get_mut(&to) {
            station.inbox.push_back(event);
            station.arrival.notify_one();
        }
    }

    fn say(&mut self, from: Place) {
        let listeners: Vec<Place> = self.places.keys().copied().collect();
        listeners.into_iter().for_each(|to| self.say_to(from, to));
    }

    fn say_to(&mut self, from: Place, to: Place) {
        let lookup = self.places.get(&from).and_then(|station| station.lookup.clone());
        let listens = self.places.get(&to).is_some_and(|station| station.is_listening);
        if let Some(lookup) = lookup
            && listens
            && from != to
            && !self.apart.contains(&pair(from, to))
        {
            self.deliver(to, LinkEvent::Heard { peer: PeerRef(from.0), lookup });
        }
    }

    fn drop_connections(&mut self, which: impl Fn(&[Place; 2]) -> bool) {
        let gone: Vec<LinkId> = self
            .connections
            .iter()
            .filter_map(|(link, ends)| which(ends).then_some(*link))
            .collect();
        for link in gone {
            for end in self.connections.remove(&link).into_iter().flatten() {
                self.deliver(end, LinkEvent::Down { link });
            }
        }
    }

    /// The other end of a connection that `place` has.
    fn peer_of(&self, place: Place, link: LinkId) -> Option<Place> {
        match self.connections.get(&link)? {
            [one, other] if *one == place => Some(*other),
            [one, other] if *other == place => Some(*one),
            [_, _] => None,
        }
    }
}

impl LoopbackLink {
    /// Where this link is.
    pub fn place(&self) -> Place {
        self.place
    }

    fn change<T>(&self, change: impl FnOnce(&mut Air, Place) -> T) -> T {
        change(&mut self.hub.air(), self.place)
    }
}

impl Link for LoopbackLink {
    async fn recv(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            let event = self.change(|air, place| air.places.get_mut(&place)?.inbox.pop_front());
            match event {
                Some(event) => return Ok(event),
                None => self.arrival.notified().await,
            }
        }
    }

    async fn send(&mut self, link: LinkId, frame: &[u8]) -> Result<(), LinkError> {
        self.change(|air, place| {
            let peer = air.peer_of(place, link).ok_or(LinkError::UnknownLink { link })?;
            if frame.is_empty() || frame.len() > air.mtu {
                return Err(LinkError::FrameLength { len: frame.len(), mtu: air.mtu });
            }
            if air.places.get(&peer).is_some_and(|station| station.inbox.len() >= INBOX_MAX) {
                air.drop_connections(|ends| pair(ends[0], ends[1]) == pair(place, peer));
                return Err(LinkError::Blocked { link });
            }
            air.deliver(peer, LinkEvent::Frame { link, bytes: frame.to_vec() });
            Ok(())
        })
    }

    async fn announce(&mut self, lookup: Option<&[u8]>) -> Result<(), LinkError> {
        if let Some(lookup) = lookup.filter(|lookup| lookup.len() > LOOKUP_MAX) {
            return Err(LinkError::LookupTooLong { len: lookup.len() });
        }
        self.change(|air, place| {
            if let Some(station) = air.places.get_mut(&place) {
                station.lookup = lookup.map(<[u8]>::to_vec);
            }
            air.say(place);
        });
        Ok(())
    }

    async fn listen(&mut self, on: bool) -> Result<(), LinkError> {
        self.change(|air, place| {
            if let Some(station) = air.places.get_mut(&place) {
                station.is_listening = on;
            }
            let announcers: Vec<Place> = air.places.keys().copied().collect();
            announcers.into_iter().for_each(|from| air.say_to(from, place));
        });
        Ok(())
    }

    fn connect(&mut self, peer: PeerRef) -> Result<LinkId, LinkError> {
        self.change(|air, place| {
            let to = Place(peer.0);
            let station = air.places.get(&to).filter(|_| to != place);
            let station = station.ok_or(LinkError::UnknownPeer { peer })?;
            let accepts = station.lookup.is_some() && !air.apart.contains(&pair(place, to));
            let link = LinkId(air.links_made);
            air.links_made += 1;
            if accepts {
                let mtu = air.mtu;
                air.connections.insert(link, [place, to]);
                air.deliver(place, LinkEvent::Up { link, initiator: true, mtu });
                air.deliver(to, LinkEvent::Up { link, initiator: false, mtu });
            } else {
                air.deliver(place, LinkEvent::Down { link });
            }
            Ok(link)
        })
    }

    fn close(&mut self, link: LinkId) {
        self.change(|air, place| {
            if air.peer_of(place, link).is_some()
                && let Some(ends) = air.connections.remove(&link)
            {
                ends.into_iter().for_each(|end| air.deliver(end, LinkEvent::Down { link }));
            }
        });
    }
}

impl Drop for LoopbackLink {
    fn drop(&mut self) {
        self.change(|air, place| {
            air.places.remove(&place);
            air.drop_connections(|ends| ends.contains(&place));
        });
    }
}

/// The two places in ascending order.
fn pair(one: Place, other: Place) -> [Place; 2] {
    if one <= other { [one, other] } else { [other, one] }
}
