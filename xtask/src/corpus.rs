//! `xtask corpus`: the first inputs of each fuzz target, made of the test vectors and of scripts.
//!
//! What a long run grows stays on the machine that grew it, but for the few inputs that reach further
//! than all others: `xtask fuzz --keep` copies those into fuzz/kept/. An input that found something
//! is committed by hand in fuzz/regressions/.

use std::path::Path;

use anyhow::{Context, ensure};
use onehop_fuzz::KINDS;
use serde_json::Value;

use crate::fuzz::KEPT;
use crate::source::Finding;
use crate::vectors::readable::Case;
use crate::vectors::world::World;
use crate::vectors::{messages, records, statements};

pub(crate) const FOLDER: &str = "fuzz/corpus";
/// Longest input, in bytes.
const INPUT_MAX: usize = 4_096;
/// All of them together, in bytes.
const BYTES_MAX: usize = 300_000;
/// All of fuzz/kept/ together, in bytes.
const KEPT_BYTES_MAX: u64 = 1_000_000;

/// One input: its path below the folder, and its bytes.
type Input = (String, Vec<u8>);

fn generate() -> anyhow::Result<Vec<Input>> {
    let mut inputs = decode()?;
    let others = [
        ("framing", onehop_fuzz::framing_seeds()),
        ("handshake", onehop_fuzz::handshake_seeds()),
        ("wallet", onehop_fuzz::wallet_seeds()),
        ("recovery", onehop_fuzz::recovery_seeds()),
        ("office", onehop_fuzz::office_seeds()),
    ];
    for (target, seeds) in others {
        let name = |number| format!("{target}/{number:02}");
        inputs.extend(seeds.into_iter().enumerate().map(|(at, bytes)| (name(at), bytes)));
    }
    let bytes: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
    ensure!(bytes <= BYTES_MAX, "the corpora have {bytes} bytes; {BYTES_MAX} is the most");
    Ok(inputs)
}

/// Every vector of a type, and every record, with the number of its type before it.
fn decode() -> anyhow::Result<Vec<Input>> {
    let world = World::new();
    let mut found = Vec::new();
    for case in messages::cases(&world)? {
        found.extend(bytes_of(&case, "type", &["bytes"]));
    }
    for case in statements::cases(&world)? {
        found.extend(bytes_of(&case, "type", &["body", "signature"]));
    }
    for case in records::cases(&world)? {
        let records = case.field("records").and_then(Value::as_array).into_iter().flatten();
        for record in records {
            let bytes = hex::decode(record.as_str().context("a record that is no text")?)?;
            found.push(("record".to_owned(), bytes));
        }
    }
    let mut inputs: Vec<Input> = Vec::new();
    for (kind, bytes) in found {
        let Some(at) = KINDS.iter().position(|(name, _)| *name == kind) else { continue };
        let input = [&[u8::try_from(at)?], &bytes[..]].concat();
        let is_known = inputs.iter().any(|(_, known)| *known == input);
        if input.len() <= INPUT_MAX && !is_known {
            inputs.push((format!("decode/{:03}-{kind}", inputs.len()), input));
        }
    }
    Ok(inputs)
}

/// The type of a case, and its fields of bytes one after the other.
fn bytes_of(case: &Case, kind: &str, fields: &[&str]) -> Option<(String, Vec<u8>)> {
    let text = |name: &str| case.field(name).and_then(Value::as_str);
    let parts: Option<Vec<_>> = fields.iter().map(|field| hex::decode(text(field)?).ok()).collect();
    Some((text(kind)?.to_owned(), parts?.concat()))
}

/// Writes every input below `root`.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for (name, bytes) in generate()? {
        let path = root.join(FOLDER).join(name);
        let folder = path.parent().context("an input without a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(&path, bytes)
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// What is wrong with what was kept of long runs.
fn kept(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let (mut findings, mut bytes) = (Vec::new(), 0);
    let targets = onehop_fuzz::TARGETS.map(|(target, _)| target);
    for folder in std::fs::read_dir(root.join(KEPT)).into_iter().flatten() {
        let folder = folder?;
        let name = folder.file_name().to_string_lossy().into_owned();
        if !targets.contains(&name.as_str()) {
            findings.push(Finding::new(&format!("{KEPT}/{name}"), 0, "is of no fuzz target"));
            continue;
        }
        for entry in std::fs::read_dir(folder.path())? {
            bytes += entry?.metadata()?.len();
        }
    }
    if bytes > KEPT_BYTES_MAX {
        let what = format!("has {bytes} bytes; {KEPT_BYTES_MAX} is the most");
        findings.push(Finding::new(KEPT, 0, what));
    }
    Ok(findings)
}

/// The inputs below `root` that would be written differently, or are not made by this source.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let inputs = generate()?;
    let mut findings = kept(root)?;
    for (name, bytes) in &inputs {
        let path = format!("{FOLDER}/{name}");
        if std::fs::read(root.join(&path)).ok().as_ref() != Some(bytes) {
            findings.push(Finding::new(&path, 1, "is missing or another; cargo xtask corpus"));
        }
    }
    for (target, _) in onehop_fuzz::TARGETS {
        for entry in std::fs::read_dir(root.join(FOLDER).join(target))? {
            let name = format!("{target}/{}", entry?.file_name().to_string_lossy());
            if !inputs.iter().any(|(known, _)| *known == name) {
                let path = format!("{FOLDER}/{name}");
                findings.push(Finding::new(
                    &path,
                    1,
                    "is made by nothing: a found input belongs into fuzz/regressions",
                ));
            }
        }
    }
    Ok(findings)
}
