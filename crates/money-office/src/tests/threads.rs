//! Requests that meet at the gate of the service, in orders that shuttle chooses.

use std::panic::catch_unwind;
use std::sync::Arc;

use onehop_crypto::SigningKey;
use onehop_wire::office::{OfficeAnswer, OfficeRequest};
use onehop_wire::{Class, Currency, Nonce, SessionKey, Text, encode};
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, thread};

use super::world::{START, key};
use crate::service::gate::{Closed, Desk, Gate, Lock, Locks};
use crate::{Command, MemLedger, NewOffice, Office, OperatorCommand, Profile, StoreError};

/// Orders that are tried.
const ORDERS: usize = 100;
/// What is paid in by each of two orders, in minor units.
const DEPOSIT: u64 = 500;

/// The shipped lock, in shuttle's hands.
struct Tried<T>(shuttle::sync::Mutex<T>);

impl<T> Lock<T> for Tried<T> {
    fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        Some(work(&mut self.0.lock().unwrap()))
    }
}

/// Every lock of the gate, in shuttle's hands.
enum Shuttled {}

impl Locks for Shuttled {
    type Of<T: Send> = Tried<T>;
}

/// A disk, and the rows of the group that is being decided.
struct Clerk {
    disk: Arc<shuttle::sync::Mutex<MemLedger>>,
    rows: MemLedger,
}

impl Desk for Clerk {
    /// Reads the disk, decides, writes it: no other clerk may do so in between.
    fn together(&mut self, work: &mut dyn FnMut(&mut Self)) -> Result<(), StoreError> {
        self.rows = self.disk.lock().unwrap().clone();
        work(self);
        *self.disk.lock().unwrap() = self.rows.clone();
        Ok(())
    }

    fn warm(&mut self, _keys: &[crate::hints::RowKey]) {}

    fn is_full(&self) -> bool {
        false
    }
}

/// The office over its store, for one call.
fn call<R>(store: &mut MemLedger, ask: impl FnOnce(&mut Office<MemLedger>) -> R) -> R {
    let mut office = Office::open(core::mem::take(store)).unwrap();
    let answer = ask(&mut office);
    *store = office.into_store();
    answer
}

fn founded() -> (MemLedger, OfficeRequest, [onehop_wire::Signed<OperatorCommand>; 2]) {
    let operator = key(202);
    let new = NewOffice {
        name: "corner office".to_owned(),
        currency: Currency::by_code("INR").unwrap(),
        profile: Profile::by_name("rbi-2023").unwrap(),
        credit_line: None,
        purse_max: None,
        operator: operator.public(),
    };
    let office = Office::create(MemLedger::new(), new, &key(201), &[9; 32], START).unwrap();
    let (id, owner): (_, SigningKey) = (*office.id(), key(1));
    let body = onehop_wire::office::Enrol {
        key: owner.public(),
        mail_key: SessionKey([7; 32]),
        name: Text::new("asha").unwrap(),
        class: Class::Person,
    };
    let enrol = owner.sign(&id, body).into_signed();
    let wallet = owner.wallet();
    let order = |nonce: u8| {
        let command = Command::Deposit { wallet, amount: DEPOSIT };
        let body = OperatorCommand { nonce: Nonce([nonce; 16]), at: START, command };
        operator.sign(&id, body).into_signed()
    };
    (office.into_store(), OfficeRequest::Enrol(enrol), [order(1), order(2)])
}

