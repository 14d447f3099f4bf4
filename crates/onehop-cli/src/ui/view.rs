//! The picture that every face of the wallet shows: one value, made anew after each change.
//!
//! Amounts are texts with their currency, ready to show; nothing in it is secret but what the
//! person sees on the screen anyway.

use onehop_proto::{Direction, PaymentView, Standing};
use onehop_wire::{Currency, Money};
use serde::Serialize;

use crate::words;

/// How many payments the home view lists.
pub(crate) const NEWEST: usize = 5;

/// Where things stand.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct View {
    /// Counts the pictures, so that a face can tell a new one.
    pub(crate) number: u64,
    /// The certified name, empty while the wallet is locked.
    pub(crate) owner: String,
    /// The wallet's currency.
    pub(crate) currency: String,
    /// True if the PIN has to be typed before anything else.
    pub(crate) is_locked: bool,
    /// The four figures.
    pub(crate) figures: Figures,
    /// The newest payments, newest first.
    pub(crate) newest: Vec<Line>,
    /// What is not finished, and what to do about it.
    pub(crate) unfinished: Vec<Line>,
    /// What goes on.
    pub(crate) errand: Errand,
    /// How the last errand ended, until the person has seen it.
    pub(crate) end: Option<End>,
    /// The state of the radio in words; `off` unless selling or in buyer mode.
    pub(crate) radio: String,
    /// The office, in words.
    pub(crate) office: String,
    /// What else there is to know, newest last.
    pub(crate) notices: Vec<String>,
    /// What the certificate allows.
    pub(crate) limits: String,
}

/// The four figures, and what one payment could use.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) available: String,
    pub(crate) held: String,
    pub(crate) in_doubt: String,
    pub(crate) unsettled: String,
    pub(crate) spendable: String,
}

/// A payment.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Line {
    /// The payment's id.
    pub(crate) tx: String,
    /// Its first digits, for people.
    pub(crate) short: String,
    /// `out` or `in`.
    pub(crate) way: &'static str,
    /// With its sign: `-` out, `+` in.
    pub(crate) amount: String,
    /// The other wallet's certified name.
    pub(crate) name: String,
    /// What for.
    pub(crate) order: String,
    /// How it stands, in words.
    pub(crate) standing: &'static str,
    /// When this wallet asked or agreed, by its own clock.
    pub(crate) since: String,
    /// What to do about it; empty if nothing.
    pub(crate) advice: String,
    /// True if the other wallet, nearby, can finish it.
    pub(crate) can_resume: bool,
    /// True if its evidence can be shown.
    pub(crate) has_receipt: bool,
}

/// What goes on.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Errand {
    /// Nothing: the radio is off.
    #[default]
    None,
    /// Asking for money.
    Sell {
        amount: String,
        order: String,
        stage: Selling,
        /// Who answered.
        buyers: Vec<Buyer>,
        /// The name of who is asked.
        asked: String,
        seconds_left: u64,
    },
    /// In buyer mode.
    Pay {
        stage: Paying,
        /// Who is nearby.
        sellers: Vec<Seller>,
        /// What is asked.
        question: Option<Question>,
        seconds_left: u64,
    },
    /// Looking for the other wallet of what is unfinished.
    Resume { left: usize, seconds_left: u64 },
    /// With the office.
    Office { what: String },
}

/// Where a sale stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Selling {
    /// Nobody is asked yet.
    Looking,
    /// A buyer is asked.
    Asked,
    /// The money is received; the buyer has not acknowledged.
    Accepted,
}

/// Where a payment stands at the buyer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Paying {
    /// The person chooses a seller.
    Choosing,
    /// A seller knows who this is.
    Introduced,
    /// The person is asked.
    Asked,
    /// The answer was no.
    Declined,
    /// The money is held.
    Held,
}

/// A buyer that answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Buyer {
    /// The short code without its space.
    pub(crate) id: String,
    pub(crate) name: String,
    /// What the person notes about it.
    pub(crate) note: Option<String>,
    /// The short code, as the other screen shows it.
    pub(crate) code: String,
}

/// A seller nearby.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Seller {
    /// What the person chooses it by.
    pub(crate) number: u64,
    pub(crate) name: String,
    /// What the person notes about it.
    pub(crate) note: Option<String>,
}

/// What a buyer is asked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Question {
    pub(crate) payee: String,
    /// What the person notes about it.
    pub(crate) note: Option<String>,
    pub(crate) amount: String,
    pub(crate) order: String,
    /// The short code on both screens.
    pub(crate) code: String,
    /// True if it is so much that the PIN is asked for again.
    pub(crate) needs_pin: bool,
    /// True if another payment to that payee is in doubt.
    pub(crate) in_doubt_with_payee: bool,
}

/// A definite end.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// One sentence.
    pub(crate) text: String,
    /// The payment, if there is one.
    pub(crate) tx: Option<String>,
}

/// How something ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The money went over.
    Paid,
    /// It did not.
    NotPaid,
    /// Nobody here knows yet.
    InDoubt,
    /// Something else than a payment was done.
    Done,
    /// Something else than a payment failed.
    Failed,
}

impl Outcome {
    /// The word that begins the sentence.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::NotPaid => "not paid",
            Self::InDoubt => "in doubt",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Line {
    /// What a person must know about `payment`.
    pub(crate) fn of(payment: &PaymentView) -> Self {
        let (way, sign) = match payment.direction {
            Direction::Out => ("out", "-"),
            Direction::In => ("in", "+"),
        };
        Self {
            tx: payment.tx.to_string(),
            short: payment.tx.short(),
            way,
            amount: format!("{sign}{}", payment.amount),
            name: payment.name.clone(),
            order: payment.order.clone(),
            standing: words::standing(payment.standing),
            since: words::minute(payment.at),
            advice: advice(payment),
            can_resume: words::is_unfinished(payment),
            has_receipt: payment.standing == Standing::Paid,
        }
    }

    /// `to` or `from`, the word beside the sign.
    pub(crate) fn preposition(&self) -> &'static str {
        if self.way == "out" { "to" } else { "from" }
    }
}

fn advice(payment: &PaymentView) -> String {
    let until = words::date(payment.redeem_by);
    // The day is enough: it is weeks away.
    let until = until.split('T').next().unwrap_or_default();
    if payment.standing == Standing::InDoubt {
        "do not pay again: resume near them, or ask the office".to_owned()
    } else if words::is_unacknowledged(payment) {
        format!("received, not acknowledged: settle with the office by {until}")
    } else if words::is_unsettled(payment) {
        format!("received, not settled: settle with the office by {until}")
    } else {
        String::new()
    }
}

/// An amount of minor units with its currency.
pub(crate) fn money(minor: u64, currency: Currency) -> String {
    Money::new(minor, currency).to_string()
}
