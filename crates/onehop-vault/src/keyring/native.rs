//! The keychain of macOS and the credentials of Windows.

use keyring_core::{Entry, Error};

use crate::error::KeyringError;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(target_os = "windows")]
use windows_native_keyring_store::Store;

#[cfg(any(target_os = "macos", target_os = "windows"))]
fn entry(service: &str, account: &str) -> Result<Entry, KeyringError> {
    use keyring_core::api::CredentialStoreApi as _;
    let store = Store::new().map_err(|error| KeyringError::Away(Box::new(error)))?;
    store.build(service, account, None).map_err(refused)
}

#[cfg(not(any(target_os = "macos", target_os = "windows")))]
fn entry(_service: &str, _account: &str) -> Result<Entry, KeyringError> {
    Err(KeyringError::Away(Box::new(Error::NoDefaultStore)))
}

pub(super) fn get(service: &str, account: &str) -> Result<Option<Vec<u8>>, KeyringError> {
    match entry(service, account)?.get_secret() {
        Ok(secret) => Ok(Some(secret)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

pub(super) fn set(service: &str, account: &str, secret: &[u8]) -> Result<(), KeyringError> {
    entry(service, account)?.set_secret(secret).map_err(refused)
}

pub(super) fn delete(service: &str, account: &str) -> Result<bool, KeyringError> {
    match entry(service, account)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: Error) -> KeyringError {
    KeyringError::Refused(Box::new(error))
}
