//! The office's folder: its store, its key files, and where it serves.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use onehop_crypto::SigningKey;
use onehop_wire::OfficeId;

use crate::service::Listening;
use crate::{AnyLedger, Grouped, Office, SledLedger};

/// An office as every command uses it.
pub(crate) type KeptOffice = Office<Grouped<AnyLedger>>;

/// Where an office is kept: its keys in a folder, its rows there too or in a database.
pub(crate) struct Folder {
    dir: PathBuf,
    /// The address of the database. May hold a password.
    database: Option<String>,
}

impl Folder {
    pub(crate) fn new(given: Option<&Path>, database: Option<&str>) -> Result<Self> {
        let dir = match given {
            Some(given) => given.to_owned(),
            None => {
                let found = directories::ProjectDirs::from("", "", "money-office");
                let found = found.context("this user has no data folder; give --office DIR")?;
                found.data_dir().to_owned()
            }
        };
        let database = match database {
            Some(database) => Some(database.to_owned()),
            None => noted(&dir)?,
        };
        Ok(Self { dir, database })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    pub(crate) fn root_key(&self) -> PathBuf {
        self.dir.join("office-root.key")
    }

    /// The root of this number: 0 is the first.
    pub(crate) fn new_root_key(&self, number: usize) -> PathBuf {
        match number {
            0 => self.root_key(),
            number => self.dir.join(format!("office-root-{number}.key")),
        }
    }

    pub(crate) fn operator_key(&self) -> PathBuf {
        self.dir.join("operator.key")
    }

    fn id_file(&self) -> PathBuf {
        self.dir.join("office.id")
    }

    fn address_file(&self) -> PathBuf {
        self.dir.join("serve.addr")
    }

    fn operator_address_file(&self) -> PathBuf {
        self.dir.join("operator.addr")
    }

    /// Makes the store of a new office.
    pub(crate) fn create_store(&self) -> Result<AnyLedger> {
        match &self.database {
            None => Ok(AnyLedger::Sled(SledLedger::create(&self.store())?)),
            Some(url) => create_database(url),
        }
    }

    /// Notes where the rows are, readable by its owner only, once there is an office.
    pub(crate) fn note_database(&self) -> Result<()> {
        match &self.database {
            None => Ok(()),
            Some(url) => write_secret(&self.dir.join(DATABASE_FILE), url),
        }
    }

    pub(crate) fn open_store(&self) -> Result<AnyLedger> {
        match &self.database {
            None => Ok(AnyLedger::Sled(SledLedger::open(&self.store())?)),
            Some(url) => open_database(url),
        }
    }

    pub(crate) fn open_office(&self) -> Result<KeptOffice> {
        let store = self.open_store()?;
        Office::open(Grouped::new(store))
            .with_context(|| format!("failed to open the office in {}", self.dir.display()))
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

/// The file that names the database.
const DATABASE_FILE: &str = "store.url";

fn noted(dir: &Path) -> Result<Option<String>> {
    let path = dir.join(DATABASE_FILE);
    match fs::read_to_string(&path) {
        Ok(url) => Ok(Some(url.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

#[cfg(feature = "postgres")]
fn create_database(url: &str) -> Result<AnyLedger> {
    Ok(match databases(url).as_slice() {
        [url] => AnyLedger::Postgres(Box::new(crate::PgLedger::create(url)?)),
        urls => AnyLedger::Sharded(Box::new(crate::ShardedLedger::create(urls)?)),
    })
}

#[cfg(feature = "postgres")]
fn open_database(url: &str) -> Result<AnyLedger> {
    Ok(match databases(url).as_slice() {
        [url] => AnyLedger::Postgres(Box::new(crate::PgLedger::open(url)?)),
        urls => AnyLedger::Sharded(Box::new(crate::ShardedLedger::open(urls)?)),
    })
}

/// The addresses in a list with commas between them; an address may have commas of its own.
#[cfg(feature = "postgres")]
fn databases(list: &str) -> Vec<&str> {
    let starts = |at: &usize| {
        let rest = list.get(*at..).unwrap_or_default();
        rest.starts_with("postgres://") || rest.starts_with("postgresql://")
    };
    let mut found = Vec::new();
    let mut from = 0;
    for (at, _) in list.match_indices(',') {
        if starts(&at.saturating_add(1)) {
            found.extend(list.get(from..at));
            from = at.saturating_add(1);
        }
    }
    found.extend(list.get(from..));
    found.into_iter().map(str::trim).collect()
}

#[cfg(not(feature = "postgres"))]
fn create_database(_url: &str) -> Result<AnyLedger> {
    anyhow::bail!("this program was built without its feature `postgres`")
}

#[cfg(not(feature = "postgres"))]
fn open_database(url: &str) -> Result<AnyLedger> {
    create_database(url)
}

/// Writes a new key file that only its owner can read.
pub(crate) fn write_key(path: &Path, key: &SigningKey) -> Result<()> {
    write_secret(path, &hex::encode(key.seed().as_slice()))
}

fn write_secret(path: &Path, line: &str) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(failed)?;
    file.write_all(format!("{line}\n").as_bytes()).with_context(failed)?;
    file.sync_all().with_context(failed)
}

pub(crate) fn read_key(path: &Path) -> Result<SigningKey> {
    let failed = || format!("failed to read the key file {}", path.display());
    let text = fs::read_to_string(path).with_context(failed)?;
    let mut seed = [0u8; 32];
    hex::decode_to_slice(text.trim(), &mut seed).with_context(failed)?;
    Ok(SigningKey::from_seed(&seed))
}
