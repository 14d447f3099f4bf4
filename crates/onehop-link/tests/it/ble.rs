//! The Bluetooth link over a stack in memory.

mod air;
mod hostile;
mod trouble;

use onehop_link::{
    ble::error::Notice,
    framing::ChannelId,
    link::{Link as _, LinkEvent},
};

use crate::{
    conformance::{self, Bench},
    driver::{Device, hear, next_of_connection, up},
};
use air::{Air, FakeLink, Weather};

/// Each link is a device of its own.
struct InMemory {
    air: Air,
    made: usize,
}

impl Bench for InMemory {
    type Link = FakeLink;

    fn link(&mut self) -> FakeLink {
        self.made += 1;
        self.air.link(&format!("device {}", self.made)).0
    }
}

fn bench() -> InMemory {
    InMemory { air: Air::new(517), made: 0 }
}

conformance::every_link!(bench());

// [L-1] [L-8]
#[tokio::test]
async fn a_thousand_messages_cross_an_air_that_loses_repeats_and_reorders() {
    let mut bench = bench();
    bench.air.set_weather(Weather { loss: 1, repeat: 1, overtaken: 3 });
    let (seller, buyer) = (bench.link(), bench.link());
    conformance::a_thousand_messages_cross(seller, buyer, |_, _| ()).await;
}

// [L-12]
#[tokio::test]
async fn a_thousand_messages_cross_to_a_central_that_polls() {
    let mut bench = bench();
    bench.air.refuse_subscribing();
    let (seller, buyer) = (bench.link(), bench.link());
    conformance::a_thousand_messages_cross(seller, buyer, |_, _| ()).await;
}

// [L-1] [L-13]
#[tokio::test]
async fn a_thousand_messages_cross_although_the_mtu_changes_at_each_of_many_cuts() {
    let mut bench = bench();
    let (seller, buyer, air) = (bench.link(), bench.link(), bench.air.clone());
    let mut mtus = [23, 185, 247, 517].into_iter().cycle();
    conformance::a_thousand_messages_cross(seller, buyer, |_, got| {
        if got % 300 == 150 {
            air.set_mtu(mtus.next().unwrap());
            air.disconnect("device 1");
        }
    })
    .await;
}

// [L-9]
#[tokio::test]
async fn the_longest_frame_fits_at_every_mtu_and_one_byte_more_is_refused() {
    for (att_mtu, longest) in [(23, 16), (185, 178), (247, 240), (517, 498)] {
        let air = Air::new(att_mtu);
        let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
        seller.announce(Some(b"tea")).await.unwrap();
        buyer.listen(true).await.unwrap();
        let peer = hear(&mut buyer, b"tea").await;
        let link = buyer.connect(peer).unwrap();
        assert_eq!(up(&mut buyer).await, (link, true));
        let event = next_of_connection(&mut seller).await;
        let LinkEvent::Up { link: accepted, mtu, .. } = event else { panic!("{event:?}") };
        assert_eq!(mtu, longest);
        buyer.send(link, &vec![1; longest]).await.unwrap();
        seller.send(accepted, &vec![2; longest]).await.unwrap();
        let event = next_of_connection(&mut seller).await;
        assert_eq!(event, LinkEvent::Frame { link: accepted, bytes: vec![1; longest] });
        let event = next_of_connection(&mut buyer).await;
        assert_eq!(event, LinkEvent::Frame { link, bytes: vec![2; longest] });
        buyer.send(link, &vec![1; longest + 1]).await.unwrap_err();
        seller.send(accepted, &vec![1; longest + 1]).await.unwrap_err();
    }
}

// [L-8]
#[tokio::test]
async fn two_programs_of_one_computer_share_its_connection_and_hear_only_their_own() {
    let air = Air::new(185);
    let (mut seller, _) = air.link("seller");
    seller.announce(Some(b"tea")).await.unwrap();
    let mut programs = [air.link("computer").0, air.link("computer").0, air.link("other").0];
    let mut links = Vec::new();
    for program in &mut programs {
        program.listen(true).await.unwrap();
        let peer = hear(program, b"tea").await;
        let link = program.connect(peer).unwrap();
        up(program).await;
        links.push((link, up(&mut seller).await.0));
    }
    for round in 0..20_u8 {
        for (number, (_, accepted)) in (0_u8..).zip(&links) {
            seller.send(*accepted, &[round, number]).await.unwrap();
        }
        for ((number, (link, accepted)), program) in (0_u8..).zip(&links).zip(&mut programs) {
            let bytes = vec![round, number];
            let event = next_of_connection(program).await;
            assert_eq!(event, LinkEvent::Frame { link: *link, bytes: bytes.clone() });
            program.send(*link, &bytes).await.unwrap();
            let event = next_of_connection(&mut seller).await;
            assert_eq!(event, LinkEvent::Frame { link: *accepted, bytes });
        }
    }
    // One of the two ends, and the other goes on.
    programs[0].close(links[0].0);
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: links[0].1 });
    seller.send(links[1].1, b"still here").await.unwrap();
    let event = next_of_connection(&mut programs[1]).await;
    assert_eq!(event, LinkEvent::Frame { link: links[1].0, bytes: b"still here".to_vec() });
}

