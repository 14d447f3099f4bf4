//! The ledger against serial lines of a machine that keeps its word, and of machines that do not.

use super::ledger::{Kind, Ledger, Weight};

/// Three payments acknowledged to both; of the third, only the seller was told.
const LOAD: &str = r#"
G up /dev/vda /data ext4 rw,noatime 0 0
G order 1 212
B {"event":"listening","seconds":60}
B {"event":"held","tx":"a1"}
S {"claim_by":1797080840,"event":"accepted","tx":"a1"}
B {"amount":212,"currency":"INR","outcome":"paid","payee":"seller","tx":"a1"}
S {"acknowledged":true,"amount":212,"currency":"INR","outcome":"paid","tx":"a1"}
S ended sell 0
B ended pay 0
G order 2 423
B {"event":"held","tx":"a2"}
S {"claim_by":1797080840,"event":"accepted","tx":"a2"}
B {"amount":423,"currency":"INR","outcome":"paid","payee":"seller","tx":"a2"}
S {"acknowledged":true,"amount":423,"currency":"INR","outcome":"paid","tx":"a2"}
G charge 500
B {"available":49865,"currency":"INR","held":0,"in_doubt":0,"received_unsettled":0}
B ended charge 0
G order 3 135
B {"event":"held","tx":"a3"}
S {"claim_by":1797080840,"event":"accepted","tx":"a3"}
"#;

/// The disk after it: the buyer is in doubt about the third.
const FOUND: &str = r#"
G up /dev/vda /data ext4 rw,noatime 0 0
G look found
B {"available":49365,"currency":"INR","held":0,"in_doubt":135,"received_unsettled":0}
B {"amount":135,"direction":"out","order_id":"3","standing":"in doubt","tx":"a3"}
B ended balance 0
B {"amount":135,"direction":"out","order_id":"3","standing":"in doubt","tx":"a3"}
B {"amount":423,"direction":"out","order_id":"2","standing":"paid","tx":"a2"}
B {"amount":212,"direction":"out","order_id":"1","standing":"paid","tx":"a1"}
B ended history 0
S {"available":0,"currency":"INR","held":0,"in_doubt":0,"received_unsettled":770}
S {"amount":135,"direction":"in","order_id":"3","standing":"paid","tx":"a3"}
S ended balance 0
S {"amount":135,"direction":"in","order_id":"3","standing":"paid","tx":"a3"}
S {"amount":423,"direction":"in","order_id":"2","standing":"paid","tx":"a2"}
S {"amount":212,"direction":"in","order_id":"1","standing":"paid","tx":"a1"}
S ended history 0
"#;

const SETTLED: &str = r#"
O {"listening":"127.0.0.1:7741"}
B {"outcome":"paid","tx":"a3"}
B ended resume 0
S ended sync 0
B ended sync 0
S {"amount":135,"event":"outcome","kind":"paid","tx":"a3"}
S ended sync 0
O ended settle 0
O {"accounts":-50500,"books_balance":true,"differences":[],"evidence":29,"faults":[],"missing":0,"purses":50500,"suspense":0}
O ended audit 0
G look settled
B {"available":49730,"currency":"INR","held":0,"in_doubt":0,"received_unsettled":0}
B ended balance 0
B {"amount":135,"direction":"out","order_id":"3","standing":"paid","tx":"a3"}
B {"amount":423,"direction":"out","order_id":"2","standing":"paid","tx":"a2"}
B {"amount":212,"direction":"out","order_id":"1","standing":"paid","tx":"a1"}
B ended history 0
S {"available":770,"currency":"INR","held":0,"in_doubt":0,"received_unsettled":0}
S ended balance 0
S {"amount":135,"direction":"in","order_id":"3","standing":"paid","tx":"a3"}
S {"amount":423,"direction":"in","order_id":"2","standing":"paid","tx":"a2"}
S {"amount":212,"direction":"in","order_id":"1","standing":"paid","tx":"a1"}
S ended history 0
G recovered
"#;

