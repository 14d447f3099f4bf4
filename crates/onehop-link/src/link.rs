//! What a bearer of frames can do: the [`Link`] trait and what it reports.

use std::future::Future;

/// A connection to one peer. Never used again for another by the same [`Link`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// Somebody who was heard and to whom one can connect, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerRef(pub u64);

/// The longest look-up, in bytes.
pub const LOOKUP_MAX: usize = 256;

/// What happened on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// A look-up was heard. The same one is reported again every few seconds while it goes on.
    Heard {
        /// Whom to connect to.
        peer: PeerRef,
        /// What the announcer said, at most [`LOOKUP_MAX`] bytes that anyone could have sent.
        lookup: Vec<u8>,
    },
    /// A connection is ready for frames.
    Up {
        /// The connection.
        link: LinkId,
        /// This device connected; otherwise the peer did.
        initiator: bool,
        /// The longest frame it carries, in bytes.
        mtu: usize,
    },
    /// A connection is gone, or could not be made. Said once for each.
    Down {
        /// The connection.
        link: LinkId,
    },
    /// A frame arrived. It may be a repeat, or before its turn.
    Frame {
        /// The connection.
        link: LinkId,
        /// The frame, not longer than the MTU.
        bytes: Vec<u8>,
    },
}

/// Why a link could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The link has stopped for good. Make another.
    #[error("link has stopped")]
    Stopped,
    /// The connection is gone or never was. Its `Down` has come or will come; connect again.
    #[error("no connection {}", link.0)]
    UnknownLink {
        /// The connection that was named.
        link: LinkId,
    },
    /// The peer was heard too long ago, or never. Wait until it is heard again.
    #[error("peer {} is not within hearing", peer.0)]
    UnknownPeer {
        /// The peer that was named.
        peer: PeerRef,
    },
    /// As many connections as allowed are open. Close one or wait.
    #[error("already at {max} connections")]
    TooManyLinks {
        /// How many are allowed.
        max: usize,
    },
    /// The frame is longer than the connection's MTU, or empty. Cut it differently.
    #[error("frame of {len} bytes does not fit 1..={mtu}")]
    FrameLength {
        /// Its length in bytes.
        len: usize,
        /// The longest frame that the connection carries.
        mtu: usize,
    },
    /// The look-up is too long. Shorten it.
    #[error("look-up of {len} bytes is longer than {LOOKUP_MAX}")]
    LookupTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The peer takes no frames. The connection was closed; its `Down` comes. Connect again.
    #[error("connection {} takes no frames", link.0)]
    Blocked {
        /// The connection.
        link: LinkId,
    },
    /// Bluetooth cannot be used here or now; it says what to do.
    #[error(transparent)]
    Ble(#[from] crate::ble::error::BleError),
    /// The operating system refused. Retrying may help; the source says why.
    #[error("failed to {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A bearer of frames between devices that are near each other.
///
/// A link is silent and deaf until [`announce`](Self::announce) or [`listen`](Self::listen) is
/// called. It may lose, repeat and reorder frames; a [`Channel`](crate::framing::Channel) mends
/// that. It knows nothing of who the peer is.
///
/// A backend hands over a peer's frames as they come. Where the peer cannot be notified and reads
/// instead, at its own pace (a Bluetooth central in a web browser), the backend puts what
/// [`send`](Self::send) is given into a [`ReadQueue`](crate::read_queue::ReadQueue) and answers
/// reads from it; `send` then waits while the queue is full.
pub trait Link: Send {
    /// Waits for the next event. Cancel-safe: an event is never lost by dropping the future.
    ///
    /// Frames pile up against the peer while this is not called.
    ///
    /// # Errors
    /// [`LinkError::Stopped`] if nothing can come any more.
    fn recv(&mut self) -> impl Future<Output = Result<LinkEvent, LinkError>> + Send;

    /// Hands `frame` over for sending. Ready does not mean that it arrived.
    ///
    /// Waits while the peer is slow, for a bounded time.
    ///
    /// # Errors
    /// If the frame does not fit, or the connection is gone or blocked.
    fn send(
        &mut self,
        link: LinkId,
        frame: &[u8],
    ) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Starts to say `lookup` about every half second and to accept connections; `None` stops both.
    ///
    /// Another look-up replaces the first. Connections that are open stay open. Who may have to
    /// come back after a cut can only do so while this is on.
    ///
    /// # Errors
    /// If the look-up is too long or the bearer refuses; nothing is said then.
    fn announce(
        &mut self,
        lookup: Option<&[u8]>,
    ) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Starts or stops to hear look-ups. Peers heard before stay known for a while.
    ///
    /// # Errors
    /// If the bearer refuses; nothing is heard then.
    fn listen(&mut self, on: bool) -> impl Future<Output = Result<(), LinkError>> + Send;

    /// Begins to connect to `peer`. The result comes as `Up`, or as `Down`.
    ///
    /// # Errors
    /// If the peer is not known or too many connections are open; nothing was begun.
    fn connect(&mut self, peer: PeerRef) -> Result<LinkId, LinkError>;

    /// Closes a connection after what was sent on it is gone. Its `Down` comes; unknown ones are
    /// ignored.
    fn close(&mut self, link: LinkId);

    /// Ends the link, and waits a moment for what it leaves to the system: connections that would
    /// stay after the program, say. Dropping it ends it too, as far as the system lets it.
    fn finish(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async { drop(self) }
    }
}
