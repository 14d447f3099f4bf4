//! What goes wrong on the way: cuts, sellers that vanish, programs that end.

use onehop_link::{
    channels::ChannelsOutput,
    framing::ChannelId,
    link::{Link as _, LinkError, LinkEvent, PeerRef},
};

use super::air::{Air, Weather};
use crate::driver::{Device, hear, next_of_connection, soon, up};

// [L-1] [L-13]
#[tokio::test]
async fn a_message_that_was_cut_off_in_the_middle_arrives_whole_after_the_cut() {
    let air = Air::new(23);
    let ((seller, _), (buyer, _)) = (air.link("seller"), air.link("buyer"));
    let (mut seller, mut buyer) = (Device::new(seller), Device::new(buyer));
    seller.link.announce(Some(b"tea")).await.unwrap();
    buyer.link.listen(true).await.unwrap();
    let peer = hear(&mut buyer.link, b"tea").await;
    let id = ChannelId([3; 8]);
    buyer.channels.connect(buyer.now(), id, peer).unwrap();
    let message: Vec<u8> = (0..9_000_u32).map(|n| (n % 251) as u8).collect();
    buyer.channels.send(id, message.clone()).unwrap();
    let mut cuts = 0;
    air.set_weather(Weather { loss: 2, repeat: 2, overtaken: 2 });
    let (cut_at, mut looks) = ([40, 200, 400], 0);
    let got = soon(async {
        loop {
            tokio::select! {
                output = seller.see() => if let ChannelsOutput::Message { bytes, .. } = output {
                    return bytes;
                },
                output = buyer.see() => assert!(!matches!(output, ChannelsOutput::Down { .. })),
                () = tokio::task::yield_now() => {
                    looks += 1;
                    if cut_at.contains(&looks) {
                        air.cut("buyer");
                        cuts += 1;
                    } else if cut_at.contains(&(looks - 20)) {
                        air.restore("buyer");
                    }
                }
            }
        }
    })
    .await;
    assert!(got == message, "the message is damaged");
    assert!(cuts > 0, "nothing was cut");
}

#[tokio::test]
async fn a_seller_that_vanishes_takes_its_connection_with_it_and_is_found_again() {
    let air = Air::new(185);
    let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    up(&mut buyer).await;
    let (accepted, _) = up(&mut seller).await;
    air.cut("seller");
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: accepted });
    // Meanwhile it cannot be reached, which is said once for each try.
    let link = buyer.connect(peer).unwrap();
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
    air.restore("seller");
    let link = buyer.connect(peer).unwrap();
    assert_eq!(up(&mut buyer).await, (link, true));
}

#[tokio::test]
async fn a_program_that_ends_leaves_no_connection_and_no_advertisement() {
    let air = Air::new(185);
    let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    buyer.connect(peer).unwrap();
    up(&mut buyer).await;
    let (accepted, _) = up(&mut seller).await;
    drop(buyer);
    assert_eq!(next_of_connection(&mut seller).await, LinkEvent::Down { link: accepted });
    air.until(|air| air.connections() == 0).await;
    drop(seller);
    air.until(|air| !air.is_advertising("seller") && !air.is_serving("seller")).await;
}

#[tokio::test]
async fn a_connection_that_nobody_wants_is_left_and_so_is_who_was_never_heard() {
    let air = Air::new(185);
    let ((mut seller, _), (mut buyer, _)) = (air.link("seller"), air.link("buyer"));
    let refused = buyer.connect(PeerRef(0));
    assert!(matches!(refused, Err(LinkError::UnknownPeer { .. })));
    seller.announce(Some(b"tea")).await.unwrap();
    buyer.listen(true).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    // Closed before it is up: it goes down, once.
    let link = buyer.connect(peer).unwrap();
    buyer.close(link);
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
    buyer.listen(false).await.unwrap();
    air.until(|air| air.connections() == 0).await;
}