/// What the ledger finds when one machine says `before` and the next one the rest.
fn heard(before: &str, after: &[&str]) -> Ledger {
    let mut ledger = Ledger::default();
    for said in [before, &after.concat()] {
        ledger.power_on();
        for line in said.lines().filter(|line| !line.is_empty()) {
            ledger.hear(line);
        }
    }
    ledger
}

/// The problems once every line of `log` that has all of `parts` is gone.
#[track_caller]
fn without(log: &str, parts: &[&str]) -> String {
    let is_meant = |line: &&str| parts.iter().all(|part| line.contains(part));
    let (gone, left): (Vec<_>, Vec<_>) = log.lines().partition(is_meant);
    assert!(!gone.is_empty(), "no line has {parts:?}");
    left.join("\n") + "\n"
}

#[track_caller]
fn has(ledger: &Ledger, kind: Kind, what: &str) {
    let problems = ledger.problems();
    let is_it = problems.iter().any(|problem| problem.kind == kind && problem.what == what);
    assert!(is_it, "{kind:?} {what:?} is not in {problems:?}");
}

#[test]
fn a_machine_that_keeps_its_word_contradicts_nothing() {
    let ledger = heard(LOAD, &[FOUND, SETTLED]);
    assert_eq!(ledger.problems(), []);
    assert_eq!((ledger.acknowledged(), ledger.recoveries()), (3, 1));
    assert_eq!(ledger.next_order(), 3);
}

#[test]
fn a_payment_lost_by_the_seller_is_found_twice() {
    let (found, settled) = (without(FOUND, &["S", "a2"]), without(SETTLED, &["S", "a2"]));
    let ledger = heard(LOAD, &[&found, &settled]);
    has(&ledger, Kind::Lost, "the seller has not found a2 paid");
    has(&ledger, Kind::Lost, "the seller has not settled a2 as paid");
    has(&ledger, Kind::Wrong, "a2 is paid for one side only");
    has(&ledger, Kind::Wrong, "the seller's available is 770, not 347");
}

#[test]
fn a_payment_lost_by_both_is_lost_although_the_sums_are_exact() {
    let (found, settled) = (without(FOUND, &["a2"]), without(SETTLED, &["a2"]));
    let settled = settled.replace(":770,", ":347,").replace("49730", "50153");
    let ledger = heard(LOAD, &[&found, &settled]);
    let kinds: Vec<Kind> = ledger.problems().iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [Kind::Lost; 4]);
}

#[test]
fn money_held_for_a_payment_that_the_seller_has_received_must_be_found() {
    let found = without(FOUND, &["B", "a3"]);
    has(&heard(LOAD, &[&found, SETTLED]), Kind::Lost, "the buyer has not found a3");
}

