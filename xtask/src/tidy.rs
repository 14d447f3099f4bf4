//! `xtask tidy`: how files are written, as far as a program can tell.
//!
//! Each rule is a function from the tree, or from one file, to findings. The unit tests feed every
//! rule a snippet that it must refuse and one that it must let pass.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::source::{Finding, SourceFile, Tree, matching, words};

/// Longest Rust file, in lines: one screen more than a reader will hold in mind.
const RUST_LINES_MAX: usize = 600;
/// Longest form of the documents that are only useful while they are short.
const DOCUMENT_LINES_MAX: &[(&str, usize)] = &[("README.md", 150), ("ARCHITECTURE.md", 250)];

/// Macros and attributes of unfinished work.
const LEFTOVER_MACROS: &[&str] = &["todo", "unimplemented"];
/// Marks of unfinished work, in comments too.
const LEFTOVER_MARKS: &[&str] = &["FIXME", "XXX"];

/// The crate that may know sled, and its functions that may call sled's `flush`.
const SLED_CRATE: &str = "crates/onehop-store/src/";
const FLUSH_ALLOWED_IN: &[&str] = &["force"];

/// The crates whose identifiers keep to the glossary.
const GLOSSARY_CRATES: &[&str] = &["crates/onehop-wire/src/", "crates/onehop-proto/src/"];
/// Words of the glossary's last column that mean nothing else in those crates, and what to say.
const GLOSSARY: &[(&str, &str)] = &[
    ("alice", "buyer or seller"),
    ("bob", "buyer or seller"),
    ("burn", "redeem"),
    ("datagram", "frame or packet"),
    ("escrow", "hold"),
    ("initiator", "buyer or seller"),
    ("invoice", "terms"),
    ("leader", "seller"),
    ("limbo", "in_doubt"),
    ("master", "seller"),
    ("mint", "office"),
    ("slave", "buyer"),
    ("trade", "payment"),
    ("trades", "payments"),
    ("transaction", "payment"),
    ("transactions", "payments"),
];

/// First folders of absolute paths that exist on one machine only.
const MACHINE_ROOTS: &[&str] = &["Users", "builds", "home", "root", "work", "workspace"];

/// Everything that `tree` breaks, in the order of its paths and lines.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = dead_files(tree);
    for file in tree.files.values() {
        findings.extend(blanks(file));
        if file.is_rust() {
            findings.extend(rust_length(file));
            findings.extend(module_doc(file));
            findings.extend(leftovers(file));
            findings.extend(sled_flush(file));
            findings.extend(glossary(file));
        } else if file.path.ends_with(".md") {
            findings.extend(document_length(file));
            findings.extend(machine_paths(file));
        }
    }
    findings.sort();
    findings
}

fn rust_length(file: &SourceFile) -> Option<Finding> {
    too_long(file, RUST_LINES_MAX)
}

fn document_length(file: &SourceFile) -> Option<Finding> {
    let (_, max) = DOCUMENT_LINES_MAX.iter().find(|(path, _)| *path == file.path)?;
    too_long(file, *max)
}

fn too_long(file: &SourceFile, max: usize) -> Option<Finding> {
    let lines = file.text.lines().count();
    let what = || format!("the file has {lines} lines; {max} is the most");
    (lines > max).then(|| Finding::new(&file.path, max + 1, what()))
}

fn blanks(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in file.text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            findings.push(Finding::new(&file.path, at + 1, "blanks at the end of the line"));
        }
        if file.is_rust() && line.contains('\t') {
            findings.push(Finding::new(&file.path, at + 1, "a tab; indent with spaces"));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        let line = file.text.lines().count();
        findings.push(Finding::new(&file.path, line, "no newline at the end of the file"));
    }
    findings
}

fn module_doc(file: &SourceFile) -> Option<Finding> {
    let is_library_code = ["src/", "xtask/src/"].iter().any(|start| file.path.starts_with(start))
        || (file.path.starts_with("crates/") && file.path.contains("/src/"));
    let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let what = "no module documentation (`//!`) at the head of the file";
    (is_library_code && !first.starts_with("//!")).then(|| Finding::new(&file.path, 1, what))
}

