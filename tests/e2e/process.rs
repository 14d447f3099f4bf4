//! A process whose lines are waited for, and that ends with the test.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program;

/// Longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<(Stream, String)>,
    ended: Ended,
}

/// A process that ended, with what it said on both streams.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<Value>,
    pub(crate) err: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Out,
    Err,
}

impl Running {
    /// Starts the program. What it says is read at once, so that it never waits for this process.
    pub(crate) fn start(args: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(program::path());
        command.args(args).env_remove("ONEHOP_WALLET").env_remove("MONEY_OFFICE");
        set(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().unwrap());
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().unwrap());
        for (kind, stream) in [(Stream::Out, out), (Stream::Err, err)] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    drop(sender.send((kind, line)));
                }
            });
        }
        Self { stdin: child.stdin.take(), child, lines, ended: Ended::default() }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that `is_it`; `None` if the process ends before.
    #[track_caller]
    pub(crate) fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
        let until = Instant::now() + PATIENCE;
        while let Some(line) = self.next(until) {
            if is_it(&line) {
                return Some(line);
            }
        }
        None
    }

    /// Waits for the event called `name`, which must come.
    #[track_caller]
    pub(crate) fn event(&mut self, name: &str) -> Value {
        let line = self.wait(|line| line["event"] == name);
        line.unwrap_or_else(|| panic!("ended before {name:?}: {:?}", self.ended))
    }

    /// Waits until `--step` asks whether to go on; `None` if the process ends before.
    #[track_caller]
    pub(crate) fn step(&mut self) -> Option<Value> {
        self.wait(|line| line.get("step").is_some())
    }

    /// Lets the process say so many lines, unless it is silent for long, and then run for so long,
    /// unless it ends before.
    pub(crate) fn run_on(&mut self, lines: usize, silent: Duration, more: Duration) {
        for _ in 0..lines {
            match self.lines.recv_timeout(silent) {
                Ok(line) => drop(self.ended.keep(line)),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        let until = Instant::now() + more;
        while let Ok(line) =
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.ended.keep(line);
        }
    }

    /// Types a line. The process may have ended.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").ok();
    }

    /// SIGKILL: nothing is finished, nothing is said.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.finish()
    }

    /// SIGTERM, as from a person or a service manager, and the end.
    #[track_caller]
    pub(crate) fn terminate(self) -> Ended {
        // One that has ended by itself has not been waited for, so that it still has its number.
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.finish()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        let until = Instant::now() + PATIENCE;
        while self.next(until).is_some() {}
        self.ended.code = self.child.wait().unwrap().code();
        std::mem::take(&mut self.ended)
    }

    #[track_caller]
    fn next(&mut self, until: Instant) -> Option<Value> {
        let left = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => Some(self.ended.keep(line)),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line for {PATIENCE:?}: {:?}", self.ended),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Ended {
    fn keep(&mut self, (stream, line): (Stream, String)) -> Value {
        let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
        let lines = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        lines.push(line.clone());
        line
    }

    /// The last of what it said came out: `paid`, `not_paid`, `in_doubt`, `done`.
    pub(crate) fn outcome(&self) -> Option<&str> {
        self.out.iter().rev().find_map(|line| line["outcome"].as_str())
    }

    /// Ended with `code` and this outcome.
    #[track_caller]
    pub(crate) fn came_to(&self, code: i32, outcome: &str) {
        assert_eq!((self.code, self.outcome()), (Some(code), Some(outcome)), "{self:?}");
    }

    /// Ended with `code`, not paid for this `reason`.
    #[track_caller]
    pub(crate) fn not_paid(&self, reason: &str) {
        self.came_to(3, "not_paid");
        assert!(self.out.iter().any(|line| line["reason"] == reason), "{reason} in {self:?}");
    }

    /// Ended with `code`, with `words` in the only error.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let errors: Vec<_> = self.err.iter().filter_map(|line| line["error"].as_str()).collect();
        assert!(matches!(*errors, [error] if error.contains(words)), "{words:?} in {self:?}");
    }

    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}
