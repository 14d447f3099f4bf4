//! Rows, batches and ranges.

use std::fs;

use onehop_store::sled_file::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use onehop_store::{OpenMode, Scan, WriteError, Writes};
use tempfile::TempDir;

use crate::{OTHER, TREE, open};

#[test]
fn one_batch_reaches_several_trees_and_keeps_them_apart() {
    let dir = TempDir::new().unwrap();
    let mut file = open(dir.path(), OpenMode::Create).unwrap();
    let mut writes = Writes::new();
    writes.put(TREE, *b"a", *b"1");
    writes.put(OTHER, *b"a", *b"2");
    writes.put(TREE, *b"b", *b"3");
    writes.delete(TREE, *b"b");
    writes.delete(OTHER, *b"never there");
    file.apply(&writes).unwrap();
    assert_eq!(file.get(TREE, b"a").unwrap(), Some(b"1".to_vec()));
    assert_eq!(file.scan(&Scan::all(OTHER, 9)).unwrap(), [(b"a".to_vec(), b"2".to_vec())]);
    assert_eq!(file.get(TREE, b"b").unwrap(), None);
    assert_eq!(file.verify().unwrap(), 2);
}

#[test]
fn a_scan_is_bounded_by_prefix_start_end_and_limit() {
    let dir = TempDir::new().unwrap();
    let mut file = open(dir.path(), OpenMode::Create).unwrap();
    let mut writes = Writes::new();
    for n in 0..=255 {
        writes.put(TREE, [n / 16, n], [n]);
        writes.put(OTHER, [n], *b"noise");
    }
    file.apply(&writes).unwrap();
    let last = |scan: &Scan| -> Vec<u8> {
        file.scan(scan).unwrap().into_iter().map(|(_, value)| value[0]).collect()
    };
    assert_eq!(last(&Scan::prefix(TREE, &[3], 100)), (48..64).collect::<Vec<u8>>());
    assert_eq!(last(&Scan::prefix(TREE, &[15], 3)), [240, 241, 242]);
    assert_eq!(last(&Scan::from(TREE, &[15, 254], 100)), [254, 255]);
    let down = Scan { reverse: true, until: Some(vec![1]), ..Scan::all(TREE, 2) };
    assert_eq!(last(&down), [15, 14]);
    let none = Scan { from: Some(vec![5]), until: Some(vec![4]), ..Scan::all(TREE, 2) };
    assert_eq!(last(&none), []);
}

#[test]
fn a_large_value_shrinks_and_goes_without_leaving_pieces_or_blob_files() {
    let dir = TempDir::new().unwrap();
    let mut file = open(dir.path(), OpenMode::Create).unwrap();
    for bytes in [3_000_000, 5000, 4097, 4096, 0, 1_000_000] {
        let mut writes = Writes::new();
        for key in 0..4_u8 {
            writes.put(TREE, [key], vec![key; bytes]);
        }
        file.apply(&writes).unwrap();
        file.force().unwrap();
        assert_eq!(file.get(TREE, &[3]).unwrap(), Some(vec![3; bytes]));
        assert_eq!(file.verify().unwrap(), 4);
    }
    // The database never makes its blob files durable, so that none may appear.
    assert_eq!(fs::read_dir(dir.path().join("sled/blobs")).unwrap().count(), 0);
    let mut writes = Writes::new();
    (0..4_u8).for_each(|key| writes.delete(TREE, [key]));
    file.apply(&writes).unwrap();
    assert_eq!(file.verify().unwrap(), 0);
}

#[test]
fn an_item_over_the_limit_is_refused_and_harms_nothing() {
    let dir = TempDir::new().unwrap();
    let mut file = open(dir.path(), OpenMode::Create).unwrap();
    for (key, value) in [(KEY_BYTES_MAX + 1, 0), (0, VALUE_BYTES_MAX + 1)] {
        let mut writes = Writes::new();
        writes.put(TREE, *b"before", *b"");
        writes.put(TREE, vec![0; key], vec![0; value]);
        assert!(matches!(file.apply(&writes), Err(WriteError::TooLarge { .. })));
    }
    assert_eq!(file.verify().unwrap(), 0);
    let mut writes = Writes::new();
    writes.put(TREE, vec![1; KEY_BYTES_MAX], *b"fits");
    file.apply(&writes).unwrap();
    file.force().unwrap();
}

#[test]
fn a_barrier_is_counted_once_and_only_if_there_is_something_to_force() {
    let dir = TempDir::new().unwrap();
    let mut file = open(dir.path(), OpenMode::Create).unwrap();
    let before = file.forces();
    file.force().unwrap();
    assert_eq!(file.forces(), before);
    let mut writes = Writes::new();
    writes.put(TREE, *b"k", *b"v");
    file.apply(&writes).unwrap();
    assert_eq!(file.forces(), before);
    file.force().unwrap();
    file.force().unwrap();
    assert_eq!(file.forces(), before + 1);
}
