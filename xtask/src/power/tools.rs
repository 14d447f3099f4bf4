//! The programs of other people that the cuts need, and where they come from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::vm::tools;
pub(super) use crate::vm::tools::{find, output};

/// Programs, each with the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("nbdkit", "nbdkit"),
    ("busybox", "busybox-static"),
    ("mkfs.ext4", "e2fsprogs"),
    ("setpriv", "util-linux"),
    ("strip", "binutils"),
    ("ldd", "libc-bin"),
    ("dpkg-deb", "dpkg"),
    ("apt-get", "apt"),
];
/// The package that names the newest kernel for virtual machines.
const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";

/// Finds every program; as root, installs what is missing.
///
/// # Errors
/// As [`tools::check`].
pub(super) fn check() -> Result<()> {
    tools::check(PROGRAMS)
}

/// The folder with an unpacked kernel and its modules, fetched into `cache` the first time.
///
/// # Errors
/// If the package cannot be fetched or unpacked.
pub(super) fn kernel(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("kernel");
    if folder.is_dir() {
        return Ok(folder);
    }
    let about = output("apt-cache", &["depends", KERNEL_PACKAGE], cache)?;
    let package = about
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| name.starts_with("linux-image-"))
        .with_context(|| format!("apt-cache knows no {KERNEL_PACKAGE}; run apt-get update"))?;
    let fetched = tempfile::tempdir_in(cache)?;
    output("apt-get", &["download", "-qq", package], fetched.path())?;
    let file = std::fs::read_dir(fetched.path())?.next().context("apt-get fetched nothing")??;
    let unpacked = fetched.path().join("kernel");
    let (file, to) = (file.path().display().to_string(), unpacked.display().to_string());
    output("dpkg-deb", &["-x", &file, &to], cache)?;
    // Whole or not there.
    std::fs::rename(&unpacked, &folder)?;
    Ok(folder)
}
