//! What a payment does on two devices, whatever the link and the log are.

use onehop_link::link::Link;
use onehop_node::Keeper;
use onehop_proto::{Event, NotPaid, PeerId, Standing};
use onehop_store::Journal;
use onehop_wire::{RefusedReason, TxId};
use std::time::Duration;

use crate::device::{Device, Script, terms};

/// A seller "tea stall" and a buyer "asha" with 100.00, on links within hearing.
pub(crate) struct Two<J: Journal, L> {
    pub(crate) seller: (Keeper<J>, L),
    pub(crate) buyer: (Keeper<J>, L),
}

const LONG: Duration = Duration::from_secs(3_600);

/// Starts both devices and brings them into session; gives each one's peer.
pub(crate) async fn meet<J: Journal + Send + 'static, L: Link + 'static>(
    two: Two<J, L>,
    scripts: (Script, Script),
) -> ((Device<J>, PeerId), (Device<J>, PeerId)) {
    let mut seller = Device::scripted(two.seller.0, two.seller.1, scripts.0);
    let mut buyer = Device::scripted(two.buyer.0, two.buyer.1, scripts.1);
    seller.handle.sell().await.unwrap();
    buyer.handle.buy(LONG).await.unwrap();
    let found = buyer.found("tea stall").await;
    buyer.handle.introduce(found).await.unwrap();
    let (at_buyer, code) = buyer.met("tea stall").await;
    let (at_seller, same_code) = seller.met("asha").await;
    assert_eq!((at_buyer, code), (found, same_code));
    ((seller, at_seller), (buyer, at_buyer))
}

/// Brings restarted devices together again; the buyer has a payment in doubt.
pub(crate) async fn meet_again<J: Journal + Send + 'static, L: Link + 'static>(
    two: Two<J, L>,
) -> (Device<J>, Device<J>) {
    let seller = Device::new(two.seller.0, two.seller.1);
    let buyer = Device::new(two.buyer.0, two.buyer.1);
    seller.handle.sell().await.unwrap();
    buyer.handle.buy(LONG).await.unwrap();
    (seller, buyer)
}

pub(crate) async fn a_payment_is_paid_on_both_sides_with_three_forces<J, L>(two: Two<J, L>)
where
    J: Journal + Send + 'static,
    L: Link + 'static,
{
    let before = two.seller.0.forces() + two.buyer.0.forces();
    let ((mut seller, peer), (mut buyer, _)) = meet(two, Default::default()).await;
    let asked = terms(735, "order 1");
    let tx = seller.handle.request(peer, asked.clone()).await.unwrap();
    assert_eq!(buyer.asked().await, (tx, asked));
    buyer.handle.confirm(tx).await.unwrap();
    buyer.told(&Event::Paid { tx }).await;
    seller.told(&Event::Acknowledged { tx }).await;

    assert_eq!(buyer.handle.balance().await.unwrap().available, 10_000 - 735);
    assert_eq!(seller.handle.balance().await.unwrap().received_unsettled, 735);
    for device in [&seller, &buyer] {
        assert_eq!(device.standing(tx).await, Some(Standing::Paid));
        let receipt = device.handle.receipt(tx).await.unwrap().unwrap();
        assert_eq!(receipt.claim.commit.body.tx, tx);
    }
    assert_eq!(seller.script.sent(), ["HELLO-2", "COMMIT-REQUEST", "COMMIT"]);
    assert_eq!(buyer.script.sent(), ["HELLO-1", "HELLO-3", "AGREED", "COMMITTED"]);
    let (seller, buyer) = (seller.stop().await, buyer.stop().await);
    // Three, and the one by which a seller opens its first shop.
    assert_eq!(seller.forces() + buyer.forces() - before, 3 + 1);
}

pub(crate) async fn a_refused_payment_costs_nothing<J, L>(two: Two<J, L>)
where
    J: Journal + Send + 'static,
    L: Link + 'static,
{
    let ((mut seller, peer), (mut buyer, _)) = meet(two, Default::default()).await;
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    buyer.asked().await;
    buyer.handle.refuse(tx).await.unwrap();
    let event = Event::NotPaid { tx, why: NotPaid::Refused(RefusedReason::Declined) };
    buyer.told(&event).await;
    seller.told(&event).await;
    for device in [&seller, &buyer] {
        assert_eq!(device.standing(tx).await, Some(Standing::NotPaid));
    }
    assert_eq!(buyer.handle.balance().await.unwrap().available, 10_000);
    // The session goes on.
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    assert_eq!(buyer.asked().await.0, tx);
}

/// Pays until `scripts` cut in, and waits until both know, in whatever connection.
pub(crate) async fn a_cut_payment_ends_alike_in_another_connection<J, L>(
    two: Two<J, L>,
    scripts: (Script, Script),
) where
    J: Journal + Send + 'static,
    L: Link + 'static,
{
    let ((mut seller, peer), (mut buyer, _)) = meet(two, scripts).await;
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    buyer.asked().await;
    buyer.handle.confirm(tx).await.unwrap();
    let (again, _) = seller.met("asha").await;
    assert_ne!(again, peer);
    ends_paid(&mut seller, &mut buyer, tx).await;
}

/// Pays until the buyer is in doubt and the seller has decided, and gives the payment.
pub(crate) async fn left_in_doubt<J, L>(
    two: Two<J, L>,
    script: Script,
) -> (Device<J>, Device<J>, TxId)
where
    J: Journal + Send + 'static,
    L: Link + 'static,
{
    let ((mut seller, peer), (mut buyer, _)) = meet(two, (script, Script::default())).await;
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    buyer.asked().await;
    buyer.handle.confirm(tx).await.unwrap();
    let is_decided = |event: Event| matches!(event, Event::Accepted { .. }).then_some(());
    seller.until(is_decided).await;
    assert_eq!(buyer.standing(tx).await, Some(Standing::InDoubt));
    assert_eq!(seller.standing(tx).await, Some(Standing::Paid));
    (seller, buyer, tx)
}

pub(crate) async fn ends_paid<J: Journal + Send + 'static>(
    seller: &mut Device<J>,
    buyer: &mut Device<J>,
    tx: TxId,
) {
    buyer.told(&Event::Paid { tx }).await;
    seller.told(&Event::Acknowledged { tx }).await;
    for device in [seller, buyer] {
        assert_eq!(device.standing(tx).await, Some(Standing::Paid));
    }
}
