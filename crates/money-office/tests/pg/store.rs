//! The store by itself.

use money_office::{
    AnyLedger, Batch, Grouped, LedgerStore, MemLedger, NewOffice, Office, OfficeError, PgLedger,
    Profile, Purpose, Row, StoreAround, StoreError, Table,
};
use onehop_crypto::SigningKey;
use onehop_wire::office::Enrol;
use onehop_wire::{Class, Currency, SessionKey, Signed, Text, UnixSeconds, encode};

use crate::cluster::Cluster;
use crate::contract::{contract, put};

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

pub(crate) fn founded<S: LedgerStore>(store: S) -> Office<S> {
    let new = NewOffice {
        name: "corner office".to_owned(),
        currency: Currency::by_code("INR").unwrap(),
        profile: Profile::by_name("rbi-2023").unwrap(),
        credit_line: None,
        purse_max: None,
        operator: SigningKey::from_seed(&[2; 32]).public(),
    };
    Office::create(store, new, &SigningKey::from_seed(&[1; 32]), &[3; 32], NOW).unwrap()
}

pub(crate) fn enrol<S: LedgerStore>(office: &Office<S>, seed: u8) -> Signed<Enrol> {
    let key = SigningKey::from_seed(&[seed; 32]);
    let body = Enrol {
        key: key.public(),
        mail_key: SessionKey([seed; 32]),
        name: Text::new(format!("wallet {seed}")).unwrap(),
        class: Class::Person,
    };
    key.sign(office.id(), body).into_signed()
}

/// Every row of a store.
pub(crate) fn rows(store: &impl LedgerStore) -> Vec<(Table, Vec<Row>)> {
    let of = |table| (table, store.scan(table, &[], None, usize::MAX).unwrap());
    Table::ALL.map(of).into()
}

#[test]
fn it_keeps_the_contract_by_itself_and_in_groups_and_has_everything_again_when_opened() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    assert!(matches!(PgLedger::open(&url), Err(StoreError::Missing { table: Table::Meta })));
    contract(&mut AnyLedger::Postgres(Box::new(PgLedger::create(&url).unwrap())));
    let again = PgLedger::open(&url).unwrap();
    assert_eq!(again.get(Table::Wants, b"ab").unwrap().unwrap(), b"other");
    assert_eq!(again.get(Table::Open, b"a").unwrap(), None);
    contract(&mut Grouped::new(PgLedger::create(&cluster.database()).unwrap()));
}

#[test]
fn an_office_writes_the_same_rows_and_the_same_answers_as_in_memory() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let mut here = founded(MemLedger::new());
    let mut there = founded(Grouped::new(PgLedger::create(&url).unwrap()));
    for seed in [11, 12, 11] {
        let asked = enrol(&here, seed);
        let answer = there.alone(|office| office.enrol(NOW, &asked)).unwrap();
        assert_eq!(encode(&answer), encode(&here.enrol(NOW, &asked).unwrap()));
    }
    assert_eq!(rows(there.store()), rows(here.store()));
    assert!(there.audit().unwrap().balances());
    drop(there);
    let again = Office::open(PgLedger::open(&url).unwrap()).unwrap();
    assert_eq!(encode(&again.info().unwrap()), encode(&here.info().unwrap()));
    let taken = Office::create(
        PgLedger::create(&url).unwrap(),
        NewOffice {
            name: "another".to_owned(),
            currency: Currency::by_code("INR").unwrap(),
            profile: Profile::by_name("rbi-2023").unwrap(),
            credit_line: None,
            purse_max: None,
            operator: SigningKey::from_seed(&[2; 32]).public(),
        },
        &SigningKey::from_seed(&[8; 32]),
        &[3; 32],
        NOW,
    );
    assert!(matches!(taken, Err(OfficeError::Store(StoreError::Taken))));
}

#[test]
fn a_row_changed_by_another_program_since_it_was_read_is_a_conflict_and_nothing_is_written() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let mut store = PgLedger::create(&url).unwrap();
    store.apply(&put(Table::Open, b"a", Some(b"old"))).unwrap();
    store.begin(Purpose::Write).unwrap();
    assert_eq!(store.get(Table::Open, b"a").unwrap().unwrap(), b"old");
    cluster.meddle(&url, "UPDATE office_row SET value = 'new'");
    let mut batch: Batch = put(Table::Open, b"a", Some(b"mine"));
    batch.writes.extend(put(Table::Open, b"0", Some(b"mine too")).writes);
    assert!(matches!(store.apply(&batch), Err(StoreError::Conflict)));
    assert_eq!(store.get(Table::Open, b"a").unwrap().unwrap(), b"new");
    assert_eq!(store.get(Table::Open, b"0").unwrap(), None);
    store.apply(&batch).unwrap();
    assert_eq!(store.get(Table::Open, b"0").unwrap().unwrap(), b"mine too");
}

