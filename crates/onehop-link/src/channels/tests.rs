//! Two sets of channels, joined by connections that the test makes and breaks.

use super::*;

const ID: ChannelId = ChannelId([5; 8]);

/// A connecting side, 0, and a side that is connected to, 1.
struct Bench {
    sides: [Channels; 2],
    now: u64,
    links: u64,
    mtu: usize,
    /// The connection that carries frames.
    wire: Option<LinkId>,
    /// Connections can be made.
    is_near: bool,
    /// Frames are swallowed, unnoticed.
    is_deaf: bool,
    seen: [Vec<ChannelsOutput>; 2],
}

impl Bench {
    fn new() -> Self {
        let channels = || Channels::new(ChannelsConfig::default());
        let (links, mtu) = (0, 120);
        let seen = [Vec::new(), Vec::new()];
        let sides = [channels(), channels()];
        Self { sides, now: 0, links, mtu, wire: None, is_near: true, is_deaf: false, seen }
    }

    fn connected() -> Self {
        let mut bench = Self::new();
        bench.sides[0].connect(0, ID, PeerRef(1)).unwrap();
        bench.drain();
        assert!(bench.sides[0].is_connected(ID) && bench.sides[1].is_connected(ID));
        bench
    }

    /// Does what both sides say until they are quiet.
    fn drain(&mut self) {
        while let Some((side, output)) = self.next_output() {
            match output {
                ChannelsOutput::SendFrame { link, bytes } => {
                    if self.wire == Some(link) && !self.is_deaf {
                        self.sides[1 - side].handle(self.now, LinkEvent::Frame { link, bytes });
                    }
                }
                ChannelsOutput::Connect { channel, .. } => self.dial(channel),
                ChannelsOutput::Close { link } => {
                    if self.wire == Some(link) {
                        self.cut();
                    }
                }
                ChannelsOutput::Heard { .. }
                | ChannelsOutput::Up { .. }
                | ChannelsOutput::Message { .. }
                | ChannelsOutput::Down { .. } => self.seen[side].push(output),
            }
        }
    }

    fn next_output(&mut self) -> Option<(usize, ChannelsOutput)> {
        (0..2).find_map(|side| Some((side, self.sides[side].poll(self.now)?)))
    }

    fn dial(&mut self, channel: ChannelId) {
        let link = LinkId(self.links);
        self.links += 1;
        self.sides[0].dialed(self.now, channel, Some(link));
        if self.is_near {
            self.wire = Some(link);
            let mtu = self.mtu;
            for (side, initiator) in [(0, true), (1, false)] {
                self.sides[side].handle(self.now, LinkEvent::Up { link, initiator, mtu });
            }
        } else {
            self.sides[0].handle(self.now, LinkEvent::Down { link });
        }
    }

    fn cut(&mut self) {
        if let Some(link) = self.wire.take() {
            self.sides.iter_mut().for_each(|side| side.handle(self.now, LinkEvent::Down { link }));
        }
    }

    /// Lets time pass, timer by timer.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            self.drain();
            let timer = self.sides.iter().filter_map(Channels::poll_timeout).min();
            let Some(at) = timer.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.sides.iter_mut().for_each(|side| side.handle_timeout(self.now));
        }
        self.now = end;
    }

    fn messages(&self, side: usize) -> Vec<&[u8]> {
        self.seen[side]
            .iter()
            .filter_map(|output| match output {
                ChannelsOutput::Message { bytes, .. } => Some(bytes.as_slice()),
                ChannelsOutput::SendFrame { .. }
                | ChannelsOutput::Connect { .. }
                | ChannelsOutput::Close { .. }
                | ChannelsOutput::Heard { .. }
                | ChannelsOutput::Up { .. }
                | ChannelsOutput::Down { .. } => None,
            })
            .collect()
    }

    fn downs(&self, side: usize) -> Vec<DownReason> {
        let reason = |output: &ChannelsOutput| match output {
            ChannelsOutput::Down { reason, .. } => Some(*reason),
            ChannelsOutput::SendFrame { .. }
            | ChannelsOutput::Connect { .. }
            | ChannelsOutput::Close { .. }
            | ChannelsOutput::Heard { .. }
            | ChannelsOutput::Up { .. }
            | ChannelsOutput::Message { .. } => None,
        };
        self.seen[side].iter().filter_map(reason).collect()
    }
}

/// [L-1]
#[test]
fn both_sides_hear_of_a_channel_once_and_its_messages_once() {
    let mut bench = Bench::connected();
    for turn in 0..5 {
        bench.sides[0].send(ID, vec![turn; 900]).unwrap();
        bench.sides[1].send(ID, vec![turn; 30]).unwrap();
        bench.cut();
        bench.mtu = if bench.mtu == 120 { 23 } else { 120 };
        bench.pass(2_000);
    }
    assert_eq!(bench.messages(1), (0..5).map(|turn| [turn; 900]).collect::<Vec<_>>());
    assert_eq!(bench.messages(0), (0..5).map(|turn| [turn; 30]).collect::<Vec<_>>());
    assert_eq!(bench.seen[0][0], ChannelsOutput::Up { channel: ID, initiator: true });
    assert_eq!(bench.seen[1][0], ChannelsOutput::Up { channel: ID, initiator: false });
    assert_eq!(bench.seen[0].len() + bench.seen[1].len(), 12);
    assert!(bench.sides.iter().all(|side| side.is_idle(ID)));
}

