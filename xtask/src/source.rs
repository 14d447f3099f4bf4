//! Source files as the checks see them: code without comments, comments without code, and which
//! file declares which as a module.
//!
//! The lexer knows comments, strings and character literals and nothing more of Rust. That is enough
//! for every rule here, and none of them needs a parser among the dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders that hold no source of ours.
const SKIPPED_FOLDERS: &[&str] = &["target", ".git", "corpus", "corpus-local", "node_modules"];
/// Endings of the files that some rule reads.
const READ_ENDINGS: &[&str] = &[".rs", ".md", ".toml"];

/// One thing that a check holds against one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// One file, and for Rust its code and its comments apart; all three have the same line numbers and
/// offsets.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and the contents of literals blanked.
    pub(crate) code: String,
    /// The text with everything but comments blanked.
    pub(crate) comments: String,
}

impl SourceFile {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) =
            if path.ends_with(".rs") { mask(text) } else { (String::new(), String::new()) };
        Self { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The number, from 1, of the line that holds `offset`.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }

    pub(crate) fn finding(&self, offset: usize, what: impl Into<String>) -> Finding {
        Finding::new(&self.path, self.line_of(offset), what)
    }
}

/// The files of the workspace by path, with `/` between folders whatever the system writes.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: BTreeMap<String, SourceFile>,
}

impl Tree {
    /// Reads every file below `root` that some rule looks at.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files)?;
        Ok(Self { root: root.to_owned(), files })
    }

    /// The folders, each ending in `/` or empty for the root, that hold a `Cargo.toml`.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| {
            path.strip_suffix("Cargo.toml")
                .filter(|folder| folder.is_empty() || folder.ends_with('/'))
        })
    }

    /// The Rust files that some package's targets reach through `mod`, each with whether it is
    /// compiled for tests only.
    pub(crate) fn reachable(&self) -> BTreeMap<&str, bool> {
        let mut reached = BTreeMap::new();
        let mut queue = Vec::new();
        for package in self.packages() {
            let named = self.files.get(&format!("{package}Cargo.toml"));
            let named: BTreeSet<_> = named.map(|file| target_paths(&file.text)).unwrap_or_default();
            for file in self.files.values().filter(|file| file.is_rust()) {
                let Some(inside) = file.path.strip_prefix(package) else { continue };
                if is_conventional_target(inside) || named.contains(inside) {
                    queue.push((file, true, inside.starts_with("tests/")));
                }
            }
        }
        while let Some((file, is_root, is_test)) = queue.pop() {
            if reached.get(file.path.as_str()).is_some_and(|known: &bool| *known <= is_test) {
                continue;
            }
            reached.insert(file.path.as_str(), is_test);
            for module in scan(&file.code, &file.text).modules {
                for path in module.candidates(&file.path, is_root) {
                    if let Some(child) = self.files.get(&path) {
                        queue.push((child, false, is_test || module.is_test));
                    }
                }
            }
        }
        reached
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| (*path, SourceFile::new(path, text)));
        let files = files.map(|(path, file)| (path.to_owned(), file)).collect();
        Self { root: PathBuf::new(), files }
    }
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, SourceFile>,
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder);
    for entry in entries.with_context(|| format!("failed to list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("failed to list {}", folder.display()))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().with_context(|| format!("failed to look at {name}"))?;
        let path = format!("{prefix}{name}");
        if kind.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file() && READ_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            let text = std::fs::read_to_string(entry.path());
            let text = text.with_context(|| format!("failed to read {path}"))?;
            files.insert(path.clone(), SourceFile::new(&path, &text));
        }
    }
    Ok(())
}

/// The nearest folder at or above `from` whose `Cargo.toml` has a workspace in it.
pub(crate) fn workspace_root(from: &Path) -> anyhow::Result<PathBuf> {
    let is_root = |folder: &&Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
    };
    let root = from.ancestors().find(is_root);
    Ok(root.with_context(|| format!("{} is in no cargo workspace", from.display()))?.to_owned())
}

/// Whether cargo builds `path`, relative to its package, without being told to.
fn is_conventional_target(path: &str) -> bool {
    if matches!(path, "src/lib.rs" | "src/main.rs" | "build.rs") {
        return true;
    }
    ["src/bin/", "tests/", "examples/", "benches/"].iter().any(|folder| {
        let Some(rest) = path.strip_prefix(folder) else { return false };
        !rest.contains('/') || rest.split_once('/').is_some_and(|(_, file)| file == "main.rs")
    })
}

