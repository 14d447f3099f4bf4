//! Two real wallets and their office, and whatever the bytes make happen to them.

use std::collections::VecDeque;
use std::sync::OnceLock;

use money_office::{MemLedger, Office};
use onehop_proto::{
    Config, Direction, Event, Output, PaymentView, PeerId, Standing, State, Terms, Wallet,
};
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer};
use onehop_wire::{Money, Now, TxId, UnixSeconds, encode};

use crate::reader::{Reader, edit};
use crate::stage::{Stage, TODAY};
use crate::vectors::born::born;
use crate::vectors::world::{BALANCE, rupees, text};

/// Acts of one input, at most.
const ACTS_MAX: usize = 48;
/// Handshakes of one input, at most: they cost more than all else.
const SESSIONS_MAX: usize = 2;
/// Starts of one input, at most.
const STARTS_MAX: usize = 4;

/// Where everything begins: the office's store, and a log for each wallet.
struct Begin {
    stage: Stage,
    states: [(Vec<Vec<u8>>, Vec<u8>); 2],
}

fn begin() -> &'static Begin {
    static BEGIN: OnceLock<Begin> = OnceLock::new();
    BEGIN.get_or_init(|| {
        #[expect(clippy::expect_used, reason = "the office serves this project's own wallets")]
        let stage = Stage::new().expect("a stage");
        let world = &stage.world;
        let states = [&world.seller, &world.buyer].map(|person| {
            let mut state = State::default();
            let records = born(world, person);
            for record in &records {
                assert!(state.apply(record).is_ok(), "a wallet is born and enrolled");
            }
            (records.iter().map(encode).collect(), encode(&state))
        });
        Begin { stage, states }
    })
}

/// One wallet with its log and what is on its way to it.
struct Device {
    wallet: Wallet,
    log: Vec<Vec<u8>>,
    forced: usize,
    air: VecDeque<Vec<u8>>,
    asked: Vec<TxId>,
    requested: Vec<TxId>,
    renewed: bool,
}

impl Device {
    fn new(which: usize) -> Self {
        let (log, state) = &begin().states[which];
        let seed = [u8::try_from(which).unwrap_or(0) + 0x50; 32];
        // From a snapshot, because that needs no signature to be checked.
        let recovered =
            Wallet::recover(Config::default(), seed, Some((log.len() as u64, state)), []);
        #[expect(clippy::expect_used, reason = "the state that was just made")]
        let wallet = recovered.expect("a new wallet");
        let (air, asked, requested) = (VecDeque::new(), Vec::new(), Vec::new());
        let (log, forced) = (log.clone(), log.len());
        Self { wallet, log, forced, air, asked, requested, renewed: false }
    }

    /// Carries out what the wallet wants; its words go to `to`.
    fn drain(&mut self, to: &mut VecDeque<Vec<u8>>) {
        while let Some(output) = self.wallet.poll_output() {
            match output {
                Output::Persist(batch) => {
                    assert_eq!(batch.first, self.log.len() as u64 + 1, "records are in order");
                    self.log.extend(batch.records.iter().map(encode));
                    if batch.forced {
                        self.forced = self.log.len();
                        assert_eq!(self.wallet.poll_output(), None, "the barrier holds");
                        self.wallet.persisted(batch.last());
                    }
                }
                Output::Transmit { bytes, .. } => to.push_back(bytes),
                Output::Notify(Event::Asked { tx, .. }) => self.asked.push(tx),
                Output::Disconnect(_) | Output::Notify(_) => {}
            }
        }
    }

    /// Loses power, and starts from what was kept.
    fn restart(&mut self, keeps_lazy: bool, seed: u8) {
        if !keeps_lazy {
            self.log.truncate(self.forced);
        }
        let numbered = (1_u64..).zip(self.log.iter().cloned());
        let recovered = Wallet::recover(Config::default(), [seed; 32], None, numbered);
        #[expect(clippy::expect_used, reason = "what a wallet wrote it can read")]
        let wallet = recovered.expect("recovery");
        self.wallet = wallet;
        self.forced = self.log.len();
        self.asked.clear();
        self.air.clear();
    }

    /// The state is what the log says.
    fn check_log(&self) {
        let mut state = State::default();
        for bytes in &self.log {
            let record = onehop_wire::decode(bytes, 1 << 24);
            assert!(record.is_ok_and(|r| state.apply(&r).is_ok()), "the log can be read");
        }
        assert_eq!(encode(&state), encode(self.wallet.state()), "the state is what the log says");
    }
}

