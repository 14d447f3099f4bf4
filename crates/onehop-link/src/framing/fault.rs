//! What can be wrong with a frame, and why a channel ends.

/// Why a frame was dropped. The peer broke the rules, or the bearer damaged the frame.
///
/// The channel goes on: what was in the frame is sent again if it mattered. Count them; many from
/// one peer are a reason to close its link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameFault {
    /// The frame ends before its header does. Drop it.
    #[error("frame ends inside its header")]
    Truncated,
    /// The first byte names no frame of this version. Drop it; the peer may be newer.
    #[error("no frame begins with byte {first:#04x}")]
    UnknownKind {
        /// The first byte.
        first: u8,
    },
    /// The frame is longer than any bearer carries. Drop it.
    #[error("frame of {len} bytes is longer than any bearer carries")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// A number is not written in its shortest form, or is larger than its field. Drop it.
    #[error("number in a frame is not canonical or too large")]
    BadNumber,
    /// Bytes follow the end of the frame, or a piece carries none. Drop it.
    #[error("frame has bytes missing or left over")]
    BadLength,
    /// The piece reaches beyond the longest message. Nothing was allocated for it. Drop it.
    #[error("message would reach byte {end}, beyond the longest allowed")]
    MessageTooLong {
        /// Where the piece ends within its message body.
        end: usize,
    },
    /// The piece is too far ahead to be kept. It is sent again when its turn comes.
    #[error("piece of message {message} is too far ahead")]
    TooFarAhead {
        /// The number of the message.
        message: u32,
    },
    /// Messages are waiting to be polled and no room is left. Poll them; the piece comes again.
    #[error("no room until waiting messages are polled")]
    NoRoom,
    /// The peer acknowledges what was never sent. Drop it.
    #[error("acknowledges message {message}, which was not sent")]
    AcknowledgesUnsent {
        /// The number of the message.
        message: u32,
    },
    /// A reassembled message failed its check. The channel is reset; open another.
    #[error("message {message} arrived damaged")]
    Damaged {
        /// The number of the message.
        message: u32,
    },
    /// This side of a channel does not take such a frame, or not for this channel. Drop it.
    #[error("frame is out of place")]
    OutOfPlace,
    /// The channel has ended, or has no connection. Drop it.
    #[error("channel has no connection")]
    NotConnected,
    /// The channel ran out of message numbers. Open another.
    #[error("channel ran out of message numbers")]
    Exhausted,
}

/// Why a message was not taken for sending. It was not queued; the channel is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendRefused {
    /// Too long for any channel. Give up, or cut it above.
    #[error("message of {len} bytes is longer than {max}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The longest message taken.
        max: usize,
    },
    /// Too much is waiting for the peer's acknowledgement. Try again once something was sent.
    #[error("{waiting} bytes already wait to be sent")]
    Full {
        /// Bytes that wait.
        waiting: usize,
    },
    /// The channel has ended or is not known. Open another.
    #[error("channel has ended")]
    Ended,
}

/// Why a channel was ended by a RESET frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The peer does not know the channel that was to be resumed.
    Unknown,
    /// A message arrived damaged.
    Damaged,
    /// The peer has no room for another channel.
    Busy,
    /// The peer is done with the channel.
    Closed,
}

impl ResetReason {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Unknown => 1,
            Self::Damaged => 2,
            Self::Busy => 3,
            Self::Closed => 4,
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Unknown),
            2 => Some(Self::Damaged),
            3 => Some(Self::Busy),
            4 => Some(Self::Closed),
            _ => None,
        }
    }
}
