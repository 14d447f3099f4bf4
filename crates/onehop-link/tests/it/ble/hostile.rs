//! Peers that mean no good, or speak something else: bounded time and memory, and others unharmed.

use onehop_link::{
    ble::{
        error::Notice,
        streams::Refused,
        value::{Offer, Value, greeting},
    },
    link::{Link as _, LinkEvent},
};

use super::{
    air::{Air, FakeLink, Rogue},
    said,
};
use crate::driver::{hear, next_of_connection, up};

// [L-15] [L-6]
#[tokio::test]
async fn devices_that_answer_garbage_or_never_are_left_alone_and_an_honest_seller_is_heard() {
    let air = Air::new(185);
    for number in 0..10 {
        air.add_rogue(&format!("garbage {number}"), Rogue::Says(vec![number; 40]));
        air.add_rogue(&format!("silent {number}"), Rogue::Silent);
    }
    let (mut buyer, _) = air.link("buyer");
    let (mut seller, _) = air.link("seller");
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    assert_eq!(up(&mut buyer).await, (link, true));
    // Each of the others was tried once at the most: they are left alone for two seconds.
    assert!(air.visits() <= 21 + 4, "{}", air.visits());
}

// [L-7]
#[tokio::test]
async fn a_seller_of_another_version_is_named_once() {
    let air = Air::new(185);
    air.add_rogue("newer", Rogue::Says(vec![2, 0, 1, 9]));
    let (mut buyer, mut notices) = air.link("buyer");
    buyer.listen(true).await.unwrap();
    assert_eq!(said(&mut buyer, &mut notices).await, Notice::OtherVersion(2));
}

/// A seller with a buyer in a conversation, and their ids of it.
async fn conversation(air: &Air) -> [(FakeLink, onehop_link::link::LinkId); 2] {
    let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    up(&mut buyer).await;
    let (accepted, _) = up(&mut seller).await;
    [(seller, accepted), (buyer, link)]
}

// [L-10] [L-11]
#[tokio::test]
async fn endless_and_oversized_writes_and_reads_do_no_harm_to_who_is_connected() {
    let air = Air::new(185);
    let [(mut seller, accepted), (mut buyer, link)] = conversation(&air).await;
    let desk = air.desk("seller").unwrap();
    let _connected = air.connect_by_hand("rogue", "seller");
    for round in 0..20_000_u32 {
        let bytes = round.to_be_bytes();
        let stream = bytes.repeat(1 + round as usize % 300);
        desk.on_write("rogue", 0, &stream, Some(185)).unwrap_err();
        desk.on_read("rogue", 0).unwrap();
    }
    let offer = Offer::decode(&desk.on_read("rogue", 0).unwrap()).unwrap();
    let value = |rest: &[u8]| Value { stream: offer.stream, polled: false, rest }.encode();
    desk.on_write("rogue", 0, &value(&greeting(517)), Some(185)).unwrap();
    for _ in 0..20_000 {
        desk.on_write("rogue", 0, &value(&[7; 178]), Some(185)).unwrap();
    }
    assert_eq!(desk.on_write("rogue", 0, &[9; 501], Some(185)), Err(Refused::Length));
    buyer.send(link, b"one honest frame").await.unwrap();
    // Of the flood 64 frames wait; then comes the honest one.
    let (mut flood, honest) = (0, b"one honest frame".to_vec());
    let (rogue, _) = up(&mut seller).await;
    loop {
        match next_of_connection(&mut seller).await {
            LinkEvent::Frame { link, bytes } if link == accepted => {
                assert_eq!(bytes, honest);
                break;
            }
            LinkEvent::Frame { link, .. } => {
                assert_eq!(link, rogue);
                flood += 1;
            }
            event @ (LinkEvent::Up { .. } | LinkEvent::Down { .. } | LinkEvent::Heard { .. }) => {
                panic!("{event:?}")
            }
        }
    }
    assert_eq!(flood, 64);
}

// [L-11]
#[tokio::test]
async fn a_storm_of_connections_and_streams_ends_and_leaves_nothing() {
    let air = Air::new(185);
    let [(mut seller, accepted), (mut buyer, link)] = conversation(&air).await;
    let desk = air.desk("seller").unwrap();
    let mut refused = 0;
    for number in 0..2_000 {
        let device = format!("rogue {}", number % 50);
        let values = air.connect_by_hand(&device, "seller");
        let offer = Offer::decode(&desk.on_read(&device, 0).unwrap()).unwrap();
        let value = Value { stream: offer.stream, polled: false, rest: &greeting(23) }.encode();
        refused += u32::from(desk.on_write(&device, 0, &value, None).is_err());
        drop(values);
    }
    assert_eq!(refused, 2_000 - 31, "32 streams at once, one of them honest");
    (0..50).for_each(|number| air.disconnect(&format!("rogue {number}")));
    for _ in 0..62 {
        // 31 came, and then they went.
        next_of_connection(&mut seller).await;
    }
    air.until(|air| air.desk("seller").is_some_and(|desk| desk.devices() == ["buyer"])).await;
    seller.send(accepted, b"still here").await.unwrap();
    let event = next_of_connection(&mut buyer).await;
    assert_eq!(event, LinkEvent::Frame { link, bytes: b"still here".to_vec() });
}
