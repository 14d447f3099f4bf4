//! Requests that meet at the gate of the service, in orders that shuttle chooses.

use std::panic::catch_unwind;

use onehop_crypto::SigningKey;
use onehop_wire::office::{OfficeAnswer, OfficeRequest};
use onehop_wire::{Class, Currency, Nonce, SessionKey, Text, encode};
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner, thread};

use super::world::{START, key};
use crate::service::gate::{Gate, Lock};
use crate::{Command, MemLedger, NewOffice, Office, OperatorCommand, Profile};

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

/// A lock that is opened between reading the store and writing it.
struct Torn<T>(shuttle::sync::Mutex<T>);

impl<T: Clone> Lock<T> for Torn<T> {
    fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut seen = self.0.lock().unwrap().clone();
        let done = work(&mut seen);
        *self.0.lock().unwrap() = seen;
        Some(done)
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
fn meet<L: Lock<MemLedger> + Send + Sync + 'static>() {
    // Cryptography takes more of a stack than shuttle gives by itself.
    let mut config = Config::default();
    config.stack_size = 1 << 20;
    let (store, enrol, orders) = founded();
    Runner::new(RandomScheduler::new_from_seed(7, ORDERS), config).run(move || {
        let gate: Gate<MemLedger, L> = Gate::new(store.clone());
        let threads = [0, 1, 1].map(|which: usize| {
            let (gate, enrol, order) = (gate.clone(), enrol.clone(), orders[which].clone());
            thread::spawn(move || {
                let ask = |office: &mut Office<MemLedger>| office.answer(START, &enrol).unwrap();
                let answer = gate.pass(|store| call(store, ask)).unwrap();
                assert!(matches!(answer, OfficeAnswer::Enrol(_)), "{answer:?}");
                let pay = |office: &mut Office<MemLedger>| office.operate(START, &order);
                let paid = gate.pass(|store| call(store, pay)).unwrap();
                assert!(paid.is_ok(), "{paid:?}");
                encode(&answer)
            })
        });
        let answers = threads.map(|thread| thread.join().unwrap());
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let report = gate.pass(|store| call(store, |office| office.audit().unwrap())).unwrap();
        assert!(report.balances(), "{report:#?}");
        assert_eq!(report.cash, i128::from(2 * DEPOSIT));
        // The key, one enrolment, two orders.
        assert_eq!(report.evidence, 4);
    });
}

/// [O-18]
#[test]
fn in_many_orders_of_the_threads_each_request_is_done_once_and_the_books_balance() {
    meet::<Tried<MemLedger>>();
}

#[test]
fn a_gate_open_between_reading_and_writing_is_caught() {
    assert!(catch_unwind(meet::<Torn<MemLedger>>).is_err());
}

#[test]
fn a_call_that_panics_closes_the_gate_for_good() {
    let gate: Gate<u8> = Gate::new(1);
    let inside = gate.clone();
    let panicked = std::thread::spawn(move || inside.pass(|_| panic!("planned"))).join();
    assert!(panicked.is_err());
    assert_eq!(gate.pass(|value| *value), None);
}
