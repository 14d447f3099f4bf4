//! Running proofs side by side, as many as the processors bear, and reading what they print.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use anyhow::{Context, Result};

use super::list::Proof;
use crate::figure::Printed;

/// This program, as it was when the proofs began: one of them builds it anew with other features.
#[derive(Debug)]
pub(crate) struct Programs {
    root: PathBuf,
    xtask: PathBuf,
    // The copy goes when the proofs are over.
    _dir: tempfile::TempDir,
}

impl Programs {
    pub(crate) fn new(root: &Path) -> Result<Self> {
        let dir = tempfile::tempdir().context("failed to make a temporary folder")?;
        let xtask = dir.path().join("xtask");
        let this = std::env::current_exe().context("failed to find this program")?;
        std::fs::copy(&this, &xtask).with_context(|| format!("failed to copy {this:?}"))?;
        Ok(Self { root: root.to_owned(), xtask, _dir: dir })
    }

    fn command(&self, proof: &Proof) -> Command {
        let mut command = if proof.is_mutated {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut command = Command::new(cargo);
            let features = ["--features", "mutants", "--"];
            command.args(["run", "--quiet", "--locked", "--package", "xtask"]).args(features);
            command
        } else {
            Command::new(&self.xtask)
        };
        command.args(&proof.args).arg("--json").current_dir(&self.root);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// What became of a proof.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) proof: &'a Proof,
    /// What a person types to run it again.
    pub(crate) command: String,
    pub(crate) seconds: f64,
    pub(crate) figures: Vec<Printed>,
    is_success: bool,
    /// What it printed beside figures.
    words: String,
}

impl Ended<'_> {
    /// Why the proof failed, if it did.
    pub(crate) fn complaint(&self) -> Option<String> {
        let broken: Vec<&str> =
            self.figures.iter().filter(|f| !f.holds).map(|f| f.name.as_str()).collect();
        let words = self.words.trim();
        let why = match (self.is_success, broken.is_empty(), self.figures.is_empty()) {
            (true, true, false) => return None,
            (true, true, true) => "printed no figure".to_owned(),
            (_, false, _) => format!("{} does not hold", broken.join(", ")),
            (false, true, _) => "failed".to_owned(),
        };
        let tail = if words.is_empty() { String::new() } else { format!("\n{words}") };
        Some(format!("{} {why}: {}{tail}", self.proof.name, self.command))
    }
}

/// Runs the proofs in their order, side by side while `cores` last; `each` is told as they end.
pub(crate) fn run<'a>(
    programs: &Programs,
    proofs: &[&'a Proof],
    cores: usize,
    mut each: impl FnMut(Ended<'a>),
) -> Result<()> {
    let (sender, ended) = channel();
    let mut waiting = proofs.iter().copied().peekable();
    let mut free = cores;
    let mut under_way = 0;
    std::thread::scope(|scope| {
        loop {
            while let Some(proof) = waiting.next_if(|proof| under_way == 0 || proof.cores <= free) {
                free = free.saturating_sub(proof.cores);
                under_way += 1;
                let sender: Sender<Result<Ended<'a>>> = sender.clone();
                scope.spawn(move || sender.send(one(programs, proof)).ok());
            }
            if under_way == 0 {
                return Ok(());
            }
            let end = ended.recv().context("a proof was not waited for")??;
            under_way -= 1;
            free = if under_way == 0 { cores } else { cores.min(free + end.proof.cores) };
            each(end);
        }
    })
}

fn one<'a>(programs: &Programs, proof: &'a Proof) -> Result<Ended<'a>> {
    let began = Instant::now();
    let name = proof.name;
    let mut child =
        programs.command(proof).spawn().with_context(|| format!("failed to start {name}"))?;
    let mut words = String::new();
    let mut stderr = child.stderr.take().context("no standard error")?;
    let mut stdout = child.stdout.take().context("no standard output")?;
    // Both are read at once: a pipe that nobody reads stops its writer.
    let (out, read) = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let read = stderr.read_to_string(&mut words);
        (reader.join(), read)
    });
    read.with_context(|| format!("failed to read from {name}"))?;
    let out = out.map_err(|_| anyhow::anyhow!("the reader of {name} panicked"))??;
    let status = child.wait().with_context(|| format!("failed to wait for {name}"))?;
    let mut figures = Vec::new();
    for line in out.lines() {
        match Printed::parse(line) {
            Some(figure) => figures.push(figure),
            None => words.extend([line, "\n"]),
        }
    }
    let features = if proof.is_mutated { "run -p xtask --features mutants --" } else { "xtask" };
    Ok(Ended {
        proof,
        command: format!("cargo {features} {}", proof.args.join(" ")),
        seconds: began.elapsed().as_secs_f64(),
        figures,
        is_success: status.success(),
        words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proofs::list;

    fn ended<'a>(proof: &'a Proof, lines: &[&str], is_success: bool) -> Ended<'a> {
        let figures = lines.iter().filter_map(|line| Printed::parse(line)).collect();
        let (command, words) = ("cargo xtask sim".to_owned(), String::new());
        Ended { proof, command, seconds: 1.0, figures, is_success, words }
    }

    #[test]
    fn a_proof_fails_by_its_exit_code_by_a_figure_and_by_printing_none() {
        let proof = &list::short()[0];
        let good = r#"{"name":"sim.failed","value":0,"unit":"1","limit":0,"holds":true,"n":9,"method":"m"}"#;
        let bad = r#"{"name":"sim.failed","value":2,"unit":"1","limit":0,"holds":false,"n":9,"method":"m"}"#;
        assert_eq!(ended(proof, &[good], true).complaint(), None);
        let complaint = |lines: &[&str], is_success| ended(proof, lines, is_success).complaint();
        assert_eq!(complaint(&[good], false).unwrap(), "sim failed: cargo xtask sim");
        let broken = complaint(&[good, bad], true).unwrap();
        assert_eq!(broken, "sim sim.failed does not hold: cargo xtask sim");
        assert_eq!(complaint(&[], true).unwrap(), "sim printed no figure: cargo xtask sim");
    }
}
