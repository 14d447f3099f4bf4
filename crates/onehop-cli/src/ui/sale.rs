//! Asking for money: who answers, who is asked, how it ends.

use std::time::Duration;

use anyhow::Result;
use onehop_node::Handle;
use onehop_proto::{Event, PeerId, Terms};
use onehop_wire::TxId;
use tokio::time::Instant;

use super::near::{WITHIN, payment};
use super::view::{self, End, Errand, Outcome, Selling};
use crate::notes::Notes;
use crate::words;

/// How long a buyer that has paid is waited for to acknowledge.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(30);

/// A sale.
pub(super) struct Sale {
    pub(super) until: Instant,
    terms: Terms,
    notes: Notes,
    buyers: Vec<(PeerId, view::Buyer)>,
    asked: Option<(TxId, String)>,
    is_accepted: bool,
}

impl Sale {
    pub(super) fn new(terms: Terms, notes: Notes) -> Self {
        let until = Instant::now() + WITHIN;
        Self { until, terms, notes, buyers: Vec::new(), asked: None, is_accepted: false }
    }

    pub(super) fn errand(&self, seconds_left: u64) -> Errand {
        let stage = match (&self.asked, self.is_accepted) {
            (None, _) => Selling::Looking,
            (Some(_), false) => Selling::Asked,
            (Some(_), true) => Selling::Accepted,
        };
        Errand::Sell {
            amount: self.terms.amount.to_string(),
            order: self.terms.order.clone(),
            stage,
            buyers: self.buyers.iter().map(|(_, buyer)| buyer.clone()).collect(),
            asked: self.asked.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
            seconds_left,
        }
    }

    /// Asks the buyer with the short code `id`.
    pub(super) async fn ask(&mut self, handle: &Handle, id: &str) -> Result<(), String> {
        if self.asked.is_some() {
            return Err("a buyer is asked already".to_owned());
        }
        let id = id.replace(' ', "");
        let meant = self.buyers.iter().find(|(_, buyer)| buyer.id == id);
        let (peer, buyer) = meant.ok_or_else(|| format!("there is no buyer {id:?} here"))?;
        let tx = handle.request(*peer, self.terms.clone()).await;
        let tx = tx.map_err(|error| error.to_string())?;
        self.asked = Some((tx, buyer.name.clone()));
        self.until = self.until.max(Instant::now() + WITHIN);
        Ok(())
    }

    pub(super) fn on_event(&mut self, event: Event) -> Option<End> {
        let asked = self.asked.as_ref().map(|(tx, _)| *tx);
        match event {
            Event::SessionOpen { peer, wallet, name, short_code } => {
                self.buyers.retain(|(known, _)| *known != peer);
                let id = short_code.replace(' ', "");
                let note = self.notes.copy_of(&wallet);
                self.buyers.push((peer, view::Buyer { id, name, note, code: short_code }));
            }
            Event::SessionClosed { peer } => self.buyers.retain(|(known, _)| *known != peer),
            Event::Accepted { tx, .. } if asked == Some(tx) => {
                self.is_accepted = true;
                self.until = Instant::now() + ACKNOWLEDGEMENT;
            }
            Event::Acknowledged { tx } if asked == Some(tx) => {
                return Some(self.paid(tx, true));
            }
            Event::NotPaid { tx, why } if asked == Some(tx) => {
                let words = words::not_paid(why, self.terms.amount.currency());
                return Some(self.not_paid(&words));
            }
            Event::Accepted { .. }
            | Event::Acknowledged { .. }
            | Event::NotPaid { .. }
            | Event::SellerFound { .. }
            | Event::Asked { .. }
            | Event::AskedNoMore { .. }
            | Event::Prepared { .. }
            | Event::Paid { .. }
            | Event::AskOffice { .. }
            | Event::Reversed { .. }
            | Event::RevocationsNews { .. }
            | Event::ForkNews { .. }
            | Event::PeerFault { .. } => {}
        }
        None
    }

    /// What is not decided is cancelled; what is decided meanwhile counts.
    pub(super) async fn give_up(&self, handle: &Handle, when: &str) -> Result<End> {
        let Some((tx, name)) = &self.asked else {
            return Ok(self.not_paid(&format!("no buyer was chosen {when}")));
        };
        // It may be refused because the vote has just come.
        let cancelled = handle.cancel(*tx).await;
        match payment(handle, *tx).await {
            Some(payment) if words::is_received(&payment) => {
                Ok(self.paid(*tx, !words::is_unacknowledged(&payment)))
            }
            Some(_) | None => {
                cancelled?;
                Ok(self.not_paid(&format!("{name:?} gave no answer {when}")))
            }
        }
    }

    fn paid(&self, tx: TxId, is_acknowledged: bool) -> End {
        let (amount, tail) = (self.terms.amount, if is_acknowledged { "" } else { LATER });
        let name = self.asked.as_ref().map_or("", |(_, name)| name.as_str());
        End {
            outcome: Outcome::Paid,
            text: format!("{name:?} paid {amount}{tail}"),
            tx: Some(tx.to_string()),
        }
    }

    fn not_paid(&self, why: &str) -> End {
        let amount = self.terms.amount;
        let tx = self.asked.as_ref().map(|(tx, _)| tx.to_string());
        End { outcome: Outcome::NotPaid, text: format!("{amount} was not paid: {why}"), tx }
    }
}

/// Said of money that is received while its acknowledgement is not.
const LATER: &str = "; the money is received, the acknowledgement is not: settle with the office";
