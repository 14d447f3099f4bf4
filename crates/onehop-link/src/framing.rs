//! Messages over frames: a [`Channel`] survives loss, repeats, reordering and reconnecting.
//!
//! A pure state machine: no clock, no randomness, no socket. Time is an argument in milliseconds
//! of any clock that does not go back. It gives integrity against accidents only; whoever needs to
//! know *who* sent a message looks into the message.
//!
//! **After any call on a channel, call [`Channel::poll_frame`] and [`Channel::poll_message`] until
//! both are `None`, then ask [`Channel::poll_timeout`] again.**
//!
//! # What is on the wire
//!
//! Each direction carries messages numbered from 0. A message of at most 16,384 bytes is followed
//! by its CRC-32C (4 bytes, big endian); both together are its *body*. Bodies are cut into pieces,
//! one per frame, as long as the connection's MTU allows. A piece names its message and the byte of
//! the body at which it starts, so pieces may be cut differently after a reconnect. The receiver
//! says which position it expects next, and up to three runs that it holds beyond that.
//!
//! A *varint* is an unsigned number, seven bits a byte, lowest first, top bit set on all bytes but
//! the last, in its shortest form. Message numbers are below 2^28, offsets at most 16,388. Whatever
//! is not in these tables is dropped whole.
//!
//! The top two bits of the first byte name the frame: `00` SEGMENT, `01` OPEN, `11` RESET; `10` is
//! unused.
//!
//! SEGMENT: a piece, an acknowledgement, or both.
//!
//! | offset | size  | meaning       | values and limits                                            |
//! |--------|-------|---------------|--------------------------------------------------------------|
//! | 0      | 1     | flags         | 0x01 PIECE, 0x02 LAST (needs PIECE), 0x04 OFFSET (needs PIECE), 0x08 ACK, 0x10 ACK_OFFSET (needs ACK); PIECE or ACK at least; 0x20 must be 0 |
//! | 1      | 1..=4 | ack message   | varint, if ACK: first message not wholly received            |
//! | …      | 1..=3 | ack offset    | varint, if ACK_OFFSET: bytes of its body received in order, 1..=16,388; absent means 0 |
//! | …      | 1..=4 | piece message | varint, if PIECE                                             |
//! | …      | 1..=3 | piece offset  | varint, if OFFSET: 1..=16,388; absent means 0                |
//! | …      | 1..   | piece         | if PIECE: to the end of the frame; offset + length <= 16,388; LAST: it ends the body |
//! | …      | 4..   | runs          | if ACK without PIECE: 0..=3 runs to the end of the frame     |
//!
//! A run is four varints: start message less the ack message, start offset, end message less the
//! start message, end offset. Start is beyond the acknowledged position, end beyond the start.
//!
//! OPEN: from the connecting side, first on each connection, repeated until answered by an ACK.
//!
//! | offset | size  | meaning        | values and limits                                           |
//! |--------|-------|----------------|-------------------------------------------------------------|
//! | 0      | 1     | kind and flags | 0x41 (version 1 in the low four bits), plus 0x10 RESUME, plus 0x20 POSITION |
//! | 1      | 8     | channel        | random, chosen by the connecting side                       |
//! | 9      | 1..=4 | message        | varint, if POSITION: message expected next                  |
//! | …      | 1..=3 | offset         | varint, if POSITION: byte of its body expected next; not 0 with message 0 |
//!
//! RESUME says that the connecting side has heard its peer on this channel before. A peer that does
//! not know the channel then answers RESET 1; without RESUME it takes the channel for a new one. A
//! peer that knows it answers with a SEGMENT that has ACK. The connecting side of a new channel may
//! send pieces without waiting for the answer; on RESUME it waits.
//!
//! RESET: the channel is over; both sides forget it.
//!
//! | offset | size | meaning         | values and limits                                           |
//! |--------|------|-----------------|-------------------------------------------------------------|
//! | 0      | 1    | kind and reason | 0xC1 unknown channel, 0xC2 damaged message, 0xC3 no room, 0xC4 closed |
//!
//! Limits: frames of at most 1,400 bytes; 32 pieces or 8,192 bytes in flight; 64 pieces, 8,192
//! bytes and 64 messages ahead of turn; an acknowledgement leaves at once after half a window, a
//! gap, a repeat or an OPEN with RESUME or POSITION, and else within 100 ms, on a piece if there
//! is one.

