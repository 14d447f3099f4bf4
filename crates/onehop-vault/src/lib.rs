//! The data key of a wallet's folder, and the PIN or passphrase around it (spec §7.5).
//!
//! Everything else in the folder is sealed under the data key, which is random and never changes.
//! [`Vault`] keeps it in the file `key`, wrapped under what Argon2id makes of a PIN or passphrase.
//! After so many wrong ones it is locked for a while.
//!
//! ```
//! use onehop_vault::{Cost, Pin, Rules, Vault, VaultError};
//!
//! let folder = tempfile::tempdir()?;
//! let vault = Vault::at(folder.path()).with_cost(Cost::CHEAPEST);
//! let pin = Pin::new("a few good words")?;
//! vault.create(Some(&pin), Rules::default())?;
//! let wrong = vault.unlock(Some(&Pin::new("other words")?)).unwrap_err();
//! assert!(matches!(wrong, VaultError::WrongPin { left: 2 }));
//! let key = vault.unlock(Some(&pin))?;
//! assert_ne!(key.seal(b"place", b"words"), b"words");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What this is worth: who has only the running device gets as many guesses as the lock allows. Who
//! has a copy of the folder guesses as fast as Argon2id lets him, and a PIN of a few digits does not
//! last; a passphrase does.

mod clock;
mod durable;
mod error;
mod keyfile;
#[cfg(feature = "keyring")]
mod keyring;
mod pin;
mod tries;
mod vault;
mod wrap;

pub use clock::{Boot, Clocks};
#[cfg(feature = "keyring")]
pub use error::KeyringError;
pub use error::{PinError, VaultError};
#[cfg(feature = "keyring")]
pub use keyring::Keyring;
pub use onehop_store::DataKey;
pub use pin::Pin;
pub use tries::Rules;
pub use vault::{Status, Vault};
pub use wrap::{Cost, WRAPPED_BYTES, WrapError, unwrap, wrap};
