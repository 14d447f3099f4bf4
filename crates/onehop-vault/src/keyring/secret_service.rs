//! The Secret Service API of freedesktop.org, over the session's D-Bus: GNOME's keyring, KDE's wallet.
//!
//! Secrets cross the bus as they are: it is a socket of this user on this machine, and who can listen
//! there can ask the service as well.

use std::collections::HashMap;

use dbus_secret_service::{EncryptionType, Error, Item, SecretService};

use crate::error::KeyringError;

/// How long a person may take to unlock the keyring.
const PROMPT_SECONDS: u64 = 30;

fn connected() -> Result<SecretService, KeyringError> {
    SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, PROMPT_SECONDS)
        .map_err(away)
}

fn attributes<'a>(service: &'a str, account: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("account", account)])
}

/// Does `work` on the items of this account, unlocked.
fn on_items<T>(
    service: &SecretService,
    (name, account): (&str, &str),
    work: impl FnOnce(&[Item<'_>]) -> Result<T, Error>,
) -> Result<T, KeyringError> {
    let found = service.search_items(attributes(name, account)).map_err(refused)?;
    if !found.locked.is_empty() {
        let locked: Vec<&Item<'_>> = found.locked.iter().collect();
        service.unlock_all(&locked).map_err(refused)?;
    }
    let items: Vec<Item<'_>> = found.unlocked.into_iter().chain(found.locked).collect();
    work(&items).map_err(refused)
}

pub(super) fn get(service: &str, account: &str) -> Result<Option<Vec<u8>>, KeyringError> {
    let ring = connected()?;
    on_items(&ring, (service, account), |items| items.first().map(Item::get_secret).transpose())
}

pub(super) fn set(service: &str, account: &str, secret: &[u8]) -> Result<(), KeyringError> {
    let ring = connected()?;
    let collection = ring.get_any_collection().map_err(refused)?;
    collection.ensure_unlocked().map_err(refused)?;
    let (label, attributes) = (format!("{service} {account}"), attributes(service, account));
    // True: an item with the same attributes is replaced.
    collection.create_item(&label, attributes, secret, true, "text/plain").map_err(refused)?;
    Ok(())
}

pub(super) fn delete(service: &str, account: &str) -> Result<bool, KeyringError> {
    let ring = connected()?;
    on_items(&ring, (service, account), |items| {
        items.iter().try_for_each(Item::delete)?;
        Ok(!items.is_empty())
    })
}

fn away(error: Error) -> KeyringError {
    KeyringError::Away(Box::new(error))
}

fn refused(error: Error) -> KeyringError {
    KeyringError::Refused(Box::new(error))
}
