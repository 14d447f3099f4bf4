//! Buyer mode: who asks, what for, and how it ends.

use std::time::Duration;

use onehop_node::{CommandError, Handle};
use onehop_proto::{Event, NotPaid, PeerId, Refusal, Terms};
use onehop_vault::Pin;
use onehop_wire::{Currency, Money, TxId, WalletId};
use tokio::time::Instant;

use super::near::WITHIN;
use super::view::{self, End, Errand, Outcome, Paying};
use super::wish::Secret;
use crate::notes::Notes;
use crate::pin::Recheck;
use crate::words;

/// Where the payment stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Choosing,
    Introduced(PeerId),
    Asked(TxId, PeerId),
    Declined(TxId),
    Held(TxId),
}

/// Buyer mode.
pub(super) struct Purchase {
    pub(super) until: Instant,
    currency: Currency,
    /// Payments that were in doubt before this one.
    earlier: Vec<TxId>,
    sellers: Vec<(PeerId, view::Seller)>,
    notes: Notes,
    next_number: u64,
    stage: Stage,
    asked: Option<(Money, view::Question)>,
    /// When the PIN is asked for again.
    recheck: Option<Recheck>,
}

impl Purchase {
    /// How long a decision is waited for once the money is held, at least.
    pub(super) const DECISION: Duration = Duration::from_secs(30);

    pub(super) fn new(
        currency: Currency,
        earlier: Vec<TxId>,
        recheck: Option<Recheck>,
        notes: Notes,
    ) -> Self {
        Self {
            until: Instant::now() + WITHIN,
            currency,
            earlier,
            sellers: Vec::new(),
            notes,
            next_number: 1,
            stage: Stage::Choosing,
            asked: None,
            recheck,
        }
    }

    pub(super) fn errand(&self, seconds_left: u64) -> Errand {
        let stage = match self.stage {
            Stage::Choosing => Paying::Choosing,
            Stage::Introduced(_) => Paying::Introduced,
            Stage::Asked(..) => Paying::Asked,
            Stage::Declined(_) => Paying::Declined,
            Stage::Held(_) => Paying::Held,
        };
        let is_shown = matches!(self.stage, Stage::Asked(..) | Stage::Held(_));
        let question = self.asked.as_ref().filter(|_| is_shown);
        Errand::Pay {
            stage,
            sellers: self.sellers.iter().map(|(_, seller)| seller.clone()).collect(),
            question: question.map(|(_, question)| question.clone()),
            seconds_left,
        }
    }

    /// Tells the seller `number` who this is.
    pub(super) async fn choose(&mut self, handle: &Handle, number: u64) -> Result<(), String> {
        if self.stage != Stage::Choosing {
            return Err("a seller is chosen already".to_owned());
        }
        let meant = self.sellers.iter().find(|(_, seller)| seller.number == number);
        let peer = meant.ok_or_else(|| format!("there is no seller {number} here"))?.0;
        match handle.introduce(peer).await {
            // The wallet has done so by itself, or the seller is gone: both come as events.
            Err(CommandError::Refused(Refusal::NoSession)) => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(()) => {
                self.stage = Stage::Introduced(peer);
                Ok(())
            }
        }
    }

    /// Says yes or no to what is asked.
    pub(super) async fn answer(
        &mut self,
        handle: &Handle,
        yes: bool,
        pin: Option<Secret>,
    ) -> Result<(), String> {
        let Stage::Asked(tx, _) = self.stage else {
            return Err("nothing is asked".to_owned());
        };
        if yes {
            self.check(pin)?;
        }
        let answered = if yes { handle.confirm(tx).await } else { handle.refuse(tx).await };
        match answered {
            Ok(()) if yes => {
                self.stage = Stage::Held(tx);
                self.until = self.until.max(Instant::now() + Self::DECISION);
                Ok(())
            }
            Ok(()) => {
                self.stage = Stage::Declined(tx);
                Ok(())
            }
            Err(error) => {
                // The question has just been withdrawn, or the wallet says why it cannot pay.
                self.stage = Stage::Declined(tx);
                Err(error.to_string())
            }
        }
    }

    /// A wrong PIN leaves the question open.
    fn check(&self, pin: Option<Secret>) -> Result<(), String> {
        let minor = self.asked.as_ref().map_or(0, |(amount, _)| amount.minor());
        let Some(recheck) = self.recheck.as_ref().filter(|it| it.concerns(minor)) else {
            return Ok(());
        };
        let pin = pin.ok_or("the PIN is needed for so much")?;
        let pin = Pin::new(pin.text()).map_err(|error| error.to_string())?;
        tokio::task::block_in_place(|| recheck.check(&pin)).map_err(|error| error.to_string())
    }

