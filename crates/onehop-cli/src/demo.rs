//! `onehop demo`: an office and two wallets as real processes, on this machine alone.
//!
//! The office is this program under another name. Each step is a process; each figure is what a
//! process printed, compared with what it must be.

mod process;
mod report;

use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::OFFICE;
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::nearby::block_on;
use crate::render::Screen;

use process::{Ended, Process, Surroundings};
use report::{Figures, Report};

/// The demonstration takes no longer, in milliseconds.
const MOST_MS: u64 = 60_000;
/// What the wallets charge, in minor units.
const CHARGED: (u64, u64) = (50_000, 10_000);
/// What the payments move, in minor units.
const PAID: (u64, u64) = (735, 1_250);

/// Runs the demonstration; ends everything it started on every path.
pub(crate) fn run(screen: Screen, args: &DemoArgs) -> Result<Exit> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&interrupted);
    let keep = args.keep;
    block_on(async move {
        let mut script = tokio::task::spawn_blocking(move || play(screen, keep, watched));
        tokio::select! {
            done = &mut script => return done.context("the demonstration failed")?,
            signal = crate::nearby::interruption() => signal?,
        }
        // The script notices, ends its processes and removes its folder.
        interrupted.store(true, Ordering::Release);
        script.await.context("the demonstration failed")?
    })
}

fn play(screen: Screen, keep: bool, interrupted: Arc<AtomicBool>) -> Result<Exit> {
    let began = Instant::now();
    let mut folder = tempfile::Builder::new()
        .prefix("onehop-demo-")
        .tempdir()
        .context("failed to make a temporary folder")?;
    folder.disable_cleanup(keep);
    let port = UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
    let port = port.context("failed to find a free port")?.port();
    let mut demo = Demo::new(folder.path(), Surroundings { interrupted, port }, screen);
    demo.play()?;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    demo.report.check_most("whole demonstration", took, MOST_MS, "ms");
    if keep {
        demo.report.say(&format!("kept in {}", folder.path().display()));
    }
    Ok(if demo.report.end() { Exit::Done } else { Exit::Machine })
}

struct Demo {
    around: Surroundings,
    report: Report,
    office: String,
    buyer: String,
    seller: String,
    folder: std::path::PathBuf,
}

impl Demo {
    fn new(folder: &Path, around: Surroundings, screen: Screen) -> Self {
        let inside = |name: &str| folder.join(name).display().to_string();
        Self {
            around,
            report: Report::new(screen),
            office: inside("office"),
            buyer: inside("asha"),
            seller: inside("bharat"),
            folder: folder.to_owned(),
        }
    }

    fn play(&mut self) -> Result<()> {
        self.report.part("1. an office, and two wallets that enrol and charge");
        self.office(&[
            "init",
            "--currency",
            "INR",
            "--profile",
            "rbi-2023",
            "--name",
            "demo office",
        ])?;
        let (office, address) = self.serve("127.0.0.1:0")?;
        self.enrol(&address)?;
        let mut asha = Figures { available: CHARGED.0, ..Figures::default() };
        let mut bharat = Figures { available: CHARGED.1, ..Figures::default() };
        self.figures("charged", asha, bharat)?;

        self.report.part("2. the office is stopped; a payment with no network");
        self.stop(office)?;
        let first = self.pay_offline()?;
        asha.available -= PAID.0;
        bharat.received_unsettled += PAID.0;
        self.figures("paid offline", asha, bharat)?;

        self.report.part("3. a second payment; the link is cut before the seller's COMMIT leaves");
        let second = self.pay_cut()?;
        asha.available -= PAID.1;
        asha.in_doubt = PAID.1;
        bharat.received_unsettled += PAID.1;
        self.figures("cut", asha, bharat)?;

        self.report.part("4. both resume: one outcome");
        self.resume(&second)?;
        asha.in_doubt = 0;
        self.figures("resumed", asha, bharat)?;

        self.report.part("5. the office is back; both settle");
        let (office, _) = self.serve(&address)?;
        self.settle()?;
        bharat.available += PAID.0 + PAID.1;
        bharat.received_unsettled = 0;
        self.figures("settled", asha, bharat)?;
        self.receipts(&[first, second])?;
        self.audit()?;
        self.stop(office)
    }

    fn office(&self, args: &[&str]) -> Result<Ended> {
        let head = [OFFICE, "--office", &self.office, "--json"];
        let all: Vec<&str> = head.iter().chain(args).copied().collect();
        let what = format!("money-office {}", args.first().copied().unwrap_or_default());
        let ended = self.around.run(&what, &all)?;
        ensure!(ended.code == Some(0), "{what} failed: {}", ended.last_words());
        Ok(ended)
    }

