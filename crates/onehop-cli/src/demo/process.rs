//! A process of the demonstration: its lines as they come, a bounded wait, and its end on every
//! path.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// No step of the demonstration takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a wait looks whether the demonstration was interrupted.
const GLANCE: Duration = Duration::from_millis(50);

/// What all processes of one demonstration share.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// Set when the person wants the demonstration to end.
    pub(super) interrupted: Arc<AtomicBool>,
    /// The UDP port of look-ups.
    pub(super) port: u16,
}

#[derive(Debug)]
enum Line {
    Out(String),
    Err(String),
}

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    what: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    interrupted: Arc<AtomicBool>,
    printed: Vec<Value>,
    complained: Vec<Value>,
}

/// What a process left behind.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; none if a signal ended it.
    pub(super) code: Option<i32>,
    /// Its lines on stdout.
    pub(super) printed: Vec<Value>,
    /// Its lines on stderr: traces, and an error.
    pub(super) complained: Vec<Value>,
}

impl Surroundings {
    /// Starts this very program with `args`; `what` names it in errors.
    pub(super) fn start(&self, what: &str, args: &[&str]) -> Result<Process> {
        let program = std::env::current_exe().context("failed to find this program")?;
        let mut child = command(&program, args, self.port)
            .spawn()
            .with_context(|| format!("failed to start {what}"))?;
        let (sender, lines) = channel();
        forward(child.stdout.take(), sender.clone(), Line::Out);
        forward(child.stderr.take(), sender, Line::Err);
        Ok(Process {
            what: what.to_owned(),
            stdin: child.stdin.take(),
            child,
            lines,
            interrupted: Arc::clone(&self.interrupted),
            printed: Vec::new(),
            complained: Vec::new(),
        })
    }

    /// Runs this very program with `args` to its end.
    pub(super) fn run(&self, what: &str, args: &[&str]) -> Result<Ended> {
        self.start(what, args)?.finish()
    }
}

fn command(program: &Path, args: &[&str], port: u16) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_remove("ONEHOP_WALLET")
        .env_remove("MONEY_OFFICE")
        .env("ONEHOP_LINK", "lan")
        .env("ONEHOP_INTERFACE", "127.0.0.1")
        .env("ONEHOP_PORT", port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn forward(
    stream: Option<impl Read + Send + 'static>,
    sender: Sender<Line>,
    wrap: fn(String) -> Line,
) {
    let Some(stream) = stream else {
        return;
    };
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(wrap(line)).is_err() {
                break;
            }
        }
    });
}

impl Process {
    /// Waits for a line, on either stream, of which `is_it` is true.
    pub(super) fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        let until = Instant::now() + PATIENCE;
        while let Some(value) = self.next(until)? {
            if is_it(&value) {
                return Ok(value);
            }
        }
        bail!("{} ended before {what}: {}", self.what, self.last_words())
    }

    /// Answers a step.
    pub(super) fn type_line(&mut self, line: &str) -> Result<()> {
        let failed = || format!("failed to write to {}", self.what);
        let stdin = self.stdin.as_mut().with_context(|| format!("{} hears nothing", self.what))?;
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).with_context(failed)
    }

    /// Nobody answers any more.
    pub(super) fn end_typing(&mut self) {
        self.stdin = None;
    }

    /// Asks the process to end, as a service manager would.
    pub(super) fn terminate(&mut self) -> Result<()> {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            if self.child.try_wait().context("failed to look at a process")?.is_none() {
                let sent = kill_process(Pid::from_child(&self.child), Signal::TERM);
                sent.with_context(|| format!("failed to stop {}", self.what))?;
            }
        }
        #[cfg(not(unix))]
        self.child.kill().with_context(|| format!("failed to stop {}", self.what))?;
        Ok(())
    }

    /// Waits for the process to end by itself.
    pub(super) fn finish(mut self) -> Result<Ended> {
        self.end_typing();
        let until = Instant::now() + PATIENCE;
        while self.next(until)?.is_some() {}
        let status = self.wait(until)?;
        Ok(Ended {
            code: status.code(),
            printed: std::mem::take(&mut self.printed),
            complained: std::mem::take(&mut self.complained),
        })
    }

    /// Both streams have ended, so that the process is about to.
    fn wait(&mut self, until: Instant) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().context("failed to wait for a process")? {
                return Ok(status);
            }
            self.look_up(until)?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn next(&mut self, until: Instant) -> Result<Option<Value>> {
        loop {
            match self.lines.recv_timeout(GLANCE) {
                Ok(Line::Out(line)) => return Ok(Some(keep(&mut self.printed, line))),
                Ok(Line::Err(line)) => return Ok(Some(keep(&mut self.complained, line))),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => self.look_up(until)?,
            }
        }
    }

    fn look_up(&self, until: Instant) -> Result<()> {
        if self.interrupted.load(Ordering::Acquire) {
            bail!("interrupted");
        }
        if Instant::now() >= until {
            bail!(
                "{} did not go on for {} s: {}",
                self.what,
                PATIENCE.as_secs(),
                self.last_words()
            );
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let last = self.complained.last().or_else(|| self.printed.last());
        last.map_or_else(|| "it said nothing".to_owned(), ToString::to_string)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn keep(lines: &mut Vec<Value>, line: String) -> Value {
    let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
    lines.push(value.clone());
    value
}

impl Ended {
    /// The last line on stdout that has `name`.
    pub(super) fn printed(&self, name: &str) -> Option<&Value> {
        self.printed.iter().rev().find(|line| line.get(name).is_some())
    }

    /// What it said last, for an error.
    pub(super) fn last_words(&self) -> String {
        let is_error = |line: &&Value| line.get("error").is_some() || line.is_string();
        let last = self.complained.iter().rev().find(is_error).or_else(|| self.printed.last());
        last.map_or_else(|| "nothing".to_owned(), ToString::to_string)
    }
}
