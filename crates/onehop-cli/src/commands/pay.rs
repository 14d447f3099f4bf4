//! `onehop pay`: buyer mode, for a while.

use std::time::Duration;

use anyhow::Result;
use onehop_node::CommandError;
use onehop_proto::{Event, NotPaid, PeerId, Refusal, Terms};
use onehop_vault::{Pin, VaultError};
use onehop_wire::{Currency, Money, TxId, WalletId};
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::amount;
use crate::args::{Global, PayArgs};
use crate::exit::Exit;
use crate::folder::{self, Home};
use crate::nearby::{Heard, Nearby, block_on};
use crate::notes::{self, Notes};
use crate::pin::{self, Quiet, Recheck};
use crate::render::Screen;
use crate::words;

/// How long a decision is waited for once the money is held, at least.
const DECISION: Duration = Duration::from_secs(30);

/// A seller that proved who it is.
#[derive(Debug)]
struct Seller {
    peer: PeerId,
    name: String,
    /// What the person notes about it.
    note: Option<String>,
}

/// Where the payment stands.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Stage {
    /// The person chooses a seller.
    Choosing,
    /// A seller knows who we are.
    Introduced(PeerId),
    /// The person is asked to pay.
    Asked { tx: TxId, peer: PeerId },
    /// The person said yes and is asked for the PIN.
    PinAsked { tx: TxId, peer: PeerId },
    /// The answer was no; the wallet says so in a moment.
    Declined(TxId),
    /// The answer was yes.
    Prepared(TxId),
}

struct Purchase<'a> {
    nearby: &'a mut Nearby,
    args: &'a PayArgs,
    max: Option<Money>,
    currency: Currency,
    recheck: Option<Recheck>,
    /// While the PIN is typed.
    quiet: Option<Quiet>,
    sellers: Vec<Seller>,
    notes: Notes,
    /// Payments that were in doubt before this one.
    earlier: Vec<TxId>,
    /// What was asked for last, and by whom.
    asked: Option<(Money, String)>,
    stage: Stage,
    until: Instant,
}

/// `onehop pay`.
pub(crate) fn run(screen: Screen, global: &Global, args: PayArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    let currency = home.currency()?;
    let max = args.max.as_deref().map(|text| amount::parse(text, currency)).transpose()?;
    check_purse(&home)?;
    let recheck = Recheck::of(global, &home.dir, home.settings.pin_above)?;
    let payments = home.keeper.wallet().state().payments();
    let earlier: Vec<TxId> =
        payments.filter(words::is_unfinished).map(|payment| payment.tx).collect();
    block_on(async {
        let mut nearby = Nearby::start(home.keeper, &args.link, screen, false).await?;
        // The wallet goes on listening while a decision is waited for.
        let within = Duration::from_secs(u64::from(args.seconds));
        nearby.handle.buy(within + DECISION).await?;
        let json = json!({ "seconds": args.seconds });
        screen.progress("listening", format!("found by sellers for {} s", args.seconds), &json);
        let mut purchase = Purchase {
            nearby: &mut nearby,
            args: &args,
            max,
            currency,
            recheck,
            quiet: None,
            sellers: Vec::new(),
            notes: home.settings.notes,
            earlier,
            asked: None,
            stage: Stage::Choosing,
            until: Instant::now() + within,
        };
        let end = purchase.run().await;
        let stopped = nearby.stop().await;
        // If the node failed, all else did because of it.
        stopped?;
        end
    })
}

/// What would refuse every payment is said before anybody is looked for.
pub(crate) fn check_purse(home: &Home) -> Result<()> {
    let state = home.keeper.wallet().state();
    if state.is_frozen() {
        return Err(Refusal::Frozen.into());
    }
    if home.unanswered().is_some() {
        return Err(Refusal::Closed.into());
    }
    Ok(())
}

