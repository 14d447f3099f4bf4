//! The office in the world: its library over a disk that tears, fails and fills up.

use money_office::{
    Command, NewOffice, Office, OfficeError, OperatorAnswer, OperatorCommand, Profile, StoreError,
    Table,
};
use onehop_crypto::SigningKey;
use onehop_store::sim_journal::DiskFault;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, OutcomeKind, TransferResult, Verdict};
use onehop_wire::{Currency, Nonce, PublicKey, Signed, WalletId};
use rand_core::Rng as _;

use crate::check::durability;
use crate::disk::{self, OFFICE};
use crate::env::{Env, Mutant, START};
use crate::faults::FaultKind;
use crate::ledger::{DiskLedger, Probe};
use crate::transitions;

/// The office and its operator.
#[derive(Debug)]
pub(crate) struct OfficeSim {
    /// None only after its disk was found to be damaged.
    office: Option<Office<DiskLedger>>,
    /// Something was asked or ordered since this was last looked at.
    is_written: bool,
    operator: SigningKey,
    root: SigningKey,
    nonce: u64,
    /// An older disk, for the office that forgets.
    older: Option<DiskLedger>,
    requests: u64,
    grace: u64,
}

/// A prepaid office of `profile`, which `operator` runs.
pub(crate) fn corner_office(profile: Profile, operator: PublicKey) -> NewOffice {
    NewOffice {
        name: "corner office".to_owned(),
        currency: currency(),
        profile,
        credit_line: Some(0),
        purse_max: None,
        operator,
    }
}

impl OfficeSim {
    pub(crate) fn new(env: &mut Env) -> Result<Self, OfficeError> {
        let operator = SigningKey::from_seed(&env.seed());
        let root = SigningKey::from_seed(&env.seed());
        let profile = profile();
        let grace = profile.grace_seconds;
        let new = corner_office(profile, operator.public());
        let mut ledger = DiskLedger::new().map_err(|_| damaged())?;
        ledger.is_lazy = env.mutant == Some(Mutant::OfficeNoForce);
        let office = Some(Office::create(ledger, new, &root, &env.seed(), START)?);
        let (nonce, requests, is_written, older) = (0, 0, true, None);
        Ok(Self { office, is_written, operator, root, nonce, older, requests, grace })
    }

    /// The office, to be looked at.
    pub(crate) fn read(&self) -> Result<&Office<DiskLedger>, OfficeError> {
        Ok(self.office.as_ref().ok_or_else(damaged)?)
    }

    /// True if something was asked or ordered since this was last called.
    pub(crate) fn was_written(&mut self) -> bool {
        std::mem::take(&mut self.is_written)
    }

    /// Seconds after the claim window before a payment may be voided.
    pub(crate) const fn grace(&self) -> u64 {
        self.grace
    }

    /// Runs `work` on the office's disk.
    pub(crate) fn with_ledger<T>(
        &mut self,
        work: impl FnOnce(&mut DiskLedger) -> T,
    ) -> Result<T, OfficeError> {
        let mut ledger = self.office.take().ok_or_else(damaged)?.into_store();
        let done = work(&mut ledger);
        self.office = Some(Office::open(ledger)?);
        Ok(done)
    }

    /// Stops the office, whatever it does, and starts it from its disk.
    fn restart(&mut self, env: &mut Env, power: Power) -> Result<(), OfficeError> {
        let ledger = self.office.take().ok_or_else(damaged)?.into_store();
        let (before, last) = (ledger.rows().clone(), ledger.last);
        let mut ledger = ledger;
        match power {
            Power::Lost => disk::cut_power(&mut ledger.journal, env, OFFICE, last),
            // The program alone is gone: what it wrote is in the caches of the system.
            Power::Stays => ledger.journal.crash(|_| true),
        }
        let loaded = ledger.load();
        durability::office_loaded(env, last, &loaded, &ledger, &before);
        loaded.map_err(|_| damaged())?;
        self.office = Some(Office::open(ledger)?);
        env.line("office", "x", "", "stops and starts again");
        Ok(())
    }

