//! The state tables of the specification as data: state, event, records, words, next state.

use onehop_wire::office::OutcomeKind;
use onehop_wire::{Message, TxId};

use super::acts::*;
use super::pair::Pair;

/// One row: how to get there, what happens, and exactly what follows.
struct Row {
    name: &'static str,
    /// Brings the pair into the state and gives the payment.
    given: fn(&mut Pair) -> TxId,
    /// Lets the event happen.
    when: fn(&mut Pair, &TxId),
    /// Whose row it is.
    seller: bool,
    records: &'static [&'static str],
    forces: usize,
    said: &'static [&'static str],
    next: &'static str,
}

#[rustfmt::skip]
const MORE_SELLER_ROWS: &[Row] = &[
    Row { name: "none, AGREED alone", given: forgotten, when: agreed_again, seller: true, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "none, UNKNOWN", given: forgotten, when: unknown_from_buyer, seller: true, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "INVITED, resend timer", given: |pair| { let tx = pair.ask(735, "order 1"); pair.seller.out.clear(); tx }, when: commit_timer, seller: true, records: &[], forces: 0, said: &["COMMIT-REQUEST"], next: "INVITED" },
    Row { name: "INVITED, UNKNOWN", given: invited, when: unknown_from_buyer, seller: true, records: &[], forces: 0, said: &[], next: "INVITED" },
    Row { name: "INVITED, RELEASED", given: invited, when: released, seller: true, records: &[], forces: 0, said: &[], next: "INVITED" },
    Row { name: "INVITED, cancel", given: invited, when: cancel, seller: true, records: &["SellerAborted"], forces: 1, said: &["ABORT"], next: "ABORTED" },
    Row { name: "INVITED, restart", given: invited, when: seller_restarts, seller: true, records: &["SellerAborted"], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "INVITED, before CLOSED", given: invited, when: seller_closes, seller: true, records: &["SellerAborted", "Closed"], forces: 1, said: &["ABORT"], next: "ABORTED" },
    Row { name: "COMMITTED, STATUS without AGREED", given: seller_committed, when: status_without_vote, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "COMMITTED" },
    Row { name: "COMMITTED, commit timer", given: seller_committed, when: commit_timer, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "COMMITTED" },
    Row { name: "COMMITTED, COMMITTED", given: seller_committed, when: committed_again, seller: true, records: &["Done"], forces: 0, said: &[], next: "DONE" },
    Row { name: "COMMITTED, another AGREED", given: seller_committed, when: other_agreed, seller: true, records: &["Evidence", "Forked"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, cancel", given: seller_committed, when: cancel_refused, seller: true, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, RELEASED", given: seller_committed, when: released, seller: true, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, UNKNOWN", given: seller_committed, when: unknown_from_buyer, seller: true, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, restart", given: seller_committed, when: seller_restarts, seller: true, records: &[], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, OUTCOME Paid", given: seller_committed, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Paid), seller: true, records: &["Redeemed"], forces: 1, said: &[], next: "REDEEMED" },
    Row { name: "COMMITTED, OUTCOME Void", given: seller_committed, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Void), seller: true, records: &["Lost"], forces: 1, said: &[], next: "LOST" },
    Row { name: "COMMITTED, PENDING", given: seller_committed, when: |pair, tx| pending(pair, tx, true), seller: true, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "DONE, COMMITTED", given: done, when: committed_again, seller: true, records: &[], forces: 0, said: &[], next: "DONE" },
    Row { name: "DONE, cancel", given: done, when: cancel_refused, seller: true, records: &[], forces: 0, said: &[], next: "DONE" },
    Row { name: "DONE, REFUSED", given: done, when: refuse_late, seller: true, records: &[], forces: 0, said: &[], next: "DONE" },
    Row { name: "DONE, OUTCOME Paid", given: done, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Paid), seller: true, records: &["Redeemed"], forces: 1, said: &[], next: "REDEEMED" },
    Row { name: "DONE, OUTCOME Disputed", given: done, when: |pair, tx| outcome_to(pair, tx, true, DISPUTED), seller: true, records: &["Lost"], forces: 1, said: &[], next: "LOST" },
    Row { name: "REDEEMED, the same AGREED", given: redeemed, when: agreed_again, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "REDEEMED" },
    Row { name: "REDEEMED, STATUS", given: redeemed, when: status_without_vote, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "REDEEMED" },
    Row { name: "REDEEMED, COMMITTED that was not held", given: redeemed_early, when: committed_again, seller: true, records: &["Done"], forces: 0, said: &[], next: "REDEEMED" },
    Row { name: "REDEEMED, COMMITTED again", given: redeemed, when: committed_again, seller: true, records: &[], forces: 0, said: &[], next: "REDEEMED" },
    Row { name: "REDEEMED, another AGREED", given: redeemed, when: other_agreed, seller: true, records: &["Evidence", "Forked"], forces: 1, said: &[], next: "REDEEMED" },
    Row { name: "REDEEMED, the same OUTCOME", given: redeemed, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Paid), seller: true, records: &[], forces: 0, said: &[], next: "REDEEMED" },
    Row { name: "REDEEMED, another OUTCOME", given: redeemed, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Void), seller: true, records: &["Evidence"], forces: 1, said: &[], next: "REDEEMED" },
    Row { name: "LOST, the same AGREED", given: lost, when: agreed_again, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "LOST" },
    Row { name: "LOST, the same OUTCOME", given: lost, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Void), seller: true, records: &[], forces: 0, said: &[], next: "LOST" },
    Row { name: "LOST, another OUTCOME", given: lost, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Paid), seller: true, records: &["Evidence"], forces: 1, said: &[], next: "LOST" },
    Row { name: "ABORTED, RELEASED", given: seller_aborted, when: released, seller: true, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, REFUSED", given: seller_cancelled, when: refuse_late, seller: true, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, UNKNOWN", given: seller_aborted, when: unknown_from_buyer, seller: true, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, restart", given: seller_aborted, when: seller_restarts, seller: true, records: &[], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, OUTCOME Void", given: seller_aborted, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Void), seller: true, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, OUTCOME Paid", given: seller_aborted, when: |pair, tx| outcome_to(pair, tx, true, OutcomeKind::Paid), seller: true, records: &["Evidence"], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, OUTCOME Disputed", given: seller_aborted, when: |pair, tx| outcome_to(pair, tx, true, DISPUTED), seller: true, records: &["Evidence"], forces: 1, said: &[], next: "ABORTED" },
];

