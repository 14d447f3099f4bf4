//! The committed corpora, what long runs kept, and inputs that were found, through each target.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that panics fails, and says where"
)]

use std::path::{Path, PathBuf};

use onehop_fuzz::TARGETS;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The inputs of a target in `folder`, in the order of their names.
fn inputs(folder: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(fuzz().join(folder).join(target)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn replay(target: &str) {
    let (_, body) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = inputs("corpus", target);
    assert!(!corpus.is_empty(), "{target} has no corpus; cargo xtask corpus writes it");
    let found = ["kept", "regressions"].into_iter().flat_map(|folder| inputs(folder, target));
    for (path, input) in corpus.into_iter().chain(found) {
        println!("{}", path.display());
        body(&input);
    }
}

#[test]
fn the_decoders_keep_their_promise_on_every_input_of_the_corpus() {
    // [W-4]
    replay("decode");
}

#[test]
fn channels_keep_their_promise_on_every_input_of_the_corpus() {
    // [L-1] [L-2] [L-3]
    replay("framing");
}

#[test]
fn handshakes_keep_their_promise_on_every_input_of_the_corpus() {
    // [H-12]
    replay("handshake");
}

#[test]
fn wallets_keep_their_promise_on_every_input_of_the_corpus() {
    // [P-20] [P-25]
    replay("wallet");
}

#[test]
fn recovery_keeps_its_promise_on_every_input_of_the_corpus() {
    // [S-4] [S-5]
    replay("recovery");
}

#[test]
fn the_office_keeps_its_promise_on_every_input_of_the_corpus() {
    // [O-8] [O-18]
    replay("office");
}

#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let mut programs: Vec<String> = std::fs::read_dir(fuzz().join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    programs.sort();
    let mut names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(programs, names);
}