/// The `path = "….rs"` values of a manifest's targets.
fn target_paths(manifest: &str) -> BTreeSet<&str> {
    let values = manifest.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "path").then(|| value.trim().trim_matches('"'))
    });
    values.filter(|value| value.ends_with(".rs")).collect()
}

/// The identifiers, keywords and numbers of `code`, each with its offset.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        at = start + code[start..].find(|c| !is_word(c)).unwrap_or(code.len() - start);
        Some((start, &code[start..at]))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A `mod name;` found in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// The inline modules around it, outermost first.
    parents: Vec<String>,
    name: String,
    /// The value of its `#[path]`.
    path: Option<String>,
    is_test: bool,
}

impl Module {
    /// Where its file may be, if the declaration stands in `declared_in`.
    fn candidates(&self, declared_in: &str, is_root: bool) -> Vec<String> {
        let (folder, file) = declared_in.rsplit_once('/').unwrap_or(("", declared_in));
        let mut base: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        if let Some(path) = &self.path {
            base.extend(path.split('/'));
            return vec![base.join("/")];
        }
        if !is_root && file != "mod.rs" {
            base.push(file.trim_end_matches(".rs"));
        }
        base.extend(self.parents.iter().map(String::as_str));
        let base = [base.join("/"), self.name.clone()].join("/");
        let base = base.trim_start_matches('/');
        vec![format!("{base}.rs"), format!("{base}/mod.rs")]
    }
}

/// What [`scan`] finds in one file.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) modules: Vec<Module>,
    /// The items that only tests compile, from their attribute to their end.
    pub(crate) tests: Vec<Range<usize>>,
}

