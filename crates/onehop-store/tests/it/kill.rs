//! Programs that are killed while they write.
//!
//! The child is this test binary, run again for one test with an environment variable set.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use onehop_store::{Durability, Journal as _, Lsn, OpenError, OpenMode, SledJournal};
use tempfile::TempDir;

use crate::open;

const ROLE: &str = "ONEHOP_STORE_TEST_ROLE";
const DIR: &str = "ONEHOP_STORE_TEST_DIR";

/// This test binary as a child in `role`, on the store in `dir`.
pub(crate) fn child(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "kill::child_of_another_test", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(DIR, dir).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

fn record(lsn: u64) -> Vec<u8> {
    lsn.to_le_bytes().repeat(1 + lsn as usize % 90)
}

#[test]
fn child_of_another_test() {
    let (Ok(role), Some(dir)) = (env::var(ROLE), env::var_os(DIR)) else {
        return;
    };
    let dir = PathBuf::from(dir);
    match role.as_str() {
        "try_open" => match open(&dir, OpenMode::Open) {
            Ok(_) => println!("answer: opened"),
            Err(OpenError::Locked { .. }) => println!("answer: locked"),
            Err(other) => println!("answer: {other}"),
        },
        "write" => write_until_killed(&dir),
        "fill" => crate::full_disk::fill(&dir),
        other => panic!("no role {other}"),
    }
}

/// Appends for ever, saying on stdout which records were forced.
fn write_until_killed(dir: &Path) {
    let mut journal = SledJournal::new(open(dir, OpenMode::OpenOrCreate).unwrap());
    let mut next = journal.load().unwrap().next();
    let mut out = std::io::stdout();
    loop {
        journal.append(next, &[record(next.0)], Durability::Lazy).unwrap();
        let pair = [record(next.0 + 1), record(next.0 + 2)];
        journal.append(next.next(), &pair, Durability::Forced).unwrap();
        next = Lsn(next.0 + 3);
        writeln!(out, "forced: {}", next.0 - 1).unwrap();
        if next.0 % 50 < 3 {
            let upto = Lsn(next.0 - 10);
            let row = (upto.0.to_be_bytes().to_vec(), record(upto.0));
            journal.snapshot(upto, &record(upto.0), &[row]).unwrap();
            writeln!(out, "covered: {}", upto.0).unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn every_acknowledged_record_is_there_after_the_writer_is_killed() {
    let dir = TempDir::new().unwrap();
    let mut archived = BTreeMap::new();
    let (mut forced, mut covered) = (0, 0);
    // How many answers to wait for before the kill: near the start, in the middle, and beyond the
    // point where the database writes its page table.
    for answers in [1, 2, 7, 30, 55, 150, 400] {
        let mut writer = child("write", dir.path()).spawn().unwrap();
        let mut heard = 0;
        for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((_, lsn)) = line.split_once("forced: ") {
                forced = lsn.parse().unwrap();
                heard += 1;
            } else if let Some((_, lsn)) = line.split_once("covered: ") {
                covered = lsn.parse().unwrap();
                archived.insert(covered, record(covered));
            }
            if heard == answers {
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        assert!(heard >= answers, "the writer stopped by itself");

        let mut journal = SledJournal::new(open(dir.path(), OpenMode::Open).unwrap());
        let loaded = journal.load().unwrap();
        let (upto, state) = loaded.snapshot.clone().unwrap_or_default();
        assert!(upto.0 >= covered);
        assert!(upto.0 == 0 || state == record(upto.0));
        assert!(loaded.next().0 > forced, "record {forced} was acknowledged");
        for ((lsn, bytes), expected) in loaded.records.iter().zip(upto.0 + 1..) {
            assert_eq!((lsn.0, bytes), (expected, &record(expected)));
        }
        for (lsn, row) in &archived {
            assert_eq!(journal.archived_get(&lsn.to_be_bytes()).unwrap().as_ref(), Some(row));
        }
        journal.file().verify().unwrap();
    }
}
