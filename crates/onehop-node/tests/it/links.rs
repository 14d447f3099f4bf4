//! The payments over both links: in memory with a paused clock, and over sockets with files.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use onehop_link::lan::{LanConfig, LanLink};
use onehop_link::loopback::{Hub, LoopbackLink};
use onehop_node::{Act, Keeper};
use onehop_proto::{Config, Event, Standing};
use onehop_store::SimJournal;
use tempfile::TempDir;

use crate::device::{Device, Script, is_persist, is_send, key, sim_keeper, soon, terms};
use crate::office::Office;
use crate::payments::{self, Two, ends_paid, left_in_doubt, meet, meet_again};

const MTU: usize = 185;

/// The air between devices, with look-ups repeated as on a real link.
fn air() -> Hub {
    let hub = Hub::new(MTU);
    let again = hub.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            again.announce_again();
        }
    });
    hub
}

fn in_memory() -> Two<SimJournal, LoopbackLink> {
    let (office, hub) = (Office::new(), air());
    Two {
        seller: (sim_keeper(&office, "tea stall", 10, 0), hub.join()),
        buyer: (sim_keeper(&office, "asha", 11, 10_000), hub.join()),
    }
}

/// Two folders and a port of their own.
struct OnDisk {
    dir: TempDir,
    config: LanConfig,
}

impl OnDisk {
    fn new() -> Self {
        let free = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let config = LanConfig {
            port: free.local_addr().unwrap().port(),
            interface: Some(Ipv4Addr::LOCALHOST),
            announce_every: Duration::from_millis(50),
            ..LanConfig::default()
        };
        Self { dir: TempDir::new().unwrap(), config }
    }

    fn create(&self) -> Two<onehop_store::SledJournal, LanLink> {
        let office = Office::new();
        let make = |name: &str, seed, balance| {
            let birth = office.birth(seed);
            let mut keeper =
                Keeper::create(&self.path(name), key(), birth, Config::default()).unwrap();
            office.enrol(&mut keeper, name, balance);
            (keeper, self.link())
        };
        Two { seller: make("tea stall", 10, 0), buyer: make("asha", 11, 10_000) }
    }

    fn open(&self) -> Two<onehop_store::SledJournal, LanLink> {
        let open = |name| {
            let keeper = Keeper::open(&self.path(name), key(), Config::default()).unwrap();
            (keeper, self.link())
        };
        Two { seller: open("tea stall"), buyer: open("asha") }
    }

