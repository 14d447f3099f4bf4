//! The store over several databases.

use std::collections::BTreeSet;

use money_office::{
    AnyLedger, Batch, Grouped, LedgerStore, MemLedger, Office, PgLedger, Purpose, ShardedLedger,
    StoreError, Table,
};
use onehop_wire::domain::sha256;
use onehop_wire::encode;

use crate::cluster::Cluster;
use crate::contract::{contract, put};
use crate::store::{NOW, enrol, founded, rows};

/// What a cluster needs to hold a shard.
pub(crate) const SETTINGS: [&str; 1] = ["max_prepared_transactions = 16"];
const SHARDS: usize = 3;

/// Three clusters, and an empty database in each.
fn three() -> (Vec<Cluster>, Vec<String>) {
    let clusters: Vec<_> = (0..SHARDS).map(|_| Cluster::start(&SETTINGS)).collect();
    let urls = clusters.iter().map(Cluster::database).collect();
    (clusters, urls)
}

fn create(urls: &[String]) -> ShardedLedger {
    ShardedLedger::create(&listed(urls)).unwrap()
}

fn open(urls: &[String]) -> Result<ShardedLedger, StoreError> {
    ShardedLedger::open(&listed(urls))
}

fn listed(urls: &[String]) -> Vec<&str> {
    urls.iter().map(String::as_str).collect()
}

/// One row of each of 20 wallets, all with one value: some in every shard.
fn everywhere(value: &[u8]) -> Batch {
    let mut batch = put(Table::Meta, b"home", Some(value));
    for number in 0..20u8 {
        // The key of a wallet's account.
        let key = [&[1][..], &sha256(&[number]).0].concat();
        batch.writes.extend(put(Table::Accounts, &key, Some(value)).writes);
    }
    batch
}

/// The values that the rows of [`everywhere`] have.
fn values(store: &impl LedgerStore) -> BTreeSet<Vec<u8>> {
    store.begin(Purpose::Read).unwrap();
    let accounts = store.scan(Table::Accounts, &[], None, usize::MAX).unwrap();
    let home = store.get(Table::Meta, b"home").unwrap();
    store.finish().unwrap();
    accounts.into_iter().map(|(_, value)| value).chain(home).collect()
}

#[test]
fn it_keeps_the_contract_on_three_instances_by_itself_and_in_groups() {
    let (clusters, urls) = three();
    assert!(matches!(open(&urls), Err(StoreError::Missing { table: Table::Meta })));
    contract(&mut AnyLedger::Sharded(Box::new(create(&urls))));
    let again = open(&urls).unwrap();
    assert_eq!(again.get(Table::Wants, b"ab").unwrap().unwrap(), b"other");
    let others: Vec<_> = clusters.iter().map(Cluster::database).collect();
    contract(&mut Grouped::new(create(&others)));
}

#[test]
fn an_office_on_three_instances_writes_the_same_rows_as_in_memory_and_every_shard_has_some() {
    let (clusters, urls) = three();
    let mut here = founded(MemLedger::new());
    let mut there = founded(Grouped::new(create(&urls)));
    for seed in (11..31).chain([11]) {
        let asked = enrol(&here, seed);
        let answer = there.alone(|office| office.enrol(NOW, &asked)).unwrap();
        assert_eq!(encode(&answer), encode(&here.enrol(NOW, &asked).unwrap()));
    }
    assert_eq!(rows(there.store()), rows(here.store()));
    assert!(there.audit().unwrap().balances());
    drop(there);
    for (cluster, url) in clusters.iter().zip(&urls) {
        // Table 3 has the wallets.
        let wallets = cluster.meddle(url, "SELECT count(*) FROM office_row WHERE kind = 3");
        assert!(wallets.trim().parse::<u32>().unwrap() > 0, "{wallets}");
    }
    let again = Office::open(open(&urls).unwrap()).unwrap();
    assert_eq!(encode(&again.info().unwrap()), encode(&here.info().unwrap()));
}

#[test]
fn databases_that_are_not_the_shards_in_their_order_are_refused_by_what_they_are() {
    let cluster = Cluster::start(&SETTINGS);
    let databases = || (0..SHARDS).map(|_| cluster.database()).collect::<Vec<_>>();
    let (urls, others, empty) = (databases(), databases(), databases());
    let mut store = create(&urls);
    store.apply(&everywhere(b"old")).unwrap();
    create(&others);
    let said = |of: Result<ShardedLedger, StoreError>| of.err().map(|error| error.to_string());
    let is = |position, found| Some(format!("database {position} of the store is {found}"));
    let [first, second, third] = [&urls[0], &urls[1], &urls[2]].map(Clone::clone);
    let swapped = [first.clone(), third.clone(), second.clone()];
    assert_eq!(said(open(&swapped)), is(2, "shard 3 of 3"));
    assert_eq!(said(open(&urls[..2])), is(1, "shard 1 of 3"));
    let mixed = [first.clone(), others[1].clone(), third];
    assert_eq!(said(open(&mixed)), is(2, "shard 2 of 3 of another store"));
    assert_eq!(
        said(ShardedLedger::create(&listed(&mixed))),
        is(2, "shard 2 of 3 of another store")
    );
    let half = [first.clone(), empty[1].clone(), empty[2].clone()];
    assert_eq!(said(ShardedLedger::create(&listed(&half))), is(1, "shard 1 of 3"));
    let single = PgLedger::open(&first).unwrap_err();
    assert_eq!(Some(single.to_string()), is(1, "shard 1 of 3"));
    assert!(PgLedger::create(&second).is_err());
    let mut own = PgLedger::create(&empty[0]).unwrap();
    own.apply(&put(Table::Meta, b"setup", Some(b"an office"))).unwrap();
    assert_eq!(said(ShardedLedger::create(&listed(&empty))), is(1, "an office of its own"));
    assert_eq!(said(open(&empty)), is(1, "no shard"));
    // Nothing of that changed anything.
    assert_eq!(values(&open(&urls).unwrap()), BTreeSet::from([b"old".to_vec()]));
    let unprepared = Cluster::shared();
    let three: Vec<_> = (0..SHARDS).map(|_| unprepared.database()).collect();
    let refused = said(ShardedLedger::create(&listed(&three))).unwrap();
    assert_eq!(
        refused,
        "database 2 of the store is one without prepared transactions: set \
         max_prepared_transactions to 10 or more there and restart it"
    );
}

