//! The stores that need nothing but this machine, and groups of calls on them.

use money_office::{
    AnyLedger, Batch, Grouped, LedgerStore, MemLedger, NewOffice, Office, OfficeError, Profile,
    SledLedger, StoreAround, StoreError, Table,
};
use onehop_crypto::SigningKey;
use onehop_wire::office::{Enrol, EnrolAnswer};
use onehop_wire::{Class, Currency, SessionKey, Signed, Text, UnixSeconds, encode};

use crate::contract::contract;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

#[test]
fn every_store_of_this_machine_keeps_the_contract_and_sled_has_it_again_when_opened() {
    contract(&mut MemLedger::new());
    contract(&mut Grouped::new(MemLedger::new()));
    let dir = tempfile::TempDir::new().unwrap();
    contract(&mut AnyLedger::Sled(SledLedger::create(dir.path()).unwrap()));
    let again = SledLedger::open(dir.path()).unwrap();
    assert_eq!(again.get(Table::Wants, b"ab").unwrap().unwrap(), b"other");
    assert_eq!(again.get(Table::Open, b"a").unwrap(), None);
}

/// A store whose writes fail from some point on.
struct Failing<S> {
    inner: S,
    /// What its next writes come to; none is done.
    failures: Vec<StoreError>,
}

impl<S: LedgerStore> StoreAround for Failing<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        match self.failures.pop() {
            Some(failure) => Err(failure),
            None => self.inner.apply(batch),
        }
    }
}

fn new_office() -> NewOffice {
    NewOffice {
        name: "corner office".to_owned(),
        currency: Currency::by_code("INR").unwrap(),
        profile: Profile::by_name("rbi-2023").unwrap(),
        credit_line: None,
        purse_max: None,
        operator: SigningKey::from_seed(&[2; 32]).public(),
    }
}

fn founded<S: LedgerStore>(store: S) -> Office<S> {
    Office::create(store, new_office(), &SigningKey::from_seed(&[1; 32]), &[3; 32], NOW).unwrap()
}

fn enrol<S: LedgerStore>(office: &Office<S>, seed: u8, name: &str) -> Signed<Enrol> {
    let key = SigningKey::from_seed(&[seed; 32]);
    let body = Enrol {
        key: key.public(),
        mail_key: SessionKey([seed; 32]),
        name: Text::new(name).unwrap(),
        class: Class::Person,
    };
    key.sign(office.id(), body).into_signed()
}

/// [O-17] [O-18]
#[test]
fn a_group_decides_as_its_calls_one_by_one_would_and_writes_once() {
    let mut alone = founded(MemLedger::new());
    let mut office = founded(Grouped::new(MemLedger::new()));
    let names = ["asha", "bina", "asha", "chand"];
    let asked: Vec<_> = (11..).zip(names).map(|(seed, name)| enrol(&office, seed, name)).collect();
    let answered = |done: &Result<EnrolAnswer, OfficeError>| match done {
        Ok(answer) => Ok(encode(answer)),
        Err(error) => Err(error.to_string()),
    };
    let expected: Vec<_> = asked.iter().map(|it| answered(&alone.enrol(NOW, it))).collect();
    assert_eq!(expected[2], Err("the name \"asha\" is taken".to_owned()));
    let before = office.store().inner().clone();
    let given = office.group(|office| {
        let given: Vec<_> = asked.iter().map(|it| answered(&office.enrol(NOW, it))).collect();
        assert_eq!(*office.store().inner(), before, "nothing is written before the group ends");
        assert!(office.held_bytes() > 0);
        // It reads what it holds.
        assert!(office.audit().unwrap().balances());
        given
    });
    assert_eq!(given.unwrap(), expected);
    assert_eq!(office.into_store().into_inner(), alone.into_store());
}

#[test]
fn a_group_that_another_writer_disturbed_is_decided_again_and_one_that_fails_is_not_answered() {
    let store = Failing { inner: MemLedger::new(), failures: Vec::new() };
    let office = founded(Grouped::new(store));
    let asked = enrol(&office, 11, "asha");
    let before = office.store().inner().inner.clone();
    let office_on = |failures: Vec<StoreError>| {
        Office::open(Grouped::new(Failing { inner: before.clone(), failures })).unwrap()
    };
    let mut disturbed = office_on(vec![StoreError::Conflict, StoreError::Conflict]);
    let mut tries = 0;
    let given = disturbed.group(|office| {
        tries += 1;
        office.enrol(NOW, &asked).unwrap()
    });
    assert!(given.is_ok());
    assert_eq!(tries, 3);
    let mut undisturbed = office_on(Vec::new());
    undisturbed.alone(|office| office.enrol(NOW, &asked)).unwrap();
    assert_eq!(disturbed.store().inner().inner, undisturbed.store().inner().inner);

    let mut broken = office_on(vec![StoreError::Range]);
    let given = broken.group(|office| office.enrol(NOW, &asked).unwrap());
    assert!(matches!(given, Err(StoreError::Range)));
    assert_eq!(broken.store().inner().inner, before);
    // A call by itself is decided again too, and not for ever.
    let mut single = office_on(vec![StoreError::Conflict]);
    assert!(single.enrol(NOW, &asked).is_ok());
    let mut never = office_on(std::iter::repeat_with(|| StoreError::Conflict).take(99).collect());
    let refused = never.enrol(NOW, &asked);
    assert!(matches!(refused, Err(OfficeError::Store(StoreError::Conflict))), "{refused:?}");
    assert_eq!(never.store().inner().inner, before);
}

#[test]
fn an_office_signs_with_the_key_that_another_office_on_the_same_store_made() {
    let mut first = founded(MemLedger::new());
    let mut second = Office::open(first.store().clone()).unwrap();
    let root = SigningKey::from_seed(&[1; 32]);
    assert_eq!(second.renew_key(&root, &[4; 32], NOW).unwrap(), 2);
    // What the second wrote is what the first reads from now on.
    let asked = enrol(&first, 11, "asha");
    *first.store_mut() = second.into_store();
    assert_eq!(first.info().unwrap().office_key.body.number, 2);
    let answer = first.enrol(NOW, &asked).unwrap();
    assert_eq!(answer.office_key.body.number, 2);
    assert_eq!(answer.checkpoint.body.signed_by, 2);
    assert!(first.audit().unwrap().balances());
}

#[test]
fn no_second_office_is_set_up_in_a_store_that_holds_one() {
    let first = founded(MemLedger::new());
    let (root, store) = (SigningKey::from_seed(&[8; 32]), first.store().clone());
    let second = Office::create(store, new_office(), &root, &[3; 32], NOW);
    assert!(matches!(second, Err(OfficeError::Store(StoreError::Taken))));
}
