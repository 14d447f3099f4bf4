//! The table of figures in `docs/safety.md`: it is made from `docs/figures.json`, never by hand.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::record::Record;
use crate::figure::{Printed, shown};
use crate::source::Finding;

const RECORD: &str = "docs/figures.json";
const PAGE: &str = "docs/safety.md";
const BEGIN: &str = "<!-- figures: cargo xtask figures --table -->\n";
const END: &str = "<!-- end of figures -->\n";

/// Writes the table into the page, or only finds out whether it is there as it must be.
pub(crate) fn bring_up_to_date(root: &Path, only_check: bool) -> Result<Vec<Finding>> {
    let record = Record::read(&root.join(RECORD))?;
    let page = root.join(PAGE);
    let old = std::fs::read_to_string(&page).with_context(|| format!("failed to read {PAGE}"))?;
    let new = with_table(&old, &table(&record))
        .with_context(|| format!("{PAGE} lacks the two comments around the table"))?;
    if only_check {
        let what = format!("the table is not that of {RECORD}; run cargo xtask figures --table");
        return Ok((old != new).then(|| Finding::new(PAGE, 0, what)).into_iter().collect());
    }
    std::fs::write(&page, new).with_context(|| format!("failed to write {PAGE}"))?;
    Ok(Vec::new())
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (head, rest) = page.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}{table}{END}{tail}"))
}

fn table(record: &Record) -> String {
    let mut text = format!(
        "\nCommit `{}`, {}, {}.\n\n| figure | value | limit | n | at most, with 95 % | how |\n|---|---|---|---|---|---|\n",
        record.commit, record.date, record.machine
    );
    for figure in &record.figures {
        let limit = figure.limit.map(shown).unwrap_or_default();
        let word = if figure.holds { "" } else { ", **does not hold**" };
        let unit = if figure.unit == "1" { "" } else { &figure.unit };
        let value = format!("{} {unit}", shown(figure.value));
        let (name, value, n) = (&figure.name, value.trim(), figure.n);
        let (bound, how) = (bound(figure), figure.method.replace('|', "\\|"));
        // Writing to a String cannot fail.
        writeln!(text, "| {name} | {value} | {limit}{word} | {n} | {bound} | {how} |").ok();
    }
    text.push('\n');
    text
}

/// Proofs whose trials are drawn at random. The others try all that there is within their bounds, of
/// which no rate is estimated.
const DRAWN: [&str; 5] = ["sim.", "kills.", "power.", "fuzz.", "verify."];

/// The rule of three: after n trials without a failure the rate is below 3/n with 95 % confidence.
fn bound(figure: &Printed) -> String {
    let is_none = figure.limit == Some(0.0) && figure.value == 0.0;
    let is_drawn = DRAWN.iter().any(|proof| figure.name.starts_with(proof));
    if is_none && is_drawn && figure.n > 0 {
        let rate = 3.0 / crate::figure::count(figure.n);
        if rate < 1.0 { format!("{rate:.1e}") } else { "1".to_owned() }
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_bound_of_three_over_n_where_nothing_failed() {
        let line = r#"{"name":"sim.failed","value":0,"unit":"1","limit":0,"holds":true,"n":3000,"method":"a | b"}"#;
        let figures = vec![Printed::parse(line).unwrap()];
        let [commit, machine, date] = ["abc", "a machine", "2026-01-02"].map(str::to_owned);
        let table = table(&Record { commit, machine, date, figures });
        let row = "| sim.failed | 0 | 0 | 3000 | 1.0e-3 | a \\| b |\n";
        assert!(table.contains(row), "{table}");
    }

    #[test]
    fn what_was_tried_exhaustively_has_no_rate() {
        let line = r#"{"name":"model.office.violated","value":0,"unit":"1","limit":0,"holds":true,"n":3000,"method":"exhausted"}"#;
        assert_eq!(bound(&Printed::parse(line).unwrap()), "");
    }

    #[test]
    fn only_what_lies_between_the_comments_is_replaced() {
        let page = format!("head\n{BEGIN}old\n{END}tail\n");
        let new = with_table(&page, "new\n").unwrap();
        assert_eq!(new, format!("head\n{BEGIN}new\n{END}tail\n"));
        assert_eq!(with_table("no comments", "new"), None);
    }
}
