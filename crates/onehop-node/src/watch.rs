//! What tests, demonstrations and traces see of a node, act by act.

use onehop_proto::PeerId;

/// Something that a node is about to do, or has done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// Records go to the log.
    Persist {
        /// Number of the first.
        first: u64,
        /// Their names.
        records: Vec<&'static str>,
        /// Nothing leaves before they are durable.
        forced: bool,
    },
    /// A packet is handed to a channel.
    Send {
        /// The channel.
        peer: PeerId,
        /// Name of the message inside.
        name: &'static str,
        /// Length of the packet.
        bytes: usize,
    },
    /// A packet has arrived and is handed to the wallet.
    Receive {
        /// The channel.
        peer: PeerId,
        /// Length of the packet.
        bytes: usize,
    },
    /// A channel came up.
    Up {
        /// The channel.
        peer: PeerId,
        /// This device connected, as buyers do.
        as_buyer: bool,
    },
    /// A channel is over.
    Down {
        /// The channel.
        peer: PeerId,
    },
}

/// Whether a node goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Go {
    /// It does.
    On,
    /// It first cuts all channels at once. A packet that was to be sent or taken is lost then;
    /// records are kept all the same.
    Cut,
}

/// Looks on while a node acts.
///
/// Both methods are called by the event loop and hold it up as long as they take. One that waits
/// for a person needs a runtime of several threads, so that the link goes on meanwhile.
pub trait Watch: Send {
    /// `act` is about to be done; all before it are.
    fn before(&mut self, act: &Act) -> Go;

    /// `act` is done: records are durable if forced, packets are with the link.
    fn after(&mut self, act: &Act);
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn before(&mut self, _: &Act) -> Go {
        Go::On
    }

    fn after(&mut self, _: &Act) {}
}
