//! The simulated disk: every crash point, every fault, every flip.

use std::io::ErrorKind;

use onehop_store::sim_journal::DiskFault;
use onehop_store::{AppendError, Durability, Journal, LoadError, Loaded, Lsn};
use onehop_store::{SimJournal, WriteError};
use proptest::prelude::*;

/// A step of a history, its argument a count or a length.
#[derive(Clone, Copy, Debug)]
enum Step {
    Lazy(u8),
    Forced(u8),
    Snapshot(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4_u8).prop_map(Step::Lazy),
        (0..4_u8).prop_map(Step::Forced),
        (0..3_u8).prop_map(Step::Snapshot),
    ]
}

/// What a history has been promised.
#[derive(Clone, Debug, Default, PartialEq)]
struct Promise {
    next: u64,
    /// Records up to here are durable.
    forced: u64,
    /// Snapshots go from one of these to the other only by a call that did not return.
    covered: u64,
    attempted: u64,
}

fn record(lsn: u64) -> Vec<u8> {
    vec![lsn as u8; (lsn as usize * 211) % 1300]
}

fn run(journal: &mut SimJournal, promise: &mut Promise, step: Step) -> Result<(), AppendError> {
    let first = Lsn(promise.next);
    let records = |count: u8| -> Vec<Vec<u8>> {
        (promise.next..promise.next + u64::from(count)).map(record).collect()
    };
    match step {
        Step::Lazy(count) => {
            journal.append(first, &records(count), Durability::Lazy)?;
            promise.next += u64::from(count);
        }
        Step::Forced(count) => {
            journal.append(first, &records(count), Durability::Forced)?;
            promise.next += u64::from(count);
            promise.forced = promise.next - 1;
        }
        Step::Snapshot(kept) => {
            let upto = (promise.next - 1).saturating_sub(kept.into()).max(promise.covered);
            promise.attempted = upto;
            let row = (upto.to_be_bytes().to_vec(), record(upto));
            journal.snapshot(Lsn(upto), &record(upto), &[row])?;
            promise.covered = upto;
            promise.forced = promise.next - 1;
        }
    }
    Ok(())
}

#[track_caller]
fn check(journal: &SimJournal, loaded: &Loaded, promise: &Promise, attempted_records: u64) {
    let covered = loaded.snapshot.as_ref().map_or(0, |(lsn, _)| lsn.0);
    assert!(covered == promise.covered || covered == promise.attempted, "{promise:?}");
    if let Some((_, state)) = &loaded.snapshot {
        assert_eq!(*state, record(covered));
        let row = journal.archived_get(&covered.to_be_bytes()).unwrap();
        assert_eq!(row, Some(record(covered)));
    }
    for ((lsn, bytes), expected) in loaded.records.iter().zip(covered + 1..) {
        assert_eq!((*lsn, bytes), (Lsn(expected), &record(expected)));
    }
    let last = loaded.next().0 - 1;
    assert!(last >= promise.forced && last <= attempted_records, "{last}: {promise:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_crash_at_any_operation_loses_or_changes_what_was_forced(
        lives in prop::collection::vec(
            (prop::collection::vec(step(), 1..12), 1..40_u64, any::<u64>(), any::<bool>()), 1..5),
    ) {
        let mut journal = SimJournal::new();
        let mut promise = Promise { next: 1, ..Promise::default() };
        for (steps, power, kept, full) in lives {
            let loaded = journal.load().unwrap();
            check(&journal, &loaded, &promise, promise.next + 3);
            promise.next = loaded.next().0;
            promise.forced = promise.next - 1;
            promise.covered = loaded.snapshot.map_or(0, |(lsn, _)| lsn.0);
            promise.attempted = promise.covered;
            journal.fail_after(power, if full { DiskFault::Full } else { DiskFault::Io });
            for step in steps {
                if run(&mut journal, &mut promise, step).is_err() {
                    break;
                }
            }
            journal.crash(|sector| kept >> (sector % 64) & 1 == 1);
        }
        let copy = journal.clone();
        let loaded = journal.load().unwrap();
        check(&journal, &loaded, &promise, promise.next + 3);
        let mut copy = copy;
        prop_assert_eq!(copy.load().unwrap().records, loaded.records);
    }
}

#[test]
fn every_flipped_byte_is_refused_or_harmless() {
    let mut journal = SimJournal::new();
    journal.load().unwrap();
    let mut promise = Promise { next: 1, ..Promise::default() };
    for step in [Step::Forced(3), Step::Snapshot(1), Step::Forced(2), Step::Lazy(1)] {
        run(&mut journal, &mut promise, step).unwrap();
    }
    run(&mut journal, &mut promise, Step::Forced(1)).unwrap();
    journal.crash(|_| true);
    let expected = journal.clone().load().unwrap();
    let mut refused = 0;
    for at in 0..journal.durable_bytes() {
        let mut damaged = journal.clone();
        assert!(damaged.flip(at, 0x10));
        match damaged.load() {
            Ok(loaded) => {
                assert_eq!(loaded.snapshot, expected.snapshot, "byte {at}");
                assert_eq!(loaded.records, expected.records, "byte {at}");
            }
            Err(LoadError::Settle(_)) => panic!("byte {at}: damage was met by writing"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 1000, "only {refused} flips were noticed");
}

/// [S-4]
#[test]
fn a_full_disk_refuses_the_append_and_everything_after_it_until_reopened() {
    let mut journal = SimJournal::new();
    journal.load().unwrap();
    journal.append(Lsn(1), &[record(1)], Durability::Forced).unwrap();
    journal.fail_after(0, DiskFault::Full);
    let refused = journal.append(Lsn(2), &[record(2)], Durability::Forced).unwrap_err();
    let AppendError::Write(WriteError::Io { source, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(source.kind(), ErrorKind::StorageFull);
    let refused = journal.append(Lsn(2), &[], Durability::Lazy).unwrap_err();
    assert!(matches!(refused, AppendError::Write(WriteError::Poisoned { .. })));
    assert!(journal.load().is_err());
    journal.crash(|_| true);
    assert_eq!(journal.load().unwrap().records, [(Lsn(1), record(1))]);
}

#[test]
fn a_clone_is_the_device_as_it_was() {
    let mut journal = SimJournal::new();
    journal.load().unwrap();
    journal.append(Lsn(1), &[record(1)], Durability::Forced).unwrap();
    let mut thief = journal.clone();
    journal.append(Lsn(2), &[record(2)], Durability::Forced).unwrap();
    thief.crash(|_| false);
    assert_eq!(thief.load().unwrap().next(), Lsn(2));
    journal.crash(|_| false);
    assert_eq!(journal.load().unwrap().next(), Lsn(3));
}

#[test]
fn a_record_cut_off_does_not_come_back_when_the_one_before_it_is_written_again() {
    let mut journal = SimJournal::new();
    journal.load().unwrap();
    let records: Vec<Vec<u8>> = (1..4_u8).map(|n| vec![n; 20]).collect();
    journal.append(Lsn(1), &records, Durability::Lazy).unwrap();
    // Each lies in a sector of its own; the first is lost.
    journal.crash(|sector| sector > 0);
    let loaded = journal.load().unwrap();
    assert_eq!((loaded.records.len(), loaded.cut), (0, 2));
    journal.append(Lsn(1), &records[..1], Durability::Forced).unwrap();
    journal.crash(|_| false);
    assert_eq!(journal.load().unwrap().next(), Lsn(2));
}