/// What a seller asks for, in a sentence.
fn what(
    payee: &str,
    note: Option<&str>,
    terms: &Terms,
    first: Option<Money>,
    short_code: &str,
) -> String {
    let (amount, order, note) = (terms.amount, &terms.order, notes::beside(note));
    match (terms.refund_of, first) {
        (Some(of), Some(first)) => format!(
            "{payee:?}{note} asks back {amount} of {first} you received (payment {}) for {order:?} (code \
             {short_code})",
            of.short()
        ),
        (Some(_) | None, _) => {
            format!("{payee:?}{note} asks for {amount} for {order:?} (code {short_code})")
        }
    }
}

impl Purchase<'_> {
    async fn run(&mut self) -> Result<Exit> {
        loop {
            let (asking, waiting) = match self.stage {
                Stage::Choosing => (self.args.to.is_none(), "waiting for a seller"),
                Stage::Introduced(_) => (false, "waiting to be asked"),
                Stage::Asked { .. } => (true, "pay? y/n"),
                Stage::PinAsked { .. } => (true, "PIN"),
                Stage::Declined(_) => (false, "declining"),
                Stage::Prepared(_) => (false, "waiting for the seller's decision"),
            };
            let end = match self.nearby.hear(self.until, asking, waiting).await {
                Heard::Event(event) => self.on_event(event).await?,
                Heard::Line(line) => self.on_line(line).await?,
                Heard::TimeUp => Some(self.end("in time").await?),
                Heard::Interrupted | Heard::Ended => Some(self.end("before the end").await?),
            };
            if let Some(exit) = end {
                return Ok(exit);
            }
        }
    }

    async fn on_event(&mut self, event: Event) -> Result<Option<Exit>> {
        match event {
            Event::SellerFound { peer, wallet, name } => {
                self.on_seller(peer, &wallet, name).await?;
            }
            Event::SessionOpen { peer, name, short_code, .. } => {
                let text = format!("{name:?} knows who we are, code {short_code} on both screens");
                let json = json!({ "name": name, "code": short_code });
                self.nearby.screen.progress("session", text, &json);
                if self.stage == Stage::Choosing && self.earlier.is_empty() {
                    self.stage = Stage::Introduced(peer);
                }
            }
            Event::SessionClosed { peer } => return Ok(self.on_closed(peer)),
            Event::Asked { tx, peer, payee, terms, short_code, in_doubt_with_payee, first } => {
                let what = what(&payee, self.note_of(peer), &terms, first, &short_code);
                self.on_asked((tx, peer), &payee, &terms, &what, &short_code, in_doubt_with_payee)
                    .await?;
            }
            Event::AskedNoMore { tx, why } if self.is_asked(tx) => {
                return Ok(Some(self.not_paid(Some(tx), why)));
            }
            Event::Prepared { tx } => {
                let json = json!({ "tx": tx.to_string() });
                self.nearby.screen.progress("held", "the money is held", &json);
            }
            Event::Paid { tx } => return Ok(self.on_paid(tx)),
            Event::NotPaid { tx, why } => {
                if !self.earlier.contains(&tx) {
                    return Ok(Some(self.not_paid(Some(tx), why)));
                }
                let words = words::not_paid(why, self.currency);
                self.earlier(tx, &format!("not paid: {words}"));
            }
            Event::AskOffice { tx } => {
                self.earlier(tx, "the seller cannot say; run onehop resume --office");
            }
            Event::PeerFault { fault, .. } => self.nearby.tell_fault(fault),
            news @ (Event::RevocationsNews { .. } | Event::ForkNews { .. }) => {
                self.nearby.tell_news(&news);
            }
            Event::AskedNoMore { .. }
            | Event::Accepted { .. }
            | Event::Acknowledged { .. }
            | Event::Reversed { .. } => {}
        }
        Ok(None)
    }

    fn is_asked(&self, about: TxId) -> bool {
        match self.stage {
            Stage::Asked { tx, .. } | Stage::PinAsked { tx, .. } | Stage::Declined(tx) => {
                tx == about
            }
            Stage::Choosing | Stage::Introduced(_) | Stage::Prepared(_) => false,
        }
    }

    /// What the person notes about the wallet on that channel.
    fn note_of(&self, peer: PeerId) -> Option<&str> {
        self.sellers.iter().find(|seller| seller.peer == peer)?.note.as_deref()
    }

    async fn on_seller(&mut self, peer: PeerId, wallet: &WalletId, name: String) -> Result<()> {
        self.sellers.retain(|seller| seller.peer != peer);
        let note = self.notes.copy_of(wallet);
        self.sellers.push(Seller { peer, name, note });
        let number = self.sellers.len();
        let name = self.sellers.last().map_or("", |seller| seller.name.as_str());
        let note = self.note_of(peer);
        let text = format!("seller {number}  {name:?}{}", notes::beside(note));
        let json = json!({ "number": number, "name": name, "note": note });
        self.nearby.screen.progress("seller", text, &json);
        if self.stage != Stage::Choosing {
            return Ok(());
        }
        match &self.args.to {
            Some(to) if *to == name => self.introduce(peer).await,
            Some(_) => Ok(()),
            None => {
                let text = "type the number or name of the seller to tell who we are";
                self.nearby.screen.question("choose", text, &json!({}));
                Ok(())
            }
        }
    }

    async fn introduce(&mut self, peer: PeerId) -> Result<()> {
        match self.nearby.handle.introduce(peer).await {
            // The wallet has done so by itself, or the seller is gone: both come as events.
            Err(CommandError::Refused(Refusal::NoSession)) => Ok(()),
            other => {
                other?;
                self.stage = Stage::Introduced(peer);
                Ok(())
            }
        }
    }

    fn on_closed(&mut self, peer: PeerId) -> Option<Exit> {
        self.sellers.retain(|seller| seller.peer != peer);
        match self.stage {
            Stage::Introduced(with) if with == peer => {
                self.stage = Stage::Choosing;
                let text = "the seller is gone and asked for nothing";
                self.nearby.screen.progress("gone", text, &json!({}));
            }
            Stage::Asked { peer: with, tx } | Stage::PinAsked { peer: with, tx }
                if with == peer =>
            {
                self.quiet = None;
                self.stage = Stage::Choosing;
                let text = "the seller is gone; nothing is paid";
                self.nearby.screen.progress("gone", text, &json!({ "tx": tx.to_string() }));
            }
            Stage::Prepared(tx) => {
                let text = "the link is lost before the seller's decision came; waiting for it";
                self.nearby.screen.progress("lost", text, &json!({ "tx": tx.to_string() }));
            }
            Stage::Choosing
            | Stage::Introduced(_)
            | Stage::Asked { .. }
            | Stage::PinAsked { .. }
            | Stage::Declined(_) => {}
        }
        None
    }

    async fn on_asked(
        &mut self,
        (tx, peer): (TxId, PeerId),
        payee: &str,
        terms: &Terms,
        what: &str,
        short_code: &str,
        in_doubt: bool,
    ) -> Result<()> {
        let (amount, order) = (terms.amount, &terms.order);
        if in_doubt {
            let text = format!(
                "another payment to {payee:?} is in doubt: this would be a second one; onehop \
                 resume settles the first"
            );
            self.nearby.screen.question("in_doubt_with_payee", text, &json!({ "payee": payee }));
        }
        let json = json!({
            "tx": tx.to_string(),
            "payee": payee,
            "note": self.note_of(peer),
            "amount": amount.minor(),
            "currency": amount.currency().code(),
            "order": order,
            "order_id": terms.order_id.as_str(),
            "code": short_code,
            "in_doubt_with_payee": in_doubt,
            "refund_of": terms.refund_of.map(|of| of.to_string()),
        });
        self.nearby.screen.question("asked", what, &json);
        self.stage = Stage::Asked { tx, peer };
        self.asked = Some((amount, payee.to_owned()));
        if let Some(max) = self.max.filter(|max| amount.minor() > max.minor()) {
            let text = format!("{amount} is over --max {max}");
            self.nearby.screen.progress("over_max", text, &json!({ "max": max.minor() }));
            return self.answer(tx, false).await;
        }
        let is_meant = self.args.to.as_deref() == Some(payee);
        if self.args.yes && is_meant && !in_doubt {
            return self.yes(tx, peer).await;
        }
        if self.nearby.is_unattended() {
            return self.answer(tx, false).await;
        }
        self.nearby.screen.question("confirm", "pay? y/n", &json!({ "tx": tx.to_string() }));
        Ok(())
    }

    /// The person said yes: pays, after the PIN if it is so much.
    async fn yes(&mut self, tx: TxId, peer: PeerId) -> Result<()> {
        let minor = self.asked.as_ref().map_or(0, |(amount, _)| amount.minor());
        let Some(recheck) = self.recheck.as_ref().filter(|recheck| recheck.concerns(minor)) else {
            return self.answer(tx, true).await;
        };
        if let Some(pin) = recheck.untyped() {
            return self.try_pin(tx, peer, pin?).await;
        }
        self.ask_pin(tx, peer, "PIN or passphrase: ");
        Ok(())
    }

    fn ask_pin(&mut self, tx: TxId, peer: PeerId, text: &str) {
        self.stage = Stage::PinAsked { tx, peer };
        self.quiet = Quiet::begin();
        self.nearby.screen.question("pin", text, &json!({ "tx": tx.to_string() }));
    }

    async fn try_pin(&mut self, tx: TxId, peer: PeerId, pin: Pin) -> Result<()> {
        let Some(recheck) = self.recheck.clone() else {
            return self.answer(tx, false).await;
        };
        let is_typed = recheck.untyped().is_none();
        // The node goes on meanwhile.
        let tried = tokio::task::spawn_blocking(move || recheck.check(&pin)).await?;
        match tried {
            Ok(()) => self.answer(tx, true).await,
            Err(error @ VaultError::WrongPin { .. }) if is_typed => {
                self.ask_pin(tx, peer, &format!("{error}; PIN or passphrase: "));
                Ok(())
            }
            Err(error) => {
                let text = error.to_string();
                self.nearby.screen.progress("refused", &text, &json!({ "why": text }));
                self.answer(tx, false).await
            }
        }
    }

    /// Says yes or no. If the question has just been withdrawn, the wallet says so in a moment.
    async fn answer(&mut self, tx: TxId, yes: bool) -> Result<()> {
        let answered = if yes {
            self.nearby.handle.confirm(tx).await
        } else {
            self.nearby.handle.refuse(tx).await
        };
        match answered {
            Ok(()) if yes => {
                self.stage = Stage::Prepared(tx);
                self.until = self.until.max(Instant::now() + DECISION);
            }
            Ok(()) => self.stage = Stage::Declined(tx),
            Err(CommandError::Refused(refusal)) => {
                self.stage = Stage::Declined(tx);
                let text = refusal.to_string();
                self.nearby.screen.progress("refused", &text, &json!({ "why": text }));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn on_line(&mut self, line: Option<String>) -> Result<Option<Exit>> {
        match (&self.stage, line) {
            (Stage::Asked { tx, peer }, line) => {
                let yes = line.as_deref().is_some_and(|line| matches!(line, "y" | "yes"));
                let (tx, peer) = (*tx, *peer);
                if yes {
                    self.yes(tx, peer).await?
                } else {
                    self.answer(tx, false).await?
                }
                Ok(None)
            }
            (Stage::PinAsked { tx, peer }, line) => {
                self.quiet = None;
                let (tx, peer) = (*tx, *peer);
                match line.map(|line| pin::pin_of(&Zeroizing::new(line))) {
                    None => self.answer(tx, false).await?,
                    Some(Ok(pin)) => self.try_pin(tx, peer, pin).await?,
                    Some(Err(error)) => self.ask_pin(tx, peer, &format!("{error}: ")),
                }
                Ok(None)
            }
            (Stage::Choosing, None) => {
                let text = "nobody chose a seller: stdin has ended; give --to NAME";
                Ok(Some(self.nothing(text, "no-seller")))
            }
            (Stage::Choosing, Some(line)) => {
                self.choose(&line).await?;
                Ok(None)
            }
            (Stage::Introduced(_) | Stage::Declined(_) | Stage::Prepared(_), _) => Ok(None),
        }
    }

    async fn choose(&mut self, line: &str) -> Result<()> {
        let number = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let by_number = number.and_then(|at| self.sellers.get(at));
        let by_name = || self.sellers.iter().find(|seller| seller.name == line);
        match by_number.or_else(by_name).map(|seller| seller.peer) {
            Some(peer) => self.introduce(peer).await,
            None if line.is_empty() => Ok(()),
            None => {
                let text = format!("there is no seller {line:?}");
                self.nearby.screen.question("choose", text, &json!({ "unknown": line }));
                Ok(())
            }
        }
    }

    fn on_paid(&mut self, tx: TxId) -> Option<Exit> {
        if self.earlier.contains(&tx) {
            self.earlier(tx, "paid");
            self.earlier.retain(|earlier| *earlier != tx);
            return None;
        }
        let json = self.outcome("paid", tx);
        let text = format!("paid: {}payment {}", self.asked_words(), tx.short());
        self.nearby.screen.result(text, &json);
        Some(Exit::Done)
    }

    fn earlier(&self, tx: TxId, what: &str) {
        let json = json!({ "tx": tx.to_string(), "what": what });
        let text = format!("payment {}: {what}", tx.short());
        self.nearby.screen.progress("earlier", text, &json);
    }

    /// The time is up, or the program is to end.
    async fn end(&mut self, when: &str) -> Result<Exit> {
        match self.stage {
            Stage::Prepared(tx) => Ok(self.in_doubt(tx)),
            Stage::Asked { tx, .. } | Stage::PinAsked { tx, .. } => {
                self.quiet = None;
                // It may have been withdrawn this moment.
                self.nearby.handle.refuse(tx).await.ok();
                Ok(self.nothing(&format!("no answer was given {when}"), "declined"))
            }
            Stage::Declined(_) => Ok(self.nothing("declined by the buyer", "declined")),
            Stage::Introduced(_) => {
                Ok(self.nothing(&format!("the seller asked for nothing {when}"), "not-asked"))
            }
            Stage::Choosing => {
                let fault = self.nearby.fault_words();
                let text = format!("no seller was chosen {when}{fault}");
                Ok(self.nothing(&text, "no-seller"))
            }
        }
    }

    fn in_doubt(&self, tx: TxId) -> Exit {
        let text = format!(
            "in doubt: {}payment {}; do not pay again: run onehop resume near the seller",
            self.asked_words(),
            tx.short()
        );
        let json = self.outcome("in_doubt", tx);
        self.nearby.screen.result(text, &json);
        Exit::InDoubt
    }

    fn asked_words(&self) -> String {
        let words = |(amount, payee): &(Money, String)| format!("{amount} to {payee:?}, ");
        self.asked.as_ref().map(words).unwrap_or_default()
    }

    fn outcome(&self, outcome: &str, tx: TxId) -> serde_json::Value {
        let (amount, payee) = self.asked.clone().unzip();
        json!({
            "outcome": outcome,
            "tx": tx.to_string(),
            "amount": amount.map(|amount| amount.minor()),
            "currency": self.currency.code(),
            "payee": payee,
        })
    }

    fn not_paid(&self, tx: Option<TxId>, why: NotPaid) -> Exit {
        let words = words::not_paid(why, self.currency);
        let json = json!({
            "outcome": "not_paid",
            "reason": words::not_paid_name(why),
            "why": words,
            "tx": tx.map(|tx| tx.to_string()),
        });
        self.nearby.screen.result(format!("not paid: {words}"), &json);
        Exit::Refused
    }

    fn nothing(&self, why: &str, name: &str) -> Exit {
        let json = json!({ "outcome": "not_paid", "reason": name, "why": why });
        self.nearby.screen.result(format!("not paid: {why}"), &json);
        Exit::Refused
    }
}