    /// Lets the disk fail under the next request, if it is its time.
    fn trouble(&mut self, env: &mut Env) -> Result<Trouble, OfficeError> {
        let is_killed_before = env.strikes(FaultKind::OfficeKilledBefore);
        let is_killed_after = !is_killed_before && env.strikes(FaultKind::OfficeKilledAfter);
        let (is_torn, is_full) =
            (env.strikes(FaultKind::OfficeTornWrite), env.strikes(FaultKind::OfficeDiskFull));
        let failing = (env.strikes(FaultKind::OfficeEio), env.side.next_u64() % 2);
        let (after, fault, power) = match (is_killed_before, is_torn, is_full, failing) {
            (true, ..) => (0, DiskFault::Full, Power::Lost),
            (_, true, ..) => (1, DiskFault::Full, Power::Lost),
            (_, _, true, _) => (0, DiskFault::Full, Power::Stays),
            (_, _, _, (true, after)) => (after, DiskFault::Io, Power::Stays),
            _ => return Ok(Trouble { power: Power::Lost, is_armed: false, is_killed_after }),
        };
        self.with_ledger(|ledger| ledger.journal.fail_after(after, fault))?;
        Ok(Trouble { power, is_armed: true, is_killed_after })
    }

    /// Answers a request. None: the office failed, and nobody hears anything.
    pub(crate) fn ask(
        &mut self,
        env: &mut Env,
        request: &OfficeRequest,
    ) -> Result<Option<OfficeAnswer>, OfficeError> {
        self.is_written = true;
        env.moves += 1;
        self.forget(env)?;
        let trouble = self.trouble(env)?;
        let today = env.today();
        let about = transitions::about(request);
        let before = transitions::standings(self.read()?, &about)?;
        let office = self.office.as_mut().ok_or_else(damaged)?;
        let answer = office.answer(today, request);
        let is_cut = env.is_cut(OFFICE, office.store().journal.operations());
        if is_cut || trouble.is_killed_after {
            self.restart(env, Power::Lost)?;
            return Ok(None);
        }
        let answer = match answer {
            Err(OfficeError::Store(StoreError::Write(_))) => {
                self.restart(env, trouble.power)?;
                return Ok(None);
            }
            other => other?,
        };
        if trouble.is_armed {
            // A fault that no write met is over.
            self.with_ledger(|ledger| ledger.journal.mend())?;
        }
        durability::answering(env, self.read()?.store());
        for name in names(&answer) {
            env.counters.reach(name);
        }
        let after = transitions::standings(self.read()?, &about)?;
        transitions::judged(&mut env.counters, request, &before, &after);
        self.tidy(env)?;
        Ok(Some(answer))
    }

    /// Replaces a long log by a snapshot.
    fn tidy(&mut self, env: &mut Env) -> Result<(), OfficeError> {
        let is_long = self.read()?.store().is_long();
        if is_long { self.compact(env) } else { Ok(()) }
    }

    /// Replaces the log by a snapshot.
    pub(crate) fn compact(&mut self, env: &mut Env) -> Result<(), OfficeError> {
        env.moves += 1;
        let (done, operations) =
            self.with_ledger(|ledger| (ledger.compact(), ledger.journal.operations()))?;
        if done.is_err() || env.is_cut(OFFICE, operations) {
            self.restart(env, Power::Lost)?;
        }
        env.counters.reach("office/compacted");
        Ok(())
    }

