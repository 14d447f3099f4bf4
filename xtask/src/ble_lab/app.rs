//! What the project adds to a guest: its programs as they are built here, with the libraries they
//! were linked to, and the first program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::vm::cpio::Archive;
use crate::vm::pack::name;
use crate::vm::{programs, tools};

/// Programs and examples that are shipped into guests.
const PROGRAMS: &[&str] = &["onehop", "buyer", "seller"];

/// The programs of this source tree.
#[derive(Debug)]
pub(super) struct App {
    /// The program that the host runs for the office, and to make wallets.
    pub(super) onehop: PathBuf,
    /// To be put behind a guest's archive.
    pub(super) archive: Vec<u8>,
}

/// Builds the programs in the development profile and packs them.
///
/// # Errors
/// If one cannot be built.
pub(super) fn build(root: &Path, folder: &Path) -> Result<App> {
    let built = programs::build(root, &[], None)?;
    let mut archive = Archive::default();
    for path in ["app", "app/lib", "bin"] {
        archive.folder(path);
    }
    let init = root.join("tests/ble/init");
    archive.file("init", &fs::read(init).context("failed to read the guest's init")?);
    let (mut onehop, mut libraries) = (None, Vec::new());
    for program in PROGRAMS {
        let path = programs::find(&built, program)?;
        let stripped = folder.join(program);
        let (from, to) = (path.display().to_string(), stripped.display().to_string());
        tools::output("strip", &["-s", "-o", &to, &from], root)?;
        archive.file(&format!("app/{program}"), &fs::read(&stripped)?);
        // The loader of this machine, so that the C library is the one linked to.
        let start = format!(
            "#!/bin/sh\nexec /app/lib/ld-linux-x86-64.so.2 --library-path /app/lib /app/{program} \"$@\"\n"
        );
        archive.file(&format!("bin/{program}"), start.as_bytes());
        let list = tools::output("ldd", &[&stripped], Path::new("/"))?;
        let paths = list.split_whitespace().filter(|word| word.starts_with('/'));
        libraries.extend(paths.map(PathBuf::from));
        if *program == "onehop" {
            onehop = Some(stripped);
        }
    }
    libraries.sort();
    libraries.dedup();
    for library in libraries {
        archive.file(&format!("app/lib/{}", name(&library)), &fs::read(&library)?);
    }
    Ok(App { onehop: onehop.context("no onehop")?, archive: archive.finish() })
}
