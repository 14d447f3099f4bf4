//! What the wallet asks its driver to do, strictly in order.

use onehop_wire::TxId;

use crate::event::Event;
use crate::record::LogRecord;

/// A channel to another device, as the driver numbers it. Never reused while the program runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PeerId(pub u64);

/// Consecutive records that become durable together or not at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// Log sequence number of the first record; the first of a wallet is 1.
    pub first: u64,
    /// The records, in order.
    pub records: Vec<LogRecord>,
    /// True if nothing may leave before this is durable.
    pub forced: bool,
}

impl Batch {
    /// Log sequence number of the last record.
    #[must_use]
    pub fn last(&self) -> u64 {
        let more = u64::try_from(self.records.len().saturating_sub(1)).unwrap_or(u64::MAX);
        self.first.saturating_add(more)
    }
}

/// One thing to do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "an output not carried out breaks the protocol"]
pub enum Output {
    /// Append to the log. If forced, answer with [`crate::Wallet::persisted`].
    Persist(Batch),
    /// Send a packet on a channel. It may get lost.
    Transmit {
        /// The channel.
        peer: PeerId,
        /// The packet.
        bytes: Vec<u8>,
        /// Name of the message inside, for logs; never sent.
        name: &'static str,
    },
    /// Close a channel; it will not be used again.
    Disconnect(PeerId),
    /// Tell the person.
    Notify(Event),
}

/// A message about a payment that was opened, for logs and diagrams.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Heard {
    /// Its name in the specification.
    pub message: &'static str,
    /// The payment.
    pub tx: TxId,
    /// Role and state of that payment here before the message, such as `seller INVITED`; `none`
    /// if it was not known.
    pub before: &'static str,
    /// The same after it.
    pub after: &'static str,
}
