//! The known logs of `vectors/records.json`: what they fold into, and what recovery makes of it.
//!
//! Nothing is signed or verified on the way, so that Miri can run these too.

use crate::{Config, LogRecord, RecoverError, State, Wallet};
use onehop_wire::{decode, encode};
use serde_json::Value;

/// Longer than any record.
const RECORD_MAX: usize = 1 << 20;

struct KnownLog {
    name: String,
    records: Vec<Vec<u8>>,
    state: Vec<u8>,
    start_seed: [u8; 32],
    recovered: Vec<u8>,
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

const FILE: &str = include_str!("../../../../vectors/records.json");

/// The file with its first log alone: Miri takes minutes to read all of it.
fn file_of_first() -> String {
    let (second, _) = FILE.match_indices("\"name\"").nth(1).unwrap();
    let (first, _) = FILE[..second].rsplit_once(',').unwrap();
    format!("{first}]}}")
}

fn known_logs(file: &str) -> Vec<KnownLog> {
    let file: Value = serde_json::from_str(file).unwrap();
    let of = |case: &Value| KnownLog {
        name: case["name"].as_str().unwrap().to_owned(),
        records: case["records"].as_array().unwrap().iter().map(bytes).collect(),
        state: bytes(&case["state"]),
        start_seed: bytes(&case["start_seed"]).try_into().unwrap(),
        recovered: bytes(&case["recovered"]),
    };
    file["cases"].as_array().unwrap().iter().map(of).collect()
}

fn folded(log: &KnownLog, len: usize) -> State {
    let mut state = State::default();
    for record in &log.records[..len] {
        let record: LogRecord = decode(record, RECORD_MAX).unwrap();
        state.apply(&record).unwrap();
    }
    state
}

fn recovered(log: &KnownLog, from: usize) -> Result<Wallet, RecoverError> {
    let snapshot = encode(&folded(log, from));
    let snapshot = (from > 0).then_some((from as u64, snapshot.as_slice()));
    let rest = (1..).zip(log.records.iter().cloned()).skip(from);
    Wallet::recover(Config::default(), log.start_seed, snapshot, rest)
}

#[test]
fn the_first_known_log_folds_into_its_state_and_recovers() {
    let logs = known_logs(&file_of_first());
    let [log] = logs.as_slice() else { panic!("{} logs", logs.len()) };
    assert_eq!(log.name, "a wallet that was born and enrolled");
    assert_eq!(encode(&folded(log, log.records.len())), log.state);
    assert_eq!(encode(recovered(log, 0).unwrap().state()), log.recovered);
}

#[test]
fn each_known_log_folds_into_its_state_and_is_written_as_it_was_read() {
    let logs = known_logs(FILE);
    assert_eq!(logs.len(), 6);
    for log in logs {
        for record in &log.records {
            assert_eq!(encode(&decode::<LogRecord>(record, RECORD_MAX).unwrap()), *record);
        }
        let state = folded(&log, log.records.len());
        assert_eq!(encode(&state), log.state, "{}", log.name);
        let again: State = decode(&log.state, RECORD_MAX).unwrap();
        assert_eq!(encode(&again), log.state, "{}", log.name);
    }
}

#[test]
fn each_known_log_recovers_alike_from_its_records_and_from_a_snapshot() {
    for log in known_logs(FILE) {
        for from in [0, log.records.len()] {
            let wallet = recovered(&log, from).unwrap();
            assert_eq!(encode(wallet.state()), log.recovered, "{} from {from}", log.name);
        }
    }
}

#[test]
fn a_known_log_that_lacks_its_first_record_or_ends_in_a_torn_one_is_refused() {
    for mut log in known_logs(FILE) {
        let whole = log.records.clone();
        log.records.remove(0);
        assert!(recovered(&log, 0).is_err(), "{}", log.name);
        log.records = whole;
        log.records.last_mut().unwrap().pop();
        assert!(recovered(&log, 0).is_err(), "{}", log.name);
    }
}
