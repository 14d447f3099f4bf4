//! What opening refuses, and what it lets through.

use std::fs;

use onehop_store::{Damage, OpenError, OpenMode, SledFile, Writes};
use tempfile::TempDir;

use crate::kill::child;
use crate::{TREE, open};

fn filled(dir: &std::path::Path) {
    let mut file = open(dir, OpenMode::Create).unwrap();
    let mut writes = Writes::new();
    writes.put(TREE, *b"key", *b"value");
    file.apply(&writes).unwrap();
    file.force().unwrap();
}

#[test]
fn a_store_is_created_once_and_opened_only_if_it_is_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("deep/down/store");
    assert!(matches!(open(&path, OpenMode::Open), Err(OpenError::Missing { .. })));
    assert!(!path.exists());
    filled(&path);
    assert!(matches!(open(&path, OpenMode::Create), Err(OpenError::Exists { .. })));
    for mode in [OpenMode::Open, OpenMode::OpenOrCreate] {
        let file = open(&path, mode).unwrap();
        assert_eq!(file.get(TREE, b"key").unwrap(), Some(b"value".to_vec()));
    }
}

#[test]
fn a_store_is_not_opened_twice_by_one_program() {
    let dir = TempDir::new().unwrap();
    let held = open(dir.path(), OpenMode::Create).unwrap();
    for mode in [OpenMode::Open, OpenMode::Create, OpenMode::OpenOrCreate] {
        let refused = open(dir.path(), mode).unwrap_err();
        assert!(matches!(&refused, OpenError::Locked { path } if path == dir.path()));
    }
    drop(held);
    open(dir.path(), OpenMode::Open).unwrap();
}

#[test]
fn a_store_is_not_opened_by_another_program() {
    let dir = TempDir::new().unwrap();
    let held = open(dir.path(), OpenMode::Create).unwrap();
    let answer = child("try_open", dir.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("answer: locked"));
    drop(held);
    let answer = child("try_open", dir.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("answer: opened"));
}

#[test]
fn a_store_of_another_version_is_refused_with_both_numbers() {
    let dir = TempDir::new().unwrap();
    filled(dir.path());
    let refused = SledFile::open(dir.path(), "wallet", 2, OpenMode::Open).unwrap_err();
    assert!(matches!(refused, OpenError::Version { found: 1, expected: 2, .. }));
    let text = refused.to_string();
    assert!(text.contains("format 1") && text.contains("reads 2"), "{text}");
}

#[test]
fn a_store_of_another_kind_is_refused() {
    let dir = TempDir::new().unwrap();
    filled(dir.path());
    let refused = SledFile::open(dir.path(), "office", 1, OpenMode::Open).unwrap_err();
    assert!(matches!(refused, OpenError::Kind { found, .. } if found == "wallet"));
}

/// [S-6]
#[test]
fn an_initialised_store_whose_database_is_gone_is_damaged_and_never_new() {
    let dir = TempDir::new().unwrap();
    filled(dir.path());
    fs::remove_file(dir.path().join("sled/db")).unwrap();
    for mode in [OpenMode::Open, OpenMode::OpenOrCreate] {
        let refused = open(dir.path(), mode).unwrap_err();
        let OpenError::Damaged { what: what @ Damage::DatabaseMissing, .. } = refused else {
            panic!("{refused:?}");
        };
        assert!(what.to_string().contains("STORE"));
    }
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    assert!(matches!(open(dir.path(), OpenMode::Open), Err(OpenError::Damaged { .. })));
}

/// [S-6]
#[test]
fn an_initialised_store_whose_database_is_empty_is_damaged_and_never_new() {
    let dir = TempDir::new().unwrap();
    let other = TempDir::new().unwrap();
    filled(dir.path());
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    fs::create_dir(dir.path().join("sled")).unwrap();
    fs::write(dir.path().join("sled/db"), b"").unwrap();
    let refused = open(dir.path(), OpenMode::OpenOrCreate).unwrap_err();
    let what = Damage::DatabaseEmpty.to_string();
    assert!(
        matches!(&refused, OpenError::Damaged { what: found, .. } if found.to_string() == what)
    );

    // A fresh database under an older marker has lost its batches.
    drop(open(other.path(), OpenMode::Create).unwrap());
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    crate::copy(&other.path().join("sled"), &dir.path().join("sled"));
    let refused = open(dir.path(), OpenMode::Open).unwrap_err();
    let lost = |what: &Damage| matches!(what, Damage::LostBatches { forced: 2, found: 1 });
    assert!(matches!(&refused, OpenError::Damaged { what, .. } if lost(what)), "{refused:?}");
}

/// [S-6]
#[test]
fn a_store_that_lost_its_marker_is_damaged_and_never_new() {
    let dir = TempDir::new().unwrap();
    filled(dir.path());
    fs::remove_file(dir.path().join("STORE")).unwrap();
    for mode in [OpenMode::Open, OpenMode::Create, OpenMode::OpenOrCreate] {
        let refused = open(dir.path(), mode).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { what: Damage::MarkerMissing, .. }));
    }
}

#[test]
fn a_creation_that_was_cut_short_is_finished_by_the_next_one() {
    let dir = TempDir::new().unwrap();
    drop(open(dir.path(), OpenMode::Create).unwrap());
    fs::remove_file(dir.path().join("STORE")).unwrap();
    fs::write(dir.path().join("STORE.new"), b"half").unwrap();
    assert!(matches!(open(dir.path(), OpenMode::Open), Err(OpenError::Missing { .. })));
    drop(open(dir.path(), OpenMode::Create).unwrap());
    open(dir.path(), OpenMode::Open).unwrap();
}

#[test]
fn a_page_table_left_half_written_does_not_stop_the_store() {
    let dir = TempDir::new().unwrap();
    filled(dir.path());
    let half = dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating");
    fs::write(&half, b"half a page table").unwrap();
    let file = open(dir.path(), OpenMode::Open).unwrap();
    assert_eq!(file.get(TREE, b"key").unwrap(), Some(b"value".to_vec()));
    assert!(!half.exists());
}
