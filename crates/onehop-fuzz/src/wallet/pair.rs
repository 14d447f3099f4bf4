//! The two wallets, the channel between them, and their office.

use std::collections::VecDeque;
use std::sync::OnceLock;

use money_office::{MemLedger, Office};
use onehop_proto::model::Introduced;
use onehop_proto::{Direction, PaymentView, PeerId, Standing, Terms, Wallet};
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer};
use onehop_wire::{Message, Money, Nonce, Now, UnixSeconds, decode};

use super::device::{Device, begin};
use crate::reader::{Reader, edit};
use crate::stage::TODAY;
use crate::vectors::world::{BALANCE, rupees, text};

/// What one input may do of what makes and checks signatures: they cost more than all else, and many
/// short inputs find more than a few long ones.
const WORK_MAX: usize = 6;
/// A session between two that know each other's papers.
const MEETING: usize = 2;
/// A session with a handshake.
const HANDSHAKE: usize = 4;
/// A request for money, and the payment that may come of it.
const REQUEST: usize = 2;
/// A start from a log.
const START: usize = 1;
/// A request to the office.
const VISIT: usize = 2;

/// The wallets, the channel between them, and the office.
pub(super) struct Pair {
    pub(super) devices: [Device; 2],
    /// The sessions have handshakes and keys. Else messages are carried as they are, so that an
    /// edit of one is read by the wallet and not refused by its cipher.
    is_sealed: bool,
    now_ms: u64,
    peer: u64,
    /// What is left of [`WORK_MAX`].
    left: usize,
    pub(super) office: Option<Office<MemLedger>>,
}

impl Pair {
    pub(super) fn new(is_sealed: bool) -> Self {
        Self::of([Device::new(0), Device::new(1)], is_sealed)
    }

    /// Two that may do whatever they like.
    pub(super) fn tireless() -> Self {
        Self { left: usize::MAX, ..Self::new(true) }
    }

    fn of(devices: [Device; 2], is_sealed: bool) -> Self {
        Self { devices, is_sealed, now_ms: 1_000, peer: 0, left: WORK_MAX, office: None }
    }

    /// Two that have just met, without a handshake; `seller` sells.
    pub(super) fn met(seller: usize) -> Self {
        static MET: OnceLock<[[Device; 2]; 2]> = OnceLock::new();
        let met = MET.get_or_init(|| {
            [0, 1].map(|seller| {
                let mut pair = Self::new(false);
                pair.connect(seller);
                pair.devices
            })
        });
        let mut pair = Self::of([met[seller][0].fork(), met[seller][1].fork()], false);
        pair.peer = 1;
        pair
    }

    /// True while there is work left for this, which is then taken.
    const fn may(&mut self, work: usize) -> bool {
        let may = self.left >= work;
        if may {
            self.left -= work;
        }
        may
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
        if !self.may(if self.is_sealed { HANDSHAKE } else { MEETING }) {
            return;
        }
        self.disconnect();
        self.peer += 1;
        let Ok(lookup) = self.devices[seller].wallet.open_shop() else { return };
        self.drain();
        let now = self.now();
        if self.devices[1 - seller].wallet.open_buyer_mode(now, 1_000_000).is_err() {
            return;
        }
        if self.is_sealed {
            self.shake_hands(seller, &lookup)
        } else {
            self.meet(seller)
        }
        self.drain();
    }

    fn shake_hands(&mut self, seller: usize, lookup: &[u8]) {
        let (now, peer) = (self.now(), PeerId(self.peer));
        let buyer = 1 - seller;
        self.devices[seller].wallet.handle_up_as_seller(now, peer);
        self.devices[buyer].wallet.handle_up_as_buyer(now, peer, lookup);
        for to in [seller, buyer] {
            self.deliver(to);
        }
        self.devices[buyer].wallet.introduce(now, peer).ok();
        self.drain();
        self.deliver(seller);
    }

    fn meet(&mut self, seller: usize) {
        let (now, peer) = (self.now(), PeerId(self.peer));
        let nonce = Nonce([u8::try_from(self.peer).unwrap_or(0); 16]);
        let introduced = |wallet: &Wallet, with_purse: bool| {
            let state = wallet.state();
            let checkpoint = state.purse().map(|purse| purse.checkpoint.clone());
            let certificate = state.certificate()?.clone();
            Some(Introduced { certificate, checkpoint: checkpoint.filter(|_| with_purse), nonce })
        };
        let both = [seller, 1 - seller]
            .map(|which| introduced(&self.devices[which].wallet, which != seller));
        let [Some(seller_is), Some(buyer_is)] = both else { return };
        if self.devices[seller].wallet.meet(now, peer, buyer_is).is_err()
            || self.devices[1 - seller].wallet.meet(now, peer, seller_is).is_err()
        {
            self.disconnect();
        }
    }

