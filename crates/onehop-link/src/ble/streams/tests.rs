//! The seller's table, without a stack.

use super::*;
use crate::ble::value::{VERSION, greeting};

/// A table that sells, and a counter in place of chance.
struct Table {
    streams: Streams,
    drawn: u16,
    named: u64,
    now: u64,
}

impl Table {
    fn new() -> Self {
        let mut streams = Streams::default();
        streams.announce(Some(b"tea".to_vec()));
        Self { streams, drawn: 0, named: 0, now: 0 }
    }

    fn read(&mut self, device: &str) -> Result<Vec<u8>, Refused> {
        let drawn = &mut self.drawn;
        self.streams.on_read(device, 0, || {
            *drawn += 1;
            *drawn
        })
    }

    fn offer(&mut self, device: &str) -> Stream {
        Offer::decode(&self.read(device).unwrap()).unwrap().stream
    }

    fn write(&mut self, device: &str, stream: Stream, rest: &[u8]) -> Result<Taken, Refused> {
        self.write_as(device, Value { stream, polled: false, rest })
    }

    fn write_as(&mut self, device: &str, value: Value<'_>) -> Result<Taken, Refused> {
        let named = &mut self.named;
        self.streams.on_write(self.now, device, 0, &value.encode(), Some(185), || {
            *named += 1;
            LinkId(*named)
        })
    }

    fn open(&mut self, device: &str) -> (Stream, LinkId) {
        let stream = self.offer(device);
        match self.write(device, stream, &greeting(517)) {
            Ok(Taken::Up { link, mtu: 178 }) => (stream, link),
            other => panic!("{other:?}"),
        }
    }

    fn notified(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| Some(self.streams.poll_notify()?.0)).collect()
    }
}

// [L-7]
#[test]
fn each_read_offers_another_stream_and_only_its_device_can_use_it() {
    let mut table = Table::new();
    let (one, other) = (table.offer("a"), table.offer("a"));
    assert_ne!(one, other);
    assert_eq!(table.write("b", one, &greeting(23)), Err(Refused::NotPermitted));
    assert!(matches!(table.write("a", one, &greeting(23)), Ok(Taken::Up { mtu: 16, .. })));
    // Nobody else's frames count, nor those of a stream that nobody has.
    assert_eq!(table.write("b", one, b"x"), Err(Refused::NotPermitted));
    assert_eq!(table.write("a", other, b"not a greeting"), Err(Refused::NotPermitted));
    let none = Stream::of_bits(0x7777).unwrap();
    assert_eq!(table.write("a", none, &greeting(23)), Err(Refused::NotPermitted));
    let link = LinkId(1);
    assert_eq!(table.write("a", one, b"x"), Ok(Taken::Frame(link, b"x".to_vec())));
}

// [L-7]
#[test]
fn a_number_in_use_is_not_offered_again_and_chance_that_always_fails_offers_nothing() {
    let mut table = Table::new();
    let first = table.offer("a");
    let bytes = Value { stream: first, polled: false, rest: &[] }.encode();
    let bits = u16::from_be_bytes([bytes[0], bytes[1]]);
    let mut drawn = [0, 0x8000, bits, bits | 0x8000, 9].into_iter();
    let read = table.streams.on_read("b", 0, || drawn.next().unwrap()).unwrap();
    assert_eq!(read[..3], [VERSION, 0, 9]);
    assert_eq!(table.streams.on_read("b", 0, || 0), Err(Refused::Busy));
}

// [L-10]
#[test]
fn what_is_too_long_or_in_parts_or_of_nothing_is_refused() {
    let mut table = Table::new();
    let (stream, _) = table.open("a");
    assert_eq!(table.write("a", stream, &[0; 181]), Err(Refused::Length));
    assert_eq!(table.write("a", stream, &[0; 499]), Err(Refused::Length));
    let streams = &mut table.streams;
    let name = || unreachable!("nothing is named");
    assert_eq!(streams.on_write(0, "a", 1, &[0, 1, 2], None, name), Err(Refused::Offset));
    assert_eq!(streams.on_write(0, "a", 0, &[0], None, name), Err(Refused::Length));
    assert_eq!(streams.on_write(0, "a", 0, &[1; 70_000], None, name), Err(Refused::Length));
    assert_eq!(streams.on_read("a", 7, || 1), Err(Refused::Offset));
    assert!(matches!(table.write("a", stream, &[0; 178]), Ok(Taken::Frame(..))));
}

#[test]
fn a_long_value_is_read_in_parts_and_nothing_is_offered_without_a_look_up() {
    let mut table = Table::new();
    let whole = table.read("a").unwrap();
    assert_eq!(table.streams.on_read("a", 4, || 1).unwrap(), whole[4..]);
    assert_eq!(table.streams.on_read("a", whole.len(), || 1).unwrap(), b"");
    let stream = table.offer("a");
    table.streams.announce(None);
    assert_eq!(table.read("a"), Err(Refused::NotPermitted));
    assert_eq!(table.write("a", stream, &greeting(23)), Err(Refused::NotPermitted));
}

