//! What every [`Journal`] must do, as a suite to be run against each.
//!
//! The checks panic where a journal breaks its contract, as tests do.

use std::fmt::Display;

use crate::journal::{AppendError, Durability, Journal, Loaded, Lsn};
use crate::sled_file::Row;

/// A place to keep one journal, and ways to lose it.
pub trait Bench {
    /// The journal.
    type Journal: Journal;

    /// Opens the journal: empty the first time, then as it was left.
    fn open(&mut self) -> Self::Journal;

    /// Closes the journal in order.
    fn close(&mut self, journal: Self::Journal);

    /// Ends the program that holds the journal, at once. What was lazy may be lost.
    fn crash(&mut self, journal: Self::Journal);
}

/// Runs every check, each on a bench of its own.
///
/// # Panics
/// If the journal breaks its contract.
pub fn run<B: Bench>(mut bench: impl FnMut() -> B) {
    an_empty_journal_loads_empty(&mut bench());
    records_come_back_in_order(&mut bench());
    forced_records_survive_a_crash(&mut bench());
    lazy_records_are_lost_from_the_newest_on(&mut bench());
    an_empty_forced_append_forces_what_came_before(&mut bench());
    a_record_out_of_order_is_refused_and_harms_nothing(&mut bench());
    a_journal_refuses_to_append_before_it_was_loaded(&mut bench());
    a_snapshot_replaces_the_records_it_covers(&mut bench());
    a_snapshot_outside_of_the_log_is_refused(&mut bench());
    a_snapshot_of_nothing_and_a_second_one_are_allowed(&mut bench());
    large_records_and_states_come_back_whole(&mut bench());
    the_archive_is_read_in_both_directions_within_a_limit(&mut bench());
    a_loaded_journal_loads_the_same_again(&mut bench());
}

fn an_empty_journal_loads_empty<B: Bench>(bench: &mut B) {
    let mut journal = bench.open();
    assert_eq!(ok(journal.load()), Loaded::default());
    bench.crash(journal);
    assert_eq!(ok(bench.open().load()).next(), Lsn(1));
}

fn records_come_back_in_order<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 3), Durability::Lazy));
    ok(journal.append(Lsn(4), &records(4, 2), Durability::Forced));
    ok(journal.append(Lsn(6), &records(6, 1), Durability::Lazy));
    bench.close(journal);
    let (mut journal, loaded) = opened(bench);
    // Closing in order may write lazy records, and need not.
    assert_tail(&loaded, 5, 6);
    ok(journal.append(loaded.next(), &[Vec::new()], Durability::Forced));
    bench.close(journal);
    assert_eq!(opened(bench).1.records.last(), Some(&(loaded.next(), Vec::new())));
}

fn forced_records_survive_a_crash<B: Bench>(bench: &mut B) {
    for round in 0..8 {
        let (mut journal, loaded) = opened(bench);
        assert_tail(&loaded, round * 2, round * 2);
        let forces = journal.forces();
        ok(journal.append(loaded.next(), &records(round * 2 + 1, 2), Durability::Forced));
        assert!(journal.forces() > forces, "a forced append sent no barrier to the disk");
        bench.crash(journal);
    }
}

fn lazy_records_are_lost_from_the_newest_on<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 2), Durability::Forced));
    for lsn in 3..20 {
        let forces = journal.forces();
        ok(journal.append(Lsn(lsn), &records(lsn, 1), Durability::Lazy));
        assert_eq!(journal.forces(), forces, "a lazy append waited for the disk");
    }
    bench.crash(journal);
    assert_tail(&opened(bench).1, 2, 19);
}

fn an_empty_forced_append_forces_what_came_before<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 4), Durability::Lazy));
    ok(journal.append(Lsn(5), &[], Durability::Forced));
    bench.crash(journal);
    assert_tail(&opened(bench).1, 4, 4);
}

fn a_record_out_of_order_is_refused_and_harms_nothing<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 1), Durability::Forced));
    for wrong in [0, 1, 3, u64::MAX] {
        let refused = journal.append(Lsn(wrong), &records(wrong, 1), Durability::Forced);
        assert!(matches!(refused, Err(AppendError::OutOfOrder { expected: Lsn(2), .. })));
    }
    ok(journal.append(Lsn(2), &records(2, 1), Durability::Forced));
    bench.crash(journal);
    assert_tail(&opened(bench).1, 2, 2);
}

fn a_journal_refuses_to_append_before_it_was_loaded<B: Bench>(bench: &mut B) {
    let mut journal = bench.open();
    let refused = journal.append(Lsn(1), &records(1, 1), Durability::Forced);
    assert!(matches!(refused, Err(AppendError::NotLoaded)));
    assert!(matches!(journal.snapshot(Lsn(0), b"", &[]), Err(AppendError::NotLoaded)));
}

fn a_snapshot_replaces_the_records_it_covers<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    for round in 0..5 {
        let first = round * 10 + 1;
        ok(journal.append(Lsn(first), &records(first, 10), Durability::Lazy));
        let row = (vec![round as u8], vec![7; 3]);
        ok(journal.snapshot(Lsn(first + 6), &state(round), std::slice::from_ref(&row)));
        bench.crash(journal);
        let (again, loaded) = opened(bench);
        assert_eq!(loaded.snapshot, Some((Lsn(first + 6), state(round))));
        assert_eq!(loaded.records, numbered(first + 7, 3));
        assert_eq!(loaded.cut, 0);
        assert_eq!(ok(again.archived_get(&row.0)), Some(row.1));
        journal = again;
    }
}