/// Finds the modules that a file declares and the items that only tests compile.
pub(crate) fn scan(code: &str, text: &str) -> Scan {
    let bytes = code.as_bytes();
    let mut found = Scan::default();
    // One entry per open brace: the inline module it opens, and where its test item began.
    let mut open: Vec<(Option<String>, Option<usize>)> = Vec::new();
    let (mut test_from, mut path, mut brackets, mut at) = (None, None, 0_usize, 0);
    let mut last_words = ("", "");
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' if matches!(bytes.get(at + 1), Some(b'[')) => {
                let end = matching(bytes, at + 1);
                let attribute: String = code[at..end].split_whitespace().collect();
                if ["#[test]", "#[cfg(test)]"].contains(&attribute.as_str())
                    || attribute.starts_with("#[cfg(all(test,")
                {
                    test_from = test_from.or(Some(at));
                } else if attribute.starts_with("#[path=") {
                    path = text[at..end].split('"').nth(1).map(str::to_owned);
                }
                at = end;
                continue;
            }
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => {
                let module = (last_words.0 == "mod").then(|| last_words.1.to_owned());
                open.push((module, test_from.take()));
                (path, last_words) = (None, ("", ""));
            }
            b'}' => {
                if let Some((_, Some(start))) = open.pop() {
                    found.tests.push(start..at + 1);
                }
            }
            b';' if brackets == 0 => {
                if last_words.0 == "mod" {
                    let is_test = test_from.is_some()
                        || open.iter().any(|(_, test_from)| test_from.is_some());
                    found.modules.push(Module {
                        parents: open.iter().filter_map(|(module, _)| module.clone()).collect(),
                        name: last_words.1.to_owned(),
                        path: path.take(),
                        is_test,
                    });
                }
                found.tests.extend(test_from.take().map(|start| start..at + 1));
                last_words = ("", "");
            }
            byte if byte.is_ascii_alphanumeric() || *byte == b'_' => {
                let end = words(&code[at..]).next().map_or(at + 1, |(_, word)| at + word.len());
                last_words = (last_words.1, &code[at..end]);
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The offset just past the bracket that closes the one at `open`.
pub(crate) fn matching(code: &[u8], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.iter().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

enum Piece {
    Code,
    Comment,
    Literal,
}

/// Parts `text` into its code and its comments, each with blanks where the other or a literal was.
fn mask(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
    let mut code: Vec<u8> = bytes.iter().map(blank).collect();
    let mut comments = code.clone();
    let mut at = 0;
    while at < bytes.len() {
        let follows_word =
            at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let (length, piece) = first_piece(&text[at..], follows_word);
        let here = at..at + length;
        match piece {
            Piece::Code => code[here.clone()].copy_from_slice(&bytes[here.clone()]),
            Piece::Comment => comments[here.clone()].copy_from_slice(&bytes[here.clone()]),
            Piece::Literal => {}
        }
        at = here.end;
    }
    let whole = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (whole(code), whole(comments))
}

/// The length and kind of what `rest` begins with; `follows_word` if an identifier touches it.
fn first_piece(rest: &str, follows_word: bool) -> (usize, Piece) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Piece::Comment);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Piece::Comment);
    }
    if rest.starts_with('"') {
        return (quoted(rest), Piece::Literal);
    }
    if !follows_word && let Some(length) = raw_string(rest) {
        return (length, Piece::Literal);
    }
    if let Some(length) = character(rest) {
        return (length, Piece::Literal);
    }
    (rest.chars().next().map_or(1, char::len_utf8), Piece::Code)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest.as_bytes()[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.as_bytes()[at..].starts_with(b"*/") {
            (depth, at) = (depth.saturating_sub(1), at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let after_r = ["r", "br", "cr"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let body = after_r.trim_start_matches('#');
    let hashes = &after_r[..after_r.len() - body.len()];
    let body = body.strip_prefix('"')?;
    let start = rest.len() - body.len();
    let close = format!("\"{hashes}");
    Some(body.find(&close).map_or(rest.len(), |end| start + end + close.len()))
}

/// The length of a character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    if body.starts_with('\\') {
        // Past the escaped character, which may itself be a quote.
        return body.get(2..)?.find('\'').map(|end| end + 4);
    }
    let length = body.chars().next()?.len_utf8();
    body.get(length..)?.starts_with('\'').then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_mask(text: &str, code: &str, comments: &str) {
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (found_code, found_comments) = mask(text);
        assert_eq!(found_code.len(), text.len());
        assert_eq!(squeeze(&found_code), code);
        assert_eq!(squeeze(&found_comments), comments);
    }

    #[test]
    fn code_and_comments_are_told_apart() {
        check_mask("a // b\nc /* d /* e */ f */ g", "a c g", "// b /* d /* e */ f */");
    }

    #[test]
    fn what_looks_like_a_comment_in_a_literal_is_none() {
        check_mask(r#"a("// \" b", '"', '\'', '\u{27}') // c"#, "a( , , , )", "// c");
        check_mask("br##\"// \"# \"##; r#type", "; r#type", "");
    }

    #[test]
    fn a_lifetime_opens_no_literal() {
        check_mask("fn f<'a>(x: &'a str) -> 'a' // b", "fn f<'a>(x: &'a str) ->", "// b");
    }

    #[test]
    fn a_test_item_reaches_from_its_attribute_to_its_end() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { [0; 2] } }\nfn c() {}";
        let found = scan(text, text).tests;
        assert_eq!(
            found.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(),
            ["#[cfg(test)]\nmod tests { fn b() { [0; 2] } }"]
        );
    }

    #[test]
    fn modules_are_found_where_rust_looks_for_them() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            (
                "src/lib.rs",
                "mod a; #[cfg(test)] mod t; mod i { mod j; } #[path = \"q/x.rs\"] mod k;",
            ),
            ("src/a.rs", "mod b;"),
            ("src/a/b.rs", ""),
            ("src/i/j/mod.rs", "mod m;"),
            ("src/i/j/m.rs", ""),
            ("src/q/x.rs", ""),
            ("src/t.rs", "mod u;"),
            ("src/t/u.rs", ""),
            ("src/dead.rs", ""),
            ("tests/it/main.rs", "mod v;"),
            ("tests/it/v.rs", ""),
        ]);
        let reached = tree.reachable();
        let tests: Vec<_> =
            reached.iter().filter(|(_, test)| **test).map(|(path, _)| *path).collect();
        assert_eq!(tests, ["src/t.rs", "src/t/u.rs", "tests/it/main.rs", "tests/it/v.rs"]);
        assert_eq!(reached.len(), tree.files.len() - 2);
        assert!(!reached.contains_key("src/dead.rs"));
    }
}
