//! The demonstration, and that nothing is left of it.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn the_demonstration_holds_in_every_figure_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let ended = bench.run(&["demo", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let figures: Vec<&Value> = lines.iter().filter(|line| line["holds"].is_boolean()).collect();
    assert!(figures.len() >= 70, "{} figures", figures.len());
    for figure in figures {
        assert_eq!(figure["holds"], true, "{figure}");
        for name in ["name", "value", "unit", "limit", "n", "method"] {
            assert!(!figure[name].is_null(), "{name} in {figure}");
        }
    }
    assert!(lines.iter().any(|line| line["name"] == "COMMIT" && line["lost"] == true));
    assert_eq!(std::fs::read_dir(bench.dir.path()).unwrap().count(), 0);
}

#[test]
fn an_interrupted_demonstration_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut demo = bench.start(&["demo", "--json"]);
    let line = demo.wait_for("money-office serves on ");
    let line: Value = serde_json::from_str(&line).unwrap();
    let address = line["text"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
    demo.terminate();
    let ended = demo.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("interrupted"), "{ended:?}");
    assert_eq!(std::fs::read_dir(bench.dir.path()).unwrap().count(), 0);
    assert!(std::net::TcpStream::connect(address).is_err());
}
