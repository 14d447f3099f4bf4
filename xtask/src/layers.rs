//! `xtask layers`: which crate may know which, and what the pure crates may not know at all.
//!
//! The arrow between the crates points one way. A need for a new arrow is a design question, so the
//! answer is a change of [`LAYERS`], with its reason in the commit.

#[cfg(test)]
mod tests;

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::source::{Finding, SourceFile, Tree, scan, words};

/// One crate of the workspace and the crates of the workspace that it may depend on.
struct Layer {
    package: &'static str,
    may_use: &'static [&'static str],
    /// What its tests may use besides.
    tests_may_use: &'static [&'static str],
}

const fn layer(package: &'static str, may_use: &'static [&'static str]) -> Layer {
    Layer { package, may_use, tests_may_use: &[] }
}

/// Leaf first: a crate may use only what stands above it.
const LAYERS: &[Layer] = &[
    layer("onehop-wire", &[]),
    layer("onehop-crypto", &["onehop-wire"]),
    layer("onehop-evidence", &["onehop-wire", "onehop-crypto"]),
    layer("onehop-proto", &["onehop-wire", "onehop-crypto", "onehop-evidence"]),
    // Neither knows what a payment is.
    layer("onehop-store", &[]),
    layer("onehop-link", &[]),
    // It makes and unlocks the key under which the store seals its rows.
    layer("onehop-vault", &["onehop-store"]),
    // It judges signed evidence, never the state of a device.
    layer("money-office", &["onehop-wire", "onehop-crypto", "onehop-evidence", "onehop-store"]),
    layer(
        "onehop-node",
        &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
        ],
    ),
    layer(
        "onehop-sim",
        &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
            "money-office",
        ],
    ),
    // It forks wallets and looks inside them, by the feature `model` of onehop-proto.
    layer(
        "onehop-model",
        &["onehop-wire", "onehop-crypto", "onehop-evidence", "onehop-proto", "money-office"],
    ),
    Layer {
        package: "onehop-cli",
        // Of money-office, only what a client of the office says and hears.
        may_use: &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
            "money-office",
            "onehop-vault",
            "onehop-node",
        ],
        tests_may_use: &["onehop-sim"],
    },
    Layer {
        package: "onehop",
        may_use: &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
            "onehop-vault",
            "onehop-node",
        ],
        tests_may_use: &["onehop-sim"],
    },
    // What fuzzers do with bytes; the world is its own.
    layer(
        "onehop-fuzz",
        &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
            "money-office",
        ],
    ),
    layer(
        "xtask",
        &[
            "onehop-wire",
            "onehop-crypto",
            "onehop-evidence",
            "onehop-proto",
            "onehop-store",
            "onehop-link",
            "money-office",
            "onehop-node",
            "onehop-sim",
            "onehop-fuzz",
            "onehop-model",
        ],
    ),
];

/// The crates to which time, randomness and bytes are arguments.
const PURE: &[&str] = &["onehop-wire", "onehop-crypto", "onehop-evidence", "onehop-proto"];
/// What would bring a pure crate a clock, randomness, threads or IO.
const PURE_DENIED_PACKAGES: &[&str] = &[
    "async-std",
    "axum",
    "clap",
    "crossbeam",
    "directories",
    "fastrand",
    "getrandom",
    "mio",
    "rand",
    "rayon",
    "smol",
    "socket2",
    "tokio",
    "ureq",
];
/// Features by which an allowed package would draw its own randomness.
const PURE_DENIED_FEATURES: &[&str] = &["getrandom", "os_rng", "std_rng", "sys_rng", "thread_rng"];
/// Modules of `std` that do IO, spawn or look around.
const PURE_DENIED_STD: &[&str] = &["env", "fs", "net", "os", "process", "thread"];

/// The only crate that names sled, and the start of its files that do.
const SLED_CRATE: &str = "onehop-store";
const SLED_FILES: &str = "crates/onehop-store/src/sled";