/// Three threads: the same ENROL twice at once, then each of two pays in, one of them twice the
/// same order. The same question gets the same bytes, every order counts once, the books balance.
fn meet(gates: fn(Clerks) -> [Gate<Clerk, Shuttled>; 3]) {
    // Cryptography takes more of a stack than shuttle gives by itself.
    let mut config = Config::default();
    config.stack_size = 1 << 20;
    let (store, enrol, orders) = founded();
    Runner::new(RandomScheduler::new_from_seed(7, ORDERS), config).run(move || {
        let disk = Arc::new(shuttle::sync::Mutex::new(store.clone()));
        let threads: Vec<_> = gates(Clerks(Arc::clone(&disk)))
            .into_iter()
            .zip([0, 1, 1])
            .map(|(gate, which): (_, usize)| {
                let (enrol, order) = (enrol.clone(), orders[which].clone());
                thread::spawn(move || {
                    let ask = move |clerk: &mut Clerk| {
                        call(&mut clerk.rows, |office| office.answer(START, &enrol).unwrap())
                    };
                    let answer = gate.pass(Vec::new(), ask).unwrap();
                    assert!(matches!(answer, OfficeAnswer::Enrol(_)), "{answer:?}");
                    let pay = move |clerk: &mut Clerk| {
                        call(&mut clerk.rows, |office| office.operate(START, &order))
                    };
                    let paid = gate.pass(Vec::new(), pay).unwrap();
                    assert!(paid.is_ok(), "{paid:?}");
                    encode(&answer)
                })
            })
            .collect();
        let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let report = call(&mut disk.lock().unwrap(), |office| office.audit().unwrap());
        assert!(report.balances(), "{report:#?}");
        assert_eq!(report.cash, i128::from(2 * DEPOSIT));
        // The key, one enrolment, two orders.
        assert_eq!(report.evidence, 4);
    });
}

/// Who makes clerks over one disk.
struct Clerks(Arc<shuttle::sync::Mutex<MemLedger>>);

impl Clerks {
    fn gate(&self) -> Gate<Clerk, Shuttled> {
        Gate::new(Clerk { disk: Arc::clone(&self.0), rows: MemLedger::new() })
    }
}

/// [O-18]
#[test]
fn in_many_orders_of_the_threads_each_request_is_done_once_and_the_books_balance() {
    meet(|clerks| {
        let gate = clerks.gate();
        [gate.clone(), gate.clone(), gate]
    });
}

#[test]
fn a_gate_of_its_own_for_each_thread_is_caught() {
    assert!(catch_unwind(|| meet(|clerks| [(); 3].map(|()| clerks.gate()))).is_err());
}

/// Counts what is asked; its disk can fail.
struct Counter {
    asked: usize,
    written: usize,
    fails: bool,
}

impl Desk for Counter {
    fn together(&mut self, work: &mut dyn FnMut(&mut Self)) -> Result<(), StoreError> {
        work(self);
        if self.fails {
            return Err(StoreError::Conflict);
        }
        self.written += 1;
        Ok(())
    }

    fn warm(&mut self, _keys: &[crate::hints::RowKey]) {}

    fn is_full(&self) -> bool {
        false
    }
}

fn counter(fails: bool) -> Gate<Counter> {
    Gate::new(Counter { asked: 0, written: 0, fails })
}

fn ask(gate: &Gate<Counter>) -> Result<usize, Closed> {
    gate.pass(Vec::new(), |counter| {
        counter.asked += 1;
        counter.asked
    })
}

#[test]
fn a_call_that_panics_closes_the_gate_for_good() {
    let gate = counter(false);
    let inside = gate.clone();
    let panicked =
        std::thread::spawn(move || inside.pass(Vec::new(), |_| panic!("planned"))).join();
    assert!(panicked.is_err());
    assert!(matches!(ask(&gate), Err(Closed::Panicked)));
}

#[test]
fn an_answer_whose_write_fails_never_leaves() {
    assert!(matches!(ask(&counter(true)), Err(Closed::Store(_))));
    assert!(matches!(ask(&counter(false)), Ok(1)));
}

#[test]
fn requests_that_come_while_the_office_is_busy_share_one_write() {
    let gate = counter(false);
    let (busy, free) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (inside, at, until) = (gate.clone(), Arc::clone(&busy), Arc::clone(&free));
    let first = std::thread::spawn(move || {
        inside.pass(Vec::new(), move |_| {
            at.wait();
            until.wait();
        })
    });
    busy.wait();
    let others: Vec<_> = (0..40)
        .map(|_| {
            let gate = gate.clone();
            std::thread::spawn(move || ask(&gate).unwrap())
        })
        .collect();
    while gate.waiting() < 40 {
        std::thread::yield_now();
    }
    free.wait();
    assert!(first.join().unwrap().is_ok());
    let mut answers: Vec<usize> = others.into_iter().map(|it| it.join().unwrap()).collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=40).collect::<Vec<_>>());
    // The first by itself, and all that came while it was inside.
    assert_eq!(gate.pass(Vec::new(), |counter| counter.written).unwrap(), 2);
}
