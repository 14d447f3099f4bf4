//! A disk without room, for real.

use std::path::{Path, PathBuf};
use std::process::Command;

use onehop_store::{AppendError, Durability, Journal as _, Lsn, OpenMode, SledJournal, WriteError};
use tempfile::TempDir;

use crate::kill::child;
use crate::open;

const DISK_BYTES: u64 = 6 * 1024 * 1024;

/// A small file system in memory, gone when dropped.
struct SmallDisk {
    at: TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let at = TempDir::new().unwrap();
        let size = format!("size={DISK_BYTES}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "onehop-store-test"])
            .arg(at.path())
            .output();
        mount.ok()?.status.success().then_some(Self { at })
    }

    fn path(&self) -> PathBuf {
        self.at.path().join("store")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.at.path()).status().unwrap();
        assert!(unmounted.success(), "a small disk stays mounted at {:?}", self.at.path());
    }
}

/// In a child, because a store that ran out of room is closed by ending its program.
pub(crate) fn fill(dir: &Path) {
    let mut journal = SledJournal::new(open(dir, OpenMode::Create).unwrap());
    let mut next = journal.load().unwrap().next();
    loop {
        match journal.append(next, &[vec![next.0 as u8; 3000]], Durability::Forced) {
            Ok(()) => println!("forced: {next}"),
            Err(AppendError::Write(WriteError::Io { source, .. })) => {
                println!("refused: {:?}", source.kind());
                break;
            }
            Err(other) => {
                println!("refused: {other:?}");
                break;
            }
        }
        next = next.next();
    }
    let again = journal.append(next, &[b"more".to_vec()], Durability::Forced);
    let poisoned = matches!(again, Err(AppendError::Write(WriteError::Poisoned { .. })));
    println!("poisoned: {poisoned}");
}

#[test]
fn a_full_disk_refuses_loses_nothing_acknowledged_and_opens_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: a_full_disk_refuses_...: cannot mount a small tmpfs (needs root)");
        return;
    };
    let answer = child("fill", &disk.path()).output().unwrap();
    let answer = String::from_utf8(answer.stdout).unwrap();
    let forced = answer.lines().filter(|line| line.contains("forced: ")).count() as u64;
    assert!(forced > 10, "{answer}");
    assert!(answer.contains("refused: StorageFull"), "{answer}");
    assert!(answer.contains("poisoned: true"), "{answer}");

    let roomy = TempDir::new().unwrap();
    crate::copy(&disk.path(), roomy.path());
    let mut journal = SledJournal::new(open(roomy.path(), OpenMode::Open).unwrap());
    let loaded = journal.load().unwrap();
    assert!(loaded.next() > Lsn(forced));
    for ((lsn, bytes), expected) in loaded.records.iter().zip(1..) {
        assert_eq!((lsn.0, bytes), (expected, &vec![expected as u8; 3000]));
    }
}
