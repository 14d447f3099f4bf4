//! Two channels over a bad bearer, in virtual time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{position::Position, *};

/// A small reproducible generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// What the bearer does to frames, in percent, and how late they may come.
#[derive(Debug, Clone, Copy)]
struct Bearer {
    loss: u64,
    repeat: u64,
    delay_ms: u64,
}

const PERFECT: Bearer = Bearer { loss: 0, repeat: 0, delay_ms: 0 };

struct Pair {
    ends: [Channel; 2],
    got: [Vec<Vec<u8>>; 2],
    now: u64,
    on_air: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    sent: u64,
    sent_bytes: usize,
    mtu: usize,
    bearer: Bearer,
    dice: Dice,
}

impl Pair {
    fn new(mtu: usize, bearer: Bearer, seed: u64) -> Self {
        let id = ChannelId([9; 8]);
        Self {
            ends: [Channel::connect(id, mtu), Channel::accept(id, mtu)],
            got: [Vec::new(), Vec::new()],
            now: 1_000,
            on_air: BTreeMap::new(),
            sent: 0,
            sent_bytes: 0,
            mtu,
            bearer,
            dice: Dice(seed),
        }
    }

    fn drain(&mut self) {
        for side in 0..2 {
            while let Some(frame) = self.ends[side].poll_frame(self.now) {
                assert!(frame.len() <= self.mtu, "frame of {} over {}", frame.len(), self.mtu);
                self.sent_bytes += frame.len();
                if self.dice.percent(self.bearer.loss) {
                    continue;
                }
                let copies = if self.dice.percent(self.bearer.repeat) { 2 } else { 1 };
                for _ in 0..copies {
                    self.sent += 1;
                    let at = self.now + self.dice.below(self.bearer.delay_ms + 1);
                    self.on_air.insert((at, self.sent), (1 - side, frame.clone()));
                }
            }
            while let Some(message) = self.ends[side].poll_message() {
                self.got[side].push(message);
            }
            assert!(self.ends[side].held_bytes() <= HELD_BYTES_MAX);
        }
    }

    /// Moves to the next event, and says whether there was one.
    fn step(&mut self) -> bool {
        self.drain();
        let arrival = self.on_air.first_key_value().map(|((at, _), _)| *at);
        let timers = self.ends.iter().filter_map(Channel::poll_timeout);
        let Some(at) = timers.chain(arrival).min() else { return false };
        self.now = self.now.max(at);
        while let Some(entry) = self.on_air.first_entry().filter(|entry| entry.key().0 <= self.now)
        {
            let (to, frame) = entry.remove();
            // A repeated or late frame may be out of place; the invariants are checked elsewhere.
            self.ends[to].handle_frame(self.now, &frame).ok();
        }
        self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
        self.drain();
        true
    }

    fn cut(&mut self, mtu: usize) {
        self.on_air.clear();
        self.ends.iter_mut().for_each(Channel::disconnected);
        self.mtu = mtu;
        self.ends.iter_mut().for_each(|end| end.resumed(mtu));
    }

    fn run_until_idle(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("did not come to rest: {:?}", self.ends);
    }
}

fn message(dice: &mut Dice, len: usize) -> Vec<u8> {
    (0..len).map(|_| dice.roll().to_le_bytes()[0]).collect()
}

