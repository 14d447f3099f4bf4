//! Requests to a real office, from wallets that sign whatever they like.

use std::sync::OnceLock;

use money_office::{Batch, LedgerStore as _, MemLedger, Office, StoreAround, StoreError};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{
    ClaimBundle, EntryState, OfficeAnswer, OfficeRequest, Resolve, ResolveRequest, Sync, SyncEntry,
    Transfer, Verdict,
};
use onehop_wire::{
    Abort, Agreed, Attachment, Claim, Commit, CommitRequest, List, Nonce, Signed, UnixSeconds,
    encode,
};

use crate::reader::{Reader, edit, is_audited};
use crate::stage::{Stage, TODAY};
use crate::vectors::samples::{Samples, list};
use crate::vectors::world::{Chain, DAY, Person, World};

/// Acts of one input, at most.
const ACTS_MAX: usize = 12;
/// Requests of one input, at most, repeated ones too: each has up to ten signatures.
const REQUESTS_MAX: usize = 4;
/// The bit of an act by which a request is asked twice.
const REPEATED: u8 = 0x80;

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "the office serves this project's own wallets")]
    STAGE.get_or_init(|| Stage::new().expect("a stage"))
}

/// Genuine requests, for a corpus and for edits.
fn genuine() -> &'static Vec<OfficeRequest> {
    static REQUESTS: OnceLock<Vec<OfficeRequest>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        let samples = Samples::new(&stage().world);
        let mut all = samples.office_requests().map(|(_, request)| request).to_vec();
        all.push(OfficeRequest::Enrol(stage().newcomer.1.clone()));
        all
    })
}

/// Inputs that are genuine requests, and histories of payments, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let raw = genuine().iter().map(|request| [&[0][..], &encode(request)].concat());
    let edited = (0..5).map(|which| vec![1, which, 1, 7, 0, 9]);
    let pay: [u8; 4] = [0, 0, 100, 1];
    let histories = [
        vec![2, 0, 0, 100, 1, 0x82, 0, 0x84, 0, 0, 0],
        [&[2][..], &pay, &pay, &[0x82, 1, 0x83, 0, 0, 4, 1, 0, 5, 20, 2, 2]].concat(),
        [&[2][..], &pay, &[1, 1, 4, 1, 2, 0, 9, 0x83, 0, 5, 22, 3, 0]].concat(),
        [&[2][..], &pay, &[6, 1, 9, 0x82, 0, 2, 1, 0x84, 0, 0, 0, 2, 0]].concat(),
    ];
    raw.chain(edited).chain(histories).collect()
}

/// Asks the office what the bytes say.
///
/// # Panics
/// If the office does, if its books do not balance, if it refuses and yet writes, or if the same
/// question gets another final answer.
pub fn office(data: &[u8]) {
    let mut reader = Reader::new(data);
    match reader.or_zero() % 4 {
        0 => {
            let decoded = onehop_wire::decode::<OfficeRequest>(reader.rest(), OFFICE_BODY_MAX);
            if let Ok(request) = decoded {
                Desk::new().ask(&request, true);
            }
        }
        1 => {
            let which = usize::from(reader.or_zero()) % genuine().len();
            let mut bytes = encode(&genuine()[which]);
            edit(&mut reader, &mut bytes);
            if let Ok(request) = onehop_wire::decode(&bytes, OFFICE_BODY_MAX) {
                Desk::new().ask(&request, true);
            }
        }
        _ => history(&mut reader, is_audited(data)),
    }
}

/// A store in memory that counts what changes in it.
#[derive(Clone)]
struct Watched {
    rows: MemLedger,
    changes: usize,
}

impl StoreAround for Watched {
    type Inner = MemLedger;

    fn inner(&self) -> &MemLedger {
        &self.rows
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        for ((table, key), value) in &batch.writes {
            self.changes += usize::from(self.rows.get(*table, key)? != *value);
        }
        self.rows.apply(batch)
    }
}

/// The office, and what it said so far.
struct Desk {
    office: Office<Watched>,
    now: UnixSeconds,
    left: usize,
}

impl Desk {
    fn new() -> Self {
        let store = Watched { rows: stage().ledger.clone(), changes: 0 };
        #[expect(clippy::expect_used, reason = "the ledger that the office itself wrote")]
        let office = Office::open(store).expect("an office");
        Self { office, now: TODAY, left: REQUESTS_MAX }
    }