    fn serve(&self, listen: &str) -> Result<(Process, String)> {
        let args = [OFFICE, "--office", &self.office, "--json", "serve", "--listen", listen];
        let mut office = self.around.start("money-office serve", &args)?;
        let line = office.wait_for("it listened", |line| line.get("listening").is_some())?;
        let address = line.get("listening").and_then(Value::as_str).unwrap_or_default();
        self.report.say(&format!("money-office serves on {address}"));
        Ok((office, address.to_owned()))
    }

    fn stop(&mut self, mut office: Process) -> Result<()> {
        office.terminate()?;
        let ended = office.finish()?;
        self.report.say("money-office is stopped");
        self.code("money-office serve, stopped", &ended, 0);
        Ok(())
    }

    fn wallet(&self, dir: &str, args: &[&str]) -> Result<Ended> {
        let what = format!("onehop {}", args.first().copied().unwrap_or_default());
        self.around.run(&what, &whole(dir, args))
    }

    fn start(&self, dir: &str, args: &[&str]) -> Result<Process> {
        let what = format!("onehop {}", args.first().copied().unwrap_or_default());
        self.around.start(&what, &whole(dir, args))
    }

    fn code(&mut self, name: &str, ended: &Ended, expected: i32) {
        let name = format!("exit code of {name}");
        self.report.check(&name, (&json!(ended.code), &json!(expected)), ("code", "process"));
        if ended.code != Some(expected) {
            self.report.say(&format!("it said: {}", ended.last_words()));
        }
    }

    fn enrol(&mut self, address: &str) -> Result<()> {
        let url = format!("http://{address}");
        let wallets =
            [(self.buyer.clone(), "asha", "500.00"), (self.seller.clone(), "bharat", "100.00")];
        for (dir, name, amount) in wallets {
            let ended =
                self.wallet(&dir, &["init", "--office", &url, "--name", name, "--no-pin"])?;
            self.code(&format!("onehop init, {name}"), &ended, 0);
            let ended = self.wallet(&dir, &["charge", amount])?;
            self.code(&format!("onehop charge, {name}"), &ended, 0);
            self.report.say(&format!("{name} is enrolled and charges {amount} INR"));
        }
        Ok(())
    }

    fn figures(&mut self, stage: &str, asha: Figures, bharat: Figures) -> Result<()> {
        self.report.figures_head();
        for (name, expected) in [("asha", asha), ("bharat", bharat)] {
            let dir = if name == "asha" { &self.buyer } else { &self.seller };
            let ended = self.wallet(dir, &["balance"])?;
            self.report.figures(stage, name, &ended, expected);
        }
        Ok(())
    }

    /// Both sides of a payment, started; the buyer asks nobody.
    fn meet(&self, amount: &str, order: &str, seller: &[&str]) -> Result<(Process, Process)> {
        let sell = ["sell", amount, "--order", order, "--buyer", "asha", "--trace"];
        let sell: Vec<&str> = sell.iter().chain(seller).copied().collect();
        let pay = ["pay", "--to", "bharat", "--max", amount, "--yes", "--trace"];
        Ok((self.start(&self.seller, &sell)?, self.start(&self.buyer, &pay)?))
    }

    fn pay_offline(&mut self) -> Result<String> {
        let ended = self.wallet(&self.buyer, &["sync"])?;
        self.code("onehop sync, the office stopped", &ended, 5);
        let (seller, buyer) = self.meet("7.35", "two teas", &[])?;
        let (buyer, seller) = (buyer.finish()?, seller.finish()?);
        self.report.sequence("first", [("asha", "bharat", &buyer), ("bharat", "asha", &seller)]);
        self.code("onehop pay, first", &buyer, 0);
        self.code("onehop sell, first", &seller, 0);
        self.same_payment("first", &buyer, &seller);
        Ok(tx(&buyer))
    }

    fn pay_cut(&mut self) -> Result<String> {
        let (mut seller, mut buyer) = self.meet("12.50", "lunch", &["--step"])?;
        let step = |line: &Value| line.get("step").is_some();
        let lost = loop {
            let line = seller.wait_for("its COMMIT", step)?;
            if line.get("name").and_then(Value::as_str) == Some("COMMIT") {
                seller.type_line("cut")?;
                break line;
            }
            seller.type_line("")?;
        };
        // Nothing leaves the seller any more, whoever comes back.
        seller.end_typing();
        buyer.wait_for("it lost the link", |line| {
            line.get("event").and_then(Value::as_str) == Some("lost")
        })?;
        buyer.terminate()?;
        let buyer = buyer.finish()?;
        seller.terminate()?;
        let mut seller = seller.finish()?;
        mark_cut(&mut seller, &lost);
        self.report.sequence("second", [("asha", "bharat", &buyer), ("bharat", "asha", &seller)]);
        self.code("onehop pay, cut", &buyer, 4);
        self.code("onehop sell, cut", &seller, 0);
        self.outcome("asha, cut", &buyer, "in_doubt");
        self.outcome("bharat, cut", &seller, "paid");
        self.same_payment("second", &buyer, &seller);
        self.report.say("asha: in doubt, do not pay again; bharat: paid, not acknowledged");
        Ok(tx(&buyer))
    }

