//! Opening a store with 400 000 archived payments takes at most twice as long as one with 10 000.
//!
//! Prints one line of JSON and exits with 0 only if that holds.

#![expect(clippy::print_stdout, reason = "the result goes to stdout")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use onehop_store::{DataKey, Durability, Journal as _, OpenMode, Row, SledFile, SledJournal};

const FEW: u64 = 10_000;
const MANY: u64 = 400_000;
const ROWS_PER_SNAPSHOT: u64 = 200;
const OPENINGS: usize = 21;
const RATIO_MAX: f64 = 2.0;

fn open(dir: &Path) -> Result<SledJournal, Box<dyn Error>> {
    let file = SledFile::open(dir, "wallet", 1, OpenMode::OpenOrCreate)?;
    let mut journal = SledJournal::new(file.sealed(DataKey::new(&[1; 32], [2; 16])));
    journal.load()?;
    Ok(journal)
}

/// Archives payments up to number `until`, as a device does over its life, and then leaves some
/// records in the log, as a killed program does.
fn fill(dir: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    let mut journal = open(dir)?;
    let mut next = journal.load()?.next();
    for first in (0..rows).step_by(ROWS_PER_SNAPSHOT as usize) {
        let archived: Vec<Row> = (first..first + ROWS_PER_SNAPSHOT)
            .map(|n| (n.to_be_bytes().to_vec(), vec![n as u8; 120]))
            .collect();
        journal.append(next, &[vec![1; 400]], Durability::Lazy)?;
        journal.snapshot(next, &[2; 2000], &archived)?;
        next = next.next();
    }
    for _ in 0..100 {
        journal.append(next, &[vec![3; 400]], Durability::Forced)?;
        next = next.next();
    }
    Ok(())
}

/// The times of the two stores' openings, in turns so that both meet the same noise.
fn openings(few: &Path, many: &Path) -> Result<(Duration, Duration), Box<dyn Error>> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..OPENINGS {
        for (dir, times) in [few, many].iter().zip(&mut times) {
            let start = Instant::now();
            let journal = open(dir)?;
            times.push(start.elapsed());
            drop(journal);
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    let [few, many] = &mut times;
    Ok((median(few), median(many)))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (few, many) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fill(few.path(), FEW)?;
    fill(many.path(), MANY)?;
    let (few, many) = openings(few.path(), many.path())?;
    let ratio = many.as_secs_f64() / few.as_secs_f64();
    let holds = ratio <= RATIO_MAX;
    let method = format!(
        "median of {OPENINGS} openings each, in turns, warm cache: {MANY} archived rows in {:.1} ms, {FEW} in {:.1} ms",
        many.as_secs_f64() * 1e3,
        few.as_secs_f64() * 1e3,
    );
    println!(
        r#"{{"name":"store_open_400k_over_10k","value":{ratio:.3},"unit":"ratio","limit":{RATIO_MAX},"holds":{holds},"n":{OPENINGS},"method":"{method}"}}"#
    );
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
