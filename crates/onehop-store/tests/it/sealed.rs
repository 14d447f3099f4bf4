//! What a sealed store shows to who holds its files and not its key.

use std::fs;
use std::path::Path;

use onehop_store::{DataKey, Durability, Journal as _, Lsn, OpenMode, Row, SledJournal};
use tempfile::TempDir;

use crate::{bare, open};

/// How often `part` stands in any file below `dir`.
fn found(dir: &Path, part: &[u8]) -> usize {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                return found(&path, part);
            }
            fs::read(path).unwrap().windows(part.len()).filter(|window| *window == part).count()
        })
        .sum()
}

fn fill(journal: &mut SledJournal) {
    journal.load().unwrap();
    for n in 1..=40 {
        let record = format!("record of asha {n}").into_bytes();
        journal.append(Lsn(n), &[record], Durability::Forced).unwrap();
    }
    let archived: Vec<Row> = (0..200_u64)
        .map(|n| ([&n.to_be_bytes()[..], b"the id of a payment"].concat(), vec![7; 100]))
        .collect();
    journal.snapshot(Lsn(30), b"state of asha", &archived).unwrap();
}

// [S-16]
#[test]
fn no_record_no_state_and_no_key_of_the_archive_lies_open() {
    let dir = TempDir::new().unwrap();
    fill(&mut SledJournal::new(open(dir.path(), OpenMode::Create).unwrap()));
    // Long enough that random bytes do not hold them.
    for part in ["of asha", "record", "state of", "payment"] {
        assert_eq!(found(dir.path(), part.as_bytes()), 0, "{part}");
    }
    // The search finds what is not sealed.
    let control = TempDir::new().unwrap();
    fill(&mut SledJournal::new(bare(control.path(), OpenMode::Create).unwrap()));
    assert!(found(control.path(), b"of asha") >= 40);
    // Block keys are cut to what tells blocks apart, sealed or not; the rows are in the values.
    assert!(found(control.path(), b"the id of a payment") > 0);
}

// [S-16]
#[test]
fn another_key_reads_nothing_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    fill(&mut SledJournal::new(open(dir.path(), OpenMode::Create).unwrap()));
    let other = DataKey::new(&[8; 32], [9; 16]);
    let file = bare(dir.path(), OpenMode::Open).unwrap().sealed(other);
    let error = SledJournal::new(file).load().unwrap_err();
    let cause = std::error::Error::source(&error).and_then(std::error::Error::source).unwrap();
    assert!(cause.to_string().contains("does not open with this key"), "{cause}");
    let loaded = SledJournal::new(open(dir.path(), OpenMode::Open).unwrap()).load().unwrap();
    assert_eq!(loaded.snapshot, Some((Lsn(30), b"state of asha".to_vec())));
    assert_eq!((loaded.records.len(), loaded.cut), (10, 0));
}
