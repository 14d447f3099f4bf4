//! The receiving half of a channel: pieces in, whole messages out.

use std::collections::{BTreeMap, VecDeque};

use super::{
    CHECK_LEN, FrameFault, WINDOW_BYTES,
    codec::{Piece, RUNS_MAX},
    crc32c::crc32c,
    position::{Position, Run},
};

/// Bytes of whole messages not yet polled, together with the one being assembled.
const READY_BYTES_MAX: usize = 32 * 1024;
/// Pieces kept ahead of their turn.
const AHEAD_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Receiving {
    next: Position,
    /// The body of message `next.message` so far. Invariant: its length is `next.offset`.
    body: Vec<u8>,
    ahead: BTreeMap<Position, Ahead>,
    ahead_bytes: usize,
    ready: VecDeque<Vec<u8>>,
    ready_bytes: usize,
}

#[derive(Debug)]
struct Ahead {
    last: bool,
    bytes: Vec<u8>,
}

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    InTurn,
    /// Ahead of its turn, or a repeat: the sender should hear at once what is missing.
    OutOfTurn,
}

impl Receiving {
    pub(super) fn take(&mut self, piece: Piece<'_>) -> Result<Taken, FrameFault> {
        let end = piece.start.after(piece.bytes.len(), piece.last)?;
        if end <= self.next {
            return Ok(Taken::OutOfTurn);
        }
        if piece.start > self.next {
            self.keep(piece)?;
            return Ok(Taken::OutOfTurn);
        }
        let had_gap = self.has_gap();
        self.append(piece)?;
        self.catch_up()?;
        Ok(if had_gap { Taken::OutOfTurn } else { Taken::InTurn })
    }

    /// Takes the next whole message, and what its leaving makes room for.
    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        let message = self.ready.pop_front()?;
        self.ready_bytes -= message.len();
        Some(message)
    }

    /// Moves pieces whose turn has come from the kept ones into the message.
    pub(super) fn catch_up(&mut self) -> Result<(), FrameFault> {
        while let Some(entry) = self.ahead.first_entry() {
            let start = *entry.key();
            let len = entry.get().bytes.len();
            if start > self.next || !self.has_room(len) {
                break;
            }
            let Some(Ahead { last, bytes }) = self.ahead.remove(&start) else { break };
            self.ahead_bytes -= len;
            if start.after(len, last)? > self.next {
                self.append(Piece { start, last, bytes: &bytes })?;
            }
        }
        Ok(())
    }

    /// Forgets the pieces kept ahead; the peer sends them again, perhaps cut differently.
    pub(super) fn disconnected(&mut self) {
        self.ahead.clear();
        self.ahead_bytes = 0;
    }

    pub(super) fn next(&self) -> Position {
        self.next
    }

    /// The runs of bytes held ahead of their turn, nearest first.
    pub(super) fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (&start, piece) in &self.ahead {
            let Ok(end) = start.after(piece.bytes.len(), piece.last) else { continue };
            // A piece whose turn has come waits for room only.
            if start <= self.next {
                continue;
            }
            if let Some(run) = runs.last_mut().filter(|run| start <= run.end) {
                run.end = run.end.max(end);
            } else if runs.len() == RUNS_MAX {
                break;
            } else {
                runs.push(Run { start, end });
            }
        }
        runs
    }

    pub(super) fn has_gap(&self) -> bool {
        !self.ahead.is_empty()
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.body.len() + self.ahead_bytes + self.ready_bytes
    }

    pub(super) fn is_between_messages(&self) -> bool {
        self.body.is_empty() && self.ahead.is_empty() && self.ready.is_empty()
    }

    fn has_room(&self, len: usize) -> bool {
        self.ready_bytes + self.body.len() + len <= READY_BYTES_MAX
    }

    fn keep(&mut self, piece: Piece<'_>) -> Result<(), FrameFault> {
        if self.ahead.contains_key(&piece.start) {
            return Ok(());
        }
        let full = self.ahead.len() == AHEAD_MAX
            || self.ahead_bytes + piece.bytes.len() > WINDOW_BYTES
            || usize::try_from(piece.start.message - self.next.message)
                .map_or(true, |distance| distance > AHEAD_MAX);
        if full {
            return Err(FrameFault::TooFarAhead { message: piece.start.message });
        }
        self.ahead_bytes += piece.bytes.len();
        self.ahead.insert(piece.start, Ahead { last: piece.last, bytes: piece.bytes.to_vec() });
        Ok(())
    }

    /// Adds a piece that starts at or before `next` and ends after it.
    fn append(&mut self, piece: Piece<'_>) -> Result<(), FrameFault> {
        let known = usize::from(self.next.offset - piece.start.offset);
        let new = piece.bytes.get(known..).ok_or(FrameFault::BadLength)?;
        if !self.has_room(new.len()) {
            return Err(FrameFault::NoRoom);
        }
        let next = self.next.after(new.len(), piece.last)?;
        self.body.extend_from_slice(new);
        let message = std::mem::replace(&mut self.next, next).message;
        if piece.last {
            let mut body = std::mem::take(&mut self.body);
            if !strip_check(&mut body) {
                return Err(FrameFault::Damaged { message });
            }
            self.ready_bytes += body.len();
            self.ready.push_back(body);
        }
        Ok(())
    }
}

/// Takes the check off the end of `body`, and says whether it was right.
fn strip_check(body: &mut Vec<u8>) -> bool {
    let Some((message, check)) = body.split_last_chunk::<CHECK_LEN>() else { return false };
    let is_right = crc32c(message) == u32::from_be_bytes(*check);
    body.truncate(body.len() - CHECK_LEN);
    is_right
}
