//! The programs of other people that the cuts need, and where they come from.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

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
/// Names the first program that is missing then.
pub(super) fn check() -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the guest is built for x86_64 Linux, and this machine is another"
    );
    let missing = || PROGRAMS.iter().filter(|(program, _)| find(program).is_err());
    let packages: Vec<&str> = missing().map(|(_, package)| *package).collect();
    if !packages.is_empty() && is_root() && find("apt-get").is_ok() {
        let apt = |args: &[&str]| {
            let mut apt = Command::new("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive").args(args).stdout(Stdio::null()).status()
        };
        // If it fails, the program is still missing, which is said below.
        apt(&["update", "-qq"]).ok();
        let install = ["install", "-y", "-qq", "--no-install-recommends"];
        apt(&install.iter().chain(&packages).copied().collect::<Vec<_>>()).ok();
    }
    match missing().next() {
        None => Ok(()),
        Some((program, package)) => bail!("{program} is not installed; Debian has it in {package}"),
    }
}

/// Where a program is: on the path, or where only root has its path.
pub(super) fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut places = folders.map(|folder| folder.join(program));
    places.find(|place| place.is_file()).with_context(|| format!("{program} is not installed"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// What a program writes to its end.
///
/// # Errors
/// If it cannot be started or ends with a failure.
pub(super) fn output<S: AsRef<OsStr>>(program: &str, args: &[S], folder: &Path) -> Result<String> {
    let output = bytes(program, args, folder)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// The same as bytes.
///
/// # Errors
/// As [`output`].
pub(super) fn bytes<S: AsRef<OsStr>>(program: &str, args: &[S], folder: &Path) -> Result<Vec<u8>> {
    let output = Command::new(find(program)?)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("failed to start {program}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or_default().trim();
        bail!("{program} failed: {last}");
    }
    Ok(output.stdout)
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
