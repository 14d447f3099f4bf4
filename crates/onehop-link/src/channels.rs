//! Many channels over a link: who is connected comes and goes, a channel stays.
//!
//! A pure state machine between a [`Link`](crate::link::Link) and whoever reads messages. It gives
//! each connection to its [`Channel`], asks for a new connection when one breaks, and gives a
//! channel up if none comes within the grace time.
//!
//! **After any call, do what [`Channels::poll`] says until it is `None`, then ask
//! [`Channels::poll_timeout`] again.** The connecting side answers each
//! [`Connect`](ChannelsOutput::Connect) by [`Channels::dialed`].
//!
//! A channel's id is all that a peer needs to go on with it. Whoever overhears the id can cut in;
//! messages must say themselves who they are from.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    framing::{Channel, ChannelId, Frame, MTU_MIN, ResetReason, SendRefused, encode_reset},
    link::{LinkEvent, LinkId, PeerRef},
};

/// How long a channel waits, and for how many there is room.
#[derive(Debug, Clone, Copy)]
pub struct ChannelsConfig {
    /// How long a channel without a connection is kept, in milliseconds.
    pub grace_ms: u64,
    /// How long a peer that connected may take to name its channel, in milliseconds.
    pub open_within_ms: u64,
    /// The wait before a second try to connect, in milliseconds; it doubles up to eight times this.
    pub retry_ms: u64,
    /// Channels at once, at most.
    pub channels_max: usize,
    /// Connections at once that named no channel yet, at most.
    pub unnamed_max: usize,
}

impl Default for ChannelsConfig {
    fn default() -> Self {
        Self {
            grace_ms: 30_000,
            open_within_ms: 5_000,
            retry_ms: 500,
            channels_max: 64,
            unnamed_max: 64,
        }
    }
}

/// What the driver is to do, or to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelsOutput {
    /// Send a frame. If the link refuses, its `Down` is enough; nothing need be reported.
    SendFrame {
        /// Over which connection.
        link: LinkId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Connect to `peer`, and report by [`Channels::dialed`].
    Connect {
        /// The channel that needs a connection.
        channel: ChannelId,
        /// Whom to connect to.
        peer: PeerRef,
    },
    /// Close a connection.
    Close {
        /// Which.
        link: LinkId,
    },
    /// A look-up was heard.
    Heard {
        /// Whom to connect to.
        peer: PeerRef,
        /// What was said, by anyone.
        lookup: Vec<u8>,
    },
    /// A channel has its first connection. Cuts and reconnects after this are not told.
    Up {
        /// The channel.
        channel: ChannelId,
        /// This device connected.
        initiator: bool,
    },
    /// A whole message arrived, in its order.
    Message {
        /// On which channel.
        channel: ChannelId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A channel is over, and whatever was not acknowledged may not have arrived.
    Down {
        /// The channel.
        channel: ChannelId,
        /// Why.
        reason: DownReason,
    },
}

/// Why a channel is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownReason {
    /// No connection came within the grace time.
    Grace,
    /// One side reset it.
    Reset(ResetReason),
    /// It made room for another.
    Evicted,
}

/// Why no channel was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectRefused {
    /// As many channels as allowed are open. Close one or wait.
    #[error("already at {max} channels")]
    TooMany {
        /// How many are allowed.
        max: usize,
    },
    /// The id is in use. Draw another.
    #[error("channel id is in use")]
    InUse,
}

/// The channels of one device.
#[derive(Debug)]
pub struct Channels {
    config: ChannelsConfig,
    channels: BTreeMap<ChannelId, Entry>,
    links: BTreeMap<LinkId, Use>,
    outputs: VecDeque<ChannelsOutput>,
}

#[derive(Debug)]
struct Entry {
    channel: Channel,
    /// Whom to connect to, if this device is the one that connects.
    peer: Option<PeerRef>,
    is_up: bool,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Connected; `until` goes on to count unless the peer answers.
    On { link: LinkId, until: u64 },
    /// Without a connection, to be given up at `until`.
    Apart { until: u64, dial: Dial },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dial {
    /// The peer is the one to connect.
    Peer,
    /// A connection is being made; the wait is for the case that it fails.
    Underway { wait: u64 },
    /// To be tried again at `at`.
    Again { at: u64, wait: u64 },
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// The peer has connected and named no channel yet.
    Unnamed {
        until: u64,
        mtu: usize,
    },
    Dialing(ChannelId),
    Carries(ChannelId),
}

impl Channels {
    /// Makes an empty set of channels.
    pub fn new(config: ChannelsConfig) -> Self {
        Self { config, channels: BTreeMap::new(), links: BTreeMap::new(), outputs: VecDeque::new() }
    }

