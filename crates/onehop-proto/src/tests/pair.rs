//! Two wallets, a lossy channel and a virtual clock, driven as the contract says.

use std::collections::VecDeque;

use crate::{Config, Event, Output, PaymentView, PeerId, Standing, Terms, Wallet};
use onehop_wire::{Money, Now, Text, TxId, encode};

use super::office::{Office, TODAY};

/// One wallet with its log.
pub(crate) struct Device {
    pub(crate) wallet: Wallet,
    pub(crate) log: Vec<Vec<u8>>,
    pub(crate) forced_len: usize,
    pub(crate) forces: usize,
    pub(crate) records: Vec<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) said: Vec<&'static str>,
    pub(crate) out: VecDeque<(PeerId, Vec<u8>, &'static str)>,
    /// Persists and transmits it still lives to do; none: it lives for ever.
    pub(crate) acts_left: Option<usize>,
    pub(crate) dead: bool,
}

impl Device {
    pub(crate) fn start(log: Vec<Vec<u8>>, seed: u8) -> Self {
        let numbered = log.iter().cloned().enumerate().map(|(i, bytes)| (i as u64 + 1, bytes));
        let wallet = Wallet::recover(Config::default(), [seed; 32], None, numbered).unwrap();
        let forced_len = log.len();
        let mut device = Self {
            wallet,
            log,
            forced_len,
            forces: 0,
            records: Vec::new(),
            events: Vec::new(),
            said: Vec::new(),
            out: VecDeque::new(),
            acts_left: None,
            dead: false,
        };
        device.drain();
        device
    }

    /// Carries out every output, as a driver with a perfect disk would.
    pub(crate) fn drain(&mut self) {
        while !self.dead {
            let Some(output) = self.wallet.poll_output() else {
                return;
            };
            if matches!(output, Output::Persist(_) | Output::Transmit { .. }) {
                if self.acts_left == Some(0) {
                    self.dead = true;
                    self.out.clear();
                    return;
                }
                self.acts_left = self.acts_left.map(|left| left - 1);
            }
            match output {
                Output::Persist(batch) => {
                    assert_eq!(batch.first, self.log.len() as u64 + 1, "records are in order");
                    self.records.extend(batch.records.iter().map(name_of));
                    self.log.extend(batch.records.iter().map(encode));
                    if batch.forced {
                        self.forces += 1;
                        self.forced_len = self.log.len();
                        let last = batch.last();
                        assert_eq!(self.wallet.poll_output(), None, "the barrier holds");
                        self.wallet.persisted(last);
                    }
                }
                Output::Transmit { peer, bytes, name } => {
                    self.said.push(name);
                    self.out.push_back((peer, bytes, name));
                }
                Output::Disconnect(_) => {}
                Output::Notify(event) => self.events.push(event),
            }
        }
    }

    /// What a power cut leaves: all forced records, and the lazy ones after them or not.
    pub(crate) fn restarted(&self, keep_lazy: bool, seed: u8) -> Self {
        let len = if keep_lazy { self.log.len() } else { self.forced_len };
        Self::start(self.log[..len].to_vec(), seed)
    }

    pub(crate) fn view(&self, tx: &TxId) -> Option<PaymentView> {
        self.wallet.state().payment(tx)
    }

    pub(crate) fn state(&self, tx: &TxId) -> String {
        self.view(tx).map_or_else(|| "NONE".to_owned(), |view| view.state)
    }
}