// [L-5]
#[tokio::test]
async fn nothing_is_advertised_served_or_visited_outside_of_selling_and_buying() {
    let air = Air::new(247);
    let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    assert!(!air.is_advertising("seller") && !air.is_serving("seller"));
    seller.announce(Some(b"tea")).await.unwrap();
    assert!(air.is_advertising("seller") && air.is_serving("seller"));
    assert_eq!(air.visits(), 0);
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    up(&mut buyer).await;
    let (accepted, _) = up(&mut seller).await;
    // Who is connected stays until the last word is said.
    seller.announce(None).await.unwrap();
    assert!(!air.is_advertising("seller") && air.is_serving("seller"));
    seller.send(accepted, b"goodbye").await.unwrap();
    seller.close(accepted);
    let event = next_of_connection(&mut buyer).await;
    assert_eq!(event, LinkEvent::Frame { link, bytes: b"goodbye".to_vec() });
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: accepted });
    air.until(|air| !air.is_serving("seller")).await;
}

// [L-13]
#[tokio::test]
async fn a_seller_that_comes_back_with_another_look_up_is_heard_anew_and_not_gone_on_with() {
    let air = Air::new(247);
    let ((mut seller, _), (buyer, _)) = (air.link("seller"), air.link("buyer"));
    seller.announce(Some(b"tea")).await.unwrap();
    let mut buyer = Device::new(buyer);
    buyer.link.listen(true).await.unwrap();
    let peer = hear(&mut buyer.link, b"tea").await;
    drop(seller);
    let (mut seller, _) = air.link("seller");
    seller.announce(Some(b"coffee")).await.unwrap();
    // What was heard before the restart is not what is there now.
    air.disconnect("seller");
    buyer.channels.connect(buyer.now(), ChannelId([1; 8]), peer).unwrap();
    let again = loop {
        let seen = buyer.see().await;
        if let onehop_link::channels::ChannelsOutput::Heard { peer, lookup } = seen
            && lookup == b"coffee"
        {
            break peer;
        }
    };
    assert_eq!(again, peer, "it is the same device");
}

// [L-14]
#[tokio::test]
async fn a_seller_whose_stack_forgot_it_says_so_once_and_advertises_again() {
    let air = Air::new(247);
    let ((mut seller, mut notices), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    for off_first in [false, true] {
        let peer = hear(&mut buyer, b"tea").await;
        let link = buyer.connect(peer).unwrap();
        let event = loop {
            let event = next_of_connection(&mut buyer).await;
            if !matches!(event, LinkEvent::Down { .. }) {
                break event;
            }
        };
        assert_eq!(event, LinkEvent::Up { link, initiator: true, mtu: 240 });
        let (accepted, _) = up(&mut seller).await;
        air.restart("seller", off_first);
        assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: accepted });
        assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
        let lost = said(&mut seller, &mut notices).await;
        assert!(matches!(lost, Notice::Lost(_)), "{lost:?}");
        if off_first {
            air.restart("seller", false);
        }
        assert_eq!(said(&mut seller, &mut notices).await, Notice::Back);
        air.until(|air| air.is_advertising("seller")).await;
    }
}

// [L-14]
#[tokio::test]
async fn a_second_buyer_finds_a_seller_whose_stack_sends_nothing_once_somebody_is_connected() {
    for one_advert in [false, true] {
        let air = Air::new(247);
        if one_advert {
            air.allow_one_advert();
        }
        let (mut seller, _) = air.link("seller");
        seller.announce(Some(b"tea")).await.unwrap();
        for name in ["first", "second", "third"] {
            let (mut buyer, _) = air.link(name);
            buyer.listen(true).await.unwrap();
            let peer = drive(&mut seller, hear(&mut buyer, b"tea")).await;
            let link = buyer.connect(peer).unwrap();
            assert_eq!(drive(&mut seller, up(&mut buyer)).await, (link, true));
            // It stays, and the next one comes.
            tokio::spawn(async move { while buyer.recv().await.is_ok() {} });
        }
    }
}

/// Does `work` while a link is driven beside it.
async fn drive<T>(link: &mut FakeLink, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        () = async { while link.recv().await.is_ok() {} } => unreachable!("the link goes on"),
    }
}

/// Waits for a notice; the link has to be driven meanwhile.
async fn said(link: &mut FakeLink, notices: &mut onehop_link::ble::Notices) -> Notice {
    crate::driver::soon(async {
        loop {
            tokio::select! {
                biased;
                notice = notices.next() => return notice.unwrap(),
                event = link.recv() => drop(event),
            }
        }
    })
    .await
}