    /// Starts a channel to `peer` under a random `id`. Messages may be sent on it at once.
    ///
    /// # Errors
    /// If there is no room or the id is in use; nothing was started.
    pub fn connect(
        &mut self,
        now: u64,
        id: ChannelId,
        peer: PeerRef,
    ) -> Result<(), ConnectRefused> {
        if self.channels.contains_key(&id) {
            return Err(ConnectRefused::InUse);
        }
        if !self.make_room() {
            return Err(ConnectRefused::TooMany { max: self.config.channels_max });
        }
        let dial = Dial::Underway { wait: self.config.retry_ms };
        let place = Place::Apart { until: now.saturating_add(self.config.grace_ms), dial };
        let channel = Channel::new(id, true);
        self.channels.insert(id, Entry { channel, peer: Some(peer), is_up: false, place });
        self.outputs.push_back(ChannelsOutput::Connect { channel: id, peer });
        Ok(())
    }

    /// Reports what came of [`ChannelsOutput::Connect`]: the link's id, or `None` if it refused.
    pub fn dialed(&mut self, now: u64, channel: ChannelId, link: Option<LinkId>) {
        let is_wanted = self.channels.get(&channel).is_some_and(Entry::is_dialing);
        match link {
            Some(link) if is_wanted => {
                self.links.insert(link, Use::Dialing(channel));
            }
            Some(link) => self.outputs.push_back(ChannelsOutput::Close { link }),
            None => self.dial_later(now, channel),
        }
    }

    /// Gives a channel's peer a new reference, as when it is heard again from another place.
    pub fn found_again(&mut self, now: u64, channel: ChannelId, peer: PeerRef) {
        if let Some(entry) = self.channels.get_mut(&channel).filter(|entry| entry.peer.is_some()) {
            entry.peer = Some(peer);
            if let Place::Apart { dial: Dial::Again { at, .. }, .. } = &mut entry.place {
                *at = now;
            }
        }
        self.dial_due(now);
    }

    /// Queues a message.
    ///
    /// # Errors
    /// If it is too long, too much waits, or there is no such channel.
    pub fn send(&mut self, channel: ChannelId, message: Vec<u8>) -> Result<(), SendRefused> {
        let entry = self.channels.get_mut(&channel).ok_or(SendRefused::Ended)?;
        entry.channel.send(message)
    }

    /// Ends a channel and tells the peer. No `Down` is reported. What was not sent is lost: see
    /// [`Channels::is_idle`].
    pub fn close(&mut self, now: u64, channel: ChannelId) {
        let Some(mut entry) = self.channels.remove(&channel) else { return };
        entry.channel.close(ResetReason::Closed);
        self.let_go(now, channel, entry);
    }

    /// Takes what happened on the link at `now`.
    pub fn handle(&mut self, now: u64, event: LinkEvent) {
        match event {
            LinkEvent::Heard { peer, lookup } => {
                self.outputs.push_back(ChannelsOutput::Heard { peer, lookup });
            }
            LinkEvent::Up { link, mtu, .. } if mtu < MTU_MIN => {
                self.outputs.push_back(ChannelsOutput::Close { link });
            }
            LinkEvent::Up { link, initiator: true, mtu } => self.connected(now, link, mtu),
            LinkEvent::Up { link, initiator: false, mtu } => self.accepted(now, link, mtu),
            LinkEvent::Down { link } => self.went_down(now, link),
            LinkEvent::Frame { link, bytes } => self.take_frame(now, link, &bytes),
        }
    }

    /// Returns the next thing to do at `now`.
    pub fn poll(&mut self, now: u64) -> Option<ChannelsOutput> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        for (&id, entry) in &mut self.channels {
            if let Some(bytes) = entry.channel.poll_message() {
                return Some(ChannelsOutput::Message { channel: id, bytes });
            }
            if let Place::On { link, .. } = entry.place
                && let Some(bytes) = entry.channel.poll_frame(now)
            {
                return Some(ChannelsOutput::SendFrame { link, bytes });
            }
        }
        self.end_one(now);
        self.outputs.pop_front()
    }

    /// Returns when [`Channels::handle_timeout`] is to be called next, if at all.
    pub fn poll_timeout(&self) -> Option<u64> {
        let entries = self.channels.values().filter_map(|entry| match entry.place {
            Place::On { until, .. } if !entry.channel.is_answered() => {
                Some(entry.channel.poll_timeout().map_or(until, |at| at.min(until)))
            }
            Place::On { .. } => entry.channel.poll_timeout(),
            Place::Apart { until, dial: Dial::Again { at, .. } } => Some(until.min(at)),
            Place::Apart { until, dial: Dial::Peer | Dial::Underway { .. } } => Some(until),
        });
        let links = self.links.values().filter_map(|usage| match usage {
            Use::Unnamed { until, .. } => Some(*until),
            Use::Dialing(_) | Use::Carries(_) => None,
        });
        entries.chain(links).min()
    }

