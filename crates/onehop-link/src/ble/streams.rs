//! The seller's table of streams: who reads, who writes, what waits to be notified. Pure.
//!
//! A central reads an offer, which gives it a stream that only its device can use, and greets on
//! it; from then on values of the stream carry frames. Time is an argument, so is chance.

use std::collections::{BTreeMap, VecDeque};

use super::value::{ATT_MTU_MAX, Offer, Stream, VALUE_MAX, Value, frame_mtu, greeted};
use crate::{
    link::{LinkError, LinkId},
    read_queue::ReadQueue,
};

/// Streams in use at once; further greetings are refused.
pub const OPEN_MAX: usize = 32;
/// Streams offered and not in use; the one offered longest ago goes first.
const OFFERED_MAX: usize = 64;
/// The same for one device.
const OFFERED_TO_ONE_MAX: usize = 8;
/// How long a stream is silent that may go when all are in use, in milliseconds. Some stacks do not
/// say who has gone.
const SILENT_MS: u64 = 60_000;
/// How long a closed stream may take to send what waits, in milliseconds.
const FLUSH_MS: u64 = 2_000;

/// A central as the stack names it. Never shown and never kept.
pub type Device = String;

/// Why a read or a write was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The value is too long or too short.
    Length,
    /// Values are written whole.
    Offset,
    /// The stream is not this device's, or nothing is sold.
    NotPermitted,
    /// All streams are in use.
    Busy,
}

/// What a write led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// A stream is in use from here on.
    Up {
        /// Its connection.
        link: LinkId,
        /// The longest frame.
        mtu: usize,
    },
    /// A frame came.
    Frame(LinkId, Vec<u8>),
    /// The central closed its stream.
    Down(LinkId),
}

/// The table.
#[derive(Debug, Default)]
pub struct Streams {
    lookup: Option<Vec<u8>>,
    offered: VecDeque<(Stream, Device)>,
    open: BTreeMap<Stream, Open>,
    /// What was read last, for those who read it in parts.
    read: BTreeMap<Device, Vec<u8>>,
    /// The stream that was notified last: the next one is next.
    turn: Option<Stream>,
    evicted: Vec<LinkId>,
}

#[derive(Debug)]
struct Open {
    link: LinkId,
    device: Device,
    polled: bool,
    mtu: usize,
    waiting: ReadQueue,
    /// When its central wrote last.
    heard_at: u64,
    /// Closed from here: to be gone by then.
    closing: Option<u64>,
}

impl Streams {
    /// Offers `lookup` to who reads from here on; `None` ends that. Open streams stay.
    pub fn announce(&mut self, lookup: Option<Vec<u8>>) {
        if lookup.is_none() {
            self.offered.clear();
        }
        self.lookup = lookup;
    }

    /// Answers a read. `draw` makes random bits.
    ///
    /// # Errors
    /// [`Refused`]; nothing changed.
    pub fn on_read(
        &mut self,
        device: &str,
        offset: usize,
        draw: impl FnMut() -> u16,
    ) -> Result<Vec<u8>, Refused> {
        if offset == 0 {
            let value = self.next_read(device, draw)?;
            if self.read.len() >= OFFERED_MAX && !self.read.contains_key(device) {
                self.read.pop_first();
            }
            self.read.insert(device.to_owned(), value);
        }
        let value = self.read.get(device).and_then(|value| value.get(offset..));
        value.map(<[u8]>::to_vec).ok_or(Refused::Offset)
    }

    fn next_read(&mut self, device: &str, draw: impl FnMut() -> u16) -> Result<Vec<u8>, Refused> {
        let mut polled =
            self.open.iter_mut().filter(|(_, open)| open.polled && open.device == device);
        if let Some((stream, open)) = polled.next() {
            let waiting = open.waiting.read(0);
            if !waiting.is_empty() {
                return Ok(waiting.to_vec());
            }
            return Ok(Value { stream: *stream, polled: true, rest: &[] }.encode());
        }
        let lookup = self.lookup.clone().ok_or(Refused::NotPermitted)?;
        let stream = self.fresh(draw).ok_or(Refused::Busy)?;
        let same = self.offered.iter().filter(|(_, to)| to == device).count();
        let oldest = if same >= OFFERED_TO_ONE_MAX {
            self.offered.iter().position(|(_, to)| to == device)
        } else {
            (self.offered.len() >= OFFERED_MAX).then_some(0)
        };
        oldest.and_then(|oldest| self.offered.remove(oldest));
        self.offered.push_back((stream, device.to_owned()));
        Ok(Offer { stream, lookup }.encode())
    }

    /// A number that nobody has. Chance that fails so often is none.
    fn fresh(&self, mut draw: impl FnMut() -> u16) -> Option<Stream> {
        let drawn = (0..64).filter_map(|_| Stream::of_bits(draw()));
        let taken = |stream: &Stream| {
            self.open.contains_key(stream) || self.offered.iter().any(|(one, _)| one == stream)
        };
        let mut free = drawn.filter(|stream| !taken(stream));
        free.next()
    }

