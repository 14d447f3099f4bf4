//! Processes that end with this one.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

use anyhow::Result;

use super::tools;

/// Ends a process by its own id.
pub(crate) fn end(mut child: Child) {
    child.kill().ok();
    child.wait().ok();
}

/// A program that the kernel kills when the thread that starts it ends.
///
/// # Errors
/// If what does so is not installed.
pub(crate) fn dies_with_us(program: impl AsRef<OsStr>) -> Result<Command> {
    let mut command = Command::new(tools::find("setpriv")?);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).stdin(Stdio::null());
    Ok(command)
}
