//! A scene as a machine: its first state, what can happen in a state, and what comes of it.

use std::sync::Arc;

use onehop_proto::Terms;
use onehop_proto::model::Introduced;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, OutcomeKind, Transfer};
use onehop_wire::{Money, Nonce, Text, encode};

use crate::action::{Action, Ask, Deed};
use crate::bundle::{Cargo, Flight, OFFICE, name_of, name_of_all};
use crate::clock::Phase;
use crate::desk::{Ledger, Served, is_idle};
use crate::device::{Bought, Device, Sold};
use crate::facts::{Fact, Facts, What};
use crate::flaws::Flaws;
use crate::graph::Log;
use crate::input::{Input, Kept};
use crate::memo::Memo;
use crate::scene::Scene;
use crate::setup::{SetupError, begin, currency};
use crate::step::{Stepped, step};
use crate::world::{Used, World};

/// A scene, its first state, and what was computed so far.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) scene: Scene,
    pub(crate) start: World,
    /// Cash handed in, in minor units.
    pub(crate) issued: u64,
    pub(crate) names: Vec<&'static str>,
    terms: Vec<Terms>,
    pub(crate) steps: Memo<Stepped>,
    pub(crate) served: Memo<Served>,
    pub(crate) log: Log,
}

impl Machine {
    /// Sets the scene up.
    pub(crate) fn new(scene: Scene) -> Result<Self, SetupError> {
        let begun = begin(&scene.purses)?;
        let mut facts = Vec::new();
        let mut devices = Vec::new();
        for (index, wallet) in begun.wallets.into_iter().enumerate() {
            let forced = wallet.state().clone();
            if let Some(purse) = forced.purse() {
                let balance = purse.checkpoint.body.balance;
                facts.push(purse_given(index, purse.hash, balance));
            }
            devices.push(Arc::new(Device::new(index, forced, Vec::new(), wallet)));
        }
        let mut terms = Vec::new();
        for (number, order) in scene.orders.iter().enumerate() {
            terms.push(Terms {
                amount: Money::new(order.amount, currency()?),
                order_id: Text::new(format!("order {number}")).map_err(SetupError::new)?,
                order: "two teas".to_owned(),
                refund_of: None,
            });
        }
        let start = World {
            devices,
            air: Vec::new(),
            office: Arc::new(Ledger::new(begun.ledger)),
            phase: Phase::Early,
            facts: Arc::new(Facts::default()).with(&facts),
            kept: None,
            used: Used::default(),
            flaws: Flaws::default(),
            name: 0,
        };
        let mut start = start;
        if scene.keeps_first
            && let Some(device) = scene.dishonest.and_then(|at| start.devices.get(at))
        {
            start.kept = Some(Arc::new(Kept::new(&device.forced)));
        }
        let names = scene.purses.iter().map(|(name, _)| *name).collect();
        let (steps, served, log) = (Memo::new(), Memo::new(), Log::new());
        let issued = begun.issued;
        Ok(Self { scene, start: start.named(), issued, names, terms, steps, served, log })
    }

