//! Two ends of a channel over a link that loses, repeats, reorders and cuts, and frames of
//! anybody.

use std::collections::VecDeque;

use onehop_link::framing::{Channel, ChannelId, FRAME_MAX, HELD_BYTES_MAX, MTU_MIN, ResetReason};

use crate::reader::{Reader, edit};

/// Acts of one input, at most.
const ACTS_MAX: usize = 96;
/// Frames taken from one end at once, at most.
const BURST_MAX: usize = 40;

/// One end, and what it has to deliver.
struct End {
    channel: Channel,
    mtu: usize,
    /// On their way to this end.
    air: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

impl End {
    fn new(channel: Channel) -> Self {
        let (air, sent, received) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { channel, mtu: MTU_MIN, air, sent, received }
    }

    fn poll(&mut self, now: u64, to: &mut VecDeque<Vec<u8>>) {
        for _ in 0..BURST_MAX {
            let Some(frame) = self.channel.poll_frame(now) else { break };
            assert!(frame.len() <= self.mtu.clamp(MTU_MIN, FRAME_MAX), "a frame over the MTU");
            to.push_back(frame);
        }
        while let Some(message) = self.channel.poll_message() {
            self.received.push(message);
        }
        assert!(self.channel.held_bytes() <= HELD_BYTES_MAX, "too much is held");
    }
}

/// Inputs that reach far, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let act = |number: u8, who: u8| (number << 1) | who;
    let send = |who: u8, short: u16, byte: u8| {
        let [low, high] = short.to_le_bytes();
        vec![act(0, who), low, high, byte]
    };
    let all = |times: usize| [act(3, 0), act(3, 1)].repeat(times);
    let pass = [act(7, 0), 0x40, 0x06];
    let talk = [send(0, 1_000, 1), send(1, 9_000, 2), all(4)].concat();
    let lossy = [act(6, 0), act(4, 1), act(5, 1), act(3, 1), act(3, 0)];
    let again = [&talk[..], &[act(8, 0), 0], &all(6), &pass, &all(4)].concat();
    let forged =
        [&talk[..], &[act(9, 0), 0, 9, 0xc1], &[act(9, 1), 1, 3, 1, 0, 9, 4, 0, 7]].concat();
    vec![
        [&[0][..], &talk, &lossy, &pass, &all(4)].concat(),
        [&[200][..], &talk, &lossy, &again].concat(),
        [&[20][..], &again].concat(),
        [&[21][..], &forged, &talk].concat(),
    ]
}

/// Does what the bytes say with two ends of a channel.
///
/// # Panics
/// If messages arrive altered, twice or out of order although nobody forged a frame, if a frame is
/// over its MTU, or if an end holds more than it may.
pub fn framing(data: &[u8]) {
    let mut reader = Reader::new(data);
    let first = reader.or_zero();
    let is_forged = first & 1 == 1;
    let mtu = MTU_MIN + usize::from(first >> 1) * 11;
    let id = ChannelId([7; 8]);
    let mut ends = [End::new(Channel::connect(id, mtu)), End::new(Channel::accept(id, mtu))];
    for end in &mut ends {
        end.mtu = mtu;
    }
    let mut now = 0;
    for _ in 0..ACTS_MAX {
        let Some(act) = reader.byte() else { break };
        let who = usize::from(act & 1);
        step(&mut reader, &mut ends, &mut now, (act >> 1, who), is_forged);
        let [one, other] = &mut ends;
        one.poll(now, &mut other.air);
        other.poll(now, &mut one.air);
        if !is_forged {
            for (to, from) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
                assert!(from.sent.starts_with(&to.received), "messages come as they were sent");
                let is_damaged = to.channel.ended() == Some(ResetReason::Damaged);
                assert!(!is_damaged, "nobody damaged a message");
            }
        }
    }
}

fn step(
    reader: &mut Reader<'_>,
    ends: &mut [End; 2],
    now: &mut u64,
    (act, who): (u8, usize),
    is_forged: bool,
) {
    let end = &mut ends[who];
    match act % 10 {
        0 => {
            let length = usize::from(reader.short()) % 9_217;
            let message = vec![reader.or_zero(); length];
            if end.channel.send(message.clone()).is_ok() {
                end.sent.push(message);
            }
        }
        1 | 2 => {
            // What is first on the way arrives.
            if let Some(frame) = end.air.pop_front() {
                end.channel.handle_frame(*now, &frame).ok();
            }
        }
        3 => {
            // All of it does.
            while let Some(frame) = end.air.pop_front() {
                end.channel.handle_frame(*now, &frame).ok();
            }
        }
        4 => {
            // The last comes first.
            if let Some(frame) = end.air.pop_back() {
                end.channel.handle_frame(*now, &frame).ok();
            }
        }
        5 => {
            // One comes twice.
            if let Some(frame) = end.air.front().cloned() {
                end.channel.handle_frame(*now, &frame).ok();
            }
        }
        6 => drop(end.air.pop_front()),
        7 => {
            *now += u64::from(reader.short()) / 8;
            for end in ends {
                end.channel.handle_timeout(*now);
            }
        }
        8 => reconnect(ends, MTU_MIN + usize::from(reader.or_zero()) * 6),
        _ if is_forged => {
            let mut frame = match reader.or_zero() {
                0 => reader.take(64).to_vec(),
                _ => end.air.front().cloned().unwrap_or_default(),
            };
            edit(reader, &mut frame);
            end.channel.handle_frame(*now, &frame).ok();
        }
        _ => {}
    }
}

/// The link goes down with all that is on it, and comes up with another MTU.
fn reconnect(ends: &mut [End; 2], mtu: usize) {
    for end in ends {
        end.air.clear();
        end.channel.disconnected();
        end.mtu = mtu;
        end.channel.resumed(mtu);
    }
}
