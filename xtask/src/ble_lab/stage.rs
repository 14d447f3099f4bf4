//! Where a scenario plays: an air, machines on it, and the bank that their wallets come from.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::air::Air;
use super::app::App;
use super::bank::{Bank, CHARGED, Figures};
use super::guest::Guest;
use super::machine::{Machine, Parts};

/// What all scenarios of a run share.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    pub(super) root: &'a Path,
    pub(super) python: PathBuf,
    pub(super) app: App,
    /// Where what a run leaves lies.
    pub(super) folder: &'a Path,
}

/// Who has which machine.
pub(super) type Person = (&'static str, &'static str);
/// Machines, with the names on the wallets of their people.
pub(super) const ASHA: Person = ("m1", "Asha Verma");
pub(super) const SHOP: Person = ("m2", "Corner Teashop");
pub(super) const RAVI: Person = ("m3", "Ravi Kumar");

/// Machines on one air, with wallets of one office. Dropping it cuts everything.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) air: Air,
    bank: Bank,
    kernel: PathBuf,
    archive: PathBuf,
    people: Vec<Person>,
    machines: Vec<Machine>,
    /// A moment on both clocks: the air's in seconds, and ours.
    clock: (f64, Instant),
    /// Payments that both sides call paid: who pays whom, in minor units.
    pub(super) paid: Vec<(Person, Person, u64)>,
    /// The numbers of orders, so that each is another.
    pub(super) orders: u64,
    /// What the kernel tells each machine's first program.
    pub(super) settings: String,
}

impl Stage {
    /// A stage whose machines are on.
    ///
    /// # Errors
    /// If anything of it cannot be started.
    pub(super) fn open(
        workshop: &Workshop<'_>,
        guest: &Guest,
        name: &str,
        people: &[Person],
        settings: &str,
    ) -> Result<Self> {
        let folder = workshop.folder.join(name);
        std::fs::create_dir(&folder)?;
        let archive = folder.join("guest.cpio");
        std::fs::write(&archive, [&guest.archive[..], &workshop.app.archive].concat())?;
        let names: Vec<&str> = people.iter().map(|(machine, _)| *machine).collect();
        let mut air = Air::start(&workshop.python, workshop.root, &folder, &names)?;
        let mut bank = Bank::open(&workshop.app.onehop, &folder)?;
        let clock = clock(&mut air)?;
        for (machine, wallet) in people {
            bank.enrol(wallet)?;
            bank.disk(wallet, &disk(&folder, machine))?;
        }
        let mut stage = Self {
            folder,
            air,
            bank,
            kernel: guest.kernel.clone(),
            archive,
            people: people.to_vec(),
            machines: Vec::new(),
            clock,
            paid: Vec::new(),
            orders: 0,
            settings: settings.to_owned(),
        };
        for person in people {
            stage.start(*person)?;
        }
        for (machine, _) in people {
            stage.machine(machine)?.ready()?;
        }
        Ok(stage)
    }

    /// Starts a machine on its disk.
    ///
    /// # Errors
    /// If QEMU does not start.
    pub(super) fn start(&mut self, (name, _): Person) -> Result<()> {
        self.machines.retain(|machine| machine.name != name);
        let disk = disk(&self.folder, name);
        let parts = Parts {
            name,
            kernel: &self.kernel,
            archive: &self.archive,
            disk: &disk,
            folder: &self.folder,
            settings: &self.settings,
        };
        self.machines.push(Machine::start(&parts)?);
        Ok(())
    }

    /// A machine that is on.
    ///
    /// # Errors
    /// If there is none of the name.
    pub(super) fn machine(&mut self, name: &str) -> Result<&mut Machine> {
        let mut machines = self.machines.iter_mut();
        machines.find(|machine| machine.name == name).with_context(|| format!("no machine {name}"))
    }

    /// A wallet's command to its end, with its lines.
    ///
    /// # Errors
    /// If it ends with a failure.
    pub(super) fn wallet(&mut self, person: Person, command: &str) -> Result<Vec<String>> {
        let what = format!("onehop --json --wallet /data/wallet {command}");
        let (code, lines) = self.machine(person.0)?.run(&what)?;
        if code != 0 {
            let last = lines.last().map_or("it said nothing", String::as_str);
            bail!("{}: onehop {command} ended with {code}: {last}", person.1);
        }
        Ok(lines)
    }

    /// The figures of a wallet, inside of its machine.
    ///
    /// # Errors
    /// If it cannot say.
    pub(super) fn balance(&mut self, person: Person) -> Result<Figures> {
        let lines = self.wallet(person, "balance")?;
        Figures::parse(lines.first().context("balance printed nothing")?)
    }

    /// What no sniffer may hear.
    pub(super) fn secrets(&self) -> Vec<(String, Vec<u8>)> {
        self.bank.secrets()
    }

    /// When something happened that the air has noted, by our clock.
    pub(super) fn at(&self, note: &serde_json::Value) -> Option<Instant> {
        let (seconds, instant) = self.clock;
        let after = note["t"].as_f64()? - seconds;
        if after < 0.0 {
            return instant.checked_sub(Duration::try_from_secs_f64(-after).ok()?);
        }
        instant.checked_add(Duration::try_from_secs_f64(after).ok()?)
    }

    /// Switches everything off, settles all wallets at the office, and audits: what is wrong.
    ///
    /// # Errors
    /// If a machine does not go off, or a wallet cannot settle.
    pub(super) fn close(mut self) -> Result<Vec<String>> {
        self.air.restore()?;
        for mut machine in std::mem::take(&mut self.machines) {
            machine.off()?;
        }
        for (machine, wallet) in &self.people {
            self.bank.take_back(wallet, &disk(&self.folder, machine))?;
        }
        let found = self.bank.settle()?;
        let mut wrong = self.bank.audit()?;
        for (wallet, figures) in found {
            let out = self.sum(|(payer, _, _)| payer.1 == wallet);
            let come = self.sum(|(_, payee, _)| payee.1 == wallet);
            let meant = Figures { available: CHARGED + come - out, ..Figures::default() };
            if figures != meant {
                wrong.push(format!("{wallet:?} has {figures:?}, not {meant:?}"));
            }
        }
        Ok(wrong)
    }

    fn sum(&self, is_meant: impl Fn(&&(Person, Person, u64)) -> bool) -> u64 {
        self.paid.iter().filter(is_meant).map(|(_, _, amount)| amount).sum()
    }
}

impl Drop for Stage {
    /// Machines that are still on here belong to a scenario that failed.
    fn drop(&mut self) {
        self.machines.iter_mut().for_each(Machine::testify);
    }
}

/// A moment on the clock of the air and on ours.
fn clock(air: &mut Air) -> Result<(f64, Instant)> {
    let from = air.now()?;
    air.wish(&json!({ "do": "mark", "what": "clock" }))?;
    let now = Instant::now();
    let note = air.until(from, Duration::from_secs(60), |note| note["what"] == "clock")?;
    Ok((note["t"].as_f64().context("a note without its time")?, now))
}

fn disk(folder: &Path, machine: &str) -> PathBuf {
    folder.join(format!("{machine}.img"))
}
