//! What one run of the proofs came to: commit, machine, date, figures. `docs/figures.json` is one.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::figure::Printed;

/// A run of proofs.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) commit: String,
    pub(crate) machine: String,
    pub(crate) date: String,
    pub(crate) figures: Vec<Printed>,
}

impl Record {
    /// Nothing yet, on this machine and commit.
    pub(crate) fn begin(root: &Path) -> Result<Self> {
        let git = |args: &[&str]| said(Command::new("git").args(args).current_dir(root));
        let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let mark = if changed.is_empty() { "" } else { " and uncommitted changes" };
        Ok(Self {
            commit: git(&["rev-parse", "--short=12", "HEAD"])? + mark,
            machine: machine(),
            date: said(Command::new("date").args(["-u", "+%Y-%m-%d"]))?,
            figures: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, figures: &[Printed], time: &Printed) {
        self.figures.extend(figures.iter().chain([time]).cloned());
    }

    pub(crate) fn save(&self, file: &Path) -> Result<()> {
        let figures: Vec<Value> = self.figures.iter().map(Printed::to_json).collect();
        let value = json!({ "commit": self.commit, "machine": self.machine, "date": self.date,
            "figures": figures });
        let text = serde_json::to_string_pretty(&value)? + "\n";
        std::fs::write(file, text).with_context(|| format!("failed to write {}", file.display()))
    }

    pub(crate) fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text =
            std::fs::read_to_string(file).with_context(|| format!("failed to read {name}"))?;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("{name} is not JSON"))?;
        Self::parse(&value).with_context(|| format!("{name} is not a record of figures"))
    }

    fn parse(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let figures = value["figures"].as_array()?.iter().map(Printed::from_json);
        Some(Self {
            commit: text("commit")?,
            machine: text("machine")?,
            date: text("date")?,
            figures: figures.collect::<Option<_>>()?,
        })
    }
}

/// What a program says on one line.
fn said(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("failed to start {program:?}"))?;
    anyhow::ensure!(output.status.success(), "{program:?} failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Processor, its count and the system, as far as the system tells.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = said(Command::new("uname").args(["-s", "-r", "-m"])).unwrap_or_default();
    format!("{model}, {cores} cores, {system}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let line = r#"{"name":"sim.payments","value":9,"unit":"1","limit":5,"holds":true,"n":9,"method":"m"}"#;
        let figures = vec![Printed::parse(line).unwrap()];
        let [commit, machine, date] = ["abc", "a machine", "2026-01-02"].map(str::to_owned);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("figures.json");
        Record { commit, machine, date, figures }.save(&file).unwrap();
        let read = Record::read(&file).unwrap();
        assert_eq!((read.commit.as_str(), read.machine.as_str()), ("abc", "a machine"));
        assert_eq!(read.date, "2026-01-02");
        assert_eq!(read.figures[0].name, "sim.payments");
    }

    #[test]
    fn a_file_that_is_no_record_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("figures.json");
        std::fs::write(&file, "{}").unwrap();
        let error = Record::read(&file).unwrap_err().to_string();
        assert!(error.ends_with("figures.json is not a record of figures"), "{error}");
    }
}
