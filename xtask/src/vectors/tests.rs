//! The committed vectors are the ones that this code makes.

use std::collections::BTreeSet;

use super::*;
use crate::source::workspace_root;

fn root() -> std::path::PathBuf {
    workspace_root(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_vectors_are_regenerated_byte_for_byte() {
    let findings = check(&root()).unwrap();
    let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new(), "cargo xtask vectors writes them anew");
}

#[test]
fn a_changed_byte_is_named_by_file_and_line() {
    let folder = std::env::temp_dir().join(format!("xtask-vectors-{}", std::process::id()));
    write(&folder).unwrap();
    let path = folder.join("vectors/hpke.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("4f6465", "4f6466", 1)).unwrap();
    std::fs::remove_file(folder.join("vectors/money.json")).unwrap();
    let findings = check(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let findings: Vec<_> = findings.iter().map(ToString::to_string).collect();
    let expected = [
        "vectors/hpke.json:6: has `\"info\": \"4f6466206f6e2061204772656369616e2055726e\",`; \
         the code makes `\"info\": \"4f6465206f6e2061204772656369616e2055726e\",`",
        "vectors/money.json:1: is missing; cargo xtask vectors writes it",
    ];
    assert_eq!(findings, expected);
}

#[test]
fn cases_have_names_of_their_own() {
    for file in generate().unwrap() {
        let value: serde_json::Value = serde_json::from_str(&file.text).unwrap();
        let cases = value["cases"].as_array().unwrap();
        let names: BTreeSet<_> = cases.iter().map(|case| case["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), cases.len(), "{} has a name twice", file.name);
    }
}
