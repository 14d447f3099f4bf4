//! Logs that are damaged, or were never logs: they are refused, or give a wallet that stands on
//! what they say.

use std::sync::OnceLock;

use onehop_proto::{Config, LogRecord, Output, RecoverError, State, Wallet};
use onehop_store::frame::{Frame, RecordHash, Replay};
use onehop_store::{Durability, Journal as _, Lsn, SimJournal};
use onehop_wire::encode;

use crate::reader::{Reader, edit};
use crate::victim::NOW;
use crate::wallet::sample_logs;

/// Records of one input, at most.
const RECORDS_MAX: usize = 48;
const SEED: [u8; 32] = [0x46; 32];

type Log = Vec<Vec<u8>>;

fn logs() -> &'static Vec<Log> {
    static LOGS: OnceLock<Vec<Log>> = OnceLock::new();
    LOGS.get_or_init(sample_logs)
}

/// Inputs that reach far, for a corpus.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let born = logs().first().map(|log| log.iter().take(3)).into_iter().flatten();
    let mut raw = vec![0];
    for record in born {
        raw.extend(u16::try_from(record.len()).unwrap_or(0).to_le_bytes());
        raw.extend(record);
    }
    let framed = logs().first().and_then(|log| log.first()).map(|record| {
        let frame =
            Frame { lsn: Lsn(1), forced: Lsn(0), prev: RecordHash::NONE, bytes: record.clone() };
        [&[5, 0][..], &frame.encode().0].concat()
    });
    let mut seeds: Vec<Vec<u8>> = (0..2_u8)
        .flat_map(|log| {
            let with = move |mode: u8, rest: &[u8]| [&[log << 3 | mode], rest].concat();
            [
                with(1, &[]),
                with(1, &[3, 4, 1, 2, 9]),
                with(2, &[4, 5, 2, 30, 0, 7, 60, 0, 11]),
                with(3, &[4, 0xff, 0x0f, 0]),
                with(3, &[6, 0x0f, 0, 2, 0, 2, 9, 1, 7, 8]),
                with(4, &[1, 60, 0, 7]),
                with(4, &[0]),
            ]
        })
        .collect();
    seeds.push(raw);
    seeds.extend(framed);
    seeds
}

/// Recovers from what the bytes after the first make of a log, or of the disk that it lies on.
///
/// # Panics
/// If recovery does, or gives a wallet whose state is not what its log says, or if a journal gives
/// back other records than it was given.
pub fn recovery(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mode = reader.or_zero();
    let log = &logs()[usize::from(mode >> 3) % logs().len()];
    match mode % 6 {
        0 => recover(&arbitrary(&mut reader)),
        1 | 2 => {
            let mut log = log.clone();
            alter(&mut reader, &mut log);
            recover(&log);
        }
        3 => journal(&mut reader, log),
        4 => snapshot(&mut reader, log),
        _ => frames(&mut reader),
    }
}

/// Records that nobody wrote, each with its length before it.
fn arbitrary(reader: &mut Reader<'_>) -> Log {
    let mut log = Vec::new();
    for _ in 0..RECORDS_MAX {
        let length = usize::from(reader.short());
        let record = reader.take(length);
        if record.is_empty() {
            break;
        }
        log.push(record.to_vec());
    }
    log
}

/// Records of a real log, some altered, left out, doubled or exchanged.
fn alter(reader: &mut Reader<'_>, log: &mut Log) {
    for _ in 0..4 {
        let Some(act) = reader.byte() else { break };
        let at = usize::from(reader.or_zero()) % log.len().max(1);
        match act % 5 {
            0 => log.truncate(at),
            1 if at < log.len() => drop(log.remove(at)),
            2 => {
                if let Some(record) = log.get(at).cloned() {
                    log.push(record);
                }
            }
            3 => {
                let other = usize::from(reader.or_zero()) % log.len().max(1);
                if at < log.len() && other < log.len() {
                    log.swap(at, other);
                }
            }
            _ => {
                if let Some(record) = log.get_mut(at) {
                    edit(reader, record);
                }
            }
        }
    }
}

