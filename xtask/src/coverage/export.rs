//! Regions out of what `llvm-cov export` says.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::Part;

/// Where a region is: file, first line and column, last line and column.
type Place = (String, u64, u64, u64, u64);

/// Regions, and whether they were run.
#[derive(Debug, Default)]
pub(super) struct Regions(BTreeMap<Place, bool>);

/// A region of code, and not of a macro's expansion, a gap or a branch.
const CODE: u64 = 0;

impl Regions {
    /// # Errors
    /// If `export` is not of the form that `llvm-cov` is known for.
    pub(super) fn read(export: &Value, root: &Path) -> anyhow::Result<Self> {
        let functions = export
            .pointer("/data/0/functions")
            .and_then(Value::as_array)
            .context("llvm-cov exported no functions")?;
        let root = format!("{}/", root.display());
        let mut regions = Self::default();
        for function in functions {
            let files = function.get("filenames").and_then(Value::as_array);
            let files: Vec<&str> = files.into_iter().flatten().filter_map(Value::as_str).collect();
            let found = function.get("regions").and_then(Value::as_array);
            for region in found.into_iter().flatten() {
                regions.add(region, &files, &root);
            }
        }
        Ok(regions)
    }

    fn add(&mut self, region: &Value, files: &[&str], root: &str) {
        let numbers: Option<Vec<u64>> =
            region.as_array().map(|parts| parts.iter().filter_map(Value::as_u64).collect());
        let Some([line, column, end, end_column, runs, file, _, CODE]) = numbers.as_deref() else {
            return;
        };
        let file = usize::try_from(*file).ok().and_then(|file| files.get(file));
        let Some(file) = file.and_then(|file| file.strip_prefix(root)) else { return };
        let place = (file.to_owned(), *line, *column, *end, *end_column);
        *self.0.entry(place).or_default() |= *runs > 0;
    }

    fn shipped<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = (&'a Place, bool)> {
        let is_one = |file: &str| {
            let is_test = file.contains("/tests/") || file.ends_with("/tests.rs");
            let is_left_out = part.without.contains(&file);
            !is_test && !is_left_out && part.files.iter().any(|begin| file.starts_with(begin))
        };
        self.0.iter().filter(move |(place, _)| is_one(&place.0)).map(|(place, run)| (place, *run))
    }

    /// How many regions of `part` were run, and how many there are.
    pub(super) fn of(&self, part: &Part) -> (u64, u64) {
        let sum = |(run, all), is_run| (run + u64::from(is_run), all + 1);
        self.shipped(part).map(|(_, is_run)| is_run).fold((0, 0), sum)
    }

    /// The functions of which a region was never run: file, first such line, name, how many.
    pub(super) fn missed(&self, part: &Part, root: &Path) -> Vec<(String, usize, String, usize)> {
        let mut missed: Vec<(String, usize, String, usize)> = Vec::new();
        let mut text: (String, String) = Default::default();
        for (place, _) in self.shipped(part).filter(|(_, is_run)| !is_run) {
            if text.0 != place.0 {
                let source = std::fs::read_to_string(root.join(&place.0)).unwrap_or_default();
                text = (place.0.clone(), source);
            }
            let line = usize::try_from(place.1).unwrap_or(0);
            let name = function_at(&text.1, line);
            match missed.last_mut() {
                Some(last) if last.0 == place.0 && last.2 == name => last.3 += 1,
                _ => missed.push((place.0.clone(), line, name, 1)),
            }
        }
        missed
    }
}

/// The name of the function around `line`, by the nearest `fn` above it.
fn function_at(text: &str, line: usize) -> String {
    let above: Vec<&str> = text.lines().take(line).collect();
    let name = above.iter().rev().find_map(|line| {
        let (before, after) = line.split_once("fn ")?;
        let is_word = before.is_empty() || before.ends_with([' ', '(']);
        let name: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        (is_word && !name.is_empty()).then_some(name)
    });
    name.unwrap_or_else(|| "what is derived".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_region_is_run_if_any_copy_of_its_function_is_and_tests_do_not_count() {
        let file = "/r/crates/onehop-wire/src/codec.rs";
        let tests = "/r/crates/onehop-wire/src/tests.rs";
        let function =
            |file: &str, regions: Value| json!({"filenames": [file], "regions": regions});
        let export = json!({"data": [{"functions": [
            function(file, json!([[1, 1, 2, 2, 0, 0, 0, 0], [3, 1, 4, 2, 0, 0, 0, 0]])),
            function(file, json!([[1, 1, 2, 2, 7, 0, 0, 0], [9, 1, 9, 2, 0, 0, 0, 3]])),
            function(tests, json!([[1, 1, 2, 2, 0, 0, 0, 0]])),
        ]}]});
        let regions = Regions::read(&export, Path::new("/r")).unwrap();
        let files = &["crates/onehop-wire/src/"][..];
        let part = Part { name: "codec", files, without: &[], least: 100.0 };
        assert_eq!(regions.of(&part), (1, 2));
        let missed = regions.missed(&part, Path::new("/r"));
        assert_eq!(missed.len(), 1);
        assert_eq!((missed[0].1, missed[0].3), (3, 1));
        let part = Part { without: &["crates/onehop-wire/src/codec.rs"], ..part };
        assert_eq!(regions.of(&part), (0, 0));
    }

    #[test]
    fn a_region_is_named_by_the_function_above_it() {
        let text = "pub(crate) fn first() {\n    a();\n}\n\nconst fn second() {\n    b();\n";
        assert_eq!(function_at(text, 2), "first");
        assert_eq!(function_at(text, 6), "second");
        assert_eq!(function_at("#[derive(Debug)]\n", 1), "what is derived");
    }
}