/// [L-1]
#[test]
fn a_channel_without_a_connection_is_given_up_after_the_grace_time() {
    let mut bench = Bench::connected();
    bench.is_near = false;
    bench.cut();
    bench.pass(29_999);
    assert_eq!((bench.downs(0), bench.downs(1)), (vec![], vec![]));
    assert!(bench.links < 20, "{} tries", bench.links);
    bench.pass(2);
    assert_eq!(
        (bench.downs(0), bench.downs(1)),
        (vec![DownReason::Grace], vec![DownReason::Grace])
    );
    assert!(bench.sides.iter().all(Channels::is_empty));
}

#[test]
fn a_peer_that_comes_back_in_time_is_taken_up_again() {
    let mut bench = Bench::connected();
    bench.is_near = false;
    bench.cut();
    bench.sides[1].send(ID, b"kept".to_vec()).unwrap();
    bench.pass(20_000);
    bench.is_near = true;
    bench.sides[0].found_again(bench.now, ID, PeerRef(2));
    bench.pass(5_000);
    assert_eq!(bench.messages(0), [b"kept"]);
    assert_eq!(bench.downs(0), []);
}

#[test]
fn a_peer_that_forgot_the_channel_resets_it() {
    let mut bench = Bench::connected();
    bench.pass(1_000);
    bench.sides[1] = Channels::new(ChannelsConfig::default());
    bench.cut();
    bench.pass(1_000);
    assert_eq!(bench.downs(0), [DownReason::Reset(ResetReason::Unknown)]);
    assert!(bench.sides.iter().all(Channels::is_empty));
}

#[test]
fn closing_tells_the_peer() {
    let mut bench = Bench::connected();
    bench.sides[0].close(0, ID);
    bench.drain();
    assert_eq!(bench.downs(0), []);
    assert_eq!(bench.downs(1), [DownReason::Reset(ResetReason::Closed)]);
    assert_eq!(bench.wire, None);
}

#[test]
fn a_connection_that_swallows_everything_is_replaced() {
    let mut bench = Bench::connected();
    bench.pass(1_000);
    let links = bench.links;
    bench.is_deaf = true;
    bench.sides[0].send(ID, b"heard in the end".to_vec()).unwrap();
    bench.pass(25_000);
    assert!(bench.links > links, "no new connection");
    bench.is_deaf = false;
    bench.pass(20_000);
    assert_eq!(bench.messages(1), [b"heard in the end"]);
}

#[test]
fn a_peer_that_connects_and_names_no_channel_is_dropped() {
    let mut channels = Channels::new(ChannelsConfig::default());
    let link = LinkId(3);
    channels.handle(0, LinkEvent::Up { link, initiator: false, mtu: 100 });
    channels.handle(10, LinkEvent::Frame { link, bytes: b"GET / HTTP/1.1".to_vec() });
    assert_eq!(channels.poll(10), None);
    assert_eq!(channels.poll_timeout(), Some(5_000));
    channels.handle_timeout(5_000);
    assert_eq!(channels.poll(5_000), Some(ChannelsOutput::Close { link }));
    assert_eq!(channels.poll_timeout(), None);
}

#[test]
fn a_crowd_is_refused_and_idle_channels_make_room() {
    let mut channels = Channels::new(ChannelsConfig { channels_max: 4, ..Default::default() });
    let open = |number: u8| {
        let mut bytes = vec![0x41];
        bytes.extend_from_slice(&[number; 8]);
        bytes
    };
    for number in 0..5 {
        let link = LinkId(u64::from(number));
        channels.handle(0, LinkEvent::Up { link, initiator: false, mtu: 100 });
        channels.handle(0, LinkEvent::Frame { link, bytes: open(number) });
    }
    assert_eq!(channels.len(), 4);
    let outputs: Vec<_> = std::iter::from_fn(|| channels.poll(0)).collect();
    let busy = ChannelsOutput::SendFrame { link: LinkId(4), bytes: vec![0xC3] };
    assert!(
        outputs.contains(&busy) && outputs.contains(&ChannelsOutput::Close { link: LinkId(4) })
    );
    channels.handle(0, LinkEvent::Down { link: LinkId(2) });
    channels.connect(0, ID, PeerRef(9)).unwrap();
    let evicted = ChannelsOutput::Down { channel: ChannelId([2; 8]), reason: DownReason::Evicted };
    assert_eq!(channels.poll(0), Some(evicted));
    let refused = channels.connect(0, ChannelId([6; 8]), PeerRef(9));
    assert_eq!(refused, Err(ConnectRefused::TooMany { max: 4 }));
}

#[test]
fn connections_on_which_nobody_answers_do_not_prolong_the_grace_time() {
    let mut bench = Bench::connected();
    bench.is_deaf = true;
    bench.cut();
    bench.pass(60_000);
    assert_eq!(bench.downs(0), [DownReason::Grace]);
    assert_eq!(bench.downs(1), [DownReason::Grace]);
}
