//! One machine: QEMU, and where the drive's own cache is to be lost, the server of its drive.
//!
//! Both die with this process, however it ends, and each is ended by its own id.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::vm::process::{dies_with_us, end};
use crate::vm::tools;

/// How long the server of a drive may take to be there.
const SERVER_PATIENCE: Duration = Duration::from_secs(30);
const SERVER_LOOK: Duration = Duration::from_millis(5);

/// What a kernel says that gets too little processor time.
const STARVED: &[&str] =
    &["kthread starved for", "detected stalls", "self-detected stall", "soft lockup"];

/// What a power cut takes with it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Loses {
    /// The guest's memory. What its kernel handed to the drive stays, in any order.
    Memory,
    /// The guest's memory and what the drive had not flushed.
    Drive,
}

impl fmt::Display for Loses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "memory",
            Self::Drive => "memory and drive cache",
        })
    }
}

/// What a machine is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) kernel: &'a Path,
    pub(super) archive: &'a Path,
    pub(super) disk: &'a Path,
    pub(super) loses: Loses,
    /// How long a wallet that pays waits before each record and packet.
    pub(super) pace: Duration,
    /// For sockets and logs; nobody else's.
    pub(super) folder: &'a Path,
}

/// A machine that runs. Dropping it cuts its power.
#[derive(Debug)]
pub(super) struct Machine {
    qemu: Child,
    server: Option<Child>,
    lines: Receiver<String>,
    /// All lines of all machines of this folder.
    log: File,
    console: PathBuf,
}

/// What came from the serial line.
#[derive(Debug)]
pub(super) enum Said {
    Line(String),
    /// Nothing, until the time given.
    Nothing,
    /// The machine is off.
    Off,
}

impl Machine {
    /// Starts a machine whose first program gets `phase` and `next`.
    ///
    /// # Errors
    /// If QEMU or the server of the drive cannot be started.
    pub(super) fn start(parts: &Parts<'_>, phase: &str, next: u64) -> Result<Self> {
        let (server, drive) = match parts.loses {
            Loses::Memory => (None, parts.disk.display().to_string()),
            Loses::Drive => {
                let (server, drive) = serve(parts)?;
                (Some(server), drive)
            }
        };
        let console = parts.folder.join("console.log");
        let log = parts.folder.join("serial.log");
        let mut log = File::options().create(true).append(true).open(log)?;
        writeln!(log, "== {phase}, from order {next}")?;
        let append = format!(
            "console=ttyS0 quiet panic=-1 nokaslr mitigations=off no_timer_check random.trust_cpu=on \
             rdinit=/init phase={phase} next={next} pace={}",
            parts.pace.as_micros()
        );
        let mut qemu = dies_with_us(tools::find("qemu-system-x86_64")?)?;
        qemu.args(["-machine", "q35", "-accel", "tcg", "-cpu", "Westmere,+rdrand", "-smp", "1"])
            .args(["-m", "256", "-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-no-reboot", "-serial", &format!("file:{}", console.display())])
            .args(["-serial", "stdio", "-append", &append])
            .args([Path::new("-kernel"), parts.kernel, Path::new("-initrd"), parts.archive])
            .args(["-drive", &format!("file={drive},format=raw,if=virtio,cache=writeback")])
            .stdout(Stdio::piped())
            .stderr(File::create(parts.folder.join("qemu.log"))?);
        let mut qemu = match qemu.spawn().context("failed to start QEMU") {
            Ok(qemu) => qemu,
            Err(error) => {
                server.into_iter().for_each(end);
                return Err(error);
            }
        };
        let (sender, lines) = channel();
        let mut serial = BufReader::new(qemu.stdout.take().context("QEMU has no output")?);
        thread::spawn(move || {
            let mut line = Vec::new();
            // What has no end of line was not said whole.
            while matches!(serial.read_until(b'\n', &mut line), Ok(1..)) && line.ends_with(b"\n") {
                let said = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(said).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Ok(Self { qemu, server, lines, log, console })
    }

    /// The next line, waited for until then.
    pub(super) fn hear(&mut self, until: Instant) -> Said {
        match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                // For people only: nothing is read from it.
                writeln!(self.log, "{line}").ok();
                Said::Line(line)
            }
            Err(RecvTimeoutError::Timeout) => Said::Nothing,
            Err(RecvTimeoutError::Disconnected) => Said::Off,
        }
    }

    /// Cuts the power: SIGKILL, the drive first, so that it hears nothing more. Gives what had
    /// come out of the machine and was not heard yet.
    pub(super) fn cut(&mut self) -> Vec<String> {
        self.end();
        let left: Vec<String> = self.lines.iter().collect();
        left.iter().for_each(|line| _ = writeln!(self.log, "{line}"));
        writeln!(self.log, "== cut").ok();
        left
    }

    /// The last line of the kernel's console, for a machine that ended by itself.
    pub(super) fn last_words(&self) -> String {
        let console = std::fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        console.lines().next_back().unwrap_or("nothing on its console").trim().to_owned()
    }

    /// True if the guest's kernel has noticed that it got no processor time for tens of seconds.
    pub(super) fn has_starved(&self) -> bool {
        let console = std::fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        STARVED.iter().any(|words| console.contains(words))
    }

    fn end(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill().ok();
        }
        self.qemu.kill().ok();
        self.qemu.wait().ok();
        self.server.take().into_iter().for_each(end);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves the disk with a cache that is written through only when the guest says flush.
fn serve(parts: &Parts<'_>) -> Result<(Child, String)> {
    let socket = parts.folder.join("drive");
    std::fs::remove_file(&socket).ok();
    let mut server = dies_with_us(tools::find("nbdkit")?)?;
    let mut server = server
        .args(["--foreground", "--filter=cache", "--unix"])
        .arg(&socket)
        .args(["file", &format!("file={}", parts.disk.display())])
        .args(["cache=writeback", "cache-min-block-size=4K"])
        // Where the cache itself lies.
        .env("TMPDIR", parts.folder)
        .stdout(Stdio::null())
        .stderr(File::create(parts.folder.join("nbdkit.log"))?)
        .spawn()
        .context("failed to start nbdkit")?;
    let until = Instant::now() + SERVER_PATIENCE;
    while !socket.exists() {
        if Instant::now() > until || server.try_wait()?.is_some() {
            end(server);
            bail!("nbdkit serves no drive; see {}", parts.folder.join("nbdkit.log").display());
        }
        thread::sleep(SERVER_LOOK);
    }
    Ok((server, format!("nbd:unix:{}", socket.display())))
}
