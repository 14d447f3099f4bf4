//! Settlements a second, beside what the signatures alone would allow on the same core.
//!
//! `cargo bench -p money-office --bench office`, or `cargo xtask bench office`. Every round measures
//! everything once, one after the other, so that what disturbs the machine disturbs all of it; a
//! figure is the median of the rounds. A settlement is a claim that becomes PAID: its signatures
//! checked strictly, its OUTCOME signed, booked, durable. One object a line.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints, or panics"
)]

#[expect(dead_code, reason = "tests do more with a cluster")]
#[path = "../../tests/pg/cluster.rs"]
mod cluster;
mod peer;
mod raw;
mod town;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use money_office::{Account, AnyLedger, Batch, LedgerStore, PgLedger, SledLedger, Table};
use onehop_wire::{WalletId, encode};

use crate::cluster::Cluster;
use crate::peer::Peer;
use crate::town::Town;

/// Claims that share a write.
const GROUPS: [usize; 3] = [1, 128, 1000];

/// Limits: how the name of a figure ends, whether it is the least or the most, and what it is.
const LIMITS: [(&str, bool, f64); 3] = [
    // What the office settles on sled for each swap of the Cashu mint.
    (".over_cdk", true, 10.0),
    // What a thread that checks signatures ahead makes of one thread.
    (".two_threads_over_one", true, 1.6),
    // What a settlement beside many accounts costs, over one beside few.
    (".many_over_few", false, 1.5),
];

/// How much is measured.
struct Size {
    rounds: usize,
    /// Settlements of one round with groups of 128 and of 1000; with groups of 1, a tenth.
    settlements: usize,
    /// Accounts of the large store.
    accounts: u32,
    /// The program of `bench/peers`, if it is to be measured too.
    peer: Option<PathBuf>,
}

impl Size {
    fn new() -> Self {
        let told: Vec<String> = std::env::args().collect();
        let of = |name: &str, usual: usize| {
            let value = told.iter().position(|it| it == name).and_then(|at| told.get(at + 1));
            value.map_or(usual, |value| value.parse().unwrap())
        };
        let accounts = u32::try_from(of("--accounts", 100_000)).unwrap();
        let peer = told.iter().position(|it| it == "--peer").and_then(|at| told.get(at + 1));
        let (rounds, settlements) = (of("--rounds", 5), of("--settlements", 1000));
        Self { rounds, settlements, accounts, peer: peer.map(PathBuf::from) }
    }
}

/// The measurements of one figure.
struct Series {
    name: String,
    unit: &'static str,
    method: String,
    seen: Vec<f64>,
    n: usize,
}

/// All figures, in the order in which they were first measured.
#[derive(Default)]
struct Figures(Vec<Series>);

impl Figures {
    fn add(&mut self, name: &str, value: f64, unit: &'static str, n: usize, method: &str) {
        let at = self.0.iter().position(|it| it.name == name).unwrap_or_else(|| {
            let (name, method) = (name.to_owned(), method.to_owned());
            self.0.push(Series { name, unit, method, seen: Vec::new(), n: 0 });
            self.0.len() - 1
        });
        self.0[at].seen.push(value);
        self.0[at].n += n;
    }

    fn median(&self, name: &str) -> f64 {
        let mut seen = self.0.iter().find(|it| it.name == name).unwrap().seen.clone();
        seen.sort_by(f64::total_cmp);
        seen[seen.len() / 2]
    }

    fn print(&self) {
        for figure in &self.0 {
            let value = (self.median(&figure.name) * 1000.0).round() / 1000.0;
            let limit = LIMITS.iter().find(|(end, ..)| figure.name.ends_with(end));
            let holds = |(_, is_least, limit): &(&str, bool, f64)| {
                if *is_least { value >= *limit } else { value <= *limit }
            };
            let line = serde_json::json!({
                "name": figure.name, "value": value, "unit": figure.unit,
                "limit": limit.map(|(_, _, limit)| limit), "holds": limit.is_none_or(holds),
                "n": figure.n, "method": figure.method,
            });
            println!("{line}");
        }
    }
}

fn rate(n: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(n).unwrap()) / took.as_secs_f64()
}