#[rustfmt::skip]
const MORE_BUYER_ROWS: &[Row] = &[
    Row { name: "none, STATUS", given: forget_payment, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["UNKNOWN"], next: "NONE" },
    Row { name: "none, COMMIT", given: forget_payment, when: owed_by_seller, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "none, ABORT", given: forget_payment, when: abort_from_seller, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "none, UNKNOWN", given: forget_payment, when: unknown_from_seller, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "ASKED, yes", given: invited, when: |pair, tx| pair.confirm(tx), seller: false, records: &["Prepared"], forces: 1, said: &["AGREED"], next: "PREPARED" },
    Row { name: "ASKED, yes, and a check fails now", given: invited, when: confirm_too_late, seller: false, records: &["Refused"], forces: 0, said: &["REFUSED"], next: "REFUSED" },
    Row { name: "ASKED, no", given: invited, when: refuse, seller: false, records: &["Refused"], forces: 0, said: &["REFUSED"], next: "REFUSED" },
    Row { name: "ASKED, vote_ms passed", given: invited, when: long_time, seller: false, records: &["Refused"], forces: 0, said: &["REFUSED"], next: "REFUSED" },
    Row { name: "ASKED, STATUS", given: invited, when: status_from_seller, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "ASKED, another request of the same tx", given: invited, when: other_request, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "ASKED, session ended", given: invited, when: |pair, _| { pair.disconnect(); assert!(pair.buyer.wallet.asked.is_empty()); }, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "ASKED, restart", given: invited, when: buyer_restarts, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "PREPARED, STATUS", given: prepared, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["AGREED"], next: "PREPARED" },
    Row { name: "PREPARED, another request of the same tx", given: prepared, when: other_request, seller: false, records: &["Evidence"], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "PREPARED, status timer", given: prepared, when: status_timer, seller: false, records: &[], forces: 0, said: &["STATUS"], next: "PREPARED" },
    Row { name: "PREPARED, session ended", given: prepared, when: |pair, _| pair.disconnect(), seller: false, records: &[], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "PREPARED, restart", given: prepared, when: buyer_restarts, seller: false, records: &[], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "PREPARED, PENDING", given: prepared, when: |pair, tx| pending(pair, tx, false), seller: false, records: &[], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "PREPARED, OUTCOME Paid", given: prepared, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Paid), seller: false, records: &["BuyerSettled"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "PREPARED, OUTCOME Disputed", given: prepared, when: |pair, tx| outcome_to(pair, tx, false, DISPUTED), seller: false, records: &["BuyerSettled"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "PREPARED, OUTCOME Void", given: prepared, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Void), seller: false, records: &["BuyerSettled"], forces: 1, said: &[], next: "VOIDED" },
    Row { name: "COMMITTED, STATUS", given: done, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["COMMITTED"], next: "COMMITTED" },
    Row { name: "COMMITTED, ABORT", given: done, when: abort_from_seller, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, OUTCOME", given: done, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Void), seller: false, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, STATUS", given: settled, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["UNKNOWN"], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, COMMIT", given: settled, when: owed_by_seller, seller: false, records: &["BuyerCommitted"], forces: 1, said: &["COMMITTED"], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, COMMIT of another AGREED", given: settled, when: wrong_commit, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, ABORT", given: settled, when: abort_from_seller, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, the same OUTCOME", given: settled, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Paid), seller: false, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED by OUTCOME, another OUTCOME", given: settled, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Void), seller: false, records: &["Evidence"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "REFUSED, STATUS", given: refused, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["REFUSED"], next: "REFUSED" },
    Row { name: "ABORTED, STATUS by the seller", given: both_aborted, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["RELEASED"], next: "ABORTED" },
    Row { name: "ABORTED, OUTCOME Void to the buyer", given: both_aborted, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Void), seller: false, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, OUTCOME Paid to the buyer", given: both_aborted, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Paid), seller: false, records: &["Evidence"], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "VOIDED, request again", given: voided, when: request_again, seller: false, records: &[], forces: 0, said: &["UNKNOWN"], next: "VOIDED" },
    Row { name: "VOIDED, STATUS", given: voided, when: status_from_seller, seller: false, records: &[], forces: 0, said: &["UNKNOWN"], next: "VOIDED" },
    Row { name: "VOIDED, ABORT", given: voided, when: owed_by_seller, seller: false, records: &[], forces: 0, said: &[], next: "VOIDED" },
    Row { name: "VOIDED, COMMIT", given: voided, when: wrong_commit, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "VOIDED" },
    Row { name: "VOIDED, the same OUTCOME", given: voided, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Void), seller: false, records: &[], forces: 0, said: &[], next: "VOIDED" },
    Row { name: "VOIDED, OUTCOME Paid", given: voided, when: |pair, tx| outcome_to(pair, tx, false, OutcomeKind::Paid), seller: false, records: &["Evidence"], forces: 1, said: &[], next: "VOIDED" },
];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "INVITED, valid AGREED", given: invited, when: vote, seller: true, records: &["SellerCommitted"], forces: 1, said: &["COMMIT"], next: "COMMITTED" },
    Row { name: "INVITED, STATUS with AGREED", given: prepared, when: new_session, seller: true, records: &["SellerCommitted"], forces: 1, said: &["COMMIT"], next: "COMMITTED" },
    Row { name: "INVITED, STATUS without AGREED", given: invited, when: status_without_vote, seller: true, records: &[], forces: 0, said: &["COMMIT-REQUEST"], next: "INVITED" },
    Row { name: "INVITED, REFUSED", given: invited, when: refuse_late, seller: true, records: &["SellerAborted"], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "INVITED, vote timer", given: invited, when: long_time, seller: true, records: &["SellerAborted"], forces: 1, said: &["ABORT"], next: "ABORTED" },
    Row { name: "COMMITTED, the same AGREED", given: seller_committed, when: agreed_again, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "COMMITTED" },
    Row { name: "COMMITTED, new session and STATUS", given: seller_committed, when: new_session, seller: true, records: &[], forces: 0, said: &["COMMIT", "COMMIT"], next: "COMMITTED" },
    Row { name: "COMMITTED, REFUSED", given: seller_committed, when: refuse_late, seller: true, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "DONE, the same AGREED", given: done, when: agreed_again, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "DONE" },
    Row { name: "DONE, STATUS without AGREED", given: done, when: status_without_vote, seller: true, records: &[], forces: 0, said: &["COMMIT"], next: "DONE" },
    Row { name: "ABORTED, AGREED", given: seller_cancelled, when: vote, seller: true, records: &[], forces: 0, said: &["ABORT"], next: "ABORTED" },
    Row { name: "ABORTED, STATUS", given: seller_aborted, when: new_session, seller: true, records: &[], forces: 0, said: &["ABORT"], next: "ABORTED" },
    Row { name: "ABORTED after REFUSED, STATUS", given: refused, when: status_without_vote, seller: true, records: &[], forces: 0, said: &["ABORT"], next: "ABORTED" },
    Row { name: "ABORTED, timer", given: refused, when: long_time, seller: true, records: &[], forces: 0, said: &[], next: "ABORTED" },
    Row { name: "ASKED, ABORT", given: invited, when: |pair, tx| { let now = pair.now(); pair.seller.wallet.cancel(now, tx).unwrap(); pair.run_well(); }, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "ASKED, the same request", given: invited, when: request_again, seller: false, records: &[], forces: 0, said: &[], next: "NONE" },
    Row { name: "PREPARED, the same request", given: prepared, when: request_again, seller: false, records: &[], forces: 0, said: &["AGREED"], next: "PREPARED" },
    Row { name: "PREPARED, COMMIT of another AGREED", given: prepared, when: wrong_commit, seller: false, records: &[], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "PREPARED, COMMIT", given: seller_committed, when: resent_by_seller, seller: false, records: &["BuyerCommitted"], forces: 1, said: &["COMMITTED"], next: "COMMITTED" },
    Row { name: "PREPARED, ABORT", given: prepared, when: cancel, seller: false, records: &["BuyerAborted"], forces: 1, said: &["RELEASED"], next: "ABORTED" },
    Row { name: "PREPARED, UNKNOWN", given: prepared, when: unknown_from_seller, seller: false, records: &[], forces: 0, said: &[], next: "PREPARED" },
    Row { name: "COMMITTED, COMMIT again", given: done, when: owed_by_seller, seller: false, records: &[], forces: 0, said: &["COMMITTED"], next: "COMMITTED" },
    Row { name: "COMMITTED, request again", given: done, when: request_again, seller: false, records: &[], forces: 0, said: &["COMMITTED"], next: "COMMITTED" },
    Row { name: "COMMITTED, COMMIT of another AGREED", given: done, when: wrong_commit, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "COMMITTED" },
    Row { name: "COMMITTED, COMMIT of an unknown payment", given: done, when: unknown_tx_commit, seller: false, records: &[], forces: 0, said: &[], next: "COMMITTED" },
    Row { name: "REFUSED, the same request", given: refused, when: request_again, seller: false, records: &[], forces: 0, said: &["REFUSED"], next: "REFUSED" },
    Row { name: "REFUSED, ABORT", given: refused, when: owed_by_seller, seller: false, records: &[], forces: 0, said: &[], next: "REFUSED" },
    Row { name: "REFUSED, COMMIT", given: refused, when: wrong_commit, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "REFUSED" },
    Row { name: "ABORTED, ABORT again", given: both_aborted, when: owed_by_seller, seller: false, records: &[], forces: 0, said: &["RELEASED"], next: "ABORTED" },
    Row { name: "ABORTED, COMMIT", given: both_aborted, when: wrong_commit, seller: false, records: &["Evidence"], forces: 1, said: &[], next: "ABORTED" },
    Row { name: "ABORTED, request again", given: both_aborted, when: request_again, seller: false, records: &[], forces: 0, said: &["RELEASED"], next: "ABORTED" },
];

