//! The office and the wallets' other lives: made and charged on the host, put onto the machines'
//! disks, read back from them, settled and audited.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::vm::process::{dies_with_us, end};
use crate::vm::tools;

/// The size of a machine's disk.
const DISK_BYTES: u64 = 64 << 20;
/// What each wallet is charged with, in rupees and in minor units.
const CHARGE: &str = "1000";
pub(super) const CHARGED: u64 = 100_000;

const OFFICE: &str = "Lab Money Office";

/// An office that serves, and its wallets in folders. Dropping it ends the office.
#[derive(Debug)]
pub(super) struct Bank {
    onehop: PathBuf,
    folder: PathBuf,
    office: Child,
    url: String,
    wallets: Vec<String>,
    /// The ids of the wallets, in hexadecimal digits.
    ids: Vec<String>,
}

/// The figures of a wallet, in minor units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Figures {
    pub(super) available: u64,
    pub(super) held: u64,
    pub(super) in_doubt: u64,
    pub(super) received_unsettled: u64,
}

impl Figures {
    /// Of what `onehop balance` printed.
    ///
    /// # Errors
    /// If a figure is missing.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let line: Value = serde_json::from_str(line).context("balance printed something else")?;
        let figure = |name: &str| line[name].as_u64().with_context(|| format!("no {name}"));
        Ok(Self {
            available: figure("available")?,
            held: figure("held")?,
            in_doubt: figure("in_doubt")?,
            received_unsettled: figure("received_unsettled")?,
        })
    }
}