fn main() {
    let size = Size::new();
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&["shared_buffers = 256MB", "max_wal_size = 4GB"]);
    let sled = SledLedger::create(&folder.path().join("small")).unwrap();
    let url = cluster.database();
    let postgres = PgLedger::create(&url).unwrap();
    let mut towns = [
        ("sled", Town::new(AnyLedger::Sled(sled))),
        ("postgres", Town::new(AnyLedger::Postgres(Box::new(postgres)))),
    ];
    let mut peer = size.peer.as_deref().map(|program| Peer::start(program, folder.path()));
    let signed = raw::Signed::new(1024);
    let mut figures = Figures::default();
    for _ in 0..size.rounds {
        let (strict, batch) = (signed.strict(), signed.batch());
        let how = "distinct keys and messages of 32 bytes, one thread";
        figures.add("bench.verify.strict", strict, "1/s", signed.len(), how);
        figures.add("bench.verify.batch128", batch, "1/s", signed.len(), how);
        if let Some(peer) = &mut peer {
            let took = peer.swap(size.settlements);
            let how = "swaps of one proof, 16 at once, two threads, SQLite with WAL and FULL";
            figures.add(
                "bench.cdk.swapped",
                rate(size.settlements, took),
                "1/s",
                size.settlements,
                how,
            );
        }
        for (store, town) in &mut towns {
            for group in GROUPS {
                let count = if group == 1 { size.settlements / 10 } else { size.settlements };
                let took = town.settle(count, group);
                let name = format!("bench.{store}.settled.group{group}");
                let how = "claims become PAID, one thread, that many share one durable write";
                figures.add(&name, rate(count, took), "1/s", count, how);
            }
            let count = size.settlements;
            let (one, two) = (town.settle(count, 128), town.settle_ahead(count, 128));
            let how = "one thread decides, another checks signatures ahead, over one for both; \
                       groups of 128";
            let over = one.as_secs_f64() / two.as_secs_f64();
            figures.add(&format!("bench.{store}.two_threads_over_one"), over, "1", count, how);
        }
    }
    if peer.take().is_some() {
        let settled = figures.median("bench.sled.settled.group128");
        let over = settled / figures.median("bench.cdk.swapped");
        let how = "payments settled on sled in groups of 128, one thread, over swaps";
        figures.add("bench.sled.over_cdk", over, "1", 1, how);
    }
    for (store, town) in &mut towns {
        latency(&mut figures, store, town, size.settlements);
    }
    let [_, (_, town)] = towns;
    two_offices(&mut figures, &size, town, &url);
    many_accounts(&mut figures, &size, &cluster, folder.path());
    for store in ["sled", "postgres"] {
        let settled = figures.median(&format!("bench.{store}.settled.group1000"));
        let of = settled * town::SIGNATURES / figures.median("bench.verify.batch128");
        let how = "signatures checked in settlements a second, group of 1000, over batch128";
        figures.add(&format!("bench.{store}.of_batch_limit"), of, "1", 1, how);
    }
    figures.print();
}

/// Requests come at half the speed of groups of 1000; each waits for its group.
fn latency(figures: &mut Figures, store: &str, town: &mut Town, count: usize) {
    let full = figures.median(&format!("bench.{store}.settled.group1000"));
    let gap = Duration::from_secs_f64(2.0 / full);
    let mut waited = town.settle_as_they_come(count, gap);
    waited.sort();
    let how = "evenly spaced requests at half the speed of groups of 1000, one thread decides";
    for (name, at) in [("p50", count / 2), ("p99", count * 99 / 100)] {
        let name = format!("bench.{store}.{name}_at_half_load");
        figures.add(&name, waited[at].as_secs_f64() * 1000.0, "ms", count, how);
    }
}

/// One office, then two at once on the same database, in turn.
fn two_offices(figures: &mut Figures, size: &Size, mut first: Town, url: &str) {
    let mut second = first.second(AnyLedger::Postgres(Box::new(PgLedger::open(url).unwrap())));
    let count = size.settlements;
    for _ in 0..size.rounds {
        let alone = rate(count, first.settle(count, 128));
        first.prepare(count / 2);
        second.prepare(count / 2);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| first.settle(count / 2, 128));
            scope.spawn(|| second.settle(count / 2, 128));
        });
        let both = rate(count, begun.elapsed());
        let how = "two offices on one database, two threads, over one; groups of 128";
        figures.add("bench.postgres.two_over_one", both / alone, "1", count, how);
    }
}

/// The same settlements beside few accounts and beside many, in turn.
fn many_accounts(figures: &mut Figures, size: &Size, cluster: &Cluster, folder: &std::path::Path) {
    for store in ["sled", "postgres"] {
        let mut towns = Vec::new();
        for accounts in [1000, size.accounts] {
            let path = folder.join(format!("accounts{accounts}"));
            let url = cluster.database();
            let filled = if store == "sled" {
                drop(fill(SledLedger::create(&path).unwrap(), accounts));
                None
            } else {
                drop(fill(PgLedger::create(&url).unwrap(), accounts));
                Some(url)
            };
            let begun = Instant::now();
            let ledger = match filled {
                None => AnyLedger::Sled(SledLedger::open(&path).unwrap()),
                Some(url) => AnyLedger::Postgres(Box::new(PgLedger::open(&url).unwrap())),
            };
            let opened = begun.elapsed();
            let name = format!("bench.{store}.open.{accounts}");
            let how = "opening a store of that many accounts";
            figures.add(&name, opened.as_secs_f64() * 1000.0, "ms", 1, how);
            towns.push((accounts, Town::new(ledger)));
        }
        for _ in 0..size.rounds {
            for (accounts, town) in &mut towns {
                let count = size.settlements / 2;
                let took = town.settle(count, 128);
                let name = format!("bench.{store}.settled.accounts{accounts}");
                let how = "claims become PAID in groups of 128, beside that many accounts";
                figures.add(&name, rate(count, took), "1/s", count, how);
            }
        }
        let median =
            |accounts| figures.median(&format!("bench.{store}.settled.accounts{accounts}"));
        let flat = median(1000) / median(size.accounts);
        let how = "cost of a settlement beside many accounts, over that beside 1,000";
        figures.add(&format!("bench.{store}.many_over_few"), flat, "1", 1, how);
    }
}

/// A store with accounts of wallets that never come.
fn fill<S: LedgerStore>(mut store: S, accounts: u32) -> S {
    for first in (0..accounts).step_by(5000) {
        let mut batch = Batch::default();
        for number in first..accounts.min(first + 5000) {
            let id = onehop_wire::domain::sha256(&number.to_be_bytes());
            let wallet = WalletId(id.0);
            let key = [&[1], wallet.as_bytes().as_slice()].concat();
            let row = encode(&(Account::Wallet(wallet), 100i128));
            batch.writes.insert((Table::Accounts, key), Some(row));
        }
        store.apply(&batch).unwrap();
    }
    store
}