fn recover(log: &Log) {
    let numbered = (1_u64..).zip(log.iter().cloned());
    let recovered = Wallet::recover(Config::default(), SEED, None, numbered);
    stands_on(recovered, log, State::default());
}

/// The wallet's state is what the log says, and the wallet can be used.
fn stands_on(recovered: Result<Wallet, RecoverError>, log: &Log, mut state: State) {
    let Ok(mut wallet) = recovered else { return };
    let written = log.iter().filter_map(|bytes| onehop_wire::decode(bytes, 1 << 24).ok());
    let mut records: Vec<LogRecord> = written.collect();
    while let Some(output) = wallet.poll_output() {
        if let Output::Persist(batch) = output {
            if batch.forced {
                wallet.persisted(batch.last());
            }
            records.extend(batch.records);
        }
    }
    for record in &records {
        assert!(state.apply(record).is_ok(), "a record of the log does not fit it");
    }
    assert_eq!(encode(&state), encode(wallet.state()), "the state is what the log says");
    // Whatever the log says, none of this may fail.
    wallet.handle_timeout(NOW);
    drop((wallet.balance(), wallet.claims(), wallet.poll_timeout()));
    drop(wallet.compaction(NOW, true));
}

/// A disk with the log on it loses power, and bits of it turn.
fn journal(reader: &mut Reader<'_>, log: &Log) {
    let mut journal = SimJournal::new();
    if journal.load().is_err() {
        return;
    }
    let first = usize::from(reader.or_zero()) % log.len().max(1);
    let (before, after) = log.split_at(first);
    let written = journal
        .append(Lsn(1), before, Durability::Forced)
        .and_then(|()| journal.append(Lsn(before.len() as u64 + 1), after, Durability::Lazy));
    assert!(written.is_ok(), "a good disk takes a log");
    let kept = reader.short();
    journal.crash(|sector| kept & (1 << (sector % 16)) != 0);
    let flips = reader.or_zero() % 4;
    for _ in 0..flips {
        let at = usize::from(reader.short()) % journal.durable_bytes().max(1);
        journal.flip(at, reader.or_zero());
    }
    let Ok(loaded) = journal.load() else {
        assert!(flips > 0, "power alone takes nothing that was forced");
        return;
    };
    assert!(flips > 0 || loaded.records.len() >= before.len(), "what was forced is there");
    for ((_, found), written) in loaded.records.iter().zip(log) {
        assert_eq!(found, written, "a record came back altered");
    }
    let records: Log = loaded.records.into_iter().map(|(_, bytes)| bytes).collect();
    recover(&records);
}

/// A snapshot that is altered.
fn snapshot(reader: &mut Reader<'_>, log: &Log) {
    let numbered = (1_u64..).zip(log.iter().cloned());
    let Ok(wallet) = Wallet::recover(Config::default(), SEED, None, numbered) else { return };
    let mut bytes = encode(wallet.state());
    edit(reader, &mut bytes);
    let Ok(state) = onehop_wire::decode::<State>(&bytes, 1 << 24) else { return };
    let recovered = Wallet::recover(Config::default(), SEED, Some((7, &bytes)), []);
    stands_on(recovered, &Vec::new(), state);
}

/// Frames of anybody.
fn frames(reader: &mut Reader<'_>) {
    let forced = u64::from(reader.or_zero() % 4);
    let mut replay = Replay::new(Lsn(0), RecordHash::NONE, Lsn(forced));
    let mut rest = reader.rest();
    for _ in 0..RECORDS_MAX {
        if rest.is_empty() {
            break;
        }
        let frame = Frame::decode(rest);
        let length = frame.as_ref().map_or(1, |(frame, _)| frame.encode().0.len());
        if let Some((frame, hash)) = &frame {
            let (bytes, again) = frame.encode();
            assert!(rest.starts_with(&bytes) && again == *hash, "a frame has one encoding");
        }
        replay.push(frame);
        rest = rest.get(length..).unwrap_or_default();
    }
    if let Ok(replayed) = replay.finish() {
        assert!(replayed.last >= Lsn(forced), "what was forced is there");
    }
}