/// [P-17] [P-19] [P-20] [P-21] [P-23] [P-25]
#[test]
fn every_row_of_both_state_tables_does_exactly_what_it_says() {
    for row in ROWS.iter().chain(MORE_SELLER_ROWS).chain(MORE_BUYER_ROWS) {
        let mut pair = Pair::new();
        pair.open();
        let tx = (row.given)(&mut pair);
        let device = if row.seller { &mut pair.seller } else { &mut pair.buyer };
        let forces = device.forces;
        device.records.clear();
        device.said.clear();
        (row.when)(&mut pair, &tx);
        let device = if row.seller { &pair.seller } else { &pair.buyer };
        assert_eq!(device.records, row.records, "records of {}", row.name);
        let said: Vec<_> =
            device.said.iter().copied().filter(|name| !name.starts_with("HELLO")).collect();
        assert_eq!(said, row.said, "words of {}", row.name);
        assert_eq!(device.forces - forces, row.forces, "forces of {}", row.name);
        assert_eq!(device.state(&tx), row.next, "state after {}", row.name);
    }
}

/// [P-16]
#[test]
fn an_unknown_request_of_an_older_epoch_is_left_to_the_office() {
    let mut pair = Pair::new();
    pair.open();
    let tx = prepared(&mut pair);
    pair.seller.wallet.state.seller.remove(&tx);
    pair.seller.wallet.state.certificate.as_mut().unwrap().body.epoch = 2;
    forget_words(&mut pair);
    let vote = agreed_of(&pair, &tx);
    let request = pair.buyer.wallet.state().buyer[&tx].request.clone();
    let body = onehop_wire::Status {
        tx,
        asker: request.body.payer,
        request: request.hash(pair.office.id()),
        agreed: Some(vote.hash(pair.office.id())),
    };
    let status = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_buyer(&mut pair, &Message::Status { status, request, agreed: Some(vote) });
    assert_eq!(pair.seller.said, ["UNKNOWN"]);
    assert!(pair.seller.records.is_empty());
}

fn forget_words(pair: &mut Pair) {
    pair.seller.said.clear();
    pair.seller.records.clear();
}

/// [P-16] [S-9]
#[test]
fn an_unknown_request_of_mine_is_aborted_above_the_floor_and_left_to_the_office_below() {
    for (floor, said, records) in [(0, "ABORT", 1), (5, "UNKNOWN", 0)] {
        let mut pair = Pair::new();
        pair.open();
        pair.pay(100, "order 0");
        let tx = prepared(&mut pair);
        // The seller lost the lazy record of its request.
        pair.disconnect();
        pair.seller = pair.seller.restarted(false, 51);
        pair.seller.wallet.state.floor = floor;
        pair.seller.said.clear();
        pair.connect();
        pair.run_well();
        assert_eq!(pair.seller.said.last(), Some(&said));
        let aborted = pair.seller.records.iter().filter(|name| *name == "SellerAborted").count();
        assert_eq!(aborted, records);
        let end = if floor == 0 { "ABORTED" } else { "PREPARED" };
        assert_eq!(pair.buyer.state(&tx), end);
    }
}
