//! `onehop sell`: look for buyers, pick one, ask for the money.

use std::time::Duration;

use anyhow::Result;
use onehop_proto::{Event, PaymentView, PeerId, Terms};
use onehop_wire::{Currency, Money, OrderId, Text, TxId, WalletId};
use rand_core::Rng as _;
use serde_json::json;
use tokio::time::Instant;

use crate::amount;
use crate::args::{Global, SellArgs};
use crate::commands::{init, receipt};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home};
use crate::nearby::{Heard, Nearby, block_on};
use crate::notes::{self, Notes};
use crate::render::Screen;
use crate::words;

/// How long a buyer that has paid is waited for to acknowledge.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(30);

/// A buyer who told us who it is.
#[derive(Debug)]
struct Buyer {
    peer: PeerId,
    /// The short code without its space: what the person types.
    id: String,
    name: String,
}

/// Where the sale stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nobody is asked yet.
    Looking,
    /// A buyer is asked.
    Asked(TxId),
    /// The money is received; the buyer has not acknowledged.
    Accepted(TxId),
}

struct Sale<'a> {
    nearby: &'a mut Nearby,
    args: &'a SellArgs,
    terms: Terms,
    buyers: Vec<Buyer>,
    notes: Notes,
    stage: Stage,
    until: Instant,
}

/// `onehop sell`.
pub(crate) fn run(screen: Screen, global: &Global, args: SellArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    let refund_of = args.refund_of.as_ref().map(|digits| receipt::payment(&home, digits));
    let refund_of = refund_of.transpose()?;
    let order = args.order.as_deref().unwrap_or("refund");
    let terms = terms(&home, &args.amount, order, args.order_id.clone())?;
    let terms = Terms { refund_of, ..terms };
    if let Some(payment) = paid_before(&home, &terms)? {
        let is_acknowledged = !words::is_unacknowledged(&payment);
        return Ok(paid(screen, payment.amount, payment.tx, is_acknowledged));
    }
    block_on(async {
        let mut nearby = Nearby::start(home.keeper, &args.link, screen, true).await?;
        nearby.handle.sell().await?;
        let text = format!("looking for buyers: {} for {:?}", terms.amount, terms.order);
        let json = json!({
            "amount": terms.amount.minor(),
            "order": terms.order,
            "order_id": terms.order_id.as_str(),
            "refund_of": terms.refund_of.map(|tx| tx.to_string()),
        });
        screen.progress("selling", text, &json);
        let until = Instant::now() + Duration::from_secs(u64::from(args.seconds));
        let mut sale = Sale {
            nearby: &mut nearby,
            args: &args,
            terms,
            buyers: Vec::new(),
            notes: home.settings.notes,
            stage: Stage::Looking,
            until,
        };
        let end = sale.run().await;
        let stopped = nearby.stop().await;
        // If the node failed, all else did because of it.
        stopped?;
        end
    })
}

/// The payment that paid this order before, so that who asks twice gets the same answer.
///
/// # Errors
/// If it paid another amount: then it is another order.
fn paid_before(home: &Home, terms: &Terms) -> Result<Option<PaymentView>> {
    let all = home.keeper.history(usize::MAX)?;
    let order = terms.order_id.as_str();
    let is_it = |it: &PaymentView| it.order_id == order && words::is_received(it);
    let Some(payment) = all.into_iter().find(is_it) else {
        return Ok(None);
    };
    if payment.amount != terms.amount {
        let (paid, tx) = (payment.amount, payment.tx.short());
        let text = format!("order {order:?} was paid with {paid}, payment {tx}; take another id");
        return Err(Failure::usage(text).into());
    }
    Ok(Some(payment))
}

/// Says that `amount` is received.
fn paid(screen: Screen, amount: Money, tx: TxId, acknowledged: bool) -> Exit {
    let text = if acknowledged {
        format!("paid: {amount}, payment {}", tx.short())
    } else {
        format!(
            "paid, not acknowledged yet: {amount}, payment {}; the money is received; onehop \
             resume or onehop sync",
            tx.short()
        )
    };
    let json = json!({
        "outcome": "paid",
        "acknowledged": acknowledged,
        "tx": tx.to_string(),
        "amount": amount.minor(),
        "currency": amount.currency().code(),
    });
    screen.result(text, &json);
    Exit::Done
}

