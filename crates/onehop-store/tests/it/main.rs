//! The store as its users meet it: reopened, crashed, damaged, full, killed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a child process answers its test on stdout")]

mod archive;
mod conformance;
mod damage;
mod frame;
mod full_disk;
mod kill;
mod opening;
mod rows;
mod sealed;
mod sim;
mod upkeep;

use std::fs;
use std::path::Path;

use onehop_store::{DataKey, OpenError, OpenMode, SledFile, TreeId};

const TREE: TreeId = TreeId::new(7);
const OTHER: TreeId = TreeId::new(8);

/// A wallet's store, sealed as wallets' are.
fn open(dir: &Path, mode: OpenMode) -> Result<SledFile, OpenError> {
    Ok(bare(dir, mode)?.sealed(DataKey::new(&[7; 32], [9; 16])))
}

/// A store whose rows lie open, as an office's do.
fn bare(dir: &Path, mode: OpenMode) -> Result<SledFile, OpenError> {
    SledFile::open(dir, "wallet", 1, mode)
}

/// Copies a store as the kernel sees it, which is what is left when its program is killed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
