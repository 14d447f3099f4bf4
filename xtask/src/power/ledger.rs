//! What a machine said through its serial line, kept outside of it, and held against what its disk
//! says after the cut.

mod check;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// What the buyer charges at set-up, in minor units.
const CHARGED_FIRST: u64 = 50_000;
/// What each later charge moves.
pub(super) const CHARGE: u64 = 500;

/// In what way the disk contradicts the serial line.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// Something acknowledged is not there.
    Lost,
    /// Something is there twice.
    Doubled,
    /// A wallet or the office does not open or does not go on.
    Halted,
    /// A sum or a standing is not what it must be.
    Wrong,
}

/// One contradiction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    pub(super) what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Lost => "lost",
            Kind::Doubled => "doubled",
            Kind::Halted => "halted",
            Kind::Wrong => "wrong",
        };
        write!(f, "{kind}: {}", self.what)
    }
}

/// What was said about a payment.
#[derive(Clone, Copy, Debug, Default)]
struct Fact {
    /// The buyer said that the money is held.
    held: bool,
    /// The buyer said that it is paid.
    buyer_paid: bool,
    /// The seller said that the money is received.
    seller_paid: bool,
    /// Someone said that it is not paid.
    not_paid: bool,
}

/// A payment in a wallet's history.
#[derive(Clone, Debug)]
struct Row {
    tx: String,
    order: String,
    amount: u64,
    standing: String,
}

/// What a wallet said when it was asked.
#[derive(Debug, Default)]
struct Look {
    balance: Option<Value>,
    history: Vec<Row>,
}

/// Which of the two wallets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Side {
    Buyer,
    Seller,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Seller => "seller",
        }
    }
}

/// What goes on in the machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Place {
    /// Orders are paid.
    #[default]
    Load,
    /// Both wallets are looked at as the cut left them.
    Found,
    /// Both finish and settle.
    Settling,
    /// Both wallets are looked at when nothing is open any more.
    Settled,
}

/// How much a line means to whoever waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Weight {
    /// The seller was told that the money is received: only its own disk knows so far.
    Received,
    /// Someone was told something else that must last.
    Acknowledged,
    /// The machine has come to its next part.
    Progress,
    /// Anything else.
    Noise,
}

/// All that one disk's machines have said.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    facts: BTreeMap<String, Fact>,
    /// The orders begun, with their amounts.
    orders: BTreeMap<String, u64>,
    last_order: Option<u64>,
    charges_begun: u64,
    charges_done: u64,
    place: Place,
    looks: [Look; 2],
    /// Which of a wallet's answers come now: its balance, until that has ended.
    in_history: bool,
    audit: Option<Value>,
    last_error: String,
    /// How often a machine has said that it is recovered.
    recoveries: u64,
    problems: Vec<Problem>,
}

impl Ledger {
    /// Payments of which somebody was told that they are paid.
    pub(super) fn acknowledged(&self) -> u64 {
        self.facts.values().filter(|fact| fact.buyer_paid || fact.seller_paid).count() as u64
    }

    /// What the disk contradicts, so far.
    pub(super) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How often a machine came to the end of its recovery.
    pub(super) const fn recoveries(&self) -> u64 {
        self.recoveries
    }

    /// The order to go on with: the last one begun, once more, as a shop would.
    pub(super) fn next_order(&self) -> u64 {
        self.last_order.unwrap_or(1)
    }

    /// Notes something that only the one who watches the machine knows.
    pub(super) fn note(&mut self, kind: Kind, what: impl Into<String>) {
        self.problems.push(Problem { kind, what: what.into() });
    }

    /// Takes back what a machine was found to contradict that had no time to do better. Nothing is
    /// forgotten: the next one is held to all that was said.
    pub(super) fn forgive(&mut self, problems: usize) {
        self.problems.truncate(problems);
    }

    /// A machine starts: what the one before had not finished saying is forgotten.
    pub(super) fn power_on(&mut self) {
        self.place = Place::Load;
        self.looks = Default::default();
        self.in_history = false;
        self.audit = None;
    }

    /// Takes one line.
    pub(super) fn hear(&mut self, line: &str) -> Weight {
        let Some((who, said)) = line.split_once(' ') else { return Weight::Noise };
        match who {
            "G" => self.guest(said),
            "B" => self.program(Some(Side::Buyer), said),
            "S" => self.program(Some(Side::Seller), said),
            "O" => self.program(None, said),
            _ => Weight::Noise,
        }
    }

