//! Both journals under the one suite.

use onehop_store::conformance::{Bench, run};
use onehop_store::{OpenMode, SimJournal, SledJournal};
use tempfile::TempDir;

use crate::{bare, copy, open};

struct OnSled {
    dir: TempDir,
    is_sealed: bool,
}

impl Bench for OnSled {
    type Journal = SledJournal;

    fn open(&mut self) -> SledJournal {
        let path = self.dir.path().join("store");
        let opened = if self.is_sealed { open } else { bare }(&path, OpenMode::OpenOrCreate);
        SledJournal::new(opened.unwrap())
    }

    fn close(&mut self, journal: SledJournal) {
        drop(journal);
    }

    fn crash(&mut self, journal: SledJournal) {
        let fresh = TempDir::new().unwrap();
        copy(&self.dir.path().join("store"), &fresh.path().join("store"));
        drop(journal);
        self.dir = fresh;
    }
}

#[derive(Default)]
struct Simulated {
    disk: SimJournal,
    /// Which sectors a crash keeps: all whose number has no bit in common with this.
    losing: usize,
}

impl Bench for Simulated {
    type Journal = SimJournal;

    fn open(&mut self) -> SimJournal {
        self.disk.clone()
    }

    fn close(&mut self, mut journal: SimJournal) {
        journal.crash(|_| true);
        self.disk = journal;
    }

    fn crash(&mut self, mut journal: SimJournal) {
        journal.crash(|sector| sector & self.losing == 0);
        self.disk = journal;
    }
}

#[test]
fn the_journal_on_sled_keeps_the_contract() {
    for is_sealed in [true, false] {
        run(|| OnSled { dir: TempDir::new().unwrap(), is_sealed });
    }
}

#[test]
fn the_simulated_journal_keeps_the_contract_whichever_sectors_a_crash_loses() {
    for losing in [0, 1, 2, 3, 5, usize::MAX] {
        run(|| Simulated { disk: SimJournal::new(), losing });
    }
}