/// The wallets, the channel between them, and the office.
struct Pair {
    devices: [Device; 2],
    now_ms: u64,
    peer: u64,
    sessions: usize,
    starts: usize,
    office: Option<Office<MemLedger>>,
}

impl Pair {
    fn new() -> Self {
        let devices = [Device::new(0), Device::new(1)];
        Self { devices, now_ms: 1_000, peer: 0, sessions: 0, starts: 0, office: None }
    }

    fn now(&self) -> Now {
        Now { mono_ms: self.now_ms, unix: UnixSeconds(TODAY.0 + self.now_ms / 1_000) }
    }

    fn drain(&mut self) {
        let [one, other] = &mut self.devices;
        one.drain(&mut other.air);
        other.drain(&mut one.air);
    }

    fn disconnect(&mut self) {
        for device in &mut self.devices {
            device.wallet.handle_down(PeerId(self.peer));
        }
        self.drain();
        for device in &mut self.devices {
            device.air.clear();
        }
    }

    /// A new session in which `seller` sells.
    fn connect(&mut self, seller: usize) {
        if self.sessions >= SESSIONS_MAX {
            return;
        }
        self.sessions += 1;
        self.disconnect();
        self.peer += 1;
        let (now, peer) = (self.now(), PeerId(self.peer));
        let buyer = 1 - seller;
        let Ok(lookup) = self.devices[seller].wallet.open_shop() else { return };
        self.drain();
        if self.devices[buyer].wallet.open_buyer_mode(now, 1_000_000).is_err() {
            return;
        }
        self.devices[seller].wallet.handle_up_as_seller(now, peer);
        self.devices[buyer].wallet.handle_up_as_buyer(now, peer, &lookup);
        for to in [seller, buyer] {
            self.deliver(to);
        }
        self.devices[buyer].wallet.introduce(now, peer).ok();
        self.drain();
        self.deliver(seller);
    }

    /// The first packet on its way arrives.
    fn deliver(&mut self, to: usize) {
        self.drain();
        let (now, peer) = (self.now(), PeerId(self.peer));
        if let Some(packet) = self.devices[to].air.pop_front() {
            self.devices[to].wallet.handle_packet(now, peer, &packet);
        }
        self.drain();
    }

    fn act(&mut self, reader: &mut Reader<'_>, act: u8) {
        let who = usize::from(act & 1);
        let (now, peer) = (self.now(), PeerId(self.peer));
        let device = &mut self.devices[who];
        match (act >> 1) % 16 {
            0 => self.connect(who),
            1 => {
                let amount = u64::from(reader.short()) + 1;
                let order = reader.or_zero() % 4;
                let terms = Terms {
                    amount: Money::new(amount, rupees()),
                    order_id: text(&format!("A-{order}")),
                    order: "2 tea".to_owned(),
                };
                let tx = device.wallet.request(now, peer, &terms);
                device.requested.extend(tx);
            }
            2..=4 => self.deliver(who),
            5 => drop(device.air.pop_front()),
            6 => device.air.extend(device.air.front().cloned().into_iter().collect::<Vec<_>>()),
            7 => {
                if let Some(mut packet) = device.air.front().cloned() {
                    edit(reader, &mut packet);
                    device.wallet.handle_packet(now, peer, &packet);
                }
            }
            8 | 9 => {
                if let Some(tx) = device.asked.pop() {
                    device.wallet.confirm(now, &tx).ok();
                }
            }
            10 => {
                if let Some(tx) = device.asked.pop() {
                    device.wallet.refuse(now, &tx).ok();
                }
            }
            11 => {
                if let Some(tx) = device.requested.pop() {
                    device.wallet.cancel(now, &tx).ok();
                }
            }
            12 => {
                self.now_ms += u64::from(reader.short()) * 4;
                let now = self.now();
                for device in &mut self.devices {
                    device.wallet.handle_timeout(now);
                }
            }
            13 => self.restart(who, reader.or_zero()),
            14 => self.meet_office(reader, who),
            _ => self.disconnect(),
        }
        self.drain();
    }