    pub(crate) fn device<'a>(&self, world: &'a World, at: usize) -> Option<&'a Arc<Device>> {
        world.devices.get(at)
    }

    fn stepped(
        &self,
        device: &Device,
        input: &Input,
        phase: Phase,
        salt: u64,
        cut: Option<usize>,
    ) -> Arc<Stepped> {
        let cut_name = cut.map_or(0, |cut| cut as u64 + 1);
        let name = name_of_all(&[device.name, input.name(), phase as u64, salt, cut_name]);
        self.steps.get(name, || {
            let mut seed = [0; 32];
            for (to, from) in seed.iter_mut().zip(name_of_all(&[input.name(), salt]).to_be_bytes())
            {
                *to = from;
            }
            if let Some(last) = seed.last_mut() {
                *last = device.index as u8 + 1;
            }
            step(device, input, phase, seed, cut)
        })
    }

    fn serve(&self, world: &World, request: Option<&OfficeRequest>) -> Arc<Served> {
        let asked = request.map_or(0, |request| name_of(&encode(request)));
        let name = name_of_all(&[world.office.name, asked, world.phase as u64]);
        self.served.get(name, || world.office.serve(request, world.phase, self.issued))
    }

    /// The input that a deed comes to, and what keeps its randomness apart from others'.
    fn input(&self, world: &World, device: usize, deed: &Deed) -> Option<(Input, u64)> {
        let input = match deed {
            Deed::Charge(order) => {
                let buyer = self.scene.orders.get(*order)?.buyer;
                let terms = self.terms.get(*order)?.clone();
                let attempt = world.used.attempts.get(*order).copied().unwrap_or(0);
                let salt = u64::from(attempt) << 8 | u64::from(world.used.puts_back);
                return Some((Input::Ask { buyer, terms }, salt));
            }
            Deed::Confirm(tx) => Input::Confirm(*tx),
            Deed::Refuse(tx) => Input::Refuse(*tx),
            Deed::Cancel(tx) => Input::Cancel(*tx),
            Deed::Hear(name, _, _) => {
                let flight = world.air.iter().find(|flight| flight.name == *name)?;
                let cargo = Arc::clone(&flight.cargo);
                Input::Hear { from: flight.from, cargo, name: *name }
            }
            Deed::Probe => Input::Probe,
            Deed::Deadline => Input::Deadline,
            Deed::Lose(other) => Input::Down(*other),
            Deed::Post(Ask::Sync, _) => Input::Close(Transfer::None),
            Deed::Post(Ask::Resolve(tx), _) => Input::Resolve(*tx),
            Deed::Post(Ask::Claim, _) => return None,
            Deed::Compact => Input::Compact,
            Deed::PowerCut(kept) => Input::PowerCut { kept: *kept },
            Deed::PutBack => Input::PutBack(Arc::clone(world.kept.as_ref()?)),
        };
        let _ = device;
        Some((input, 0))
    }

    /// What an action comes to; none if it changes nothing.
    pub(crate) fn after(&self, world: &World, action: &Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Act(device, deed) => self.act(&mut next, *device, deed, None)?,
            Action::Torn(device, deed, after) => {
                self.act(&mut next, *device, deed, Some(*after))?;
                *next.used.power_cuts.get_mut(*device)? += 1;
            }
            Action::Meet(buyer, seller) => self.meet(&mut next, *buyer, *seller)?,
            Action::Settle => {
                let served = self.serve(world, None);
                self.decided(&mut next, &served);
            }
            Action::Pass => {
                next.phase = self.scene.later(world.phase)?;
                if !self.scene.sessions_last {
                    self.part(&mut next);
                }
            }
            Action::Keep(device) => {
                let device = self.device(world, *device)?;
                next.kept = Some(Arc::new(Kept::new(&device.forced)));
            }
        }
        let next = next.named();
        (next.name != world.name).then_some(next)
    }

    fn act(&self, next: &mut World, at: usize, deed: &Deed, cut: Option<usize>) -> Option<()> {
        let is_late = matches!(deed, Deed::Post(_, true));
        next.used.late_answers += u8::from(is_late);
        if let Deed::Post(Ask::Claim, _) = deed {
            let claims = self.device(next, at)?.wallet.claims();
            for bundle in claims.bundles {
                self.post(next, at, &OfficeRequest::Claim(bundle), is_late);
            }
            return Some(());
        }
        let (input, salt) = self.input(next, at, deed)?;
        let was_open = self.device(next, at)?.view.purse.is_some_and(|purse| !purse.4);
        let came_to = self.stepped(self.device(next, at)?, &input, next.phase, salt, cut);
        match deed {
            Deed::Charge(order) => {
                if came_to.device.name == self.device(next, at)?.name {
                    return None;
                }
                *next.used.attempts.get_mut(*order)? += 1;
            }
            Deed::Hear(name, again, _) => {
                if *again {
                    next.used.duplicates += 1;
                } else {
                    next.air.retain(|flight| flight.name != *name);
                }
            }
            Deed::Lose(_) => next.used.losses += 1,
            Deed::PowerCut(_) => *next.used.power_cuts.get_mut(at)? += 1,
            Deed::PutBack => {
                next.used.puts_back += 1;
                next.kept = Some(Arc::new(Kept::new(&self.device(next, at)?.forced)));
            }
            Deed::Post(Ask::Sync, _) if was_open => *next.used.closes.get_mut(at)? += 1,
            _ => {}
        }
        let restarts = cut.is_some() || matches!(deed, Deed::PowerCut(_) | Deed::PutBack);
        self.take(next, at, &came_to, restarts);
        if let Some(request) = &came_to.request {
            self.post(next, at, request, is_late);
        }
        Some(())
    }

    /// Puts what a step of one device came to into the state.
    fn take(&self, next: &mut World, at: usize, came_to: &Stepped, restarts: bool) {
        next.flaws.add(came_to.flaws);
        let credited = came_to.facts.iter().any(|fact| match &fact.what {
            What::Credited { tx } => next.facts.credited(at, tx),
            _ => false,
        });
        next.flaws.add_if(credited, Flaws::CREDIT);
        next.facts = next.facts.with(&came_to.facts);
        let Some(old) = next.devices.get(at).cloned() else { return };
        for other in 0..next.devices.len() {
            if old.in_session(other) && !came_to.device.in_session(other) {
                next.cut_off(at, other);
            }
        }
        if restarts {
            next.cut_off_all(at);
        }
        if let Some(device) = next.devices.get_mut(at) {
            *device = Arc::clone(&came_to.device);
        }
        next.send(&came_to.flights);
    }

    fn meet(&self, next: &mut World, buyer: usize, seller: usize) -> Option<()> {
        for (one, other) in [(buyer, seller), (seller, buyer)] {
            if self.device(next, one)?.in_session(other) {
                let device = self.device(next, one)?;
                let came_to = self.stepped(device, &Input::Down(other), next.phase, 0, None);
                self.take(next, one, &came_to, false);
            }
        }
        let nonce = self.nonce(next, buyer, seller);
        let of = |device: &Arc<Device>, as_buyer: bool| {
            let state = device.wallet.state();
            let purse = state.purse().filter(|_| as_buyer);
            Some(Introduced {
                certificate: state.certificate()?.clone(),
                checkpoint: purse.map(|purse| purse.checkpoint.clone()),
                nonce,
            })
        };
        let (shown, offered) =
            (of(self.device(next, buyer)?, true)?, of(self.device(next, seller)?, false)?);
        let other = Box::new(shown);
        let to_seller = Input::Meet { with: buyer, other };
        let to_buyer = Input::Meet { with: seller, other: Box::new(offered) };
        let sold = self.stepped(self.device(next, seller)?, &to_seller, next.phase, 0, None);
        let bought = self.stepped(self.device(next, buyer)?, &to_buyer, next.phase, 0, None);
        if sold.refused || bought.refused {
            next.flaws.add(sold.flaws);
            return Some(());
        }
        self.take(next, buyer, &bought, false);
        self.take(next, seller, &sold, false);
        next.send(&bought.flights);
        Some(())
    }

    /// Every session ends.
    fn part(&self, next: &mut World) {
        for at in 0..next.devices.len() {
            for other in 0..next.devices.len() {
                let Some(device) = next.devices.get(at).filter(|it| it.in_session(other)) else {
                    continue;
                };
                let came_to = self.stepped(device, &Input::Down(other), next.phase, 0, None);
                self.take(next, at, &came_to, false);
            }
        }
    }

    /// The nonce of a session: no two sessions in which a request was made have the same.
    fn nonce(&self, world: &World, buyer: usize, seller: usize) -> Nonce {
        let orders = self.scene.orders.iter().zip(&world.used.attempts);
        let made = orders.filter(|(order, _)| (order.buyer, order.seller) == (buyer, seller));
        let made: u64 = made.map(|(_, attempts)| u64::from(*attempts)).sum();
        let name = name_of_all(&[buyer as u64, seller as u64, made, world.used.puts_back.into()]);
        let mut nonce = Nonce([0; 16]);
        for (to, from) in nonce.0.iter_mut().zip(name.to_be_bytes()) {
            *to = from;
        }
        nonce
    }

    /// The office answers a request at once; its answer arrives at once as well, or is on its way.
    fn post(&self, next: &mut World, at: usize, request: &OfficeRequest, is_late: bool) {
        let served = self.serve(next, Some(request));
        self.decided(next, &served);
        if let OfficeRequest::Claim(bundle) = request {
            let claimed = |claim: &onehop_wire::Claim| {
                Arc::new(Fact::new(at, What::Claimed { tx: claim.agreed.body.tx }))
            };
            let claimed: Vec<_> = bundle.claims.iter().map(claimed).collect();
            next.facts = next.facts.with(&claimed);
        }
        let Some(answer) = &served.answer else { return };
        if let OfficeAnswer::Refused(_) = answer {
            next.flaws.add_if(self.scene.dishonest != Some(at), Flaws::REFUSED);
        }
        if is_idle(answer) {
            return;
        }
        if let OfficeAnswer::Sync(answer) = answer
            && let Some(office) = next.devices.first().and_then(|it| it.forced.office().copied())
        {
            let checkpoint = answer.checkpoint.hash(&office);
            let given = purse_given(at, checkpoint, answer.checkpoint.body.balance);
            next.facts = next.facts.with(&[given]);
        }
        let cargo = Cargo::Answer(Box::new((request.clone(), answer.clone())));
        let flight = Flight::new(OFFICE, at, cargo);
        if is_late {
            next.air.push(flight);
            return;
        }
        let input = Input::Hear { from: OFFICE, cargo: flight.cargo, name: flight.name };
        if let Some(device) = next.devices.get(at).cloned() {
            let came_to = self.stepped(&device, &input, next.phase, 0, None);
            self.take(next, at, &came_to, false);
        }
    }

    /// Takes the office's new rows over, and looks at what it decided.
    fn decided(&self, next: &mut World, served: &Served) {
        next.flaws.add(served.flaws);
        for outcome in &served.ledger.outcomes {
            let is_new = next.facts.outcome(&outcome.body.tx).is_none();
            if is_new && outcome.body.kind == OutcomeKind::Void {
                let tx = &outcome.body.tx;
                let unclaimed = next.phase >= Phase::Voidable && !next.facts.claimed(tx);
                let waived = next.facts.aborted(tx);
                next.flaws.add_if(!unclaimed && !waived, Flaws::EARLY_VOID);
            }
        }
        next.office = Arc::clone(&served.ledger);
        next.facts = next.facts.with(&served.facts);
    }

    /// Everything that can happen next.
    pub(crate) fn possible(&self, world: &World, actions: &mut Vec<Action>) {
        let mut deeds = Vec::new();
        for at in 0..world.devices.len() {
            self.deeds(world, at, &mut deeds);
            for deed in deeds.drain(..) {
                self.torn(world, at, &deed, actions);
                actions.push(Action::Act(at, deed));
            }
        }
        for (buyer, seller) in self.scene.pairs() {
            let both = self.device(world, buyer).is_some_and(|it| it.in_session(seller))
                && self.device(world, seller).is_some_and(|it| it.in_session(buyer));
            if !both {
                actions.push(Action::Meet(buyer, seller));
            }
        }
        if self.scene.has_office && world.phase > Phase::Early {
            actions.push(Action::Settle);
        }
        if self.scene.later(world.phase).is_some() {
            actions.push(Action::Pass);
        }
        if let Some(at) = self.scene.dishonest
            && world.kept.is_none()
            && self
                .device(world, at)
                .is_some_and(|it| it.view.sold.iter().any(|(_, sold, _)| *sold == Sold::Done))
        {
            actions.push(Action::Keep(at));
        }
    }

    /// Power cuts in the midst of a deed, where they would matter.
    fn torn(&self, world: &World, at: usize, deed: &Deed, actions: &mut Vec<Action>) {
        let cuts = world.used.power_cuts.get(at).copied().unwrap_or(0);
        if cuts >= self.scene.bounds.power_cuts || matches!(deed, Deed::PowerCut(_)) {
            return;
        }
        let Some(device) = self.device(world, at) else { return };
        let Some((input, salt)) = self.input(world, at, deed) else { return };
        let came_to = self.stepped(device, &input, world.phase, salt, None);
        for cut in &came_to.cuts {
            actions.push(Action::Torn(at, deed.clone(), *cut));
        }
    }

    fn deeds(&self, world: &World, at: usize, deeds: &mut Vec<Deed>) {
        let Some(device) = self.device(world, at) else { return };
        let (view, bounds) = (&device.view, &self.scene.bounds);
        // Under a purse of the last date nothing could be settled within the scene.
        let too_late = world.phase > Phase::Early && self.scene.later(world.phase).is_none();
        for (number, order) in self.scene.orders.iter().enumerate().filter(|_| !too_late) {
            let made = world.used.attempts.get(number).copied().unwrap_or(u8::MAX);
            // Orders of one pair come one after the other: their numbers mean nothing.
            let before = self.scene.orders.iter().zip(&world.used.attempts).take(number);
            let is_next = { before }.all(|(other, made)| {
                (other.buyer, other.seller) != (order.buyer, order.seller) || *made > 0
            });
            if order.seller == at
                && is_next
                && made < bounds.attempts
                && device.in_session(order.buyer)
            {
                deeds.push(Deed::Charge(number));
            }
        }
        for tx in &view.asked {
            deeds.push(Deed::Confirm(*tx));
            if self.scene.declines {
                deeds.push(Deed::Refuse(*tx));
            }
        }
        for (tx, state, _) in &view.sold {
            if *state == Sold::Invited && self.scene.declines {
                deeds.push(Deed::Cancel(*tx));
            }
        }
        for flight in world.air.iter().filter(|flight| flight.to == at) {
            deeds.push(Deed::Hear(flight.name, false, flight.title()));
            if world.used.duplicates < bounds.duplicates {
                deeds.push(Deed::Hear(flight.name, true, flight.title()));
            }
        }
        if view.has_probe && self.scene.has_timers {
            deeds.push(Deed::Probe);
        }
        if view.has_deadline && self.scene.has_timers {
            deeds.push(Deed::Deadline);
        }
        if world.used.losses < bounds.losses {
            let others = (0..world.devices.len()).filter(|other| device.in_session(*other));
            deeds.extend(others.map(Deed::Lose));
        }
        if world.used.power_cuts.get(at).copied().unwrap_or(u8::MAX) < bounds.power_cuts {
            deeds.extend((0..=device.lazy.len()).map(Deed::PowerCut));
        }
        if self.scene.has_office {
            self.errands(world, device, deeds);
        }
        if self.scene.prunes {
            deeds.push(Deed::Compact);
        }
        if self.scene.dishonest == Some(at)
            && world.kept.is_some()
            && world.used.puts_back < bounds.puts_back
        {
            deeds.push(Deed::PutBack);
        }
    }

    /// What a device may ask the office.
    fn errands(&self, world: &World, device: &Device, deeds: &mut Vec<Deed>) {
        let (at, view) = (device.index, &device.view);
        if world.is_asking_office(at) {
            return;
        }
        let mut asks = Vec::new();
        let closed = view.purse.is_some_and(|purse| purse.4);
        let closes = world.used.closes.get(at).copied().unwrap_or(u8::MAX);
        if closed || closes < self.scene.bounds.closes {
            asks.push(Ask::Sync);
        }
        if view.has_claims {
            asks.push(Ask::Claim);
        }
        for (tx, state, _) in &view.bought {
            if matches!(state, Bought::Prepared | Bought::Aborted) {
                asks.push(Ask::Resolve(*tx));
            }
        }
        let may_be_late = world.used.late_answers < self.scene.bounds.late_answers;
        for ask in asks {
            deeds.push(Deed::Post(ask, false));
            if may_be_late {
                deeds.push(Deed::Post(ask, true));
            }
        }
    }
}

fn purse_given(owner: usize, checkpoint: onehop_wire::Hash, balance: u64) -> Arc<Fact> {
    Arc::new(Fact::new(owner, What::Purse { checkpoint, balance }))
}
