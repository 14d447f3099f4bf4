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
pub(super) fn with(
    world: World,
    table: Table,
    change: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Vec<String> {
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

#[test]
fn an_evidence_file_chains_every_row_and_ends_with_the_books_and_the_proofs() {
    let mut world = World::new();
    let mut wallet = world.funded(1, "buyer", 1_000);
    let mut image = wallet.image();
    let (one, two) = (world.enrol(2, "one"), world.enrol(3, "two"));
    for (device, payee) in [(&mut wallet, &one), (&mut image, &two)] {
        let paid = device.pay(payee, 800, None, vec![]);
        world.claim(&paid.claim);
    }
    let page = world.office.export(0).unwrap();
    let (text, is_last) = crate::ExportText::default().lines(&page);
    assert!(is_last);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows = world.office.audit().unwrap().evidence;
    let mut chain = hex::decode(lines[0]["office"].as_str().unwrap()).unwrap();
    for (number, line) in (1..=rows).zip(&lines[1..]) {
        assert_eq!(line["row"], number.to_string());
        let bytes = hex::decode(line["bytes"].as_str().unwrap()).unwrap();
        chain = onehop_wire::domain::hash_of("evidence", &[&chain, &bytes]).0.to_vec();
        assert_eq!(line["chain"], hex::encode(&chain));
    }
    let sums = lines.iter().filter_map(|line| line["balance"].as_str());
    let sums: Vec<i128> = sums.map(|sum| sum.parse().unwrap()).collect();
    assert!(!sums.contains(&0) && sums.iter().sum::<i128>() == 0, "{sums:?}");
    let proofs: Vec<&str> = lines.iter().filter_map(|line| line["proof"].as_str()).collect();
    let [proof] = *proofs else { panic!("{proofs:?}") };
    let proof: onehop_wire::evidence::ForkProof =
        onehop_wire::decode(&hex::decode(proof).unwrap(), 1 << 16).unwrap();
    assert_eq!(proof.payer.body.wallet(), wallet.id());
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["rows"], &last["chain"]),
        (&rows.to_string().into(), &hex::encode(chain).into())
    );
}

#[test]
fn an_evidence_file_goes_on_after_the_row_that_is_known() {
    let (world, _) = busy();
    let rows = world.office.audit().unwrap().evidence;
    let text = |after| crate::ExportText::default().lines(&world.office.export(after).unwrap()).0;
    let count = |text: String| text.lines().filter(|line| line.contains("\"row\":")).count();
    assert_eq!(count(text(0)), usize::try_from(rows).unwrap());
    assert_eq!(count(text(rows - 2)), 2);
}

#[test]
fn an_audit_says_how_far_it_is_and_of_how_much() {
    let mut world = World::new();
    for seed in 1..=130 {
        world.enrol(seed, &format!("wallet {seed}"));
    }
    let told = std::cell::RefCell::new(Vec::new());
    let report = world.office.audit_telling(&|done, all| told.borrow_mut().push((done, all)));
    assert_eq!(report.unwrap(), world.office.audit().unwrap());
    // The office's key, and the wallets.
    assert_eq!(told.into_inner(), [(64, 131), (128, 131)]);
}
