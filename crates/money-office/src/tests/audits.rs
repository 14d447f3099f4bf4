//! The audit catches what it must.

use onehop_wire::encode;
use onehop_wire::office::{EntryState, Transfer};

use super::world::World;
use crate::draft::read_row;
use crate::evidence::Evidence;
use crate::rows::{AccountRow, PostingRow};
use crate::{Account, Batch, LedgerStore, Office, Table};

fn busy() -> (World, onehop_wire::WalletId) {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 300, None, vec![]);
    buyer.last_is(EntryState::Committed(paid.commit));
    buyer.pay(&seller, 40, None, vec![]);
    world.sync(&mut buyer, Transfer::Withdraw(5));
    (world, seller.id())
}

/// The office over its store with one row changed.
fn with(world: World, table: Table, change: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<String> {
    let mut store = world.office.into_store();
    let mut found = false;
    for (key, value) in store.scan(table, &[], None, usize::MAX).unwrap() {
        if let Some(changed) = change(&value) {
            let mut batch = Batch::default();
            let changed = Some(changed).filter(|changed| !changed.is_empty());
            batch.writes.insert((table, key), changed);
            store.apply(&batch).unwrap();
            found = true;
            break;
        }
    }
    assert!(found);
    let report = Office::open(store).unwrap().audit().unwrap();
    assert!(!report.balances());
    let rows = report.differences.iter().map(|found| {
        format!("{} {} {} {}", found.row, found.books, found.evidence, found.postings)
    });
    rows.chain(report.faults.iter().cloned()).collect()
}

/// [O-8]
#[test]
fn an_edited_balance_is_named_with_both_sums() {
    let (world, seller) = busy();
    let found = with(world, Table::Accounts, |bytes| {
        let mut row: AccountRow = read_row(Table::Accounts, bytes).unwrap();
        (row.account == Account::Wallet(seller)).then(|| {
            row.balance += 1;
            encode(&row)
        })
    });
    let expected =
        [format!("account/{seller} 301 300 false"), format!("account/{seller} 301 300 true")];
    assert_eq!(found, expected);
}

#[test]
fn an_edited_or_missing_posting_is_named() {
    for gone in [false, true] {
        let (world, _) = busy();
        let found = with(world, Table::Postings, |bytes| {
            let mut row: PostingRow = read_row(Table::Postings, bytes).unwrap();
            row.amount += 1;
            Some(if gone { Vec::new() } else { encode(&row) })
        });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|line| line.ends_with("true")), "{found:?}");
    }
}

#[test]
fn missing_and_forged_evidence_is_named() {
    let (world, seller) = busy();
    let found = with(world, Table::Evidence, |bytes| {
        let row: Evidence = read_row(Table::Evidence, bytes).unwrap();
        matches!(row, Evidence::Decided(_)).then(Vec::new)
    });
    assert!(found.contains(&format!("account/{seller} 300 0 false")), "{found:?}");
    assert!(found.iter().any(|line| line.ends_with("is missing")), "{found:?}");
    let (world, _) = busy();
    let found = with(world, Table::Evidence, |bytes| {
        let row: Evidence = read_row(Table::Evidence, bytes).unwrap();
        let Evidence::Issued(mut issued) = row else { return None };
        issued.checkpoint.body.balance += 1;
        Some(encode(&Evidence::Issued(issued)))
    });
    assert!(found.iter().any(|line| line.ends_with("not signed by this office")), "{found:?}");
}
