//! The evidence file, page by page.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::access::Access;
use super::render;
use crate::{Command, ExportText, OperatorAnswer};

/// Writes the evidence file. What is written before a failure is no whole file: it has no last line.
pub(crate) fn export(access: &mut Access, path: &Path, json: bool) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let to_stdout = path == Path::new("-");
    let mut out: Box<dyn Write> = if to_stdout {
        Box::new(std::io::stdout())
    } else {
        Box::new(std::io::BufWriter::new(File::create(path).with_context(failed)?))
    };
    let mut text = ExportText::default();
    loop {
        let answer = access.order(Command::Export { after: text.last() })?;
        let OperatorAnswer::Exported(page) = answer else {
            bail!("the office answered another question");
        };
        let (lines, is_last) = text.lines(&page);
        out.write_all(lines.as_bytes()).with_context(failed)?;
        if is_last {
            break;
        }
    }
    out.flush().with_context(failed)?;
    if !to_stdout {
        let rows = text.last();
        render::line(json, &format!("{rows} rows of evidence"), &[("rows", &rows)]);
    }
    Ok(())
}
