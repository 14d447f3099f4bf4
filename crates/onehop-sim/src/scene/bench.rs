//! A small office, a few wallets on perfect radio, and the simulator's checkers beside them.

use money_office::{
    Batch, Command, LedgerStore as _, MemLedger, Office, OperatorCommand, Profile, StoreAround,
    StoreError, Table,
};
use onehop_crypto::{SigningKey, Trust};
use onehop_proto::{Birth, Direction, Event, PeerId, Terms};
use onehop_wire::mutant;
use onehop_wire::office::{
    Class, OfficeAnswer, OfficeRequest, OutcomeKind, SyncAnswer, Transfer, Verdict,
};
use onehop_wire::{Money, Nonce, Now, Signed, Text, TxId, UnixSeconds, WalletId};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::unit::{Parcel, Unit};
use super::{Played, Trouble, noticed, or_stuck};
use crate::check::{C1, Facts, I12_ANSWERED, OFFICE_C1, OFFICE_I13, OFFICE_I14_HONEST, forks};
use crate::env::START;
use crate::office::{corner_office, currency};

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;

/// The office's store, which can be made to fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    rows: MemLedger,
    pub(crate) fails: bool,
}

impl StoreAround for Ledger {
    type Inner = MemLedger;

    fn inner(&self) -> &MemLedger {
        &self.rows
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.fails {
            return Err(StoreError::Missing { table: Table::Meta });
        }
        self.rows.apply(batch)
    }
}

/// An open channel between two wallets.
#[derive(Clone, Copy, Debug)]
struct Line {
    peer: PeerId,
    seller: usize,
    buyer: usize,
}

/// Everything that a scene plays with.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) facts: Facts,
    pub(crate) units: Vec<Unit>,
    pub(crate) office: Option<Office<Ledger>>,
    /// The office's signing key, for an office that lies.
    pub(crate) signer: SigningKey,
    operator: SigningKey,
    /// The office's root key, for one that is replaced.
    pub(crate) root: SigningKey,
    pub(crate) today: UnixSeconds,
    pub(crate) now_ms: u64,
    pub(crate) rng: ChaCha20Rng,
    line: Option<Line>,
    peers: u64,
    orders: u64,
    grace: u64,
}

/// Lets every packet through.
pub(crate) fn all(_: &'static str) -> bool {
    true
}

