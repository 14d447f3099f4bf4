//! Flipped and missing bytes in every file of a store.

use std::fs;
use std::path::{Path, PathBuf};

use onehop_store::{Durability, Journal as _, LoadError, Loaded, Lsn, OpenMode, Row};
use onehop_store::{SledFile, SledJournal};
use tempfile::TempDir;

use crate::{copy, open};

/// All that can be read from a store.
type Contents = (Loaded, Vec<Row>);

fn record(lsn: u64) -> Vec<u8> {
    lsn.to_be_bytes().repeat(10 + lsn as usize % 40)
}

/// A store with a snapshot, records, an archive and, if `large`, several of the database's
/// segments; as it is left when its program is killed.
fn write(dir: &Path, large: bool) {
    let live = TempDir::new().unwrap();
    let mut journal = SledJournal::new(open(live.path(), OpenMode::Create).unwrap());
    journal.load().unwrap();
    let rounds = if large { 40 } else { 3 };
    for round in 0..rounds {
        let first = round * 30 + 1;
        let batch: Vec<Vec<u8>> = (first..first + 30).map(record).collect();
        journal.append(Lsn(first), &batch, Durability::Forced).unwrap();
        let rows: Vec<Row> =
            (first..first + 20).map(|n| (n.to_be_bytes().to_vec(), record(n))).collect();
        journal.snapshot(Lsn(first + 19), &record(first * 9), &rows).unwrap();
    }
    copy(live.path(), dir);
}

fn read(dir: &Path) -> Option<Contents> {
    let file = open(dir, OpenMode::Open).ok()?;
    contents(file).ok()
}

fn contents(file: SledFile) -> Result<Contents, LoadError> {
    let mut journal = SledJournal::new(file);
    let loaded = journal.load()?;
    let rows = journal.archived(None, false, usize::MAX)?;
    Ok((loaded, rows))
}

/// Every file that holds data, and its length.
fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let in_dir = |dir: PathBuf| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let all = in_dir(dir.to_owned()).chain(in_dir(dir.join("sled")));
    let mut files: Vec<_> = all
        .filter(|path| path.is_file())
        .map(|path| (path.strip_prefix(dir).unwrap().to_owned(), fs::metadata(path).unwrap().len()))
        .filter(|(_, length)| *length > 0)
        .collect();
    files.sort();
    files
}

fn flip(path: &Path, at: u64, mask: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at as usize] ^= mask;
    fs::write(path, bytes).unwrap();
}

/// Flips `tries` bytes, spread over every file; returns how many were refused and how many loaded
/// the same.
#[track_caller]
fn flips_are_refused_or_harmless(large: bool, tries: u64) -> (u64, u64) {
    let whole = TempDir::new().unwrap();
    write(whole.path(), large);
    let expected = {
        let again = TempDir::new().unwrap();
        copy(whole.path(), again.path());
        read(again.path()).unwrap()
    };
    let (mut refused, mut same) = (0, 0);
    for (file, length) in files(whole.path()) {
        // An odd stride from a fixed start, so that heads, bodies and tails are all met.
        let stride = (length / tries).max(1) | 1;
        for at in (0..length).step_by(stride as usize) {
            let damaged = TempDir::new().unwrap();
            copy(whole.path(), damaged.path());
            flip(&damaged.path().join(&file), at, 1 << (at % 8));
            match read(damaged.path()) {
                None => refused += 1,
                Some(found) if found == expected => same += 1,
                Some(found) => {
                    let (records, rows) = (found.0.records.len(), found.1.len());
                    panic!("byte {at} of {file:?}: {records} records, {rows} rows, silently");
                }
            }
        }
    }
    (refused, same)
}

#[test]
fn a_flipped_byte_in_a_small_store_is_refused_or_harmless() {
    let (refused, same) = flips_are_refused_or_harmless(false, 150);
    assert!(refused > 20 && same > 20, "{refused} refused, {same} the same");
}

#[test]
fn a_flipped_byte_in_a_store_of_many_segments_is_refused_or_harmless() {
    let (refused, same) = flips_are_refused_or_harmless(true, 60);
    assert!(refused > 10 && same > 10, "{refused} refused, {same} the same");
}

#[test]
fn a_store_cut_short_or_rolled_back_in_its_database_is_refused() {
    let whole = TempDir::new().unwrap();
    write(whole.path(), false);
    let old = TempDir::new().unwrap();
    copy(whole.path(), old.path());
    let expected = {
        let mut journal = SledJournal::new(open(whole.path(), OpenMode::Open).unwrap());
        let next = journal.load().unwrap().next();
        journal.append(next, &[b"newest".to_vec()], Durability::Forced).unwrap();
        journal.load().unwrap()
    };
    // The database alone from an older copy: its tail is gone, the marker is not.
    let rolled = TempDir::new().unwrap();
    copy(old.path(), rolled.path());
    fs::copy(whole.path().join("STORE"), rolled.path().join("STORE")).unwrap();
    assert!(read(rolled.path()).is_none());

    let length = fs::metadata(whole.path().join("sled/db")).unwrap().len();
    for keep in (0..length).step_by(length as usize / 40) {
        let cut = TempDir::new().unwrap();
        copy(whole.path(), cut.path());
        fs::File::options()
            .write(true)
            .open(cut.path().join("sled/db"))
            .unwrap()
            .set_len(keep)
            .unwrap();
        if let Some((loaded, _)) = read(cut.path()) {
            assert_eq!(loaded, expected, "cut to {keep} bytes");
        }
    }
}
