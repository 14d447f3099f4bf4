//! What a decision is made from, and what it yields.

use onehop_crypto::{SigningKey, Trust, Verified};
use onehop_evidence::Payer;
use onehop_wire::limits::ORDER_TEXT_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Certificate, CommitRequest, Message, Nonce, Signed, Text, TxId, UnixSeconds, WalletId,
};

use crate::config::Config;
use crate::event::{Event, Fault, NotPaid};
use crate::output::PeerId;
use crate::record::LogRecord;

/// Everything a decision may look at beside the durable state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) trust: &'a Trust,
    pub(crate) signer: &'a SigningKey,
    pub(crate) me: WalletId,
    /// The calendar, never before the newest date that the office signed.
    pub(crate) today: UnixSeconds,
    pub(crate) certificate: &'a Verified<Certificate>,
    pub(crate) payer: Option<&'a Payer>,
    pub(crate) nonce: Nonce,
}

/// A question to the person that is not answered. It is not durable.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) peer: PeerId,
    pub(crate) request: Signed<CommitRequest>,
    pub(crate) order: Text<ORDER_TEXT_MAX>,
    pub(crate) payee: Signed<Certificate>,
    /// When the seller will have given up, on this device's monotonic clock.
    pub(crate) until_ms: u64,
}

/// The questions to the person that a request meets.
#[derive(Debug)]
pub(crate) struct Prompts<'a> {
    /// The one about the same payment.
    pub(crate) same: Option<&'a Asked>,
    /// True if no other may be asked now: one of this payee is open, or too many are.
    pub(crate) full: bool,
}

/// What a decision yields: records first, then words, then news.
#[derive(Debug, Default)]
#[must_use = "a step takes effect only once it is carried out"]
pub(crate) struct Step {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) forced: bool,
    pub(crate) say: Vec<Message>,
    pub(crate) events: Vec<Event>,
    pub(crate) fault: Option<Fault>,
    pub(crate) ask: Option<(Signed<CommitRequest>, Text<ORDER_TEXT_MAX>)>,
    pub(crate) forget: Option<(TxId, NotPaid)>,
}

impl Step {
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn fault(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    pub(crate) fn say(message: Message) -> Self {
        Self { say: vec![message], ..Self::default() }
    }

    pub(crate) fn force(record: LogRecord) -> Self {
        Self { records: vec![record], forced: true, ..Self::default() }
    }

    /// A forced record; a lazy one if `mutant` is alive.
    pub(crate) fn force_unless(mutant: Mutant, record: LogRecord) -> Self {
        Self { forced: !mutant::is(mutant), ..Self::force(record) }
    }

    pub(crate) fn lazily(record: LogRecord) -> Self {
        Self { records: vec![record], ..Self::default() }
    }

    pub(crate) fn and_say(mut self, message: Message) -> Self {
        self.say.push(message);
        self
    }

    pub(crate) fn and_tell(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    pub(crate) fn and_blame(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}
