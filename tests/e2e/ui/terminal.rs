//! A real terminal: the kernel's, whose screen is kept by a terminal emulator.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::bench::Bench;
use crate::program;

/// Longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The wallet in a terminal. Dropping it kills it.
pub(super) struct Terminal {
    child: Child,
    ours: File,
    screen: Arc<(Mutex<vt100::Parser>, Condvar)>,
}

impl Terminal {
    pub(super) fn start(
        bench: &Bench,
        wallet: &str,
        width: u16,
        height: u16,
        env: &[(&str, &str)],
    ) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let theirs: OwnedFd = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        tcsetwinsize(&ours, size(width, height)).unwrap();
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(program::path())
            .args(["--wallet", &bench.path(wallet), "ui"])
            .env("ONEHOP_LINK", "lan")
            .env("ONEHOP_INTERFACE", "127.0.0.1")
            .env("ONEHOP_PORT", bench.port.number.to_string())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .envs(env.iter().copied());
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let ours = File::from(ours);
        let parser = vt100::Parser::new(height, width, 0);
        let screen = Arc::new((Mutex::new(parser), Condvar::new()));
        let (reader, shown) = (ours.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut reader = reader;
            let mut bytes = [0; 4096];
            // It fails once the program has ended and nobody else holds the terminal.
            while let Ok(read) = reader.read(&mut bytes) {
                if read == 0 {
                    break;
                }
                shown.0.lock().unwrap().process(&bytes[..read]);
                shown.1.notify_all();
            }
        });
        Self { child, ours, screen }
    }

    pub(super) fn types(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> String {
        self.screen.0.lock().unwrap().screen().contents()
    }

    /// Waits until `words` are on the screen.
    #[track_caller]
    pub(super) fn sees(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        let (lock, changed) = &*self.screen;
        let mut screen = lock.lock().unwrap();
        while !screen.screen().contents().contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{words:?} is not on\n{}", screen.screen().contents());
            screen = changed.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Whether any text on the screen has a colour of its own.
    pub(super) fn has_colour(&self) -> bool {
        let parser = self.screen.0.lock().unwrap();
        let screen = parser.screen();
        let (rows, columns) = screen.size();
        let mut cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        cells.any(|(row, column)| {
            let cell = screen.cell(row, column);
            cell.is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
        })
    }

    pub(super) fn resize(&self, width: u16, height: u16) {
        self.screen.0.lock().unwrap().screen_mut().set_size(height, width);
        tcsetwinsize(&self.ours, size(width, height)).unwrap();
    }

    /// Waits for the end.
    #[track_caller]
    pub(super) fn ends(&mut self, code: i32) {
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{}", self.screen());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

const fn size(width: u16, height: u16) -> Winsize {
    Winsize { ws_col: width, ws_row: height, ws_xpixel: 0, ws_ypixel: 0 }
}