    fn guest(&mut self, said: &str) -> Weight {
        let words: Vec<&str> = said.split(' ').collect();
        match words.as_slice() {
            ["order", number, minor] => {
                self.last_order = number.parse().ok();
                self.orders.insert((*number).to_owned(), minor.parse().unwrap_or(0));
                // An order may be refused for ever.
                return Weight::Noise;
            }
            ["charge", _] => self.charges_begun += 1,
            ["look", "found"] => {
                self.place = Place::Found;
                self.looks = Default::default();
            }
            ["look", "settled"] => {
                self.place = Place::Settled;
                self.looks = Default::default();
            }
            ["recovered"] => {
                self.check_settled();
                self.place = Place::Load;
                self.recoveries += 1;
            }
            ["failed", ..] => self.note(Kind::Halted, format!("the machine {said}")),
            _ => {}
        }
        Weight::Progress
    }

    fn program(&mut self, side: Option<Side>, said: &str) -> Weight {
        if let Some(end) = said.strip_prefix("ended ") {
            let (command, code) = end.split_once(' ').unwrap_or((end, ""));
            return self.ended(side, command, code);
        }
        let Ok(line) = serde_json::from_str::<Value>(said) else { return Weight::Noise };
        if let Some(error) = line["error"].as_str() {
            error.clone_into(&mut self.last_error);
        }
        match (side, self.place) {
            (Some(side), Place::Found | Place::Settled) => {
                self.look(side, line);
                Weight::Noise
            }
            (Some(side), Place::Load | Place::Settling) => self.fact(side, &line),
            (None, _) => {
                if line.get("books_balance").is_some() {
                    self.audit = Some(line);
                }
                Weight::Noise
            }
        }
    }

    /// A command has come to its end.
    fn ended(&mut self, side: Option<Side>, command: &str, code: &str) -> Weight {
        let who = side.map_or("office", Side::name);
        let must_succeed =
            ["balance", "history", "sync", "resume", "settle", "audit"].contains(&command);
        if must_succeed && code != "0" {
            let what = format!("{who} {command} ended with {code}: {}", self.last_error);
            self.note(Kind::Halted, what);
        }
        let is_looked_at = matches!(self.place, Place::Found | Place::Settled);
        self.in_history = is_looked_at && command == "balance";
        match (command, code) {
            ("history", _) if side == Some(Side::Seller) && self.place == Place::Found => {
                self.check_found();
                self.place = Place::Settling;
                Weight::Progress
            }
            ("charge", "0") => {
                self.charges_done += 1;
                Weight::Acknowledged
            }
            ("sync" | "audit", "0") => Weight::Progress,
            _ => Weight::Noise,
        }
    }

    fn look(&mut self, side: Side, line: Value) {
        let in_history = self.in_history;
        let look = &mut self.looks[side as usize];
        // A balance names payments that are open; the history has them again.
        match (in_history, line.get("available").is_some()) {
            (false, true) => look.balance = Some(line),
            (false, false) => {}
            (true, _) => look.history.extend(row(&line)),
        }
    }

    /// What a wallet said while it paid, finished or settled.
    fn fact(&mut self, side: Side, line: &Value) -> Weight {
        let Some(tx) = line["tx"].as_str() else { return Weight::Noise };
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        let fact = self.facts.entry(tx.to_owned()).or_default();
        match (side, text("event"), text("outcome")) {
            (Side::Buyer, "held", _) => fact.held = true,
            (_, "outcome", _) if text("kind") == "paid" => fact.seller_paid = true,
            (_, "outcome", _) if text("kind") == "void" => fact.not_paid = true,
            (_, "not_paid", _) | (_, _, "not_paid") => fact.not_paid = true,
            (Side::Seller, "accepted", _) => {
                fact.seller_paid = true;
                return Weight::Received;
            }
            (Side::Seller, "acknowledged", _) | (Side::Seller, _, "paid") => {
                fact.seller_paid = true;
                return Weight::Acknowledged;
            }
            (Side::Buyer, "earlier", _) if text("what") == "paid" => fact.buyer_paid = true,
            (Side::Buyer, "paid", _) | (Side::Buyer, _, "paid") => {
                fact.buyer_paid = true;
                return Weight::Acknowledged;
            }
            _ => {}
        }
        Weight::Noise
    }
}

fn row(line: &Value) -> Option<Row> {
    Some(Row {
        tx: line["tx"].as_str()?.to_owned(),
        order: line["order_id"].as_str()?.to_owned(),
        amount: line["amount"].as_u64()?,
        standing: line["standing"].as_str()?.to_owned(),
    })
}

/// The payments of a history that are paid.
fn paid(history: &[Row]) -> BTreeSet<&str> {
    history.iter().filter(|row| row.standing == "paid").map(|row| row.tx.as_str()).collect()
}
