//! A log that fails: the node halts before it says anything that depends on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use onehop_link::loopback::Hub;
use onehop_node::{CommandError, NodeError};
use onehop_proto::{Event, NotPaid};
use onehop_store::journal::LoadError;
use onehop_store::sim_journal::DiskFault;
use onehop_store::{AppendError, Durability, Journal, Loaded, Lsn, Row, SimJournal};
use onehop_wire::AbortReason;

use crate::device::{Device, Script, is_persist, keeper_on, sim_keeper, soon, terms};
use crate::office::Office;
use crate::payments::{Two, meet};

/// A journal whose disk fails on order: the operation after the next `n - 1`, once `n` is not 0.
#[derive(Debug)]
struct Breakable {
    journal: SimJournal,
    order: Arc<AtomicU8>,
}

impl Journal for Breakable {
    fn load(&mut self) -> Result<Loaded, LoadError> {
        self.journal.load()
    }

    fn append(
        &mut self,
        first: Lsn,
        records: &[Vec<u8>],
        durability: Durability,
    ) -> Result<(), AppendError> {
        if let Some(after) = self.order.swap(0, Ordering::Relaxed).checked_sub(1) {
            self.journal.fail_after(after.into(), DiskFault::Io);
        }
        self.journal.append(first, records, durability)
    }

    fn snapshot(&mut self, upto: Lsn, state: &[u8], archived: &[Row]) -> Result<(), AppendError> {
        self.journal.snapshot(upto, state, archived)
    }

    fn archived(
        &self,
        from: Option<&[u8]>,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Row>, LoadError> {
        self.journal.archived(from, reverse, limit)
    }

    fn archived_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LoadError> {
        self.journal.archived_get(key)
    }

    fn forces(&self) -> u64 {
        self.journal.forces()
    }
}

/// [S-4]
#[tokio::test(start_paused = true)]
async fn a_buyer_whose_log_fails_on_the_vote_halts_before_it_votes() {
    let office = Office::new();
    // The write fails, or the barrier after it.
    for after in [1, 2] {
        let hub = Hub::new(185);
        let order = Arc::new(AtomicU8::new(0));
        let keeper = |order: &Arc<AtomicU8>, name: &str, seed, balance| {
            let journal = Breakable { journal: SimJournal::new(), order: Arc::clone(order) };
            let mut keeper = keeper_on(journal, &office, seed);
            office.enrol(&mut keeper, name, balance);
            keeper
        };
        let sound = Arc::new(AtomicU8::new(0));
        let two = Two {
            seller: (keeper(&sound, "tea stall", 10, 0), hub.join()),
            buyer: (keeper(&order, "asha", 11, 10_000), hub.join()),
        };
        let breaks = {
            let order = Arc::clone(&order);
            Script::cut_if(move |act| {
                if is_persist(act, "PREPARED") {
                    order.store(after, Ordering::Relaxed);
                }
                false
            })
        };
        let ((mut seller, peer), (mut buyer, _)) = meet(two, (Script::default(), breaks)).await;
        let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
        buyer.asked().await;
        let answer = buyer.handle.confirm(tx).await;
        assert!(matches!(answer, Err(CommandError::Stopped)));
        let error = soon(buyer.task).await.unwrap().unwrap_err();
        assert!(matches!(error, NodeError::Append { .. }), "{error:?}");
        let (is_done, last) = buyer.script.acts().pop().unwrap();
        assert!(!is_done && is_persist(&last, "PREPARED"), "{last:?}");
        // The seller hears nothing, and waives the request in the end.
        let why = NotPaid::Aborted(AbortReason::Expired);
        seller.told(&Event::NotPaid { tx, why }).await;
    }
}

/// [S-4]
#[tokio::test(start_paused = true)]
async fn a_seller_whose_log_fails_on_the_decision_halts_before_it_decides() {
    let office = Office::new();
    let (hub, order) = (Hub::new(185), Arc::new(AtomicU8::new(0)));
    let journal = Breakable { journal: SimJournal::new(), order: Arc::clone(&order) };
    let mut keeper = keeper_on(journal, &office, 10);
    office.enrol(&mut keeper, "tea stall", 0);
    let breaks = Script::cut_if(move |act| {
        if is_persist(act, "SELLER-COMMITTED") {
            order.store(2, Ordering::Relaxed);
        }
        false
    });
    let mut seller = Device::scripted(keeper, hub.join(), breaks);
    let mut buyer = Device::new(sim_keeper(&office, "asha", 11, 10_000), hub.join());
    seller.handle.sell().await.unwrap();
    buyer.handle.buy(std::time::Duration::from_secs(60)).await.unwrap();
    let found = buyer.found("tea stall").await;
    buyer.handle.introduce(found).await.unwrap();
    let (peer, _) = seller.met("asha").await;
    let tx = seller.handle.request(peer, terms(735, "order 1")).await.unwrap();
    buyer.asked().await;
    buyer.handle.confirm(tx).await.unwrap();
    let error = soon(seller.task).await.unwrap().unwrap_err();
    assert!(matches!(error, NodeError::Append { .. }), "{error:?}");
    assert!(!seller.script.sent().contains(&"COMMIT"));
    let balance = buyer.handle.balance().await.unwrap();
    assert_eq!(balance.held + balance.in_doubt, 735);
}
