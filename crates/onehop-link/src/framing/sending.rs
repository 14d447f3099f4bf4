//! The sending half of a channel: messages in, pieces out, until each is acknowledged.

use std::collections::VecDeque;

use super::{
    BODY_MAX, CHECK_LEN, FLIGHT_MAX, FrameFault, MESSAGE_MAX, SEND_QUEUE_BYTES_MAX, SendRefused,
    WINDOW_BYTES,
    codec::{Ack, mark_last, segment_head},
    crc32c::crc32c,
    position::Position,
    round_trip::RoundTrip,
};

/// Later pieces that must have arrived before a missing one is sent again without waiting.
const OVERTAKEN_BY: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Sending {
    /// Bodies from message `acked.message` on, each a message and its check.
    bodies: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    /// What the peer expects next.
    acked: Position,
    /// Where the next new piece starts. Invariant: `acked <= next <= furthest`.
    next: Position,
    /// The end of all that was ever sent, over any connection.
    furthest: Position,
    /// Pieces sent over this connection and not acknowledged, in order.
    flight: VecDeque<Flight>,
    round_trip: RoundTrip,
}

#[derive(Debug)]
struct Flight {
    start: Position,
    end: Position,
    len: usize,
    last: bool,
    sent_at: u64,
    sent: u32,
    state: FlightState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FlightState {
    Sent,
    /// The peer holds it, ahead of its turn.
    Held,
    /// To be sent again.
    Lost,
}

/// A frame with a piece in it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) frame: Vec<u8>,
    pub(super) carries_ack: bool,
}

impl Sending {
    pub(super) fn push(&mut self, mut message: Vec<u8>) -> Result<(), SendRefused> {
        let len = message.len();
        if len > MESSAGE_MAX {
            return Err(SendRefused::TooLong { len, max: MESSAGE_MAX });
        }
        if self.queued_bytes + len + CHECK_LEN > SEND_QUEUE_BYTES_MAX {
            return Err(SendRefused::Full { waiting: self.queued_bytes });
        }
        let number = u32::try_from(self.bodies.len()).ok();
        number
            .and_then(|ahead| self.acked.message_after(ahead.checked_add(1)?))
            .ok_or(SendRefused::Ended)?;
        message.extend_from_slice(&crc32c(&message).to_be_bytes());
        self.queued_bytes += message.len();
        self.bodies.push_back(message);
        Ok(())
    }

    /// Returns the next frame with a piece: a lost one first, else a new one within the window.
    pub(super) fn poll(&mut self, now: u64, mtu: usize, ack: Option<Position>) -> Option<Sent> {
        self.repeat_lost(now, mtu, ack).or_else(|| self.send_new(now, mtu, ack))
    }

    pub(super) fn acknowledge(&mut self, now: u64, ack: &Ack) -> Result<(), FrameFault> {
        let unsent = [ack.expects].into_iter().chain(ack.runs.iter().map(|run| run.end));
        if let Some(position) = unsent.into_iter().find(|position| *position > self.furthest) {
            return Err(FrameFault::AcknowledgesUnsent { message: position.message });
        }
        if ack.expects > self.acked {
            let Position { message, offset } = ack.expects;
            let body = body_at(&self.bodies, self.acked, ack.expects);
            if offset != 0 && body.is_none_or(|body| usize::from(offset) >= body.len()) {
                return Err(FrameFault::AcknowledgesUnsent { message });
            }
            self.advance(now, ack.expects);
        }
        for flight in &mut self.flight {
            let is_held =
                ack.runs.iter().any(|run| flight.start >= run.start && flight.end <= run.end);
            if is_held {
                flight.state = FlightState::Held;
            }
        }
        let mut held_later = 0;
        for flight in self.flight.iter_mut().rev() {
            match flight.state {
                FlightState::Held => held_later += 1,
                FlightState::Sent if flight.sent == 1 && held_later >= OVERTAKEN_BY => {
                    flight.state = FlightState::Lost;
                }
                FlightState::Sent | FlightState::Lost => {}
            }
        }
        Ok(())
    }

    /// Forgets what is in flight: it is cut again for the next connection.
    pub(super) fn disconnected(&mut self) {
        self.flight.clear();
        self.next = self.acked;
        self.round_trip = RoundTrip::default();
    }

