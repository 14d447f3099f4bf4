//! The system's keyring, which can remember a wallet's PIN or passphrase: the Secret Service of a
//! Linux desktop, the keychain of macOS, the credentials of Windows.
//!
//! It stands beside the wrapping, not in its place: who copies the folder still has to guess.

#[cfg(not(target_os = "linux"))]
mod native;
#[cfg(target_os = "linux")]
mod secret_service;

use std::path::Path;

use zeroize::Zeroizing;

#[cfg(not(target_os = "linux"))]
use native as system;
#[cfg(target_os = "linux")]
use secret_service as system;

use crate::error::KeyringError;
use crate::pin::Pin;

/// Under which a keyring shows what is ours.
const SERVICE: &str = "onehop";

/// What the keyring knows of the wallet in one folder. Nothing is asked before the first call.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The folder's whole path, by which the keyring tells wallets apart.
    account: String,
}

impl Keyring {
    /// That of the wallet in `dir`. A folder that is moved is another wallet to the keyring.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        Self { account: whole.display().to_string() }
    }

    /// The PIN or passphrase that it remembers, if it does. A keyring that is locked asks its owner
    /// first, for half a minute at most.
    ///
    /// # Errors
    /// [`KeyringError`]: there is none, or it gives nothing away.
    pub fn recall(&self) -> Result<Option<Pin>, KeyringError> {
        let Some(bytes) = system::get(SERVICE, &self.account)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyringError::Foreign)?;
        Pin::new(text).map(Some).map_err(|_| KeyringError::Foreign)
    }

    /// Has it remember `pin`, in the place of what it remembered.
    ///
    /// # Errors
    /// [`KeyringError`]; what it remembered before may be gone.
    pub fn remember(&self, pin: &Pin) -> Result<(), KeyringError> {
        system::set(SERVICE, &self.account, pin.bytes())
    }

    /// Has it forget; true if it remembered anything.
    ///
    /// # Errors
    /// [`KeyringError`]; it may remember still.
    pub fn forget(&self) -> Result<bool, KeyringError> {
        system::delete(SERVICE, &self.account)
    }
}
