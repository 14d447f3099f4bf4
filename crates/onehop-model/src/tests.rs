//! Scenes in their tiny size, and what the reports of runs say.

use crate::{Expect, LIVENESS, Options, Size, run_scene, run_scene_with};

#[track_caller]
fn assert_holds(name: &str) {
    let report = run_scene(name, Size::Tiny).unwrap();
    let violated: Vec<String> =
        report.findings.iter().filter(|it| !it.holds).map(ToString::to_string).collect();
    assert!(report.holds(), "{name}: {}", violated.join("\n"));
}

#[test]
fn a_payment_holds_with_power_cuts() {
    assert_holds("payment");
}

#[test]
fn payments_that_contend_for_one_balance_hold() {
    assert_holds("contention");
}

#[test]
fn a_payment_with_the_office_holds() {
    assert_holds("office");
}

#[test]
fn a_purse_renewed_with_a_payment_in_doubt_holds() {
    assert_holds("renewal");
}

#[test]
fn a_late_status_after_pruning_holds() {
    assert_holds("pruning");
}

#[test]
fn receipts_hold_with_everybody_honest_and_with_each_one_dishonest_in_turn() {
    assert_holds("receipts");
    assert_holds("receipts-payer");
    assert_holds("receipts-first-payee");
    assert_holds("receipts-second-payee");
}

#[test]
fn a_disk_put_back_once_or_to_and_fro_breaks_what_is_local_and_nothing_else() {
    for scene in ["rollback", "clone"] {
        let report = run_scene(scene, Size::Tiny).unwrap();
        assert!(report.holds(), "{scene}: {:?}", report.violated());
        let broken = report.findings.iter().filter(|it| it.expect == Expect::Broken);
        assert_eq!(broken.count(), 3, "{scene}");
    }
}

#[test]
fn both_explorers_find_the_same_states() {
    let here = run_scene("payment", Size::Tiny).unwrap();
    let options = Options { size: Size::Tiny, threads: 1, states_max: None };
    let there = run_scene_with("payment", &options).unwrap();
    assert!(there.holds());
    assert_eq!(here.unique_states, there.unique_states);
    assert_eq!(here.generated_states, there.generated_states);
    assert_eq!(here.settled_states, there.settled_states);
}

#[test]
fn a_scene_that_is_given_up_does_not_count_as_exhausted() {
    let options = Options { size: Size::Tiny, threads: 0, states_max: Some(100) };
    let report = run_scene_with("payment", &options).unwrap();
    assert!(!report.is_exhausted && !report.holds());
    assert!(!report.findings.iter().any(|it| it.property == LIVENESS));
}

#[test]
fn a_scene_that_there_is_not_is_refused() {
    assert!(run_scene("nowhere", Size::Tiny).is_err());
}