// [L-11]
#[test]
fn streams_and_offers_are_bounded_and_one_device_displaces_only_its_own_offers() {
    let mut table = Table::new();
    let kept = table.offer("honest");
    (0..10_000).for_each(|_| assert_ne!(table.offer("greedy"), kept));
    assert_eq!(table.streams.offered.len(), 1 + OFFERED_TO_ONE_MAX);
    assert!(table.write("honest", kept, &greeting(23)).is_ok());
    (0..10_000).for_each(|n| assert_ne!(table.offer(&format!("{n}")), kept));
    assert_eq!(table.streams.offered.len(), OFFERED_MAX);
    assert!(table.streams.read.len() <= OFFERED_MAX);
    let opened = (0..100).filter(|n| {
        let stream = table.offer(&format!("{n}"));
        table.write(&format!("{n}"), stream, &greeting(23)).is_ok()
    });
    assert_eq!(opened.count(), OPEN_MAX - 1);
}

// [L-11]
#[test]
fn when_all_streams_are_in_use_one_that_was_silent_for_a_minute_makes_room() {
    let mut table = Table::new();
    let opened: Vec<_> = (0..OPEN_MAX).map(|n| table.open(&format!("{n}"))).collect();
    table.now = SILENT_MS;
    // All but the third speak.
    for (n, (stream, _)) in opened.iter().enumerate().filter(|(n, _)| *n != 2) {
        table.write(&format!("{n}"), *stream, b"x").unwrap();
    }
    table.open("newcomer");
    assert_eq!(table.streams.take_evicted(), [opened[2].1]);
    let next = table.offer("next");
    assert_eq!(table.write("next", next, &greeting(23)), Err(Refused::Busy));
    assert_eq!(table.streams.take_evicted(), []);
}

#[test]
fn streams_take_turns_and_a_closed_one_says_so_last() {
    let mut table = Table::new();
    let ((one, first), (other, second)) = (table.open("a"), table.open("a"));
    for _ in 0..2 {
        assert!(table.streams.send(first, b"1").unwrap());
        assert!(table.streams.send(second, b"2").unwrap());
    }
    assert!(table.streams.close(0, first) && !table.streams.close(0, first));
    assert!(matches!(table.streams.send(first, b"x"), Err(LinkError::UnknownLink { .. })));
    let value = |stream, rest| Value { stream, polled: false, rest }.encode();
    let expected = [
        value(one, b"1"),
        value(other, b"2"),
        value(one, b"1"),
        value(other, b"2"),
        value(one, b""),
    ];
    assert_eq!(table.notified(), expected);
    // [L-8] It is gone now, for its device too.
    assert_eq!(table.write("a", one, b"x"), Err(Refused::NotPermitted));
}

#[test]
fn a_peer_that_takes_nothing_fills_a_bounded_queue_and_is_gone_after_a_while() {
    let mut table = Table::new();
    let (_, link) = table.open("a");
    let sent = (0..1_000).take_while(|_| table.streams.send(link, &[0; 178]).unwrap()).count();
    assert_eq!(sent, 48);
    assert!(table.streams.close(5, link));
    assert_eq!(table.streams.on_time(5 + FLUSH_MS - 1), []);
    assert_eq!(table.streams.on_time(5 + FLUSH_MS), [link]);
    assert_eq!(table.notified(), Vec::<Vec<u8>>::new());
}

#[test]
fn who_disconnects_takes_all_its_streams_and_offers_and_nobody_elses() {
    let mut table = Table::new();
    let ((_, first), (_, second), (_, third)) = (table.open("a"), table.open("b"), table.open("a"));
    let offered = table.offer("a");
    assert_eq!(table.streams.devices(), ["a", "b"]);
    assert_eq!(table.streams.on_gone("a"), [first, third]);
    assert_eq!(table.streams.devices(), ["b"]);
    assert_eq!(table.write("a", offered, &greeting(23)), Err(Refused::NotPermitted));
    assert_eq!(table.streams.on_all_gone(), [second]);
    assert!(table.streams.is_empty());
}

// [L-12]
#[test]
fn a_central_that_polls_reads_its_frames_and_then_an_offer_once_it_is_closed() {
    let mut table = Table::new();
    let stream = table.offer("a");
    let mtu = greeting(185);
    let polled = |rest| Value { stream, polled: true, rest };
    let Ok(Taken::Up { link, .. }) = table.write_as("a", polled(&mtu)) else { panic!("not up") };
    assert_eq!(table.read("a").unwrap(), polled(b"").encode());
    assert!(table.streams.send(link, b"one").unwrap() && table.streams.send(link, b"two").unwrap());
    assert_eq!(table.notified(), Vec::<Vec<u8>>::new(), "a polled stream is not notified");
    assert!(Offer::decode(&table.read("b").unwrap()).is_ok(), "others read an offer");
    assert_eq!(table.read("a").unwrap(), polled(b"one").encode());
    assert_eq!(table.streams.on_read("a", 3, || 1).unwrap(), b"ne");
    assert!(table.streams.close(0, link));
    assert_eq!(table.streams.poll_read_out(), []);
    assert_eq!(table.read("a").unwrap(), polled(b"two").encode());
    assert_eq!(table.streams.poll_read_out(), [link]);
    assert!(Offer::decode(&table.read("a").unwrap()).is_ok());
}