/// What is asked for; an order without a number gets a random one.
pub(crate) fn terms(
    home: &Home,
    amount: &str,
    order: &str,
    order_id: Option<String>,
) -> Result<Terms> {
    let amount = amount::parse(amount, home.currency()?)?;
    let order_id = order_id.unwrap_or_else(|| {
        let mut id = [0u8; 8];
        init::system_rng().fill_bytes(&mut id);
        hex::encode(id)
    });
    let bad = |what: &str, why: onehop_wire::bounded::TextError| {
        Failure::usage(format!("{what} is not acceptable: {why}"))
    };
    let order_id: OrderId = Text::new(order_id).map_err(|why| bad("order id", why))?;
    let order: Text<{ onehop_wire::limits::ORDER_TEXT_MAX }> =
        Text::new(order.to_owned()).map_err(|why| bad("order", why))?;
    Ok(Terms { amount, order_id, order: order.to_string(), refund_of: None })
}

impl Sale<'_> {
    async fn run(&mut self) -> Result<Exit> {
        loop {
            let asking = self.stage == Stage::Looking && !self.is_decided_by_flags();
            let waiting = match self.stage {
                Stage::Looking => "looking for buyers",
                Stage::Asked(_) => "waiting for the buyer's answer",
                Stage::Accepted(_) => "paid, waiting for the acknowledgement",
            };
            let end = match self.nearby.hear(self.until, asking, waiting).await {
                Heard::Event(event) => self.on_event(event).await?,
                Heard::Line(Some(line)) => self.on_line(&line).await?,
                Heard::Line(None) => {
                    let text = "nobody can choose a buyer: stdin has ended; give --buyer or --any";
                    Some(self.not_paid(text, "no-buyer", None))
                }
                Heard::TimeUp => Some(self.end("in time").await?),
                Heard::Interrupted | Heard::Ended => Some(self.end("before the end").await?),
            };
            if let Some(exit) = end {
                return Ok(exit);
            }
        }
    }

    const fn is_decided_by_flags(&self) -> bool {
        self.args.any || self.args.buyer.is_some()
    }

    fn currency(&self) -> Currency {
        self.terms.amount.currency()
    }

    async fn on_event(&mut self, event: Event) -> Result<Option<Exit>> {
        match event {
            Event::SessionOpen { peer, wallet, name, short_code } => {
                self.on_buyer((peer, &wallet), name, &short_code).await?;
            }
            Event::SessionClosed { peer } => self.on_closed(peer),
            Event::Accepted { tx, claim_by } if self.stage == Stage::Asked(tx) => {
                self.stage = Stage::Accepted(tx);
                self.until = Instant::now() + ACKNOWLEDGEMENT;
                self.nearby.screen.progress(
                    "accepted",
                    format!("paid {}, waiting for the acknowledgement", self.terms.amount),
                    &json!({ "tx": tx.to_string(), "claim_by": claim_by.0 }),
                );
            }
            Event::Acknowledged { tx } if self.stage == Stage::Accepted(tx) => {
                return Ok(Some(paid(self.nearby.screen, self.terms.amount, tx, true)));
            }
            Event::Acknowledged { tx } => {
                let json = json!({ "tx": tx.to_string() });
                let text = format!("earlier payment {} is acknowledged", tx.short());
                self.nearby.screen.progress("acknowledged", text, &json);
            }
            Event::NotPaid { tx, why } if self.stage == Stage::Asked(tx) => {
                let words = words::not_paid(why, self.currency());
                let name = words::not_paid_name(why);
                return Ok(Some(self.not_paid(&words, name, Some(tx))));
            }
            Event::PeerFault { fault, .. } => self.nearby.tell_fault(fault),
            news @ (Event::RevocationsNews { .. } | Event::ForkNews { .. }) => {
                self.nearby.tell_news(&news);
            }
            Event::Accepted { .. }
            | Event::NotPaid { .. }
            | Event::SellerFound { .. }
            | Event::Asked { .. }
            | Event::AskedNoMore { .. }
            | Event::Prepared { .. }
            | Event::Paid { .. }
            | Event::AskOffice { .. }
            | Event::Reversed { .. } => {}
        }
        Ok(None)
    }

    async fn on_buyer(
        &mut self,
        (peer, wallet): (PeerId, &WalletId),
        name: String,
        short_code: &str,
    ) -> Result<()> {
        let id = short_code.replace(' ', "");
        let note = self.notes.of(wallet);
        let noted = notes::beside(note);
        let text = format!("buyer {id}  {name:?}{noted}  (code {short_code} on both screens)");
        let json = json!({ "id": id, "name": name, "note": note, "code": short_code });
        self.nearby.screen.progress("buyer", text, &json);
        let wanted = self.args.any
            || self.args.buyer.as_ref().is_some_and(|buyer| is_meant(buyer, &id, &name));
        self.buyers.push(Buyer { peer, id, name });
        if self.stage != Stage::Looking {
            return Ok(());
        }
        if wanted {
            return self.ask(peer).await;
        }
        if !self.is_decided_by_flags() {
            let text = "type the id of the buyer to ask";
            self.nearby.screen.question("choose", text, &json!({}));
        }
        Ok(())
    }

    fn on_closed(&mut self, peer: PeerId) {
        let Some(at) = self.buyers.iter().position(|buyer| buyer.peer == peer) else {
            return;
        };
        let Buyer { id, name, .. } = self.buyers.swap_remove(at);
        let json = json!({ "id": id, "name": name });
        self.nearby.screen.progress("gone", format!("buyer {id} {name:?} is gone"), &json);
    }

    async fn on_line(&mut self, line: &str) -> Result<Option<Exit>> {
        if line.is_empty() {
            return Ok(None);
        }
        let mut meant = self.buyers.iter().filter(|buyer| is_meant(line, &buyer.id, &buyer.name));
        match (meant.next().map(|buyer| buyer.peer), meant.next()) {
            (Some(peer), None) => self.ask(peer).await?,
            (None, _) => {
                let text = format!("there is no buyer {line:?}");
                self.nearby.screen.question("choose", text, &json!({ "unknown": line }));
            }
            (Some(_), Some(_)) => {
                let text = format!("several buyers are called {line:?}; type an id");
                self.nearby.screen.question("choose", text, &json!({ "several": line }));
            }
        }
        Ok(None)
    }

    async fn ask(&mut self, peer: PeerId) -> Result<()> {
        let tx = self.nearby.handle.request(peer, self.terms.clone()).await?;
        self.stage = Stage::Asked(tx);
        let buyer = self.buyers.iter().find(|buyer| buyer.peer == peer);
        let name = buyer.map_or("", |buyer| buyer.name.as_str());
        let text = format!("asked {name:?} for {}", self.terms.amount);
        let json = json!({ "tx": tx.to_string(), "name": name });
        self.nearby.screen.progress("asked", text, &json);
        Ok(())
    }

    /// The time is up, or the program is to end. What is not decided is cancelled; what is decided
    /// meanwhile counts.
    async fn end(&mut self, when: &str) -> Result<Exit> {
        match self.stage {
            Stage::Accepted(tx) => Ok(paid(self.nearby.screen, self.terms.amount, tx, false)),
            Stage::Looking => {
                let fault = self.nearby.fault_words();
                let text = format!("no buyer was chosen {when}{fault}");
                Ok(self.not_paid(&text, "no-buyer", None))
            }
            Stage::Asked(tx) => {
                // It may be refused because the vote has just come.
                let cancelled = self.nearby.handle.cancel(tx).await;
                match self.nearby.handle.payment(tx).await? {
                    Some(payment) if words::is_received(&payment) => {
                        let is_acknowledged = !words::is_unacknowledged(&payment);
                        Ok(paid(self.nearby.screen, self.terms.amount, tx, is_acknowledged))
                    }
                    Some(_) | None => {
                        let text = format!("no answer {when}");
                        cancelled
                            .map(|()| self.not_paid(&text, "no-answer", Some(tx)))
                            .map_err(Into::into)
                    }
                }
            }
        }
    }

    fn not_paid(&self, why: &str, name: &str, tx: Option<TxId>) -> Exit {
        let json = json!({
            "outcome": "not_paid",
            "reason": name,
            "why": why,
            "tx": tx.map(|tx| tx.to_string()),
        });
        self.nearby.screen.result(format!("not paid: {why}"), &json);
        Exit::Refused
    }
}

fn is_meant(typed: &str, id: &str, name: &str) -> bool {
    typed.replace(' ', "") == id || typed == name
}
