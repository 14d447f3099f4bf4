//! What both programs say of case files: of real payments, of each row of the table, and damaged.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use onehop_evidence::judge;
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::{CaseFile, DecodeError, PublicKey, WalletId, decode, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::Report;
use super::python::Python;
use super::town::Town;
use crate::figure::Limit;
use crate::vectors::judgements;
use crate::vectors::world::World;

/// Each file is given once as it is, and so often with one bit changed.
const DAMAGED: usize = 2;

/// A case file as this project judges it.
struct Judged {
    /// A root key and a file, as tools/verify.py reads them.
    line: String,
    verdict: String,
    is_damaged: bool,
}

/// Compares the judgements; each that differs is printed with its file.
pub(crate) fn compare(python: &Python, towns: &[Town], report: &mut Report) -> Result<()> {
    let (mut sheet, mut framed, mut guilty) = (Vec::new(), 0, 0);
    for town in towns {
        let mut rng = ChaCha20Rng::seed_from_u64(town.seed);
        for file in town.cases()? {
            let named = found(&town.root, &file)?;
            guilty += usize::from(!named.is_empty());
            if named.iter().any(|wallet| wallet.is_none_or(|it| !town.cloned.contains(&it))) {
                framed += 1;
                report
                    .find(format!("seed {}: {named:?} named, {:?} forked", town.seed, town.cloned));
            }
            add(&mut sheet, &mut rng, &town.root, &encode(&file));
        }
    }
    let of_towns = sheet.iter().filter(|it| !it.is_damaged).count();
    let root = World::new().root.public();
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    for case in judgements::cases(&World::new())? {
        let file = case.field("file").and_then(serde_json::Value::as_str);
        let file = hex::decode(file.context("a judgement without a file")?)?;
        add(&mut sheet, &mut rng, &root, &file);
    }
    let (none, some) = (Some(Limit::Exactly(0.0)), Some(Limit::AtLeast(1.0)));
    let method = "case files of wallets and offices of the towns, judged by this project";
    report.figure("case_files", of_towns, some, of_towns, method);
    report.figure("case_files_guilty", guilty, some, of_towns, method);
    report.figure("case_files_framed", framed, none, of_towns, method);
    let differing = differences(python, &sheet)?;
    for (judged, other) in &differing {
        let Judged { line, verdict, .. } = judged;
        report.find(format!("this project judges {verdict:?}, tools/verify.py {other:?}: {line}"));
    }
    let method = "the same and those of vectors/judgements.json, each also with bits changed";
    report.figure("case_disagreements", differing.len(), none, sheet.len(), method);
    let planted = planted(&sheet);
    let noticed = differences(python, &planted)?.len();
    let method = "the same, sound ones, each with one digit edited after this project judged it";
    report.figure("edited_cases_missed", planted.len() - noticed, none, planted.len(), method);
    Ok(())
}

/// Whom the project names; none for the office.
fn found(root: &PublicKey, file: &CaseFile) -> Result<Vec<Option<WalletId>>> {
    let judgement = judge(root, file).context("a file of honest makers does not verify")?;
    Ok(judgement.findings.iter().map(|finding| finding.guilty.wallet().copied()).collect())
}

fn add(sheet: &mut Vec<Judged>, rng: &mut ChaCha20Rng, root: &PublicKey, file: &[u8]) {
    for edit in 0..=DAMAGED {
        let mut bytes = file.to_vec();
        let is_damaged = edit > 0;
        if is_damaged {
            let bit = rng.next_u32() % 8;
            let at = usize::try_from(rng.next_u32()).unwrap_or(0) % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        let line = format!("{root} {}", hex::encode(&bytes));
        sheet.push(Judged { line, verdict: verdict(root, &bytes), is_damaged });
    }
}

/// What this project says of the bytes of a case file.
fn verdict(root: &PublicKey, bytes: &[u8]) -> String {
    let file: CaseFile = match decode(bytes, OFFICE_BODY_MAX) {
        Ok(file) => file,
        Err(DecodeError::TooLong { .. }) => return "refused: too-long".to_owned(),
        Err(DecodeError::Trailing { .. }) => return "refused: trailing".to_owned(),
        Err(DecodeError::NotCanonical) => return "refused: not-canonical".to_owned(),
        Err(_) => return "refused: invalid".to_owned(),
    };
    let judgement = match judge(root, &file) {
        Ok(judgement) => judgement,
        Err(fault) => return format!("refused: {}", fault.part()),
    };
    let place = |part: onehop_evidence::Part| {
        part.to_string().rsplit(' ').next().unwrap_or_default().to_owned()
    };
    let words: Vec<String> = judgement
        .findings
        .iter()
        .map(|it| {
            let who = it.guilty.wallet().map_or_else(|| "office".to_owned(), ToString::to_string);
            format!("{} {who} {} {}", it.row.number(), place(it.first), place(it.second))
        })
        .collect();
    if words.is_empty() { "nobody".to_owned() } else { words.join("; ") }
}

/// The sound files with their last digit changed, and what was said of them before.
fn planted(sheet: &[Judged]) -> Vec<Judged> {
    let sound = sheet.iter().filter(|it| !it.is_damaged && !it.verdict.starts_with("refused"));
    sound
        .map(|judged| {
            let mut line = judged.line.clone();
            let last = line.pop();
            line.push(if last == Some('0') { '1' } else { '0' });
            Judged { line, verdict: judged.verdict.clone(), is_damaged: true }
        })
        .collect()
}

/// Where tools/verify.py says something else, and what.
fn differences<'a>(python: &Python, sheet: &'a [Judged]) -> Result<Vec<(&'a Judged, String)>> {
    let file = python.scratch.join("cases.txt");
    let mut text = String::new();
    for judged in sheet {
        writeln!(text, "{}", judged.line)?;
    }
    std::fs::write(&file, text).context("failed to write target/verify/cases.txt")?;
    let verdicts = python.lines(&["cases", &file.to_string_lossy()])?;
    let (found, sent) = (verdicts.len(), sheet.len());
    ensure!(found == sent, "tools/verify.py judges {found} case files of {sent}");
    let pairs = sheet.iter().zip(verdicts);
    Ok(pairs.filter(|(judged, other)| judged.verdict != *other).collect())
}
