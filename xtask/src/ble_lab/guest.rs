//! What a machine starts: a kernel as ELF, and an archive with Debian's Bluetooth in it.
//!
//! Nothing of the project is in it; that comes in an archive of its own behind it, so that a new
//! build of the programs costs nothing here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::vm::cpio::Archive;
use crate::vm::pack::{entry, name, unpacked};
use crate::vm::tools;

use super::{assets, debian};

/// To be raised when what is written here changes what a guest is made of.
const RECIPE: u32 = 1;

/// Programs of the guest, and where they go.
const PROGRAMS: &[(&str, &str)] = &[
    ("usr/libexec/bluetooth/bluetoothd", "sbin/bluetoothd"),
    ("usr/bin/bluetoothctl", "bin/bluetoothctl"),
    ("usr/bin/btattach", "bin/btattach"),
    ("usr/bin/btmgmt", "bin/btmgmt"),
    ("usr/bin/btmon", "bin/btmon"),
    ("usr/bin/dbus-daemon", "bin/dbus-daemon"),
    ("usr/bin/dbus-send", "bin/dbus-send"),
];
/// Where the loader looks for libraries, and where they lie in a package.
const LIBRARIES: &[&str] = &["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
const PRIVATE: &str = "usr/lib/x86_64-linux-gnu/systemd";
const LOADER: &str = "lib64/ld-linux-x86-64.so.2";
/// Settings, each where one release or the other has it.
const SETTINGS: &[(&[&str], &str)] = &[
    (&["usr/share/dbus-1/system.conf"], "usr/share/dbus-1/system.conf"),
    (
        &["usr/share/dbus-1/system.d/bluetooth.conf", "etc/dbus-1/system.d/bluetooth.conf"],
        "etc/dbus-1/system.d/bluetooth.conf",
    ),
    (&["etc/bluetooth/main.conf"], "etc/bluetooth/main.conf"),
];
/// Modules that must be there, with what they need by their own word.
const MODULES_NEEDED: &[&str] = &["bluetooth", "hci_uart", "af_alg", "ext4", "virtio_blk"];
/// Modules that some kernel has built in, or that another needs without saying so. Random numbers
/// come before the curve that checks itself with them; without the hash and cipher sockets, no
/// controller starts.
const MODULES: &[&str] = &[
    "sha512_generic",
    "sha3_generic",
    "ctr",
    "jitterentropy_rng",
    "drbg",
    "virtio_pci",
    "virtio_console",
    "virtio_rng",
    "af_alg",
    "algif_hash",
    "algif_skcipher",
    "ecb",
    "cmac",
    "ecdh_generic",
    "bluetooth",
    "hci_uart",
    "virtio_blk",
    "crc32c_generic",
    "ext4",
];

/// The release of a guest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Release {
    /// BlueZ 5.82.
    Trixie,
    /// BlueZ 5.66, which spreads one connection over several channels and so changes the order.
    Bookworm,
}

impl Release {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Trixie => "trixie",
            Self::Bookworm => "bookworm",
        }
    }
}

/// A guest that can be started.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) release: Release,
    pub(super) kernel: PathBuf,
    pub(super) archive: Vec<u8>,
    /// Of the kernel and of BlueZ, for people.
    pub(super) versions: String,
}

/// A guest, built the first time.
///
/// # Errors
/// If packages cannot be fetched, or lack something.
pub(super) fn build(cache: &Path, release: Release) -> Result<Guest> {
    let folder = assets::once(cache, &format!("{}-{RECIPE}", release.name()), |folder| {
        let root = debian::unpack(release.name(), folder)?;
        let boot = entry(&root.join("boot"), "vmlinuz-")?;
        fs::write(folder.join("vmlinux"), elf(&fs::read(&boot)?)?)?;
        fs::write(folder.join("base.cpio"), archive(&root)?)?;
        let kernel = name(&boot).trim_start_matches("vmlinuz-").to_owned();
        let bluez = debian::version(folder, "bluez")?;
        fs::write(folder.join("versions"), format!("Linux {kernel}, BlueZ {bluez}"))?;
        // What it was made of is large, and fetched again if it is ever needed.
        for part in ["root", "apt"] {
            fs::remove_dir_all(folder.join(part))?;
        }
        Ok(())
    })?;
    Ok(Guest {
        release,
        kernel: folder.join("vmlinux"),
        archive: fs::read(folder.join("base.cpio"))?,
        versions: fs::read_to_string(folder.join("versions"))?,
    })
}

/// The kernel inside of its own unpacker: QEMU starts it directly, a second sooner.
fn elf(image: &[u8]) -> Result<Vec<u8>> {
    let number = |at: usize| -> Result<usize> {
        let bytes = image.get(at..at + 4).context("the kernel is too short")?;
        Ok(u32::from_le_bytes(bytes.try_into()?) as usize)
    };
    let sectors = *image.get(0x1F1).context("the kernel is too short")?;
    let start = (usize::from(sectors) + 1) * 512 + number(0x248)?;
    // The last four bytes say how long it will be.
    let packed = image.get(start..start + number(0x24C)? - 4).context("the kernel is cut short")?;
    let program = match packed {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "zstd",
        [0xFD, b'7', b'z', b'X', ..] => "xz",
        _ => bail!("the kernel is packed in a way that is not known here"),
    };
    let mut unpacker = Command::new(tools::find(program)?)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut input = unpacker.stdin.take().context("no input")?;
    let packed = packed.to_vec();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &packed).is_ok());
    let output = unpacker.wait_with_output()?;
    let is_written = writer.join().unwrap_or_default();
    ensure!(is_written && output.stdout.starts_with(b"\x7fELF"), "{program} unpacks no kernel");
    Ok(output.stdout)
}