    pub(super) fn on_event(&mut self, event: Event) -> Option<End> {
        match event {
            Event::SellerFound { peer, wallet, name } => self.on_seller(peer, &wallet, name),
            Event::SessionOpen { peer, .. }
                if self.stage == Stage::Choosing && self.earlier.is_empty() =>
            {
                self.stage = Stage::Introduced(peer);
            }
            Event::SessionClosed { peer } => self.on_closed(peer),
            Event::Asked { tx, peer, payee, mut terms, short_code, in_doubt_with_payee, first } => {
                terms.order = words::order(&terms, first);
                self.on_asked(tx, peer, payee, &terms, short_code, in_doubt_with_payee);
            }
            Event::AskedNoMore { tx, why } if self.is_asked(tx) => {
                return Some(self.not_paid(Some(tx), why));
            }
            Event::Paid { tx } if self.earlier.contains(&tx) => {
                self.earlier.retain(|earlier| *earlier != tx);
            }
            Event::Paid { tx } => return Some(self.paid(tx)),
            Event::NotPaid { tx, .. } if self.earlier.contains(&tx) => {
                self.earlier.retain(|earlier| *earlier != tx);
            }
            Event::NotPaid { tx, why } => return Some(self.not_paid(Some(tx), why)),
            Event::SessionOpen { .. }
            | Event::AskedNoMore { .. }
            | Event::Prepared { .. }
            | Event::Accepted { .. }
            | Event::Acknowledged { .. }
            | Event::AskOffice { .. }
            | Event::Reversed { .. }
            | Event::RevocationsNews { .. }
            | Event::ForkNews { .. }
            | Event::PeerFault { .. } => {}
        }
        None
    }

    fn is_asked(&self, about: TxId) -> bool {
        matches!(self.stage, Stage::Asked(tx, _) | Stage::Declined(tx) if tx == about)
    }

    fn on_seller(&mut self, peer: PeerId, wallet: &WalletId, name: String) {
        self.sellers.retain(|(known, _)| *known != peer);
        let note = self.notes.copy_of(wallet);
        self.sellers.push((peer, view::Seller { number: self.next_number, name, note }));
        self.next_number = self.next_number.saturating_add(1);
    }

    fn on_closed(&mut self, peer: PeerId) {
        self.sellers.retain(|(known, _)| *known != peer);
        let is_with = match self.stage {
            Stage::Introduced(with) | Stage::Asked(_, with) => with == peer,
            Stage::Choosing | Stage::Declined(_) | Stage::Held(_) => false,
        };
        if is_with {
            self.stage = Stage::Choosing;
        }
    }

    fn on_asked(
        &mut self,
        tx: TxId,
        peer: PeerId,
        payee: String,
        terms: &Terms,
        code: String,
        in_doubt_with_payee: bool,
    ) {
        let seller = self.sellers.iter().find(|(known, _)| *known == peer);
        let question = view::Question {
            payee,
            note: seller.and_then(|(_, seller)| seller.note.clone()),
            amount: terms.amount.to_string(),
            order: terms.order.clone(),
            code,
            needs_pin: self.recheck.as_ref().is_some_and(|it| it.concerns(terms.amount.minor())),
            in_doubt_with_payee,
        };
        self.asked = Some((terms.amount, question));
        self.stage = Stage::Asked(tx, peer);
    }

    /// The time is up, or the person wants to stop.
    pub(super) async fn give_up(&self, handle: &Handle, when: &str) -> End {
        let text = match self.stage {
            Stage::Held(tx) => {
                let about = self.about();
                return End {
                    outcome: Outcome::InDoubt,
                    text: format!("{about}is in doubt: do not pay again until it is resumed"),
                    tx: Some(tx.to_string()),
                };
            }
            Stage::Asked(tx, _) => {
                // It may have been withdrawn this moment.
                handle.refuse(tx).await.ok();
                format!("no answer was given {when}")
            }
            Stage::Declined(_) => "declined".to_owned(),
            Stage::Introduced(_) => format!("the seller asked for nothing {when}"),
            Stage::Choosing => format!("no seller was chosen {when}"),
        };
        End { outcome: Outcome::NotPaid, text: format!("nothing was paid: {text}"), tx: None }
    }

    fn paid(&self, tx: TxId) -> End {
        let text = self.asked.as_ref().map_or_else(
            || "the payment is made".to_owned(),
            |(amount, question)| format!("{amount} to {:?} is paid", question.payee),
        );
        End { outcome: Outcome::Paid, text, tx: Some(tx.to_string()) }
    }

    fn not_paid(&self, tx: Option<TxId>, why: NotPaid) -> End {
        let why = words::not_paid(why, self.currency);
        let text = format!("nothing was paid: {why}");
        End { outcome: Outcome::NotPaid, text, tx: tx.map(|tx| tx.to_string()) }
    }

    /// What was asked for, as the beginning of a sentence.
    fn about(&self) -> String {
        let words = |(amount, question): &(Money, view::Question)| {
            format!("{amount} to {:?} ", question.payee)
        };
        self.asked.as_ref().map_or_else(|| "the payment ".to_owned(), words)
    }
}
