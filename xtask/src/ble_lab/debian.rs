//! Packages of a Debian release that this machine need not run: fetched and unpacked by its apt.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::vm::tools;

/// Where packages come from if apt's own sources name no Debian.
const FALLBACK: &str = "https://deb.debian.org/debian";
/// Who signs a release.
const KEYRINGS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
];
/// What a machine with Bluetooth needs, without what is only recommended.
const PACKAGES: &[&str] = &["bluez", "bluez-test-tools", "dbus-daemon", "dbus-bin", "libc-bin"];
/// The package that names the newest kernel. The one for clouds has no Bluetooth.
const KERNEL: &str = "linux-image-amd64";

/// Fetches the packages of `release` into `folder` and unpacks them there, in `root`.
///
/// # Errors
/// If apt or a package cannot do it.
pub(super) fn unpack(release: &str, folder: &Path) -> Result<PathBuf> {
    let apt = Apt::new(release, folder)?;
    apt.get(&["update", "-qq"])?;
    let fetch = ["install", "-y", "-qq", "--no-install-recommends", "--download-only"];
    apt.get(&fetch.iter().chain(PACKAGES).copied().collect::<Vec<_>>())?;
    let about = apt.run("apt-cache", &["depends", KERNEL])?;
    let kernel = about
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| name.starts_with("linux-image-"))
        .with_context(|| format!("{release} has no {KERNEL}"))?;
    apt.get(&["download", "-qq", kernel])?;
    let root = folder.join("root");
    std::fs::create_dir(&root)?;
    for entry in std::fs::read_dir(apt.archives())? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            let (package, to) = (package.display().to_string(), root.display().to_string());
            tools::output("dpkg-deb", &["-x", &package, &to], folder)?;
        }
    }
    Ok(root)
}

/// An apt with lists and an empty system of its own.
struct Apt {
    folder: PathBuf,
    config: PathBuf,
}

impl Apt {
    fn new(release: &str, folder: &Path) -> Result<Self> {
        let keyring = KEYRINGS.iter().find(|path| Path::new(path).exists());
        let keyring = keyring.context(
            "Debian's keys are not installed; Debian and Ubuntu have them in debian-archive-keyring",
        )?;
        let folder = folder.join("apt");
        for part in ["etc/preferences.d", "etc/apt.conf.d", "lists/partial", "archives/partial"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let source = format!("deb [signed-by={keyring}] {} {release} main\n", mirror());
        std::fs::write(folder.join("etc/sources.list"), source)?;
        std::fs::write(folder.join("status"), "")?;
        let config = folder.join("apt.conf");
        let at = folder.display();
        let settings = [
            ("APT::Architecture", "amd64".to_owned()),
            ("APT::Architectures", "amd64".to_owned()),
            ("APT::Sandbox::User", "root".to_owned()),
            ("Acquire::Languages", "none".to_owned()),
            ("Debug::NoLocking", "1".to_owned()),
            ("Dir::Cache", at.to_string()),
            ("Dir::Cache::archives", "archives".to_owned()),
            ("Dir::Etc", format!("{at}/etc")),
            ("Dir::Etc::sourcelist", "sources.list".to_owned()),
            ("Dir::Etc::sourceparts", "-".to_owned()),
            ("Dir::State", at.to_string()),
            ("Dir::State::lists", "lists".to_owned()),
            ("Dir::State::status", format!("{at}/status")),
        ];
        let settings = settings.map(|(name, value)| format!("{name} \"{value}\";\n"));
        std::fs::write(&config, settings.concat())?;
        Ok(Self { folder, config })
    }

    fn archives(&self) -> PathBuf {
        self.folder.join("archives")
    }

    fn get(&self, args: &[&str]) -> Result<()> {
        self.run("apt-get", args).map(|_| ())
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let mut command = std::process::Command::new(tools::find(program)?);
        command.env("APT_CONFIG", &self.config).env("DEBIAN_FRONTEND", "noninteractive");
        // `download` writes where it stands.
        command.args(args).current_dir(self.archives());
        let output = tools::finish(program, &mut command)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}

/// The mirror of Debian that this machine's apt uses already.
fn mirror() -> String {
    let format = ["indextargets", "--format", "$(LABEL) $(COMPONENT) $(REPO_URI)"];
    let known = tools::output("apt-get", &format, Path::new("/")).unwrap_or_default();
    debian_of(&known).unwrap_or(FALLBACK).to_owned()
}

fn debian_of(targets: &str) -> Option<&str> {
    let uri = targets.lines().find_map(|line| line.strip_prefix("Debian main "))?;
    Some(uri.trim_end_matches('/'))
}

/// The version of a package that was unpacked with `folder`.
///
/// # Errors
/// If it was not.
pub(super) fn version(folder: &Path, package: &str) -> Result<String> {
    let start = format!("{package}_");
    for entry in std::fs::read_dir(folder.join("apt/archives"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(version) = name.strip_prefix(&start).and_then(|rest| rest.split('_').next()) {
            ensure!(!version.is_empty(), "{name} has no version");
            return Ok(version.replace("%3a", ":"));
        }
    }
    anyhow::bail!("{package} was not fetched")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_of_the_release_and_not_the_one_of_its_security() {
        let known = "Debian-Security main http://mirror/debian-security/\n\
                     Debian main http://mirror/debian/\n";
        assert_eq!(debian_of(known), Some("http://mirror/debian"));
        assert_eq!(debian_of("Ubuntu main http://mirror/ubuntu/\n"), None);
    }
}
