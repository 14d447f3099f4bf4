//! Programs of other people: where they are, what they say, and how they are installed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Finds every program of `programs`, each with the Debian package that has it; as root, installs
/// what is missing.
///
/// # Errors
/// Names the first program that is missing then.
pub(crate) fn check(programs: &[(&str, &str)]) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the guest is built for x86_64 Linux, and this machine is another"
    );
    let missing = || programs.iter().filter(|(program, _)| find(program).is_err());
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
pub(crate) fn find(program: &str) -> Result<PathBuf> {
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
pub(crate) fn output<S: AsRef<OsStr>>(program: &str, args: &[S], folder: &Path) -> Result<String> {
    let output = bytes(program, args, folder)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// The same as bytes.
///
/// # Errors
/// As [`output`].
pub(crate) fn bytes<S: AsRef<OsStr>>(program: &str, args: &[S], folder: &Path) -> Result<Vec<u8>> {
    finish(program, Command::new(find(program)?).args(args).current_dir(folder))
}

/// Runs the program at `path` to its end.
///
/// # Errors
/// As [`output`].
pub(crate) fn run<S: AsRef<OsStr>>(path: &Path, args: &[S], folder: &Path) -> Result<()> {
    let name = path.display().to_string();
    finish(&name, Command::new(path).args(args).current_dir(folder)).map(|_| ())
}

/// What `command`, called `name`, writes to its end.
///
/// # Errors
/// If it cannot be started, or ends with a failure: then the last line of its complaint.
pub(crate) fn finish(name: &str, command: &mut Command) -> Result<Vec<u8>> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {name}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().last().unwrap_or_default().trim();
        bail!("{name} failed: {last}");
    }
    Ok(output.stdout)
}
