//! The books of the towns' offices, recomputed by the other program; and books that were edited.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use onehop_wire::domain::hash_of;
use serde_json::{Value, json};

use super::Report;
use super::python::Python;
use super::town::Town;
use crate::figure::Limit;

/// Every so many rows one is edited.
const EDIT_EVERY: usize = 7;

/// Audits each office intact, and the first with forks with its rows edited one by one.
pub(crate) fn compare(python: &Python, towns: &[Town], report: &mut Report) -> Result<()> {
    let mut files = Vec::new();
    for town in towns {
        let holds = town.balances()?;
        ensure!(holds, "seed {}: the office's own audit does not balance", town.seed);
        files.push((town, write(python, &format!("office-{}.jsonl", town.seed), &town.export()?)?));
    }
    let (mut rows, mut proofs, mut differing) = (0, 0, 0);
    let paths: Vec<&PathBuf> = files.iter().map(|(_, path)| path).collect();
    let found = audit(python, &paths)?;
    for ((town, _), figures) in files.iter().zip(&found) {
        let mut cloned: Vec<String> = town.cloned.iter().map(ToString::to_string).collect();
        cloned.sort();
        let guilty = list(&figures["guilty"]);
        let findings = list(&figures["findings"]);
        rows += figures["rows"].as_u64().unwrap_or(0);
        proofs += guilty.len();
        if let Some(first) = findings.first() {
            report.find(format!("seed {}: the books: {first}", town.seed));
        }
        if guilty.iter().any(|wallet| !cloned.contains(wallet)) {
            report.find(format!("seed {}: {guilty:?} are accused, {cloned:?} forked", town.seed));
        }
        let framed = guilty.iter().any(|wallet| !cloned.contains(wallet));
        differing += usize::from(framed || !findings.is_empty());
    }
    let method = format!("evidence files of {} offices, replayed by tools/verify.py", towns.len());
    let (none, some) = (Some(Limit::Exactly(0.0)), Some(Limit::AtLeast(1.0)));
    let rows = usize::try_from(rows)?;
    report.figure("audit_rows", rows, some, towns.len(), &method);
    report.figure("audit_differences", differing, none, towns.len(), &method);
    report.figure("fork_proofs", proofs, some, towns.len(), &method);
    forks(python, towns, report)?;
    edits(python, towns, report)
}

/// Each proof as a file of its own, sound and with one bit changed.
fn forks(python: &Python, towns: &[Town], report: &mut Report) -> Result<()> {
    let (mut checked, mut wrong) = (0, 0);
    for town in towns.iter().filter(|town| !town.cloned.is_empty()) {
        let lines = lines(&town.export()?)?;
        let root = lines.first().and_then(|line| line["root"].as_str()).unwrap_or("").to_owned();
        for proof in lines.iter().filter_map(|line| line["proof"].as_str()).take(1) {
            let mut bytes = hex::decode(proof).context("a proof is not in hexadecimal")?;
            let sound = fork(python, &bytes, &root)?;
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            let damaged = fork(python, &bytes, &root)?;
            let named = town.cloned.iter().any(|wallet| sound.contains(&wallet.to_string()));
            checked += 1;
            if !named || !damaged.starts_with("not a proof") {
                wrong += 1;
                report.find(format!("seed {}: {sound:?}, edited {damaged:?}", town.seed));
            }
        }
    }
    let method = "fork proofs as files, each sound and with its last bit changed";
    report.figure("fork_files_wrong", wrong, Some(Limit::Exactly(0.0)), checked, method);
    Ok(())
}

fn fork(python: &Python, bytes: &[u8], root: &str) -> Result<String> {
    let file = python.scratch.join("proof.bin");
    std::fs::write(&file, bytes).context("failed to write target/verify/proof.bin")?;
    Ok(python.lines(&["fork", &file.to_string_lossy(), "--root", root])?.join("\n"))
}

/// Rows edited and left out: the row must be named.
fn edits(python: &Python, towns: &[Town], report: &mut Report) -> Result<()> {
    let town = towns.iter().find(|town| !town.cloned.is_empty()).or_else(|| towns.first());
    let Some(town) = town else { return Ok(()) };
    let sound = lines(&town.export()?)?;
    let mut files = Vec::new();
    for at in (0..sound.len()).filter(|at| at % EDIT_EVERY == 1) {
        if sound[at].get("row").is_none() {
            continue;
        }
        let number = sound[at]["row"].as_str().unwrap_or("").to_owned();
        let mut edited = sound.clone();
        let bytes = edited[at]["bytes"].as_str().unwrap_or("").to_owned();
        edited[at]["bytes"] = json!(edited_row(&bytes));
        let mut missing = sound.clone();
        missing.remove(at);
        let mut forged = edited.clone();
        chain_again(&mut forged)?;
        for (kind, lines) in [("edited", edited), ("missing", missing), ("forged", forged)] {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let path = write(python, &format!("{kind}-{number}.jsonl"), &text)?;
            files.push((kind, number.clone(), path));
        }
    }
    let paths: Vec<&PathBuf> = files.iter().map(|(.., path)| path).collect();
    let mut missed = 0;
    for ((kind, number, _), figures) in files.iter().zip(audit(python, &paths)?) {
        let findings = list(&figures["findings"]);
        let named = format!("row {number}");
        let first = findings.first().map_or("", String::as_str);
        if !first.starts_with(&named) {
            missed += 1;
            report.find(format!("row {number} is {kind}, and what is found is {first:?}"));
        }
    }
    let method =
        format!("rows of the office of seed {}, edited or left out one at a time", town.seed);
    report.figure("edited_rows_missed", missed, Some(Limit::Exactly(0.0)), files.len(), &method);
    Ok(())
}

/// The row with one digit changed in what every row begins with: something signed, or a name of
/// something that was.
fn edited_row(bytes: &str) -> String {
    let (place, digits) = (20, bytes.chars());
    let change = |digit| if digit == '0' { '1' } else { '0' };
    digits.enumerate().map(|(at, digit)| if at == place { change(digit) } else { digit }).collect()
}

/// Chains the rows as a forger of the file would.
fn chain_again(lines: &mut [Value]) -> Result<()> {
    let text = |line: &Value, name: &str| hex::decode(line[name].as_str().unwrap_or(""));
    let mut chain = lines.first().map(|head| text(head, "office")).transpose()?.unwrap_or_default();
    for line in lines.iter_mut() {
        if line.get("row").is_some() {
            let bytes = text(line, "bytes")?;
            chain = hash_of("evidence", &[&chain, &bytes]).as_bytes().to_vec();
        }
        if line.get("chain").is_some() {
            line["chain"] = json!(hex::encode(&chain));
        }
    }
    Ok(())
}

fn audit(python: &Python, files: &[&PathBuf]) -> Result<Vec<Value>> {
    let names: Vec<_> = files.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let mut args = vec!["audit", "--json"];
    args.extend(names.iter().map(String::as_str));
    let lines = python.lines(&args)?;
    let figures: Vec<Value> =
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let (found, asked) = (figures.len(), files.len());
    ensure!(found == asked, "tools/verify.py audits {found} files of {asked}");
    Ok(figures)
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn write(python: &Python, name: &str, text: &str) -> Result<PathBuf> {
    let path = python.scratch.join(name);
    let failed = || format!("failed to write {}", path.display());
    std::fs::write(&path, text).with_context(failed)?;
    Ok(path)
}
