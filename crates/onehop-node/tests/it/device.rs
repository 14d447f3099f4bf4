//! A device with a running node, and a watch that remembers and interferes.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onehop_link::link::Link;
use onehop_node::{Act, Events, Go, Handle, Keeper, NodeError, Watch, start};
use onehop_proto::{Config, Event, PeerId, Standing, Terms, Wallet};
use onehop_store::{DataKey, Durability, Journal, Lsn, SimJournal};
use onehop_wire::{Money, OrderId, TxId, encode};
use tokio::task::JoinHandle;

use crate::office::{Office, inr};

/// Longer than any timer of the protocol, for paused clocks; a real one never waits that long.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

/// The key of every wallet's folder in these tests.
pub(crate) fn key() -> DataKey {
    DataKey::new(&[7; 32], [9; 16])
}

type Cuts = Arc<dyn Fn(&Act) -> bool + Send + Sync>;

/// Remembers all acts, and answers `Cut` to those that `cuts` names.
#[derive(Clone, Default)]
pub(crate) struct Script {
    acts: Arc<Mutex<Vec<(bool, Act)>>>,
    cuts: Option<Cuts>,
}

impl Script {
    pub(crate) fn cut_if(cuts: impl Fn(&Act) -> bool + Send + Sync + 'static) -> Self {
        Self { cuts: Some(Arc::new(cuts)), ..Self::default() }
    }

    /// All acts in order; `true` marks those that were done.
    pub(crate) fn acts(&self) -> Vec<(bool, Act)> {
        self.acts.lock().unwrap().clone()
    }

    /// Names of what was sent, in order.
    pub(crate) fn sent(&self) -> Vec<&'static str> {
        let name = |(is_done, act): (bool, Act)| {
            if let Act::Send { name, .. } = act { is_done.then_some(name) } else { None }
        };
        self.acts().into_iter().filter_map(name).collect()
    }
}

impl Watch for Script {
    fn before(&mut self, act: &Act) -> Go {
        self.acts.lock().unwrap().push((false, act.clone()));
        if self.cuts.as_ref().is_some_and(|cuts| cuts(act)) { Go::Cut } else { Go::On }
    }

    fn after(&mut self, act: &Act) {
        self.acts.lock().unwrap().push((true, act.clone()));
    }
}

pub(crate) fn is_persist(act: &Act, record: &'static str) -> bool {
    matches!(act, Act::Persist { records, .. } if records.contains(&record))
}

pub(crate) fn is_send(act: &Act, message: &str) -> bool {
    matches!(act, Act::Send { name, .. } if *name == message)
}

pub(crate) struct Device<J: Journal> {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
    pub(crate) task: JoinHandle<Result<Keeper<J>, NodeError>>,
    pub(crate) script: Script,
}

impl<J: Journal + Send + 'static> Device<J> {
    pub(crate) fn new(keeper: Keeper<J>, link: impl Link + 'static) -> Self {
        Self::scripted(keeper, link, Script::default())
    }

    pub(crate) fn scripted(keeper: Keeper<J>, link: impl Link + 'static, script: Script) -> Self {
        let (handle, events, task) = start(keeper, link, Box::new(script.clone()));
        Self { handle, events, task, script }
    }

    /// Waits for the event that `wanted` takes, and skips others.
    pub(crate) async fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event = soon(self.events.next()).await.expect("the node goes on");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    pub(crate) async fn found(&mut self, seller: &str) -> PeerId {
        self.until(|event| {
            if let Event::SellerFound { peer, name, .. } = event {
                (name == seller).then_some(peer)
            } else {
                None
            }
        })
        .await
    }

    pub(crate) async fn met(&mut self, other: &str) -> (PeerId, String) {
        self.until(|event| {
            if let Event::SessionOpen { peer, name, short_code, .. } = event {
                (name == other).then_some((peer, short_code))
            } else {
                None
            }
        })
        .await
    }

    pub(crate) async fn asked(&mut self) -> (TxId, Terms) {
        self.until(|event| {
            if let Event::Asked { tx, terms, .. } = event { Some((tx, terms)) } else { None }
        })
        .await
    }

    pub(crate) async fn told(&mut self, event: &Event) {
        self.until(|found| (found == *event).then_some(())).await;
    }

    pub(crate) async fn standing(&self, tx: TxId) -> Option<Standing> {
        self.handle.payment(tx).await.unwrap().map(|view| view.standing)
    }

    /// Stops the node in order.
    pub(crate) async fn stop(self) -> Keeper<J> {
        self.handle.stop().await;
        soon(self.task).await.unwrap().unwrap()
    }

    /// Ends the node at once, as a crash would.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(soon(self.task).await.is_err_and(|error| error.is_cancelled()));
    }
}

pub(crate) fn terms(minor: u64, order: &str) -> Terms {
    Terms {
        amount: Money::new(minor, inr()),
        order_id: OrderId::new(order).unwrap(),
        order: "two cups of tea".to_owned(),
        refund_of: None,
    }
}

/// A wallet on a simulated disk.
pub(crate) fn sim_keeper(
    office: &Office,
    name: &str,
    seed: u8,
    balance: u64,
) -> Keeper<SimJournal> {
    let mut keeper = keeper_on(SimJournal::new(), office, seed);
    office.enrol(&mut keeper, name, balance);
    keeper
}

/// A new wallet, not enrolled, on an empty journal.
pub(crate) fn keeper_on<J: Journal>(mut journal: J, office: &Office, seed: u8) -> Keeper<J> {
    journal.load().unwrap();
    let born = encode(&office.birth(seed).into_record());
    journal.append(Lsn(1), std::slice::from_ref(&born), Durability::Forced).unwrap();
    let wallet = Wallet::recover(Config::default(), [seed; 32], None, [(1, born)]).unwrap();
    Keeper::from_parts(wallet, journal).unwrap()
}