impl Bench {
    pub(crate) fn new() -> Played<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut seed = || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        };
        let (operator, root) = (SigningKey::from_seed(&seed()), SigningKey::from_seed(&seed()));
        let profile = or_stuck(Profile::by_name("rbi-2023"), "no profile")?;
        let grace = profile.grace_seconds;
        let new = corner_office(profile, operator.public());
        let key = seed();
        let office =
            or_stuck(Office::create(Ledger::default(), new, &root, &key, START), "office")?;
        let info = or_stuck(office.info(), "info")?;
        let trust = Trust::from_info(&info, None).ok();
        let facts = Facts { office: Some(*office.id()), trust, ..Facts::default() };
        Ok(Self {
            facts,
            units: Vec::new(),
            office: Some(office),
            signer: SigningKey::from_seed(&key),
            operator,
            root,
            today: START,
            now_ms: 1_000,
            rng,
            line: None,
            peers: 0,
            orders: 0,
            grace,
        })
    }

    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        seed
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono_ms: self.now_ms, unix: self.today }
    }

    pub(crate) fn office(&mut self) -> Played<&mut Office<Ledger>> {
        or_stuck(self.office.as_mut(), "no office")
    }

    pub(crate) fn unit(&mut self, at: usize) -> Played<&mut Unit> {
        or_stuck(self.units.get_mut(at), "no such wallet")
    }

    pub(crate) fn drain(&mut self, at: usize) {
        if let Some(unit) = self.units.get_mut(at) {
            unit.drain(&mut self.facts);
        }
    }

    // Wallets.

    /// A new wallet with `funds` in its purse.
    pub(crate) fn wallet(&mut self, funds: u64) -> Played<usize> {
        let info = or_stuck(self.office()?.info(), "info")?;
        let birth = or_stuck(Birth::new(&mut self.rng, info), "birth")?;
        let at = self.units.len();
        self.add(at, vec![birth.into_record()])?;
        self.enrol(at)?;
        if funds > 0 {
            let wallet = self.id(at)?;
            self.deposit(wallet, funds)?;
            self.sync(at, Transfer::Charge(funds))?;
        }
        Ok(at)
    }

    /// A wallet that starts from `records`, as unit number `at`.
    pub(crate) fn add(&mut self, at: usize, records: Vec<onehop_proto::LogRecord>) -> Played<()> {
        let seed = self.seed();
        let mut unit = Unit::start(at, records, seed)?;
        unit.drain(&mut self.facts);
        if at < self.units.len() {
            if let Some(old) = self.units.get_mut(at) {
                *old = unit;
            }
        } else {
            self.units.push(unit);
        }
        Ok(())
    }

    pub(crate) fn enrol(&mut self, at: usize) -> Played<()> {
        let name = Text::new(format!("wallet {at}")).unwrap_or_default();
        let enrol = or_stuck(self.unit(at)?.wallet.enrol(name, Class::Person), "enrol")?;
        self.drain(at);
        let answer = self.post(&OfficeRequest::Enrol(enrol))?;
        let OfficeAnswer::Enrol(answer) = answer else {
            return self.refused(&format!("{answer:?}"));
        };
        or_stuck(self.unit(at)?.wallet.enrolled(*answer), "enrolled")?;
        self.drain(at);
        Ok(())
    }

    pub(crate) fn id(&mut self, at: usize) -> Played<WalletId> {
        or_stuck(self.unit(at)?.wallet.state().wallet(), "not enrolled")
    }

    /// Cuts the power of a wallet and starts it again.
    pub(crate) fn cut(&mut self, at: usize, keeps_lazy: bool) -> Played<()> {
        let seed = self.seed();
        let unit = or_stuck(self.units.get_mut(at), "no such wallet")?;
        unit.restart(&mut self.facts, keeps_lazy, seed)
    }

    // The office.

    pub(crate) fn operate(&mut self, command: Command) -> Played<money_office::OperatorAnswer> {
        let mut nonce = Nonce([0; 16]);
        self.rng.fill_bytes(&mut nonce.0);
        let today = self.today;
        let body = OperatorCommand { nonce, at: today, command };
        let id = *self.office()?.id();
        let order: Signed<OperatorCommand> = self.operator.sign(&id, body).into_signed();
        or_stuck(self.office()?.operate(today, &order), "the operator's order")
    }

    pub(crate) fn deposit(&mut self, wallet: WalletId, amount: u64) -> Played<()> {
        self.operate(Command::Deposit { wallet, amount })?;
        self.facts.issued += i128::from(amount);
        Ok(())
    }

    /// Asks the office, and notes what it says. Asked again it must say the same.
    pub(crate) fn post(&mut self, request: &OfficeRequest) -> Played<OfficeAnswer> {
        let (today, grace) = (self.today, self.grace);
        let answer = or_stuck(self.office()?.answer(today, request), "the office's store")?;
        self.facts.answered(today, grace, &answer);
        let again = or_stuck(self.office()?.answer(today, request), "the office's store")?;
        if again != answer && !matches!(answer, OfficeAnswer::Claim(_)) {
            self.facts.violate(OFFICE_I13, "the same question, another answer".to_owned());
        }
        Ok(answer)
    }

    /// Closes the purse; the SYNC as it leaves.
    pub(crate) fn close(
        &mut self,
        at: usize,
        transfer: Transfer,
    ) -> Played<Signed<onehop_wire::office::Sync>> {
        let now = self.now();
        let sync = or_stuck(self.unit(at)?.wallet.close(now, transfer), "close")?;
        self.drain(at);
        if let Some(unit) = self.units.get(at) {
            unit.may_leave(&mut self.facts, "SYNC");
        }
        Ok(sync)
    }

    /// Closes the purse and takes the next one.
    pub(crate) fn sync(&mut self, at: usize, transfer: Transfer) -> Played<SyncAnswer> {
        let sync = self.close(at, transfer)?;
        let answer = self.post(&OfficeRequest::Sync(Box::new(sync)))?;
        let OfficeAnswer::Sync(answer) = answer else {
            return self.refused(&format!("{answer:?}"));
        };
        or_stuck(self.unit(at)?.wallet.renewed((*answer).clone()), "renewed")?;
        self.drain(at);
        Ok(*answer)
    }

    /// An honest wallet was not answered.
    fn refused<T>(&mut self, what: &str) -> Played<T> {
        self.facts.violate(I12_ANSWERED, what.to_owned());
        Err(Trouble::of(&self.facts))
    }

    /// Files everything that a wallet can claim.
    pub(crate) fn claim(&mut self, at: usize) -> Played<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        for bundle in self.unit(at)?.wallet.claims().bundles {
            let answer = self.post(&OfficeRequest::Claim(bundle))?;
            let OfficeAnswer::Claim(answer) = answer else {
                return self.refused(&format!("{answer:?}"));
            };
            for verdict in &answer.verdicts {
                or_stuck(self.unit(at)?.wallet.verdict(verdict), "verdict")?;
                self.drain(at);
                verdicts.push(verdict.clone());
            }
        }
        Ok(verdicts)
    }

    /// A buyer in doubt asks the office.
    pub(crate) fn resolve(&mut self, at: usize, tx: &TxId) -> Played<Verdict> {
        let request = or_stuck(self.unit(at)?.wallet.resolve(tx), "resolve")?;
        let answer = self.post(&OfficeRequest::Resolve(Box::new(request)))?;
        let OfficeAnswer::Resolve(verdict) = answer else {
            return self.refused(&format!("{answer:?}"));
        };
        or_stuck(self.unit(at)?.wallet.verdict(&verdict), "verdict")?;
        self.drain(at);
        Ok(*verdict)
    }

    // Meeting.

    /// A buyer meets a seller; the buyer's person introduces it. True if both are in session.
    pub(crate) fn meet(&mut self, seller: usize, buyer: usize) -> Played<bool> {
        self.part();
        self.peers += 1;
        let (now, peer) = (self.now(), PeerId(self.peers));
        let lookup = or_stuck(self.unit(seller)?.wallet.open_shop(), "open shop")?;
        or_stuck(self.unit(buyer)?.wallet.open_buyer_mode(now, 10_000_000), "buyer mode")?;
        self.unit(seller)?.wallet.handle_up_as_seller(now, peer);
        self.unit(buyer)?.wallet.handle_up_as_buyer(now, peer, &lookup);
        self.line = Some(Line { peer, seller, buyer });
        self.run(&mut all);
        let open = |unit: &Unit| unit.wallet.session(peer).is_some();
        Ok([seller, buyer].iter().all(|at| self.units.get(*at).is_some_and(open)))
    }

    /// Meets, or the scene cannot go on.
    pub(crate) fn open(&mut self, seller: usize, buyer: usize) -> Played<()> {
        let is_open = self.meet(seller, buyer)?;
        or_stuck(is_open.then_some(()), "no session")
    }

    /// The number of the open channel.
    pub(crate) fn peer(&self) -> Played<PeerId> {
        or_stuck(self.line.map(|line| line.peer), "no channel")
    }

    /// A number for a channel to a peer that is no wallet.
    pub(crate) fn new_peer(&mut self) -> PeerId {
        self.peers += 1;
        PeerId(self.peers)
    }

    pub(crate) fn part(&mut self) {
        let Some(line) = self.line.take() else { return };
        for at in [line.seller, line.buyer] {
            if let Some(unit) = self.units.get_mut(at) {
                unit.wallet.handle_down(line.peer);
                unit.drain(&mut self.facts);
                unit.out.clear();
            }
        }
    }

    /// Delivers until both are quiet, what `fate` lets through.
    pub(crate) fn run(&mut self, fate: &mut dyn FnMut(&'static str) -> bool) {
        let Some(line) = self.line else { return };
        let now = self.now();
        loop {
            self.drain(line.seller);
            self.drain(line.buyer);
            self.introduce(line, now);
            let Some((to, parcel)) = self.next(line) else { return };
            if fate(parcel.name)
                && let Some(unit) = self.units.get_mut(to).filter(|unit| !unit.is_dead)
            {
                unit.wallet.handle_packet(now, parcel.peer, &parcel.bytes);
            }
        }
    }

    fn next(&mut self, line: Line) -> Option<(usize, Parcel)> {
        for (from, to) in [(line.seller, line.buyer), (line.buyer, line.seller)] {
            let unit = self.units.get_mut(from)?;
            while let Some(parcel) = unit.out.pop_front() {
                if parcel.peer == line.peer {
                    return Some((to, parcel));
                }
            }
        }
        None
    }

    fn introduce(&mut self, line: Line, now: Now) {
        let Some(buyer) = self.units.get_mut(line.buyer).filter(|unit| !unit.is_dead) else {
            return;
        };
        let found =
            |event: &Event| matches!(event, Event::SellerFound { peer, .. } if *peer == line.peer);
        if buyer.events.iter().any(found) && buyer.wallet.introduce(now, line.peer).is_ok() {
            buyer.drain(&mut self.facts);
        }
    }

    /// Lets `ms` pass on both ends of the channel.
    pub(crate) fn wait(&mut self, ms: u64, fate: &mut dyn FnMut(&'static str) -> bool) {
        let until = self.now_ms + ms;
        let Some(line) = self.line else {
            self.now_ms = until;
            return;
        };
        while self.now_ms < until {
            self.run(fate);
            let live = |at: &usize| self.units.get(*at).filter(|unit| !unit.is_dead);
            let ends = [line.seller, line.buyer];
            let due = ends.iter().filter_map(live).filter_map(|unit| unit.wallet.poll_timeout());
            let next = due.min().unwrap_or(until);
            self.now_ms = next.clamp(self.now_ms + 1, until);
            let now = self.now();
            for at in ends {
                if let Some(unit) = self.units.get_mut(at).filter(|unit| !unit.is_dead) {
                    unit.wallet.handle_timeout(now);
                }
            }
        }
        self.run(fate);
    }

    // Paying.

    /// Terms with an order of their own.
    pub(crate) fn terms(&mut self, amount: u64) -> Terms {
        self.orders += 1;
        let order = format!("order {}", self.orders);
        let order_id = Text::new(order.as_str()).unwrap_or_default();
        Terms { amount: Money::new(amount, currency()), order_id, order, refund_of: None }
    }

    /// The seller asks on the open channel; nothing is delivered yet.
    pub(crate) fn ask(&mut self, terms: &Terms) -> Played<TxId> {
        let line = or_stuck(self.line, "no channel")?;
        let now = self.now();
        let tx = self.unit(line.seller)?.wallet.request(now, line.peer, terms);
        self.drain(line.seller);
        or_stuck(tx, "request")
    }

    /// The buyer's person says yes; nothing is delivered yet.
    pub(crate) fn confirm(&mut self, tx: &TxId) -> Played<()> {
        let line = or_stuck(self.line, "no channel")?;
        let now = self.now();
        let said = self.unit(line.buyer)?.wallet.confirm(now, tx);
        self.drain(line.buyer);
        or_stuck(said, "confirm")
    }

    /// A payment of which the buyer's vote is on its way.
    pub(crate) fn vote(&mut self, amount: u64) -> Played<TxId> {
        let terms = self.terms(amount);
        let tx = self.ask(&terms)?;
        self.run(&mut all);
        self.confirm(&tx)?;
        Ok(tx)
    }

    /// A whole payment on the open channel.
    pub(crate) fn pay(&mut self, amount: u64) -> Played<TxId> {
        let tx = self.vote(amount)?;
        self.run(&mut all);
        Ok(tx)
    }

    // Judging.

    /// Fails with the first invariant that does not hold.
    pub(crate) fn check(&mut self) -> Played<()> {
        self.facts.check_changed();
        self.worth();
        let office = self.office()?;
        let report = or_stuck(mutant::disarmed(|| office.audit()), "audit")?;
        if !report.balances() || report.cash != self.facts.issued {
            let what = format!("the audit differs by {}: {:?}", report.missing(), report.faults);
            self.facts.violate(OFFICE_C1, what);
        }
        let office = self.office()?;
        let proofs = or_stuck(office.proofs(), "proofs")?;
        for (_, proof) in &proofs {
            match mutant::disarmed(|| forks::guilty(&self.facts, proof)) {
                Some((_, wallet)) if self.honest(wallet) => {
                    let what = format!("a proof convicts {}", wallet.short());
                    self.facts.violate(OFFICE_I14_HONEST, what);
                }
                Some(_) | None => {}
            }
        }
        if noticed(&self.facts).next().is_none() { Ok(()) } else { Err(Trouble::of(&self.facts)) }
    }

    fn honest(&self, wallet: WalletId) -> bool {
        self.units.iter().any(|unit| unit.wallet.state().wallet() == Some(wallet))
    }

    /// All wallets together hold no more than was handed in.
    fn worth(&mut self) {
        let mut sum = 0_i128;
        for unit in self.units.iter().filter(|unit| !unit.is_dead) {
            let balance = unit.wallet.balance();
            let parts =
                [balance.available, balance.held, balance.in_doubt, balance.received_unsettled];
            sum += parts.into_iter().map(i128::from).sum::<i128>();
            for view in unit.wallet.state().payments() {
                let Some(payment) = self.facts.payments.get(&view.tx) else { continue };
                let is_void = payment.kind() == Some(&OutcomeKind::Void);
                let is_twice = match view.state.as_str() {
                    "PREPARED" => !payment.commits.is_empty() || is_void,
                    "COMMITTED" | "DONE" => view.direction == Direction::In && is_void,
                    _ => false,
                };
                if is_twice {
                    sum -= i128::from(view.amount.minor());
                }
            }
        }
        if sum > self.facts.issued {
            let what = format!("wallets hold {sum} of {}", self.facts.issued);
            self.facts.violate(C1, what);
        }
    }

    /// Fails by `checker` unless `holds`.
    pub(crate) fn must(&mut self, holds: bool, checker: &'static str, what: &str) -> Played<()> {
        if !holds {
            self.facts.violate(checker, what.to_owned());
        }
        self.check()
    }
}