impl Bank {
    /// A new office.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn open(onehop: &Path, folder: &Path) -> Result<Self> {
        let folder = folder.join("bank");
        std::fs::create_dir(&folder)?;
        let office = |command: &mut Command| {
            command.args(["money-office", "--json", "--office"]).arg(folder.join("office"));
        };
        let mut init = Command::new(onehop);
        office(&mut init);
        init.args(["init", "--currency", "INR", "--profile", "rbi-2023", "--name", OFFICE]);
        tools::finish("money-office init", &mut init)?;
        let mut serve = dies_with_us(onehop)?;
        office(&mut serve);
        serve.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut serve = serve.stderr(File::create(folder.join("office.log"))?).spawn()?;
        let mut line = String::new();
        let output = serve.stdout.take().context("the office has no output")?;
        let mut output = BufReader::new(output);
        output.read_line(&mut line)?;
        let address: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(address) = address["listening"].as_str() else {
            end(serve);
            bail!("the office does not listen");
        };
        let url = format!("http://{address}");
        // What it says later is not read, and must not stop it.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Ok(Self {
            onehop: onehop.to_owned(),
            folder,
            office: serve,
            url,
            wallets: Vec::new(),
            ids: Vec::new(),
        })
    }

    /// A wallet with money; its name is what others see.
    ///
    /// # Errors
    /// If the office refuses.
    pub(super) fn enrol(&mut self, name: &str) -> Result<()> {
        let lines =
            self.wallet(name, &["init", "--office", &self.url, "--name", name, "--no-pin"])?;
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut ids = lines.filter_map(|line| line["wallet"].as_str().map(str::to_owned));
        self.ids.push(ids.next().context("init printed no id of the wallet")?);
        self.wallet(name, &["charge", CHARGE])?;
        self.wallets.push(name.to_owned());
        Ok(())
    }

    /// A new disk with that wallet in the folder `wallet`.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn disk(&self, wallet: &str, to: &Path) -> Result<()> {
        let contents = tempfile::tempdir_in(&self.folder)?;
        let from = self.path(wallet);
        let inside = contents.path().join("wallet");
        copy(&from, &inside)?;
        // Wallets are for their owner only; so is the folder they lie in.
        File::create(to)?.set_len(DISK_BYTES)?;
        let (from, to) = (contents.path().display().to_string(), to.display().to_string());
        tools::output("mkfs.ext4", &["-q", "-F", "-d", &from, &to], &self.folder)?;
        Ok(())
    }

    /// Puts the wallet of a disk in the place of the one here. The machine must be off.
    ///
    /// # Errors
    /// If the disk cannot be read.
    pub(super) fn take_back(&self, wallet: &str, disk: &Path) -> Result<()> {
        let disk = disk.display().to_string();
        // What was written last is in the journal.
        let check = Command::new(tools::find("e2fsck")?)
            .args(["-f", "-y", &disk])
            .stdin(Stdio::null())
            .output()?;
        let code = check.status.code().unwrap_or(-1);
        ensure!((0..=1).contains(&code), "e2fsck of {disk} ended with {code}");
        let back = tempfile::tempdir_in(&self.folder)?;
        let wish = format!("rdump /wallet {}", back.path().display());
        tools::output("debugfs", &["-R", &wish, &disk], &self.folder)?;
        let place = self.path(wallet);
        std::fs::remove_dir_all(&place)?;
        std::fs::rename(back.path().join("wallet"), &place)
            .with_context(|| format!("{disk} has no wallet"))
    }

    /// Claims and settles everything, and audits: every wallet's figures, and the books exact.
    ///
    /// # Errors
    /// If a wallet cannot settle.
    pub(super) fn settle(&self) -> Result<Vec<(String, Figures)>> {
        // Sellers claim what buyers then close with; twice, as each may be both.
        for wallet in self.wallets.iter().chain(&self.wallets) {
            self.wallet(wallet, &["sync"])?;
        }
        self.operate(&["settle"])?;
        let figures = |wallet: &String| -> Result<_> {
            let lines = self.wallet(wallet, &["balance"])?;
            let line = lines.last().context("balance printed nothing")?;
            Ok((wallet.clone(), Figures::parse(line)?))
        };
        self.wallets.iter().map(figures).collect()
    }

    /// What is wrong with the books: nothing, if all is well.
    ///
    /// # Errors
    /// If the office cannot say.
    pub(super) fn audit(&self) -> Result<Vec<String>> {
        let lines = self.operate(&["audit"])?;
        let books: Value = lines
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .context("the office has not audited its books")?;
        let mut wrong = Vec::new();
        if books["books_balance"] != true {
            wrong.push("the books do not balance".to_owned());
        }
        for list in ["differences", "faults"] {
            let entries = books[list].as_array().context("the audit lacks something")?;
            wrong.extend(entries.iter().map(|entry| format!("{list}: {entry}")));
        }
        let charged = self.wallets.len() as u64 * CHARGED;
        if books["purses"].as_u64() != Some(charged) {
            wrong.push(format!("purses hold {}, and {charged} were charged", books["purses"]));
        }
        Ok(wrong)
    }

    /// `onehop` with a wallet, on the host: its lines.
    ///
    /// # Errors
    /// If it ends with a failure.
    pub(super) fn wallet(&self, wallet: &str, args: &[&str]) -> Result<Vec<String>> {
        let mut command = Command::new(&self.onehop);
        command.args(["--json", "--wallet"]).arg(self.path(wallet)).args(args);
        let what = format!("onehop {} of {wallet}", args.first().unwrap_or(&""));
        let output = tools::finish(&what, &mut command)?;
        Ok(String::from_utf8_lossy(&output).lines().map(str::to_owned).collect())
    }

    fn operate(&self, args: &[&str]) -> Result<Vec<String>> {
        let mut command = Command::new(&self.onehop);
        command.args(["money-office", "--json", "--office"]).arg(self.folder.join("office"));
        let output = tools::finish("money-office", command.args(args))?;
        Ok(String::from_utf8_lossy(&output).lines().map(str::to_owned).collect())
    }

    /// What no stranger may learn: names and ids, each with what it is.
    pub(super) fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        let names = self.wallets.iter().map(String::as_str).chain([OFFICE]);
        let names = names.map(|name| (format!("the name {name:?}"), name.as_bytes().to_vec()));
        let ids = self.ids.iter().flat_map(|id| {
            let digits = id
                .as_bytes()
                .chunks_exact(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
            let raw: Vec<u8> = digits.collect();
            let text = id.as_bytes().to_vec();
            [(format!("the id {id}"), raw), (format!("the digits of the id {id}"), text)]
        });
        names.chain(ids).collect()
    }

    /// Where a wallet lies on the host.
    pub(super) fn path(&self, wallet: &str) -> PathBuf {
        self.folder.join(wallet.replace(' ', "-"))
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        self.office.kill().ok();
        self.office.wait().ok();
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (from.display().to_string(), to.display().to_string());
    tools::output("cp", &["-a", &from, &to], Path::new("/")).map(|_| ())
}