    /// The first packet on its way arrives.
    fn deliver(&mut self, to: usize) {
        self.drain();
        if let Some(packet) = self.devices[to].air.pop_front() {
            self.arrive(to, &packet);
        }
        self.drain();
    }

    fn arrive(&mut self, to: usize, packet: &[u8]) {
        let (now, peer) = (self.now(), PeerId(self.peer));
        let wallet = &mut self.devices[to].wallet;
        if self.is_sealed {
            wallet.handle_packet(now, peer, packet);
        } else if let Ok(message) = decode::<Message>(packet, PACKET_MAX) {
            wallet.hear(now, peer, message);
        }
    }

    pub(super) fn act(&mut self, reader: &mut Reader<'_>, act: u8) {
        let who = usize::from(act & 1);
        let now = self.now();
        let device = &mut self.devices[who];
        match (act >> 1) % 16 {
            0 => self.connect(who),
            1 => self.request(reader, who),
            2..=4 => self.deliver(who),
            5 => drop(device.air.pop_front()),
            6 => device.air.extend(device.air.front().cloned().into_iter().collect::<Vec<_>>()),
            7 => {
                if let Some(mut packet) = device.air.front().cloned() {
                    edit(reader, &mut packet);
                    self.arrive(who, &packet);
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

    fn request(&mut self, reader: &mut Reader<'_>, who: usize) {
        let amount = u64::from(reader.short()) + 1;
        let order = reader.or_zero() % 4;
        let terms = Terms {
            amount: Money::new(amount, rupees()),
            order_id: text(&format!("A-{order}")),
            order: "2 tea".to_owned(),
            refund_of: None,
        };
        if self.may(REQUEST) {
            let (now, peer) = (self.now(), PeerId(self.peer));
            let device = &mut self.devices[who];
            let tx = device.wallet.request(now, peer, &terms);
            device.requested.extend(tx);
        }
    }

    fn restart(&mut self, who: usize, how: u8) {
        if !self.may(START) {
            return;
        }
        self.disconnect();
        self.devices[who].restart(how & 1 == 1, how | 0x80);
        self.drain();
        self.devices[who].check_log();
    }

    /// One wallet files its claims, asks about what is in doubt, or closes its purse.
    fn meet_office(&mut self, reader: &mut Reader<'_>, who: usize) {
        let how = reader.or_zero();
        if !self.may(VISIT) {
            return;
        }
        let now = self.now();
        let device = &mut self.devices[who];
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
        let office = match &mut self.office {
            Some(office) => office,
            none => {
                let Ok(office) = begin().stage.office() else { return };
                none.insert(office)
            }
        };
        // A wallet that lost lazy records may have less than it said; that is no fault of it.
        // What is in doubt is asked through somebody else, who can only carry it.
        let request = if matches!(request, OfficeRequest::Resolve(_)) {
            let parcel = device.wallet.parcel(request);
            let parcel = parcel.unwrap_or_else(|why| panic!("no parcel: {why}"));
            device.drain(&mut nowhere);
            OfficeRequest::Relay(Box::new(parcel))
        } else {
            request
        };
        let Ok(answer) = office.answer(now.unix, &request) else { panic!("the store fails") };
        hear_office(device, answer);
        device.drain(&mut nowhere);
    }

    /// What must hold after every act.
    pub(super) fn check(&self) {
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

fn hear_office(device: &mut Device, answer: OfficeAnswer) {
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
        OfficeAnswer::Relay(reply) => {
            let answer = device.wallet.unsealed(&reply);
            hear_office(
                device,
                answer.unwrap_or_else(|why| panic!("a reply does not open: {why}")),
            );
        }
        OfficeAnswer::Enrol(_) => {}
        OfficeAnswer::Refused(why) => panic!("an honest wallet is refused: {why}"),
    }
}

pub(super) fn views(wallet: &Wallet) -> Vec<PaymentView> {
    wallet.state().payments().collect()
}

/// One outcome for both.
pub(super) fn agree(sold: &PaymentView, bought: &PaymentView) {
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
pub(super) fn conserves(wallet: &Wallet, views: &[PaymentView]) {
    let balance = wallet.balance();
    let has = balance.available + balance.received_unsettled + balance.held + balance.in_doubt;
    let sum = |direction: Direction| -> u64 {
        let done = views.iter().filter(|view| view.standing == Standing::Paid);
        done.filter(|view| view.direction == direction).map(|view| view.amount.minor()).sum()
    };
    let (paid, received) = (sum(Direction::Out), sum(Direction::In));
    assert_eq!(has + paid, BALANCE + received, "money is made or lost");
}
