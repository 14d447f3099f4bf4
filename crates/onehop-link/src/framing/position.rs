//! Where a byte stands in one direction of a channel.

use super::{BODY_MAX, FrameFault, MESSAGE_NUMBER_MAX};

/// A place in the sequence of messages of one direction: a message and a byte of its body.
///
/// Positions do not depend on how bodies were cut into frames, which is why a channel can resume
/// over a connection with another MTU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The number of the message, from 0. Invariant: at most [`MESSAGE_NUMBER_MAX`].
    pub(crate) message: u32,
    /// The byte within its body. Invariant: at most [`BODY_MAX`].
    pub(crate) offset: u16,
}

impl Position {
    /// The first byte of message `message`.
    pub(crate) fn start_of(message: u32) -> Self {
        Self { message, offset: 0 }
    }

    /// The place after a piece of `len` bytes from here; after the last piece, the next message.
    pub(crate) fn after(self, len: usize, last: bool) -> Result<Self, FrameFault> {
        let end = usize::from(self.offset) + len;
        if end > BODY_MAX {
            return Err(FrameFault::MessageTooLong { end });
        }
        if last {
            return self.message_after(1).map(Self::start_of).ok_or(FrameFault::Exhausted);
        }
        let offset = u16::try_from(end).map_err(|_| FrameFault::MessageTooLong { end })?;
        Ok(Self { message: self.message, offset })
    }

    /// The number of the message that comes `count` later, if there are so many numbers.
    pub(crate) fn message_after(self, count: u32) -> Option<u32> {
        self.message.checked_add(count).filter(|message| *message <= MESSAGE_NUMBER_MAX)
    }
}

/// Bytes received ahead of their turn: `start` up to, but without, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: Position,
    pub(crate) end: Position,
}
