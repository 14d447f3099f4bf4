//! A wallet's folder: its log, which is the node's, and where its office is, which is ours.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use onehop_node::{HomeError, Keeper};
use onehop_proto::{Birth, Config, Event, Refusal};
use onehop_wire::office::Transfer;
use onehop_wire::{Certificate, Currency, Now};
use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Failure;
use crate::office::{Authorities, Office};

/// The file with [`Settings`].
const SETTINGS: &str = "office.json";

/// What the program must remember beside the log; nothing in it is secret or trusted.
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
}

/// An open wallet.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) keeper: Keeper,
    pub(crate) settings: Settings,
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
    let dir = dir(global)?;
    match Keeper::open(&dir, Config::default()) {
        Ok(keeper) => {
            let settings = Settings::read(&dir)?;
            Ok(Some(Home { dir, keeper, settings }))
        }
        Err(HomeError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes a wallet; there must be none.
pub(crate) fn create(global: &Global, birth: Birth, settings: Settings) -> Result<Home> {
    let dir = dir(global)?;
    make_private(&dir).with_context(|| format!("failed to make {}", dir.display()))?;
    let keeper = Keeper::create(&dir, birth, Config::default())?;
    settings.write(&dir)?;
    Ok(Home { dir, keeper, settings })
}

/// The wallet's keys lie in the folder: a new one is for its owner alone.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
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
        Ok(Office::at(url, authorities.as_ref()))
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
    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(SETTINGS);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("failed to read {}", path.display()));
            }
        };
        let value: Value = serde_json::from_str(&text).with_context(|| {
            format!("{} is not readable; run onehop init again", path.display())
        })?;
        let part = |name: &str| value.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Ok(Self {
            url: part("office"),
            name: part("name").unwrap_or_default(),
            merchant: value.get("merchant").and_then(Value::as_bool).unwrap_or_default(),
            authorities: part("authorities"),
        })
    }

    /// Replaces the file whole or not at all.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(SETTINGS);
        let failed = || format!("failed to write {}", path.display());
        let value = json!({
            "office": self.url,
            "name": self.name,
            "merchant": self.merchant,
            "authorities": self.authorities,
        });
        let mut file = tempfile::NamedTempFile::new_in(dir).with_context(failed)?;
        writeln!(file, "{value}").and_then(|()| file.as_file().sync_all()).with_context(failed)?;
        file.persist(&path).with_context(failed)?;
        Ok(())
    }
}
