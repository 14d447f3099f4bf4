//! Log records as bytes: a checksummed frame chained to the one before, and the rule for what may
//! be missing at the end of a log. Pure.
//!
//! ```text
//! offset  0        4        12          20       24       28
//!         | length | lsn    | forced    | prev   | check  | bytes ... |
//!         | u32    | u64    | u64       | u32    | u32    | length    |
//! ```
//!
//! All little-endian. `forced` is the last record known to be durable when the frame was made,
//! `prev` the `check` of the record before, and `check` the CRC-32 of all the rest. So a frame can
//! be judged alone, and a frame that survived tells what else must have.

use crate::journal::{LoadError, Loaded, Lsn};

/// The bytes of a frame before the record itself.
pub const HEADER_BYTES: usize = 28;
/// The longest record.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The checksum of a frame, by which the next one names it; that of the empty log is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Check(pub u32);

/// A log record with what binds it to its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub lsn: Lsn,
    /// The last record known to be durable when this frame was made.
    pub forced: Lsn,
    /// The checksum of the record before.
    pub prev: Check,
    /// The record.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The frame as bytes, and its checksum.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, Check) {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.bytes.len());
        // Callers refuse records above `RECORD_BYTES_MAX`; a longer one would fail its checksum.
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        out.extend(length.to_le_bytes());
        out.extend(self.lsn.0.to_le_bytes());
        out.extend(self.forced.0.to_le_bytes());
        out.extend(self.prev.0.to_le_bytes());
        let check = checksum(&out, &self.bytes);
        out.extend(check.0.to_le_bytes());
        out.extend(&self.bytes);
        (out, check)
    }

    /// Reads the frame at the start of `bytes`, which may go on behind it; `None` if there is no
    /// whole frame.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, Check)> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (lsn, rest) = rest.split_first_chunk::<8>()?;
        let (forced, rest) = rest.split_first_chunk::<8>()?;
        let (prev, rest) = rest.split_first_chunk::<4>()?;
        let (check, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let record = rest.get(..length)?;
        let check = Check(u32::from_le_bytes(*check));
        let frame = Self {
            lsn: Lsn(u64::from_le_bytes(*lsn)),
            forced: Lsn(u64::from_le_bytes(*forced)),
            prev: Check(u32::from_le_bytes(*prev)),
            bytes: record.to_vec(),
        };
        let header = bytes.get(..HEADER_BYTES - 4)?;
        // Record 0 does not exist, so that a run of zeros is never a frame.
        (frame.lsn != Lsn(0) && checksum(header, record) == check).then_some((frame, check))
    }
}

fn checksum(header: &[u8], record: &[u8]) -> Check {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(record);
    Check(hasher.finalize())
}

/// Puts a log back together frame by frame.
///
/// The first frame that is damaged, or does not follow, ends the log. That is a torn tail, to be
/// cut, as long as nothing says that the missing record had been made durable; if the mark, or any
/// later frame, says so, it is damage.
#[derive(Debug)]
pub struct Replay {
    last: Lsn,
    check: Check,
    /// The last record known to have been durable.
    forced: Lsn,
    records: Vec<(Lsn, Vec<u8>)>,
    cut: u64,
    /// Why the log ended, once it has.
    torn: Option<Tear>,
    /// Whether empty space was met, behind which nothing can follow.
    hole: bool,
}

#[derive(Clone, Copy, Debug)]
enum Tear {
    Damaged,
    Gap { found: Lsn },
}

/// A log put back together.
#[derive(Debug)]
pub struct Replayed {
    /// The records.
    pub records: Vec<(Lsn, Vec<u8>)>,
    /// How many frames are to be cut off behind them.
    pub cut: u64,
    /// The last record.
    pub last: Lsn,
    /// The checksum of the last record.
    pub check: Check,
}

impl Replay {
    /// A log that goes on after record `after` with checksum `check`, of which records up to
    /// `forced` are known to have been durable.
    #[must_use]
    pub fn new(after: Lsn, check: Check, forced: Lsn) -> Self {
        let forced = forced.max(after);
        Self { last: after, check, forced, records: Vec::new(), cut: 0, torn: None, hole: false }
    }

    /// Takes the next frame, `None` for a damaged one; says whether it belongs to the log.
    pub fn push(&mut self, frame: Option<(Frame, Check)>) -> bool {
        let Some((frame, check)) = frame else {
            self.torn.get_or_insert(Tear::Damaged);
            self.cut += 1;
            return false;
        };
        let follows = frame.lsn == self.last.next() && frame.prev == self.check;
        if self.torn.is_none() && !self.hole && follows {
            self.last = frame.lsn;
            self.check = check;
            self.forced = self.forced.max(frame.forced);
            self.records.push((frame.lsn, frame.bytes));
            return true;
        }
        self.torn.get_or_insert(Tear::Gap { found: frame.lsn });
        self.forced = self.forced.max(frame.forced);
        self.cut += 1;
        false
    }

    /// Notes that the next place is empty: the log ends here, or what follows is stranded.
    pub fn hole(&mut self) {
        self.hole = true;
    }

    /// The log, once all frames were taken.
    ///
    /// # Errors
    /// [`LoadError::Damaged`], [`LoadError::Gap`] or [`LoadError::Lost`] if a record is missing
    /// that had been made durable.
    pub fn finish(self) -> Result<Replayed, LoadError> {
        let Self { last, check, forced, records, cut, torn, hole: _ } = self;
        if last >= forced {
            return Ok(Replayed { records, cut, last, check });
        }
        Err(match torn {
            None => LoadError::Lost { last, forced },
            Some(Tear::Damaged) => LoadError::Damaged { lsn: last.next(), forced },
            Some(Tear::Gap { found }) => LoadError::Gap { expected: last.next(), found },
        })
    }
}

impl Replayed {
    /// As a journal returns it, beside the snapshot it follows.
    #[must_use]
    pub fn into_loaded(self, snapshot: Option<(Lsn, Vec<u8>)>) -> Loaded {
        Loaded { snapshot, records: self.records, cut: self.cut }
    }
}

/// Frames for `records`, the first numbered `first`; returns the last one's checksum as well.
#[must_use]
pub fn frames(
    first: Lsn,
    records: &[Vec<u8>],
    forced: Lsn,
    mut prev: Check,
) -> (Vec<(Lsn, Vec<u8>)>, Check) {
    let mut out = Vec::with_capacity(records.len());
    let mut lsn = first;
    for record in records {
        let (bytes, check) = Frame { lsn, forced, prev, bytes: record.clone() }.encode();
        out.push((lsn, bytes));
        prev = check;
        lsn = lsn.next();
    }
    (out, prev)
}
