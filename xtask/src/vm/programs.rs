//! The programs of this source tree, as a machine is given them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::pack::name;

/// Builds `onehop` and the examples in the development profile; gives every program built.
///
/// All of the workspace is chosen, so that what other checks have built is built as here. `with`
/// are cargo's further arguments. What cargo calls the end product lies in `apart`, if that is
/// given, so that it is taken for no other; all else is shared with every other build.
///
/// # Errors
/// If cargo does not start, or fails.
pub(crate) fn build(root: &Path, with: &[&str], apart: Option<&Path>) -> Result<Vec<PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .args(["--workspace", "--bin", "onehop", "--examples"])
        .args(with)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(apart) = apart {
        let shared = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        command.arg("--target-dir").arg(apart);
        command.env("CARGO_BUILD_BUILD_DIR", root.join(shared));
    }
    let output = command.output().context("failed to start cargo build")?;
    ensure!(output.status.success(), "cargo build of the programs failed");
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str(line).ok());
    let programs =
        messages.filter_map(|message: Value| message["executable"].as_str().map(PathBuf::from));
    Ok(programs.collect())
}

/// The program called `wanted` among those that were built.
///
/// # Errors
/// If it is not there.
pub(crate) fn find<'a>(built: &'a [PathBuf], wanted: &str) -> Result<&'a Path> {
    let found = built.iter().find(|path| name(path) == wanted);
    Ok(found.with_context(|| format!("cargo built no {wanted}"))?)
}
