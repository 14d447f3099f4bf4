//! Two wallets of a real office on a virtual clock: what a payment costs, without a machine.
//!
//! A packet takes `delay_us` to arrive, or leaves at the next connection event of a radio that has
//! one every `interval_us`; a forced record takes `force_us` to be durable; thinking takes no time.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use money_office::{MemLedger, NewOffice, Office, Profile};
use onehop_crypto::SigningKey;
use onehop_proto::{Birth, Config, Event, Output, PeerId, Terms, Wallet};
use onehop_store::{Durability, Journal as _, Lsn, SledJournal};
use onehop_wire::office::{Class, Transfer};
use onehop_wire::{Currency, Money, Now, Text, TxId, UnixSeconds, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

/// The calendar of all measurements.
pub(crate) const TODAY: UnixSeconds = UnixSeconds(1_780_000_000);

/// One wallet, and what it has cost so far.
pub(crate) struct Side {
    pub(crate) wallet: Wallet,
    journal: Option<SledJournal>,
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) time_us: u64,
    pub(crate) bytes: usize,
    pub(crate) largest: usize,
    pub(crate) forces: usize,
    pub(crate) paid_us: Option<u64>,
    pub(crate) said: Vec<(&'static str, usize)>,
}

/// A packet under way: which side it goes to, and its bytes.
type Flying = (bool, Vec<u8>);

/// Buyer and seller.
pub(crate) struct Pair {
    pub(crate) buyer: Side,
    pub(crate) seller: Side,
    pub(crate) delay_us: u64,
    pub(crate) force_us: u64,
    pub(crate) interval_us: Option<u64>,
    flying: BTreeMap<(u64, u64), Flying>,
    sent: u64,
    peer: PeerId,
    orders: u64,
}

/// A wallet and the first record of its log.
pub(crate) type Newborn = (Wallet, Vec<u8>);

/// Buyer and seller, enrolled at one office, the buyer charged with 2,000.00 INR.
pub(crate) fn enrolled() -> Result<(Newborn, Newborn)> {
    let root = SigningKey::from_seed(&[1; 32]);
    let new = NewOffice {
        name: "measuring office".into(),
        currency: Currency::by_code("INR")?,
        profile: Profile::by_name("rbi-2023")?,
        credit_line: None,
        purse_max: None,
        operator: SigningKey::from_seed(&[2; 32]).public(),
    };
    let mut office = Office::create(MemLedger::new(), new, &root, &[3; 32], TODAY)?;
    let buyer = enrol(&mut office, 4, "asha", Some(200_000))?;
    let seller = enrol(&mut office, 5, "tea stall", None)?;
    Ok((buyer, seller))
}

fn enrol(
    office: &mut Office<MemLedger>,
    seed: u8,
    name: &str,
    charge: Option<u64>,
) -> Result<Newborn> {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    let born = Birth::new(&mut rng, office.info()?)?.into_record();
    let first = (1, encode(&born));
    let mut wallet = Wallet::recover(Config::default(), [seed; 32], None, [first.clone()])?;
    let enrol = wallet.enrol(Text::new(name)?, Class::Person)?;
    wallet.enrolled(office.enrol(TODAY, &enrol)?)?;
    if let Some(amount) = charge {
        let now = Now { mono_ms: 0, unix: TODAY };
        let sync = wallet.close(now, Transfer::Charge(amount))?;
        wallet.renewed(office.sync(TODAY, &sync)?)?;
    }
    Ok((wallet, first.1))
}

impl Side {
    fn new((wallet, born): Newborn) -> Result<Self> {
        let mut side = Self {
            wallet,
            journal: None,
            records: vec![born],
            time_us: 0,
            bytes: 0,
            largest: 0,
            forces: 0,
            paid_us: None,
            said: Vec::new(),
        };
        side.drain(0)?;
        Ok(side)
    }

    /// From now on the log is kept on disk.
    pub(crate) fn keep_log(&mut self, mut journal: SledJournal) -> Result<()> {
        journal.load()?;
        journal.append(Lsn(1), &self.records, Durability::Forced)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Does every output; gives the packets and when they leave.
    fn drain(&mut self, force_us: u64) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut out = Vec::new();
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    let records: Vec<_> = batch.records.iter().map(encode).collect();
                    if let Some(journal) = &mut self.journal {
                        let force = batch.forced;
                        let how = if force { Durability::Forced } else { Durability::Lazy };
                        journal.append(Lsn(batch.first), &records, how)?;
                    }
                    self.records.extend(records);
                    if batch.forced {
                        self.time_us += force_us;
                        self.forces += 1;
                        self.wallet.persisted(batch.last());
                    }
                }
                Output::Transmit { bytes, name, .. } => {
                    self.bytes += bytes.len();
                    self.largest = self.largest.max(bytes.len());
                    self.said.push((name, bytes.len()));
                    out.push((self.time_us, bytes));
                }
                Output::Disconnect(_) => {}
                Output::Notify(Event::Paid { .. } | Event::Accepted { .. }) => {
                    self.paid_us = Some(self.time_us);
                }
                Output::Notify(_) => {}
            }
        }
        Ok(out)
    }

    pub(crate) fn reset(&mut self) {
        self.bytes = 0;
        self.largest = 0;
        self.forces = 0;
        self.paid_us = None;
        self.said.clear();
    }
}

