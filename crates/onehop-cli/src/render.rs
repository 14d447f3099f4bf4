//! The only place that writes to the screen: results on stdout, progress and errors on stderr.
//!
//! With `--json`, results and progress are one JSON object a line on stdout, and errors one on
//! stderr. A reader that went away is not an error.

use std::io::{IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::args::Global;
use crate::exit::Exit;

/// Characters of a bar.
const BAR: usize = 20;

/// How this run writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    json: bool,
    quiet: bool,
    /// Say how it is done, too.
    verbose: bool,
    /// Somebody else draws the screen.
    silent: bool,
}

impl Screen {
    pub(crate) const fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, verbose: false, silent: false }
    }

    /// As the command line says. What is said there comes before a settings file that wants quiet.
    pub(crate) const fn of(global: &Global) -> Self {
        let Global { json, quiet, verbose, .. } = *global;
        Self { json, quiet: quiet && !verbose, verbose, silent: false }
    }

    /// One that writes nothing.
    pub(crate) const fn silent() -> Self {
        Self { json: false, quiet: true, verbose: false, silent: true }
    }

    /// A result.
    pub(crate) fn result(self, text: impl AsRef<str>, json: &Value) {
        if self.json {
            out(&json.to_string());
        } else if !self.silent {
            out(text.as_ref());
        }
    }

    /// A line for people only.
    pub(crate) fn text_only(self, text: &str) {
        if !self.json && !self.silent {
            out(text);
        }
    }

    /// A line for programs only.
    pub(crate) fn json_only(self, json: &Value) {
        if self.json {
            out(&json.to_string());
        }
    }

    /// How things go. `json` is an object; it gets `event` as its first name.
    pub(crate) fn progress(self, event: &str, text: impl AsRef<str>, json: &Value) {
        if self.json {
            out(&with_event(event, json).to_string());
        } else if !self.quiet {
            self.clear_countdown();
            err(text.as_ref());
        }
    }

    /// True if [`Screen::detail`] says something.
    pub(crate) const fn is_verbose(self) -> bool {
        self.verbose
    }

    /// How something is done, for a person who wonders: with `--verbose` only, and on stderr. It
    /// must tell nothing that the wallet's folder keeps sealed: no key, PIN, name, order or amount.
    /// `json` is an object; it gets `event` and, named `of`, what the detail is of.
    pub(crate) fn detail(self, of: &str, text: impl AsRef<str>, json: &Value) {
        if !self.verbose {
            return;
        }
        if self.json {
            let mut object = serde_json::Map::new();
            object.insert("of".to_owned(), of.into());
            object.extend(json.as_object().cloned().unwrap_or_default());
            err(&with_event("detail", &Value::Object(object)).to_string());
        } else {
            self.clear_countdown();
            err(&format!("{of}: {}", one_line(text.as_ref())));
        }
    }

    /// A question to the person, also with `--quiet`.
    pub(crate) fn question(self, event: &str, text: impl AsRef<str>, json: &Value) {
        if self.json {
            out(&with_event(event, json).to_string());
        } else if !self.silent {
            self.clear_countdown();
            err(text.as_ref());
        }
    }

    /// A line of `--trace` or `--step`, always on stderr.
    pub(crate) fn trace(self, text: &str, json: &Value) {
        if self.json {
            err(&json.to_string());
        } else {
            err(text);
        }
    }

    /// The one line of a failure, with every cause once.
    pub(crate) fn error(self, error: &anyhow::Error, exit: Exit) {
        let line = one_line(&format!("{error:#}"));
        if self.json {
            err(&json!({ "error": line, "exit": exit.code() }).to_string());
        } else {
            self.clear_countdown();
            err(&format!("onehop: {line}"));
        }
    }

    /// True if [`Screen::countdown`] shows something.
    pub(crate) fn has_countdown(self) -> bool {
        !self.json && !self.quiet && std::io::stderr().is_terminal()
    }

    /// Replaces the last line of a terminal.
    pub(crate) fn countdown(self, text: &str) {
        if self.has_countdown() {
            let mut stderr = std::io::stderr().lock();
            write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()).ok();
        }
    }

    /// Takes the countdown off the terminal.
    pub(crate) fn clear_countdown(self) {
        self.countdown("");
    }

    /// Begins what may take long.
    pub(crate) const fn work(self) -> Work {
        Work { screen: self }
    }
}

/// How far long work is, in the place of a countdown: on the last line of a terminal, and nowhere
/// else. Dropping it takes the line away, however the work ended.
#[derive(Debug)]
#[must_use]
pub(crate) struct Work {
    screen: Screen,
}

impl Work {
    /// Says what is done now, after `done` of `of` parts.
    pub(crate) fn at(&self, what: &str, done: usize, of: usize) {
        if self.screen.has_countdown() {
            self.screen.countdown(&bar(what, done, of));
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.screen.clear_countdown();
    }
}

/// One part alone has no bar.
fn bar(what: &str, done: usize, of: usize) -> String {
    if of < 2 {
        return format!("{what} ... ");
    }
    let done = done.min(of);
    let full = done.saturating_mul(BAR).checked_div(of).unwrap_or_default();
    let (full, empty) = ("#".repeat(full), ".".repeat(BAR.saturating_sub(full)));
    format!("{what} [{full}{empty}] {done} of {of} ")
}

fn out(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).ok();
}

fn err(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// Whatever came from elsewhere must not break the line or move the cursor.
fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn with_event(event: &str, json: &Value) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("event".to_owned(), event.into());
    object.extend(json.as_object().cloned().unwrap_or_default());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_several_lines_or_with_control_characters_becomes_one_line() {
        assert_eq!(one_line("a\nb\x1b[2J  c\r"), "a b [2J c");
    }

    #[test]
    fn a_bar_fills_as_the_parts_are_done_and_one_part_has_none() {
        let at = |done, of| bar("filing claims", done, of);
        assert_eq!(at(0, 3), "filing claims [....................] 0 of 3 ");
        assert_eq!(at(1, 3), "filing claims [######..............] 1 of 3 ");
        assert_eq!(at(3, 3), "filing claims [####################] 3 of 3 ");
        assert_eq!(at(9, 3), at(3, 3));
        assert_eq!(at(0, 1), "filing claims ... ");
        assert_eq!(at(0, 0), "filing claims ... ");
    }

    #[test]
    fn work_is_shown_only_where_a_person_looks_on() {
        // What runs tests looks at no terminal either.
        for screen in [Screen::new(true, false), Screen::new(false, true), Screen::silent()] {
            assert!(!screen.has_countdown(), "{screen:?}");
        }
    }
}
