//! What both programs say of each message, one by one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::damage::damage;
use super::python::Python;
use super::town::Town;
use super::{Report, planted};
use crate::figure::Limit;

/// One message of so many is damaged.
const DAMAGED_ONE_IN: u32 = 4;

/// Types of statements that wallets and office send: all of section 3.4 but NEW-ROOT and the two
/// proofs of the handshake, which are signed and never sent.
const STATEMENTS: f64 = 17.0;

/// The lines for tools/verify.py, and for each message what it is and what this project says of it.
pub(crate) struct Sheet {
    pub(crate) lines: Vec<String>,
    pub(crate) judged: Vec<Judged>,
}

/// A message as this project judges it.
pub(crate) struct Judged {
    /// Its number among the lines.
    pub(crate) line: usize,
    pub(crate) seed: u64,
    pub(crate) verdict: String,
    pub(crate) is_damaged: bool,
}

impl Judged {
    /// The types of the statements in it that somebody signed.
    fn signed(&self) -> impl Iterator<Item = &str> {
        let words = self.verdict.split(' ').filter(|word| !word.ends_with('-'));
        words.filter_map(|word| word.split_once(':').map(|(kind, _)| kind))
    }
}

/// Compares the verdicts; each that differs is printed with its message.
pub(crate) fn compare(
    python: &Python,
    towns: &[Town],
    least: usize,
    report: &mut Report,
) -> Result<()> {
    let sheet = sheet(towns);
    let differing = differences(python, &sheet)?;
    for (judged, other) in &differing {
        let message = sheet.lines.get(judged.line).map_or("", String::as_str);
        report.find(format!(
            "seed {}: this project says {:?}, tools/verify.py says {other:?}, of {message}",
            judged.seed, judged.verdict
        ));
    }
    let n = sheet.judged.len();
    let method = format!(
        "messages of real wallets and offices, seeds {} to {}, 1 in {DAMAGED_ONE_IN} damaged",
        towns.first().map_or(0, |town| town.seed),
        towns.last().map_or(0, |town| town.seed),
    );
    let refused = sheet.judged.iter().filter(|it| !it.verdict.starts_with("ok")).count();
    let unsigned = sheet.judged.iter().filter(|it| it.verdict.ends_with('-')).count();
    let signed: BTreeSet<&str> =
        sheet.judged.iter().filter(|it| !it.is_damaged).flat_map(Judged::signed).collect();
    let damaged = sheet.judged.iter().filter(|it| it.is_damaged).count();
    let (none, some) = (Some(Limit::Exactly(0.0)), Some(Limit::AtLeast(1.0)));
    let least = Some(Limit::AtLeast(crate::figure::count(least as u64)));
    report.figure("messages", n, least, n, &method);
    report.figure("statement_types", signed.len(), Some(Limit::AtLeast(STATEMENTS)), n, &method);
    report.figure("messages_damaged", damaged, some, n, &method);
    report.figure("messages_refused", refused, some, n, &method);
    report.figure("messages_with_bad_signature", unsigned, some, n, &method);
    report.figure("disagreements", differing.len(), none, n, &method);
    let (planted, found) = planted::edited_messages(python, &sheet)?;
    let method = "messages of the same, one edited after this project judged it";
    report.figure("edited_messages_missed", planted - found, none, planted, method);
    Ok(())
}

fn sheet(towns: &[Town]) -> Sheet {
    let mut sheet = Sheet { lines: Vec::new(), judged: Vec::new() };
    for town in towns {
        let mut rng = ChaCha20Rng::seed_from_u64(town.seed);
        sheet.lines.push(town.context.line());
        for (kind, bytes) in &town.said {
            let (mut kind, mut bytes) = (*kind, bytes.clone());
            let is_damaged = rng.next_u32().is_multiple_of(DAMAGED_ONE_IN);
            if is_damaged {
                kind = damage(&mut rng, kind, &mut bytes);
            }
            sheet.judged.push(Judged {
                line: sheet.lines.len(),
                seed: town.seed,
                verdict: town.context.verdict(kind, &bytes),
                is_damaged,
            });
            sheet.lines.push(format!("{kind:?} {}", hex::encode(bytes)));
        }
    }
    sheet
}

/// Where tools/verify.py says something else, and what.
pub(crate) fn differences<'a>(
    python: &Python,
    sheet: &'a Sheet,
) -> Result<Vec<(&'a Judged, String)>> {
    let file = python.scratch.join("messages.txt");
    let mut text = String::new();
    for line in &sheet.lines {
        writeln!(text, "{line}")?;
    }
    std::fs::write(&file, text).context("failed to write target/verify/messages.txt")?;
    let verdicts = python.lines(&["messages", &file.to_string_lossy()])?;
    let (found, sent) = (verdicts.len(), sheet.judged.len());
    ensure!(found == sent, "tools/verify.py gives {found} verdicts on {sent} messages");
    let pairs = sheet.judged.iter().zip(verdicts);
    Ok(pairs.filter(|(judged, other)| judged.verdict != *other).collect())
}
