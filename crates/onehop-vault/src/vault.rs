//! A folder's key: made, unlocked, wrapped anew.

use std::fmt;
use std::path::{Path, PathBuf};

use onehop_store::DataKey;
use onehop_store::seal::{KEY_BYTES, OPENING_BYTES};
use zeroize::Zeroizing;

use crate::clock::Clocks;
use crate::durable;
use crate::error::VaultError;
use crate::keyfile::{self, Body, KeyFile, Unreadable};
use crate::pin::Pin;
use crate::tries::{Rules, Tries};
use crate::wrap::{self, Cost, WrapError};

/// The file with the data key.
const KEY: &str = "key";
/// The file that counts wrong PINs.
const TRIES: &str = "tries";
/// Held while a PIN is tried, so that no two are tried at once on one count.
const HELD: &str = "tries.lock";

/// The bytes of a data key, wiped after use.
type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// The key of one folder.
///
/// A try is counted durably before it is made, and each costs what [`Cost`] says.
#[derive(Clone)]
pub struct Vault {
    dir: PathBuf,
    cost: Cost,
    clock: fn() -> Clocks,
}

/// What everybody may know of a folder's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// Whether unlocking needs a PIN.
    pub has_pin: bool,
    /// When wrong ones lock it.
    pub rules: Rules,
    /// What a guess costs; none without a PIN.
    pub cost: Option<Cost>,
}