    /// Takes a write at `now_ms`. `att_mtu` is what the stack knows of the connection, `name` names a new one.
    ///
    /// # Errors
    /// [`Refused`]; nothing changed.
    pub fn on_write(
        &mut self,
        now_ms: u64,
        device: &str,
        offset: usize,
        bytes: &[u8],
        att_mtu: Option<usize>,
        name: impl FnOnce() -> LinkId,
    ) -> Result<Taken, Refused> {
        if offset != 0 {
            return Err(Refused::Offset);
        }
        if bytes.len() > VALUE_MAX {
            return Err(Refused::Length);
        }
        let value = Value::decode(bytes).ok_or(Refused::Length)?;
        let open = self.open.get_mut(&value.stream);
        if let Some(open) = open.filter(|open| open.device == device) {
            let link = open.link;
            if value.rest.len() > open.mtu {
                return Err(Refused::Length);
            }
            if value.rest.is_empty() {
                self.open.remove(&value.stream);
                return Ok(Taken::Down(link));
            }
            if open.closing.is_some() {
                return Err(Refused::NotPermitted);
            }
            open.heard_at = now_ms;
            return Ok(Taken::Frame(link, value.rest.to_vec()));
        }
        let ours = |(stream, to): &(Stream, Device)| *stream == value.stream && to == device;
        let at = self.offered.iter().position(ours).ok_or(Refused::NotPermitted)?;
        let greeted = greeted(value.rest).ok_or(Refused::NotPermitted)?;
        if self.open.len() >= OPEN_MAX && !self.evict(now_ms) {
            return Err(Refused::Busy);
        }
        self.offered.remove(at);
        let mtu = frame_mtu(greeted.min(att_mtu.unwrap_or(ATT_MTU_MAX)));
        let link = name();
        let (device, polled) = (device.to_owned(), value.polled);
        let waiting = ReadQueue::new();
        let open = Open { link, device, polled, mtu, waiting, heard_at: now_ms, closing: None };
        self.open.insert(value.stream, open);
        Ok(Taken::Up { link, mtu })
    }

    /// Makes room for a stream at the cost of the one that was silent longest, if for long.
    fn evict(&mut self, now_ms: u64) -> bool {
        let silent = self.open.iter().min_by_key(|(_, open)| open.heard_at);
        let silent = silent.filter(|(_, open)| now_ms.saturating_sub(open.heard_at) >= SILENT_MS);
        let Some(stream) = silent.map(|(stream, _)| *stream) else { return false };
        self.evicted.extend(self.open.remove(&stream).map(|open| open.link));
        true
    }

    /// Connections that made room for others, each once.
    pub fn take_evicted(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.evicted)
    }

    /// A device has disconnected: gives the connections that are gone.
    pub fn on_gone(&mut self, device: &str) -> Vec<LinkId> {
        self.offered.retain(|(_, to)| to != device);
        self.read.remove(device);
        self.remove(|open| open.device == device)
    }

    /// The stack has forgotten everything: gives the connections that are gone.
    pub fn on_all_gone(&mut self) -> Vec<LinkId> {
        self.offered.clear();
        self.read.clear();
        self.remove(|_| true)
    }

    /// Connections that were closed and whose peer took too long to take what waited.
    pub fn on_time(&mut self, now_ms: u64) -> Vec<LinkId> {
        self.remove(|open| open.closing.is_some_and(|until| until <= now_ms))
    }

    fn remove(&mut self, which: impl Fn(&Open) -> bool) -> Vec<LinkId> {
        let gone: Vec<Stream> =
            self.open.iter().filter_map(|(stream, open)| which(open).then_some(*stream)).collect();
        gone.iter().filter_map(|stream| Some(self.open.remove(stream)?.link)).collect()
    }

    /// Queues a frame; false if too many wait already.
    ///
    /// # Errors
    /// If the connection is gone or the frame does not fit.
    pub fn send(&mut self, link: LinkId, frame: &[u8]) -> Result<bool, LinkError> {
        let mut open = self.open.iter_mut();
        let open = open.find(|(_, open)| open.link == link && open.closing.is_none());
        let (stream, open) = open.ok_or(LinkError::UnknownLink { link })?;
        if frame.is_empty() || frame.len() > open.mtu {
            return Err(LinkError::FrameLength { len: frame.len(), mtu: open.mtu });
        }
        let value = Value { stream: *stream, polled: open.polled, rest: frame };
        Ok(open.waiting.push(value.encode()).is_ok())
    }

    /// Ends a connection once what waits on it is gone, or after a while. True if there is one.
    pub fn close(&mut self, now_ms: u64, link: LinkId) -> bool {
        let mut open = self.open.values_mut();
        let open = open.find(|open| open.link == link && open.closing.is_none());
        let Some(open) = open else { return false };
        open.closing = Some(now_ms.saturating_add(FLUSH_MS));
        true
    }

    /// The next value to notify, and a connection that is over with it. Streams take turns.
    pub fn poll_notify(&mut self) -> Option<(Vec<u8>, Option<LinkId>)> {
        let after = self.turn;
        let mut ready = self.open.iter().filter_map(|(stream, open)| {
            let has_something = !open.waiting.is_empty() || open.closing.is_some();
            (!open.polled && has_something).then_some(*stream)
        });
        let first = ready.clone().next()?;
        let stream = ready.find(|stream| Some(*stream) > after).unwrap_or(first);
        self.turn = Some(stream);
        let open = self.open.get_mut(&stream)?;
        if open.waiting.is_empty() {
            let link = open.link;
            self.open.remove(&stream);
            return Some((Value { stream, polled: false, rest: &[] }.encode(), Some(link)));
        }
        Some((open.waiting.read(0).to_vec(), None))
    }

    /// Polled connections that were closed and have nothing left to be read.
    pub fn poll_read_out(&mut self) -> Vec<LinkId> {
        self.remove(|open| open.polled && open.closing.is_some() && open.waiting.is_empty())
    }

    /// Devices with a stream or an offer, each once.
    pub fn devices(&self) -> Vec<Device> {
        let open = self.open.values().map(|open| &open.device);
        let mut devices: Vec<Device> =
            open.chain(self.offered.iter().map(|(_, to)| to)).cloned().collect();
        devices.sort_unstable();
        devices.dedup();
        devices
    }

    /// No stream is in use.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Something is announced.
    pub fn is_announcing(&self) -> bool {
        self.lookup.is_some()
    }
}

#[cfg(test)]
mod tests;
