//! Another program, measured between our own measurements.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The Cashu mint of `bench/peers`: it does so many swaps for each line.
pub(crate) struct Peer {
    child: Child,
    stdin: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it, with its database on the disk that ours are on.
    pub(crate) fn start(program: &Path, folder: &Path) -> Self {
        let mut child = Command::new(program)
            .arg("--folder")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer's program starts");
        let stdin = child.stdin.take().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, stdin, said };
        assert_eq!(peer.hear()["ready"], true);
        peer
    }

    /// How long so many swaps took.
    pub(crate) fn swap(&mut self, swaps: usize) -> Duration {
        writeln!(self.stdin, "{swaps}").unwrap();
        let said = self.hear();
        assert_eq!(said["swaps"], swaps, "{said}");
        Duration::from_secs_f64(said["seconds"].as_f64().unwrap())
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).expect("the peer speaks JSON")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
