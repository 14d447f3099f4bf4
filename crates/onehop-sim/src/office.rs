//! The office in the world: its library over a store that can be killed around a write.

use money_office::store::Row;
use money_office::{
    Batch, Command, LedgerStore, MemLedger, NewOffice, Office, OfficeError, OperatorCommand,
    Profile, StoreError, Table,
};
use onehop_crypto::SigningKey;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, OutcomeKind, TransferResult, Verdict};
use onehop_wire::{Currency, Nonce, Signed, WalletId};

use crate::env::{Env, Mutant, START};
use crate::faults::FaultKind;

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Fate {
    #[default]
    Written,
    /// The office stops, and nothing was written.
    KilledBefore,
    /// The office stops, and everything was written.
    KilledAfter,
}

/// A store whose next write may meet its [`Fate`].
#[derive(Clone, Debug, Default)]
pub(crate) struct SimLedger {
    rows: MemLedger,
    fate: Fate,
}

impl LedgerStore for SimLedger {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows.scan(table, prefix, after, limit)
    }

    fn apply(&mut self, batch: &Batch) -> Result<(), StoreError> {
        match self.fate {
            Fate::Written => self.rows.apply(batch),
            Fate::KilledBefore => Err(StoreError::Missing { table: Table::Meta }),
            Fate::KilledAfter => {
                self.rows.apply(batch)?;
                Err(StoreError::Missing { table: Table::Meta })
            }
        }
    }
}

/// A ledger that is only looked at.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a SimLedger);

impl LedgerStore for Reader<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.scan(table, prefix, after, limit)
    }

    fn apply(&mut self, _batch: &Batch) -> Result<(), StoreError> {
        Err(StoreError::Missing { table: Table::Meta })
    }
}

/// The office and its operator.
#[derive(Debug)]
pub(crate) struct OfficeSim {
    ledger: SimLedger,
    /// Something was asked or ordered since this was last looked at.
    is_written: bool,
    operator: SigningKey,
    nonce: u64,
    /// An older store, for the office that forgets.
    older: Option<MemLedger>,
    requests: u64,
    grace: u64,
}

impl OfficeSim {
    pub(crate) fn new(env: &mut Env) -> Result<Self, OfficeError> {
        let operator = SigningKey::from_seed(&env.seed());
        let root = SigningKey::from_seed(&env.seed());
        let profile = profile();
        let grace = profile.grace_seconds;
        let new = NewOffice {
            name: "corner office".to_owned(),
            currency: currency(),
            profile,
            credit_line: Some(0),
            purse_max: None,
            operator: operator.public(),
        };
        let office = Office::create(SimLedger::default(), new, &root, &env.seed(), START)?;
        let ledger = office.into_store();
        Ok(Self { ledger, is_written: true, operator, nonce: 0, older: None, requests: 0, grace })
    }

    /// The office as whoever looks into its store finds it.
    pub(crate) fn read(&self) -> Result<Office<Reader<'_>>, OfficeError> {
        Office::open(Reader(&self.ledger))
    }

    /// True if something was asked or ordered since this was last called.
    pub(crate) fn was_written(&mut self) -> bool {
        std::mem::take(&mut self.is_written)
    }

    /// The office as it starts from what is stored.
    fn open(&self) -> Result<Office<SimLedger>, OfficeError> {
        Office::open(self.ledger.clone())
    }

    /// Seconds after the claim window before a payment may be voided.
    pub(crate) const fn grace(&self) -> u64 {
        self.grace
    }

    /// Answers a request. None: the office was killed, and nobody hears anything.
    pub(crate) fn ask(
        &mut self,
        env: &mut Env,
        request: &OfficeRequest,
    ) -> Result<Option<OfficeAnswer>, OfficeError> {
        self.is_written = true;
        self.forget(env);
        let mut ledger = self.ledger.clone();
        ledger.fate = if env.strikes(FaultKind::OfficeKilledBefore) {
            Fate::KilledBefore
        } else if env.strikes(FaultKind::OfficeKilledAfter) {
            Fate::KilledAfter
        } else {
            Fate::Written
        };
        let is_killed = ledger.fate != Fate::Written;
        let mut office = Office::open(ledger)?;
        let answer = office.answer(env.today(), request);
        self.ledger = office.into_store();
        self.ledger.fate = Fate::Written;
        match answer {
            Err(_) if is_killed => Ok(None),
            Err(error) => Err(error),
            Ok(_) if is_killed => Ok(None),
            Ok(answer) => {
                for name in names(&answer) {
                    env.counters.reach(name);
                }
                Ok(Some(answer))
            }
        }
    }

    /// True if asking again changes nothing and brings the same bytes.
    pub(crate) fn repeats(
        &self,
        env: &Env,
        request: &OfficeRequest,
        answer: &OfficeAnswer,
    ) -> Result<bool, OfficeError> {
        let mut office = self.open()?;
        let again = office.answer(env.today(), request)?;
        let is_same_store = office.store().rows == self.ledger.rows;
        Ok(is_same_store && is_same(answer, &again))
    }

    fn forget(&mut self, env: &Env) {
        if env.mutant != Some(Mutant::OfficeForgets) {
            return;
        }
        self.requests += 1;
        if self.requests.is_multiple_of(12) {
            if let Some(older) = self.older.take() {
                self.ledger.rows = older;
            }
            self.older = Some(self.ledger.rows.clone());
        }
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

    /// Goes over what is undecided.
    pub(crate) fn settle(&mut self, env: &mut Env) -> Result<(), OfficeError> {
        self.operate(env, Command::Settle).map(drop)
    }

    /// Every wallet's worth at the office: account, purses and suspended payments.
    pub(crate) fn operate(
        &mut self,
        env: &mut Env,
        command: Command,
    ) -> Result<money_office::OperatorAnswer, OfficeError> {
        self.is_written = true;
        self.nonce += 1;
        let mut nonce = Nonce([0; 16]);
        nonce.0[..8].copy_from_slice(&self.nonce.to_be_bytes());
        let mut office = self.open()?;
        let body = OperatorCommand { nonce, at: env.today(), command };
        let order: Signed<OperatorCommand> = self.operator.sign(office.id(), body).into_signed();
        let answer = office.operate(env.today(), &order);
        self.ledger = office.into_store();
        answer
    }
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
    }
}
