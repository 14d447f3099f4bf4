//! `xtask spec`: which numbered statement of the specification is held up by which test.
//!
//! A tag in brackets, `P-17` for one, defines a statement where it stands in protocol-spec.md; the
//! specification refers back to it without brackets. Code cites it in brackets in a comment, and
//! only a citation in a test counts.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Finding, SourceFile, Tree, scan, words};

const SPEC: &str = "protocol-spec.md";
/// What looks like a tag and is a reference to somebody else's document.
const FOREIGN: &[&str] = &["AES", "BCP", "ISO", "RFC", "SHA"];
/// A paragraph with one of these says what MUST means and demands nothing.
const KEYWORD_SOURCES: &[&str] = &["BCP 14", "RFC 2119", "RFC 8174"];
/// This crate speaks about tags in general and holds up none.
const NOT_SCANNED: &str = "xtask/";

/// What the specification states and the tests cite.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) findings: Vec<Finding>,
    covered: usize,
    total: usize,
}

impl Report {
    pub(crate) fn summary(&self) -> String {
        format!("{SPEC}: {} of {} statements are cited by a test", self.covered, self.total)
    }
}

/// Compares the specification with the code; with `list`, names each statement no test cites.
pub(crate) fn check(tree: &Tree, list: bool) -> Report {
    let Some(spec) = tree.files.get(SPEC) else {
        let findings = vec![Finding::new(SPEC, 1, "the specification is missing")];
        return Report { findings, covered: 0, total: 0 };
    };
    let mut findings = untagged(&spec.text);
    let defined = definitions(&spec.text, &mut findings);
    let mut cited = BTreeSet::new();
    let reachable = tree.reachable();
    for file in tree.files.values().filter(|file| file.is_rust()) {
        if file.path.starts_with(NOT_SCANNED) {
            continue;
        }
        let is_test = reachable.get(file.path.as_str()).copied().unwrap_or_default()
            || is_test_path(&file.path);
        let citations = citations(file, is_test);
        for Citation { line, tag, in_test } in citations {
            if !defined.contains_key(&tag) {
                let what = format!("[{tag}] is not in {SPEC}");
                findings.push(Finding::new(&file.path, line, what));
            } else if in_test {
                cited.insert(tag);
            }
        }
    }
    let uncovered: Vec<_> = defined.iter().filter(|(tag, _)| !cited.contains(*tag)).collect();
    if list {
        let what = |tag| format!("[{tag}] is cited by no test");
        findings.extend(uncovered.iter().map(|(tag, at)| Finding::new(SPEC, **at, what(tag))));
    } else if let Some((_, at)) = uncovered.first() {
        let what = format!("no test cites {} statements; --list names them", uncovered.len());
        findings.push(Finding::new(SPEC, **at, what));
    }
    findings.sort();
    Report { findings, covered: cited.len(), total: defined.len() }
}

/// The tags that `text` defines, each with its line.
fn definitions(text: &str, findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
    let mut defined: BTreeMap<String, usize> = BTreeMap::new();
    for block in blocks(text) {
        for (line, text) in block {
            for tag in tags(text) {
                if let Some(first) = defined.get(tag) {
                    let what = format!("[{tag}] is defined on line {first} already");
                    findings.push(Finding::new(SPEC, line, what));
                } else {
                    defined.insert(tag.to_owned(), line);
                }
            }
        }
    }
    defined
}

/// The lines of `text` that demand something in a block without a tag.
fn untagged(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for block in blocks(text) {
        let whole: Vec<_> = block.iter().map(|(_, line)| *line).collect();
        let whole = whole.join(" ");
        let is_tagged = tags(&whole).next().is_some();
        if is_tagged || KEYWORD_SOURCES.iter().any(|source| whole.contains(source)) {
            continue;
        }
        let demands = |text: &str| words(text).any(|(_, word)| word == "MUST");
        let lines = block.iter().filter(|(_, text)| demands(text));
        findings.extend(lines.map(|(line, _)| Finding::new(SPEC, *line, "a MUST without a tag")));
    }
    findings
}

/// Parts markdown into paragraphs, list items, headings and table rows, without fenced code. Each
/// is its lines with their numbers.
fn blocks(text: &str) -> Vec<Vec<(usize, &str)>> {
    let mut blocks: Vec<Vec<(usize, &str)>> = Vec::new();
    let (mut in_fence, mut ended) = (false, true);
    for (at, line) in text.lines().enumerate() {
        let content = line.trim_start();
        if content.starts_with("```") || content.starts_with("~~~") {
            (in_fence, ended) = (!in_fence, true);
            continue;
        }
        if in_fence || content.is_empty() {
            ended = true;
            continue;
        }
        let stands_alone = content.starts_with('|') || content.starts_with('#');
        match blocks.last_mut() {
            Some(block) if !ended && !stands_alone && !starts_item(content) => {
                block.push((at + 1, line));
            }
            Some(_) | None => blocks.push(vec![(at + 1, line)]),
        }
        ended = stands_alone;
    }
    blocks
}

fn starts_item(content: &str) -> bool {
    let after_digits = content.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = after_digits.len() < content.len()
        && (after_digits.starts_with(". ") || after_digits.starts_with(") "));
    is_numbered || ["- ", "* ", "+ "].iter().any(|marker| content.starts_with(marker))
}

/// The tags in brackets in `text`: one to three capitals, a hyphen, a number.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('[').filter_map(|(open, _)| {
        let (inside, _) = text[open + 1..].split_once(']')?;
        let (letters, number) = inside.split_once('-')?;
        let is_tag = (1..=3).contains(&letters.len())
            && letters.bytes().all(|byte| byte.is_ascii_uppercase())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !FOREIGN.contains(&letters);
        is_tag.then_some(inside)
    })
}

/// A tag in a comment.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    line: usize,
    tag: String,
    in_test: bool,
}

fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn citations(file: &SourceFile, is_test: bool) -> Vec<Citation> {
    let tests = scan(&file.code, &file.text).tests;
    let mut found = Vec::new();
    let mut offset = 0;
    for (at, line) in file.comments.split('\n').enumerate() {
        let in_test = is_test || tests.iter().any(|test| test.contains(&offset));
        let tags = tags(line).map(str::to_owned);
        found.extend(tags.map(|tag| Citation { line: at + 1, tag, in_test }));
        offset += line.len() + 1;
    }
    found
}
