//! Frames under every flip, cut and loss.

use onehop_store::frame::{Frame, HEADER_BYTES, RecordHash, Replay, frames};
use onehop_store::{LoadError, Lsn};
use proptest::prelude::*;

fn frame() -> impl Strategy<Value = Frame> {
    (1..u64::MAX, any::<u64>(), any::<[u8; 32]>(), prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(lsn, forced, prev, bytes)| Frame {
            lsn: Lsn(lsn),
            forced: Lsn(forced),
            prev: RecordHash(prev),
            bytes,
        })
}

/// A log of `sizes` records; record `n` knows that records up to `forced[n]` were durable.
fn log(count: u64, forced: u64) -> Vec<(Frame, RecordHash)> {
    let records: Vec<Vec<u8>> = (1..=count).map(|n| vec![n as u8; n as usize % 5]).collect();
    let (early, late) = records.split_at(forced as usize);
    let (first, hash) = frames(Lsn(1), early, Lsn(0), RecordHash::NONE);
    let (second, _) = frames(Lsn(forced + 1), late, Lsn(forced), hash);
    let decode = |(_, bytes): &(Lsn, Vec<u8>)| Frame::decode(bytes).unwrap();
    first.iter().chain(&second).map(decode).collect()
}

proptest! {
    #[test]
    fn a_frame_reads_back_whatever_lies_behind_it(
        frame in frame(),
        behind in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (mut bytes, hash) = frame.encode();
        prop_assert_eq!(bytes.len(), HEADER_BYTES + frame.bytes.len());
        bytes.extend(behind);
        prop_assert_eq!(Frame::decode(&bytes), Some((frame, hash)));
    }

    #[test]
    fn a_frame_with_a_flipped_bit_is_no_frame(frame in frame(), at in any::<prop::sample::Index>()) {
        let (mut bytes, _) = frame.encode();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Frame::decode(&bytes), None);
    }

    #[test]
    fn a_frame_cut_short_is_no_frame(frame in frame(), at in any::<prop::sample::Index>()) {
        let (bytes, _) = frame.encode();
        prop_assert_eq!(Frame::decode(&bytes[..at.index(bytes.len())]), None);
    }

    #[test]
    fn any_bytes_decode_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some((frame, _)) = Frame::decode(&bytes) {
            prop_assert!(bytes.starts_with(&frame.encode().0));
        }
    }

    /// Any subset of records lost or damaged: what loads is a prefix with every forced record.
    #[test]
    fn a_replay_returns_every_forced_record_or_refuses(
        count in 1..20_u64,
        forced in 0..20_u64,
        mark in 0..20_u64,
        fates in prop::collection::vec(0..4_u8, 20),
    ) {
        let forced = forced.min(count);
        let log = log(count, forced);
        let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(mark.min(forced)));
        let mut pushed_late = false;
        for ((frame, hash), fate) in log.into_iter().zip(fates) {
            match fate {
                0 => { replay.push(None); }
                1 => replay.hole(),
                _ => {
                    pushed_late |= frame.lsn > Lsn(forced);
                    replay.push(Some((frame, hash)));
                }
            }
        }
        let promised = if pushed_late { forced } else { mark.min(forced) };
        match replay.finish() {
            Ok(replayed) => {
                prop_assert!(replayed.last >= Lsn(promised));
                for ((lsn, bytes), n) in replayed.records.iter().zip(1..) {
                    prop_assert_eq!(*lsn, Lsn(n));
                    prop_assert_eq!(bytes, &vec![n as u8; n as usize % 5]);
                }
            }
            Err(LoadError::Damaged { .. } | LoadError::Gap { .. } | LoadError::Lost { .. }) => {
                prop_assert!(promised > 0);
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

/// [S-4]
#[test]
fn a_damaged_record_below_the_mark_is_damage_and_above_it_a_torn_tail() {
    let all = log(6, 3);
    for (bad, ends_at) in [(1, None), (3, None), (4, Some(3)), (6, Some(5))] {
        let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(0));
        for (frame, hash) in all.clone() {
            let whole = frame.lsn != Lsn(bad);
            replay.push(whole.then_some((frame, hash)));
        }
        match (replay.finish(), ends_at) {
            (Ok(replayed), Some(last)) => {
                assert_eq!(replayed.last, Lsn(last));
                assert_eq!(replayed.cut, 6 - last);
            }
            (Err(LoadError::Damaged { lsn, forced: Lsn(3) }), None) => assert_eq!(lsn, Lsn(bad)),
            (other, _) => panic!("record {bad}: {other:?}"),
        }
    }
}

#[test]
fn a_missing_record_below_the_mark_is_a_gap_and_a_short_log_is_lost() {
    let all = log(6, 3);
    let replayed = |lost: &[u64], mark| {
        let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(mark));
        for (frame, hash) in all.clone() {
            if !lost.contains(&frame.lsn.0) {
                replay.push(Some((frame, hash)));
            }
        }
        replay.finish()
    };
    let gap = replayed(&[2], 0).unwrap_err();
    assert!(matches!(gap, LoadError::Gap { expected: Lsn(2), found: Lsn(3) }));
    let short = replayed(&[3, 4, 5, 6], 3).unwrap_err();
    assert!(matches!(short, LoadError::Lost { last: Lsn(2), forced: Lsn(3) }));
    assert_eq!(replayed(&[5, 6], 3).unwrap().last, Lsn(4));
}

#[test]
fn a_record_of_an_abandoned_tail_does_not_come_back() {
    let (first, hash) = frames(Lsn(1), &[b"one".to_vec()], Lsn(0), RecordHash::NONE);
    let (abandoned, _) = frames(Lsn(2), &[b"two".to_vec(), b"three".to_vec()], Lsn(0), hash);
    let (rewritten, _) = frames(Lsn(2), &[b"deux".to_vec()], Lsn(0), hash);
    let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(0));
    for (_, bytes) in [&first[0], &rewritten[0], &abandoned[1]] {
        replay.push(Frame::decode(bytes));
    }
    let replayed = replay.finish().unwrap();
    assert_eq!(replayed.last, Lsn(2));
    assert_eq!(replayed.cut, 1);
}

/// The layout of docs/storage-format.md, with hashes that another program computed.
#[test]
fn the_hash_of_the_last_record_stands_for_every_record_before_it() {
    let hex =
        |hash: RecordHash| hash.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (_, one) = frames(Lsn(1), &[b"one".to_vec()], Lsn(0), RecordHash::NONE);
    assert_eq!(hex(one), "f1ee5bda3bfc573b282a9299e390d32353f877fcc15baa8ddc11b481ca030612");
    let (second, two) = frames(Lsn(2), &[b"two".to_vec()], Lsn(1), one);
    assert_eq!(hex(two), "8487f6702aea0f9ee058985110979de334345983c4910c841026a1ca01cbcde3");
    assert_eq!(second[0].1[20..52], one.0);
    assert_eq!(second[0].1[52..84], two.0);
    let (other, changed) = frames(Lsn(1), &[b"One".to_vec()], Lsn(0), RecordHash::NONE);
    assert_ne!(frames(Lsn(2), &[b"two".to_vec()], Lsn(1), changed).1, two);
    // Behind a whole record in another's place, what was chained to that one does not follow.
    let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(0));
    assert!(replay.push(Frame::decode(&other[0].1)));
    assert!(!replay.push(Frame::decode(&second[0].1)));
    assert_eq!(replay.finish().unwrap().last, Lsn(1));
}
