//! What the machine starts: a kernel, and an archive with the programs, their libraries and the
//! first program of `tests/power/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::vm::cpio::Archive;
use crate::vm::pack::{entry, libraries, name, search, unpacked};
use crate::vm::programs;

use super::tools;

/// Modules of the disk, each after those that it needs. What a kernel has built in is not there.
const MODULES: &[&str] = &[
    "crc16",
    "mbcache",
    "jbd2",
    "ext4",
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
];
/// Those without which there is no disk, whichever way the kernel was built.
const MODULES_NEEDED: &[&str] = &["virtio_blk", "virtio_pci"];
/// The cargo feature without the fsync.
const CONTROL: &str = "onehop-cli/control-no-fsync";

/// A kernel and what it starts.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) kernel: PathBuf,
    pub(super) kernel_version: String,
    /// With the programs as they are.
    pub(super) real: PathBuf,
    /// With the programs without their fsync.
    pub(super) control: PathBuf,
}

/// Builds both programs and packs them; `cache` keeps the kernel, `folder` the rest.
///
/// # Errors
/// If a program is missing or fails.
pub(super) fn build(root: &Path, cache: &Path, folder: &Path) -> Result<Guest> {
    let unpacked = tools::kernel(cache)?;
    let boot = entry(&unpacked.join("boot"), "vmlinuz-")?;
    let kernel_version = name(&boot).trim_start_matches("vmlinuz-").to_owned();
    let build = |name: &str, with: &[&str]| -> Result<PathBuf> {
        let to = folder.join(name);
        program(root, &cache.join("built").join(name), with, &to)?;
        Ok(to)
    };
    let (real, control) = (build("real", &[])?, build("control", &["--features", CONTROL])?);
    ensure!(fs::read(&real)? != fs::read(&control)?, "the control is the program itself");
    let modules = ["lib", "usr/lib"].map(|lib| unpacked.join(lib).join("modules"));
    let modules = modules.into_iter().find(|folder| folder.is_dir());
    let modules = modules.context("the kernel's package has no modules")?.join(&kernel_version);
    let init =
        fs::read(root.join("tests/power/init")).context("failed to read the guest's init")?;
    let pack = |program: &Path, to: &str| -> Result<PathBuf> {
        let archive = archive(program, &modules, &init)?;
        let to = folder.join(to);
        fs::write(&to, archive)?;
        Ok(to)
    };
    Ok(Guest {
        kernel_version,
        real: pack(&real, "real.cpio")?,
        control: pack(&control, "control.cpio")?,
        kernel: boot,
    })
}

/// Builds `onehop` in the development profile, and copies it without what only a debugger reads.
///
/// It is built into `built`, so that the control is never taken for the program.
fn program(root: &Path, built: &Path, with: &[&str], to: &Path) -> Result<()> {
    let programs = programs::build(root, with, Some(built))?;
    let built = programs::find(&programs, "onehop")?.display().to_string();
    let to = to.display().to_string();
    tools::output("strip", &["-s", "-o", &to, &built], root)?;
    Ok(())
}

fn archive(program: &Path, modules: &Path, init: &[u8]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "data", "dev", "lib", "lib/modules", "proc", "run", "sys", "tmp"] {
        archive.folder(folder);
    }
    archive.file("init", init);
    archive.file("bin/busybox", &fs::read(tools::find("busybox")?)?);
    archive.file("bin/onehop", &fs::read(program)?);
    libraries(program, &mut archive)?;
    let mut order = String::new();
    for module in MODULES {
        let file = format!("{module}.ko");
        match search(&modules.join("kernel"), &file)? {
            Some(found) => {
                order.push_str(&file);
                order.push('\n');
                archive.file(&format!("lib/modules/{file}"), &unpacked(&found)?);
            }
            None => ensure!(
                !MODULES_NEEDED.contains(module),
                "the kernel has no module {file}; remove its folder to fetch another"
            ),
        }
    }
    archive.file("lib/modules/order", order.as_bytes());
    Ok(archive.finish())
}
