//! A town of real wallets and a real office on a virtual clock, which writes down what is said.

use anyhow::Result;
use money_office::{Command, ExportText, MemLedger, NewOffice, Office, OperatorCommand, Profile};
use onehop_crypto::SigningKey;
use onehop_proto::{Birth, Config, Direction, PeerId, Terms, Wallet};
use onehop_wire::office::{Class, OfficeAnswer, OfficeRequest, Transfer, Verdict};
use onehop_wire::{
    CaseFile, Currency, Money, Nonce, Now, PublicKey, Text, TxId, UnixSeconds, WalletId, encode,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::device::{Device, Heard};
use super::verdict::{Context, Kind};

/// The calendar when a town is founded.
const START: UnixSeconds = UnixSeconds(1_790_000_000);
const NAMES: [&str; 4] = ["asha", "ravi", "meena", "kiran"];
/// Charged by each at first, in minor units. Who has nothing spends what it received.
const CHARGED: [u64; 4] = [120_000, 60_000, 0, 0];
/// Days of payments.
const ROUNDS: u64 = 24;
/// In how many days every checkpoint and its claim window are over.
const LONG_DAYS: u64 = 40;
const DAY: u64 = 86_400;

/// What one seed said, and the books it left.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) seed: u64,
    pub(crate) context: Context,
    pub(crate) said: Vec<(Kind, Vec<u8>)>,
    /// Wallets that ran twice.
    pub(crate) cloned: Vec<WalletId>,
    /// The office's first root key.
    pub(crate) root: PublicKey,
    office: Office<MemLedger>,
    operator: SigningKey,
    devices: Vec<Device>,
    rng: ChaCha20Rng,
    now: Now,
    numbers: u64,
}

impl Town {
    /// Lives through a seed.
    pub(crate) fn live(seed: u64) -> Result<Self> {
        let mut town = Self::founded(seed)?;
        let clones = seed.is_multiple_of(3);
        for round in 0..ROUNDS {
            if clones && round == ROUNDS / 3 {
                town.clone_first()?;
            }
            if round == ROUNDS / 2 {
                town.govern()?;
            }
            let count = town.devices.len();
            let (seller, buyer) = (town.pick(count), town.pick(count));
            let twins = town.devices[seller].id == town.devices[buyer].id;
            if !twins {
                town.payment(seller, buyer)?;
            }
            let seconds = town.below(40_000);
            town.pass(seconds);
            let visitor = town.pick(NAMES.len());
            if town.pick(3) == 0 {
                town.visit(visitor)?;
            }
        }
        for days in [0, LONG_DAYS, LONG_DAYS] {
            town.pass(days * DAY);
            for device in 0..town.devices.len() {
                town.visit(device)?;
            }
            town.order(Command::Settle)?;
        }
        town.lose_last()?;
        for line in town.export()?.lines() {
            let line: serde_json::Value = serde_json::from_str(line)?;
            if let Some(proof) = line["proof"].as_str() {
                town.said.push((Kind::ForkProof, hex::decode(proof)?));
            }
        }
        Ok(town)
    }

    /// The evidence file of the office.
    pub(crate) fn export(&self) -> Result<String> {
        let (mut text, mut file) = (ExportText::default(), String::new());
        loop {
            let page = self.office.export(text.last())?;
            let (lines, is_last) = text.lines(&page);
            file.push_str(&lines);
            if is_last {
                return Ok(file);
            }
        }
    }

    /// What wallets and office hold about each payment.
    pub(crate) fn cases(&self) -> Result<Vec<CaseFile>> {
        super::cases::all(&self.devices, &self.office)
    }

    /// What the project's own audit says of the books.
    pub(crate) fn balances(&self) -> Result<bool> {
        Ok(self.office.audit()?.balances())
    }

    // Set-up.