fn name_of(record: &crate::LogRecord) -> String {
    let text = format!("{record:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// What happens to one packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    Arrives,
    Lost,
    Doubled,
}

pub(crate) struct Pair {
    pub(crate) office: Office,
    pub(crate) seller: Device,
    pub(crate) buyer: Device,
    pub(crate) now_ms: u64,
    pub(crate) peer: PeerId,
    connections: u64,
}

pub(crate) const BUYER_FUNDS: u64 = 100_000;

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(Office::new(1), BUYER_FUNDS)
    }

    pub(crate) fn with(office: Office, funds: u64) -> Self {
        let seller = Device::start(office.enrolled(11, "tea stall", 0), 21);
        let buyer = Device::start(office.enrolled(12, "asha", funds), 22);
        Self { office, seller, buyer, now_ms: 1_000, peer: PeerId(0), connections: 0 }
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono_ms: self.now_ms, unix: TODAY }
    }

    /// Opens shop and buyer mode and a fresh channel; nothing is delivered yet.
    pub(crate) fn connect(&mut self) {
        self.disconnect();
        self.connections += 1;
        self.peer = PeerId(self.connections);
        let now = self.now();
        let lookup = self.seller.wallet.open_shop().unwrap();
        self.buyer.wallet.open_buyer_mode(now, 10_000_000).unwrap();
        self.seller.wallet.handle_up_as_seller(now, self.peer);
        self.buyer.wallet.handle_up_as_buyer(now, self.peer, &lookup);
    }

    pub(crate) fn disconnect(&mut self) {
        self.seller.wallet.handle_down(self.peer);
        self.buyer.wallet.handle_down(self.peer);
        self.seller.drain();
        self.buyer.drain();
        self.seller.out.clear();
        self.buyer.out.clear();
    }

    /// Delivers until both are quiet. The buyer's person greets every seller and says yes.
    pub(crate) fn run(&mut self, fate: &mut dyn FnMut(&'static str) -> Fate) {
        loop {
            self.seller.drain();
            self.buyer.drain();
            self.greet();
            if !self.step(fate) {
                return;
            }
        }
    }

    pub(crate) fn run_well(&mut self) {
        self.run(&mut |_| Fate::Arrives);
    }

    fn greet(&mut self) {
        let now = self.now();
        let found =
            self.buyer.events.iter().any(
                |event| matches!(event, Event::SellerFound { peer, .. } if *peer == self.peer),
            );
        if found && self.buyer.wallet.introduce(now, self.peer).is_ok() {
            self.buyer.drain();
        }
    }

    /// Moves one packet; false if there is none.
    pub(crate) fn step(&mut self, fate: &mut dyn FnMut(&'static str) -> Fate) -> bool {
        let now = self.now();
        let (from, to) = if self.seller.out.is_empty() {
            (&mut self.buyer, &mut self.seller)
        } else {
            (&mut self.seller, &mut self.buyer)
        };
        let Some((peer, bytes, name)) = from.out.pop_front() else {
            return false;
        };
        let times = match fate(name) {
            Fate::Arrives => 1,
            Fate::Lost => 0,
            Fate::Doubled => 2,
        };
        if peer == self.peer && !to.dead {
            for _ in 0..times {
                to.wallet.handle_packet(now, peer, &bytes);
                to.drain();
            }
        }
        true
    }

    /// Lets `ms` pass, in steps, with both sides' timers.
    pub(crate) fn wait(&mut self, ms: u64, fate: &mut dyn FnMut(&'static str) -> Fate) {
        let until = self.now_ms + ms;
        while self.now_ms < until {
            self.run(fate);
            let due = [&self.seller, &self.buyer]
                .map(|device| if device.dead { None } else { device.wallet.poll_timeout() });
            let next = due.into_iter().flatten().min().unwrap_or(until);
            self.now_ms = next.clamp(self.now_ms + 1, until);
            let now = self.now();
            for device in [&mut self.seller, &mut self.buyer] {
                if !device.dead {
                    device.wallet.handle_timeout(now);
                }
            }
        }
        self.run(fate);
    }

    pub(crate) fn open(&mut self) {
        self.connect();
        self.run_well();
        assert!(self.seller.wallet.session(self.peer).is_some(), "the session is open");
    }

    pub(crate) fn terms(amount: u64, order: &str) -> Terms {
        Terms {
            amount: Money::new(amount, Office::currency()),
            order_id: Text::new(order).unwrap(),
            order: "two teas".to_owned(),
            refund_of: None,
        }
    }

    pub(crate) fn ask(&mut self, amount: u64, order: &str) -> TxId {
        let now = self.now();
        let tx = self.seller.wallet.request(now, self.peer, &Self::terms(amount, order)).unwrap();
        self.seller.drain();
        tx
    }

    /// The buyer's person says yes to whatever is asked.
    pub(crate) fn confirm(&mut self, tx: &TxId) {
        let now = self.now();
        self.buyer.wallet.confirm(now, tx).unwrap();
        self.buyer.drain();
    }

    /// A whole payment with nothing in its way.
    pub(crate) fn pay(&mut self, amount: u64, order: &str) -> TxId {
        let tx = self.ask(amount, order);
        self.run_well();
        self.confirm(&tx);
        self.run_well();
        tx
    }

    /// A payment up to and with the seller's decision, whatever it is.
    pub(crate) fn pay_until_vote(&mut self) -> TxId {
        let tx = self.ask(735, "order 1");
        self.run_well();
        self.confirm(&tx);
        self.run_well();
        tx
    }

    /// Both sides know the same final outcome, and no money was made or lost.
    #[track_caller]
    pub(crate) fn assert_settled(&self, tx: &TxId, funds: u64) {
        let (seller, buyer) = (self.seller.view(tx), self.buyer.view(tx));
        let paid_in = seller.as_ref().is_some_and(|view| view.standing == Standing::Paid);
        let paid_out = buyer.as_ref().is_some_and(|view| view.standing == Standing::Paid);
        assert_eq!(paid_in, paid_out, "one outcome: {seller:?} {buyer:?}");
        for view in [&seller, &buyer].into_iter().flatten() {
            assert_ne!(view.standing, Standing::InDoubt, "no doubt is left");
            assert_ne!(view.standing, Standing::Open, "nothing is left open");
        }
        let (have, got) = (self.buyer.wallet.balance(), self.seller.wallet.balance());
        assert_eq!(have.held + have.in_doubt, 0, "nothing is held");
        assert_eq!(have.available + got.received_unsettled, funds, "money is conserved");
    }
}

pub(crate) fn later(now: Now, ms: u64) -> Now {
    Now { mono_ms: now.mono_ms + ms, ..now }
}
