//! The world: what happens next, and what is checked after it.

use std::collections::VecDeque;

use money_office::OfficeError;
use onehop_crypto::Trust;
use onehop_proto::Birth;
use onehop_store::{Durability, Journal, Lsn, SimJournal};
use onehop_wire::office::{Class, OfficeAnswer, OfficeRequest, Transfer};
use onehop_wire::{Text, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::check::{Facts, I12, Violation, chain, conservation, forks, judged};
use crate::counters::Counters;
use crate::device::Device;
use crate::disk;
use crate::env::{Env, Mutant, Options};
use crate::faults::{FaultKind, Faults, Variant};
use crate::office::OfficeSim;
use crate::people::Plans;
use crate::radio::Radio;
use crate::trace::{NAMES, Trace};
use crate::{finish, workload};

/// Steps after which a run that does not end is given up.
const STEPS_MAX: u64 = 400_000;
/// Cash of each owner at first, in minor units.
const GIVEN: [u64; 4] = [90_000, 60_000, 20_000, 0];

/// Tells the second stream of chance from the first.
const SIDE: u64 = 0x5eed_0002;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The seed.
    pub seed: u64,
    /// Things that happened.
    pub steps: u64,
    /// Payments for which a buyer voted yes.
    pub payments: u64,
    /// What was reached.
    pub counters: Counters,
    /// What did not hold; empty if all is well. Of a dishonest variant, the office's only.
    pub violations: Vec<Violation>,
    /// In a dishonest variant, what did not hold locally.
    pub local: Vec<Violation>,
    /// The sequence diagram, if it was asked for.
    pub trace: String,
}

/// Wallets, people, an office and everything between them.
#[derive(Debug)]
pub struct World {
    seed: u64,
    pub(crate) env: Env,
    pub(crate) devices: Vec<Device>,
    pub(crate) office: Option<OfficeSim>,
    variant: Variant,
    acts: usize,
    audit_every: u64,
    steps: u64,
    image: Option<SimJournal>,
}

impl World {
    /// A world of enrolled wallets with money.
    #[must_use]
    pub fn new(seed: u64, options: &Options) -> Self {
        Self::with(seed, options, None)
    }

