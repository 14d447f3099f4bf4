//! How a simulated journal lies on its disk.
//!
//! Two generations of log and snapshot take turns, so that a snapshot is made beside the old one
//! and comes into force by one sector of the head.

use crate::frame::{Frame, RecordHash, Replay};
use crate::journal::{LoadError, Lsn};
use crate::sled_file::Row;

use super::disk::SECTOR_BYTES;

/// Two sectors, each a generation and the length of the archive; the newer one counts.
pub(super) const HEAD: u8 = 0;
/// Two sectors, each the last record known to be durable; the newer one counts.
pub(super) const MARK: u8 = 1;
/// Frames of archived rows.
pub(super) const ARCHIVE: u8 = 2;

/// The log of a generation: frames, each from the start of a sector.
pub(super) fn log_file(generation: u64) -> u8 {
    if generation.is_multiple_of(2) { 3 } else { 4 }
}

/// The snapshot of a generation: one frame.
pub(super) fn snapshot_file(generation: u64) -> u8 {
    if generation.is_multiple_of(2) { 5 } else { 6 }
}

/// How many sectors `bytes` take.
pub(super) fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR_BYTES)
}

/// `bytes`, padded to whole sectors.
pub(super) fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(sectors(bytes.len()) * SECTOR_BYTES, 0);
    bytes
}

/// A sector of the head or the mark.
pub(super) fn pair_bytes(newer: u64, value: u64) -> Vec<u8> {
    let mut bytes = [newer.to_le_bytes(), value.to_le_bytes()].concat();
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The newer of the two sectors in `file`, zeros if none was ever written.
///
/// A disk never tears a sector, so that one which is neither empty nor whole is damage.
pub(super) fn newest_pair(file: &[u8]) -> Result<(u64, u64), LoadError> {
    let mut newest = (0, 0);
    for sector in file.chunks(SECTOR_BYTES).filter(|sector| !is_zero(sector)) {
        newest = newest.max(parse_pair(sector).ok_or(LoadError::Snapshot)?);
    }
    Ok(newest)
}

fn parse_pair(sector: &[u8]) -> Option<(u64, u64)> {
    let (body, rest) = sector.split_at_checked(16)?;
    let check = u32::from_le_bytes(*rest.first_chunk()?);
    if check != crc32fast::hash(body) || !is_zero(rest.get(4..)?) {
        return None;
    }
    let (newer, value) = body.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*newer), u64::from_le_bytes(*value.first_chunk()?)))
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

/// The frame of a snapshot: its `prev` is the hash of the record covered, and its first eight
/// bytes are the generation.
pub(super) fn snapshot_frame(
    generation: u64,
    upto: Lsn,
    hash: RecordHash,
    state: &[u8],
) -> Vec<u8> {
    let bytes = [&generation.to_le_bytes(), state].concat();
    // Record 0 has no frame, and a snapshot may cover it.
    Frame { lsn: upto.next(), forced: upto, prev: hash, bytes }.encode().0
}

/// The snapshot of `generation` in `file`.
pub(super) fn parse_snapshot(
    file: &[u8],
    generation: u64,
) -> Result<(Lsn, RecordHash, Vec<u8>), LoadError> {
    let (frame, _) = Frame::decode(file).ok_or(LoadError::Snapshot)?;
    let state = frame.bytes.strip_prefix(generation.to_le_bytes().as_slice());
    let state = state.ok_or(LoadError::Snapshot)?.to_vec();
    Ok((frame.forced, frame.prev, state))
}

/// Archived rows as frames on whole sectors, the first numbered `at`.
pub(super) fn archive_frames(at: u64, rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    for (n, (key, value)) in (at + 1..).zip(rows) {
        let bytes = [&(key.len() as u64).to_le_bytes(), key.as_slice(), value].concat();
        let frame = Frame { lsn: Lsn(n), forced: Lsn(0), prev: RecordHash::NONE, bytes };
        out.extend(padded(frame.encode().0));
    }
    out
}

/// The rows in the first `length` sectors of the archive, in the order they were put.
pub(super) fn parse_archive(file: &[u8], length: usize) -> Result<Vec<Row>, LoadError> {
    let mut rest = file.get(..length * SECTOR_BYTES).ok_or(LoadError::Snapshot)?;
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let (frame, _) = Frame::decode(rest).ok_or(LoadError::Snapshot)?;
        if frame.lsn != Lsn(rows.len() as u64 + 1) {
            return Err(LoadError::Snapshot);
        }
        rest = rest.get(frame_sectors(&frame) * SECTOR_BYTES..).unwrap_or_default();
        rows.push(parse_row(&frame.bytes).ok_or(LoadError::Snapshot)?);
    }
    Ok(rows)
}

fn parse_row(bytes: &[u8]) -> Option<Row> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (key, value) = rest.split_at_checked(length)?;
    Some((key.to_vec(), value.to_vec()))
}

fn frame_sectors(frame: &Frame) -> usize {
    sectors(crate::frame::HEADER_BYTES + frame.bytes.len())
}

/// Feeds the frames of `log` to `replay`; returns at which sector each record starts, and the
/// sector after the last one.
pub(super) fn replay_log(log: &[u8], replay: &mut Replay) -> (Vec<usize>, usize) {
    let (mut starts, mut end, mut at) = (Vec::new(), 0, 0);
    while let Some(rest) = log.get(at * SECTOR_BYTES..).filter(|rest| !rest.is_empty()) {
        let sector = rest.get(..SECTOR_BYTES).unwrap_or(rest);
        if is_zero(sector) {
            replay.hole();
            at += 1;
            continue;
        }
        let found = Frame::decode(rest);
        let length = found.as_ref().map_or(1, |(frame, _)| frame_sectors(frame));
        if replay.push(found) {
            starts.push(at);
            end = at + length;
        }
        at += length;
    }
    (starts, end)
}
