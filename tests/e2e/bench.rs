//! Wallets and offices in one folder, and a look-up port where nobody else meets.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::process::{Ended, Running};

/// Ports that no system gives out by itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A place for wallets and offices that nobody else hears of.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) dir: PathBuf,
    pub(crate) port: Port,
    _owned: Option<tempfile::TempDir>,
}

/// An office that serves. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Office {
    dir: String,
    pub(crate) url: String,
    process: Option<Running>,
}

/// The four figures of a wallet, in minor units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    pub(crate) available: u64,
    pub(crate) held: u64,
    pub(crate) in_doubt: u64,
    pub(crate) received_unsettled: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        Self { dir: owned.path().to_owned(), port: Port::new(), _owned: Some(owned) }
    }

    /// The same folder, where others meet.
    pub(crate) fn lane(&self) -> Self {
        Self { dir: self.dir.clone(), port: Port::new(), _owned: None }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(args, |command| {
            command
                .env("ONEHOP_LINK", "lan")
                .env("ONEHOP_INTERFACE", "127.0.0.1")
                .env("ONEHOP_PORT", self.port.number.to_string())
                .env("TMPDIR", &self.dir);
        })
    }

    /// Starts `onehop` with the wallet called `name`.
    pub(crate) fn start_wallet(&self, name: &str, args: &[&str]) -> Running {
        let dir = self.path(name);
        let head = ["--json", "--wallet", dir.as_str()];
        self.start(&head.iter().chain(args).copied().collect::<Vec<_>>())
    }

    /// `onehop` with the wallet called `name`.
    #[track_caller]
    pub(crate) fn wallet(&self, name: &str, args: &[&str]) -> Ended {
        self.start_wallet(name, args).finish()
    }

    /// An office with INR, as of 2023, that serves.
    pub(crate) fn office(&self, name: &str) -> Office {
        let mut office = Office { dir: self.path(name), url: String::new(), process: None };
        let new = ["init", "--currency", "INR", "--profile", "rbi-2023", "--name", name];
        office.run(self, &new);
        office.serve(self, "127.0.0.1:0");
        office
    }

    /// Makes a wallet, charged unless `amount` is empty.
    #[track_caller]
    pub(crate) fn enrol(&self, name: &str, office: &Office, amount: &str) {
        self.wallet(name, &["init", "--office", &office.url, "--name", name, "--no-pin"]).done();
        if !amount.is_empty() {
            self.wallet(name, &["charge", amount]).done();
        }
    }

    #[track_caller]
    pub(crate) fn figures(&self, wallet: &str) -> Figures {
        let ended = self.wallet(wallet, &["balance"]).done();
        let figure = |name: &str| {
            let figure = ended.out.first().and_then(|line| line[name].as_u64());
            figure.unwrap_or_else(|| panic!("{name} in {ended:?}"))
        };
        Figures {
            available: figure("available"),
            held: figure("held"),
            in_doubt: figure("in_doubt"),
            received_unsettled: figure("received_unsettled"),
        }
    }

    /// All payments of a wallet by their ids.
    #[track_caller]
    pub(crate) fn history(&self, wallet: &str) -> BTreeMap<String, Value> {
        let ended = self.wallet(wallet, &["history", "--limit", "100000"]).done();
        let by_id = |line: &Value| (line["tx"].as_str().unwrap().to_owned(), line.clone());
        ended.out.iter().map(by_id).collect()
    }

    /// A payment without questions: the buyer's end and the seller's. The buyer listens before the
    /// seller speaks, so that neither waits for the next look-up.
    #[track_caller]
    pub(crate) fn pay(&self, buyer: &str, seller: &str, amount: &str) -> (Ended, Ended) {
        let max = ["pay", "--to", seller, "--max", "500", "--yes"];
        let mut pay = self.start_wallet(buyer, &max);
        pay.event("listening");
        let sell = ["sell", amount, "--order", "tea", "--buyer", buyer];
        let sell = self.start_wallet(seller, &sell);
        (pay.finish(), sell.finish())
    }

    /// As [`Bench::pay`], and it is paid.
    #[track_caller]
    pub(crate) fn paid(&self, buyer: &str, seller: &str, amount: &str) {
        let (buyer, seller) = self.pay(buyer, seller, amount);
        buyer.came_to(0, "paid");
        seller.came_to(0, "paid");
    }
}

impl Office {
    /// One command of the operator's; what it printed.
    #[track_caller]
    pub(crate) fn run(&self, bench: &Bench, args: &[&str]) -> Value {
        let head = ["money-office", "--json", "--office", &self.dir];
        let ended = bench.start(&head.iter().chain(args).copied().collect::<Vec<_>>()).finish();
        ended.done().out.first().cloned().unwrap_or_default()
    }

    /// Serves at `address`.
    pub(crate) fn serve(&mut self, bench: &Bench, address: &str) {
        let args = ["money-office", "--json", "--office", &self.dir, "serve", "--listen", address];
        let mut process = bench.start(&args);
        let line = process.wait(|line| line.get("listening").is_some());
        let line = line.unwrap_or_else(|| panic!("nothing serves at {address}: {process:?}"));
        self.url = format!("http://{}", line["listening"].as_str().unwrap());
        self.process = Some(process);
    }

    /// Stops serving, as a service manager would.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.process.take().unwrap().terminate().done();
    }

    /// SIGKILL: nothing is finished.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.process.take().unwrap().kill().code, None, "it had ended before");
    }

    /// Serves again where it did.
    pub(crate) fn again(&mut self, bench: &Bench) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.serve(bench, &address);
    }

    /// Recomputes the books from the signed evidence, in the middle of whatever goes on: they
    /// balance, and nothing is missing.
    #[track_caller]
    pub(crate) fn exact(&self, bench: &Bench) {
        let audit = self.run(bench, &["audit"]);
        assert_eq!(
            (&audit["books_balance"], &audit["missing"]),
            (&json!(true), &json!(0)),
            "{audit}"
        );
    }

    /// Recomputes the books from the signed evidence: they balance, nothing is suspended or
    /// missing, and `purses` is in all purses.
    #[track_caller]
    pub(crate) fn audit(&self, bench: &Bench, purses: u64) {
        self.run(bench, &["settle"]);
        let audit = self.run(bench, &["audit"]);
        let expected = [
            ("books_balance", json!(true)),
            ("purses", json!(purses)),
            ("suspense", json!(0)),
            ("missing", json!(0)),
        ];
        for (name, value) in expected {
            assert_eq!(audit[name], value, "{name} in {audit}");
        }
    }
}

/// A port of look-ups that is nobody else's while this lives: look-ups go over UDP, so that the TCP
/// port of the same number is free to say that it is taken, to other processes too.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    _taken: TcpListener,
}

impl Port {
    fn new() -> Self {
        let mut tries = 0_u64..;
        loop {
            let random = RandomState::new().hash_one(tries.next());
            let among = u64::from(PORTS.end - PORTS.start);
            let number = PORTS.start + u16::try_from(random % among).unwrap();
            let Ok(_taken) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)) else { continue };
            if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok() {
                return Self { number, _taken };
            }
        }
    }
}

/// The folder of a wallet, for the library.
pub(crate) fn folder(bench: &Bench, name: &str) -> PathBuf {
    Path::new(&bench.dir).join(name)
}