    fn link(&self) -> LanLink {
        LanLink::new(self.config)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(Path::new(name))
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_paid_on_both_sides_with_three_forces_in_memory() {
    payments::a_payment_is_paid_on_both_sides_with_three_forces(in_memory()).await;
}

#[tokio::test]
async fn a_payment_is_paid_on_both_sides_with_three_forces_on_disk() {
    let on_disk = OnDisk::new();
    payments::a_payment_is_paid_on_both_sides_with_three_forces(on_disk.create()).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_payment_costs_nothing_in_memory() {
    payments::a_refused_payment_costs_nothing(in_memory()).await;
}

#[tokio::test]
async fn a_refused_payment_costs_nothing_on_disk() {
    let on_disk = OnDisk::new();
    payments::a_refused_payment_costs_nothing(on_disk.create()).await;
}

/// Cuts once, at the first act that `at` names.
fn once(at: impl Fn(&Act) -> bool + Send + Sync + 'static) -> Script {
    let is_cut = std::sync::atomic::AtomicBool::new(false);
    Script::cut_if(move |act| at(act) && !is_cut.swap(true, std::sync::atomic::Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn a_payment_cut_after_agreed_ends_alike_in_another_connection_in_memory() {
    let at_seller: [fn(&Act) -> bool; 2] =
        [|act| is_persist(act, "SELLER-COMMITTED"), |act| is_send(act, "COMMIT")];
    for at in at_seller {
        let scripts = (once(at), Script::default());
        payments::a_cut_payment_ends_alike_in_another_connection(in_memory(), scripts).await;
    }
    let at_buyer: [fn(&Act) -> bool; 2] =
        [|act| is_persist(act, "PREPARED"), |act| is_send(act, "AGREED")];
    for at in at_buyer {
        let scripts = (Script::default(), once(at));
        payments::a_cut_payment_ends_alike_in_another_connection(in_memory(), scripts).await;
    }
}

#[tokio::test]
async fn a_payment_cut_after_agreed_ends_alike_in_another_connection_on_disk() {
    let on_disk = OnDisk::new();
    let scripts = (once(|act| is_send(act, "COMMIT")), Script::default());
    payments::a_cut_payment_ends_alike_in_another_connection(on_disk.create(), scripts).await;
}

#[tokio::test]
async fn both_devices_crash_in_the_middle_and_end_alike_after_reopening_their_folders() {
    let on_disk = OnDisk::new();
    let never = Script::cut_if(|act| is_send(act, "COMMIT"));
    let (seller, buyer, tx) = left_in_doubt(on_disk.create(), never).await;
    seller.crash().await;
    buyer.crash().await;
    let (mut seller, mut buyer) = meet_again(on_disk.open()).await;
    assert_eq!(buyer.standing(tx).await, Some(Standing::InDoubt));
    ends_paid(&mut seller, &mut buyer, tx).await;
    // And once more, now that nothing is open.
    let (seller, buyer) = (seller.stop().await, buyer.stop().await);
    assert_eq!(seller.wallet().balance().received_unsettled, 735);
    assert_eq!(buyer.wallet().balance().available, 10_000 - 735);
    drop((seller, buyer));
    let two = on_disk.open();
    for keeper in [&two.seller.0, &two.buyer.0] {
        assert_eq!(keeper.payment(&tx).unwrap().unwrap().standing, Standing::Paid);
        assert!(keeper.receipt(&tx).unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_seller_crash_before_the_vote_ends_not_paid_on_both_sides() {
    let on_disk = OnDisk::new();
    let hub = air();
    let on_air = |two: Two<_, LanLink>| Two {
        seller: (two.seller.0, hub.join()),
        buyer: (two.buyer.0, hub.join()),
    };
    let deaf = Script::cut_if(|act| is_send(act, "AGREED"));
    let two = on_air(on_disk.create());
    let ((seller, peer), (mut buyer, _)) = meet(two, (Script::default(), deaf)).await;
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    buyer.asked().await;
    buyer.handle.confirm(tx).await.unwrap();
    seller.crash().await;
    buyer.crash().await;
    let (mut seller, mut buyer) = meet_again(on_air(on_disk.open())).await;
    let not_paid = |event| matches!(event, Event::NotPaid { .. }).then_some(());
    buyer.until(not_paid).await;
    assert_eq!(buyer.standing(tx).await, Some(Standing::NotPaid));
    assert_eq!(seller.standing(tx).await, Some(Standing::NotPaid));
    assert_eq!(buyer.handle.balance().await.unwrap().available, 10_000);
    seller.met("asha").await;
}

#[tokio::test(start_paused = true)]
async fn a_radio_that_fades_and_returns_within_the_grace_time_goes_unnoticed() {
    let (office, hub) = (Office::new(), air());
    let (here, there) = (hub.join(), hub.join());
    let places = (here.place(), there.place());
    let two = Two {
        seller: (sim_keeper(&office, "tea stall", 10, 0), here),
        buyer: (sim_keeper(&office, "asha", 11, 10_000), there),
    };
    let ((mut seller, peer), (mut buyer, _)) = meet(two, Default::default()).await;
    hub.cut(places.0, places.1);
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    hub.restore(places.0, places.1);
    buyer.asked().await;
    hub.cut(places.0, places.1);
    buyer.handle.confirm(tx).await.unwrap();
    hub.restore(places.0, places.1);
    ends_paid(&mut seller, &mut buyer, tx).await;
    assert_eq!(seller.script.sent().iter().filter(|name| **name == "HELLO-2").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_seller_that_met_two_buyers_asks_the_one_it_picks() {
    let (office, hub) = (Office::new(), air());
    let mut seller = Device::new(sim_keeper(&office, "tea stall", 10, 0), hub.join());
    let mut asha = Device::new(sim_keeper(&office, "asha", 11, 10_000), hub.join());
    let mut ravi = Device::new(sim_keeper(&office, "ravi", 12, 10_000), hub.join());
    seller.handle.sell().await.unwrap();
    let mut peers = Vec::new();
    for (buyer, name) in [(&mut asha, "asha"), (&mut ravi, "ravi")] {
        buyer.handle.buy(Duration::from_secs(3_600)).await.unwrap();
        let found = buyer.found("tea stall").await;
        buyer.handle.introduce(found).await.unwrap();
        buyer.met("tea stall").await;
        peers.push(seller.met(name).await.0);
    }
    let tx = seller.handle.request(peers[1], terms(500, "order 1")).await.unwrap();
    assert_eq!(ravi.asked().await.0, tx);
    ravi.handle.confirm(tx).await.unwrap();
    ends_paid(&mut seller, &mut ravi, tx).await;
    assert_eq!(asha.standing(tx).await, None);
    let asha = asha.stop().await;
    assert_eq!(asha.history(10).unwrap(), []);
    assert_eq!(asha.wallet().balance().available, 10_000);
}

#[tokio::test]
async fn a_buyer_that_hears_two_sellers_pays_the_one_it_picks() {
    let (office, on_disk) = (Office::new(), OnDisk::new());
    let mut tea = Device::new(sim_keeper(&office, "tea stall", 10, 0), on_disk.link());
    let mut books = Device::new(sim_keeper(&office, "book shop", 12, 0), on_disk.link());
    let mut buyer = Device::new(sim_keeper(&office, "asha", 11, 10_000), on_disk.link());
    for seller in [&mut tea, &mut books] {
        seller.handle.sell().await.unwrap();
    }
    buyer.handle.buy(Duration::from_secs(3_600)).await.unwrap();
    let mut found = std::collections::BTreeMap::new();
    while found.len() < 2 {
        let (name, peer) = buyer
            .until(|event| {
                if let Event::SellerFound { name, peer, .. } = event {
                    Some((name, peer))
                } else {
                    None
                }
            })
            .await;
        found.insert(name, peer);
    }
    buyer.handle.introduce(found["book shop"]).await.unwrap();
    let (peer, _) = books.met("asha").await;
    let tx = books.handle.request(peer, terms(2_500, "order 1")).await.unwrap();
    assert_eq!(buyer.asked().await.0, tx);
    buyer.handle.confirm(tx).await.unwrap();
    ends_paid(&mut books, &mut buyer, tx).await;
    // The other seller never learned who was there.
    assert_eq!(tea.handle.history(10).await.unwrap(), []);
    tea.handle.stop().await;
    while let Some(event) = soon(tea.events.next()).await {
        assert!(!matches!(event, Event::SessionOpen { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_in_buyer_mode_connects_to_nobody() {
    let two = in_memory();
    let seller = Device::new(two.seller.0, two.seller.1);
    let mut buyer = Device::new(two.buyer.0, two.buyer.1);
    seller.handle.sell().await.unwrap();
    buyer.handle.buy(Duration::from_secs(5)).await.unwrap();
    buyer.found("tea stall").await;
    let (acts, quiet) = (buyer.script.acts().len(), Duration::from_secs(60));
    // The clock is paused: this is the time in which everything due has happened.
    assert!(tokio::time::timeout(quiet, buyer.events.next()).await.is_err());
    let later = buyer.script.acts().split_off(acts);
    assert!(later.iter().all(|(_, act)| matches!(act, Act::Down { .. })), "{later:?}");
}
