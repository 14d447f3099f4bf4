//! A store in use, and a damaged one.

use crate::bench::Bench;

#[test]
fn a_wallet_in_use_is_refused_and_usable_afterwards() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let mut first = bench.start_wallet("asha", &["pay", "--to", "nobody"]);
    first.wait_for("found by sellers");
    for args in [&["balance"][..], &["sync"], &["sell", "1", "--order", "tea"]] {
        bench.wallet("asha", args).fails(6, "in use by another program");
    }
    first.terminate();
    first.finish().says(3, "not paid");
    assert_eq!(bench.figure("asha", "available"), 5_000);
}

#[test]
fn a_damaged_store_is_named_and_nothing_is_overwritten() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let found = find(&bench.path("asha"), "db");
    let mut bytes = std::fs::read(&found).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for byte in &mut bytes[used / 4..used / 2] {
        *byte ^= 0x5a;
    }
    std::fs::write(&found, &bytes).unwrap();
    let dir = bench.text("asha");
    for args in [&["balance"][..], &["sync"], &["sell", "1", "--order", "tea"], &["pay"]] {
        let ended = bench.wallet("asha", args);
        ended.fails(6, &dir);
        assert_eq!(ended.out, "");
    }
    let again = ["init", "--office", &office.url];
    bench.wallet("asha", &again).fails(6, &dir);
}

fn find(dir: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return path;
            }
        }
    }
    panic!("there is no {name} in {}", dir.display());
}

#[test]
fn a_disk_without_room_is_named_and_loses_nothing() {
    let bench = Bench::new();
    let office = bench.inr();
    bench.enrol("asha", &office.url, "50");
    let dir = bench.text("asha");
    // A bound on the length of files stands for the disk.
    let full = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' --wallet '{dir}' charge 5",
        env!("CARGO_BIN_EXE_onehop")
    );
    let ended = std::process::Command::new("sh").args(["-c", &full]).output().unwrap();
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(err.starts_with("onehop: ") && err.contains(&dir), "{err}");
    assert_eq!(bench.figure("asha", "spendable"), 5_000);
    bench.wallet("asha", &["charge", "5"]).says(0, "55.00 INR");
}
