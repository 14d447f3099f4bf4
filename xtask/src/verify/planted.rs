//! Edits that must be found: a comparison that cannot fail says nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::messages::{Judged, Sheet, differences};
use super::python::Python;

/// The field of the first case that is edited in each file, and who checks it.
const VECTORS: [(&str, &str); 10] = [
    ("bluetooth.json", "bytes"),
    ("framing.json", "channel"),
    ("handshake.json", "transcript"),
    ("hpke.json", "enc"),
    ("judgements.json", "file"),
    ("messages.json", "bytes"),
    ("money.json", "minor"),
    ("news.json", "item"),
    ("parcels.json", "reply"),
    ("statements.json", "signature"),
];

/// Copies of the vectors under `scratch`, each with one case edited.
pub(crate) fn edited_vectors(
    folder: &Path,
    scratch: &Path,
) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut copies = Vec::new();
    for (name, field) in VECTORS {
        let copy = scratch.join(name.trim_end_matches(".json"));
        std::fs::create_dir_all(&copy).context("failed to make a folder under target/verify")?;
        for (file, _) in VECTORS {
            let read = || format!("failed to read vectors/{file}");
            let mut text = std::fs::read_to_string(folder.join(file)).with_context(read)?;
            if file == name {
                let mut vectors: Value = serde_json::from_str(&text).with_context(read)?;
                let value = &mut vectors["cases"][0][field];
                let old = value.as_str().with_context(|| format!("{name} has no {field}"))?;
                *value = Value::String(edited(old));
                text = vectors.to_string();
            }
            let wrote = || format!("failed to write {}", copy.display());
            std::fs::write(copy.join(file), text).with_context(wrote)?;
        }
        copies.push((name, copy));
    }
    Ok(copies)
}

/// The text with its last digit changed.
fn edited(text: &str) -> String {
    let mut text = text.to_owned();
    let last = text.pop();
    text.push(if last == Some('0') { '1' } else { '0' });
    text
}

/// How many messages were edited after they were judged, and how many of them are found.
pub(crate) fn edited_messages(python: &Python, sheet: &Sheet) -> Result<(usize, usize)> {
    // The last byte of these is a byte of a signature or counts, and not a letter of an order.
    let sound = |it: &&Judged| {
        let verdict = &it.verdict;
        let ends_in_text = verdict.contains("commit-request") || verdict.starts_with("ok office");
        !it.is_damaged && verdict.contains(':') && !ends_in_text
    };
    let context = sheet.lines.first().cloned().into_iter();
    let seed = sheet.judged.first().map_or(0, |it| it.seed);
    let chosen: Vec<&Judged> =
        sheet.judged.iter().filter(sound).filter(|it| it.seed == seed).take(20).collect();
    let mut planted = Sheet { lines: context.collect(), judged: Vec::new() };
    for judged in chosen {
        let line = sheet.lines.get(judged.line).map_or("", String::as_str);
        let (verdict, is_damaged) = (judged.verdict.clone(), true);
        planted.judged.push(Judged { line: planted.lines.len(), seed, verdict, is_damaged });
        planted.lines.push(edited(line));
    }
    let found = differences(python, &planted)?.len();
    Ok((planted.judged.len(), found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_of_every_vector_file_is_edited_but_of_records_that_python_does_not_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "records.json")
            .collect();
        files.sort();
        assert_eq!(files, VECTORS.map(|(name, _)| name));
    }
}
