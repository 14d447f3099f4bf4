//! A wallet's folder: its key, its log, which is the node's, and where its office is, which is ours.
//! All but the key file and the count of wrong PINs is sealed under the key.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use onehop_node::{HomeError, Keeper};
use onehop_proto::{Birth, Config, Event, Refusal};
use onehop_vault::{DataKey, Pin, Rules};
use onehop_wire::office::Transfer;
use onehop_wire::{Certificate, Currency, Now};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Failure;
use crate::keyring;
use crate::notes::Notes;
use crate::office::{Authorities, Office};
use crate::pin;
use crate::render::Screen;

/// The file with [`Settings`], sealed to this place.
const SETTINGS: &str = "office";
/// There since the log was made.
const LOG_MARKER: &str = "log/STORE";

/// What the program must remember beside the log; nothing in it is trusted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The office's address; none if it is met through files only.
    pub(crate) url: Option<String>,
    /// The name asked for at the first enrolment, so that a retry asks for the same.
    pub(crate) name: String,
    /// The class asked for.
    pub(crate) merchant: bool,
    /// Who may certify that address over https, as PEM; none: whom browsers trust.
    pub(crate) authorities: Option<String>,
    /// Above so many minor units the PIN is asked for again at each payment.
    pub(crate) pin_above: Option<u64>,
    /// What the person notes about other wallets.
    pub(crate) notes: Notes,
}

/// An open wallet.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) keeper: Keeper,
    pub(crate) settings: Settings,
    key: DataKey,
    /// Where it is said how the office is asked.
    screen: Screen,
}

/// The wallet's folder, as given or the default.
pub(crate) fn dir(global: &Global) -> Result<PathBuf> {
    if let Some(dir) = &global.wallet {
        return Ok(dir.clone());
    }
    let user = directories::ProjectDirs::from("", "", "onehop");
    let user = user.context("the user has no data folder; give --wallet DIR")?;
    Ok(user.data_dir().to_owned())
}

/// Opens the wallet: its log is read, and what a restart decides is decided.
pub(crate) fn open(global: &Global) -> Result<Home> {
    open_if_there(global)?.ok_or_else(|| {
        let dir = dir(global).unwrap_or_default();
        let text = format!("there is no wallet at {}; make one with onehop init", dir.display());
        Failure::usage(text).into()
    })
}