#[test]
fn a_call_that_nobody_ended_leaves_nothing_and_the_next_sees_fresh_rows() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let mut store = PgLedger::create(&url).unwrap();
    store.apply(&put(Table::Open, b"a", Some(b"old"))).unwrap();
    store.begin(Purpose::Write).unwrap();
    store.warm(&[(Table::Open, b"a".to_vec()), (Table::Open, b"b".to_vec())]);
    assert_eq!(store.get(Table::Open, b"a").unwrap().unwrap(), b"old");
    cluster.meddle(&url, "UPDATE office_row SET value = 'new'");
    assert_eq!(store.get(Table::Open, b"a").unwrap().unwrap(), b"old", "one call, one moment");
    assert_eq!(store.get(Table::Open, b"b").unwrap(), None);
    store.begin(Purpose::Write).unwrap();
    assert_eq!(store.get(Table::Open, b"a").unwrap().unwrap(), b"new");
    store.cancel();
}

/// Changes a row from outside before the first write, as no office would.
struct Meddled {
    store: PgLedger,
    url: String,
    left: usize,
}

impl StoreAround for Meddled {
    type Inner = PgLedger;

    fn inner(&self) -> &PgLedger {
        &self.store
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            Cluster::shared().meddle(&self.url, "UPDATE office_row SET value = value");
        }
        self.store.apply(batch)
    }
}

#[test]
fn calls_and_groups_are_decided_again_from_fresh_rows_until_nobody_comes_in_between() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let mut office = founded(Meddled { store: PgLedger::create(&url).unwrap(), url, left: 0 });
    office.store_mut().left = 3;
    let asked = enrol(&office, 11);
    let answer = office.enrol(NOW, &asked).unwrap();
    assert_eq!(office.store().left, 0);
    let mut office = Office::open(Grouped::new(office.into_store())).unwrap();
    let (again, next) = (asked, enrol(&office, 12));
    let mut tries = 0;
    let given = office.group(|office| {
        tries += 1;
        if tries == 1 {
            // The rows that this group has read change under it.
            let first = office.enrol(NOW, &again).unwrap();
            let url = office.store().inner().url.clone();
            Cluster::shared().meddle(&url, "UPDATE office_row SET value = value");
            drop(first);
        }
        (office.enrol(NOW, &again).unwrap(), office.enrol(NOW, &next).unwrap())
    });
    assert_eq!(tries, 2);
    assert_eq!(given.unwrap().0, answer);
    let report = office.audit().unwrap();
    assert!(report.balances(), "{report:#?}");
    // The key and two wallets.
    assert_eq!(report.evidence, 3);
}

#[test]
fn offices_on_one_database_queue_and_none_undoes_what_another_does() {
    let cluster = Cluster::shared();
    let url = cluster.database();
    let office = founded(PgLedger::create(&url).unwrap());
    let asked: Vec<_> = (11..=40).map(|seed| enrol(&office, seed)).collect();
    let threads: Vec<_> = (0..3)
        .map(|first| {
            let (url, asked) = (url.clone(), asked.clone());
            std::thread::spawn(move || {
                let mut office = Office::open(PgLedger::open(&url).unwrap()).unwrap();
                // All of them enrol everybody, each in another order.
                let turned = asked.iter().cycle().skip(first * 10).take(asked.len());
                let answers =
                    turned.map(|it| (encode(it), encode(&office.enrol(NOW, it).unwrap())));
                answers.collect::<std::collections::BTreeMap<_, _>>()
            })
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(answers[0].len(), 30);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let report = office.audit().unwrap();
    assert!(report.balances(), "{report:#?}");
    assert_eq!(report.evidence, 31);
}

#[test]
fn a_database_that_would_lose_what_it_acknowledged_is_refused() {
    let cluster = Cluster::start(&["fsync = off"]);
    let refused = PgLedger::create(&cluster.database());
    let Err(error @ StoreError::NotDurable { .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.to_string(), "the database would lose what it acknowledged: fsync is off");
}