/// The feature that lets shipped decisions be broken on purpose, and the crates that have it. None
/// of them is a program but the checks; what ships switches it on nowhere.
const MUTANTS: &str = "mutants";
const MUTANTS_IN: &[&str] = &[
    "onehop-wire",
    "onehop-crypto",
    "onehop-evidence",
    "onehop-proto",
    "money-office",
    "onehop-sim",
    "onehop-model",
    "xtask",
];
/// Where a mutant may be brought to life: the checks, and the module itself.
const ARMED_IN: &[&str] =
    &["crates/onehop-wire/src/mutant.rs", "crates/onehop-sim/", "crates/onehop-model/", "xtask/"];
/// Features that break a promise on purpose, so that a check can be seen to notice.
const TEST_FEATURES: &[&str] = &["control-no-fsync"];

/// A dependency as its `Cargo.toml` names it.
#[derive(Debug)]
struct Dependency {
    name: String,
    is_dev: bool,
    features: Vec<String>,
}

/// A package of the workspace with its direct dependencies.
#[derive(Debug)]
struct Package {
    name: String,
    manifest: String,
    dependencies: Vec<Dependency>,
    /// Its features and what each switches on.
    features: Vec<(String, Vec<String>)>,
}

/// Everything that the workspace breaks.
///
/// # Errors
///
/// If cargo cannot describe the workspace; then nothing is known about it.
pub(crate) fn check(tree: &Tree) -> anyhow::Result<Vec<Finding>> {
    let packages = packages(tree, &metadata(tree)?)?;
    let mut findings = Vec::new();
    for package in &packages {
        findings.extend(arrows(package));
        findings.extend(purity(package));
        findings.extend(sled_dependency(package));
        findings.extend(mutants(package));
        findings.extend(test_features(package));
    }
    findings.extend(stale_rows(&packages));
    findings.extend(lints(tree));
    for file in tree.files.values().filter(|file| file.is_rust()) {
        findings.extend(sled_use(file));
        findings.extend(std_use(file));
        findings.extend(arming(file));
    }
    findings.sort();
    Ok(findings)
}

fn metadata(tree: &Tree) -> anyhow::Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(&tree.root)
        .output()
        .context("failed to start cargo metadata")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo metadata failed: {}", complaint.trim());
    serde_json::from_slice(&output.stdout).context("failed to parse the output of cargo metadata")
}

fn packages(tree: &Tree, metadata: &Value) -> anyhow::Result<Vec<Package>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let root = format!("{}/", tree.root.display());
    packages.iter().map(|package| parse_package(package, &root)).collect()
}

fn parse_package(package: &Value, root: &str) -> anyhow::Result<Package> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let name = text(&package["name"]).context("cargo metadata names a package without a name")?;
    let manifest = text(&package["manifest_path"]).unwrap_or_default();
    let manifest = manifest.strip_prefix(root).unwrap_or(&manifest).to_owned();
    let listed = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut dependencies = Vec::new();
    for listed in listed {
        let features = listed["features"].as_array().map(Vec::as_slice).unwrap_or_default();
        dependencies.push(Dependency {
            name: text(&listed["name"]).with_context(|| format!("{name} uses a nameless crate"))?,
            is_dev: listed["kind"].as_str() == Some("dev"),
            features: features.iter().filter_map(text).collect(),
        });
    }
    let switches = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(text).collect()
    };
    let features = package["features"].as_object().into_iter().flatten();
    let features = features.map(|(name, list)| (name.clone(), switches(list))).collect();
    Ok(Package { name, manifest, dependencies, features })
}

fn is_ours(name: &str) -> bool {
    LAYERS.iter().any(|layer| layer.package == name) || name.starts_with("onehop")
}