mod codec;
mod crc32c;
mod fault;
mod position;
mod receiving;
mod round_trip;
mod sending;

pub(crate) use codec::{Frame, encode_reset};
use codec::{Open, Piece, Segment, encode_ack};
pub use fault::{FrameFault, ResetReason, SendRefused};
use receiving::{Receiving, Taken};
use round_trip::RoundTrip;
use sending::Sending;

/// The longest message, in bytes.
pub const MESSAGE_MAX: usize = 16_384;
/// The smallest MTU a channel works over, in bytes: what the smallest ATT MTU, 23, leaves of a
/// notification to the frame. The longest OPEN has 16 bytes, and the longest head of a piece 15.
pub const MTU_MIN: usize = 16;
/// The longest frame of any bearer, in bytes.
pub const FRAME_MAX: usize = 1_400;
/// The most message bytes that a channel holds at once, in both directions together.
pub const HELD_BYTES_MAX: usize = 64 * 1024;

const CHECK_LEN: usize = 4;
/// What a varint of four bytes holds.
const MESSAGE_NUMBER_MAX: u32 = (1 << 28) - 1;
const BODY_MAX: usize = MESSAGE_MAX + CHECK_LEN;
const WINDOW_BYTES: usize = 8 * 1024;
const FLIGHT_MAX: usize = 32;
/// With 32 KiB of messages received and 8 KiB ahead of turn this makes [`HELD_BYTES_MAX`].
const SEND_QUEUE_BYTES_MAX: usize = 24 * 1024;
const ACK_DELAY_MS: u64 = 100;

/// The name of a channel: 8 random bytes, chosen by the side that connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 8]);

