//! The wallet on the air: from the moment the person asks for it until the errand has its end.

use std::time::Duration;

use anyhow::{Context as _, Result};
use onehop_link::bearer::Opened;
use onehop_link::ble::Notices;
use onehop_node::{Events, Handle, Keeper, NodeError, Unwatched};
use onehop_proto::{Event, PaymentView};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::purchase::Purchase;
use super::resumption::Resumption;
use super::sale::Sale;
use super::view::{End, Errand};
use crate::folder::{Away, Home};

/// How long an errand may take before it is decided.
pub(super) const WITHIN: Duration = Duration::from_secs(120);

/// What the wallet is on the air for.
pub(super) enum Kind {
    Sell(Sale),
    Pay(Purchase),
    Resume(Resumption),
}

/// A running node, and its errand.
pub(super) struct Near {
    pub(super) handle: Handle,
    /// How the bearer is called.
    pub(super) radio: String,
    pub(super) kind: Kind,
    away: Away,
    events: Events,
    node: JoinHandle<Result<Keeper, NodeError>>,
    notices: Option<Notices>,
}

/// What happened on the air.
pub(super) enum Heard {
    /// The wallet says something.
    Event(Box<Event>),
    /// The computer's Bluetooth says something.
    Notice(String),
    /// The errand's time is up.
    TimeUp,
    /// A second has passed.
    Second,
    /// The node is gone.
    Ended,
}

impl Near {
    /// Starts the node on a bearer that was opened.
    pub(super) async fn start(home: Home, opened: Opened, kind: Kind) -> Result<Self> {
        let radio = opened.words();
        let notices = opened.notices;
        let (keeper, away) = home.part();
        let (handle, events, node) = onehop_node::start(keeper, opened.link, Box::new(Unwatched));
        let near = Self { handle, radio, kind, away, events, node, notices };
        near.arm().await?;
        Ok(near)
    }

    /// Speaks or listens, as the errand needs.
    async fn arm(&self) -> Result<()> {
        let is_over_bluetooth = self.notices.is_some();
        match &self.kind {
            Kind::Sell(_) => self.handle.sell().await?,
            // The wallet goes on listening while a decision is waited for.
            Kind::Pay(_) => self.handle.buy(WITHIN + Purchase::DECISION).await?,
            Kind::Resume(resumption) => {
                let (buys, sells) = resumption.roles();
                if sells || !is_over_bluetooth {
                    self.handle.sell().await?;
                }
                if buys || !is_over_bluetooth {
                    self.handle.buy(WITHIN).await?;
                }
            }
        }
        Ok(())
    }

    /// Waits for what happens next. Cancel-safe.
    pub(super) async fn hear(&mut self, second: &mut tokio::time::Interval) -> Heard {
        let until = self.until();
        tokio::select! {
            event = self.events.next() => event.map_or(Heard::Ended, |event| Heard::Event(Box::new(event))),
            notice = next_notice(&mut self.notices) => match notice {
                Some(notice) => Heard::Notice(notice),
                None => {
                    self.notices = None;
                    Heard::Second
                }
            },
            () = tokio::time::sleep_until(until) => Heard::TimeUp,
            _ = second.tick() => Heard::Second,
        }
    }

    /// Takes an event; the end if it brought one.
    pub(super) async fn on_event(&mut self, event: Event) -> Result<Option<End>> {
        match &mut self.kind {
            Kind::Sell(sale) => Ok(sale.on_event(event)),
            Kind::Pay(purchase) => Ok(purchase.on_event(event)),
            Kind::Resume(resumption) => resumption.on_event(&self.handle, event).await,
        }
    }

    /// Ends what is not decided; says how the errand stands.
    pub(super) async fn give_up(&mut self, when: &str) -> Result<End> {
        match &mut self.kind {
            Kind::Sell(sale) => sale.give_up(&self.handle, when).await,
            Kind::Pay(purchase) => Ok(purchase.give_up(&self.handle, when).await),
            Kind::Resume(resumption) => Ok(resumption.end()),
        }
    }

    /// Leaves the air and gives the wallet back.
    pub(super) async fn stop(self) -> Result<Home> {
        self.handle.stop().await;
        let keeper = self.node.await.context("the node's task failed")??;
        Ok(self.away.rejoin(keeper))
    }

    /// What the faces show of the errand.
    pub(super) fn errand(&self) -> Errand {
        let left = self.until().saturating_duration_since(Instant::now()).as_secs();
        match &self.kind {
            Kind::Sell(sale) => sale.errand(left),
            Kind::Pay(purchase) => purchase.errand(left),
            Kind::Resume(resumption) => resumption.errand(left),
        }
    }

    fn until(&self) -> Instant {
        match &self.kind {
            Kind::Sell(sale) => sale.until,
            Kind::Pay(purchase) => purchase.until,
            Kind::Resume(resumption) => resumption.until,
        }
    }
}

/// How a payment stands, if it is known.
pub(super) async fn payment(handle: &Handle, tx: onehop_wire::TxId) -> Option<PaymentView> {
    handle.payment(tx).await.ok().flatten()
}

async fn next_notice(notices: &mut Option<Notices>) -> Option<String> {
    match notices {
        Some(notices) => notices.next().await.map(|notice| notice.to_string()),
        None => std::future::pending().await,
    }
}