fn arrows(package: &Package) -> Vec<Finding> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == package.name) else {
        let what = format!("{} has no row in the table of layers", package.name);
        return vec![Finding::new(&package.manifest, 1, what)];
    };
    let ours = package.dependencies.iter().filter(|dependency| is_ours(&dependency.name));
    let forbidden = ours.filter(|dependency| {
        let name = dependency.name.as_str();
        let in_tests = dependency.is_dev && layer.tests_may_use.contains(&name);
        !layer.may_use.contains(&name) && !in_tests
    });
    forbidden
        .map(|dependency| {
            let tests = if dependency.is_dev { "the tests of " } else { "" };
            let what = format!("{tests}{} may not use {}", package.name, dependency.name);
            Finding::new(&package.manifest, 1, what)
        })
        .collect()
}

fn purity(package: &Package) -> Vec<Finding> {
    if !PURE.contains(&package.name.as_str()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for Dependency { name, features, .. } in &package.dependencies {
        let mut refuse = |what: String| {
            let what = format!("{} is pure and may not use {what}", package.name);
            findings.push(Finding::new(&package.manifest, 1, what));
        };
        if PURE_DENIED_PACKAGES.contains(&name.as_str()) {
            refuse(name.clone());
        }
        let denied = |feature: &&String| PURE_DENIED_FEATURES.contains(&feature.as_str());
        features.iter().filter(denied).for_each(|feature| refuse(format!("{name}/{feature}")));
    }
    findings
}

fn sled_dependency(package: &Package) -> Option<Finding> {
    let names_sled = package.dependencies.iter().any(|dependency| dependency.name == "sled");
    let what = || format!("{} may not use sled; only {SLED_CRATE} does", package.name);
    (names_sled && package.name != SLED_CRATE).then(|| Finding::new(&package.manifest, 1, what()))
}

/// Whoever has the feature `mutants` has it from the command line of a check, and from nowhere else.
fn mutants(package: &Package) -> Vec<Finding> {
    let mut whats = Vec::new();
    for (feature, switches) in &package.features {
        let is_mutants = |on: &&String| on.rsplit('/').next() == Some(MUTANTS);
        if feature == MUTANTS && !MUTANTS_IN.contains(&package.name.as_str()) {
            whats.push(format!("{} may not have the feature {MUTANTS}", package.name));
        }
        if feature != MUTANTS && switches.iter().any(|on| is_mutants(&on)) {
            whats.push(format!("feature {feature} of {} switches {MUTANTS} on", package.name));
        }
    }
    for Dependency { name, features, .. } in &package.dependencies {
        if features.iter().any(|feature| feature == MUTANTS) {
            whats.push(format!("{} switches {MUTANTS} on in {name}", package.name));
        }
    }
    whats.into_iter().map(|what| Finding::new(&package.manifest, 1, what)).collect()
}

/// Only checks bring a mutant to life.
fn arming(file: &SourceFile) -> Option<Finding> {
    if ARMED_IN.iter().any(|allowed| file.path.starts_with(allowed)) {
        return None;
    }
    let mut named = words(&file.code).map(|(_, word)| word);
    named.find(|word| *word == "mutant")?;
    let (at, _) = words(&file.code).find(|(_, word)| *word == "armed")?;
    Some(file.finding(at, "brings a mutant to life; only checks may".to_owned()))
}

/// A test feature is turned on by hand, or by the feature of the same name of a crate above.
fn test_features(package: &Package) -> Vec<Finding> {
    let is_for_tests =
        |named: &str| TEST_FEATURES.contains(&named.rsplit('/').next().unwrap_or(named));
    let own = package.features.iter().flat_map(|(feature, turns_on)| {
        let others = turns_on.iter().filter(move |on| on.rsplit('/').next() != Some(feature));
        others.map(move |on| (format!("its feature {feature}"), on))
    });
    let asked = package.dependencies.iter().flat_map(|dependency| {
        let by = format!("its dependency on {}", dependency.name);
        dependency.features.iter().map(move |on| (by.clone(), on))
    });
    own.chain(asked)
        .filter(|(_, on)| is_for_tests(on))
        .map(|(by, on)| {
            let what = format!("{}: {by} turns on {on}, which is for a test by hand", package.name);
            Finding::new(&package.manifest, 1, what)
        })
        .collect()
}

fn stale_rows(packages: &[Package]) -> Vec<Finding> {
    let is_there = |layer: &&Layer| packages.iter().any(|package| package.name == layer.package);
    let stale = LAYERS.iter().filter(|layer| !is_there(layer));
    let what = |layer: &Layer| format!("{} has a row and is no package", layer.package);
    stale.map(|layer| Finding::new("xtask/src/layers.rs", 1, what(layer))).collect()
}

/// Every member takes the workspace's lints, and those forbid unsafe code.
fn lints(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.values().filter(|file| is_member_manifest(&file.path)) {
        let text = file.text.as_str();
        if !sets(text, "lints", "workspace", "true") && !sets(text, "", "lints.workspace", "true") {
            findings.push(Finding::new(&file.path, 1, "does not take the workspace's lints"));
        }
        let is_root = file.path == "Cargo.toml";
        if is_root && !sets(text, "workspace.lints.rust", "unsafe_code", "\"forbid\"") {
            findings.push(Finding::new(&file.path, 1, "the lints do not forbid unsafe code"));
        }
    }
    findings
}

fn is_member_manifest(path: &str) -> bool {
    let folders: Vec<_> = path.split('/').collect();
    matches!(
        folders.as_slice(),
        ["Cargo.toml"] | ["xtask", "Cargo.toml"] | ["crates", _, "Cargo.toml"]
    )
}

/// Whether the manifest has the line `key = value` in `section`.
fn sets(manifest: &str, section: &str, key: &str, value: &str) -> bool {
    let mut here = "";
    manifest.lines().map(str::trim).any(|line| {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            here = name;
        }
        let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        here == section && pair == Some((key, value))
    })
}

