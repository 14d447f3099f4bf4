//! A buyer and a seller that go through many interrupted payments, and count.

use crate::bench::{Bench, Figures, Office};
use crate::process::{Ended, Running};

/// What each payment moves, in minor units.
const AMOUNT: u64 = 735;
/// What the buyer charges, in minor units: more than all payments together.
pub(crate) const CHARGED: u64 = 50_000;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Buyer,
    Seller,
}

#[derive(Debug)]
pub(crate) struct Pair {
    bench: Bench,
    pub(crate) buyer: String,
    pub(crate) seller: String,
    /// Payments that happened.
    paid: u64,
    /// Those of them that the office has settled.
    settled: u64,
}

impl Pair {
    /// Two new wallets, which meet where nobody else does.
    pub(crate) fn new(bench: &Bench, office: &Office, name: &str) -> Self {
        let (buyer, seller) = (format!("{name} gives"), format!("{name} takes"));
        bench.enrol(&buyer, office, "500");
        bench.enrol(&seller, office, "");
        Self { bench: bench.lane(), buyer, seller, paid: 0, settled: 0 }
    }

    /// Both start; one waits before each act. The buyer listens before the seller speaks.
    pub(crate) fn meet(&self, order: &str, steps: Side) -> (Running, Running) {
        self.meet_with(order, steps, "--step")
    }

    /// As [`Self::meet`], with one side told `how`.
    pub(crate) fn meet_with(&self, order: &str, side: Side, how: &str) -> (Running, Running) {
        let told = side;
        let step = |side: Side| (told == side).then_some(how);
        let pay = ["pay", "--to", &self.seller, "--max", "7.35", "--yes"];
        let pay: Vec<&str> = pay.into_iter().chain(step(Side::Buyer)).collect();
        let mut buyer = self.bench.start_wallet(&self.buyer, &pay);
        buyer.event("listening");
        let order = ["--order", "tea", "--order-id", order, "--buyer", &self.buyer];
        let sell = ["sell", "7.35"].into_iter().chain(order).chain(step(Side::Seller));
        (buyer, self.bench.start_wallet(&self.seller, &sell.collect::<Vec<_>>()))
    }

    /// `onehop` with the wallet of one side, where the two meet.
    pub(crate) fn start(&self, side: Side, args: &[&str]) -> Running {
        let name = if side == Side::Buyer { &self.buyer } else { &self.seller };
        self.bench.start_wallet(name, args)
    }

    /// Both come back, with the other nearby, until nothing is unfinished. Says whether the last
    /// payment was paid, which both count alike, and which the ends of both do not contradict.
    #[track_caller]
    pub(crate) fn resume(&mut self, ends: [Ended; 2]) -> bool {
        let is_in_doubt = self.bench.figures(&self.buyer).in_doubt > 0;
        let mut payments = self.bench.history(&self.seller).into_values();
        let is_unacknowledged = payments.any(|payment| payment["state"] == "COMMITTED");
        let resume = &["resume"][..];
        // `resume` ends at once where nothing is unfinished: then another command keeps company.
        let meet = ["pay", "--to", &self.seller, "--max", "0.01", "--yes"];
        let (buyer, seller) = match (is_in_doubt, is_unacknowledged) {
            (true, false) => (resume, &["sell", "1", "--order", "x", "--buyer", "nobody"][..]),
            (false, true) => (&meet[..], resume),
            (true, true) | (false, false) => (resume, resume),
        };
        let processes = [(&self.buyer, buyer), (&self.seller, seller)];
        let processes = processes.map(|(name, args)| (args, self.bench.start_wallet(name, args)));
        let (waited, company): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|(args, _)| *args == resume);
        for (_, process) in waited {
            process.finish().came_to(0, "done");
        }
        drop(company);
        let paid = self.bench.figures(&self.seller).received_unsettled;
        let was_paid = paid == (self.paid + 1 - self.settled) * AMOUNT;
        self.paid += u64::from(was_paid);
        self.check();
        for ended in ends {
            keeps_its_word(&ended, was_paid);
        }
        was_paid
    }

    /// The last payment was paid without an interruption.
    #[track_caller]
    pub(crate) fn count(&mut self) {
        self.paid += 1;
        self.check();
    }

    /// Both settle with the office.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        for name in [&self.seller, &self.buyer, &self.seller] {
            self.bench.wallet(name, &["sync"]).done();
        }
        self.settled();
    }

    /// Both have settled with the office: all that was paid is in the seller's purse.
    #[track_caller]
    pub(crate) fn settled(&mut self) {
        self.settled = self.paid;
        self.check();
    }

    /// What both can spend.
    pub(crate) fn available(&self) -> u64 {
        [&self.buyer, &self.seller].map(|name| self.bench.figures(name).available).iter().sum()
    }

    /// Both count the same payments, exactly, and nothing is held or in doubt.
    #[track_caller]
    fn check(&self) {
        let (given, none) = (self.paid * AMOUNT, Figures::default());
        let available = self.settled * AMOUNT;
        let found = [&self.buyer, &self.seller].map(|name| self.bench.figures(name));
        let buyer = Figures { available: CHARGED - given, ..none };
        let seller = Figures { available, received_unsettled: given - available, ..none };
        assert_eq!(found, [buyer, seller]);
    }
}

/// Lets a process do `acts`, and says which comes next; `None` if it ends before.
#[track_caller]
pub(crate) fn go_on(process: &mut Running, acts: usize) -> Option<String> {
    for _ in 0..acts {
        process.step()?;
        process.say("");
    }
    let step = process.step()?;
    let what = [&step["records"], &step["name"]].into_iter().find(|what| !what.is_null());
    let what = what.map(|what| format!(" {what}")).unwrap_or_default();
    Some(format!("{}{what}", step["step"].as_str().unwrap()))
}

/// What a process said before its end holds.
#[track_caller]
fn keeps_its_word(ended: &Ended, was_paid: bool) {
    match ended.outcome() {
        Some("paid") => assert!(was_paid, "{ended:?}"),
        Some("not_paid") => assert!(!was_paid, "{ended:?}"),
        Some(_) | None => {}
    }
    let is_accepted = ended.out.iter().any(|line| line["event"] == "accepted");
    assert!(was_paid || !is_accepted, "{ended:?}");
}