    /// Asks, and asks again if the input says so.
    fn ask(&mut self, request: &OfficeRequest, is_repeated: bool) {
        if self.left == 0 {
            return;
        }
        let is_repeated = is_repeated && self.left > 1;
        self.left -= 1 + usize::from(is_repeated);
        let before = self.office.store().changes;
        let Ok(answer) = self.office.answer(self.now, request) else { panic!("the store fails") };
        let after = self.office.store().changes;
        if matches!(answer, OfficeAnswer::Refused(_)) {
            assert_eq!(before, after, "refused, and yet something is written");
        }
        if !is_repeated {
            return;
        }
        let Ok(again) = self.office.answer(self.now, request) else { panic!("the store fails") };
        let (first, again) = (finals(&answer), finals(&again));
        assert!(first.is_none_or(|first| Some(first) == again), "another final answer");
        let changes = self.office.store().changes;
        assert_eq!(after, changes, "the same question changes something again");
    }

    fn check(&self, is_audited: bool) {
        let sums = self.office.sums();
        assert!(sums.is_ok_and(|sums| sums.missing() == 0), "the books balance");
        if is_audited {
            let report = self.office.audit();
            assert!(report.is_ok_and(|report| report.balances()), "the evidence says so");
        }
    }
}

/// What of an answer is for ever.
fn finals(answer: &OfficeAnswer) -> Option<Vec<u8>> {
    let of = |verdict: &Verdict| match verdict {
        Verdict::Outcome(outcome) => Some(encode(outcome)),
        Verdict::Pending(_) | Verdict::Refused(_) => None,
    };
    match answer {
        OfficeAnswer::Enrol(_) | OfficeAnswer::Sync(_) => Some(encode(answer)),
        OfficeAnswer::Resolve(verdict) => of(verdict),
        OfficeAnswer::Claim(answer) => {
            let all: Option<Vec<_>> = answer.verdicts.iter().map(of).collect();
            all.map(|all| all.concat())
        }
        // Nobody here seals.
        OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => None,
    }
}

/// A payment of the buyer to the seller.
struct Payment {
    request: Signed<CommitRequest>,
    agreed: Signed<Agreed>,
    is_spendable: bool,
    attachments: Vec<Attachment>,
}

impl Payment {
    // Signed when it is used, and by most inputs it is not.
    fn commit(&self, world: &World) -> Signed<Commit> {
        world.commit(&world.seller, &world.buyer, &self.agreed, self.is_spendable)
    }

    fn abort(&self, world: &World) -> Signed<Abort> {
        world.abort(&world.seller, &world.buyer, &self.agreed)
    }
}

/// The buyer, who pays and contradicts itself, and the seller, who helps.
struct Crowd<'a> {
    world: &'a World,
    chain: Chain,
    payments: Vec<Payment>,
}

impl<'a> Crowd<'a> {
    fn pay(&mut self, reader: &mut Reader<'_>) {
        let World { seller, buyer, .. } = self.world;
        let number = u8::try_from(self.payments.len()).unwrap_or(0) + 1;
        let amount = u64::from(reader.short()) + 1;
        let request = self.world.request(seller, buyer, amount, number);
        let attachments = self.attached(reader.or_zero());
        let mut body = self.world.entry_body(buyer, &self.chain, &request, &attachments);
        let lie = reader.or_zero();
        match lie % 8 {
            1 => body.seq = u64::from(lie >> 3),
            2 => body.cum_out = u64::from(lie >> 3),
            3 => body.amount = u64::MAX,
            4 => body.cum_out = u64::MAX,
            5 => body.prev = buyer.checkpoint.hash(&self.world.office()),
            _ => {}
        }
        let agreed = self.world.sign(&buyer.signer, body);
        if lie % 8 != 6 {
            // Else the next entry contradicts this one.
            self.chain.seq = agreed.body.seq;
            self.chain.cum_out = agreed.body.cum_out.min(u64::from(u32::MAX));
            self.chain.head = agreed.hash(&self.world.office());
        }
        let is_spendable = lie & 64 == 0;
        self.payments.push(Payment { request, agreed, is_spendable, attachments });
    }

    /// Releases of earlier entries, or a receipt that is none of the buyer's.
    fn attached(&self, how: u8) -> Vec<Attachment> {
        let World { seller, buyer, .. } = self.world;
        let earlier = self.payments.get(usize::from(how >> 2) % self.payments.len().max(1));
        match (how % 4, earlier) {
            (1, Some(payment)) => vec![self.world.release(seller, buyer, &payment.agreed)],
            (2, Some(payment)) => vec![self.world.voided(&payment.agreed)],
            (3, Some(payment)) => {
                let claim = self.world.receipt(seller, buyer, &payment.agreed, &[]);
                vec![Attachment::Receipt(Box::new(claim))]
            }
            _ => Vec::new(),
        }
    }

    fn one(&self, reader: &mut Reader<'_>) -> Option<&Payment> {
        self.payments.get(usize::from(reader.or_zero()) % self.payments.len().max(1))
    }