    fn restart(&mut self, who: usize, how: u8) {
        if self.starts >= STARTS_MAX {
            return;
        }
        self.starts += 1;
        self.disconnect();
        self.devices[who].restart(how & 1 == 1, how | 0x80);
        self.drain();
        self.devices[who].check_log();
    }

    /// One wallet files its claims, asks about what is in doubt, or closes its purse.
    fn meet_office(&mut self, reader: &mut Reader<'_>, who: usize) {
        let now = self.now();
        let office = match &mut self.office {
            Some(office) => office,
            none => {
                let Ok(office) = begin().stage.office() else { return };
                none.insert(office)
            }
        };
        let device = &mut self.devices[who];
        let how = reader.or_zero();
        let request = match how % 4 {
            0 => device.wallet.claims().bundles.into_iter().next().map(OfficeRequest::Claim),
            1 | 2 => {
                let all = views(&device.wallet);
                let view = all.get(usize::from(how >> 2) % all.len().max(1));
                let question = view.and_then(|view| device.wallet.resolve(&view.tx).ok());
                question.map(|question| OfficeRequest::Resolve(Box::new(question)))
            }
            _ => {
                let transfer = match how >> 6 {
                    0 => Transfer::None,
                    1 => Transfer::Charge(u64::from(reader.short())),
                    _ => Transfer::Withdraw(u64::from(reader.short())),
                };
                let sync = device.wallet.close(now, transfer).ok();
                sync.map(|sync| OfficeRequest::Sync(Box::new(sync)))
            }
        };
        let mut nowhere = VecDeque::new();
        device.drain(&mut nowhere);
        let Some(request) = request else { return };
        // A wallet that lost lazy records may have less than it said; that is no fault of it.
        let Ok(answer) = office.answer(now.unix, &request) else { panic!("the store fails") };
        match answer {
            OfficeAnswer::Sync(answer) => {
                device.renewed = true;
                assert!(device.wallet.renewed(*answer).is_ok(), "the office's answer is taken");
            }
            OfficeAnswer::Claim(answer) => {
                for verdict in &answer.verdicts {
                    assert!(device.wallet.verdict(verdict).is_ok(), "a verdict is taken");
                }
            }
            OfficeAnswer::Resolve(verdict) => {
                assert!(device.wallet.verdict(&verdict).is_ok(), "a verdict is taken");
            }
            OfficeAnswer::Enrol(_) => {}
            OfficeAnswer::Refused(why) => panic!("an honest wallet is refused: {why}"),
        }
        device.drain(&mut nowhere);
    }

    /// What must hold after every act.
    fn check(&self) {
        let [one, other] = &self.devices;
        let views = [one, other].map(|device| views(&device.wallet));
        for (mine, yours) in [(&views[0], &views[1]), (&views[1], &views[0])] {
            for sold in mine.iter().filter(|view| view.direction == Direction::In) {
                let is_same =
                    |view: &&PaymentView| view.tx == sold.tx && view.direction == Direction::Out;
                if let Some(bought) = yours.iter().find(is_same) {
                    agree(sold, bought);
                }
            }
        }
        if !one.renewed && !other.renewed {
            for (device, views) in self.devices.iter().zip(&views) {
                conserves(&device.wallet, views);
            }
        }
    }
}

fn views(wallet: &Wallet) -> Vec<PaymentView> {
    wallet.state().payments().collect()
}

/// One outcome for both.
fn agree(sold: &PaymentView, bought: &PaymentView) {
    let is_lost = sold.state == "LOST";
    match bought.standing {
        Standing::Paid => {
            assert!(sold.standing == Standing::Paid || is_lost, "paid for nothing: {sold:?}");
        }
        Standing::NotPaid => {
            assert_ne!(sold.standing, Standing::Paid, "sold without being paid: {bought:?}");
        }
        Standing::InDoubt | Standing::Open => {}
    }
}

/// Money in a wallet is what it had, less what it paid, and what it received.
fn conserves(wallet: &Wallet, views: &[PaymentView]) {
    let balance = wallet.balance();
    let has = balance.available + balance.received_unsettled + balance.held + balance.in_doubt;
    let sum = |direction: Direction| -> u64 {
        let done = views.iter().filter(|view| view.standing == Standing::Paid);
        done.filter(|view| view.direction == direction).map(|view| view.amount.minor()).sum()
    };
    let (paid, received) = (sum(Direction::Out), sum(Direction::In));
    assert_eq!(has + paid, BALANCE + received, "money is made or lost");
}

