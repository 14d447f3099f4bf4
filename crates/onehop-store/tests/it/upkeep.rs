//! A store that writes all day and turns over seldom.

use std::fs;
use std::path::Path;

use onehop_store::{OpenMode, SledFile, TreeId, Upkeep, Writes};
use tempfile::TempDir;

use crate::copy;

const TREE: TreeId = TreeId::new(1);
const ROWS: u64 = 1000;

fn open(dir: &Path, mode: OpenMode) -> Option<SledFile> {
    SledFile::open_kept(dir, "test", 1, mode, Upkeep::SERVICE).ok()
}

fn value(row: u64) -> Vec<u8> {
    format!("needle {row:06};").repeat(120).into_bytes()
}

/// Writes far more than opening trusts the database's own check with, but no page table.
fn filled(dir: &Path) -> SledFile {
    let mut file = open(dir, OpenMode::Create).unwrap();
    for first in (0..ROWS).step_by(50) {
        let mut writes = Writes::new();
        for row in first..first + 50 {
            writes.put(TREE, row.to_be_bytes(), value(row));
        }
        file.apply(&writes).unwrap();
        file.force().unwrap();
    }
    file
}

/// Flips a bit of the first copy of a row's value in the database.
fn harm(dir: &Path, row: u64) {
    let path = dir.join("sled/db");
    let mut bytes = fs::read(&path).unwrap();
    let needle = format!("needle {row:06};").into_bytes();
    let at = bytes.windows(needle.len()).position(|it| it == needle).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
}

fn rows(file: &SledFile) -> Option<u64> {
    let found = (0..ROWS).map_while(|row| file.get(TREE, &row.to_be_bytes()).ok().flatten());
    let right = found.zip(0..).filter(|(found, row)| *found == value(*row)).count();
    file.verify().ok().filter(|all| *all == ROWS && right == ROWS as usize)
}

#[test]
fn what_a_killed_service_had_forced_is_there_and_a_harmed_row_stops_its_next_opening() {
    let (live, killed, harmed) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = filled(live.path());
    copy(live.path(), killed.path());
    copy(live.path(), harmed.path());
    drop(file);
    assert_eq!(rows(&open(killed.path(), OpenMode::Open).unwrap()), Some(ROWS));
    harm(harmed.path(), 3);
    let opened = open(harmed.path(), OpenMode::Open);
    assert!(opened.is_none_or(|file| rows(&file) == Some(ROWS)), "harmed, and nobody noticed");
}

#[test]
fn a_service_that_was_shut_down_does_not_read_every_row_at_its_next_opening() {
    let dir = TempDir::new().unwrap();
    drop(filled(dir.path()));
    let file = open(dir.path(), OpenMode::Open).unwrap();
    assert_eq!(rows(&file), Some(ROWS));
    drop(file);
    // Who read every row would notice at once; this one does when it comes to the row.
    let (closed, path) = (TempDir::new().unwrap(), dir.path().join("sled/db"));
    let bytes = fs::read(path).unwrap();
    let noticed_late = (0..ROWS).step_by(97).any(|row| {
        let copied = closed.path().join(row.to_string());
        copy(dir.path(), &copied);
        harm(&copied, row);
        let opened = open(&copied, OpenMode::Open);
        opened.is_some_and(|file| rows(&file).is_none())
    });
    assert!(noticed_late, "{} bytes", bytes.len());
}

/// Upkeep is a matter of speed: a device opens what a service left, and the other way round.
#[test]
fn a_store_may_be_kept_as_a_service_and_as_a_device_in_turn() {
    let dir = TempDir::new().unwrap();
    drop(filled(dir.path()));
    let device = SledFile::open(dir.path(), "test", 1, OpenMode::Open).unwrap();
    assert_eq!(rows(&device), Some(ROWS));
    drop(device);
    assert_eq!(rows(&open(dir.path(), OpenMode::Open).unwrap()), Some(ROWS));
}