fn leftovers(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, word) in words(&file.code) {
        let after = &file.code[at + word.len()..];
        if LEFTOVER_MACROS.contains(&word) && after.starts_with('!') {
            findings.push(file.finding(at, format!("unfinished: `{word}!`")));
        }
        if word == "ignore" && file.code[..at].trim_end().ends_with("#[") {
            findings.push(file.finding(at, "a test that is never run: `#[ignore]`"));
        }
    }
    for (at, word) in words(&file.code).chain(words(&file.comments)) {
        if LEFTOVER_MARKS.contains(&word) {
            findings.push(file.finding(at, format!("unfinished: {word}")));
        }
    }
    findings
}

/// sled's `flush` is not a durability barrier, so that one function calls it, together with an fsync.
fn sled_flush(file: &SourceFile) -> Vec<Finding> {
    let names_sled = words(&file.code).any(|(_, word)| word == "sled");
    if !names_sled && !file.path.starts_with(SLED_CRATE) {
        return Vec::new();
    }
    let allowed = bodies(&file.code, FLUSH_ALLOWED_IN);
    let calls = words(&file.code).filter(|(at, word)| {
        let is_call = file.code[..*at].trim_end().ends_with(['.', ':'])
            && file.code[at + word.len()..].trim_start().starts_with('(');
        ["flush", "flush_async"].contains(word) && is_call
    });
    let outside = calls.filter(|(at, _)| !allowed.iter().any(|body| body.contains(at)));
    outside
        .map(|(at, word)| {
            file.finding(at, format!("`{word}` outside `force` makes nothing durable"))
        })
        .collect()
}

/// The bodies of the functions called one of `names`.
fn bodies(code: &str, names: &[&str]) -> Vec<Range<usize>> {
    let all: Vec<_> = words(code).collect();
    let pairs = all.iter().zip(all.iter().skip(1));
    let functions = pairs.filter(|((_, first), (_, name))| *first == "fn" && names.contains(name));
    let body = |at: usize| {
        let open = at + code[at..].find('{')?;
        Some(open..matching(code.as_bytes(), open))
    };
    functions.filter_map(|(_, (at, _))| body(*at)).collect()
}

fn glossary(file: &SourceFile) -> Vec<Finding> {
    if !GLOSSARY_CRATES.iter().any(|start| file.path.starts_with(start)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, identifier) in words(&file.code) {
        let parts = parts(identifier);
        for (word, instead) in GLOSSARY.iter().filter(|(word, _)| parts.iter().any(|p| p == word)) {
            let what = format!("`{identifier}` says \"{word}\"; the glossary says {instead}");
            findings.push(file.finding(at, what));
        }
    }
    findings
}

/// The lower-case words of a snake_case, CamelCase or SCREAMING_CASE identifier.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            parts.push(String::new());
        }
        after_lower = c.is_lowercase() || c.is_numeric();
        if let Some(part) = parts.last_mut().filter(|_| c != '_') {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

fn machine_paths(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in file.text.match_indices('/') {
        let before = file.text[..at].chars().next_back();
        let starts_path = before.is_none_or(|c| c.is_whitespace() || "\"'`(=:<[".contains(c));
        let Some((0, first)) = words(&file.text[at + 1..]).next() else { continue };
        if starts_path && MACHINE_ROOTS.contains(&first) {
            findings.push(file.finding(at, format!("a path of one machine: /{first}")));
        }
    }
    findings
}

fn dead_files(tree: &Tree) -> Vec<Finding> {
    let reached = tree.reachable();
    let packages: Vec<_> = tree.packages().collect();
    let rust = tree.files.values().filter(|file| file.is_rust());
    let owned = rust.filter(|file| {
        let inside = |package: &&str| file.path.strip_prefix(*package).unwrap_or_default();
        let is_source = |path: &str| {
            ["src/", "tests/", "examples/", "benches/"].iter().any(|f| path.starts_with(f))
        };
        packages.iter().any(|package| is_source(inside(package)))
    });
    let dead = owned.filter(|file| !reached.contains_key(file.path.as_str()));
    dead.map(|file| Finding::new(&file.path, 1, "no `mod` reaches this file")).collect()
}
