//! What every link has to do. Each backend's tests call all of these.

use std::collections::BTreeSet;

use onehop_link::{
    channels::ChannelsOutput,
    framing::{ChannelId, SendRefused},
    link::{LOOKUP_MAX, Link, LinkError, LinkEvent, LinkId, PeerRef},
};

use crate::driver::{Device, hear, next_of_connection, soon, up};

/// The tests that every link has to pass whatever else it is tested for; `$bench` makes what they
/// play on.
macro_rules! every_link {
    ($bench:expr) => {
        crate::conformance::every_link!($bench,
            a_connection_carries_frames_both_ways,
            every_listener_hears_every_announcer,
            who_does_not_listen_hears_nothing,
            a_closed_connection_goes_down_once_on_both_sides,
            what_does_not_fit_is_refused,
            no_event_is_lost_by_giving_up_waiting
        );
    };
    ($bench:expr, $($test:ident),+) => {
        $(#[tokio::test]
        async fn $test() {
            crate::conformance::$test($bench).await;
        })+
    };
}
pub(crate) use every_link;

/// Makes links that are near each other.
pub(crate) trait Bench {
    type Link: Link;
    fn link(&mut self) -> Self::Link;
}

/// Makes a seller and a buyer, connected, and returns them with their ids of the connection.
async fn connected<B: Bench>(bench: &mut B) -> [(B::Link, LinkId); 2] {
    let (mut seller, mut buyer) = (bench.link(), bench.link());
    buyer.listen(true).await.unwrap();
    seller.announce(Some(b"tea")).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    assert_eq!(up(&mut buyer).await, (link, true));
    let (accepted, initiator) = up(&mut seller).await;
    assert!(!initiator);
    [(seller, accepted), (buyer, link)]
}

pub(crate) async fn a_connection_carries_frames_both_ways(mut bench: impl Bench) {
    let [(mut seller, at_seller), (mut buyer, at_buyer)] = connected(&mut bench).await;
    for number in 0..200_u8 {
        buyer.send(at_buyer, &[number; 300]).await.unwrap();
        seller.send(at_seller, &[number]).await.unwrap();
        let event = next_of_connection(&mut seller).await;
        assert_eq!(event, LinkEvent::Frame { link: at_seller, bytes: vec![number; 300] });
        let event = next_of_connection(&mut buyer).await;
        assert_eq!(event, LinkEvent::Frame { link: at_buyer, bytes: vec![number] });
    }
}

pub(crate) async fn every_listener_hears_every_announcer(mut bench: impl Bench) {
    let mut listeners = [bench.link(), bench.link(), bench.link()];
    let mut announcers = [bench.link(), bench.link()];
    for listener in &mut listeners {
        listener.listen(true).await.unwrap();
    }
    for (announcer, lookup) in announcers.iter_mut().zip([b"one", b"two"]) {
        announcer.announce(Some(lookup)).await.unwrap();
    }
    for listener in &mut listeners {
        let mut heard = BTreeSet::new();
        let mut peers = BTreeSet::new();
        while heard.len() < 2 {
            if let LinkEvent::Heard { peer, lookup } = soon(listener.recv()).await.unwrap() {
                peers.insert(peer);
                heard.insert(lookup);
            }
        }
        assert_eq!(heard, BTreeSet::from([b"one".to_vec(), b"two".to_vec()]));
        assert_eq!(peers.len(), 2);
    }
}

pub(crate) async fn who_does_not_listen_hears_nothing(mut bench: impl Bench) {
    let (mut seller, mut deaf, mut buyer) = (bench.link(), bench.link(), bench.link());
    buyer.listen(true).await.unwrap();
    deaf.listen(true).await.unwrap();
    deaf.listen(false).await.unwrap();
    seller.announce(Some(b"tea")).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    tokio::select! {
        biased;
        event = deaf.recv() => panic!("heard {event:?}"),
        () = std::future::ready(()) => {}
    }
    // Nobody is connected to once the announcing has stopped.
    seller.announce(None).await.unwrap();
    let link = buyer.connect(peer).unwrap();
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
}

