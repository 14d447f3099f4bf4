//! What goes into a guest's archive: libraries of programs, and modules of a kernel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::cpio::Archive;
use super::tools;

/// The shared libraries of a program, where its loader looks for them.
/// # Errors
/// If one cannot be read.
pub(crate) fn libraries(program: &Path, archive: &mut Archive) -> Result<()> {
    let list = tools::output("ldd", &[program], Path::new("/"))?;
    let paths = list.split_whitespace().filter(|word| word.starts_with('/'));
    let mut folders = vec!["lib".to_owned()];
    for path in paths {
        let inside: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        for depth in 1..inside.len() {
            let folder = inside[..depth].join("/");
            if !folders.contains(&folder) {
                archive.folder(&folder);
                folders.push(folder);
            }
        }
        archive.file(path, &fs::read(path).with_context(|| format!("failed to read {path}"))?);
    }
    Ok(())
}

/// A module, which some kernels come with packed.
pub(crate) fn unpacked(module: &Path) -> Result<Vec<u8>> {
    if module.extension().is_some_and(|extension| extension == "xz") {
        tools::bytes("xz", &[Path::new("-dc"), module], Path::new("/"))
    } else {
        Ok(fs::read(module)?)
    }
}

/// The first file called `file` below `folder`, packed or not.
pub(crate) fn search(folder: &Path, file: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = search(&path, file)? {
                return Ok(Some(found));
            }
        } else if name(&path).trim_end_matches(".xz") == file {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The first entry of `folder` whose name begins so.
pub(crate) fn entry(folder: &Path, start: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let found = paths.find(|path| name(path).starts_with(start));
    found.with_context(|| format!("no {start}* in {}", folder.display()))
}

/// The last part of a path.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