/// Whole messages, in order and exactly once, over connections that come and go.
///
/// Methods are of four kinds: constructors; commands ([`send`](Self::send),
/// [`close`](Self::close)); what happened ([`resumed`](Self::resumed),
/// [`disconnected`](Self::disconnected), `handle_…`); and what to do (`poll_…`). The
/// [module doc](self) has the contract.
#[derive(Debug)]
pub struct Channel {
    id: ChannelId,
    initiator: bool,
    mtu: usize,
    state: State,
    /// A valid frame has come from the peer on this channel.
    has_heard: bool,
    /// So has one over this connection.
    is_answered: bool,
    sending: Sending,
    receiving: Receiving,
    ack: AckDue,
    opening: RoundTrip,
    faults: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No connection.
    Apart,
    /// Connected, the peer is to send OPEN.
    Awaiting,
    /// Connected, OPEN is to be sent at `due`; `resume` holds pieces back until it is answered.
    Opening {
        due: u64,
        resume: bool,
    },
    Open,
    /// Over; `tell` if the peer is to hear of it.
    Ended {
        reason: ResetReason,
        tell: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AckDue {
    Nothing,
    /// By `at`, or on the next piece before that.
    By {
        at: u64,
        frames: usize,
        bytes: usize,
    },
    AtOnce,
}

impl Channel {
    /// Starts a channel on the connecting side, over a connection of `mtu` bytes a frame.
    ///
    /// `id` has to be random. `mtu` is taken for [`MTU_MIN`]`..=`[`FRAME_MAX`] if it is not.
    pub fn connect(id: ChannelId, mtu: usize) -> Self {
        let mut channel = Self::new(id, true);
        channel.resumed(mtu);
        channel
    }

    /// Starts a channel on the side that was connected to; the peer's OPEN names `id`.
    ///
    /// Hand it that OPEN next, by [`Channel::handle_frame`].
    pub fn accept(id: ChannelId, mtu: usize) -> Self {
        let mut channel = Self::new(id, false);
        channel.resumed(mtu);
        channel
    }

    /// Starts a channel without a connection; [`Channel::resumed`] gives it one.
    pub fn new(id: ChannelId, initiator: bool) -> Self {
        Self {
            id,
            initiator,
            mtu: MTU_MIN,
            state: State::Apart,
            has_heard: false,
            is_answered: false,
            sending: Sending::default(),
            receiving: Receiving::default(),
            ack: AckDue::Nothing,
            opening: RoundTrip::default(),
            faults: 0,
        }
    }

    /// Queues `message`; it may be sent at any time, connected or not.
    ///
    /// # Errors
    /// If it is longer than [`MESSAGE_MAX`], too much waits already, or the channel has ended. The
    /// queue is unchanged.
    pub fn send(&mut self, message: Vec<u8>) -> Result<(), SendRefused> {
        match self.state {
            State::Ended { .. } => Err(SendRefused::Ended),
            State::Apart | State::Awaiting | State::Opening { .. } | State::Open => {
                self.sending.push(message)
            }
        }
    }

    /// Ends the channel for `reason`; the next frame tells the peer, if there is a connection.
    pub fn close(&mut self, reason: ResetReason) {
        let tell = match self.state {
            State::Apart => false,
            State::Awaiting | State::Opening { .. } | State::Open => true,
            State::Ended { .. } => return,
        };
        self.state = State::Ended { reason, tell };
    }

    /// Notes a connection, the first or another, of `mtu` bytes a frame.
    pub fn resumed(&mut self, mtu: usize) {
        self.disconnected();
        if self.state == State::Apart {
            self.mtu = mtu.clamp(MTU_MIN, FRAME_MAX);
            self.state = if self.initiator {
                State::Opening { due: 0, resume: self.has_heard }
            } else {
                State::Awaiting
            };
        }
    }

    /// Notes the loss of the connection. What was not acknowledged is sent again over the next.
    pub fn disconnected(&mut self) {
        match &mut self.state {
            State::Apart => {}
            State::Ended { tell, .. } => *tell = false,
            State::Awaiting | State::Opening { .. } | State::Open => self.state = State::Apart,
        }
        self.sending.disconnected();
        self.receiving.disconnected();
        self.ack = AckDue::Nothing;
        self.opening = RoundTrip::default();
        self.is_answered = false;
    }

    /// Takes a frame that arrived at `now`.
    ///
    /// # Errors
    /// The frame was dropped and counted; [`FrameFault::Damaged`] also ends the channel.
    pub fn handle_frame(&mut self, now: u64, frame: &[u8]) -> Result<(), FrameFault> {
        let taken = match self.state {
            State::Apart | State::Ended { .. } => Err(FrameFault::NotConnected),
            State::Awaiting | State::Opening { .. } | State::Open => {
                Frame::decode(frame).and_then(|frame| self.take(now, frame))
            }
        };
        taken.inspect_err(|fault| self.note(*fault))
    }

    /// Returns the next frame to send at `now`, of at most the connection's MTU.
    pub fn poll_frame(&mut self, now: u64) -> Option<Vec<u8>> {
        let may_send_pieces = match &mut self.state {
            State::Apart | State::Awaiting => return None,
            State::Ended { reason, tell } => {
                return std::mem::take(tell).then(|| encode_reset(*reason));
            }
            State::Opening { due, resume } => {
                if *due <= now {
                    *due = now.saturating_add(self.opening.timeout_ms());
                    self.opening.back_off();
                    let expects = self.receiving.next();
                    let open = Open { id: self.id, resume: self.has_heard, expects };
                    return Some(open.encode());
                }
                !*resume
            }
            State::Open => true,
        };
        // Runs do not ride on pieces: a gap is told of on its own, and first.
        if self.ack == AckDue::AtOnce && self.receiving.has_gap() {
            return Some(self.acknowledge());
        }
        if may_send_pieces {
            let ack = (self.ack != AckDue::Nothing).then(|| self.receiving.next());
            if let Some(sent) = self.sending.poll(now, self.mtu, ack) {
                if sent.carries_ack {
                    self.ack = AckDue::Nothing;
                }
                return Some(sent.frame);
            }
        }
        let is_due = match self.ack {
            AckDue::Nothing => false,
            AckDue::By { at, .. } => at <= now,
            AckDue::AtOnce => true,
        };
        is_due.then(|| self.acknowledge())
    }

    /// Returns the next whole message.
    pub fn poll_message(&mut self) -> Option<Vec<u8>> {
        let message = self.receiving.poll()?;
        let expected = self.receiving.next();
        if let Err(fault) = self.receiving.catch_up() {
            self.note(fault);
        }
        if self.receiving.next() != expected {
            self.ack = AckDue::AtOnce;
        }
        Some(message)
    }

    /// Returns when [`Channel::handle_timeout`] is to be called next, if at all.
    pub fn poll_timeout(&self) -> Option<u64> {
        let open = match self.state {
            State::Apart | State::Awaiting | State::Ended { .. } => return None,
            State::Opening { due, .. } => Some(due),
            State::Open => None,
        };
        let ack = match self.ack {
            AckDue::Nothing => None,
            AckDue::By { at, .. } => Some(at),
            AckDue::AtOnce => Some(0),
        };
        [open, ack, self.sending.poll_timeout()].into_iter().flatten().min()
    }

    /// Notes that it is `now`. Calls that come early or twice do nothing.
    pub fn handle_timeout(&mut self, now: u64) {
        self.sending.handle_timeout(now);
    }

    /// The name of the channel.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Nothing waits to be sent, acknowledged, assembled or polled.
    pub fn is_idle(&self) -> bool {
        self.sending.is_idle()
            && self.receiving.is_between_messages()
            && self.ack == AckDue::Nothing
    }

    /// The connection has swallowed all it was given for many seconds: close it.
    pub fn is_stalled(&self) -> bool {
        self.sending.is_stalled() || self.opening.is_stalled()
    }

    /// A valid frame has come over the present connection.
    pub fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// Why the channel has ended, if it has.
    pub fn ended(&self) -> Option<ResetReason> {
        match self.state {
            State::Ended { reason, .. } => Some(reason),
            State::Apart | State::Awaiting | State::Opening { .. } | State::Open => None,
        }
    }

    /// Frames dropped so far because something was wrong with them.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Message bytes held in both directions. At most [`HELD_BYTES_MAX`].
    pub fn held_bytes(&self) -> usize {
        self.sending.queued_bytes() + self.receiving.held_bytes()
    }

    fn acknowledge(&mut self) -> Vec<u8> {
        self.ack = AckDue::Nothing;
        encode_ack(self.receiving.next(), &self.receiving.runs(), self.mtu)
    }

    fn note(&mut self, fault: FrameFault) {
        self.faults = self.faults.saturating_add(1);
        if matches!(fault, FrameFault::Damaged { .. }) {
            self.close(ResetReason::Damaged);
        }
    }

    fn take(&mut self, now: u64, frame: Frame<'_>) -> Result<(), FrameFault> {
        match frame {
            Frame::Open(open) => self.take_open(now, &open)?,
            Frame::Segment(segment) => self.take_segment(now, &segment)?,
            Frame::Reset(reason) => self.state = State::Ended { reason, tell: false },
        }
        self.has_heard = true;
        self.is_answered = true;
        Ok(())
    }

    fn take_open(&mut self, now: u64, open: &Open) -> Result<(), FrameFault> {
        if self.initiator || open.id != self.id {
            return Err(FrameFault::OutOfPlace);
        }
        self.sending.acknowledge(now, &codec::Ack { expects: open.expects, runs: Vec::new() })?;
        let is_first = self.state == State::Awaiting && !self.has_heard;
        self.ack = if is_first && !open.resumes_something() {
            AckDue::By { at: now.saturating_add(ACK_DELAY_MS), frames: 0, bytes: 0 }
        } else {
            AckDue::AtOnce
        };
        self.state = State::Open;
        Ok(())
    }

    fn take_segment(&mut self, now: u64, segment: &Segment<'_>) -> Result<(), FrameFault> {
        if self.state == State::Awaiting {
            return Err(FrameFault::OutOfPlace);
        }
        if let Some(ack) = &segment.ack {
            self.sending.acknowledge(now, ack)?;
            self.state = State::Open;
            self.opening = RoundTrip::default();
        }
        let Some(piece) = segment.piece else { return Ok(()) };
        match self.receiving.take(piece) {
            Ok(Taken::InTurn) => self.owe_ack(now, &piece),
            Ok(Taken::OutOfTurn) => self.ack = AckDue::AtOnce,
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    fn owe_ack(&mut self, now: u64, piece: &Piece<'_>) {
        let (at, frames, bytes) = match self.ack {
            AckDue::Nothing => (now.saturating_add(ACK_DELAY_MS), 0, 0),
            AckDue::By { at, frames, bytes } => (at, frames, bytes),
            AckDue::AtOnce => return,
        };
        let (frames, bytes) = (frames + 1, bytes + piece.bytes.len());
        self.ack = if frames >= FLIGHT_MAX / 2 || bytes >= WINDOW_BYTES / 2 {
            AckDue::AtOnce
        } else {
            AckDue::By { at, frames, bytes }
        };
    }
}

#[cfg(test)]
mod tests;