    fn resume(&mut self, payment: &str) -> Result<()> {
        let seller = self.start(&self.seller, &["resume", "--trace", "--for", "15"])?;
        let buyer = self.start(&self.buyer, &["resume", "--trace", "--for", "15"])?;
        let (buyer, seller) = (buyer.finish()?, seller.finish()?);
        self.report.sequence("resumed", [("asha", "bharat", &buyer), ("bharat", "asha", &seller)]);
        for (name, ended) in [("asha", &buyer), ("bharat", &seller)] {
            self.code(&format!("onehop resume, {name}"), ended, 0);
            let of_payment = |line: &&Value| {
                line.get("tx").and_then(Value::as_str) == Some(payment)
                    && line.get("outcome").is_some()
            };
            let outcome = ended.printed.iter().rev().find(of_payment);
            let outcome = outcome.and_then(|line| line.get("outcome")).cloned().unwrap_or_default();
            let name = format!("outcome of the second payment, {name}");
            self.report.check(&name, (&outcome, &json!("paid")), ("outcome", "onehop resume"));
        }
        Ok(())
    }

    /// The seller's proceeds need the buyer's purse closed: the seller comes twice.
    fn settle(&mut self) -> Result<()> {
        for (name, dir) in [
            ("bharat", self.seller.clone()),
            ("asha", self.buyer.clone()),
            ("bharat", self.seller.clone()),
        ] {
            let ended = self.wallet(&dir, &["sync"])?;
            self.code(&format!("onehop sync, {name}"), &ended, 0);
            self.report.say(&format!("{name} syncs"));
        }
        Ok(())
    }

    /// The buyer's evidence, checked by somebody who has no wallet.
    fn receipts(&mut self, payments: &[String]) -> Result<()> {
        let info = self.folder.join("office.info").display().to_string();
        self.office(&["info", "--out", &info])?;
        let nowhere = self.folder.join("nobody").display().to_string();
        for (at, payment) in payments.iter().enumerate() {
            let file = self.folder.join(format!("receipt-{at}")).display().to_string();
            let saved = self.wallet(&self.buyer, &["receipt", "save", payment, &file])?;
            self.code("onehop receipt save", &saved, 0);
            let checked =
                self.wallet(&nowhere, &["receipt", "verify", &file, "--office", &info])?;
            self.code("onehop receipt verify", &checked, 0);
            let standing = checked.printed("standing").and_then(|line| line.get("standing"));
            let standing = standing.cloned().unwrap_or_default();
            let with = ("standing", "onehop receipt verify");
            self.report.check("receipt", (&standing, &json!("paid")), with);
        }
        self.report.say("both receipts hold, with the office's root key alone");
        Ok(())
    }

    fn audit(&mut self) -> Result<()> {
        self.office(&["settle"])?;
        let audit = self.office(&["audit"])?;
        let found = audit.printed("books_balance").cloned().unwrap_or_default();
        let how = "money-office audit, from the signed evidence alone";
        let expected = [
            ("books_balance", json!(true), "yes or no"),
            ("purses", json!(CHARGED.0 + CHARGED.1), "minor units"),
            ("suspense", json!(0), "minor units"),
            ("missing", json!(0), "minor units"),
        ];
        for (name, limit, unit) in expected {
            let value = found.get(name).cloned().unwrap_or_default();
            self.report.check(&format!("office {name}"), (&value, &limit), (unit, how));
        }
        if found.get("books_balance") == Some(&json!(true)) {
            self.report.say("books balance");
        }
        Ok(())
    }

    fn outcome(&mut self, name: &str, ended: &Ended, expected: &str) {
        let outcome = ended.printed("outcome").and_then(|line| line.get("outcome")).cloned();
        let with = ("outcome", "process");
        let name = format!("outcome, {name}");
        self.report.check(&name, (&outcome.unwrap_or_default(), &json!(expected)), with);
    }

    fn same_payment(&mut self, name: &str, buyer: &Ended, seller: &Ended) {
        let name = format!("id of the {name} payment on both sides");
        let ids = (&json!(tx(buyer)), &json!(tx(seller)));
        self.report.check(&name, ids, ("payment id", "process"));
    }
}

fn whole<'a>(dir: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    ["--wallet", dir, "--json"].iter().chain(args).copied().collect()
}

fn tx(ended: &Ended) -> String {
    let line = ended.printed("outcome").and_then(|line| line.get("tx")).and_then(Value::as_str);
    line.unwrap_or_default().to_owned()
}

/// Of the steps only the one that was cut is shown.
fn mark_cut(seller: &mut Ended, lost: &Value) {
    let mut cut = lost.clone();
    if let Some(object) = cut.as_object_mut() {
        object.insert("cut".to_owned(), true.into());
    }
    seller.complained.push(cut);
}