/// Logs of wallets that did everything once.
pub(crate) fn sample_logs() -> Vec<Vec<Vec<u8>>> {
    let mut pair = Pair::new();
    for act in SCRIPT.iter().copied() {
        let mut rest = Reader::new(act);
        while let Some(act) = rest.byte() {
            pair.act(&mut rest, act);
        }
    }
    pair.devices.into_iter().map(|device| device.log).collect()
}

/// The acts by their numbers, for whichever of the two wallets.
const fn act(number: u8, who: u8) -> u8 {
    (number << 1) | who
}

/// A payment that happens; one refused; one cancelled; one in doubt; a claim and a closed purse.
const SCRIPT: &[&[u8]] = &[
    &[act(0, 0)],
    PAY,
    &[act(1, 0), 9, 0, 1, act(2, 1), act(10, 1), act(2, 0), act(2, 0)],
    &[act(1, 0), 9, 0, 2, act(2, 1), act(8, 1), act(11, 0), act(2, 1), act(2, 1), act(2, 0)],
    &[act(1, 0), 9, 0, 3, act(2, 1), act(8, 1), act(15, 0)],
    &[act(14, 0), 0, act(14, 1), 1, act(14, 0), 3, act(14, 1), 3],
    &[act(1, 0), 9, 0, 2],
];
/// 735 for the first order, asked, confirmed, decided and acknowledged.
const PAY: &[u8] = &[act(1, 0), 0xdf, 2, 0, act(2, 1), act(8, 1), act(2, 0), act(2, 1), act(2, 0)];

/// Inputs that reach far, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let all = SCRIPT.concat();
    let paid = [&[act(0, 0)], PAY].concat();
    let back = [&paid[..], &[act(0, 1), act(1, 1), 9, 0, 1, act(2, 0), act(8, 0)]].concat();
    let again = [&paid[..], &[act(13, 0), 1, act(13, 1), 0, act(12, 0), 0, 9]].concat();
    vec![all, paid, back, again]
}

/// Does with two wallets what the bytes say.
///
/// # Panics
/// If the two disagree about a payment, money is made or lost, a state is not what its log says,
/// or an office refuses an honest wallet or no longer balances.
pub fn wallet(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut pair = Pair::new();
    for _ in 0..ACTS_MAX {
        let Some(act) = reader.byte() else { break };
        pair.act(&mut reader, act);
        pair.check();
    }
    for device in &pair.devices {
        device.check_log();
    }
    if let Some(office) = &pair.office {
        assert!(office.audit().is_ok_and(|report| report.balances()), "the books balance");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_the_logs_reaches_what_it_is_for() {
        let mut names: Vec<String> = Vec::new();
        for bytes in sample_logs().concat() {
            let record: onehop_proto::LogRecord = onehop_wire::decode(&bytes, 1 << 24).unwrap();
            let text = format!("{record:?}");
            names.push(text.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned());
        }
        let wanted = [
            "SellerCommitted",
            "BuyerCommitted",
            "Done",
            "Refused",
            "SellerAborted",
            "BuyerAborted",
            "Prepared",
            "Closed",
            "Renewed",
        ];
        for name in wanted {
            assert!(names.iter().any(|found| found == name), "no {name} in {names:?}");
        }
    }

    #[test]
    fn a_wallet_that_makes_money_is_found() {
        let mut pair = Pair::new();
        for act in [&SCRIPT[..1], &[PAY]].concat() {
            let mut rest = Reader::new(act);
            while let Some(act) = rest.byte() {
                pair.act(&mut rest, act);
            }
        }
        pair.check();
        let paid = views(&pair.devices[1].wallet);
        assert_eq!(paid[0].standing, Standing::Paid);
        // Half of a payment: whoever is asked about one side alone knows of no other.
        let mut half = paid.clone();
        half[0].standing = Standing::NotPaid;
        let sold = views(&pair.devices[0].wallet);
        let caught = std::panic::catch_unwind(|| agree(&sold[0], &half[0]));
        assert!(caught.is_err(), "a sale without a payment goes unnoticed");
        let wallet = &pair.devices[1].wallet;
        let check = std::panic::AssertUnwindSafe(|| conserves(wallet, &[]));
        assert!(std::panic::catch_unwind(check).is_err(), "lost money goes unnoticed");
    }
}
