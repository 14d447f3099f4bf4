//! The evidence file, page by page.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::access::Access;
use super::args::Form;
use super::render;
use crate::{Command, ExportText, OperatorAnswer};

/// What a file in CSV has of a row of evidence.
const COLUMNS: [&str; 4] = ["row", "kind", "bytes", "chain"];

/// The file to write, or stdout.
pub(crate) fn create(path: &Path) -> Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdout()));
    }
    let failed = || format!("failed to write {}", path.display());
    Ok(Box::new(std::io::BufWriter::new(File::create(path).with_context(failed)?)))
}

/// Writes the evidence file. What is written before a failure is no whole file: it has no last line.
pub(crate) fn export(access: &mut Access, path: &Path, form: Form, json: bool) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let mut out = create(path)?;
    if form == Form::Csv {
        writeln!(out, "{}", COLUMNS.join(",")).with_context(failed)?;
    }
    let mut text = ExportText::default();
    loop {
        let answer = access.order(Command::Export { after: text.last() })?;
        let OperatorAnswer::Exported(page) = answer else {
            bail!("the office answered another question");
        };
        let (lines, is_last) = text.lines(&page);
        match form {
            Form::Jsonl => out.write_all(lines.as_bytes()).with_context(failed)?,
            Form::Csv => out.write_all(&rows(&lines)?).with_context(failed)?,
        }
        if is_last {
            break;
        }
    }
    out.flush().with_context(failed)?;
    if path != Path::new("-") {
        let rows = text.last();
        render::line(json, &format!("{rows} rows of evidence"), &[("rows", &rows)]);
    }
    Ok(())
}

/// The rows of evidence among these lines, as CSV.
fn rows(lines: &str) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line)?;
        let field = |name| line.get(name).and_then(Value::as_str).unwrap_or_default();
        if line.get("row").is_some() {
            writer.write_record(COLUMNS.map(field))?;
        }
    }
    Ok(writer.into_inner().map_err(|error| error.into_error())?)
}
