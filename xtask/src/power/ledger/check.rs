//! The disk after a cut against what was said before it.

use std::collections::BTreeMap;

use super::{CHARGE, CHARGED_FIRST, Kind, Ledger, Look, Row, Side, paid};

const SIDES: [Side; 2] = [Side::Buyer, Side::Seller];

impl Ledger {
    /// As the cut left both wallets: what each said is there, and what it said to the other.
    pub(super) fn check_found(&mut self) {
        self.check_twice("found");
        for (tx, fact) in self.facts.clone() {
            // Who agreed to pay had it on disk before it said so, whoever heard of it.
            let buyer_knows = fact.held || fact.buyer_paid || fact.seller_paid;
            if buyer_knows && self.standing(Side::Buyer, &tx).is_none() {
                self.note(Kind::Lost, format!("the buyer has not found {tx}"));
            } else if fact.buyer_paid && self.standing(Side::Buyer, &tx) != Some("paid") {
                self.note(Kind::Lost, format!("the buyer has not found {tx} paid"));
            }
            if fact.seller_paid && self.standing(Side::Seller, &tx) != Some("paid") {
                self.note(Kind::Lost, format!("the seller has not found {tx} paid"));
            }
        }
    }

    /// Once nothing is open: both have the same payments, and the sums are exact.
    pub(super) fn check_settled(&mut self) {
        self.check_twice("settled");
        for (tx, fact) in self.facts.clone() {
            for side in SIDES {
                let is_paid = self.standing(side, &tx) == Some("paid");
                let name = side.name();
                if (fact.buyer_paid || fact.seller_paid) && !is_paid {
                    self.note(Kind::Lost, format!("the {name} has not settled {tx} as paid"));
                }
                if fact.not_paid && is_paid {
                    self.note(Kind::Wrong, format!("the {name} has {tx} paid, said not paid"));
                }
            }
        }
        self.check_agreement();
        self.check_books();
    }

    fn standing(&self, side: Side, tx: &str) -> Option<&str> {
        let mut rows = self.looks[side as usize].history.iter();
        rows.find(|row| row.tx == tx).map(|row| row.standing.as_str())
    }

    /// No payment is in a history twice, and no order is paid twice.
    fn check_twice(&mut self, when: &str) {
        let mut problems = Vec::new();
        for side in SIDES {
            let history = &self.looks[side as usize].history;
            for tx in repeated(history.iter().map(|row| row.tx.as_str())) {
                problems.push(format!("the {} has {when} {tx} twice", side.name()));
            }
            let is_paid = |row: &&Row| row.standing == "paid";
            for order in repeated(history.iter().filter(is_paid).map(|row| row.order.as_str())) {
                problems.push(format!("the {} has {when} order {order} paid twice", side.name()));
            }
        }
        problems.into_iter().for_each(|what| self.note(Kind::Doubled, what));
    }

    fn check_agreement(&mut self) {
        let [buyer, seller] = &self.looks;
        let mut problems = Vec::new();
        let (given, taken) = (paid(&buyer.history), paid(&seller.history));
        for tx in given.symmetric_difference(&taken) {
            problems.push(format!("{tx} is paid for one side only"));
        }
        for row in buyer.history.iter().chain(&seller.history) {
            if self.orders.get(&row.order) != Some(&row.amount) {
                problems.push(format!("order {} is of {} in {}", row.order, row.amount, row.tx));
            }
        }
        problems.into_iter().for_each(|what| self.note(Kind::Wrong, what));
    }

    fn check_books(&mut self) {
        let Some(audit) = self.audit.take() else {
            return self.note(Kind::Halted, "the office has not audited its books");
        };
        let none = |name: &str| audit[name].as_array().is_some_and(Vec::is_empty);
        let zero = |name: &str| audit[name] == 0;
        if audit["books_balance"] != true
            || !none("differences")
            || !none("faults")
            || !zero("missing")
            || !zero("suspense")
        {
            self.note(Kind::Wrong, format!("the audit found {audit}"));
        }
        let purses = audit["purses"].as_u64().unwrap_or_default();
        let least = CHARGED_FIRST + self.charges_done * CHARGE;
        let most = CHARGED_FIRST + self.charges_begun * CHARGE;
        if purses < least {
            self.note(Kind::Lost, format!("purses hold {purses}, and {least} were charged"));
        } else if purses > most {
            self.note(Kind::Doubled, format!("purses hold {purses}, and {most} were charged"));
        } else {
            // What was charged without an answer is known from now on.
            self.charges_done = purses.saturating_sub(CHARGED_FIRST) / CHARGE;
            self.charges_begun = self.charges_done;
        }
        let taken: u64 = sum(&self.looks[Side::Seller as usize]);
        let expected = [purses.saturating_sub(taken), taken];
        for (side, available) in SIDES.into_iter().zip(expected) {
            self.check_balance(side, available);
        }
    }

    fn check_balance(&mut self, side: Side, available: u64) {
        let name = side.name();
        let Some(balance) = self.looks[side as usize].balance.take() else {
            return self.note(Kind::Halted, format!("the {name} has shown no balance"));
        };
        let expected =
            [("available", available), ("held", 0), ("in_doubt", 0), ("received_unsettled", 0)];
        for (figure, expected) in expected {
            if balance[figure] != expected {
                let what = format!("the {name}'s {figure} is {}, not {expected}", balance[figure]);
                self.note(Kind::Wrong, what);
            }
        }
    }
}

fn sum(look: &Look) -> u64 {
    look.history.iter().filter(|row| row.standing == "paid").map(|row| row.amount).sum()
}

fn repeated<'a>(items: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(item, _)| item.to_owned()).collect()
}
