//! Account statements as files.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use onehop_wire::{Currency, Money};
use serde::Serialize;

use super::access::Access;
use super::args::Form;
use super::export::create;
use super::{render, report};
use crate::{Command, OperatorAnswer, StatementRow};

/// A line of a statement: one posting.
#[derive(Serialize)]
struct Line {
    posting: u64,
    /// Date and time, UTC.
    at: String,
    from: String,
    to: String,
    /// In units of the currency, such as 7.35.
    amount: String,
    currency: String,
    /// Hash of the statement that caused it.
    evidence: String,
}

impl Line {
    fn new(row: &StatementRow, currency: Currency) -> Self {
        let money = Money::new(row.amount, currency).to_string();
        let amount = money.split(' ').next().unwrap_or_default().to_owned();
        Self {
            posting: row.posting,
            at: row.at.to_string(),
            from: row.from.clone(),
            to: row.to.clone(),
            amount,
            currency: currency.code().to_owned(),
            evidence: row.evidence.to_string(),
        }
    }
}

/// Writes the statement of a wallet.
pub(crate) fn write(
    access: &mut Access,
    who: &str,
    path: &Path,
    form: Form,
    json: bool,
) -> Result<()> {
    let wallet = report(access, who)?.wallet;
    let currency = access.currency()?;
    let failed = || format!("failed to write {}", path.display());
    let mut out = Lines::new(create(path)?, form);
    let (mut after, mut count) = (0, 0u64);
    loop {
        let answer = access.order(Command::Statement { wallet, after })?;
        let OperatorAnswer::Statement(page) = answer else {
            bail!("the office answered another question");
        };
        for row in &page.rows {
            out.write(&Line::new(row, currency)).with_context(failed)?;
            count = count.saturating_add(1);
        }
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    out.finish().with_context(failed)?;
    if path != Path::new("-") {
        render::line(json, &format!("{count} postings"), &[("postings", &count)]);
    }
    Ok(())
}

enum Lines {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Json(Box<dyn Write>),
}

impl Lines {
    fn new(out: Box<dyn Write>, form: Form) -> Self {
        match form {
            Form::Csv => Self::Csv(Box::new(csv::Writer::from_writer(out))),
            Form::Jsonl => Self::Json(out),
        }
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        match self {
            Self::Csv(writer) => Ok(writer.serialize(line)?),
            Self::Json(out) => Ok(writeln!(out, "{}", serde_json::to_string(line)?)?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Csv(mut writer) => Ok(writer.flush()?),
            Self::Json(mut out) => Ok(out.flush()?),
        }
    }
}
