//! The Python program in an environment of its own under target/.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// tools/verify.py, ready to run.
pub(crate) struct Python {
    pub(crate) root: PathBuf,
    /// A folder for files, under target/.
    pub(crate) scratch: PathBuf,
    program: PathBuf,
}

/// What tools/verify.py found in a folder of vectors.
pub(crate) struct Vectors {
    pub(crate) cases: usize,
    pub(crate) failed: usize,
    pub(crate) lines: Vec<String>,
}

impl Python {
    /// Finds Python and makes the environment, unless it is there with what is pinned.
    pub(crate) fn set_up(root: &Path) -> Result<Self> {
        let scratch = root.join("target").join("verify");
        std::fs::create_dir_all(&scratch).context("failed to make target/verify")?;
        let venv = scratch.join("venv");
        let pins = root.join("tools").join("requirements.txt");
        let pinned = std::fs::read(&pins).context("failed to read tools/requirements.txt")?;
        let mark = venv.join("requirements.txt");
        let python = Self { root: root.to_owned(), scratch, program: venv.join("bin/python") };
        if std::fs::read(&mark).is_ok_and(|there| there == pinned) {
            return Ok(python);
        }
        let mut make = Command::new("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        run("python3", &mut make, "python3 -m venv")?;
        let mut install = Command::new(&python.program);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        install.arg(&pins);
        run("pip", &mut install, "pip install -r tools/requirements.txt")?;
        std::fs::write(&mark, pinned).context("failed to mark target/verify/venv")?;
        Ok(python)
    }

    /// Runs tools/verify.py. It may say that something does not hold.
    pub(crate) fn verify(&self, args: &[&str]) -> Result<Output> {
        let program = self.root.join("tools").join("verify.py");
        let mut command = Command::new(&self.program);
        // No files beside the sources.
        command.arg("-B").arg(program).args(args);
        let out = command.output().context("failed to run tools/verify.py")?;
        match out.status.code() {
            Some(0 | 1) => Ok(out),
            _ => bail!("tools/verify.py: {}", last_line(&out.stderr)),
        }
    }

    /// The lines that tools/verify.py prints.
    pub(crate) fn lines(&self, args: &[&str]) -> Result<Vec<String>> {
        let out = self.verify(args)?;
        let text = String::from_utf8(out.stdout).context("tools/verify.py printed no text")?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    pub(crate) fn vectors(&self, folder: &Path) -> Result<Vectors> {
        let mut lines = self.lines(&["vectors", &folder.to_string_lossy(), "--json"])?;
        let last = lines.pop().context("tools/verify.py printed nothing")?;
        let figures: Value = serde_json::from_str(&last).context("no figures of vectors")?;
        let count = |name: &str| {
            let value = figures[name].as_u64().with_context(|| format!("no {name} of vectors"))?;
            Ok::<_, anyhow::Error>(usize::try_from(value)?)
        };
        Ok(Vectors { cases: count("cases")?, failed: count("failed")?, lines })
    }
}

fn run(tool: &str, command: &mut Command, what: &str) -> Result<()> {
    let out = command.output().with_context(|| format!("{tool} is missing"))?;
    if !out.status.success() {
        let said = [out.stderr, out.stdout].concat();
        bail!("{what} failed: {}", last_line(&said));
    }
    Ok(())
}

/// The last line that says something; a program's complaint is there.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it said nothing").to_owned()
}
