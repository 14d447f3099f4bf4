//! A disk in memory: sectors written but not yet durable, and faults on demand.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::sync::Arc;

/// What a disk writes all or nothing.
pub(super) const SECTOR_BYTES: usize = 512;

type Sector = [u8; SECTOR_BYTES];
/// Shared until written: copies of a disk are cheap.
type Files = BTreeMap<u8, Arc<Vec<u8>>>;

/// How a simulated disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The device fails; what was being written may or may not have arrived.
    Io,
    /// The disk is full; nothing of the write arrived.
    Full,
}

impl DiskFault {
    fn error(self) -> io::Error {
        match self {
            Self::Io => io::Error::other("simulated device error"),
            Self::Full => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// A few numbered files of sectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    durable: Files,
    /// What a reader sees: the durable files with every write made to them.
    visible: Files,
    /// The writes not yet durable, in order, sector by sector.
    pending: Vec<(u8, usize, Sector)>,
    /// How many sectors each of those writes has.
    writes: Vec<usize>,
    operations: u64,
    forces: u64,
    /// The fault, and the count of operations after which each one meets it.
    fault: Option<(u64, DiskFault)>,
}

impl Disk {
    /// Writes `bytes`, padded with zeros, from sector `at` of `file` on.
    pub(super) fn write(&mut self, file: u8, at: usize, bytes: &[u8]) -> io::Result<()> {
        let fault = self.operate();
        if let Some(DiskFault::Full) = fault {
            return Err(DiskFault::Full.error());
        }
        self.writes.push(bytes.len().div_ceil(SECTOR_BYTES));
        for (n, chunk) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let mut sector = [0; SECTOR_BYTES];
            sector[..chunk.len()].copy_from_slice(chunk);
            put(&mut self.visible, file, at + n, &sector);
            self.pending.push((file, at + n, sector));
        }
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    /// Writes zeros over what is not zero in `file`, from sector `at` on.
    pub(super) fn wipe(&mut self, file: u8, at: usize) -> io::Result<()> {
        let tail = self.read(file).get(at * SECTOR_BYTES..).unwrap_or_default();
        let Some(last) = tail.iter().rposition(|byte| *byte != 0) else {
            return Ok(());
        };
        let zeros = vec![0; last + 1];
        self.write(file, at, &zeros)
    }

    /// Makes every write durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(fault) = self.operate() {
            return Err(fault.error());
        }
        self.forces += 1;
        self.writes.clear();
        for (file, at, sector) in mem::take(&mut self.pending) {
            put(&mut self.durable, file, at, &sector);
        }
        Ok(())
    }

    /// Loses power: of the sectors not yet durable only those chosen by number arrive. Ends faults.
    pub(super) fn crash(&mut self, mut keep: impl FnMut(usize) -> bool) {
        for (n, (file, at, sector)) in mem::take(&mut self.pending).into_iter().enumerate() {
            if keep(n) {
                put(&mut self.durable, file, at, &sector);
            }
        }
        self.writes.clear();
        self.visible.clone_from(&self.durable);
        self.fault = None;
    }

    /// Lets every operation fail after `operations` more.
    pub(super) fn fail_after(&mut self, operations: u64, fault: DiskFault) {
        self.fault = Some((self.operations + operations, fault));
    }

    /// Ends faults.
    pub(super) fn mend(&mut self) {
        self.fault = None;
    }

    /// Flips the bits of `mask` in durable byte `at`, counted over all files.
    pub(super) fn flip(&mut self, mut at: usize, mask: u8) -> bool {
        for (file, bytes) in &mut self.durable {
            if let Some(byte) = Arc::make_mut(bytes).get_mut(at) {
                *byte ^= mask;
                if let Some(byte) =
                    self.visible.get_mut(file).and_then(|seen| Arc::make_mut(seen).get_mut(at))
                {
                    *byte ^= mask;
                }
                return true;
            }
            at -= bytes.len();
        }
        false
    }

    /// The bytes of `file`, a whole number of sectors.
    pub(super) fn read(&self, file: u8) -> &[u8] {
        self.visible.get(&file).map_or(&[], |bytes| bytes.as_slice())
    }

    pub(super) fn durable_bytes(&self) -> usize {
        self.durable.values().map(|bytes| bytes.len()).sum()
    }

    pub(super) fn pending_sectors(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn pending_writes(&self) -> &[usize] {
        &self.writes
    }

    /// What a reader sees, file by file, without the zeros at the end: nobody can tell a sector of
    /// zeros from one that was never written.
    pub(super) fn image(&self) -> Vec<u8> {
        let mut image = Vec::new();
        for (file, bytes) in &self.visible {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            image.push(*file);
            image.extend((end as u64).to_le_bytes());
            image.extend(bytes.get(..end).unwrap_or_default());
        }
        image
    }

    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn forces(&self) -> u64 {
        self.forces
    }

    /// Counts an operation; the fault it meets, if any.
    fn operate(&mut self) -> Option<DiskFault> {
        self.operations += 1;
        let (after, fault) = self.fault?;
        (self.operations > after).then_some(fault)
    }
}

fn put(files: &mut Files, file: u8, at: usize, sector: &Sector) {
    let bytes = Arc::make_mut(files.entry(file).or_default());
    let start = at * SECTOR_BYTES;
    if bytes.len() < start + SECTOR_BYTES {
        bytes.resize(start + SECTOR_BYTES, 0);
    }
    bytes[start..start + SECTOR_BYTES].copy_from_slice(sector);
}