/// The wallet, or `None` if there is none.
pub(crate) fn open_if_there(global: &Global) -> Result<Option<Home>> {
    let dir = told(global)?;
    let vault = pin::vault(global, &dir);
    let Some(status) = vault.status()? else {
        if dir.join(LOG_MARKER).exists() {
            let path = dir.display();
            let text = format!(
                "the wallet at {path} has no file `key`: it is lost or of an earlier version"
            );
            return Err(Failure::store(text).into());
        }
        return Ok(None);
    };
    let key = pin::unlock(global, &vault, status)?;
    match open_under(global, dir, key) {
        Ok(home) => Ok(Some(home)),
        Err(error) if matches!(error.downcast_ref(), Some(HomeError::Missing { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens the wallet with a PIN that somebody has typed elsewhere than here.
pub(crate) fn unlock(global: &Global, pin: &Pin) -> Result<Home> {
    pin::shield();
    let dir = told(global)?;
    let key = pin::vault(global, &dir).unlock(Some(pin))?;
    open_under(global, dir, key)
}

/// True if nobody but a person can open the wallet: it has a PIN that neither file nor variable nor
/// the system's keyring has.
pub(crate) fn is_locked(global: &Global) -> Result<bool> {
    let dir = dir(global)?;
    let status = pin::vault(global, &dir).status()?;
    let has_pin = status.is_some_and(|status| status.has_pin);
    let is_typed = || pin::Source::of(global).is_none_or(|source| source.is_typed());
    Ok(has_pin && is_typed() && keyring::recall(Screen::of(global), &dir).is_none())
}

/// The wallet's folder, which is told to a person who wonders.
fn told(global: &Global) -> Result<PathBuf> {
    let dir = dir(global)?;
    let text = dir.display().to_string();
    Screen::of(global).detail("wallet", &text, &json!({ "dir": text }));
    Ok(dir)
}

fn open_under(global: &Global, dir: PathBuf, key: DataKey) -> Result<Home> {
    let keeper = Keeper::open(&dir, key.clone(), Config::default())?;
    let settings = Settings::read(&dir, &key)?;
    let home = Home { dir, keeper, settings, key, screen: Screen::of(global) };
    home.tell();
    Ok(home)
}

/// Makes a wallet under `pin`, or without one; there must be none.
pub(crate) fn create(
    global: &Global,
    pin: Option<&Pin>,
    birth: Birth,
    settings: Settings,
) -> Result<Home> {
    let dir = dir(global)?;
    let key = new_key(global, &dir, pin)?;
    let keeper = Keeper::create(&dir, key.clone(), birth, Config::default())?;
    settings.write(&dir, &key)?;
    Ok(Home { dir, keeper, settings, key, screen: Screen::of(global) })
}

/// True if there is a wallet in `dir`, or what is left of one.
pub(crate) fn is_there(dir: &Path) -> bool {
    dir.join(LOG_MARKER).exists()
}

/// Makes a wallet again of what a backup kept; there must be none.
pub(crate) fn restore(
    global: &Global,
    pin: Option<&Pin>,
    backup: &[u8],
    settings: Settings,
) -> Result<Home> {
    let dir = told(global)?;
    let key = new_key(global, &dir, pin)?;
    let keeper = Keeper::restore(&dir, key.clone(), backup, Config::default())?;
    settings.write(&dir, &key)?;
    let home = Home { dir, keeper, settings, key, screen: Screen::of(global) };
    home.tell();
    Ok(home)
}

/// The key of a folder that is to become a wallet's.
fn new_key(global: &Global, dir: &Path, pin: Option<&Pin>) -> Result<DataKey> {
    make_private(dir).with_context(|| format!("failed to make {}", dir.display()))?;
    pin::shield();
    let vault = pin::vault(global, dir);
    Ok(match vault.status()? {
        None => vault.create(pin, Rules::default())?,
        // Its making was cut off once; nothing but an empty log is sealed under that key.
        Some(status) => {
            let key = pin::unlock(global, &vault, status)?;
            if let Some(pin) = pin.filter(|_| !status.has_pin) {
                vault.change(None, pin, status.rules)?;
            }
            key
        }
    })
}

/// The wallet lies in the folder: a new one is for its owner alone.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// What is left of an open wallet while its keeper is elsewhere.
#[derive(Debug)]
pub(crate) struct Away {
    dir: PathBuf,
    settings: Settings,
    key: DataKey,
    screen: Screen,
}

impl Away {
    /// The wallet again.
    pub(crate) fn rejoin(self, keeper: Keeper) -> Home {
        let Self { dir, settings, key, screen } = self;
        Home { dir, keeper, settings, key, screen }
    }
}

impl Home {
    /// The wallet's certificate.
    ///
    /// # Errors
    /// [`Refusal::NotEnrolled`] if it has none.
    pub(crate) fn certificate(&self) -> Result<&Certificate> {
        let certificate = self.keeper.wallet().state().certificate();
        Ok(&certificate.ok_or(Refusal::NotEnrolled)?.body)
    }

    /// The wallet's only currency.
    pub(crate) fn currency(&self) -> Result<Currency> {
        Ok(self.certificate()?.currency)
    }

    /// A client of the wallet's office.
    pub(crate) fn office(&self) -> Result<Office> {
        let url = self.settings.url.as_ref().ok_or_else(|| {
            Failure::usage(
                "this wallet has no address of its office; use onehop request and onehop accept",
            )
        })?;
        let unreadable = || anyhow!("the certificates in {SETTINGS} are not readable");
        let authorities = self.settings.authorities.clone();
        let authorities =
            authorities.map(|pem| Authorities::parse(pem).ok_or_else(unreadable)).transpose()?;
        Ok(Office::at(url, authorities.as_ref(), self.screen))
    }

    /// Tells a person who wonders what was opened. Nobody else waits for it to be counted.
    fn tell(&self) {
        if !self.screen.is_verbose() {
            return;
        }
        let live = self.keeper.wallet().state().payments().count();
        let all = self.keeper.history(usize::MAX).map(|all| all.len());
        // What is damaged in the archive is said by who needs it.
        let archived = all.map_or(0, |all| all.saturating_sub(live));
        let rows = self.keeper.journal().file().verify().unwrap_or_default();
        self.screen.detail(
            "opened",
            format!("{live} payments at hand, {archived} archived; {rows} rows of records"),
            &json!({ "payments": live, "archived": archived, "rows": rows }),
        );
    }

    /// Takes the keeper out, for somebody who gives it back.
    pub(crate) fn part(self) -> (Keeper, Away) {
        let Self { dir, keeper, settings, key, screen } = self;
        (keeper, Away { dir, settings, key, screen })
    }

    /// Makes the settings durable.
    pub(crate) fn write_settings(&self) -> Result<()> {
        self.settings.write(&self.dir, &self.key)
    }

    /// What the SYNC that the office has not answered asks for; none if there is no such SYNC.
    pub(crate) fn unanswered(&self) -> Option<Transfer> {
        let closed = self.keeper.wallet().state().purse()?.closed.as_ref()?;
        Some(closed.body.transfer)
    }

    /// Runs a command on the wallet; what it decides is durable when this returns.
    pub(crate) fn run<T>(
        &mut self,
        command: impl FnOnce(&mut onehop_proto::Wallet, Now) -> Result<T, Refusal>,
    ) -> Result<(T, Vec<Event>)> {
        let (result, events) = self.keeper.run(command)?;
        Ok((result?, events))
    }
}

impl Settings {
    fn read(dir: &Path, key: &DataKey) -> Result<Self> {
        let path = dir.join(SETTINGS);
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("failed to read {}", path.display()));
            }
        };
        let opened = key.open(SETTINGS.as_bytes(), &sealed);
        let value = opened.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let value = value.ok_or_else(|| {
            Failure::store(format!(
                "{} is damaged; delete it and run onehop init again",
                path.display()
            ))
        })?;
        Ok(Self::of_json(&value))
    }

    /// Reads them; what is missing is as it is by default.
    pub(crate) fn of_json(value: &Value) -> Self {
        let part = |name: &str| value.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Self {
            url: part("office"),
            name: part("name").unwrap_or_default(),
            merchant: value.get("merchant").and_then(Value::as_bool).unwrap_or_default(),
            authorities: part("authorities"),
            pin_above: value.get("pin_above").and_then(Value::as_u64),
            notes: value.get("notes").map(Notes::of_json).unwrap_or_default(),
        }
    }

    /// What [`Settings::of_json`] reads.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "office": self.url,
            "name": self.name,
            "merchant": self.merchant,
            "authorities": self.authorities,
            "pin_above": self.pin_above,
            "notes": self.notes.to_json(),
        })
    }

    /// Replaces the file whole or not at all.
    fn write(&self, dir: &Path, key: &DataKey) -> Result<()> {
        let path = dir.join(SETTINGS);
        let failed = || format!("failed to write {}", path.display());
        let sealed = key.seal(SETTINGS.as_bytes(), self.to_json().to_string().as_bytes());
        let mut file = tempfile::NamedTempFile::new_in(dir).with_context(failed)?;
        file.write_all(&sealed).and_then(|()| file.as_file().sync_all()).with_context(failed)?;
        file.persist(&path).with_context(failed)?;
        Ok(())
    }
}
