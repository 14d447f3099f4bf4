//! The `onehop` program, which is of another package than these tests.
//!
//! Cargo tells only the tests of the program's own package where it is. A test run of the whole
//! workspace has built it: then it lies beside this test and is newer than all it is made from.
//! Otherwise it is built here.

use std::env::current_exe;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde_json::Value;

/// The program, up to date.
pub(crate) fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let test = current_exe().unwrap();
        let profile = test.ancestors().nth(2).unwrap();
        let built = profile.join(format!("onehop{}", std::env::consts::EXE_SUFFIX));
        if is_fresh(&built) { built } else { build(profile) }
    })
}

/// Whether `program` is newer than every file that cargo lists as its source.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let Some((listed, built)) =
        fs::read_to_string(program.with_extension("d")).ok().zip(modified(program))
    else {
        return false;
    };
    // `program: source source …`, with the spaces within a path escaped.
    let sources = listed.split_once(": ").map_or("", |(_, sources)| sources).replace("\\ ", "\0");
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock").to_owned();
    let sources = sources.split_whitespace().map(|source| source.replace('\0', " "));
    sources.chain([lock]).all(|source| modified(Path::new(&source)).is_some_and(|at| at <= built))
}

/// Builds in the profile and the target folder of this test.
fn build(profile: &Path) -> PathBuf {
    let name = profile.file_name().unwrap().to_str().unwrap();
    let name = if name == "debug" { "dev" } else { name };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--locked", "--package", "onehop-cli", "--bin", "onehop"])
        .args(["--profile", name, "--message-format", "json", "--target-dir"])
        .arg(profile.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo could not build onehop");
    let text = String::from_utf8(output.stdout).unwrap();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = |message: Value| message["executable"].as_str().map(PathBuf::from);
    messages.filter_map(executable).next_back().unwrap()
}
