//! What can go wrong with a folder's key.

use std::io;
use std::path::PathBuf;

/// Why a text is no PIN. Choose another.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// Too short.
    #[error("a PIN or passphrase has at least {min} characters")]
    Short {
        /// The fewest characters.
        min: usize,
    },
    /// Too long.
    #[error("a PIN or passphrase has at most {max} bytes")]
    Long {
        /// The most bytes.
        max: usize,
    },
    /// A line break, or another character that no keyboard gives as such.
    #[error("a PIN or passphrase has no control characters")]
    Control,
}

/// Why the system's keyring was no help. The wallet is as it was, and its PIN still opens it.
#[cfg(feature = "keyring")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// There is none in this session. Type the PIN.
    #[error("the system has no keyring that answers")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It stays locked, or its owner said no. Unlock it, or type the PIN.
    #[error("the system's keyring gives and takes nothing")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What it holds under this wallet's name is no PIN. Have it forget that.
    #[error("what the system's keyring holds for this wallet is no PIN")]
    Foreign,
}

/// Why the data key was not given. Nothing of the folder was changed, but that a try was counted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no key in the folder: make one, or look elsewhere.
    #[error("there is no key in {path}")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// There is a key in the folder already.
    #[error("there is a key in {path} already")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The file with the key is damaged. Without a backup the wallet is lost.
    #[error("the file {path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file with the key is of another version of this program. Use that one.
    #[error("the file {path} has format {found}, this program reads {expected}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The format of this program.
        expected: u32,
    },
    /// This wallet has a PIN, and none was given.
    #[error("this wallet has a PIN")]
    PinNeeded,
    /// This wallet has no PIN.
    #[error("this wallet has no PIN")]
    NoPin,
    /// Not this one. Try again.
    #[error("wrong PIN; {left} more before the wallet is locked")]
    WrongPin {
        /// How many may still be wrong.
        left: u8,
    },
    /// There were too many wrong ones. Wait, with the machine on.
    #[error("too many wrong PINs: the wallet is locked for {seconds} s more")]
    Locked {
        /// How long the lock lasts, as clocks that nobody can set measure it.
        seconds: u64,
        /// When that is by the clock on the wall, in seconds since 1970.
        until: u64,
    },
    /// The disk refused.
    #[error("failed to read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The operating system gives no randomness. Nothing works without.
    #[error("failed to draw randomness")]
    Random(#[source] getrandom::Error),
}
