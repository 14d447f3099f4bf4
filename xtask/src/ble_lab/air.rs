//! The air: a process of `tests/ble/air.py`, what it is asked for, and what it has noted.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::vm::process::{dies_with_us, end};

/// How long what the air has seen may take to be in its log.
const LOOK: Duration = Duration::from_millis(20);

/// The air. Dropping it ends every controller.
#[derive(Debug)]
pub(super) struct Air {
    process: Child,
    control: BufReader<UnixStream>,
    log: File,
    /// What of the log is no whole line yet.
    rest: String,
    notes: Vec<Value>,
}

impl Air {
    /// Starts the air for machines of these names.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn start(python: &Path, root: &Path, folder: &Path, names: &[&str]) -> Result<Self> {
        let (control, log) = (folder.join("air"), folder.join("air.jsonl"));
        let mut air = dies_with_us(python)?;
        air.arg(root.join("tests/ble/air.py"))
            .arg(&control)
            .arg(&log)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("air.log"))?);
        for (number, name) in names.iter().enumerate() {
            let socket = hci_socket(folder, name);
            air.arg(format!("{name}={}=C0:01:00:00:00:{:02X}", socket.display(), number + 1));
        }
        let mut process = air.spawn().context("failed to start the air")?;
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().context("the air has no output")?);
        output.read_line(&mut line)?;
        if line != "ready\n" {
            end(process);
            let log = std::fs::read_to_string(folder.join("air.log")).unwrap_or_default();
            bail!("the air did not start: {}", log.lines().last().unwrap_or_default());
        }
        let stream = UnixStream::connect(&control).context("the air does not listen")?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let log = File::open(&log).context("the air has no log")?;
        let control = BufReader::new(stream);
        Ok(Self { process, control, log, rest: String::new(), notes: Vec::new() })
    }

    /// Asks for something; the answer.
    ///
    /// # Errors
    /// If the air refuses, or is gone.
    pub(super) fn wish(&mut self, wish: &Value) -> Result<Value> {
        writeln!(self.control.get_mut(), "{wish}").context("the air is gone")?;
        let mut line = String::new();
        self.control.read_line(&mut line).context("the air does not answer")?;
        let answer: Value = serde_json::from_str(&line).context("the air is gone")?;
        ensure!(answer["error"].is_null(), "the air refuses {wish}: {}", answer["error"]);
        Ok(answer)
    }

    /// Lets everything pass again.
    ///
    /// # Errors
    /// As [`Self::wish`].
    pub(super) fn restore(&mut self) -> Result<()> {
        self.wish(&json!({ "do": "restore" })).map(|_| ())
    }

    /// How much is noted so far, for a look at what comes after it.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn now(&mut self) -> Result<usize> {
        self.read()?;
        Ok(self.notes.len())
    }

    /// What was noted after the first `from` notes.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn since(&mut self, from: usize) -> Result<&[Value]> {
        self.read()?;
        Ok(self.notes.get(from..).unwrap_or_default())
    }

    /// How many frames with a value of the application came after the first `from` notes.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn values(&mut self, from: usize) -> Result<u64> {
        Ok(self.since(from)?.iter().filter(|note| is_value(note)).count() as u64)
    }

    /// Waits until a note after the first `from` is meant.
    ///
    /// # Errors
    /// If there is none for so long.
    pub(super) fn until(
        &mut self,
        from: usize,
        patience: Duration,
        is_meant: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let end = Instant::now() + patience;
        loop {
            if let Some(note) = self.since(from)?.iter().find(|note| is_meant(note)) {
                return Ok(note.clone());
            }
            ensure!(Instant::now() < end, "nothing of it on the air in {} s", patience.as_secs());
            thread::sleep(LOOK);
        }
    }

    /// Takes what has come into the log, whole lines only.
    fn read(&mut self) -> Result<()> {
        let mut text = String::new();
        self.log.read_to_string(&mut text).context("failed to read the air's log")?;
        self.rest.push_str(&text);
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            self.notes.push(serde_json::from_str(&line).context("the air notes no JSON")?);
        }
        Ok(())
    }
}

/// Whether a note is of a frame that carries something of the application.
pub(super) fn is_value(note: &Value) -> bool {
    note["value"] == true
}

impl Drop for Air {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Where the controller of a machine is.
pub(super) fn hci_socket(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.hci"))
}