#[test]
fn a_payment_that_the_buyer_was_told_of_may_not_be_in_doubt_again() {
    let found = FOUND.replace(r#""2","standing":"paid""#, r#""2","standing":"in doubt""#);
    has(&heard(LOAD, &[&found, SETTLED]), Kind::Lost, "the buyer has not found a2 paid");
}

#[test]
fn an_order_paid_twice_is_doubled() {
    let again = r#"S {"amount":423,"direction":"in","order_id":"2","standing":"paid","tx":"b2"}"#;
    let settled = SETTLED.replace("S ended history 0", &format!("{again}\nS ended history 0"));
    let ledger = heard(LOAD, &[FOUND, &settled]);
    has(&ledger, Kind::Doubled, "the seller has settled order 2 paid twice");
    has(&ledger, Kind::Wrong, "b2 is paid for one side only");
}

#[test]
fn a_payment_twice_in_one_history_is_doubled() {
    let twice = |line: &str| format!("{line}\n{line}");
    let line = r#"B {"amount":423,"direction":"out","order_id":"2","standing":"paid","tx":"a2"}"#;
    let found = FOUND.replace(line, &twice(line));
    has(&heard(LOAD, &[&found, SETTLED]), Kind::Doubled, "the buyer has found a2 twice");
}

#[test]
fn a_charge_acknowledged_and_lost_is_lost_and_one_too_many_is_doubled() {
    let lost = SETTLED.replace("50500,", "50000,").replace("49730", "49230");
    has(&heard(LOAD, &[FOUND, &lost]), Kind::Lost, "purses hold 50000, and 50500 were charged");
    let more = SETTLED.replace("50500,", "51000,").replace("49730", "50230");
    has(&heard(LOAD, &[FOUND, &more]), Kind::Doubled, "purses hold 51000, and 50500 were charged");
    // One that was cut before its answer may have happened or not.
    let load = without(LOAD, &["ended charge"]);
    assert_eq!(heard(&load, &[FOUND, SETTLED]).problems(), []);
    assert_eq!(heard(&load, &[FOUND, &lost]).problems(), []);
}

#[test]
fn a_wallet_that_does_not_open_has_halted_and_lost_all_it_said() {
    let found = without(FOUND, &["S {"]).replace(
        "S ended balance 0",
        "S {\"error\":\"the store at seller is damaged\",\"exit\":6}\nS ended balance 6",
    );
    let ledger = heard(LOAD, &[&found, SETTLED]);
    has(&ledger, Kind::Halted, "seller balance ended with 6: the store at seller is damaged");
    has(&ledger, Kind::Lost, "the seller has not found a1 paid");
}

#[test]
fn books_that_do_not_balance_and_money_in_nobodys_hands_are_wrong() {
    let unbalanced = SETTLED.replace(r#""books_balance":true"#, r#""books_balance":false"#);
    let kinds = |ledger: &Ledger| ledger.problems().iter().map(|it| it.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&heard(LOAD, &[FOUND, &unbalanced])), [Kind::Wrong]);
    let short = heard(LOAD, &[FOUND, &SETTLED.replace("49730", "49729")]);
    has(&short, Kind::Wrong, "the buyer's available is 49729, not 49730");
    let unheard = without(SETTLED, &["books_balance"]);
    has(&heard(LOAD, &[FOUND, &unheard]), Kind::Halted, "the office has not audited its books");
}

#[test]
fn what_was_said_not_paid_stays_so() {
    let load = format!("{LOAD}S {{\"outcome\":\"not_paid\",\"tx\":\"a3\"}}\n");
    let ledger = heard(&load, &[FOUND, SETTLED]);
    has(&ledger, Kind::Wrong, "the buyer has a3 paid, said not paid");
}

#[test]
fn a_recovery_that_was_cut_is_looked_at_again() {
    let (half, _) = FOUND.split_at(FOUND.find("S {").unwrap());
    let mut ledger = heard(LOAD, &[half]);
    ledger.power_on();
    let rest = [FOUND, SETTLED].concat();
    rest.lines().filter(|line| !line.is_empty()).for_each(|line| _ = ledger.hear(line));
    assert_eq!(ledger.problems(), []);
    assert_eq!(ledger.recoveries(), 1);
}

#[test]
fn only_what_a_person_or_the_office_was_told_counts_as_acknowledged() {
    let mut ledger = Ledger::default();
    let weights: Vec<Weight> = LOAD.lines().map(|line| ledger.hear(line)).collect();
    let count = |weight: Weight| weights.iter().filter(|it| **it == weight).count();
    assert_eq!((count(Weight::Received), count(Weight::Acknowledged)), (3, 5));
}

#[test]
fn every_cut_asked_for_is_dealt_to_a_disk() {
    for (cuts, control_cuts) in [(1, 1), (2, 3), (8, 4), (101, 20)] {
        let args =
            super::PowerArgs { cuts, control_cuts, seed: 1, machines: 1, keep: false, json: false };
        let plan = super::plan(&args);
        let dealt = |is_control: bool| -> Vec<u64> {
            let series = plan.iter().filter(|series| series.is_control == is_control);
            series.flat_map(|series| series.first..series.first + series.cuts).collect()
        };
        assert_eq!(dealt(false), (1..=cuts).collect::<Vec<_>>());
        assert_eq!(dealt(true), (1..=control_cuts).collect::<Vec<_>>());
        assert!(plan.iter().all(|series| series.cuts <= super::SERIES_CUTS));
    }
}
