//! The layer rules against graphs, manifests and files that break them.

use super::*;

fn package(name: &str, dependencies: &[&str]) -> Package {
    let dependencies = dependencies.iter().map(|name| dependency(name, false, &[])).collect();
    let (name, manifest) = (name.to_owned(), "Cargo.toml".to_owned());
    Package { name, manifest, dependencies, features: Vec::new() }
}

fn dependency(name: &str, is_dev: bool, features: &[&str]) -> Dependency {
    let features = features.iter().map(ToString::to_string).collect();
    Dependency { name: name.to_owned(), is_dev, features }
}

#[track_caller]
fn check_whats(findings: impl IntoIterator<Item = Finding>, expected: &[&str]) {
    let whats: Vec<_> = findings.into_iter().map(|finding| finding.what).collect();
    assert_eq!(whats, expected);
}

#[test]
fn the_table_points_one_way() {
    for (at, layer) in LAYERS.iter().enumerate() {
        for used in layer.may_use.iter().chain(layer.tests_may_use) {
            let above = LAYERS.iter().take(at).any(|above| above.package == *used);
            assert!(above, "{} uses {used}, which does not stand above it", layer.package);
        }
    }
}

#[test]
fn an_arrow_of_the_table_is_let_pass() {
    check_whats(arrows(&package("onehop-proto", &["onehop-wire", "serde"])), &[]);
}

#[test]
fn an_arrow_backwards_or_sideways_is_found() {
    let wire = package("onehop-wire", &["onehop-proto"]);
    check_whats(arrows(&wire), &["onehop-wire may not use onehop-proto"]);
    let store = package("onehop-store", &["onehop-wire"]);
    check_whats(arrows(&store), &["onehop-store may not use onehop-wire"]);
    let facade = package("onehop", &["money-office"]);
    check_whats(arrows(&facade), &["onehop may not use money-office"]);
}

#[test]
fn the_simulator_is_for_tests_only() {
    let mut cli = package("onehop-cli", &["onehop-node"]);
    cli.dependencies.push(dependency("onehop-sim", true, &[]));
    check_whats(arrows(&cli), &[]);
    cli.dependencies.push(dependency("onehop-sim", false, &[]));
    check_whats(arrows(&cli), &["onehop-cli may not use onehop-sim"]);
    let mut proto = package("onehop-proto", &[]);
    proto.dependencies.push(dependency("onehop-sim", true, &[]));
    check_whats(arrows(&proto), &["the tests of onehop-proto may not use onehop-sim"]);
}

#[test]
fn a_package_and_the_table_know_each_other() {
    let stray = package("onehop-common", &[]);
    check_whats(arrows(&stray), &["onehop-common has no row in the table of layers"]);
    let mut all: Vec<_> = LAYERS.iter().map(|layer| package(layer.package, &[])).collect();
    check_whats(stale_rows(&all), &[]);
    all.retain(|package| package.name != "onehop-link");
    check_whats(stale_rows(&all), &["onehop-link has a row and is no package"]);
}

#[test]
fn a_pure_crate_brings_no_clock_no_randomness_and_no_io() {
    let mut crypto = package("onehop-crypto", &["sha2"]);
    crypto.dependencies.push(dependency("ed25519-dalek", false, &["alloc", "rand_core"]));
    check_whats(purity(&crypto), &[]);
    crypto.dependencies.push(dependency("getrandom", false, &["sys_rng"]));
    crypto.dependencies.push(dependency("tokio", true, &[]));
    crypto.dependencies.push(dependency("rand_core", false, &["os_rng"]));
    check_whats(
        purity(&crypto),
        &[
            "onehop-crypto is pure and may not use getrandom",
            "onehop-crypto is pure and may not use getrandom/sys_rng",
            "onehop-crypto is pure and may not use tokio",
            "onehop-crypto is pure and may not use rand_core/os_rng",
        ],
    );
    check_whats(purity(&package("onehop-node", &["tokio"])), &[]);
}

#[test]
fn a_pure_crate_names_no_io_in_its_code() {
    let file = |text| SourceFile::new("crates/onehop-wire/src/a.rs", text);
    check_whats(std_use(&file("use std::{fmt, collections::{BTreeMap, env}}; // std::fs")), &[]);
    check_whats(std_use(&file("#[cfg(test)]\nmod tests { use std::fs; }")), &[]);
    let text = "use std::{fmt::{self}, net::Ipv4Addr};\nfn f() { std::thread::spawn(g) }";
    check_whats(
        std_use(&file(text)),
        &[
            "onehop-wire is pure and may not use std::net",
            "onehop-wire is pure and may not use std::thread",
        ],
    );
    check_whats(std_use(&file("async fn f() {}")), &["onehop-wire is pure and may not be async"]);
    check_whats(std_use(&SourceFile::new("crates/onehop-node/src/a.rs", text)), &[]);
}

