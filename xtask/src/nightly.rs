//! Tools of the nightly toolchain, which a machine may lack: each is named in one line.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// What ships and what feeds it to the fuzzer: built to tell which of its edges or regions are
/// taken. What others wrote is built as it ships.
pub(crate) const INSTRUMENTED: [&str; 8] = [
    "onehop-wire",
    "onehop-crypto",
    "onehop-evidence",
    "onehop-proto",
    "onehop-store",
    "onehop-link",
    "money-office",
    "onehop-fuzz",
];

/// `cargo +nightly`, in no way influenced by the cargo that runs this.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC", "RUSTFLAGS"] {
        command.env_remove(name);
    }
    command.arg("+nightly");
    command
}

/// Fails in one line unless `cargo +nightly ARGS --version` runs.
pub(crate) fn require(args: &[&str], install: &str) -> anyhow::Result<()> {
    let name = [&["cargo", "+nightly"], args].concat().join(" ");
    let missing = || format!("{name} is missing: {install}");
    let output = cargo().args(args).arg("--version").output().with_context(missing)?;
    if !output.status.success() {
        bail!(missing());
    }
    Ok(())
}

/// Where a tool of nightly's `llvm-tools` lies.
pub(crate) fn llvm_tool(name: &str) -> anyhow::Result<PathBuf> {
    let missing =
        || format!("{name} is missing: rustup component add --toolchain nightly llvm-tools");
    let output = Command::new("rustc")
        .env_remove("RUSTUP_TOOLCHAIN")
        .args(["+nightly", "--print", "target-libdir"])
        .output()
        .with_context(missing)?;
    let lib = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let tool = lib.parent().map(|folder| folder.join("bin").join(name));
    tool.filter(|tool| tool.is_file()).with_context(missing)
}
