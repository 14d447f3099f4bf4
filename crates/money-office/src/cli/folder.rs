//! The office's folder: its store, its key files, and where it serves.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use onehop_crypto::SigningKey;
use onehop_wire::OfficeId;

use crate::service::Listening;
use crate::{Office, SledLedger, StoreError};

/// Where an office is kept.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(given: Option<&Path>) -> Result<Self> {
        if let Some(given) = given {
            return Ok(Self(given.to_owned()));
        }
        let found = directories::ProjectDirs::from("", "", "money-office");
        let found = found.context("this user has no data folder; give --office DIR")?;
        Ok(Self(found.data_dir().to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    pub(crate) fn root_key(&self) -> PathBuf {
        self.0.join("office-root.key")
    }

    pub(crate) fn operator_key(&self) -> PathBuf {
        self.0.join("operator.key")
    }

    fn id_file(&self) -> PathBuf {
        self.0.join("office.id")
    }

    fn address_file(&self) -> PathBuf {
        self.0.join("serve.addr")
    }

    fn operator_address_file(&self) -> PathBuf {
        self.0.join("operator.addr")
    }

    pub(crate) fn open_store(&self) -> Result<SledLedger, StoreError> {
        SledLedger::open(&self.store())
    }

    pub(crate) fn open_office(&self) -> Result<Office<SledLedger>> {
        let store = self.open_store()?;
        Office::open(store)
            .with_context(|| format!("failed to open the office in {}", self.0.display()))
    }

    /// The id that `init` printed, which tells this office from any other that answers.
    pub(crate) fn id(&self) -> Result<OfficeId> {
        let path = self.id_file();
        let failed = || format!("failed to read {}", path.display());
        let text = fs::read_to_string(&path).with_context(failed)?;
        OfficeId::from_hex(text.trim()).with_context(failed)
    }

    pub(crate) fn write_id(&self, id: &OfficeId) -> Result<()> {
        let path = self.id_file();
        replace(&path, &format!("{id}\n"))
            .with_context(|| format!("failed to write {}", path.display()))
    }

    /// Where the office serves, if it does.
    pub(crate) fn listening(&self) -> Option<Listening> {
        let read = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse().ok();
        let wallets = read(self.address_file())?;
        Some(Listening { wallets, operator: read(self.operator_address_file())? })
    }

    pub(crate) fn write_listening(&self, at: Listening) -> io::Result<()> {
        replace(&self.operator_address_file(), &format!("{}\n", at.operator))?;
        replace(&self.address_file(), &format!("{}\n", at.wallets))
    }

    /// Nothing listens any more. A file left behind only makes the next call fail to connect.
    pub(crate) fn forget_listening(&self) {
        for path in [self.address_file(), self.operator_address_file()] {
            drop(fs::remove_file(path));
        }
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Writes a new key file that only its owner can read.
pub(crate) fn write_key(path: &Path, key: &SigningKey) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(failed)?;
    let text = format!("{}\n", hex::encode(key.seed().as_slice()));
    file.write_all(text.as_bytes()).with_context(failed)?;
    file.sync_all().with_context(failed)
}

pub(crate) fn read_key(path: &Path) -> Result<SigningKey> {
    let failed = || format!("failed to read the key file {}", path.display());
    let text = fs::read_to_string(path).with_context(failed)?;
    let mut seed = [0u8; 32];
    hex::decode_to_slice(text.trim(), &mut seed).with_context(failed)?;
    Ok(SigningKey::from_seed(&seed))
}