#[test]
fn only_the_store_names_sled() {
    check_whats(sled_dependency(&package("onehop-store", &["sled"])), &[]);
    let what = "onehop-node may not use sled; only onehop-store does";
    check_whats(sled_dependency(&package("onehop-node", &["sled"])), &[what]);
    let what = "names sled; only crates/onehop-store/src/sled* may";
    let used = |path| sled_use(&SourceFile::new(path, "use sled::Db;"));
    check_whats(used("crates/onehop-store/src/sled_file.rs"), &[]);
    check_whats(used("crates/onehop-store/src/frame.rs"), &[what]);
    check_whats(used("crates/onehop-node/src/node.rs"), &[what]);
    let of = |text| sled_use(&SourceFile::new("crates/onehop-store/src/lib.rs", text));
    check_whats(of("mod sled; pub use self::sled::SledFile;"), &[]);
    check_whats(of("fn f() -> Result<(), sled::Error> {}"), &[what]);
    check_whats(of("use sled as s;"), &[what]);
}

#[test]
fn nothing_that_ships_can_have_mutants() {
    let with = |name: &str, feature: &str, on: &str| {
        let mut package = package(name, &["onehop-wire"]);
        package.features.push((feature.to_owned(), vec![on.to_owned()]));
        mutants(&package)
    };
    check_whats(with("onehop-proto", "mutants", "onehop-wire/mutants"), &[]);
    let what = "onehop-cli may not have the feature mutants";
    check_whats(with("onehop-cli", "mutants", "onehop-proto/mutants"), &[what]);
    let what = "feature default of money-office switches mutants on";
    check_whats(with("money-office", "default", "mutants"), &[what]);
    let what = "feature service of money-office switches mutants on";
    check_whats(with("money-office", "service", "onehop-wire?/mutants"), &[what]);
    let mut cli = package("onehop-cli", &[]);
    cli.dependencies.push(dependency("onehop-proto", true, &["mutants"]));
    check_whats(mutants(&cli), &["onehop-cli switches mutants on in onehop-proto"]);
}

#[test]
fn only_checks_bring_mutants_to_life() {
    let text = "fn f() { mutant::armed(Mutant::GapRuleOff, work) }";
    let at = |path| arming(&SourceFile::new(path, text));
    check_whats(at("xtask/src/mutants.rs"), &[]);
    check_whats(at("crates/onehop-sim/src/run.rs"), &[]);
    let what = "brings a mutant to life; only checks may";
    check_whats(at("crates/money-office/src/main.rs"), &[what]);
    let asked = "fn f() { if mutant::is(Mutant::GapRuleOff) {} }";
    check_whats(arming(&SourceFile::new("crates/onehop-evidence/src/fork.rs", asked)), &[]);
}

#[test]
fn every_member_forbids_unsafe_code_through_the_workspace() {
    let root = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n[lints]\nworkspace = true\n";
    let member = ("crates/x/Cargo.toml", "[package]\n[lints]\nworkspace = true\n");
    check_whats(lints(&Tree::of(&[("Cargo.toml", root), member])), &[]);
    let bare = ("crates/x/Cargo.toml", "[package]\nworkspace = true\n");
    let whats = ["does not take the workspace's lints"];
    check_whats(lints(&Tree::of(&[("Cargo.toml", root), bare])), &whats);
    let weak = root.replace("forbid", "warn");
    let whats = ["the lints do not forbid unsafe code"];
    check_whats(lints(&Tree::of(&[("Cargo.toml", &weak), member])), &whats);
}

#[test]
fn the_output_of_cargo_metadata_is_read() {
    let text = r#"{"packages": [{"name": "onehop-wire", "manifest_path": "/x/crates/w/Cargo.toml",
        "dependencies": [{"name": "sled", "kind": "dev", "features": ["a"]}],
        "features": {"b": ["c", "d/e"]}}]}"#;
    let mut tree = Tree::of(&[]);
    tree.root = "/x".into();
    let found = packages(&tree, &serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(found[0].manifest, "crates/w/Cargo.toml");
    assert!(found[0].dependencies[0].is_dev);
    assert_eq!(found[0].dependencies[0].features, ["a"]);
    assert_eq!(found[0].features, [("b".to_owned(), vec!["c".to_owned(), "d/e".to_owned()])]);
}

#[test]
fn a_test_feature_is_forwarded_by_its_own_name_and_never_a_default() {
    let mut cli = package("onehop-cli", &["onehop-store"]);
    let feature = |name: &str, on: &str| (name.to_owned(), vec![on.to_owned()]);
    cli.features.push(feature("control-no-fsync", "onehop-store/control-no-fsync"));
    check_whats(test_features(&cli), &[]);
    cli.features.push(feature("default", "control-no-fsync"));
    cli.features.push(feature("fast", "onehop-store/control-no-fsync"));
    cli.dependencies.push(dependency("onehop-store", false, &["control-no-fsync"]));
    check_whats(
        test_features(&cli),
        &[
            "onehop-cli: its feature default turns on control-no-fsync, which is for a test by hand",
            "onehop-cli: its feature fast turns on onehop-store/control-no-fsync, which is for a \
             test by hand",
            "onehop-cli: its dependency on onehop-store turns on control-no-fsync, which is for a \
             test by hand",
        ],
    );
}