    /// A world that may be broken on purpose.
    pub(crate) fn with(seed: u64, options: &Options, mutant: Option<Mutant>) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut side = ChaCha20Rng::seed_from_u64(seed ^ SIDE);
        let faults = options.faults.varied(&mut rng, &mut side);
        let env = Env {
            now_ms: 0,
            rng,
            side,
            cuts: VecDeque::new(),
            found: None,
            moves: 0,
            is_scripted: false,
            is_stopped: false,
            reunites: None,
            recovery: None,
            faults,
            is_calm: true,
            mutant,
            radio: Radio::default(),
            plans: Plans::default(),
            trace: Trace::new(options.trace),
            counters: Counters::default(),
            facts: Facts::default(),
            orders: 0,
            given: Vec::new(),
            wallets: Vec::new(),
        };
        let mut world = Self {
            seed,
            env,
            devices: Vec::new(),
            office: None,
            variant: options.variant,
            acts: options.acts,
            audit_every: options.audit_every.max(1),
            steps: 0,
            image: None,
        };
        if let Err(error) = world.set_up(options.wallets.clamp(2, GIVEN.len())) {
            world.env.facts.violate("set-up", error.to_string());
        }
        world
    }

    /// Lives through it: faults first, then calm, until everything is settled.
    #[must_use]
    pub fn run(mut self) -> RunOutcome {
        if let Err(error) = self.live() {
            self.env.facts.violate("office store", format!("{error:?}"));
        }
        judged::check(&mut self.env.facts);
        let env = self.env;
        let is_tainted = env.facts.is_tainted;
        let (office, local): (Vec<_>, Vec<_>) =
            env.facts.violations.into_iter().partition(|v| !is_tainted || v.is_of_office());
        let agreed = env.facts.payments.values().filter(|p| !p.prepared.is_empty());
        RunOutcome {
            seed: self.seed,
            steps: self.steps,
            payments: agreed.count() as u64,
            counters: env.counters,
            violations: office,
            local,
            trace: env.trace.text().to_owned(),
        }
    }

    pub(crate) fn live(&mut self) -> Result<(), OfficeError> {
        let Some(mut office) = self.office.take() else { return Ok(()) };
        let lived = self.live_with(&mut office);
        self.office = Some(office);
        lived
    }

    fn live_with(&mut self, office: &mut OfficeSim) -> Result<(), OfficeError> {
        self.env.is_calm = false;
        let oversleeps = self.env.strikes(FaultKind::Oversleep);
        let retirements = [(FaultKind::Revocation, true), (FaultKind::Freeze, false)].map(
            |(kind, is_revoked)| {
                let (who, when) = (self.env.side.next_u32(), self.env.side.next_u32());
                self.env.strikes(kind).then_some((who, when, is_revoked))
            },
        );
        let (is_renewing, renewal) = (
            self.env.strikes(FaultKind::KeyRenewal),
            self.env.side.next_u32() as usize % self.acts.max(1),
        );
        for number in 0..self.acts {
            let since = number.checked_sub(renewal).filter(|_| is_renewing);
            // More than once between two visits of a wallet.
            if since.is_some_and(|since| since.is_multiple_of((self.acts / 6).max(1))) {
                office.renew_key(&mut self.env)?;
            }
            if !self.env.facts.violations.is_empty() && !self.env.facts.is_tainted {
                return Ok(());
            }
            self.misbehave(number);
            for (who, when, is_revoked) in retirements.into_iter().flatten() {
                let at = |drawn: u32, among: usize| drawn as usize % among.max(1);
                if number == at(when, self.acts)
                    && let Some(device) = self.devices.get_mut(at(who, self.env.wallets.len()))
                {
                    workload::retire(&mut self.env, device, office, is_revoked)?;
                }
            }
            workload::operate(&mut self.env, office)?;
            workload::act(&mut self.env, &mut self.devices);
            let pause = self.env.between(100, 9_000);
            self.run_for(office, pause)?;
        }
        finish::finish(self, office, oversleeps)
    }

    /// Puts a wallet back, or clones it, in a run in which one owner does.
    fn misbehave(&mut self, act: usize) {
        if self.variant == Variant::Honest {
            return;
        }
        if act == self.acts / 3
            && let Some(device) = self.devices.first()
        {
            let mut image = device.journal.clone();
            image.crash(|_| true);
            self.image = Some(image);
        }
        if act != self.acts / 2 {
            return;
        }
        let Some(image) = self.image.take() else { return };
        self.env.facts.is_tainted = true;
        self.env.facts.suspect = self.env.wallets.first().copied();
        self.env.line(NAMES[0], "!", "", "an older disk is started");
        if self.variant == Variant::RolledBack {
            if let Some(device) = self.devices.first_mut() {
                device.crash(&mut self.env, "is put back");
                (device.journal, device.forced) = (image, 0);
            }
        } else {
            let mut device = Device::new(self.devices.len(), image);
            device.start(&mut self.env);
            self.devices.push(device);
        }
    }

    /// Lets `ms` pass with all that happens in them.
    pub(crate) fn run_for(&mut self, office: &mut OfficeSim, ms: u64) -> Result<(), OfficeError> {
        let until = self.env.now_ms + ms;
        while self.step(office, until)? {}
        self.env.now_ms = self.env.now_ms.max(until);
        self.env.facts.now_ms = self.env.now_ms;
        Ok(())
    }

    /// Does what comes next, unless that is after `until`.
    fn step(&mut self, office: &mut OfficeSim, until: u64) -> Result<bool, OfficeError> {
        if self.env.is_stopped {
            return Ok(false);
        }
        let timers = self.devices.iter().filter_map(Device::next_at).min();
        let env = &mut self.env;
        let next = [env.radio.next_at(), env.plans.next_at(), timers].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= until) else { return Ok(false) };
        if self.steps >= STEPS_MAX {
            env.facts.violate(I12, format!("{STEPS_MAX} steps"));
            return Ok(false);
        }
        self.steps += 1;
        env.now_ms = env.now_ms.max(next);
        env.facts.now_ms = env.now_ms;
        let now = env.now_ms;
        if let Some((to, event)) = env.radio.take(now) {
            if let Some(device) = self.devices.get_mut(to) {
                device.on_link(env, event);
            }
        } else if let Some((who, plan)) = env.plans.take(now) {
            workload::carry_out(env, &mut self.devices, office, who, plan)?;
        } else {
            for device in &mut self.devices {
                if device.next_at().is_some_and(|at| at <= now) {
                    device.on_time(env);
                }
            }
        }
        self.check(office)?;
        Ok(true)
    }

    /// Checks everything that this step may have changed.
    fn check(&mut self, office: &mut OfficeSim) -> Result<(), OfficeError> {
        if !self.env.facts.changed.is_empty() {
            self.reach_states();
            self.env.facts.check_changed();
        }
        if std::mem::take(&mut self.env.facts.is_stirred) {
            chain::wallets(&mut self.env, &self.devices);
            conservation::wallets(&mut self.env, &self.devices);
        }
        if office.was_written() {
            conservation::books(&mut self.env, office)?;
            forks::office(&mut self.env, office)?;
        }
        if self.steps.is_multiple_of(self.audit_every) {
            conservation::audit(&mut self.env, office)?;
        }
        Ok(())
    }

    /// Counts the states in which payments are.
    pub(crate) fn reach_states(&mut self) {
        for device in &self.devices {
            let Some(running) = &device.running else { continue };
            for tx in &self.env.facts.changed {
                if let Some(view) = running.wallet.state().payment(tx) {
                    let role = match view.direction {
                        onehop_proto::Direction::Out => "buyer",
                        onehop_proto::Direction::In => "seller",
                    };
                    self.env.counters.reach(&format!("{role}/{}", view.state));
                }
            }
        }
    }

    // Set-up, by the same calls and without faults.

    fn set_up(&mut self, wallets: usize) -> Result<(), OfficeError> {
        let mut office = OfficeSim::new(&mut self.env)?;
        let info = office.read()?.info()?;
        self.env.facts.office = Some(*office.read()?.id());
        self.env.facts.trust = Trust::from_info(&info, None).ok();
        for (index, given) in GIVEN.into_iter().take(wallets).enumerate() {
            self.env.given.push(i128::from(given));
            let device = self.enrol(&mut office, index, given)?;
            self.devices.push(device);
        }
        self.office = Some(office);
        Ok(())
    }

    fn enrol(
        &mut self,
        office: &mut OfficeSim,
        index: usize,
        given: u64,
    ) -> Result<Device, OfficeError> {
        let env = &mut self.env;
        let info = office.read()?.info()?;
        let mut journal = SimJournal::new();
        let mut device = Device::new(index, SimJournal::new());
        let Ok(birth) = Birth::new(&mut env.rng, info) else { return Ok(device) };
        let born = encode(&birth.into_record());
        // A new disk without faults takes the first record.
        journal.load().ok();
        journal.append(Lsn(1), &[born], Durability::Forced).ok();
        disk::cut_power(&mut journal, env, index, 1);
        device.journal = journal;
        device.start(env);
        let name = Text::new(device.name()).unwrap_or_default();
        let asked = device.command(env, |wallet, _| wallet.enrol(name, Class::Person));
        let Some(Ok(enrol)) = asked else { return Ok(device) };
        let wallet = onehop_wire::domain::wallet_id(&enrol.body.key);
        env.wallets.push(wallet);
        let answer = office.ask(env, &OfficeRequest::Enrol(enrol))?;
        if let Some(OfficeAnswer::Enrol(answer)) = answer {
            device.command(env, |wallet, _| wallet.enrolled(*answer).ok());
        }
        if given > 0 {
            office.deposit(env, wallet, given)?;
            let transfer = Transfer::Charge(given / 4 * 3);
            let closed = device.command(env, |wallet, now| wallet.close(now, transfer));
            let Some(Ok(sync)) = closed else { return Ok(device) };
            let answer = office.ask(env, &OfficeRequest::Sync(Box::new(sync)))?;
            if let Some(OfficeAnswer::Sync(answer)) = answer {
                device.command(env, |wallet, _| wallet.renewed(*answer).ok());
            }
        }
        Ok(device)
    }

    /// The faults of this seed.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.env.faults
    }
}
