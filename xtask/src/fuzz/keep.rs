//! Of what a run grew, the fewest inputs that together take every edge that the committed ones do
//! not.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::{KEPT, PROGRAMS, grown, longest};
use crate::corpus;

/// Copies them into fuzz/kept/; gives how many.
pub(super) fn keep(root: &Path, target: &str) -> anyhow::Result<usize> {
    let dir = tempfile::tempdir().context("failed to make a temporary folder")?;
    let kept = root.join(KEPT).join(target);
    std::fs::create_dir_all(&kept)?;
    let mut known: BTreeSet<OsString> = BTreeSet::new();
    for folder in [root.join(corpus::FOLDER).join(target), kept.clone()] {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            std::fs::copy(entry.path(), dir.path().join(entry.file_name()))?;
            known.insert(entry.file_name());
        }
    }
    let output = Command::new(root.join(PROGRAMS).join(target))
        .args(["-set_cover_merge=1", "-use_counters=0"])
        .arg(format!("-max_len={}", longest(target)))
        .arg(dir.path())
        .arg(grown(root, target))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("the fuzz target {target} does not start"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{target} cannot merge its inputs:\n{words}");
    let mut count = 0;
    for entry in std::fs::read_dir(dir.path())? {
        let entry = entry?;
        if !known.contains(&entry.file_name()) {
            std::fs::copy(entry.path(), kept.join(entry.file_name()))?;
            count += 1;
        }
    }
    Ok(count)
}