impl Vault {
    /// The key in the folder `dir`, which need not be there.
    #[must_use]
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), cost: Cost::default(), clock: Clocks::now }
    }

    /// The same, wrapping under `cost` from now on instead of the default.
    #[must_use]
    pub const fn with_cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The same, on another clock: for tests.
    #[must_use]
    pub const fn with_clock(mut self, clock: fn() -> Clocks) -> Self {
        self.clock = clock;
        self
    }

    /// What there is; `None` if there is no key.
    ///
    /// # Errors
    /// [`VaultError::Io`], [`VaultError::Damaged`] or [`VaultError::Version`].
    pub fn status(&self) -> Result<Option<Status>, VaultError> {
        let Some(bytes) = self.read(KEY)? else {
            return Ok(None);
        };
        let file = self.parse(&bytes)?;
        let cost = match file.body {
            Body::Open(_) => None,
            Body::Wrapped(wrapped) => Some(wrap::cost_of(wrapped).ok_or_else(|| self.damaged())?),
        };
        Ok(Some(Status { has_pin: cost.is_some(), rules: file.rules, cost }))
    }

    /// Makes the folder's key, under `pin` or, without one, open to who can read the folder.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if there is one, [`VaultError::Io`] or [`VaultError::Random`].
    pub fn create(&self, pin: Option<&Pin>, rules: Rules) -> Result<DataKey, VaultError> {
        if self.read(KEY)?.is_some() {
            return Err(VaultError::Exists { path: self.dir.clone() });
        }
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut_slice()).map_err(VaultError::Random)?;
        self.write(&key, pin, rules)?;
        opened(&key)
    }

    /// Gives the data key. If a guess costs less than this program's default, it is wrapped anew.
    ///
    /// # Errors
    /// [`VaultError::PinNeeded`], [`VaultError::WrongPin`] or [`VaultError::Locked`]; see
    /// [`VaultError`] for the rest.
    pub fn unlock(&self, pin: Option<&Pin>) -> Result<DataKey, VaultError> {
        opened(&self.key(pin)?)
    }

    /// Makes sure that `pin` is the PIN, as for a large payment.
    ///
    /// # Errors
    /// As [`Vault::unlock`], and [`VaultError::NoPin`].
    pub fn check(&self, pin: &Pin) -> Result<(), VaultError> {
        if !self.status()?.ok_or_else(|| self.missing())?.has_pin {
            return Err(VaultError::NoPin);
        }
        self.key(Some(pin)).map(drop)
    }

    /// Wraps the same data key under `new` instead of `old`, durably and all or nothing.
    ///
    /// # Errors
    /// As [`Vault::unlock`].
    pub fn change(&self, old: Option<&Pin>, new: &Pin, rules: Rules) -> Result<(), VaultError> {
        let key = self.key(old)?;
        self.write(&key, Some(new), rules)
    }

    fn key(&self, pin: Option<&Pin>) -> Result<KeyBytes, VaultError> {
        let bytes = self.read(KEY)?.ok_or_else(|| self.missing())?;
        let file = self.parse(&bytes)?;
        let wrapped = match file.body {
            Body::Open(key) => return Ok(Zeroizing::new(*key)),
            Body::Wrapped(wrapped) => wrapped,
        };
        let pin = pin.ok_or(VaultError::PinNeeded)?;
        let key = self.tried(pin, file, wrapped)?;
        if wrap::cost_of(wrapped).is_some_and(|cost| cost.is_below(self.cost)) {
            // What cannot be written now is written at the next unlocking.
            self.write(&key, Some(pin), file.rules).ok();
        }
        Ok(key)
    }

    /// One try, counted first.
    fn tried(&self, pin: &Pin, file: KeyFile<'_>, wrapped: &[u8]) -> Result<KeyBytes, VaultError> {
        let io = |source| VaultError::Io { path: self.dir.join(HELD), source };
        let held = durable::hold(&self.dir, HELD).map_err(io)?;
        let mut tries = self.tries(file.rules)?;
        if let Some(seconds) = tries.lock((self.clock)()) {
            // What has passed is noted: after a new start it could not be told any more.
            self.note(tries)?;
            return Err(self.locked(seconds));
        }
        tries.count(file.rules, (self.clock)());
        self.note(tries)?;
        match wrap::unwrap(pin, file.head, wrapped) {
            Ok(key) => {
                self.note(Tries::none((self.clock)()))?;
                drop(held);
                key.as_slice().try_into().map(Zeroizing::new).map_err(|_| self.damaged())
            }
            Err(WrapError::Shut) => match tries.lock((self.clock)()) {
                Some(seconds) => Err(self.locked(seconds)),
                None => Err(VaultError::WrongPin { left: file.rules.tries - tries.wrong }),
            },
            Err(WrapError::Malformed) => Err(self.damaged()),
            Err(WrapError::Random(source)) => Err(VaultError::Random(source)),
        }
    }

    /// A count that does not read back is taken for a lock that begins now.
    fn tries(&self, rules: Rules) -> Result<Tries, VaultError> {
        let now = (self.clock)();
        Ok(match self.read(TRIES)? {
            None => Tries::none(now),
            Some(bytes) => Tries::parse(&bytes).unwrap_or_else(|| Tries::locked(rules, now)),
        })
    }

    fn note(&self, tries: Tries) -> Result<(), VaultError> {
        let io = |source| VaultError::Io { path: self.dir.join(TRIES), source };
        durable::replace(&self.dir, TRIES, &tries.to_bytes()).map_err(io)
    }

    fn write(&self, key: &KeyBytes, pin: Option<&Pin>, rules: Rules) -> Result<(), VaultError> {
        let rules = Rules { tries: rules.tries.max(1), ..rules };
        let head = keyfile::head(pin.is_some(), rules);
        let file = match pin {
            None => Zeroizing::new(keyfile::file(head, key.as_slice())),
            Some(pin) => {
                let wrapped = wrap::wrap(pin, self.cost, &head, key.as_slice());
                let wrapped = wrapped.map_err(|error| match error {
                    WrapError::Random(source) => VaultError::Random(source),
                    WrapError::Malformed | WrapError::Shut => self.damaged(),
                })?;
                Zeroizing::new(keyfile::file(head, &wrapped))
            }
        };
        let io = |source| VaultError::Io { path: self.dir.join(KEY), source };
        durable::replace(&self.dir, KEY, &file).map_err(io)
    }

    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let io = |source| VaultError::Io { path: self.dir.join(name), source };
        Ok(durable::read(&self.dir, name).map_err(io)?.map(Zeroizing::new))
    }

    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<KeyFile<'a>, VaultError> {
        KeyFile::parse(bytes).map_err(|unreadable| match unreadable {
            Unreadable::Damaged => self.damaged(),
            Unreadable::Version(found) => {
                let path = self.dir.join(KEY);
                VaultError::Version { path, found, expected: keyfile::FORMAT }
            }
        })
    }

    fn missing(&self) -> VaultError {
        VaultError::Missing { path: self.dir.clone() }
    }

    fn damaged(&self) -> VaultError {
        VaultError::Damaged { path: self.dir.join(KEY) }
    }

    fn locked(&self, seconds: u32) -> VaultError {
        let seconds = u64::from(seconds);
        VaultError::Locked { seconds, until: (self.clock)().wall.saturating_add(seconds) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The key for one unlocking.
fn opened(key: &KeyBytes) -> Result<DataKey, VaultError> {
    let mut opening = [0; OPENING_BYTES];
    getrandom::fill(&mut opening).map_err(VaultError::Random)?;
    Ok(DataKey::new(key, opening))
}
