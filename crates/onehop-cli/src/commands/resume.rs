//! `onehop resume`: payments that were interrupted come to their end.

use std::time::Duration;

use anyhow::Result;
use onehop_proto::{Direction, Event, PaymentView, PeerId, Standing};
use onehop_wire::{Currency, TxId, WalletId};
use serde_json::json;
use tokio::time::Instant;

use crate::args::{Global, ResumeArgs};
use crate::commands::{show, sync};
use crate::exit::Exit;
use crate::folder::{self, Home};
use crate::nearby::{Heard, Nearby, block_on};
use crate::render::Screen;
use crate::words;

struct Resumption<'a> {
    nearby: &'a mut Nearby,
    currency: Currency,
    left: Vec<PaymentView>,
}

/// `onehop resume`: both found by sellers and looking for buyers, until nothing is unfinished. Over
/// Bluetooth only what is needed: two devices that each connect to the other have one connection, and
/// whoever ends it ends it for both.
pub(crate) fn run(screen: Screen, global: &Global, args: &ResumeArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    let currency = home.currency()?;
    let left = unfinished(&home);
    if left.is_empty() {
        let json = json!({ "outcome": "done", "left": 0 });
        screen.result("nothing is unfinished", &json);
        return Ok(Exit::Done);
    }
    if args.office {
        return with_office(screen, home);
    }
    for payment in &left {
        let (tx, what) = (payment.tx.short(), what(payment));
        let text = format!("{what}: {tx} of {} with {:?}", payment.amount, payment.name);
        screen.progress("unfinished", text, &words::payment_json(payment));
    }
    block_on(async {
        let is_owed_by = |direction| left.iter().any(|payment| payment.direction == direction);
        let (buys, sells) = (is_owed_by(Direction::Out), is_owed_by(Direction::In));
        let mut nearby = Nearby::start(home.keeper, &args.link, screen, sells).await?;
        let within = Duration::from_secs(u64::from(args.seconds));
        let both = !nearby.is_over_bluetooth();
        if both || sells {
            nearby.handle.sell().await?;
        }
        if both || buys {
            nearby.handle.buy(within).await?;
        }
        let until = Instant::now() + within;
        let mut resumption = Resumption { nearby: &mut nearby, currency, left };
        let end = resumption.run(until).await;
        let left = resumption.left;
        let stopped = nearby.stop().await;
        // If the node failed, all else did because of it.
        stopped?;
        end?;
        Ok(finish(screen, &left))
    })
}

pub(crate) fn unfinished(home: &Home) -> Vec<PaymentView> {
    home.keeper.wallet().state().payments().filter(words::is_unfinished).collect()
}

const fn what(payment: &PaymentView) -> &'static str {
    match payment.direction {
        Direction::Out => "in doubt",
        Direction::In => "unacknowledged",
    }
}

/// An unacknowledged payment is paid all the same; only what is in doubt makes the exit code.
fn finish(screen: Screen, left: &[PaymentView]) -> Exit {
    let in_doubt = left.iter().filter(|it| it.standing == Standing::InDoubt).count();
    let unacknowledged = left.len().saturating_sub(in_doubt);
    let json = json!({
        "outcome": if in_doubt == 0 { "done" } else { "in_doubt" },
        "in_doubt": in_doubt,
        "unacknowledged": unacknowledged,
    });
    if left.is_empty() {
        screen.result("nothing is unfinished any more", &json);
        return Exit::Done;
    }
    let text = format!("still unfinished: {in_doubt} in doubt, {unacknowledged} unacknowledged");
    screen.result(text, &json);
    if in_doubt == 0 { Exit::Done } else { Exit::InDoubt }
}

impl Resumption<'_> {
    async fn run(&mut self, until: Instant) -> Result<()> {
        while !self.left.is_empty() {
            match self.nearby.hear(until, false, "looking for the other wallet").await {
                Heard::Event(event) => self.on_event(event).await?,
                Heard::Line(_) => {}
                Heard::TimeUp | Heard::Interrupted | Heard::Ended => break,
            }
        }
        Ok(())
    }

    async fn on_event(&mut self, event: Event) -> Result<()> {
        match event {
            Event::SessionOpen { peer, wallet, name, .. } => {
                self.on_session(peer, &wallet, &name).await?;
            }
            Event::Paid { tx } => self.done(tx, "paid", "paid"),
            Event::Acknowledged { tx } => self.done(tx, "paid", "paid and acknowledged"),
            Event::NotPaid { tx, why } => {
                let words = words::not_paid(why, self.currency);
                self.done(tx, "not_paid", &format!("not paid: {words}"));
            }
            Event::AskOffice { tx } => {
                let json = json!({ "tx": tx.to_string() });
                let text = format!(
                    "payment {}: the seller cannot say; run onehop resume --office",
                    tx.short()
                );
                self.nearby.screen.progress("ask_office", text, &json);
            }
            // Nothing new is paid here.
            Event::Asked { tx, .. } => self.nearby.handle.refuse(tx).await?,
            Event::PeerFault { fault, .. } => self.nearby.tell_fault(fault),
            news @ (Event::RevocationsNews { .. } | Event::ForkNews { .. }) => {
                self.nearby.tell_news(&news);
            }
            Event::SellerFound { .. }
            | Event::SessionClosed { .. }
            | Event::AskedNoMore { .. }
            | Event::Prepared { .. }
            | Event::Accepted { .. }
            | Event::Reversed { .. } => {}
        }
        Ok(())
    }

    /// Who has nothing unfinished with this wallet waits for nothing here.
    async fn on_session(&mut self, peer: PeerId, wallet: &WalletId, name: &str) -> Result<()> {
        if !self.left.iter().any(|payment| payment.other == *wallet) {
            self.nearby.handle.hang_up(peer).await?;
            return Ok(());
        }
        let json = json!({ "name": name });
        self.nearby.screen.progress("session", format!("in session with {name:?}"), &json);
        Ok(())
    }

    fn done(&mut self, tx: TxId, outcome: &str, text: &str) {
        self.left.retain(|payment| payment.tx != tx);
        let json = json!({ "outcome": outcome, "tx": tx.to_string() });
        self.nearby.screen.result(format!("payment {}: {text}", tx.short()), &json);
    }
}

/// Asks the office about each payment in doubt, and says how things stand.
fn with_office(screen: Screen, mut home: Home) -> Result<Exit> {
    ask_office(screen, &mut home)?;
    show::figures(screen, &home)?;
    Ok(finish(screen, &unfinished(&home)))
}

/// Takes the office's answer about each payment in doubt.
pub(crate) fn ask_office(screen: Screen, home: &mut Home) -> Result<()> {
    let office = home.office()?;
    sync::meet(screen, home, &office)?;
    let in_doubt: Vec<TxId> = unfinished(home)
        .iter()
        .filter(|payment| payment.standing == Standing::InDoubt)
        .map(|payment| payment.tx)
        .collect();
    let work = screen.work();
    for (done, tx) in in_doubt.iter().enumerate() {
        work.at("asking what became of payments", done, in_doubt.len());
        let (request, _) = home.run(|wallet, _| wallet.resolve(tx))?;
        let verdict = office.resolve(&request)?;
        sync::take_verdicts(screen, home, std::slice::from_ref(&verdict))?;
    }
    Ok(())
}
