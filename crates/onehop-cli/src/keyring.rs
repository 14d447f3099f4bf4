//! Whether the system's keyring remembers a wallet's PIN. A file in the folder says that it was asked
//! to, so that no other command waits for a keyring.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use onehop_vault::Pin;
use serde_json::json;

use crate::render::Screen;

#[cfg(feature = "keyring")]
use onehop_vault::Keyring;

#[cfg(not(feature = "keyring"))]
use without::Keyring;

/// There while the keyring is asked. It holds nothing.
const MARKER: &str = "keyring";

fn marker(dir: &Path) -> PathBuf {
    dir.join(MARKER)
}

/// The PIN of the wallet in `dir`, if the keyring was asked to remember it and answers; if it does
/// not, that is said and nothing more.
pub(crate) fn recall(screen: Screen, dir: &Path) -> Option<Pin> {
    if !marker(dir).exists() {
        return None;
    }
    let why = match Keyring::of(dir).recall() {
        Ok(Some(pin)) => return Some(pin),
        Ok(None) => "the system's keyring no longer remembers the PIN".to_owned(),
        Err(error) => format!("{:#}", anyhow::Error::from(error)),
    };
    screen.progress("keyring", &why, &json!({ "error": why }));
    None
}

/// Has the keyring remember a PIN that was found right.
pub(crate) fn remember(dir: &Path, pin: &Pin) -> Result<()> {
    Keyring::of(dir).remember(pin)?;
    let marker = marker(dir);
    // A marker that a power cut takes back costs the owner the same command again.
    std::fs::write(&marker, []).with_context(|| format!("failed to write {}", marker.display()))
}

/// Has the keyring forget, also one that was never asked; true if it remembered anything.
pub(crate) fn forget(dir: &Path) -> Result<bool> {
    let had = Keyring::of(dir).forget()?;
    unmark(dir)?;
    Ok(had)
}

fn unmark(dir: &Path) -> Result<()> {
    let marker = marker(dir);
    match std::fs::remove_file(&marker) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove {}", marker.display()))
        }
        _ => Ok(()),
    }
}

/// Keeps the keyring at the PIN that took the place of another. If it does not take the new one, it
/// is asked no more.
pub(crate) fn follow(screen: Screen, dir: &Path, pin: &Pin) -> Result<()> {
    if !marker(dir).exists() {
        return Ok(());
    }
    let Err(error) = Keyring::of(dir).remember(pin) else { return Ok(()) };
    unmark(dir)?;
    let why = format!("{:#}; it is asked no more", anyhow::Error::from(error));
    screen.progress("keyring", &why, &json!({ "error": why }));
    Ok(())
}

/// In a build that knows of no keyring.
#[cfg(not(feature = "keyring"))]
mod without {
    use std::path::Path;

    use onehop_vault::Pin;

    #[derive(Debug, thiserror::Error)]
    #[error("this program was built without the system's keyring")]
    pub(super) struct NotBuilt;

    pub(super) struct Keyring;

    impl Keyring {
        pub(super) const fn of(_: &Path) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as the one of onehop-vault")]
        pub(super) const fn recall(&self) -> Result<Option<Pin>, NotBuilt> {
            Err(NotBuilt)
        }

        #[expect(clippy::unused_self, reason = "as the one of onehop-vault")]
        pub(super) const fn remember(&self, _: &Pin) -> Result<(), NotBuilt> {
            Err(NotBuilt)
        }

        #[expect(clippy::unused_self, reason = "as the one of onehop-vault")]
        pub(super) const fn forget(&self) -> Result<bool, NotBuilt> {
            Err(NotBuilt)
        }
    }
}