fn archive(root: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in [
        "bin",
        "data",
        "dev",
        "etc",
        "etc/bluetooth",
        "etc/dbus-1",
        "etc/dbus-1/system.d",
        "lib",
        "lib/modules",
        "lib64",
        "proc",
        "root",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr",
        "usr/share",
        "usr/share/dbus-1",
        "var",
        "var/lib",
        "var/lib/bluetooth",
        "var/run",
    ] {
        archive.folder(folder);
    }
    archive.file("bin/busybox", &fs::read(tools::find("busybox")?)?);
    let mut libraries = BTreeSet::new();
    for (from, to) in PROGRAMS {
        let program = inside(root, from)?;
        needed(root, &program, &mut libraries)?;
        archive.file(to, &fs::read(&program)?);
    }
    for library in &libraries {
        archive.file(&format!("lib/{library}"), &fs::read(find(root, library)?)?);
    }
    let loader = inside(root, LOADER).or_else(|_| inside(root, &format!("usr/{LOADER}")))?;
    archive.file(LOADER, &fs::read(loader)?);
    for (from, to) in SETTINGS {
        let mut found = from.iter().filter_map(|from| inside(root, from).ok());
        let found = found.next().with_context(|| format!("there is no {to}"))?;
        archive.file(to, &fs::read(found)?);
    }
    let user = b"root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/:/bin/false\n";
    archive.file("etc/passwd", user);
    archive.file("etc/group", b"root:x:0:\nlp:x:7:\nmessagebus:x:100:\nbluetooth:x:101:\n");
    modules(root, &mut archive)?;
    Ok(archive.finish())
}

/// A path inside of `root`, with links followed as they would be there.
fn inside(root: &Path, path: &str) -> Result<PathBuf> {
    let mut found = root.join(path);
    while let Ok(target) = fs::read_link(&found) {
        found = match target.strip_prefix("/") {
            Ok(absolute) => root.join(absolute),
            Err(_) => found.parent().unwrap_or(root).join(target),
        };
    }
    ensure!(found.exists(), "the packages have no {path}");
    Ok(found)
}

fn find(root: &Path, library: &str) -> Result<PathBuf> {
    let folders = LIBRARIES.iter().chain([&PRIVATE]);
    let mut found = folders.filter_map(|at| inside(root, &format!("{at}/{library}")).ok());
    found.next().with_context(|| format!("the packages have no {library}"))
}

/// Adds the libraries that a program needs, and those that they need.
fn needed(root: &Path, program: &Path, libraries: &mut BTreeSet<String>) -> Result<()> {
    let list = tools::output("readelf", &[Path::new("-d"), program], Path::new("/"))?;
    for line in list.lines().filter(|line| line.contains("(NEEDED)")) {
        let library = line.split(['[', ']']).nth(1).context("readelf writes something else")?;
        if libraries.insert(library.to_owned()) {
            needed(root, &find(root, library)?, libraries)?;
        }
    }
    Ok(())
}

fn modules(root: &Path, archive: &mut Archive) -> Result<()> {
    let folders = ["usr/lib/modules", "lib/modules"].map(|at| root.join(at));
    let folder = folders.into_iter().find(|folder| folder.is_dir());
    let mut files = BTreeMap::new();
    walk(&folder.context("the kernel's package has no modules")?, &mut files)?;
    let (mut done, mut order) = (BTreeSet::new(), String::new());
    for module in MODULES {
        add(module, &files, &mut done, &mut order, archive)?;
    }
    for module in MODULES_NEEDED {
        ensure!(done.contains(*module), "the kernel has no module {module}");
    }
    archive.file("lib/modules/order", order.as_bytes());
    Ok(())
}

/// Adds a module behind those it says it depends on. What is built in is no file.
fn add(
    module: &str,
    files: &BTreeMap<String, PathBuf>,
    done: &mut BTreeSet<String>,
    order: &mut String,
    archive: &mut Archive,
) -> Result<()> {
    let Some(file) = files.get(module).filter(|_| !done.contains(module)) else { return Ok(()) };
    done.insert(module.to_owned());
    let bytes = unpacked(file)?;
    for other in depends(&bytes) {
        add(&other, files, done, order, archive)?;
    }
    archive.file(&format!("lib/modules/{module}.ko"), &bytes);
    order.push_str(module);
    order.push_str(".ko\n");
    Ok(())
}

/// What a module says of others, in the section that modinfo reads.
fn depends(module: &[u8]) -> Vec<String> {
    let words = b"\0depends=";
    let Some(at) = module.windows(words.len()).position(|window| window == words) else {
        return Vec::new();
    };
    let list = module[at + words.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let list = String::from_utf8_lossy(list).replace('-', "_");
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn walk(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            walk(&path, files)?;
        } else if let Some((module, _)) = name(&path).split_once(".ko") {
            files.insert(module.replace('-', "_"), path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_says_what_it_depends_on() {
        let module = b"ELF..\0license=GPL\0depends=crc16,virtio-ring\0retpoline=Y\0";
        assert_eq!(depends(module), ["crc16", "virtio_ring"]);
        assert_eq!(depends(b"ELF..\0license=GPL\0depends=\0retpoline=Y\0"), [""; 0]);
    }

    #[test]
    fn a_kernel_that_is_cut_short_is_refused() {
        let error = elf(&[0; 0x1F0]).unwrap_err();
        assert_eq!(error.to_string(), "the kernel is too short");
    }
}
