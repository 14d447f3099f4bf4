//! Tests that kill processes under load, run at a size that they are told and for the figures that
//! they print.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;

/// One of those tests.
#[derive(Debug)]
pub(crate) struct Storm {
    /// Package and target, and what is run of it: all, if nothing is named.
    pub(crate) package: &'static str,
    pub(crate) test: &'static str,
    pub(crate) filter: Option<&'static str>,
    /// Where it is, for a finding.
    pub(crate) file: &'static str,
    /// What the line with its figures begins with, and their names.
    pub(crate) word: &'static str,
    /// What other lines with figures begin with, which come under that name.
    pub(crate) also: &'static [&'static str],
    /// The variable that tells it its size and perhaps its seed.
    pub(crate) variable: &'static str,
}

/// A figure that it prints: the name, the value and its limit.
pub(crate) type Row<'a> = (&'a str, u64, Option<Limit>);

impl Storm {
    /// Runs it at `sizes`. What it printed, with the number of `tests` that passed; or none of that
    /// and the finding, which says how to run it again by `again`.
    ///
    /// # Errors
    /// If it cannot be run, or prints something else.
    pub(crate) fn run(
        &self,
        root: &Path,
        sizes: [u64; 2],
        seed: Option<u64>,
        again: &str,
    ) -> Result<Result<Value, Finding>> {
        let [first, second] = sizes;
        let seed = seed.map(|seed| format!(",{seed}")).unwrap_or_default();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--locked", "--package", self.package, "--test", self.test, "--"]);
        if let Some(filter) = self.filter {
            command.args([filter, "--exact"]);
        }
        let out = command
            .args(["--nocapture", "--test-threads", "2"])
            .current_dir(root)
            .env(self.variable, format!("{first},{second}{seed}"))
            .stderr(Stdio::inherit())
            .output()
            .context("failed to run cargo test")?;
        let text = String::from_utf8_lossy(&out.stdout);
        let said = |word: &str| text.lines().find_map(|line| line.strip_prefix(word));
        let figures = said(&format!("{} ", self.word)).map(serde_json::from_str::<Value>);
        let figures =
            figures.transpose().with_context(|| format!("no figures of {}", self.word))?;
        let passed = said("test result: ok. ").and_then(|line| line.split(' ').next());
        match (figures, passed.and_then(|passed| passed.parse::<u64>().ok())) {
            (Some(mut figures), Some(passed)) if out.status.success() => {
                figures["tests"] = passed.into();
                for word in self.also {
                    let line = said(&format!("{word} "));
                    let line = line.with_context(|| format!("no figures of {word}"))?;
                    figures[*word] = serde_json::from_str(line)?;
                }
                Ok(Ok(figures))
            }
            _ => {
                // The test says by itself what fails.
                eprint!("{text}");
                let seed = said("seed ").map(|seed| format!(" --seed {seed}")).unwrap_or_default();
                let what = format!("the test fails: {again}{seed}");
                Ok(Err(Finding::new(self.file, 0, what)))
            }
        }
    }

    /// Prints each row, of `n` processes or devices, and finds those that do not hold.
    pub(crate) fn print(&self, rows: &[Row<'_>], n: u64, method: &str, json: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, value, limit) in rows {
            let (name, method) = (format!("{}.{name}", self.word), method.to_owned());
            let figure = Figure { name, value: count(*value), unit: "1", limit: *limit, n, method };
            figure.print(json);
            if !figure.holds() {
                let what = format!("{} is {}", figure.name, figure.value);
                findings.push(Finding::new(self.file, 0, what));
            }
        }
        findings
    }
}
