//! The bytes of a frame; the module doc of [`framing`](super) has the table.

use super::{
    ChannelId, FRAME_MAX, FrameFault, ResetReason,
    position::{Position, Run},
};

/// Runs named by one acknowledgement, at most.
pub(super) const RUNS_MAX: usize = 3;

const KIND_MASK: u8 = 0b1100_0000;
const KIND_SEGMENT: u8 = 0b0000_0000;
const KIND_OPEN: u8 = 0b0100_0000;
const KIND_RESET: u8 = 0b1100_0000;

const DATA: u8 = 0b0000_0001;
const LAST: u8 = 0b0000_0010;
const OFFSET: u8 = 0b0000_0100;
const ACK: u8 = 0b0000_1000;
const ACK_OFFSET: u8 = 0b0001_0000;
const SEGMENT_RESERVED: u8 = 0b0010_0000;

const VERSION_MASK: u8 = 0b0000_1111;
const VERSION: u8 = 1;
const RESUME: u8 = 0b0001_0000;
const POSITION: u8 = 0b0010_0000;

const REASON_MASK: u8 = 0b0011_1111;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Open(Open),
    Segment(Segment<'a>),
    Reset(ResetReason),
}

/// The connecting side names the channel and says what it expects next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) id: ChannelId,
    /// The connecting side has heard its peer on this channel before.
    pub(crate) resume: bool,
    pub(crate) expects: Position,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) ack: Option<Ack>,
    pub(crate) piece: Option<Piece<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) expects: Position,
    /// Only written when the segment carries no piece.
    pub(crate) runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) start: Position,
    pub(crate) last: bool,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    pub(crate) fn decode(frame: &'a [u8]) -> Result<Self, FrameFault> {
        if frame.len() > FRAME_MAX {
            return Err(FrameFault::TooLong { len: frame.len() });
        }
        let (&first, rest) = frame.split_first().ok_or(FrameFault::Truncated)?;
        let mut reader = Reader { rest };
        match first & KIND_MASK {
            KIND_SEGMENT => Ok(Self::Segment(decode_segment(first, &mut reader)?)),
            KIND_OPEN => Ok(Self::Open(decode_open(first, &mut reader)?)),
            KIND_RESET => {
                let reason = ResetReason::from_code(first & REASON_MASK);
                let reason = reason.ok_or(FrameFault::UnknownKind { first })?;
                reader.finish()?;
                Ok(Self::Reset(reason))
            }
            _ => Err(FrameFault::UnknownKind { first }),
        }
    }
}

fn decode_open(first: u8, reader: &mut Reader<'_>) -> Result<Open, FrameFault> {
    if first & VERSION_MASK != VERSION {
        return Err(FrameFault::UnknownKind { first });
    }
    let id = ChannelId(reader.array()?);
    let expects =
        if first & POSITION == 0 { Position::default() } else { reader.position(true)? };
    if first & POSITION != 0 && expects == Position::default() {
        return Err(FrameFault::BadNumber);
    }
    reader.finish()?;
    Ok(Open { id, resume: first & RESUME != 0, expects })
}

fn decode_segment<'a>(first: u8, reader: &mut Reader<'a>) -> Result<Segment<'a>, FrameFault> {
    let has = |flag: u8| first & flag != 0;
    let lone_flag = (has(LAST | OFFSET) && !has(DATA)) || (has(ACK_OFFSET) && !has(ACK));
    if has(SEGMENT_RESERVED) || lone_flag || !has(DATA | ACK) {
        return Err(FrameFault::UnknownKind { first });
    }
    let expects = if has(ACK) { Some(reader.flagged_position(has(ACK_OFFSET))?) } else { None };
    let piece = if has(DATA) {
        let start = reader.flagged_position(has(OFFSET))?;
        let bytes = std::mem::take(&mut reader.rest);
        if bytes.is_empty() {
            return Err(FrameFault::BadLength);
        }
        start.after(bytes.len(), has(LAST))?;
        Some(Piece { start, last: has(LAST), bytes })
    } else {
        None
    };
    let ack = match expects {
        Some(expects) => Some(Ack { expects, runs: reader.runs(expects)? }),
        None => None,
    };
    Ok(Segment { ack, piece })
}

impl Open {
    /// Something of the channel has arrived at the connecting side, whatever its flags say.
    pub(crate) fn resumes_something(&self) -> bool {
        self.resume || self.expects != Position::default()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut first = KIND_OPEN | VERSION;
        if self.resume {
            first |= RESUME;
        }
        let mut out = vec![first];
        out.extend_from_slice(&self.id.0);
        if self.expects != Position::default() {
            out[0] |= POSITION;
            put_varint(&mut out, self.expects.message);
            put_varint(&mut out, u32::from(self.expects.offset));
        }
        out
    }
}

/// Returns the one byte that ends a channel.
pub(crate) fn encode_reset(reason: ResetReason) -> Vec<u8> {
    vec![KIND_RESET | reason.code()]
}

/// Returns a segment that only acknowledges, with as many of `runs` as fit in `mtu` bytes.
pub(super) fn encode_ack(expects: Position, runs: &[Run], mtu: usize) -> Vec<u8> {
    let mut out = segment_head(Some(expects), None);
    for run in runs.iter().take(RUNS_MAX) {
        let before = out.len();
        put_varint(&mut out, run.start.message.saturating_sub(expects.message));
        put_varint(&mut out, u32::from(run.start.offset));
        put_varint(&mut out, run.end.message.saturating_sub(run.start.message));
        put_varint(&mut out, u32::from(run.end.offset));
        if out.len() > mtu {
            out.truncate(before);
            break;
        }
    }
    out
}

