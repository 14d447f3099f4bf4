//! A line on a terminal that says how far something is, and leaves nothing behind.

use std::io::{IsTerminal as _, Write as _};

/// The line; nothing is written where stderr is no terminal.
pub(crate) struct Line {
    is_shown: bool,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { is_shown: std::io::stderr().is_terminal() }
    }

    /// Shows `text` in the place of what was there.
    pub(crate) fn say(&self, text: &str) {
        self.write(&format!("\r\x1b[K{text}"));
    }

    fn write(&self, text: &str) {
        if self.is_shown {
            let mut out = std::io::stderr().lock();
            // Who looks away misses nothing that counts.
            drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.write("\r\x1b[K");
    }
}
