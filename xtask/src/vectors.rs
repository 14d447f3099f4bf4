//! `xtask vectors`: the test vectors of protocol-spec.md, section 14, made by this project's code.
//!
//! Every file is a function of the source alone: keys, dates and randomness are constants. What is
//! committed is what any other implementation reads, so a change of a byte is a change of the
//! protocol, and `--check` is how one learns of it.

mod bluetooth;
pub(crate) mod born;
mod faults;
pub(crate) mod fixed_rng;
mod framing;
pub(crate) mod handshake;
mod hpke;
pub(crate) mod judgements;
pub(crate) mod messages;
mod money;
mod news;
mod parcels;
pub(crate) mod readable;
pub(crate) mod records;
pub(crate) mod samples;
pub(crate) mod statements;
pub(crate) mod world;

#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::Context;

use crate::source::Finding;
use readable::render;
use world::World;

const FOLDER: &str = "vectors";

/// One vector file: its name, and its whole text.
#[derive(Debug)]
pub(crate) struct VectorFile {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// Makes every file in memory.
///
/// # Errors
///
/// If this project's own code does not do with its own vectors what they say.
pub(crate) fn generate() -> anyhow::Result<Vec<VectorFile>> {
    let world = World::new();
    let files = [
        (
            "messages.json",
            "Types that cross a device boundary: bytes and their values, and bytes to refuse.",
            messages::cases(&world)?,
        ),
        (
            "statements.json",
            "Statements with their signing inputs, hashes and signatures, and signatures to refuse.",
            statements::cases(&world)?,
        ),
        (
            "handshake.json",
            "Handshakes with fixed randomness, their first sealed messages, and HELLOs to refuse.",
            handshake::cases(&world)?,
        ),
        ("hpke.json", "RFC 9180, appendix A.2.1: the suite of section 4.2.", hpke::cases()?),
        (
            "records.json",
            "Logs of wallets, record by record, the states they lead to and what recovery makes of \
             them.",
            records::cases(&world)?,
        ),
        (
            "money.json",
            "Amounts as people write them, and spend entries with the fault that a payee finds.",
            money::cases(&world)?,
        ),
        (
            "judgements.json",
            "Case files, and who is guilty in them or the part for which they are refused.",
            judgements::cases(&world)?,
        ),
        ("news.json", "Items of NEWS, and those that prove nothing.", news::cases(&world)?),
        (
            "parcels.json",
            "Requests sealed to the office for others to carry, their replies, and what is refused.",
            parcels::cases(&world)?,
        ),
        (
            "framing.json",
            "Messages cut into frames by a channel that loses nothing, and frames to drop.",
            framing::cases()?,
        ),
        (
            "bluetooth.json",
            "Values of the characteristic of section 4.7, and values to refuse.",
            bluetooth::cases()?,
        ),
    ];
    Ok(files
        .into_iter()
        .map(|(name, about, cases)| VectorFile { name, text: render(about, &cases) })
        .collect())
}

/// Writes every file below `root`.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let folder = root.join(FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make {}", folder.display()))?;
    for VectorFile { name, text } in generate()? {
        let path = folder.join(name);
        std::fs::write(&path, text)
            .with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}

/// Compares the files below `root` with what would be written: the first line that differs of each.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let files = generate()?;
    Ok(files.iter().filter_map(|file| compare(root, file)).collect())
}

fn compare(root: &Path, file: &VectorFile) -> Option<Finding> {
    let path = format!("{FOLDER}/{}", file.name);
    let Ok(found) = std::fs::read_to_string(root.join(&path)) else {
        return Some(Finding::new(&path, 1, "is missing; cargo xtask vectors writes it"));
    };
    if found == file.text {
        return None;
    }
    let differs = |(found, made): (&str, &str)| found != made;
    let at = found.lines().zip(file.text.lines()).position(differs);
    let lines = found.lines().count().min(file.text.lines().count());
    let at = at.unwrap_or(lines);
    let line =
        |text: &str| text.lines().nth(at).unwrap_or("nothing").trim().chars().take(60).collect();
    let (found, made): (String, String) = (line(&found), line(&file.text));
    Some(Finding::new(&path, at + 1, format!("has `{found}`; the code makes `{made}`")))
}
