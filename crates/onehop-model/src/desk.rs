//! The office of a scene: its rows, and what a request makes of them.

use std::sync::Arc;

use money_office::{LedgerStore as _, MemLedger, Office, Table};
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Outcome, Verdict};
use onehop_wire::{OfficeId, Signed, TxId, encode};

use crate::bundle::{name_of, name_of_all};
use crate::clock::Phase;
use crate::facts::{Fact, What};
use crate::flaws::Flaws;

/// The office's durable rows.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) rows: MemLedger,
    pub(crate) outcomes: Vec<Signed<Outcome>>,
    /// It holds proof that a payer contradicted itself.
    pub(crate) has_proof: bool,
    pub(crate) name: u64,
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) answer: Option<OfficeAnswer>,
    pub(crate) facts: Vec<Arc<Fact>>,
    pub(crate) flaws: Flaws,
}

impl Ledger {
    pub(crate) fn new(rows: MemLedger) -> Self {
        let mut parts = Vec::new();
        let mut txs: Vec<TxId> = Vec::new();
        let mut has_proof = false;
        for table in Table::ALL {
            for (key, value) in rows.scan(table, &[], None, usize::MAX).unwrap_or_default() {
                if table == Table::Payments
                    && let Some(tx) = key.first_chunk()
                {
                    txs.push(TxId(*tx));
                }
                has_proof |= table == Table::Proofs;
                parts.push(name_of(&encode(&(table.number(), key, value))));
            }
        }
        txs.dedup();
        let outcomes = match Office::open(rows.clone()) {
            Ok(office) => {
                txs.iter().flat_map(|tx| office.outcomes(*tx).unwrap_or_default()).collect()
            }
            Err(_) => Vec::new(),
        };
        Self { rows, outcomes, has_proof, name: name_of_all(&parts) }
    }

    /// Answers a request, or goes over what is undecided.
    pub(crate) fn serve(
        self: &Arc<Self>,
        request: Option<&OfficeRequest>,
        phase: Phase,
        issued: u64,
    ) -> Served {
        let nothing =
            |flaws| Served { ledger: Arc::clone(self), answer: None, facts: Vec::new(), flaws };
        let Ok(mut office) = Office::open(self.rows.clone()) else {
            return nothing(Flaws::AUDIT);
        };
        let now = phase.today();
        let mut flaws = Flaws::default();
        let answer = match request {
            Some(request) => match office.answer(now, request) {
                Ok(answer) => Some(answer),
                Err(_) => return nothing(Flaws::AUDIT),
            },
            None => office.settle(now).ok().and(None),
        };
        if office.store() == &self.rows {
            let facts = answer.as_ref().map(|it| told(office.id(), it)).unwrap_or_default();
            return Served { answer, facts, ..nothing(flaws) };
        }
        match office.audit() {
            Ok(report) => {
                let whole = report.balances() && report.cash == i128::from(issued);
                flaws.add_if(!whole, Flaws::AUDIT);
            }
            Err(_) => flaws.add(Flaws::AUDIT),
        }
        let id = *office.id();
        let rows = office.into_store();
        if let (Some(request), Some(answer)) = (request, &answer) {
            let again = Office::open(rows.clone()).and_then(|mut office| {
                let again = office.answer(now, request)?;
                Ok(same(answer, &again) && office.store() == &rows)
            });
            flaws.add_if(!matches!(again, Ok(true)), Flaws::OFFICE_REPLAY);
        }
        let ledger = Arc::new(Self::new(rows));
        let mut facts = answer.as_ref().map(|it| told(&id, it)).unwrap_or_default();
        facts.extend(ledger.outcomes.iter().map(|outcome| decided(&id, outcome)));
        Served { ledger, answer, facts, flaws }
    }
}

/// The same bytes, but for a PENDING that meanwhile became an answer.
fn same(first: &OfficeAnswer, again: &OfficeAnswer) -> bool {
    match (first, again) {
        (OfficeAnswer::Claim(first), OfficeAnswer::Claim(again)) => {
            let mut pairs = first.verdicts.iter().zip(again.verdicts.iter());
            first.verdicts.len() == again.verdicts.len()
                && pairs.all(|(a, b)| a == b || matches!(a, Verdict::Pending(_)))
        }
        _ => first == again,
    }
}

/// Who signs in the office's name, among those by whom facts are.
const OFFICE: usize = 7;

fn decided(office: &OfficeId, outcome: &Signed<Outcome>) -> Arc<Fact> {
    let (tx, kind, hash) = (outcome.body.tx, outcome.body.kind, outcome.hash(office));
    Arc::new(Fact::new(OFFICE, What::Outcome { tx, kind, hash }))
}

/// Outcomes that an answer tells.
fn told(office: &OfficeId, answer: &OfficeAnswer) -> Vec<Arc<Fact>> {
    let of = |verdict: &Verdict| match verdict {
        Verdict::Outcome(outcome) => Some(decided(office, outcome)),
        Verdict::Pending(_) | Verdict::Refused(_) => None,
    };
    match answer {
        OfficeAnswer::Sync(answer) => {
            answer.outcomes.iter().map(|outcome| decided(office, outcome)).collect()
        }
        OfficeAnswer::Claim(answer) => answer.verdicts.iter().filter_map(of).collect(),
        OfficeAnswer::Resolve(verdict) => of(verdict).into_iter().collect(),
        OfficeAnswer::Enrol(_) | OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => Vec::new(),
    }
}

/// True if an answer leaves its asker nothing to do: no outcome, no purse.
pub(crate) fn is_idle(answer: &OfficeAnswer) -> bool {
    let is_open = |verdict: &Verdict| !matches!(verdict, Verdict::Outcome(_));
    match answer {
        OfficeAnswer::Claim(answer) => answer.verdicts.iter().all(is_open),
        OfficeAnswer::Resolve(verdict) => is_open(verdict),
        OfficeAnswer::Refused(_) => true,
        OfficeAnswer::Sync(_) | OfficeAnswer::Enrol(_) | OfficeAnswer::Relay(_) => false,
    }
}
