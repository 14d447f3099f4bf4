//! A device: a wallet, what of its log is durable, and what is written and not forced yet.

use std::sync::Arc;

use onehop_proto::{Balance, BuyerState, Config, LogRecord, PeerId, SellerState, State, Wallet};
use onehop_wire::{Hash, TxId, encode};

use crate::bundle::{name_of, name_of_all};

/// One device of a scene at one moment, with nothing left to put out.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) index: usize,
    /// The fold of all forced records.
    pub(crate) forced: State,
    /// Written lazily since: a power cut leaves any beginning of these.
    pub(crate) lazy: Vec<LogRecord>,
    pub(crate) wallet: Wallet,
    pub(crate) view: View,
    /// Stands for all of the above.
    pub(crate) name: u64,
}

/// How a payment stands with its buyer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bought {
    Refused,
    Prepared,
    Committed,
    Aborted,
    /// The office said PAID or DISPUTED.
    Settled,
    Voided,
}

/// How a payment stands with its seller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sold {
    Invited,
    Committed,
    Done,
    Redeemed,
    Lost,
    Aborted,
}

/// What properties look at, read off a device once.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) bought: Vec<(TxId, Bought, u64)>,
    pub(crate) sold: Vec<(TxId, Sold, u64)>,
    /// Entries that are durable, by payment.
    pub(crate) votes: Vec<(TxId, Hash)>,
    /// Entries that the seller's COMMITs name.
    pub(crate) accepted: Vec<(TxId, Hash)>,
    pub(crate) balance: Balance,
    /// The durable purse: checkpoint, its number, last entry, its total, whether it is closed.
    pub(crate) purse: Option<(Hash, u32, u64, u64, bool)>,
    /// Holds, and what was received, add up to the payments that say so.
    pub(crate) adds_up: bool,
    /// Live state is what the log says.
    pub(crate) is_logged: bool,
    pub(crate) sessions: u16,
    pub(crate) asked: Vec<TxId>,
    pub(crate) has_deadline: bool,
    pub(crate) has_probe: bool,
    pub(crate) has_claims: bool,
}

impl Device {
    pub(crate) fn new(
        index: usize,
        mut forced: State,
        mut lazy: Vec<LogRecord>,
        wallet: Wallet,
    ) -> Self {
        // With its clock begun anew, so that equal names mean equal timers.
        let mut wallet = wallet.fork([0; 32]);
        // Dates for people decide nothing.
        wallet.undate();
        forced.undate();
        lazy.iter_mut().for_each(LogRecord::undate);
        let view = View::of(&forced, &lazy, &wallet);
        let volatile = wallet.volatile();
        let mut parts = vec![index as u64, name_of(&encode(&forced)), name_of(&volatile)];
        parts.extend(lazy.iter().map(|record| name_of(&encode(record))));
        // Differs from what the log says only if something is broken.
        if !view.is_logged {
            parts.push(name_of(&encode(wallet.state())));
        }
        Self { index, forced, lazy, wallet, view, name: name_of_all(&parts) }
    }

    /// Starts from what is durable and the first `kept` of what is not. None: it must halt.
    pub(crate) fn recovered(&self, kept: usize, seed: [u8; 32]) -> Option<Wallet> {
        let snapshot = encode(&self.forced);
        let records = self.lazy.iter().take(kept).map(encode);
        let numbered = (2u64..).zip(records);
        Wallet::recover(Config::default(), seed, Some((1, &snapshot)), numbered).ok()
    }

    pub(crate) fn peer(other: usize) -> PeerId {
        PeerId(other as u64)
    }

    pub(crate) const fn in_session(&self, other: usize) -> bool {
        self.view.sessions & (1 << other) != 0
    }
}

impl View {
    fn of(forced: &State, lazy: &[LogRecord], wallet: &Wallet) -> Self {
        let state = wallet.state();
        let bought: Vec<_> = state
            .bought()
            .iter()
            .map(|(tx, payment)| (*tx, bought(&payment.state), payment.request.body.amount))
            .collect();
        let sold: Vec<_> = state
            .sold()
            .iter()
            .map(|(tx, payment)| (*tx, sold(&payment.state), payment.request.body.amount))
            .collect();
        let held: u64 = sum(&bought, &[Bought::Prepared]);
        let received: u64 = sum(&sold, &[Sold::Committed, Sold::Done]);
        let office = state.office().copied();
        let votes = forced
            .bought()
            .iter()
            .filter_map(|(tx, payment)| Some((*tx, payment.state.vote()?.agreed.hash(&office?))));
        let accepted = state
            .sold()
            .iter()
            .filter_map(|(tx, payment)| Some((*tx, payment.state.claim()?.commit.body.agreed)));
        let mut folded = forced.clone();
        let fits = lazy.iter().all(|record| folded.apply(record).is_ok());
        let due = wallet.poll_timeout();
        Self {
            votes: votes.collect(),
            accepted: accepted.collect(),
            balance: wallet.balance(),
            purse: forced.purse().map(|purse| {
                let number = purse.checkpoint.body.number;
                (purse.hash, number, purse.seq, purse.cum_out, purse.closed.is_some())
            }),
            adds_up: state.sums() == (held, received),
            is_logged: fits && folded == *state,
            sessions: (0..3u16)
                .filter(|other| wallet.session(PeerId(u64::from(*other))).is_some())
                .fold(0, |all, other| all | 1 << other),
            asked: wallet.questions_open(),
            has_deadline: due.is_some(),
            has_probe: due.is_some_and(|at| at < crate::clock::DEADLINE_MS),
            has_claims: sold.iter().any(|(_, at, _)| matches!(at, Sold::Committed | Sold::Done)),
            bought,
            sold,
        }
    }

    pub(crate) fn bought(&self, tx: &TxId) -> Option<Bought> {
        self.bought.iter().find(|(other, ..)| other == tx).map(|(_, at, _)| *at)
    }

    pub(crate) fn sold(&self, tx: &TxId) -> Option<Sold> {
        self.sold.iter().find(|(other, ..)| other == tx).map(|(_, at, _)| *at)
    }
}

fn sum<S: PartialEq>(payments: &[(TxId, S, u64)], states: &[S]) -> u64 {
    payments.iter().filter(|(_, at, _)| states.contains(at)).map(|(.., amount)| amount).sum()
}

const fn bought(state: &BuyerState) -> Bought {
    match state {
        BuyerState::Refused(_) => Bought::Refused,
        BuyerState::Prepared(_) => Bought::Prepared,
        BuyerState::Committed { .. } => Bought::Committed,
        BuyerState::Aborted { .. } => Bought::Aborted,
        BuyerState::Settled { .. } => Bought::Settled,
        BuyerState::Voided { .. } => Bought::Voided,
    }
}

const fn sold(state: &SellerState) -> Sold {
    match state {
        SellerState::Invited => Sold::Invited,
        SellerState::Committed { .. } => Sold::Committed,
        SellerState::Done { .. } => Sold::Done,
        SellerState::Redeemed { .. } => Sold::Redeemed,
        SellerState::Lost { .. } => Sold::Lost,
        SellerState::Aborted(_) => Sold::Aborted,
    }
}

/// A device that others hold too.
pub(crate) type Held = Arc<Device>;