/// [O-17]
#[test]
fn a_batch_over_all_shards_that_breaks_at_any_step_is_there_whole_or_not_at_all() {
    let cluster = Cluster::start(&SETTINGS);
    let urls: Vec<_> = (0..SHARDS).map(|_| cluster.database()).collect();
    let mut store = create(&urls);
    let of = |text: String| text.into_bytes();
    store.apply(&everywhere(b"before")).unwrap();
    let (mut last, mut kept, mut lost, mut finished) = (of("before".to_owned()), 0, 0, None);
    for step in 0..20 {
        let next = of(format!("step {step}"));
        let mut broken = open(&urls).unwrap();
        broken.break_after(step);
        let written = broken.apply(&everywhere(&next));
        // Another office comes, reads, and finds the batch whole or not at all.
        let seen = values(&open(&urls).unwrap());
        if seen == BTreeSet::from([next]) {
            kept += 1;
        } else {
            assert_eq!(seen, BTreeSet::from([last]), "step {step}");
            lost += 1;
        }
        // The one that broke goes on, too.
        last = of(format!("again {step}"));
        broken.apply(&everywhere(&last)).unwrap();
        assert_eq!(values(&store), BTreeSet::from([last.clone()]));
        if written.is_ok() {
            finished = Some(step);
            break;
        }
    }
    // Two steps in each of two shards and one before the decision; two after it.
    assert_eq!((lost, kept, finished), (5, 3, Some(7)));
    let left = cluster.meddle(&urls[0], "SELECT count(*) FROM pg_prepared_xacts");
    assert_eq!(left.trim(), "0");
    let open_decisions = cluster.meddle(&urls[0], "SELECT count(*) FROM office_decision");
    assert!(open_decisions.trim().parse::<u32>().unwrap() <= 2, "{open_decisions}");
}

/// What this file looks for is there to be found: shards written one after the other.
#[test]
fn shards_that_are_written_one_after_the_other_are_caught_with_half_a_batch() {
    let cluster = Cluster::start(&SETTINGS);
    let urls: Vec<_> = (0..SHARDS).map(|_| cluster.database()).collect();
    let mut store = create(&urls);
    store.apply(&everywhere(b"before")).unwrap();
    // The home alone, as a writer leaves it that is killed between two commits.
    cluster.meddle(&urls[0], "UPDATE office_row SET value = 'after'");
    let seen = values(&open(&urls).unwrap());
    assert_eq!(seen, BTreeSet::from([b"after".to_vec(), b"before".to_vec()]));
}

/// [O-17]
#[test]
fn who_reads_while_another_writes_sees_every_batch_whole() {
    let cluster = Cluster::start(&SETTINGS);
    let urls: Vec<_> = (0..SHARDS).map(|_| cluster.database()).collect();
    let mut store = create(&urls);
    store.apply(&everywhere(b"0")).unwrap();
    let writer = {
        let urls = urls.clone();
        std::thread::spawn(move || {
            let mut store = open(&urls).unwrap();
            for number in 1..=60 {
                store.apply(&everywhere(number.to_string().as_bytes())).unwrap();
            }
        })
    };
    let mut seen = BTreeSet::new();
    let reader = open(&urls).unwrap();
    while !writer.is_finished() {
        let now = values(&reader);
        assert_eq!(now.len(), 1, "{now:?}");
        seen.extend(now);
    }
    writer.join().unwrap();
    assert!(seen.len() > 2, "{seen:?}");
    assert_eq!(values(&reader), BTreeSet::from([b"60".to_vec()]));
}

/// [O-17]
#[test]
fn while_a_shard_is_away_nothing_is_written_and_when_it_is_back_all_goes_on() {
    let (clusters, urls) = three();
    let mut store = create(&urls);
    store.apply(&everywhere(b"before")).unwrap();
    clusters[2].stop();
    assert!(matches!(store.apply(&everywhere(b"lost")), Err(StoreError::Away(_))));
    assert!(matches!(store.begin(Purpose::Read), Err(StoreError::Away(_))));
    clusters[2].serve();
    assert_eq!(values(&store), BTreeSet::from([b"before".to_vec()]));
    store.apply(&everywhere(b"after")).unwrap();
    assert_eq!(values(&open(&urls).unwrap()), BTreeSet::from([b"after".to_vec()]));
}