impl Pair {
    pub(crate) fn new(delay_us: u64, force_us: u64) -> Result<Self> {
        let (buyer, seller) = enrolled()?;
        let mut pair = Self {
            buyer: Side::new(buyer)?,
            seller: Side::new(seller)?,
            delay_us,
            force_us,
            interval_us: None,
            flying: BTreeMap::new(),
            sent: 0,
            peer: PeerId(0),
            orders: 0,
        };
        pair.reset();
        Ok(pair)
    }

    fn now(&self) -> Now {
        let us = self.buyer.time_us.max(self.seller.time_us);
        Now { mono_ms: us / 1_000, unix: TODAY }
    }

    fn arrival(&self, leaves: u64) -> u64 {
        match self.interval_us {
            None => leaves + self.delay_us,
            Some(interval) => (leaves / interval + 1) * interval,
        }
    }

    fn settle(&mut self, peer_says_yes: bool) -> Result<()> {
        loop {
            for (to_buyer, packets) in [
                (false, self.buyer.drain(self.force_us)?),
                (true, self.seller.drain(self.force_us)?),
            ] {
                for (leaves, bytes) in packets {
                    self.sent += 1;
                    let arrives = self.arrival(leaves);
                    self.flying.insert((arrives, self.sent), (to_buyer, bytes));
                }
            }
            if let Some(((arrives, _), (to_buyer, bytes))) = self.flying.pop_first() {
                let now = self.now();
                let side = if to_buyer { &mut self.buyer } else { &mut self.seller };
                side.time_us = side.time_us.max(arrives);
                side.wallet.handle_packet(now, self.peer, &bytes);
                continue;
            }
            let now = self.now();
            if peer_says_yes && self.buyer.wallet.introduce(now, self.peer).is_ok() {
                continue;
            }
            return Ok(());
        }
    }

    /// Look-up and handshake of a new session.
    pub(crate) fn shake_hands(&mut self) -> Result<()> {
        let now = self.now();
        self.seller.wallet.handle_down(self.peer);
        self.buyer.wallet.handle_down(self.peer);
        self.peer = PeerId(self.peer.0 + 1);
        let lookup = self.seller.wallet.open_shop()?;
        self.seller.bytes += lookup.len();
        self.buyer.wallet.open_buyer_mode(now, 3_600_000)?;
        self.seller.wallet.handle_up_as_seller(now, self.peer);
        self.buyer.wallet.handle_up_as_buyer(now, self.peer, &lookup);
        self.settle(true)?;
        self.seller.wallet.session(self.peer).context("no session")?;
        Ok(())
    }

    /// The seller asks for `amount`; the question reaches the buyer.
    pub(crate) fn ask(&mut self, amount: u64) -> Result<TxId> {
        self.orders += 1;
        let terms = Terms {
            amount: Money::new(amount, Currency::by_code("INR")?),
            order_id: Text::new(format!("order-{}", self.orders))?,
            order: "two teas".into(),
            refund_of: None,
        };
        let now = self.now();
        let tx = self.seller.wallet.request(now, self.peer, &terms)?;
        self.settle(false)?;
        Ok(tx)
    }

    /// The buyer's person says yes, at the time on the buyer's clock.
    pub(crate) fn confirm(&mut self, tx: &TxId) -> Result<()> {
        let now = self.now();
        self.buyer.wallet.confirm(now, tx)?;
        self.settle(false)?;
        match self.seller.paid_us.zip(self.buyer.paid_us) {
            Some(_) => Ok(()),
            None => Err(anyhow!("the payment did not commit on both sides")),
        }
    }

    pub(crate) fn refuse(&mut self, tx: &TxId) -> Result<()> {
        let now = self.now();
        self.buyer.wallet.refuse(now, tx)?;
        self.settle(false)?;
        Ok(())
    }

    /// The seller cancels after the vote left but before it arrives.
    pub(crate) fn cancel_after_vote(&mut self, tx: &TxId) -> Result<()> {
        let now = self.now();
        self.buyer.wallet.confirm(now, tx)?;
        let late = self.buyer.drain(self.force_us)?;
        self.seller.wallet.cancel(now, tx)?;
        self.settle(false)?;
        for (leaves, bytes) in late {
            self.sent += 1;
            let arrives = self.arrival(leaves);
            self.flying.insert((arrives, self.sent), (false, bytes));
        }
        self.settle(false)?;
        Ok(())
    }

    pub(crate) fn forces(&self) -> usize {
        self.buyer.forces + self.seller.forces
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buyer.bytes + self.seller.bytes
    }

    pub(crate) fn reset(&mut self) {
        self.buyer.reset();
        self.seller.reset();
    }
}