    fn founded(seed: u64) -> Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut fresh = || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        };
        let root = SigningKey::from_seed(&fresh());
        let operator = SigningKey::from_seed(&fresh());
        let new = NewOffice {
            name: "town office".to_owned(),
            currency: Currency::by_code("INR")?,
            profile: Profile::by_name("rbi-2023")?,
            credit_line: None,
            purse_max: None,
            operator: operator.public(),
        };
        let office = Office::create(MemLedger::new(), new, &root, &fresh(), START)?;
        let info = office.info()?;
        let keys = vec![root.public(), info.office_key.body.key];
        let mut town = Self {
            seed,
            context: Context { office: *office.id(), keys },
            said: vec![(Kind::OfficeInfo, encode(&info))],
            cloned: Vec::new(),
            root: root.public(),
            office,
            operator,
            devices: Vec::new(),
            rng,
            now: Now { mono_ms: 0, unix: START },
            numbers: 0,
        };
        for (name, charged) in NAMES.into_iter().zip(CHARGED) {
            town.enrol(name, charged)?;
        }
        Ok(town)
    }

    fn enrol(&mut self, name: &str, charged: u64) -> Result<()> {
        let born = encode(&Birth::new(&mut self.rng, self.office.info()?)?.into_record());
        let mut device = Device::new(&born, self.seed())?;
        self.context.keys.push(device.key.public());
        let enrol = device.wallet.enrol(Text::new(name)?, Class::Person)?;
        let wallet = onehop_wire::domain::wallet_id(&enrol.body.key);
        if let OfficeAnswer::Enrol(answer) = self.ask(OfficeRequest::Enrol(enrol))? {
            device.wallet.enrolled(*answer)?;
        }
        let amount = 30_000;
        self.order(Command::Deposit { wallet, amount })?;
        if charged > 0 {
            let sync = device.wallet.close(self.now, Transfer::Charge(charged))?;
            if let OfficeAnswer::Sync(answer) = self.ask(OfficeRequest::Sync(Box::new(sync)))? {
                device.wallet.renewed(*answer)?;
            }
        }
        self.devices.push(device);
        self.settle();
        Ok(())
    }

    /// The first owner's wallet runs a second time, from a copy of its log.
    fn clone_first(&mut self) -> Result<()> {
        let seed = self.seed();
        let Some(first) = self.devices.first() else { return Ok(()) };
        let clone = first.copied(seed)?;
        self.cloned.push(first.id);
        self.devices.push(clone);
        self.settle();
        Ok(())
    }

    /// The operator sets other limits and takes a bond; what follows is under them.
    fn govern(&mut self) -> Result<()> {
        let mut set = self.office.limits()?;
        set.number += 1;
        set.limits.per_payee = Some(150_000);
        set.charge_total = Some(400_000);
        self.order(Command::SetLimits(Box::new(set)))?;
        let Some(saver) = self.devices.get(NAMES.len() - 2) else { return Ok(()) };
        let (wallet, amount) = (saver.id, 10_000);
        // More than any credit line: the account holds the bond whatever was charged.
        self.order(Command::Deposit { wallet, amount: 300_000 })?;
        self.order(Command::Bond { wallet, amount })
    }

    /// The last owner's device is lost; what is left of it goes to another wallet.
    fn lose_last(&mut self) -> Result<()> {
        let ids = NAMES.len().checked_sub(2).and_then(|at| self.devices.get(at..NAMES.len()));
        let Some([heir, lost]) = ids else { return Ok(()) };
        let (to, from) = (heir.id, lost.id);
        self.order(Command::ReportLost { wallet: from })?;
        self.pass(LONG_DAYS * DAY);
        self.order(Command::Settle)?;
        self.order(Command::Refund { from, to })?;
        self.order(Command::ReleaseBond { wallet: to, amount: 4_000 })
    }

    // Chance and time.

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.rng.next_u32()).unwrap_or(0) % count.max(1)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.rng.next_u64() % count
    }

    fn pass(&mut self, seconds: u64) {
        self.now.mono_ms += seconds * 1_000;
        self.now.unix = self.now.unix.plus(seconds);
        for device in &mut self.devices {
            device.wallet.handle_timeout(self.now);
        }
        self.settle();
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    // Payments.

    /// One payment, in one of the ways in which payments go.
    fn payment(&mut self, seller: usize, buyer: usize) -> Result<()> {
        self.meet(seller, buyer);
        let Some(tx) = self.invite(seller, buyer)? else { return Ok(()) };
        match self.pick(10) {
            0 => {
                self.devices[buyer].wallet.refuse(self.now, &tx).ok();
            }
            1 => {
                self.devices[seller].wallet.cancel(self.now, &tx).ok();
            }
            2 => {
                // The seller gives up before the vote arrives.
                self.devices[buyer].wallet.confirm(self.now, &tx).ok();
                self.devices[seller].wallet.cancel(self.now, &tx).ok();
            }
            3 | 4 => {
                // The vote is lost, or what answers it is.
                self.devices[buyer].wallet.confirm(self.now, &tx).ok();
                let steps = self.pick(3);
                self.settle_only(steps);
                self.part();
                if self.pick(2) == 0 {
                    self.meet(seller, buyer);
                }
            }
            _ => {
                self.devices[buyer].wallet.confirm(self.now, &tx).ok();
            }
        }
        self.settle();
        self.part();
        Ok(())
    }

    fn invite(&mut self, seller: usize, buyer: usize) -> Result<Option<TxId>> {
        let amount = match self.pick(4) {
            0 => 15_000 + self.below(30_000),
            _ => 1 + self.below(9_000),
        };
        let order = format!("order {}", self.next_number());
        let terms = Terms {
            amount: Money::new(amount, Currency::by_code("INR")?),
            order_id: Text::new(order.as_str())?,
            order,
            refund_of: None,
        };
        let peer = self.devices[seller].peer;
        let Ok(tx) = self.devices[seller].wallet.request(self.now, peer, &terms) else {
            return Ok(None);
        };
        self.settle();
        Ok(self.devices[buyer].asked.take().filter(|asked| *asked == tx))
    }

    fn meet(&mut self, seller: usize, buyer: usize) {
        self.part();
        let peer = PeerId(self.next_number());
        for (one, other) in [(seller, buyer), (buyer, seller)] {
            self.devices[one].peer = peer;
            self.devices[one].other = Some(other);
        }
        let now = self.now;
        let Ok(lookup) = self.devices[seller].wallet.open_shop() else { return };
        self.said.push((Kind::Lookup, lookup.clone()));
        self.devices[buyer].wallet.open_buyer_mode(now, 60_000).ok();
        self.devices[seller].wallet.handle_up_as_seller(now, peer);
        self.devices[buyer].wallet.handle_up_as_buyer(now, peer, &lookup);
        self.settle();
    }

    /// Every channel goes down; what was under way is lost.
    fn part(&mut self) {
        for device in &mut self.devices {
            if device.other.take().is_some() {
                device.wallet.handle_down(device.peer);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        self.settle_only(usize::MAX);
    }

    /// Does what the wallets want, and carries at most `packets` from one to the other.
    fn settle_only(&mut self, packets: usize) {
        let mut carried = 0;
        loop {
            let mut flying = Vec::new();
            for device in &mut self.devices {
                for heard in device.drain(self.now, &self.context.office) {
                    match heard {
                        Heard::Said(kind, bytes) => self.said.push((kind, bytes)),
                        Heard::Sent(bytes) => {
                            self.said.push((Kind::Packet, bytes.clone()));
                            flying.extend(device.other.map(|other| (other, bytes)));
                        }
                    }
                }
            }
            if flying.is_empty() {
                return;
            }
            for (to, bytes) in flying {
                let device = &mut self.devices[to];
                if carried < packets && device.other.is_some() {
                    carried += 1;
                    device.wallet.handle_packet(self.now, device.peer, &bytes);
                }
            }
        }
    }

    // The office.

    /// Asks the office, and writes question and answer down.
    fn ask(&mut self, request: OfficeRequest) -> Result<OfficeAnswer> {
        self.said.push((Kind::OfficeRequest, encode(&request)));
        let answer = self.office.answer(self.now.unix, &request)?;
        self.said.push((Kind::OfficeAnswer, encode(&answer)));
        Ok(answer)
    }

    fn order(&mut self, command: Command) -> Result<()> {
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let body = OperatorCommand { nonce: Nonce(nonce), at: self.now.unix, command };
        let order = self.operator.sign(&self.context.office, body).into_signed();
        self.office.operate(self.now.unix, &order)?;
        Ok(())
    }

    /// A wallet files its claims, asks about its doubts, and renews its purse.
    fn visit(&mut self, device: usize) -> Result<()> {
        for bundle in self.devices[device].wallet.claims().bundles {
            if let OfficeAnswer::Claim(answer) = self.ask(OfficeRequest::Claim(bundle))? {
                for verdict in answer.verdicts.iter() {
                    self.hear(device, verdict);
                }
            }
        }
        for tx in self.doubts(device) {
            let Ok(asked) = self.devices[device].wallet.resolve(&tx) else { continue };
            if let OfficeAnswer::Resolve(verdict) =
                self.ask(OfficeRequest::Resolve(Box::new(asked)))?
            {
                self.hear(device, &verdict);
            }
        }
        let transfer = match self.pick(4) {
            0 => Transfer::Charge(1 + self.below(20_000)),
            1 => Transfer::Withdraw(1 + self.below(4_000)),
            _ => Transfer::None,
        };
        let Ok(sync) = self.devices[device].wallet.close(self.now, transfer) else { return Ok(()) };
        self.settle();
        if let OfficeAnswer::Sync(answer) = self.ask(OfficeRequest::Sync(Box::new(sync)))? {
            self.devices[device].wallet.renewed(*answer).ok();
        }
        self.settle();
        Ok(())
    }

    fn hear(&mut self, device: usize, verdict: &Verdict) {
        self.devices[device].wallet.verdict(verdict).ok();
        self.settle();
    }

    fn doubts(&self, device: usize) -> Vec<TxId> {
        let payments = self.devices[device].wallet.state().payments();
        let out = payments.filter(|view| view.direction == Direction::Out);
        let open = out.filter(|view| matches!(view.state.as_str(), "PREPARED" | "ABORTED"));
        open.map(|view| view.tx).collect()
    }
}

/// A wallet as it comes out of its log.
pub(crate) fn recovered(records: &[Vec<u8>], seed: [u8; 32]) -> Result<Wallet> {
    let numbered = (1..).zip(records.iter().cloned());
    Ok(Wallet::recover(Config::default(), seed, None, numbered)?)
}
