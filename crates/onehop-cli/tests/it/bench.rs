//! A folder, a look-up port, and processes that end with the test.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ports that no system gives out by itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A place for wallets and offices that nobody else hears of.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    port: Port,
}

/// A port of look-ups that is nobody else's while this lives: look-ups go over UDP, so that the TCP
/// port of the same number is free to say that it is taken, to other processes too.
struct Port {
    number: u16,
    _taken: TcpListener,
}

impl Port {
    fn new() -> Self {
        let mut tries = 0_u64..;
        loop {
            let random = RandomState::new().hash_one(tries.next());
            let among = u64::from(PORTS.end - PORTS.start);
            let number = PORTS.start + u16::try_from(random % among).unwrap();
            let Ok(_taken) = TcpListener::bind((Ipv4Addr::UNSPECIFIED, number)) else { continue };
            if UdpSocket::bind((Ipv4Addr::UNSPECIFIED, number)).is_ok() {
                return Self { number, _taken };
            }
        }
    }
}

/// An office that serves until it is dropped.
pub(crate) struct Office {
    pub(crate) dir: String,
    pub(crate) url: String,
    process: Running,
}

/// A process that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A process that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<(bool, String)>,
    ended: Ended,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), port: Port::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Where this bench would have the bus of a person's session.
    pub(crate) fn session_bus(&self) -> String {
        format!("unix:path={}", self.text("session-bus"))
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_onehop"))
            .args(args)
            .env_remove("ONEHOP_WALLET")
            .env_remove("MONEY_OFFICE")
            .env("ONEHOP_LINK", "lan")
            .env_remove("ONEHOP_ADAPTER")
            // The computer's own Bluetooth has no part in this.
            .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", self.text("no bus")))
            // Nor has its keyring; a test that wants one starts it there.
            .env("DBUS_SESSION_BUS_ADDRESS", self.session_bus())
            .env("ONEHOP_INTERFACE", "127.0.0.1")
            .env("ONEHOP_PORT", self.port.number.to_string())
            .env("TMPDIR", self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for (is_err, stream) in [false, true].into_iter().zip(streams) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    drop(sender.send((is_err, line)));
                }
            });
        }
        let ended = Ended { code: None, out: String::new(), err: String::new() };
        Running { stdin: child.stdin.take(), child, lines, ended }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).finish()
    }

    /// `onehop` with the wallet called `name`.
    pub(crate) fn wallet(&self, name: &str, args: &[&str]) -> Ended {
        self.start_wallet(name, args).finish()
    }

    pub(crate) fn start_wallet(&self, name: &str, args: &[&str]) -> Running {
        let dir = self.text(name);
        let all: Vec<&str> = ["--wallet", dir.as_str()].iter().chain(args).copied().collect();
        self.start(&all)
    }

    /// Makes an office and serves it.
    pub(crate) fn office(&self, name: &str, currency: &str, profile: &str) -> Office {
        let dir = self.text(name);
        let new = ["--currency", currency, "--profile", profile, "--name", name];
        let args = ["money-office", "--office", &dir, "init"];
        let made = self.run(&args.iter().chain(&new).copied().collect::<Vec<_>>());
        assert_eq!(made.code, Some(0), "{made:?}");
        self.serve(dir, "http", &[])
    }

    /// Serves an office that there is.
    pub(crate) fn serve(&self, dir: String, scheme: &str, more: &[&str]) -> Office {
        let args = ["money-office", "--office", &dir, "serve", "--listen", "127.0.0.1:0"];
        let args: Vec<&str> = args.iter().chain(more).copied().collect();
        let mut process = self.start(&args);
        let line = process.wait_for("listening on ");
        let url = format!("{scheme}://{}", line.trim_start_matches("listening on "));
        Office { dir, url, process }
    }

    /// An office with INR, as of 2023.
    pub(crate) fn inr(&self) -> Office {
        self.office("office", "INR", "rbi-2023")
    }

    /// Makes a wallet, charged unless `amount` is empty.
    pub(crate) fn enrol(&self, name: &str, url: &str, amount: &str) {
        let made = self.wallet(name, &["init", "--office", url, "--name", name, "--no-pin"]);
        assert_eq!(made.code, Some(0), "{made:?}");
        if !amount.is_empty() {
            let charged = self.wallet(name, &["charge", amount]);
            assert_eq!(charged.code, Some(0), "{charged:?}");
        }
    }

    /// One figure of a wallet, in minor units.
    pub(crate) fn figure(&self, wallet: &str, name: &str) -> u64 {
        let ended = self.wallet(wallet, &["balance", "--json"]);
        let line = ended.out.lines().next().unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value[name].as_u64().unwrap_or_else(|| panic!("{name} in {ended:?}"))
    }

    /// A payment without questions: the buyer's end and the seller's.
    pub(crate) fn pay(&self, buyer: &str, seller: &str, amount: &str) -> (Ended, Ended) {
        let sell = self.start_wallet(seller, &["sell", amount, "--order", "tea", "--buyer", buyer]);
        let max = ["pay", "--to", seller, "--max", "999999", "--yes"];
        let pay = self.start_wallet(buyer, &max);
        (pay.finish(), sell.finish())
    }
}

impl Office {
    /// Stops serving, as a service manager would; gives the address to serve at again.
    pub(crate) fn stop(self) {
        let mut process = self.process;
        process.terminate();
        assert_eq!(process.finish().code, Some(0));
    }
}

impl Running {
    /// Waits for a line that contains `what`, on either stream.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, what: &str) -> String {
        let line = self.line_with(what);
        line.unwrap_or_else(|| panic!("ended before {what:?}: {:?}", self.ended))
    }

    /// The next line that contains `what`; `None` if the process ends before.
    #[track_caller]
    pub(crate) fn line_with(&mut self, what: &str) -> Option<String> {
        let until = Instant::now() + PATIENCE;
        while let Some(line) = self.next(until) {
            if line.contains(what) {
                return Some(line);
            }
        }
        None
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn end_typing(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn terminate(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Closes stdin and waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        self.stdin = None;
        let until = Instant::now() + PATIENCE;
        while self.next(until).is_some() {}
        self.ended.code = self.child.wait().unwrap().code();
        let empty = Ended { code: None, out: String::new(), err: String::new() };
        std::mem::replace(&mut self.ended, empty)
    }

    #[track_caller]
    fn next(&mut self, until: Instant) -> Option<String> {
        let left = until.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok((is_err, line)) => {
                let stream = if is_err { &mut self.ended.err } else { &mut self.ended.out };
                stream.push_str(&line);
                stream.push('\n');
                Some(line)
            }
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
    /// Ended with `code`, with `words` in its last line on stderr, which is the only error.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let last = self.err.lines().last().unwrap_or_default();
        assert!(last.starts_with("onehop: ") && last.contains(words), "{words:?} in {self:?}");
    }

    /// Ended with `code` and `words` on stdout.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.out.contains(words), "{words:?} in {self:?}");
    }
}
