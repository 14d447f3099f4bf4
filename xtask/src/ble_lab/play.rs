//! Two people with the shipped program: how they start, what they say, and what they agree on.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::machine::Job;
use super::stage::{Person, Stage};

/// What every payment here moves, as it is typed and in minor units.
pub(super) const AMOUNT: &str = "7.35";
pub(super) const MINOR: u64 = 735;
/// How long programs are told to look for each other, in seconds.
const FOR: u64 = 180;
/// How long they go on when the air or a machine is cut under them.
pub(super) const FOR_CUT: u64 = 45;

/// One object of a program's lines: its event or its outcome is called `name`.
pub(super) fn says(line: &str, name: &str) -> Option<Value> {
    let line: Value = serde_json::from_str(line).ok()?;
    (line["event"] == name || line["outcome"] == name).then_some(line)
}

impl Job {
    /// Waits for an event, a question or an outcome.
    ///
    /// # Errors
    /// As [`Job::until`].
    pub(super) fn event(&mut self, name: &str) -> Result<(Instant, Value)> {
        let (at, line) = self.until(name, |line| says(line, name).is_some())?;
        Ok((at, says(&line, name).context("not that line")?))
    }

    /// When it said something first.
    pub(super) fn said(&self, name: &str) -> Option<Instant> {
        let mut said = self.lines.iter().filter(|(_, line)| says(line, name).is_some());
        said.next().map(|(at, _)| *at)
    }

    /// The outcome that it printed.
    pub(super) fn outcome(&self) -> Option<String> {
        let lines = self.lines.iter().rev();
        let values = lines.filter_map(|(_, line)| serde_json::from_str::<Value>(line).ok());
        let mut outcomes = values.filter_map(|it| it["outcome"].as_str().map(str::to_owned));
        outcomes.next()
    }
}

impl Stage {
    /// Starts a wallet's command that uses the link.
    ///
    /// # Errors
    /// If the machine is gone.
    pub(super) fn begin(&mut self, person: Person, command: &str) -> Result<Job> {
        let what =
            format!("exec onehop --json --wallet /data/wallet {command} --link ble --adapter hci0");
        self.machine(person.0)?.begin(&what)
    }

    /// A number for an order that nobody had.
    pub(super) fn order(&mut self) -> String {
        self.orders += 1;
        format!("order-{}", self.orders)
    }

    /// Both start without questions: buyer, then seller.
    ///
    /// # Errors
    /// If a machine is gone.
    pub(super) fn meet(
        &mut self,
        buyer: Person,
        seller: Person,
        order: &str,
        seconds: u64,
    ) -> Result<(Job, Job)> {
        let pay = format!("pay --to '{}' --max {AMOUNT} --yes --for {seconds}", seller.1);
        let paying = self.begin(buyer, &pay)?;
        let selling = self.sell(buyer, seller, order, seconds)?;
        Ok((paying, selling))
    }

    /// A seller that asks one buyer, without questions.
    ///
    /// # Errors
    /// If its machine is gone.
    pub(super) fn sell(
        &mut self,
        buyer: Person,
        seller: Person,
        order: &str,
        seconds: u64,
    ) -> Result<Job> {
        let what = format!("--order tea --order-id {order} --buyer '{}'", buyer.1);
        self.begin(seller, &format!("sell {AMOUNT} {what} --for {seconds}"))
    }

    /// One payment without questions, which must be paid.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn pay(&mut self, buyer: Person, seller: Person) -> Result<()> {
        let order = self.order();
        let (mut paying, mut selling) = self.meet(buyer, seller, &order, FOR)?;
        paying.event("paid")?;
        selling.event("paid")?;
        for (job, who) in [(&mut paying, "buyer"), (&mut selling, "seller")] {
            let code = job.end()?;
            ensure!(code == 0, "the {who} ended with {code}");
        }
        self.paid.push((buyer, seller, MINOR));
        Ok(())
    }

    /// After an interruption, both come back until nothing is unfinished, and agree on the order.
    ///
    /// # Errors
    /// If something stays unfinished, or they do not agree.
    pub(super) fn resume(&mut self, buyer: Person, seller: Person, order: &str) -> Result<bool> {
        let in_doubt = self.balance(buyer)?.in_doubt > 0;
        let owes = self.history(seller)?.iter().any(|payment| payment["state"] == "COMMITTED");
        let resume = format!("resume --for {FOR}");
        let mut company = None;
        let mut waited = Vec::new();
        // Where nothing is unfinished, `resume` ends at once: another command keeps company.
        if in_doubt {
            waited.push(self.begin(buyer, &resume)?);
        } else if owes {
            let pay = format!("pay --to '{}' --max 0.01 --yes --for {FOR}", seller.1);
            company = Some(self.begin(buyer, &pay)?);
        }
        if owes {
            waited.push(self.begin(seller, &resume)?);
        } else if in_doubt {
            let sell = format!("sell 1 --order x --buyer nobody --for {FOR}");
            company = Some(self.begin(seller, &sell)?);
        }
        for mut job in waited {
            let code = job.end()?;
            let outcome = job.outcome().unwrap_or_default();
            ensure!(code == 0 && outcome == "done", "resume ended with {code}: {}", job.last());
        }
        if let Some(mut company) = company {
            company.signal("TERM")?;
            company.end()?;
        }
        let standing = |payments: Vec<Value>| {
            let mut its = payments.into_iter().filter(|it| it["order_id"] == order);
            its.next().map(|it| it["standing"].as_str().unwrap_or_default().to_owned())
        };
        let bought = standing(self.history(buyer)?);
        let sold = standing(self.history(seller)?);
        let is_paid = |standing: &Option<String>| standing.as_deref() == Some("paid");
        ensure!(
            is_paid(&bought) == is_paid(&sold),
            "of {order}, the buyer has {bought:?} and the seller {sold:?}"
        );
        let figures = self.balance(buyer)?;
        ensure!((figures.held, figures.in_doubt) == (0, 0), "the buyer has {figures:?} left");
        if is_paid(&bought) {
            self.paid.push((buyer, seller, MINOR));
        }
        Ok(is_paid(&bought))
    }

    /// All payments of a wallet.
    ///
    /// # Errors
    /// If it cannot say.
    pub(super) fn history(&mut self, person: Person) -> Result<Vec<Value>> {
        let lines = self.wallet(person, "history --limit 100000")?;
        Ok(lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}