    /// Notes that it is `now`. Calls that come early or twice do nothing.
    pub fn handle_timeout(&mut self, now: u64) {
        let silent: Vec<LinkId> = self
            .links
            .iter()
            .filter_map(|(link, usage)| match usage {
                Use::Unnamed { until, .. } => (*until <= now).then_some(*link),
                Use::Dialing(_) | Use::Carries(_) => None,
            })
            .collect();
        silent.into_iter().for_each(|link| self.close_link(link));
        let mut dead = Vec::new();
        for entry in self.channels.values_mut() {
            entry.channel.handle_timeout(now);
            if let Place::On { link, .. } = entry.place
                && entry.channel.is_stalled()
            {
                dead.push(link);
            }
        }
        for link in dead {
            self.outputs.push_back(ChannelsOutput::Close { link });
            self.went_down(now, link);
        }
        self.give_up_due(now);
        self.dial_due(now);
    }

    /// Nothing waits to be sent, acknowledged or read on a channel, or there is no such channel.
    pub fn is_idle(&self, channel: ChannelId) -> bool {
        self.channels.get(&channel).is_none_or(|entry| entry.channel.is_idle())
    }

    /// The channel has a connection at the moment.
    pub fn is_connected(&self, channel: ChannelId) -> bool {
        let entry = self.channels.get(&channel);
        entry.is_some_and(|entry| matches!(entry.place, Place::On { .. }))
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// There are no channels.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    fn connected(&mut self, now: u64, link: LinkId, mtu: usize) {
        match self.links.get(&link) {
            Some(Use::Dialing(id)) => self.attach(*id, link, mtu),
            Some(Use::Unnamed { .. } | Use::Carries(_)) | None => {
                self.went_down(now, link);
                self.outputs.push_back(ChannelsOutput::Close { link });
            }
        }
    }

    fn accepted(&mut self, now: u64, link: LinkId, mtu: usize) {
        let unnamed = self.links.values().filter(|usage| matches!(usage, Use::Unnamed { .. }));
        if unnamed.count() >= self.config.unnamed_max {
            self.outputs.push_back(ChannelsOutput::Close { link });
            return;
        }
        let until = now.saturating_add(self.config.open_within_ms);
        self.links.insert(link, Use::Unnamed { until, mtu });
    }

    fn attach(&mut self, id: ChannelId, link: LinkId, mtu: usize) {
        let Some(entry) = self.channels.get_mut(&id) else {
            self.close_link(link);
            return;
        };
        let (Place::On { until, .. } | Place::Apart { until, .. }) = entry.place;
        let before = std::mem::replace(&mut entry.place, Place::On { link, until });
        entry.channel.resumed(mtu);
        self.links.insert(link, Use::Carries(id));
        if !std::mem::replace(&mut entry.is_up, true) {
            let initiator = entry.peer.is_some();
            self.outputs.push_back(ChannelsOutput::Up { channel: id, initiator });
        }
        // The peer came back before its old connection was seen to be gone.
        if let Place::On { link: old, .. } = before {
            self.close_link(old);
        }
    }

    fn take_frame(&mut self, now: u64, link: LinkId, bytes: &[u8]) {
        match self.links.get(&link) {
            Some(Use::Carries(id)) => {
                if let Some(entry) = self.channels.get_mut(id) {
                    // The channel counts its faults; a frame that is dropped needs no answer.
                    entry.channel.handle_frame(now, bytes).ok();
                }
            }
            Some(Use::Unnamed { mtu, .. }) => {
                let mtu = *mtu;
                self.take_first(now, link, mtu, bytes);
            }
            Some(Use::Dialing(_)) | None => {}
        }
    }

    /// Takes a frame from a peer that has named no channel yet. Only an OPEN counts.
    fn take_first(&mut self, now: u64, link: LinkId, mtu: usize, bytes: &[u8]) {
        let Ok(Frame::Open(open)) = Frame::decode(bytes) else { return };
        let known = self.channels.get(&open.id).map(|entry| entry.peer.is_none());
        let refusal = match known {
            Some(true) => None,
            // The peer names a channel that this device began.
            Some(false) => Some(ResetReason::Unknown),
            None if open.resumes_something() => Some(ResetReason::Unknown),
            None if self.make_room() => {
                let until = now.saturating_add(self.config.grace_ms);
                let place = Place::Apart { until, dial: Dial::Peer };
                let channel = Channel::new(open.id, false);
                self.channels.insert(open.id, Entry { channel, peer: None, is_up: false, place });
                None
            }
            None => Some(ResetReason::Busy),
        };
        if let Some(reason) = refusal {
            self.outputs.push_back(ChannelsOutput::SendFrame { link, bytes: encode_reset(reason) });
            self.close_link(link);
            return;
        }
        self.attach(open.id, link, mtu);
        self.take_frame(now, link, bytes);
    }

