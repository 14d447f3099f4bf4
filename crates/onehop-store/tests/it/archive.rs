//! The archive against a map in memory.

use std::collections::BTreeMap;

use onehop_store::{Journal as _, Lsn, OpenMode, Row, SledJournal};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::open;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let key = prop_oneof![
        4 => (0..400_u16).prop_map(|n| n.to_be_bytes().to_vec()),
        1 => prop::collection::vec(0..3_u8, 0..4),
    ];
    let row = (key, any::<u8>(), prop_oneof![9 => 0..400_usize, 1 => 2000..9000_usize])
        .prop_map(|(key, byte, length)| (key, vec![byte; length]));
    prop::collection::vec(row, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_archive_reads_as_a_sorted_map(
        batches in prop::collection::vec(rows(), 1..8),
        probes in prop::collection::vec((0..401_u16, 0..60_usize), 20),
    ) {
        let dir = TempDir::new().unwrap();
        let mut journal = SledJournal::new(open(dir.path(), OpenMode::Create).unwrap());
        journal.load().unwrap();
        let mut model = BTreeMap::new();
        for batch in batches {
            journal.snapshot(Lsn(0), b"", &batch).unwrap();
            model.extend(batch);
        }
        let all: Vec<Row> = model.clone().into_iter().collect();
        prop_assert_eq!(&journal.archived(None, false, usize::MAX).unwrap(), &all);
        let down: Vec<Row> = all.iter().rev().cloned().collect();
        prop_assert_eq!(&journal.archived(None, true, usize::MAX).unwrap(), &down);
        for (from, limit) in probes {
            let from = from.to_be_bytes();
            let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
            let up: Vec<Row> =
                model.range(from.to_vec()..).take(limit).map(owned).collect();
            prop_assert_eq!(journal.archived(Some(&from), false, limit).unwrap(), up);
            let down: Vec<Row> =
                model.range(..from.to_vec()).rev().take(limit).map(owned).collect();
            prop_assert_eq!(journal.archived(Some(&from), true, limit).unwrap(), down);
            prop_assert_eq!(journal.archived_get(&from).unwrap(), model.get(&from[..]).cloned());
        }
        journal.file().verify().unwrap();
    }
}
