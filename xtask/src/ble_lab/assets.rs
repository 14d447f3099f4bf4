//! What the lab fetches or builds once and keeps outside of the source tree.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::vm::tools;

/// The controllers and the air are made of it.
const BUMBLE: &str = "bumble==0.0.236";

/// The folder that everything kept lies in.
///
/// # Errors
/// If there is neither a cache nor a home folder, or it cannot be made.
pub(super) fn folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    let caches = set("XDG_CACHE_HOME").or_else(home).context("neither HOME nor XDG_CACHE_HOME")?;
    let folder = caches.join("onehop/ble-lab");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make {}", folder.display()))?;
    Ok(folder)
}

/// A folder called `name`, made by `make` the first time: whole or not there.
///
/// # Errors
/// If it cannot be made.
pub(super) fn once(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let folder = cache.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("ble-lab: making {name}, once");
    let unfinished = tempfile::Builder::new().prefix("unfinished-").tempdir_in(cache)?;
    make(unfinished.path()).with_context(|| format!("failed to make {name}"))?;
    // Another run may have been quicker; then its folder counts.
    match std::fs::rename(unfinished.path(), &folder) {
        Err(_) if folder.is_dir() => {}
        moved => moved.with_context(|| format!("failed to make {}", folder.display()))?,
    }
    Ok(folder)
}

/// The Python that has Bumble.
///
/// # Errors
/// If it cannot be installed.
pub(super) fn python(cache: &Path) -> Result<PathBuf> {
    let name = format!("venv-{}", BUMBLE.replace("==", "-"));
    // An environment knows its own path, so that it cannot be made elsewhere and moved.
    let (folder, done) = (cache.join(&name), cache.join(format!("{name}.done")));
    let python = folder.join("bin/python");
    if done.exists() && python.exists() {
        return Ok(python);
    }
    eprintln!("ble-lab: making {name}, once");
    let path = folder.display().to_string();
    tools::output("python3", &["-m", "venv", "--clear", &path], cache)
        .context("python3 cannot make an environment; Debian has what it needs in python3-venv")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", BUMBLE];
    tools::run(&python, &pip, cache)?;
    std::fs::write(done, BUMBLE)?;
    ensure!(python.exists(), "there is no {}", python.display());
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_made_whole_is_not_there_and_is_made_again() {
        let cache = tempfile::tempdir().unwrap();
        let make = |folder: &Path| std::fs::write(folder.join("half"), b"1").map_err(Into::into);
        let half = once(cache.path(), "it", |folder| {
            make(folder)?;
            anyhow::bail!("no more")
        });
        assert_eq!(format!("{:#}", half.unwrap_err()), "failed to make it: no more");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
        let whole = once(cache.path(), "it", make).unwrap();
        assert!(whole.join("half").exists());
        once(cache.path(), "it", |_| anyhow::bail!("made twice")).unwrap();
    }
}