    pub(super) fn handle_timeout(&mut self, now: u64) {
        let wait = self.round_trip.timeout_ms();
        let mut is_late = false;
        for (index, flight) in self.flight.iter_mut().enumerate() {
            if flight.awaits_ack(index) && flight.sent_at.saturating_add(wait) <= now {
                flight.state = FlightState::Lost;
                is_late = true;
            }
        }
        if is_late {
            self.round_trip.back_off();
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let wait = self.round_trip.timeout_ms();
        let awaited =
            self.flight.iter().enumerate().filter(|(index, flight)| flight.awaits_ack(*index));
        awaited.map(|(_, flight)| flight.sent_at.saturating_add(wait)).min()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.bodies.is_empty()
    }

    pub(super) fn is_stalled(&self) -> bool {
        self.round_trip.is_stalled()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    fn advance(&mut self, now: u64, expects: Position) {
        let mut sample = None;
        while let Some(flight) = self.flight.front().filter(|flight| flight.end <= expects) {
            if flight.sent == 1 {
                sample = Some(now.saturating_sub(flight.sent_at));
            }
            self.flight.pop_front();
        }
        self.round_trip.progressed(sample);
        for _ in self.acked.message..expects.message {
            if let Some(body) = self.bodies.pop_front() {
                self.queued_bytes -= body.len();
            }
        }
        self.acked = expects;
        self.next = self.next.max(expects);
    }

    fn repeat_lost(&mut self, now: u64, mtu: usize, ack: Option<Position>) -> Option<Sent> {
        let index = self.flight.iter().position(|flight| flight.state == FlightState::Lost)?;
        let flight = self.flight.get_mut(index)?;
        let body = body_at(&self.bodies, self.acked, flight.start)?;
        let from = usize::from(flight.start.offset);
        let bytes = body.get(from..from + flight.len)?;
        let mut head = segment_head(ack, Some(flight.start));
        // The piece was cut for the head it had then; the acknowledgement may not fit as well.
        let carries_ack = ack.is_some() && head.len() + bytes.len() <= mtu;
        if !carries_ack {
            head = segment_head(None, Some(flight.start));
        }
        flight.sent_at = now;
        flight.sent = flight.sent.saturating_add(1);
        flight.state = FlightState::Sent;
        Some(Sent { frame: segment(head, bytes, flight.last), carries_ack })
    }

    fn send_new(&mut self, now: u64, mtu: usize, ack: Option<Position>) -> Option<Sent> {
        let start = self.next;
        let body = body_at(&self.bodies, self.acked, start)?;
        let rest = body.get(usize::from(start.offset)..)?;
        let head = segment_head(ack, Some(start));
        let bytes = rest.get(..rest.len().min(mtu.saturating_sub(head.len())))?;
        let in_flight: usize = self.flight.iter().map(|flight| flight.len).sum();
        let fits = self.flight.len() < FLIGHT_MAX && in_flight + bytes.len() <= WINDOW_BYTES;
        if bytes.is_empty() || !fits {
            return None;
        }
        let (len, last) = (bytes.len(), bytes.len() == rest.len());
        let end = start.after(len, last).ok()?;
        let frame = segment(head, bytes, last);
        let state = FlightState::Sent;
        self.flight.push_back(Flight { start, end, len, last, sent_at: now, sent: 1, state });
        self.next = end;
        self.furthest = self.furthest.max(end);
        Some(Sent { frame, carries_ack: ack.is_some() })
    }
}

impl Flight {
    /// The first of the flight is awaited even if the peer said that it holds it: were that so, it
    /// would have moved on, unless it has no room.
    fn awaits_ack(&self, index: usize) -> bool {
        match self.state {
            FlightState::Sent => true,
            FlightState::Held => index == 0,
            FlightState::Lost => false,
        }
    }
}

fn body_at(bodies: &VecDeque<Vec<u8>>, acked: Position, at: Position) -> Option<&[u8]> {
    let index = usize::try_from(at.message.checked_sub(acked.message)?).ok()?;
    let body = bodies.get(index)?;
    debug_assert!(body.len() <= BODY_MAX, "push bounds every message");
    Some(body)
}

fn segment(mut head: Vec<u8>, bytes: &[u8], last: bool) -> Vec<u8> {
    head.extend_from_slice(bytes);
    if last {
        mark_last(&mut head);
    }
    head
}