    fn went_down(&mut self, now: u64, link: LinkId) {
        match self.links.remove(&link) {
            Some(Use::Carries(id)) => {
                let Some(entry) = self.channels.get_mut(&id) else { return };
                let is_answered = entry.channel.is_answered();
                entry.channel.disconnected();
                let until = match entry.place {
                    Place::On { until, .. } if !is_answered => until,
                    Place::On { .. } | Place::Apart { .. } => {
                        now.saturating_add(self.config.grace_ms)
                    }
                };
                let dial = match entry.peer {
                    Some(_) => Dial::Again { at: now, wait: self.config.retry_ms },
                    None => Dial::Peer,
                };
                entry.place = Place::Apart { until, dial };
                self.dial_due(now);
            }
            Some(Use::Dialing(id)) => self.dial_later(now, id),
            Some(Use::Unnamed { .. }) | None => {}
        }
    }

    fn dial_later(&mut self, now: u64, id: ChannelId) {
        let wait_max = self.config.retry_ms.saturating_mul(8);
        if let Some(entry) = self.channels.get_mut(&id)
            && let Place::Apart { dial, .. } = &mut entry.place
            && let Dial::Underway { wait } = *dial
        {
            let next = wait.saturating_mul(2).min(wait_max);
            *dial = Dial::Again { at: now.saturating_add(wait), wait: next };
        }
    }

    fn dial_due(&mut self, now: u64) {
        for (&id, entry) in &mut self.channels {
            if let Some(peer) = entry.peer
                && let Place::Apart { dial, .. } = &mut entry.place
                && let Dial::Again { at, wait } = *dial
                && at <= now
            {
                *dial = Dial::Underway { wait };
                self.outputs.push_back(ChannelsOutput::Connect { channel: id, peer });
            }
        }
    }

    fn give_up_due(&mut self, now: u64) {
        let is_due = |entry: &Entry| match entry.place {
            Place::On { until, .. } => until <= now && !entry.channel.is_answered(),
            Place::Apart { until, .. } => until <= now,
        };
        let due = self.channels.iter().filter_map(|(id, entry)| is_due(entry).then_some(*id));
        for id in due.collect::<Vec<_>>() {
            self.give_up(now, id, DownReason::Grace);
        }
    }

    /// Reports one channel that was reset, now that its last frame and message are out.
    fn end_one(&mut self, now: u64) {
        let mut ended =
            self.channels.iter().filter_map(|(id, entry)| Some((*id, entry.channel.ended()?)));
        if let Some((id, reason)) = ended.next() {
            self.give_up(now, id, DownReason::Reset(reason));
        }
    }

    fn give_up(&mut self, now: u64, id: ChannelId, reason: DownReason) {
        if let Some(entry) = self.channels.remove(&id) {
            self.let_go(now, id, entry);
            self.outputs.push_back(ChannelsOutput::Down { channel: id, reason });
        }
    }

    /// Sends the last frame of a channel that was removed and closes its connections.
    fn let_go(&mut self, now: u64, id: ChannelId, mut entry: Entry) {
        if let Place::On { link, .. } = entry.place
            && entry.channel.ended().is_some()
            && let Some(bytes) = entry.channel.poll_frame(now)
        {
            self.outputs.push_back(ChannelsOutput::SendFrame { link, bytes });
        }
        let links: Vec<LinkId> = self
            .links
            .iter()
            .filter_map(|(link, usage)| match usage {
                Use::Dialing(of) | Use::Carries(of) => (*of == id).then_some(*link),
                Use::Unnamed { .. } => None,
            })
            .collect();
        links.into_iter().for_each(|link| self.close_link(link));
    }

    fn close_link(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.outputs.push_back(ChannelsOutput::Close { link });
    }

    /// Makes room for one more channel, if need be at the cost of the accepted one that has waited
    /// longest for its peer to come back.
    fn make_room(&mut self) -> bool {
        if self.channels.len() < self.config.channels_max {
            return true;
        }
        let waiting = self.channels.iter().filter_map(|(id, entry)| match entry.place {
            Place::Apart { until, dial: Dial::Peer } => Some((until, *id)),
            Place::Apart { .. } | Place::On { .. } => None,
        });
        let Some((_, id)) = waiting.min() else { return false };
        self.channels.remove(&id);
        self.outputs.push_back(ChannelsOutput::Down { channel: id, reason: DownReason::Evicted });
        true
    }
}

impl Entry {
    fn is_dialing(&self) -> bool {
        matches!(self.place, Place::Apart { dial: Dial::Underway { .. }, .. })
    }
}

#[cfg(test)]
mod tests;