fn deliver(mtus: &[usize], bearer: Bearer, lens: &[usize], seed: u64) {
    let mut pair = Pair::new(mtus[0], bearer, seed);
    let mut waiting: [Vec<Vec<u8>>; 2] = [Vec::new(), Vec::new()];
    let mut dice = Dice(seed ^ 1);
    for len in lens {
        let side = usize::from(dice.percent(50));
        waiting[side].push(message(&mut dice, *len));
    }
    let expected = [waiting[1].clone(), waiting[0].clone()];
    waiting.iter_mut().for_each(|queue| queue.reverse());
    let mut cuts = mtus[1..].iter();
    let mut steps_to_cut = 5 + dice.below(60);
    for _ in 0..200_000 {
        for (end, queue) in pair.ends.iter_mut().zip(&mut waiting) {
            while let Some(next) = queue.last() {
                match end.send(next.clone()) {
                    Ok(()) => drop(queue.pop()),
                    Err(SendRefused::Full { .. }) => break,
                    Err(refused) => panic!("{refused}"),
                }
            }
        }
        steps_to_cut = steps_to_cut.saturating_sub(1);
        if steps_to_cut == 0
            && let Some(mtu) = cuts.next()
        {
            pair.cut(*mtu);
            steps_to_cut = 5 + dice.below(60);
        }
        if !pair.step() && waiting.iter().all(Vec::is_empty) {
            break;
        }
    }
    for (side, expected) in expected.iter().enumerate() {
        assert_eq!(pair.got[side].len(), expected.len(), "side {side}, seed {seed}");
        assert_eq!(pair.got[side], *expected, "side {side}, seed {seed}");
        assert!(pair.ends[side].is_idle(), "side {side}, seed {seed}: {:?}", pair.ends[side]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// [L-1] [L-2]
    #[test]
    fn every_message_arrives_once_and_in_order_over_a_bad_bearer(
        mtus in prop::collection::vec(18_usize..=512, 1..5),
        loss in 0_u64..30, repeat in 0_u64..30, delay_ms in 0_u64..200,
        lens in prop::collection::vec(prop_oneof![8 => 0_usize..600, 1 => 0..=MESSAGE_MAX], 1..16),
        seed in any::<u64>(),
    ) {
        deliver(&mtus, Bearer { loss, repeat, delay_ms }, &lens, seed);
    }

    /// [L-3]
    #[test]
    fn any_bytes_are_a_frame_or_a_fault_and_held_memory_stays_bounded(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 1..200),
        initiator in any::<bool>(),
    ) {
        let id = ChannelId([1; 8]);
        let start = if initiator { Channel::connect } else { Channel::accept };
        let mut channel = start(id, MTU_MIN);
        for (now, frame) in (0..).zip(&frames) {
            channel.handle_frame(now, frame).ok();
            if let Some(answer) = channel.poll_frame(now) {
                prop_assert!(answer.len() <= MTU_MIN);
            }
            prop_assert!(channel.held_bytes() <= HELD_BYTES_MAX);
            channel.handle_timeout(now);
        }
    }

    #[test]
    fn a_damaged_frame_never_yields_a_changed_message(
        len in 1_usize..300, at in any::<prop::sample::Index>(), bit in 0_u32..8, seed in any::<u64>(),
    ) {
        let mut pair = Pair::new(512, PERFECT, seed);
        let sent = message(&mut Dice(seed), len);
        pair.ends[0].send(sent.clone()).unwrap();
        let open = pair.ends[0].poll_frame(0).unwrap();
        pair.ends[1].handle_frame(0, &open).unwrap();
        let mut frame = pair.ends[0].poll_frame(0).unwrap();
        let index = at.index(frame.len());
        frame[index] ^= 1 << bit;
        pair.ends[1].handle_frame(0, &frame).ok();
        if let Some(got) = pair.ends[1].poll_message() {
            prop_assert_eq!(got, sent);
        }
    }
}

#[test]
fn a_payment_costs_few_bytes_beyond_its_messages() {
    let mut pair = Pair::new(1_400, PERFECT, 0);
    let lens = [84, 390, 440, 260, 300, 260, 260];
    for (index, len) in lens.into_iter().enumerate() {
        pair.ends[index % 2].send(vec![7; len]).unwrap();
        pair.drain();
        while pair.on_air.iter().any(|((at, _), _)| *at <= pair.now) {
            pair.step();
        }
    }
    pair.run_until_idle();
    assert_eq!(pair.got.iter().map(Vec::len).sum::<usize>(), lens.len());
    let overhead = pair.sent_bytes - lens.iter().sum::<usize>();
    assert_eq!(overhead, 59, "{} frames", pair.sent);
}

/// [L-3]
#[test]
fn a_flood_of_pieces_ahead_of_turn_is_held_to_the_window() {
    let mut channel = Channel::accept(ChannelId([2; 8]), 512);
    let open = Open { id: ChannelId([2; 8]), resume: false, expects: Position::default() };
    channel.handle_frame(0, &open.encode()).unwrap();
    for number in 1..10_000 {
        let mut frame = codec::segment_head(None, Some(Position::start_of(number % 80 + 1)));
        frame.extend_from_slice(&[0; 400]);
        channel.handle_frame(0, &frame).ok();
        assert!(channel.held_bytes() <= WINDOW_BYTES);
    }
    assert!(channel.faults() > 0);
}

/// [L-3]
#[test]
fn messages_that_nobody_polls_stop_the_sender_and_are_not_lost() {
    let mut pair = Pair::new(512, PERFECT, 4);
    let (mut sent, mut now) = (0_u32, 0);
    for _ in 0..400 {
        if pair.ends[0].send(vec![5; 4_000]).is_ok() {
            sent += 1;
        }
        for side in 0..2 {
            pair.ends[side].handle_timeout(now);
            while let Some(frame) = pair.ends[side].poll_frame(now) {
                pair.ends[1 - side].handle_frame(now, &frame).ok();
            }
        }
        now += 500;
    }
    assert!(pair.ends[1].held_bytes() <= HELD_BYTES_MAX);
    assert!(sent < 20, "{sent} messages were taken");
    pair.now = now;
    pair.run_until_idle();
    assert_eq!(pair.got[1].len(), usize::try_from(sent).unwrap());
}

#[test]
fn a_message_cut_in_the_middle_goes_on_where_it_stopped() {
    let mut pair = Pair::new(100, PERFECT, 0);
    let sent = message(&mut Dice(3), 5_000);
    pair.ends[0].send(sent.clone()).unwrap();
    pair.step();
    pair.step();
    let arrived = pair.ends[1].held_bytes();
    assert!((1..5_000).contains(&arrived), "{arrived} bytes arrived");
    let before = pair.sent_bytes;
    pair.cut(33);
    pair.run_until_idle();
    assert_eq!(pair.got[1], [sent]);
    let pieces = (5_004 - arrived).div_ceil(26);
    assert!(pair.sent_bytes - before < 5_004 - arrived + pieces * 8 + 100);
}

#[test]
fn a_message_longer_than_the_limit_is_refused() {
    let mut channel = Channel::connect(ChannelId([3; 8]), 512);
    let refused = SendRefused::TooLong { len: MESSAGE_MAX + 1, max: MESSAGE_MAX };
    assert_eq!(channel.send(vec![0; MESSAGE_MAX + 1]), Err(refused));
    assert_eq!(channel.send(vec![0; MESSAGE_MAX]), Ok(()));
}

/// [L-4]
#[test]
fn a_piece_beyond_the_longest_message_is_refused() {
    let mut frame = codec::segment_head(None, Some(Position { message: 0, offset: 16_380 }));
    frame.extend_from_slice(&[0; 9]);
    let fault = Err(FrameFault::MessageTooLong { end: 16_389 });
    assert_eq!(Channel::connect(ChannelId([3; 8]), 512).handle_frame(0, &frame), fault);
}

/// [L-4]
#[test]
fn an_acknowledgement_of_what_was_not_sent_is_refused() {
    let mut channel = Channel::connect(ChannelId([3; 8]), 512);
    channel.send(vec![1; 50]).unwrap();
    let ack = encode_ack(Position::start_of(1), &[], 512);
    let fault = Err(FrameFault::AcknowledgesUnsent { message: 1 });
    assert_eq!(channel.handle_frame(0, &ack), fault);
    while channel.poll_frame(0).is_some() {}
    assert_eq!(channel.handle_frame(0, &ack), Ok(()));
    let beyond = encode_ack(Position { message: 0, offset: 54 }, &[], 512);
    assert_eq!(channel.handle_frame(0, &beyond), Ok(()), "an old acknowledgement");
}

#[test]
fn a_dead_connection_is_noticed() {
    let mut channel = Channel::connect(ChannelId([3; 8]), 512);
    let mut now = 0;
    while !channel.is_stalled() {
        while channel.poll_frame(now).is_some() {}
        now = channel.poll_timeout().unwrap();
        channel.handle_timeout(now);
    }
    assert!(now < 25_000, "noticed at {now}");
}

/// [L-4]
#[test]
fn a_frame_that_is_in_no_table_changes_nothing() {
    let id = ChannelId([3; 8]);
    let mut channel = Channel::accept(id, 512);
    let open = Open { id, resume: false, expects: Position::default() };
    channel.handle_frame(0, &open.encode()).unwrap();
    channel.send(vec![1; 50]).unwrap();
    while channel.poll_frame(0).is_some() {}
    let mut frames: Vec<Vec<u8>> = vec![
        vec![],
        vec![0x80],
        vec![0x00],
        vec![0x21, 1, 7],
        vec![0x02, 1, 7],
        vec![0x04, 1, 7],
        vec![0x11, 0, 7],
        vec![0x01, 0x80],
        vec![0x01, 0x80, 0x00, 7],
        vec![0x01, 0x00],
        vec![0x05, 0x00, 0x00, 7],
        vec![0x08, 0x00, 1, 0],
        vec![0x42, 3, 3, 3, 3, 3, 3, 3, 3],
        vec![0x41, 3, 3, 3],
        vec![0xC0],
        vec![0xC5],
        vec![0xC1, 0],
        encode_ack(Position::start_of(9), &[], 512),
    ];
    frames.push([vec![0x01, 0x00], vec![7; 1_399]].concat());
    let other = Open { id: ChannelId([4; 8]), resume: false, expects: Position::default() };
    frames.push(other.encode());
    let before = Channel { faults: 0, ..channel };
    let shown = format!("{before:?}");
    let mut channel = before;
    for frame in frames {
        assert!(channel.handle_frame(5, &frame).is_err(), "{frame:x?}");
        channel.faults = 0;
        assert_eq!(format!("{channel:?}"), shown, "{frame:x?}");
    }
}

/// [L-2]
#[test]
fn a_link_with_more_room_still_gets_frames_of_no_more_than_the_limit() {
    for (mtu, most) in [(9_000, FRAME_MAX), (500, 500), (1, MTU_MIN)] {
        let mut channel = Channel::connect(ChannelId([3; 8]), mtu);
        channel.send(vec![1; 5_000]).unwrap();
        let frames: Vec<_> = std::iter::from_fn(|| channel.poll_frame(0)).collect();
        assert_eq!(frames.iter().map(Vec::len).max(), Some(most));
    }
}
