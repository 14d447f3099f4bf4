//! Snapshots, and what is erased behind them: payments that are final and settled (spec §7.5).

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{Now, TxId, UnixSeconds, encode};

use crate::payment::{BuyerState, SellerState};
use crate::seller::calendar;
use crate::state::{State, order_mark};
use crate::wallet::Wallet;

/// Key and value of one row of the archive.
pub type Row = (Vec<u8>, Vec<u8>);

/// A snapshot to be stored, and what may be erased once it is.
#[derive(Clone, Debug)]
pub struct Compaction {
    /// Log sequence number of the last record that the snapshot contains.
    pub upto: u64,
    /// The snapshot.
    pub snapshot: Vec<u8>,
    /// Keys and values for the archive of finished payments.
    pub archived: Vec<Row>,
    state: State,
}

impl Wallet {
    /// A snapshot, if enough was recorded since the last one and nothing waits to be persisted.
    ///
    /// Store it together with the archive rows in one atomic, forced step, then call
    /// [`Wallet::compacted`]. The covered floor is raised in that same step.
    #[must_use]
    pub fn compaction(&self, now: Now, at_once: bool) -> Option<Compaction> {
        let upto = self.outbox_ref().last_lsn();
        let since = upto.saturating_sub(self.compacted_lsn);
        if !self.outbox_ref().is_idle()
            || since == 0
            || (!at_once && since < self.config.compact_after)
        {
            return None;
        }
        let (state, archived) = self.state.pruned(calendar(now.unix, self.state.newest_issued));
        let upto = upto.saturating_sub(u64::from(mutant::is(Mutant::SnapshotBehind)));
        Some(Compaction { upto, snapshot: encode(&state), archived, state })
    }

    /// The compaction is durable: what it erased is forgotten.
    pub fn compacted(&mut self, compaction: Compaction) {
        self.state = compaction.state;
        self.compacted_lsn = compaction.upto;
    }
}

impl State {
    /// This state without payments that are final and settled, and rows for the archive.
    fn pruned(&self, today: UnixSeconds) -> (Self, Vec<Row>) {
        let mut state = self.clone();
        state.board.prune(today);
        state.orders_past.retain(|_, until| *until >= today);
        state.past.retain(|_, past| past.until >= today);
        let mut archived = self.prune_bought(&mut state, today);
        archived.extend(self.prune_sold(&mut state, today));
        state.forget_refunds(today);
        let used: Vec<_> = state
            .buyer
            .values()
            .filter_map(|payment| payment.state.vote())
            .map(|vote| vote.agreed.body.checkpoint)
            .collect();
        state.old_purses.retain(|hash, _| used.contains(hash));
        (state, archived)
    }

    fn prune_bought(&self, state: &mut Self, today: UnixSeconds) -> Vec<Row> {
        let open = self.purse.as_ref().map(|purse| purse.hash);
        let mut archived = Vec::new();
        for (tx, payment) in &self.buyer {
            let terms = &payment.request.body;
            let past = today > terms.redeem_by;
            let under_open =
                payment.state.vote().is_some_and(|vote| Some(vote.agreed.body.checkpoint) == open);
            let (finished, paid) = match &payment.state {
                BuyerState::Prepared(_) => (false, false),
                BuyerState::Refused(_) => (true, false),
                BuyerState::Committed { .. } => (true, true),
                BuyerState::Settled { .. } => (true, true),
                BuyerState::Aborted { .. } | BuyerState::Voided { .. } => {
                    (past && !self.returning.contains_key(tx), false)
                }
            };
            // The office may not know that it was paid, and needs that to judge a refund of it.
            let is_needed = self.untold.contains(tx) && self.has_open_refund(tx);
            if !finished || under_open || is_needed {
                continue;
            }
            archived.push(self.archive_row(tx, terms.redeem_by));
            state.buyer.remove(tx);
            state.retire_bought(tx, payment);
            if paid {
                state.orders_out.remove(&(terms.payee, terms.order_id.clone()));
                let mark = order_mark(&terms.payee, &terms.order_id);
                state.orders_past.insert(mark, terms.redeem_by);
            }
        }
        archived
    }

    fn prune_sold(&self, state: &mut Self, today: UnixSeconds) -> Vec<Row> {
        let mut archived = Vec::new();
        for (tx, payment) in &self.seller {
            let terms = &payment.request.body;
            let finished = match &payment.state {
                SellerState::Redeemed { .. } | SellerState::Lost { .. } => true,
                SellerState::Aborted(_) => today > terms.redeem_by,
                SellerState::Invited | SellerState::Committed { .. } | SellerState::Done { .. } => {
                    false
                }
            };
            if !finished {
                continue;
            }
            archived.push(self.archive_row(tx, terms.redeem_by));
            state.seller.remove(tx);
            state.retire_sold(tx, payment);
            if state.orders_in.get(&terms.order_id) == Some(tx) {
                state.orders_in.remove(&terms.order_id);
            }
            if payment.state.claim().is_some() {
                let mark = order_mark(&terms.payee, &terms.order_id);
                state.orders_past.insert(mark, terms.redeem_by);
            }
            if !mutant::is(Mutant::PrunedWithoutFloor) {
                state.floor = state.floor.max(terms.number);
            }
        }
        archived
    }

    fn archive_row(&self, tx: &TxId, redeem_by: UnixSeconds) -> Row {
        let mut key = redeem_by.0.to_be_bytes().to_vec();
        key.extend_from_slice(tx.as_bytes());
        (key, encode(&(self.payment(tx), self.receipt(tx))))
    }
}
