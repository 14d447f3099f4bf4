//! Log records as bytes: a frame chained to the one before by its hash, and the rule for what may
//! be missing at the end of a log. Pure.
//!
//! ```text
//! offset  0        4        12       20       52       84
//!         | length | lsn    | forced | prev   | hash   | bytes ... |
//!         | u32    | u64    | u64    | 32     | 32     | length    |
//! ```
//!
//! Numbers are little-endian. `forced` is the last record known to be durable when the frame was
//! made, `prev` the `hash` of the record before, and `hash` the SHA-256 (FIPS 180-4) of all the
//! rest. So a frame can be judged alone, a frame that survived tells what else must have, and the
//! hash of the last record stands for every record before it.

use sha2::{Digest as _, Sha256};

use crate::journal::{LoadError, Loaded, Lsn};

/// The bytes of a frame before the record itself.
pub const HEADER_BYTES: usize = 84;
/// The bytes of a SHA-256.
pub const HASH_BYTES: usize = 32;
/// The longest record.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The hash of a frame, by which the next one names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHash(pub [u8; HASH_BYTES]);

impl RecordHash {
    /// That of the empty log: zeros.
    pub const NONE: Self = Self([0; HASH_BYTES]);
}

/// A log record with what binds it to its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its number.
    pub lsn: Lsn,
    /// The last record known to be durable when this frame was made.
    pub forced: Lsn,
    /// The hash of the record before.
    pub prev: RecordHash,
    /// The record.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The frame as bytes, and its hash.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, RecordHash) {
        let mut out = Vec::with_capacity(HEADER_BYTES + self.bytes.len());
        // Callers refuse records above `RECORD_BYTES_MAX`; a longer one would fail its hash.
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        out.extend(length.to_le_bytes());
        out.extend(self.lsn.0.to_le_bytes());
        out.extend(self.forced.0.to_le_bytes());
        out.extend(self.prev.0);
        let hash = hash(&out, &self.bytes);
        out.extend(hash.0);
        out.extend(&self.bytes);
        (out, hash)
    }

    /// Reads the frame at the start of `bytes`, which may go on behind it; `None` if there is no
    /// whole frame.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, RecordHash)> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (lsn, rest) = rest.split_first_chunk::<8>()?;
        let (forced, rest) = rest.split_first_chunk::<8>()?;
        let (prev, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let (found, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let record = rest.get(..length)?;
        let frame = Self {
            lsn: Lsn(u64::from_le_bytes(*lsn)),
            forced: Lsn(u64::from_le_bytes(*forced)),
            prev: RecordHash(*prev),
            bytes: record.to_vec(),
        };
        let hash = hash(bytes.get(..HEADER_BYTES - HASH_BYTES)?, record);
        // Record 0 does not exist, so that a run of zeros is never a frame.
        (frame.lsn != Lsn(0) && hash.0 == *found).then_some((frame, hash))
    }
}

fn hash(header: &[u8], record: &[u8]) -> RecordHash {
    RecordHash(Sha256::new().chain_update(header).chain_update(record).finalize().into())
}

/// Puts a log back together frame by frame.
///
/// The first frame that is damaged, or does not follow, ends the log. That is a torn tail, to be
/// cut, as long as nothing says that the missing record had been made durable; if the mark, or any
/// later frame, says so, it is damage.
#[derive(Debug)]
pub struct Replay {
    last: Lsn,
    hash: RecordHash,
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
    /// The hash of the last record.
    pub hash: RecordHash,
}

impl Replay {
    /// A log that goes on after record `after` with hash `hash`, of which records up to
    /// `forced` are known to have been durable.
    #[must_use]
    pub fn new(after: Lsn, hash: RecordHash, forced: Lsn) -> Self {
        let forced = forced.max(after);
        Self { last: after, hash, forced, records: Vec::new(), cut: 0, torn: None, hole: false }
    }

    /// Takes the next frame, `None` for a damaged one; says whether it belongs to the log.
    pub fn push(&mut self, frame: Option<(Frame, RecordHash)>) -> bool {
        let Some((frame, hash)) = frame else {
            self.torn.get_or_insert(Tear::Damaged);
            self.cut += 1;
            return false;
        };
        let follows = frame.lsn == self.last.next() && frame.prev == self.hash;
        if self.torn.is_none() && !self.hole && follows {
            self.last = frame.lsn;
            self.hash = hash;
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
        let Self { last, hash, forced, records, cut, torn, hole: _ } = self;
        if last >= forced {
            return Ok(Replayed { records, cut, last, hash });
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

/// Frames for `records`, the first numbered `first`; returns the last one's hash as well.
#[must_use]
pub fn frames(
    first: Lsn,
    records: &[Vec<u8>],
    forced: Lsn,
    mut prev: RecordHash,
) -> (Vec<(Lsn, Vec<u8>)>, RecordHash) {
    let mut out = Vec::with_capacity(records.len());
    let mut lsn = first;
    for record in records {
        let (bytes, hash) = Frame { lsn, forced, prev, bytes: record.clone() }.encode();
        out.push((lsn, bytes));
        prev = hash;
        lsn = lsn.next();
    }
    (out, prev)
}