fn sled_use(file: &SourceFile) -> Option<Finding> {
    if file.path.starts_with(SLED_FILES) {
        return None;
    }
    let (at, _) = words(&file.code).find(|(at, word)| {
        let before = file.code[..*at].trim_end();
        let follows_use = before.ends_with("use") || before.ends_with("crate");
        *word == "sled"
            && (follows_use || file.code[at + word.len()..].starts_with("::"))
            && !before.ends_with("::")
    })?;
    Some(file.finding(at, format!("names sled; only {SLED_FILES}* may")))
}

/// Finds what a pure crate's code, tests apart, names of `std`, and whether it is async.
fn std_use(file: &SourceFile) -> Vec<Finding> {
    let package = file.path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"));
    let Some((package, inside)) = package.filter(|(package, _)| PURE.contains(package)) else {
        return Vec::new();
    };
    if inside.ends_with("tests.rs") || inside.contains("tests/") {
        return Vec::new();
    }
    let tests = scan(&file.code, &file.text).tests;
    let mut findings = Vec::new();
    for (at, word) in words(&file.code) {
        if tests.iter().any(|test| test.contains(&at)) {
            continue;
        }
        if word == "async" {
            findings.push(file.finding(at, format!("{package} is pure and may not be async")));
        }
        let after = &file.code[at + word.len()..];
        if let Some(path) = after.strip_prefix("::").filter(|_| word == "std") {
            let named = first_segments(path);
            let denied = named.into_iter().filter(|name| PURE_DENIED_STD.contains(name));
            let what = |name| format!("{package} is pure and may not use std::{name}");
            findings.extend(denied.map(|name| file.finding(at, what(name))));
        }
    }
    findings
}

/// The first names of a path, or of each path of a `{…}` group.
fn first_segments(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else {
        return words(path).next().into_iter().map(|(_, word)| word).collect();
    };
    let mut depth = 1_usize;
    let mut segments = Vec::new();
    let mut is_first = true;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => is_first = true,
            _ if c.is_alphabetic() && is_first => {
                segments.extend(words(&group[at..]).next().map(|(_, word)| word));
                is_first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    segments
}