pub(crate) async fn a_closed_connection_goes_down_once_on_both_sides(mut bench: impl Bench) {
    let [(mut seller, at_seller), (mut buyer, at_buyer)] = connected(&mut bench).await;
    buyer.send(at_buyer, b"the last").await.unwrap();
    buyer.close(at_buyer);
    buyer.close(at_buyer);
    assert!(matches!(buyer.send(at_buyer, b"x").await, Err(LinkError::UnknownLink { .. })));
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link: at_buyer });
    let event = next_of_connection(&mut seller).await;
    assert_eq!(event, LinkEvent::Frame { link: at_seller, bytes: b"the last".to_vec() });
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: at_seller });
    assert!(matches!(seller.send(at_seller, b"x").await, Err(LinkError::UnknownLink { .. })));
    // A new connection has a new name.
    let peer = hear_again(&mut seller, &mut buyer).await;
    assert_ne!(buyer.connect(peer).unwrap(), at_buyer);
    let (again, _) = up(&mut seller).await;
    assert_ne!(again, at_seller);
}

async fn hear_again(seller: &mut impl Link, buyer: &mut impl Link) -> PeerRef {
    seller.announce(Some(b"more tea")).await.unwrap();
    hear(buyer, b"more tea").await
}

pub(crate) async fn what_does_not_fit_is_refused(mut bench: impl Bench) {
    let [(mut seller, at_seller), (mut buyer, at_buyer)] = connected(&mut bench).await;
    for len in [0, 1_401] {
        let refused = buyer.send(at_buyer, &vec![0; len]).await;
        assert!(matches!(refused, Err(LinkError::FrameLength { .. })));
    }
    let refused = seller.announce(Some(&[0; LOOKUP_MAX + 1])).await;
    assert!(matches!(refused, Err(LinkError::LookupTooLong { .. })));
    let peer = PeerRef(999);
    assert!(matches!(buyer.connect(peer), Err(LinkError::UnknownPeer { peer: PeerRef(999) })));
    seller.send(at_seller, b"still here").await.unwrap();
    let event = next_of_connection(&mut buyer).await;
    assert_eq!(event, LinkEvent::Frame { link: at_buyer, bytes: b"still here".to_vec() });
}

pub(crate) async fn no_event_is_lost_by_giving_up_waiting(mut bench: impl Bench) {
    let [(mut seller, at_seller), (mut buyer, _)] = connected(&mut bench).await;
    let mut got = Vec::new();
    for number in 0..50_u8 {
        seller.send(at_seller, &[number]).await.unwrap();
        while got.len() <= usize::from(number) {
            tokio::select! {
                biased;
                event = buyer.recv() => if let LinkEvent::Frame { bytes, .. } = event.unwrap() {
                    got.extend(bytes);
                },
                () = tokio::task::yield_now() => {}
            }
        }
    }
    assert_eq!(got, (0..50).collect::<Vec<u8>>());
}

/// Sends 1,000 messages each way; `disturb` is called now and then on the way.
pub(crate) async fn a_thousand_messages_cross<L: Link>(
    seller: L,
    buyer: L,
    mut disturb: impl FnMut(&mut Device<L>, usize),
) {
    const COUNT: usize = 1_000;
    let (mut seller, mut buyer) = (Device::new(seller), Device::new(buyer));
    seller.link.announce(Some(b"tea")).await.unwrap();
    buyer.link.listen(true).await.unwrap();
    let peer = hear(&mut buyer.link, b"tea").await;
    let id = ChannelId([6; 8]);
    buyer.channels.connect(buyer.now(), id, peer).unwrap();
    let mut sent = [0, 0];
    let mut got = [0, 0];
    while got != [COUNT, COUNT] {
        fill(&mut buyer, id, &mut sent[0], COUNT);
        // The seller learns of the channel when the buyer opens it.
        if got[0] > 0 {
            fill(&mut seller, id, &mut sent[1], COUNT);
        }
        let (side, output) = soon(async {
            tokio::select! {
                output = seller.see() => (0, output),
                output = buyer.see() => (1, output),
            }
        })
        .await;
        match output {
            ChannelsOutput::Message { bytes, .. } => {
                assert_eq!(bytes, message(got[side]), "side {side}");
                got[side] += 1;
                disturb(&mut seller, got[0]);
            }
            ChannelsOutput::Down { reason, .. } => panic!("down: {reason:?}"),
            ChannelsOutput::Heard { .. }
            | ChannelsOutput::Up { .. }
            | ChannelsOutput::SendFrame { .. }
            | ChannelsOutput::Connect { .. }
            | ChannelsOutput::Close { .. } => {}
        }
    }
}

fn fill<L: Link>(device: &mut Device<L>, id: ChannelId, sent: &mut usize, count: usize) {
    while *sent < count {
        match device.channels.send(id, message(*sent)) {
            Ok(()) => *sent += 1,
            Err(SendRefused::Full { .. }) => break,
            Err(refused) => panic!("{refused}"),
        }
    }
}

fn message(number: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(8 + number * 37 % 3_000, 7);
    bytes
}