fn a_snapshot_outside_of_the_log_is_refused<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 5), Durability::Forced));
    ok(journal.snapshot(Lsn(3), b"three", &[]));
    for wrong in [0, 2, 6, u64::MAX] {
        let refused = journal.snapshot(Lsn(wrong), b"wrong", &[]);
        assert!(matches!(refused, Err(AppendError::OutsideLog { .. })));
    }
    bench.crash(journal);
    let (_, loaded) = opened(bench);
    assert_eq!(loaded.snapshot, Some((Lsn(3), b"three".to_vec())));
    assert_eq!(loaded.records, numbered(4, 2));
}

fn a_snapshot_of_nothing_and_a_second_one_are_allowed<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.snapshot(Lsn(0), b"born", &[]));
    ok(journal.snapshot(Lsn(0), b"", &[(b"k".to_vec(), b"old".to_vec())]));
    ok(journal.snapshot(Lsn(0), b"", &[(b"k".to_vec(), b"new".to_vec())]));
    ok(journal.append(Lsn(1), &records(1, 1), Durability::Forced));
    bench.crash(journal);
    let (journal, loaded) = opened(bench);
    assert_eq!(loaded.snapshot, Some((Lsn(0), Vec::new())));
    assert_eq!(loaded.records, numbered(1, 1));
    assert_eq!(ok(journal.archived_get(b"k")), Some(b"new".to_vec()));
}

fn large_records_and_states_come_back_whole<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    let sizes = [0, 1, 483, 484, 485, 4095, 4096, 4097, 8192, 300_000];
    let large: Vec<Vec<u8>> = sizes.iter().map(|size| noise(*size)).collect();
    ok(journal.append(Lsn(1), &large, Durability::Forced));
    bench.crash(journal);
    let (mut journal, loaded) = opened(bench);
    assert!(loaded.records.iter().map(|(_, record)| record).eq(&large));
    for size in [1_000_000, 10, 0] {
        ok(journal.snapshot(Lsn(10), &noise(size), &[]));
        bench.crash(journal);
        let (again, loaded) = opened(bench);
        assert!(loaded.snapshot == Some((Lsn(10), noise(size))), "state of {size} bytes");
        journal = again;
    }
}

fn the_archive_is_read_in_both_directions_within_a_limit<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    let rows: Vec<Row> = (0..50_u8).map(|n| (vec![n / 7, n], noise(n.into()))).collect();
    let (late, early) = rows.split_at(20);
    ok(journal.snapshot(Lsn(0), b"", early));
    ok(journal.snapshot(Lsn(0), b"", late));
    bench.crash(journal);
    let (journal, _) = opened(bench);
    let down: Vec<Row> = rows.iter().rev().cloned().collect();
    assert_eq!(ok(journal.archived(None, false, 100)), rows);
    assert_eq!(ok(journal.archived(None, true, 100)), down);
    assert_eq!(ok(journal.archived(Some(&[3, 21]), false, 3)), rows[21..24]);
    assert_eq!(ok(journal.archived(Some(&[3]), true, 3)), down[29..32]);
    assert_eq!(ok(journal.archived(Some(&[200]), false, 3)), []);
    assert_eq!(ok(journal.archived(None, false, 0)), []);
    assert_eq!(ok(journal.archived_get(b"absent")), None);
}

fn a_loaded_journal_loads_the_same_again<B: Bench>(bench: &mut B) {
    let (mut journal, _) = opened(bench);
    ok(journal.append(Lsn(1), &records(1, 5), Durability::Lazy));
    let loaded = ok(journal.load());
    assert_tail(&loaded, 5, 5);
    assert_eq!(ok(journal.load()), loaded);
    // What was loaded is acted upon, so that it must be there.
    bench.crash(journal);
    assert_tail(&opened(bench).1, 5, 5);
}

fn opened<B: Bench>(bench: &mut B) -> (B::Journal, Loaded) {
    let mut journal = bench.open();
    let loaded = ok(journal.load());
    (journal, loaded)
}

/// Checks that `loaded` holds records 1 on, at least `min` and at most `max`.
#[track_caller]
fn assert_tail(loaded: &Loaded, min: u64, max: u64) {
    let count = loaded.records.len() as u64;
    assert!((min..=max).contains(&count), "{count} records, expected {min} to {max}");
    assert_eq!(loaded.records, numbered(1, count));
}

fn numbered(first: u64, count: u64) -> Vec<(Lsn, Vec<u8>)> {
    (first..first + count).map(|lsn| (Lsn(lsn), record(lsn))).collect()
}

fn records(first: u64, count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| record(first.wrapping_add(n))).collect()
}

fn record(lsn: u64) -> Vec<u8> {
    // Lengths on both sides of a sector.
    noise((lsn.wrapping_mul(97) % 700) as usize)
}

fn state(round: u64) -> Vec<u8> {
    noise(100 * round as usize)
}

/// Bytes that differ from place to place and length to length.
fn noise(length: usize) -> Vec<u8> {
    let mut seed = length as u32 | 1;
    let step = |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..length).map(step).collect()
}

/// The value, or a panic that says what went wrong.
#[track_caller]
fn ok<T, E: Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