    /// True if asking again changes nothing and brings the same bytes.
    pub(crate) fn repeats(
        &self,
        env: &Env,
        request: &OfficeRequest,
        answer: &OfficeAnswer,
    ) -> Result<bool, OfficeError> {
        let mut office = Office::open(Probe(self.read()?.store()))?;
        match office.answer(env.today(), request) {
            Ok(again) => Ok(is_same(answer, &again)),
            Err(OfficeError::Store(StoreError::Row { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn forget(&mut self, env: &Env) -> Result<(), OfficeError> {
        if env.mutant != Some(Mutant::OfficeForgets) {
            return Ok(());
        }
        self.requests += 1;
        if self.requests.is_multiple_of(12) {
            let older = self.older.take();
            let kept = self.with_ledger(|ledger| {
                if let Some(older) = older {
                    *ledger = older;
                }
                ledger.clone()
            })?;
            self.older = Some(kept);
        }
        Ok(())
    }

    /// Books cash that was handed in.
    pub(crate) fn deposit(
        &mut self,
        env: &mut Env,
        wallet: WalletId,
        amount: u64,
    ) -> Result<(), OfficeError> {
        self.operate(env, Command::Deposit { wallet, amount })?;
        env.facts.issued += i128::from(amount);
        if env.mutant == Some(Mutant::CashTwice) {
            self.operate(env, Command::Deposit { wallet, amount })?;
        }
        Ok(())
    }

    /// Hands cash out of an account; false if it does not hold that much.
    pub(crate) fn redeem(
        &mut self,
        env: &mut Env,
        wallet: WalletId,
        amount: u64,
    ) -> Result<bool, OfficeError> {
        match self.operate(env, Command::Redeem { wallet, amount }) {
            Ok(_) => {
                env.facts.issued -= i128::from(amount);
                env.counters.reach("office/redeemed");
                Ok(true)
            }
            Err(OfficeError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Signs with a new key from now on; the root certifies it.
    pub(crate) fn renew_key(&mut self, env: &mut Env) -> Result<(), OfficeError> {
        self.is_written = true;
        let (seed, today) = (env.seed(), env.today());
        let office = self.office.as_mut().ok_or_else(damaged)?;
        office.renew_key(&self.root, &seed, today)?;
        let key = office.info()?.office_key;
        if let Some(trust) = &mut env.facts.trust {
            trust.add_key(key).ok();
        }
        env.line("office", ".", "", "signs with a new key");
        Ok(())
    }

    /// Goes over what is undecided.
    pub(crate) fn settle(&mut self, env: &mut Env) -> Result<(), OfficeError> {
        let before = self.read()?.all_standings()?;
        self.operate(env, Command::Settle)?;
        let after = self.read()?.all_standings()?;
        transitions::lapsed(&mut env.counters, &before, &after);
        Ok(())
    }

    /// Carries out an order of the operator.
    pub(crate) fn operate(
        &mut self,
        env: &mut Env,
        command: Command,
    ) -> Result<OperatorAnswer, OfficeError> {
        self.is_written = true;
        self.nonce += 1;
        let mut nonce = Nonce([0; 16]);
        nonce.0[..8].copy_from_slice(&self.nonce.to_be_bytes());
        let office = self.office.as_mut().ok_or_else(damaged)?;
        let body = OperatorCommand { nonce, at: env.today(), command };
        let order: Signed<OperatorCommand> = self.operator.sign(office.id(), body).into_signed();
        loop {
            let office = self.office.as_mut().ok_or_else(damaged)?;
            env.moves += 1;
            let answer = office.operate(env.today(), &order);
            let is_cut = env.is_cut(OFFICE, office.store().journal.operations());
            let is_failed = matches!(answer, Err(OfficeError::Store(StoreError::Write(_))));
            if !is_cut && !is_failed {
                return answer;
            }
            // The operator gives the same order again.
            self.restart(env, Power::Lost)?;
        }
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    power: Power,
    /// The disk will fail.
    is_armed: bool,
    /// The office stops once it has written.
    is_killed_after: bool,
}

/// What happens to the disk's own cache when the office stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Power {
    Lost,
    Stays,
}

/// The office's disk does not give back what it took; that is noted as a violation beside.
fn damaged() -> StoreError {
    StoreError::Missing { table: Table::Meta }
}

/// The same bytes, but for a PENDING that meanwhile became an answer.
fn is_same(first: &OfficeAnswer, again: &OfficeAnswer) -> bool {
    match (first, again) {
        (OfficeAnswer::Claim(first), OfficeAnswer::Claim(again)) => {
            let mut pairs = first.verdicts.iter().zip(again.verdicts.iter());
            let is_long = first.verdicts.len() == again.verdicts.len();
            is_long && pairs.all(|(a, b)| a == b || matches!(a, Verdict::Pending(_)))
        }
        _ => first == again,
    }
}

/// The office's profile: limits that people of this world sometimes reach.
fn profile() -> Profile {
    #[expect(clippy::expect_used, reason = "a name of the table of profiles")]
    Profile::by_name("rbi-2023").expect("a profile of the table")
}

/// The only currency.
pub(crate) fn currency() -> Currency {
    #[expect(clippy::expect_used, reason = "a code of the table of currencies")]
    Currency::by_code("INR").expect("a currency of the table")
}

/// The counters of an answer.
fn names(answer: &OfficeAnswer) -> Vec<&'static str> {
    let of = |verdict: &Verdict| match verdict {
        Verdict::Outcome(outcome) => match outcome.body.kind {
            OutcomeKind::Paid => "office/PAID",
            OutcomeKind::Void => "office/VOID",
            OutcomeKind::Disputed(_) => "office/DISPUTED",
        },
        Verdict::Pending(_) => "office/PENDING",
        Verdict::Refused(_) => "office/REFUSED",
    };
    match answer {
        OfficeAnswer::Enrol(_) => vec!["office/enrolled"],
        OfficeAnswer::Sync(answer) => match answer.transfer {
            TransferResult::Done => vec!["office/renewed"],
            TransferResult::Refused(_) => vec!["office/renewed", "office/transfer-refused"],
        },
        OfficeAnswer::Claim(answer) => answer.verdicts.iter().map(of).collect(),
        OfficeAnswer::Resolve(verdict) => vec![of(verdict)],
        OfficeAnswer::Refused(_) => vec!["office/REFUSED"],
        OfficeAnswer::Relay(_) => vec!["office/relayed"],
    }
}
