//! A run as text: a sequence diagram, one line for each thing that happened.

use std::fmt::Write as _;

/// Who a line is about.
pub type Name = &'static str;

/// Names of the devices, in order; the clone of the first has the last one.
pub const NAMES: [Name; 5] = ["asha", "binu", "chai", "dosa", "asha'"];

/// The lines of a run, kept only if asked for.
#[derive(Debug)]
pub struct Trace {
    text: Option<String>,
}

impl Trace {
    /// A trace that keeps its lines, or one that drops them.
    #[must_use]
    pub const fn new(is_kept: bool) -> Self {
        Self { text: if is_kept { Some(String::new()) } else { None } }
    }

    /// Notes what happened between `from` and `to` at `now_ms`.
    pub fn line(&mut self, now_ms: u64, from: &str, arrow: &str, to: &str, what: &str) {
        if let Some(text) = &mut self.text {
            let (seconds, ms) = (now_ms / 1_000, now_ms % 1_000);
            // Writing to a string cannot fail.
            writeln!(text, "{seconds:>8}.{ms:03}  {from:<6} {arrow} {to:<6} {what}").ok();
        }
    }

    /// True if lines are kept; others need not be made.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.text.is_some()
    }

    /// The lines so far.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }
}
