//! `onehop completions` and `onehop man`: what shells and people look up.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::args::Args;
use crate::exit::Exit;
use crate::render::Screen;

/// The script that completes this program's commands in `shell`.
pub(crate) fn completions(screen: Screen, shell: Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "onehop", &mut script);
    let script = String::from_utf8(script)?;
    screen.result(script.trim_end(), &json!({ "shell": shell.to_string(), "script": script }));
    Ok(Exit::Done)
}

/// Writes a manual page for the program and for each of its commands into `folder`, which is made
/// if it is missing; older pages are replaced.
pub(crate) fn pages(screen: Screen, folder: &Path) -> Result<Exit> {
    let failed = || format!("failed to write manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    clap_mangen::generate_to(Args::command(), folder).with_context(failed)?;
    let path = folder.display().to_string();
    screen.progress("written", format!("{path}: manual pages"), &json!({ "folder": path }));
    Ok(Exit::Done)
}