/// Returns the head of a segment whose piece starts at `start`: the piece's bytes follow it.
pub(super) fn segment_head(ack: Option<Position>, start: Option<Position>) -> Vec<u8> {
    let mut out = vec![KIND_SEGMENT];
    for (position, flag, offset_flag) in [(ack, ACK, ACK_OFFSET), (start, DATA, OFFSET)] {
        let Some(position) = position else { continue };
        out[0] |= flag;
        put_varint(&mut out, position.message);
        if position.offset != 0 {
            out[0] |= offset_flag;
            put_varint(&mut out, u32::from(position.offset));
        }
    }
    out
}

/// Marks the piece of a segment as the last of its message.
pub(super) fn mark_last(frame: &mut [u8]) {
    if let Some(first) = frame.first_mut() {
        *first |= LAST;
    }
}

/// Appends `value`, seven bits a byte, lowest first, the top bit set on all but the last.
fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, FrameFault> {
        let (&byte, rest) = self.rest.split_first().ok_or(FrameFault::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameFault> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(FrameFault::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u32, FrameFault> {
        let mut value: u64 = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift != 0 {
                    return Err(FrameFault::BadNumber);
                }
                return u32::try_from(value).map_err(|_| FrameFault::BadNumber);
            }
        }
        Err(FrameFault::BadNumber)
    }

    /// Reads a message number and, if `offset` says that one follows, an offset.
    fn position(&mut self, offset: bool) -> Result<Position, FrameFault> {
        let mut position = Position::start_of(self.varint()?);
        if offset {
            let offset = u16::try_from(self.varint()?).map_err(|_| FrameFault::BadNumber)?;
            position = position.after(usize::from(offset), false)?;
        }
        Ok(position)
    }

    /// As [`Reader::position`], where an offset of 0 has to be left out.
    fn flagged_position(&mut self, offset: bool) -> Result<Position, FrameFault> {
        let position = self.position(offset)?;
        if offset && position.offset == 0 { Err(FrameFault::BadNumber) } else { Ok(position) }
    }

    fn runs(&mut self, expects: Position) -> Result<Vec<Run>, FrameFault> {
        let mut runs = Vec::new();
        while !self.rest.is_empty() {
            if runs.len() == RUNS_MAX {
                return Err(FrameFault::BadLength);
            }
            let start = self.position_from(expects.message)?;
            let end = self.position_from(start.message)?;
            if start <= expects || end <= start {
                return Err(FrameFault::BadNumber);
            }
            runs.push(Run { start, end });
        }
        Ok(runs)
    }

    fn position_from(&mut self, message: u32) -> Result<Position, FrameFault> {
        let relative = self.position(true)?;
        let message = Position::start_of(message).message_after(relative.message);
        Ok(Position { message: message.ok_or(FrameFault::BadNumber)?, ..relative })
    }

    fn finish(&self) -> Result<(), FrameFault> {
        if self.rest.is_empty() { Ok(()) } else { Err(FrameFault::BadLength) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_frame_is_read_as_it_was_written() {
        let at = |message, offset| Position { message, offset };
        let open = Open { id: ChannelId([7; 8]), resume: true, expects: at(300, 2) };
        assert_eq!(Frame::decode(&open.encode()), Ok(Frame::Open(open)));
        let reset = encode_reset(ResetReason::Busy);
        assert_eq!(Frame::decode(&reset), Ok(Frame::Reset(ResetReason::Busy)));
        let runs =
            vec![Run { start: at(2, 40), end: at(2, 60) }, Run { start: at(3, 0), end: at(9, 0) }];
        let ack = encode_ack(at(2, 20), &runs, 20);
        let expected = Segment { ack: Some(Ack { expects: at(2, 20), runs }), piece: None };
        assert_eq!(Frame::decode(&ack), Ok(Frame::Segment(expected)));
        let mut data = segment_head(Some(at(1, 0)), Some(at(5, 16)));
        data.extend_from_slice(b"abc");
        mark_last(&mut data);
        let piece = Some(Piece { start: at(5, 16), last: true, bytes: b"abc" });
        let expected = Segment { ack: Some(Ack { expects: at(1, 0), runs: Vec::new() }), piece };
        assert_eq!(Frame::decode(&data), Ok(Frame::Segment(expected)));
    }

    #[test]
    fn a_number_of_2_to_the_28_less_1_is_refused_where_it_cannot_be() {
        // An offset of 2^28 - 1.
        let frame = [DATA | OFFSET, 0, 0xFF, 0xFF, 0xFF, 0x7F, 1];
        assert_eq!(Frame::decode(&frame), Err(FrameFault::BadNumber));
        // The last message number can have no last piece.
        let frame = [DATA | LAST, 0xFF, 0xFF, 0xFF, 0x7F, 1];
        assert_eq!(Frame::decode(&frame), Err(FrameFault::Exhausted));
        // A run that begins one message later.
        let frame = [ACK, 0xFF, 0xFF, 0xFF, 0x7F, 1, 1, 0, 2];
        assert_eq!(Frame::decode(&frame), Err(FrameFault::BadNumber));
    }

    #[test]
    fn numbers_in_a_longer_form_or_of_five_bytes_are_refused() {
        assert_eq!(Frame::decode(&[ACK, 0x80, 0x00]), Err(FrameFault::BadNumber));
        assert_eq!(Frame::decode(&[ACK | ACK_OFFSET, 1, 0]), Err(FrameFault::BadNumber));
        assert_eq!(Frame::decode(&[ACK, 0xFF, 0xFF, 0xFF, 0xFF, 1]), Err(FrameFault::BadNumber));
    }
}