    fn claim(&self, reader: &mut Reader<'_>) -> Option<OfficeRequest> {
        let payment = self.one(reader)?;
        let buyer: &Person = &self.world.buyer;
        let commit = payment.commit(self.world);
        let is_acknowledged = reader.or_zero() & 1 == 0;
        let committed = is_acknowledged.then(|| self.world.committed(buyer, &commit));
        let claim = Claim {
            payer: buyer.certificate.clone(),
            checkpoint: buyer.checkpoint.clone(),
            agreed: payment.agreed.clone(),
            attachments: list(payment.attachments.clone()),
            commit,
            committed,
        };
        Some(OfficeRequest::Claim(ClaimBundle { claims: list(vec![claim]) }))
    }

    fn resolve(&self, reader: &mut Reader<'_>) -> Option<OfficeRequest> {
        let payment = self.one(reader)?;
        let body = Resolve {
            tx: payment.agreed.body.tx,
            payer: self.world.buyer.id(),
            agreed: payment.agreed.hash(&self.world.office()),
            nonce: Nonce([1; 16]),
        };
        let resolve = self.world.sign(&self.world.buyer.signer, body);
        let abort = (reader.or_zero() & 1 == 0).then(|| payment.abort(self.world));
        let (request, agreed) = (payment.request.clone(), payment.agreed.clone());
        let question = ResolveRequest { resolve, request, agreed, abort };
        Some(OfficeRequest::Resolve(Box::new(question)))
    }

    /// The buyer's SYNC, or the seller's, which has no entries.
    fn sync(&self, reader: &mut Reader<'_>) -> OfficeRequest {
        let (how, moved) = (reader.or_zero(), reader.or_zero());
        let (person, payments) = match how & 1 {
            0 => (&self.world.buyer, &self.payments[..]),
            _ => (&self.world.seller, &[][..]),
        };
        let left_out = usize::from(how >> 6);
        let entries: Vec<SyncEntry> = payments
            .iter()
            .skip(left_out)
            .map(|payment| {
                let state = match reader.or_zero() % 3 {
                    0 => EntryState::InDoubt,
                    1 => EntryState::Committed(payment.commit(self.world)),
                    _ => EntryState::Aborted(payment.abort(self.world)),
                };
                SyncEntry { agreed: payment.agreed.clone(), state }
            })
            .collect();
        let checkpoint = person.checkpoint.hash(&self.world.office());
        let last = entries.last().map(|entry| &entry.agreed);
        let body = Sync {
            wallet: person.id(),
            checkpoint,
            seq: last.map_or(0, |last| last.body.seq),
            head: last.map_or(checkpoint, |last| last.hash(&self.world.office())),
            cum_out: last.map_or(0, |last| last.body.cum_out),
            entries: list(entries),
            aborts: List::empty(),
            transfer: match moved % 4 {
                0 => Transfer::None,
                1 => Transfer::Charge(u64::from(moved) * 1_000),
                2 => Transfer::Withdraw(u64::from(moved) * 1_000),
                _ => Transfer::Withdraw(u64::MAX),
            },
        };
        OfficeRequest::Sync(Box::new(self.world.sign(&person.signer, body)))
    }
}

/// Payments, claims, questions and closed purses in any order, while days go by.
fn history(reader: &mut Reader<'_>, is_audited: bool) {
    let world = &stage().world;
    let chain = world.chain(&world.buyer.checkpoint);
    let mut crowd = Crowd { world, chain, payments: Vec::new() };
    let mut desk = Desk::new();
    let mut is_asked = false;
    for _ in 0..ACTS_MAX {
        let Some(act) = reader.byte() else { break };
        let request = match (act & !REPEATED) % 6 {
            0 | 1 => {
                crowd.pay(reader);
                None
            }
            2 => crowd.claim(reader),
            3 => crowd.resolve(reader),
            4 => Some(crowd.sync(reader)),
            _ => {
                desk.now = desk.now.plus(u64::from(reader.or_zero()) * DAY);
                None
            }
        };
        if let Some(request) = request {
            is_asked = true;
            desk.ask(&request, act & REPEATED != 0);
        }
    }
    if is_asked {
        desk.check(is_audited);
    }
}

#[cfg(test)]
mod tests {
    use money_office::Table;

    use super::*;

    #[test]
    fn what_changes_in_a_store_is_counted_and_what_is_written_again_is_not() {
        let mut store = Watched { rows: MemLedger::new(), changes: 0 };
        let write = |value: Option<&[u8]>| Batch {
            writes: [((Table::Meta, b"clock".to_vec()), value.map(<[u8]>::to_vec))].into(),
        };
        for (value, changes) in
            [(Some(&b"1"[..]), 1), (Some(b"1"), 1), (Some(b"2"), 2), (None, 3), (None, 3)]
        {
            store.apply(&write(value)).unwrap();
            assert_eq!(store.changes, changes);
        }
    }
}
