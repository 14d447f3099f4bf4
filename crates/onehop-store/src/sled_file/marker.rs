//! The marker file `STORE`: what the store is, and how far it was made durable.
//!
//! Three sectors of 512 bytes, so that no write can tear two of them. The first says what the
//! store is and never changes. The other two are written in turn after each barrier and say which
//! batch was the newest then. They live outside the database so that they do not vanish with the
//! tail it may cut off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::dirs::sync_dir;

const MAGIC: &[u8; 8] = b"ONEHOPST";
const SECTOR_BYTES: usize = 512;
const FILE_BYTES: usize = 3 * SECTOR_BYTES;
/// The longest name of a kind.
pub(super) const KIND_BYTES_MAX: usize = 16;
const IDENTITY_BYTES: usize = 8 + 4 + KIND_BYTES_MAX;
const MARK_BYTES: usize = 16;

/// What a store is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) kind: String,
    pub(super) format: u32,
}

/// What was found where the marker should be.
pub(super) enum Found {
    /// No file.
    Nothing,
    /// A file that fails its checksums.
    Bad,
    /// A whole marker.
    Marker(Identity, Marker),
}

/// The open marker file.
#[derive(Debug)]
pub(super) struct Marker {
    file: File,
    /// How many marks were written; its parity picks the sector of the next one.
    turn: u64,
    /// The newest batch known to be durable.
    forced: u64,
}

impl Marker {
    /// Writes a new marker at `path`, durably and all or nothing.
    pub(super) fn create(path: &Path, identity: &Identity, forced: u64) -> io::Result<Self> {
        let mut bytes = vec![0; FILE_BYTES];
        put(&mut bytes, 0, &identity_bytes(identity));
        put(&mut bytes, SECTOR_BYTES, &mark_bytes(0, forced));
        let unfinished = path.with_extension("new");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        Ok(Self { file, turn: 0, forced })
    }

    /// Reads the marker at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Found> {
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let sector = |n: usize| bytes.get(n * SECTOR_BYTES..).unwrap_or_default();
        let newest = [sector(1), sector(2)].into_iter().filter_map(parse_mark).max();
        let (Some(identity), Some((turn, forced))) = (parse_identity(sector(0)), newest) else {
            return Ok(Found::Bad);
        };
        Ok(Found::Marker(identity, Self { file, turn, forced }))
    }

    /// Notes that batch `forced` is durable. The note itself is not waited for: it may lag behind
    /// a power cut, and then only weakens what can be noticed.
    pub(super) fn mark(&mut self, forced: u64) -> io::Result<()> {
        let turn = self.turn + 1;
        let sector = 1 + turn % 2;
        self.file.seek(SeekFrom::Start(sector * SECTOR_BYTES as u64))?;
        self.file.write_all(&mark_bytes(turn, forced))?;
        (self.turn, self.forced) = (turn, forced);
        Ok(())
    }

    /// The newest batch known to be durable.
    pub(super) fn forced(&self) -> u64 {
        self.forced
    }
}

fn put(bytes: &mut [u8], at: usize, part: &[u8]) {
    bytes[at..at + part.len()].copy_from_slice(part);
}

fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The first `len` bytes of `sector`, if the checksum behind them holds.
fn checked_prefix(sector: &[u8], len: usize) -> Option<&[u8]> {
    let (body, rest) = sector.split_at_checked(len)?;
    let check = rest.first_chunk::<4>()?;
    (u32::from_le_bytes(*check) == crc32fast::hash(body)).then_some(body)
}

fn identity_bytes(identity: &Identity) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(identity.format.to_le_bytes());
    bytes.extend(identity.kind.bytes().chain(std::iter::repeat(0)).take(KIND_BYTES_MAX));
    checked(bytes)
}

fn parse_identity(sector: &[u8]) -> Option<Identity> {
    let body = checked_prefix(sector, IDENTITY_BYTES)?.strip_prefix(MAGIC)?;
    let (format, kind) = body.split_first_chunk::<4>()?;
    let kind = String::from_utf8(kind.iter().copied().take_while(|byte| *byte != 0).collect());
    Some(Identity { kind: kind.ok()?, format: u32::from_le_bytes(*format) })
}

fn mark_bytes(turn: u64, forced: u64) -> Vec<u8> {
    checked([turn.to_le_bytes(), forced.to_le_bytes()].concat())
}

fn parse_mark(sector: &[u8]) -> Option<(u64, u64)> {
    let body = checked_prefix(sector, MARK_BYTES)?;
    let (turn, forced) = body.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*turn), u64::from_le_bytes(*forced.first_chunk()?)))
}
