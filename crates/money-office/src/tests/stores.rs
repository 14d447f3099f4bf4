//! What every store of the office must do, run on each of them.

use onehop_wire::office::Transfer;

use super::world::{DAY, START, World};
use crate::{Batch, LedgerStore, MemLedger, Office, SledLedger, Table};

fn put(table: Table, key: &[u8], value: Option<&[u8]>) -> Batch {
    let mut batch = Batch::default();
    batch.writes.insert((table, key.to_vec()), value.map(<[u8]>::to_vec));
    batch
}

fn contract(store: &mut impl LedgerStore) {
    let (one, two) = (Table::Open, Table::Wants);
    for key in [&b"a"[..], b"ab", b"ab\xff", b"b", b"ba"] {
        store.apply(&put(one, key, Some(key))).unwrap();
    }
    store.apply(&put(two, b"ab", Some(b"other"))).unwrap();
    assert_eq!(store.get(one, b"ab").unwrap().unwrap(), b"ab");
    assert_eq!(store.get(one, b"abc").unwrap(), None);
    let keys = |prefix: &[u8], after: Option<&[u8]>, limit: usize| -> Vec<Vec<u8>> {
        let rows = store.scan(one, prefix, after, limit).unwrap();
        rows.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(b"a", None, 9), [&b"a"[..], b"ab", b"ab\xff"]);
    assert_eq!(keys(b"a", Some(b"a"), 9), [&b"ab"[..], b"ab\xff"]);
    assert_eq!(keys(b"a", Some(b"ab"), 9), [&b"ab\xff"[..]]);
    assert_eq!(keys(b"", Some(b"ab\xff"), 1), [b"b"]);
    assert_eq!(keys(b"b", Some(b"a"), 9), [&b"b"[..], b"ba"]);
    assert!(keys(b"c", None, 9).is_empty());
    let mut batch = put(one, b"a", None);
    batch.writes.extend(put(two, b"new", Some(&[7; 100_000])).writes);
    store.apply(&batch).unwrap();
    assert_eq!(store.get(one, b"a").unwrap(), None);
    assert_eq!(store.get(two, b"new").unwrap().unwrap().len(), 100_000);
}

#[test]
fn both_stores_keep_the_same_contract() {
    contract(&mut MemLedger::new());
    let dir = tempfile::TempDir::new().unwrap();
    contract(&mut SledLedger::create(dir.path()).unwrap());
    let again = SledLedger::open(dir.path()).unwrap();
    assert_eq!(again.get(Table::Wants, b"ab").unwrap().unwrap(), b"other");
    assert_eq!(again.get(Table::Open, b"a").unwrap(), None);
}

/// [O-24]
#[test]
fn the_offices_clock_never_goes_back_also_across_a_restart() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "buyer");
    world.now = START.plus(3 * DAY);
    world.sync(&mut wallet, Transfer::None);
    world.office = Office::open(world.office.into_store()).unwrap();
    world.now = START;
    let answer = world.office.sync(world.now, &wallet.sync(Transfer::None)).unwrap();
    assert_eq!(answer.checkpoint.body.issued, START.plus(3 * DAY));
}
