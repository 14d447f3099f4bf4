//! The link in memory.

use onehop_link::{
    link::{Link, LinkEvent},
    loopback::{Hub, LoopbackLink, Place},
};

use crate::{
    conformance::{self, Bench},
    driver::{hear, next_of_connection, up},
};

struct InMemory(Hub);

impl Bench for InMemory {
    type Link = LoopbackLink;

    fn link(&mut self) -> LoopbackLink {
        self.0.join()
    }
}

fn bench() -> InMemory {
    InMemory(Hub::new(1_400))
}

conformance::every_link!(bench());

#[tokio::test]
async fn a_thousand_messages_cross_in_spite_of_cuts_and_changing_mtus() {
    let hub = Hub::new(200);
    let (seller, buyer) = (hub.join(), hub.join());
    let (one, other) = (seller.place(), buyer.place());
    let mut cuts = 0;
    conformance::a_thousand_messages_cross(seller, buyer, |_, got| {
        if got / 100 > cuts {
            cuts = got / 100;
            hub.cut(one, other);
            hub.set_mtu(if cuts % 2 == 0 { 200 } else { 23 });
            hub.restore(one, other);
        }
    })
    .await;
    assert_eq!(cuts, 10);
}

#[tokio::test]
async fn places_that_are_cut_apart_do_not_hear_each_other_until_restored() {
    let hub = Hub::new(100);
    let (mut seller, mut buyer) = (hub.join(), hub.join());
    buyer.listen(true).await.unwrap();
    seller.announce(Some(b"tea")).await.unwrap();
    let peer = hear(&mut buyer, b"tea").await;
    let link = buyer.connect(peer).unwrap();
    assert_eq!(up(&mut buyer).await.0, link);
    hub.cut(Place(1), Place(0));
    assert_eq!(next_of_connection(&mut buyer).await, LinkEvent::Down { link });
    hub.announce_again();
    let refused = buyer.connect(peer).unwrap();
    assert_eq!(buyer.recv().await.unwrap(), LinkEvent::Down { link: refused });
    hub.restore(Place(0), Place(1));
    hub.announce_again();
    assert_eq!(hear(&mut buyer, b"tea").await, peer);
}
