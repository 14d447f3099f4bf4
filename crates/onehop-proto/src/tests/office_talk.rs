//! Closing a purse, renewal while payments are in doubt, compaction, answers of the office.

use onehop_crypto::SigningKey;
use onehop_wire::List;
use onehop_wire::office::{Outcome, OutcomeKind, SyncAnswer, Transfer, Verdict};

use super::office::Office;
use super::pair::{BUYER_FUNDS, Fate, Pair};
use crate::{Output, Refusal, Wallet};

fn in_doubt(pair: &mut Pair) -> onehop_wire::TxId {
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.step(&mut |_| Fate::Arrives);
    pair.seller.out.clear();
    pair.disconnect();
    tx
}

/// The office renewed its key twice since the last SYNC, and decided in between.
#[test]
fn an_outcome_under_a_key_that_came_and_went_is_taken_with_the_renewal() {
    let mut pair = Pair::new();
    pair.open();
    let tx = in_doubt(&mut pair);
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    let resolve = pair.buyer.wallet.resolve(&tx).unwrap();
    pair.buyer.drain();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let (between, id) = (SigningKey::from_seed(&[77; 32]), *pair.office.id());
    let first = pair.office.outcome(&resolve.agreed, OutcomeKind::Void);
    let body = Outcome { signed_by: 2, ..first.body };
    let outcome = between.sign(&id, body).into_signed();
    let outcomes = vec![outcome];
    let mut answer =
        pair.office.renew(&pair.buyer.wallet, &sync, &certificate, BUYER_FUNDS, outcomes);
    assert!(pair.buyer.wallet.renewed(answer.clone()).is_err());
    let mut keys: Vec<_> = answer.office_keys.iter().cloned().collect();
    keys.push(pair.office.certified(2, &between));
    keys.push(pair.office.certified(3, &SigningKey::from_seed(&[78; 32])));
    answer.office_keys = List::new(keys).unwrap();
    pair.buyer.wallet.renewed(answer).unwrap();
    pair.buyer.drain();
    assert_eq!(pair.buyer.state(&tx), "VOIDED");
    let known = pair.buyer.wallet.trust().keys().map(|key| key.body.number);
    assert_eq!(known.collect::<Vec<_>>(), [1, 2, 3]);
}

fn renew(pair: &mut Pair, balance: u64, outcomes: Vec<onehop_wire::Signed<Outcome>>) {
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    pair.buyer.drain();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let answer = pair.office.renew(&pair.buyer.wallet, &sync, &certificate, balance, outcomes);
    pair.buyer.wallet.renewed(answer).unwrap();
    pair.buyer.drain();
}

/// [S-1] [S-13]
#[test]
fn a_closed_purse_signs_nothing_and_repeats_the_same_sync() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    pair.buyer.drain();
    assert_eq!(pair.buyer.records.last().unwrap(), "Closed");
    assert_eq!(pair.buyer.wallet.confirm(now, &tx), Err(Refusal::WrongState { tx }));
    assert_eq!(pair.buyer.wallet.close(now, Transfer::Charge(5)).unwrap(), sync);
    pair.disconnect();
    pair.buyer = pair.buyer.restarted(true, 61);
    assert_eq!(pair.buyer.wallet.close(now, Transfer::None).unwrap(), sync);
    pair.open();
    pair.ask(735, "order 2");
    pair.run_well();
    assert!(pair.buyer.said.contains(&"REFUSED"));
}

/// [S-12] [O-21]
#[test]
fn a_next_purse_that_does_not_go_on_where_this_one_ended_is_refused() {
    let mut pair = Pair::new();
    pair.open();
    pair.pay(735, "order 1");
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let good =
        pair.office.renew(&pair.buyer.wallet, &sync, &certificate, BUYER_FUNDS - 735, vec![]);
    let bends: [fn(&mut onehop_wire::Checkpoint); 5] = [
        |body| body.number += 1,
        |body| body.base_seq += 1,
        |body| body.base_cum_out -= 1,
        |body| body.base_head.0[0] ^= 1,
        |body| body.epoch += 1,
    ];
    for bend in bends {
        let mut answer = good.clone();
        bend(&mut answer.checkpoint.body);
        answer.checkpoint = pair.office.checkpoint(answer.checkpoint.body);
        let refusal = pair.buyer.wallet.renewed(answer).unwrap_err();
        assert_eq!(refusal, Refusal::OfficeAnswer { what: "checkpoint" });
    }
    let mut forged = good.clone();
    forged.checkpoint.body.balance += 1;
    assert!(matches!(pair.buyer.wallet.renewed(forged), Err(Refusal::OfficeSignature(_))));
    pair.buyer.wallet.renewed(good).unwrap();
    assert_eq!(pair.buyer.wallet.balance().available, BUYER_FUNDS - 735);
}

/// [M-5] [M-16]
#[test]
fn a_commit_for_an_old_purse_settles_the_record_and_leaves_the_new_purse_alone() {
    let mut pair = Pair::new();
    pair.open();
    let tx = in_doubt(&mut pair);
    renew(&mut pair, BUYER_FUNDS - 735, vec![]);
    let balance = pair.buyer.wallet.balance();
    assert_eq!((balance.available, balance.in_doubt), (BUYER_FUNDS - 735, 735));
    pair.open();
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
    assert_eq!(pair.seller.state(&tx), "DONE");
    let purse = pair.buyer.wallet.state().purse().unwrap();
    assert_eq!((purse.seq, purse.cum_out, purse.cum_back), (0, 0, 0));
    pair.assert_settled(&tx, BUYER_FUNDS);
}

#[test]
fn a_vote_lost_before_the_purse_was_renewed_is_aborted_and_nobody_is_blamed() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.buyer.out.clear();
    pair.disconnect();
    renew(&mut pair, BUYER_FUNDS - 735, vec![]);
    pair.open();
    assert_eq!(
        (pair.seller.state(&tx), pair.buyer.state(&tx)),
        ("ABORTED".into(), "ABORTED".into())
    );
    let blamed = |event: &crate::Event| matches!(event, crate::Event::PeerFault { .. });
    assert!(!pair.seller.events.iter().any(blamed), "{:?}", pair.seller.events);
}

#[test]
fn an_abort_for_an_old_purse_comes_back_through_the_office_only() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.buyer.out.clear();
    pair.disconnect();
    pair.seller = pair.seller.restarted(true, 71);
    renew(&mut pair, BUYER_FUNDS - 735, vec![]);
    pair.open();
    assert_eq!(pair.buyer.state(&tx), "ABORTED");
    let balance = pair.buyer.wallet.balance();
    assert_eq!((balance.available, balance.spendable), (BUYER_FUNDS - 735, BUYER_FUNDS - 735));
    assert_eq!((balance.in_doubt, balance.received_unsettled), (0, 735));
    assert!(pair.buyer.wallet.state().purse().unwrap().releases.is_empty());
    let resolve = pair.buyer.wallet.resolve(&tx).unwrap();
    assert!(resolve.abort.is_some());
    let void = pair.office.outcome(&resolve.agreed, OutcomeKind::Void);
    pair.buyer.wallet.verdict(&Verdict::Outcome(void)).unwrap();
    renew(&mut pair, BUYER_FUNDS, vec![]);
    let balance = pair.buyer.wallet.balance();
    assert_eq!((balance.available, balance.received_unsettled), (BUYER_FUNDS, 0));
}

#[test]
fn the_office_ends_doubt_for_good_and_its_answer_may_repeat() {
    for (kind, state, available) in [
        (OutcomeKind::Paid, "COMMITTED", BUYER_FUNDS - 735),
        (OutcomeKind::Void, "VOIDED", BUYER_FUNDS),
    ] {
        let mut pair = Pair::new();
        pair.open();
        let tx = in_doubt(&mut pair);
        let resolve = pair.buyer.wallet.resolve(&tx).unwrap();
        let outcome = pair.office.outcome(&resolve.agreed, kind);
        for _ in 0..3 {
            pair.buyer.wallet.verdict(&Verdict::Outcome(outcome.clone())).unwrap();
            pair.buyer.drain();
            assert_eq!(pair.buyer.state(&tx), state);
            let balance = pair.buyer.wallet.balance();
            assert_eq!((balance.available, balance.in_doubt), (available, 0));
        }
        assert!(matches!(pair.buyer.wallet.resolve(&tx), Err(Refusal::WrongState { .. })));
    }
}

#[test]
fn a_credit_that_the_office_takes_back_is_reversed_once() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let agreed = pair.seller.wallet.claims().bundles[0].claims[0].agreed.clone();
    let proof = OutcomeKind::Disputed(onehop_wire::Hash([1; 32]));
    let outcome = pair.office.outcome(&agreed, proof);
    for _ in 0..2 {
        pair.seller.wallet.verdict(&Verdict::Outcome(outcome.clone())).unwrap();
        pair.seller.drain();
    }
    assert_eq!(pair.seller.state(&tx), "LOST");
    assert_eq!(pair.seller.wallet.balance().received_unsettled, 0);
}

/// [S-10] [S-11]
#[test]
fn compaction_keeps_what_is_open_and_archives_what_is_settled() {
    let mut pair = Pair::new();
    pair.open();
    let paid = pair.pay(735, "order 1");
    let now = pair.now();
    let plan = pair.buyer.wallet.compaction(now, true).unwrap();
    assert!(plan.archived.is_empty(), "its purse is still open");
    renew(&mut pair, BUYER_FUNDS - 735, vec![]);
    let plan = pair.buyer.wallet.compaction(now, true).unwrap();
    assert_eq!(plan.archived.len(), 1);
    let (upto, snapshot) = (plan.upto, plan.snapshot.clone());
    pair.buyer.wallet.compacted(plan);
    assert_eq!(pair.buyer.state(&paid), "NONE");
    let again =
        Wallet::recover(crate::Config::default(), [1; 32], Some((upto, &snapshot)), []).unwrap();
    assert_eq!(again.balance(), pair.buyer.wallet.balance());
    // The order stays paid.
    pair.seller.wallet.state.orders_in.clear();
    pair.open();
    pair.ask(735, "order 1");
    pair.run_well();
    assert!(pair.buyer.said.contains(&"REFUSED"));
}

/// [S-9] [S-10]
#[test]
fn a_seller_raises_the_covered_floor_in_the_step_that_erases() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let agreed = pair.seller.wallet.claims().bundles[0].claims[0].agreed.clone();
    let paid = pair.office.outcome(&agreed, OutcomeKind::Paid);
    pair.seller.wallet.verdict(&Verdict::Outcome(paid)).unwrap();
    pair.seller.drain();
    assert_eq!(pair.seller.wallet.state().floor, 0);
    let plan = pair.seller.wallet.compaction(pair.now(), true).unwrap();
    let snapshot = plan.snapshot.clone();
    let upto = plan.upto;
    pair.seller.wallet.compacted(plan);
    assert_eq!(pair.seller.wallet.state().floor, 2);
    assert_eq!(pair.seller.state(&tx), "NONE");
    let again =
        Wallet::recover(crate::Config::default(), [1; 32], Some((upto, &snapshot)), []).unwrap();
    assert_eq!(again.state().floor, 2);
}

/// [M-2]
#[test]
fn received_money_moves_on_once_with_its_receipt() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    assert_eq!(pair.seller.state(&tx), "DONE");
    let balance = pair.seller.wallet.balance();
    assert_eq!((balance.available, balance.received_unsettled, balance.spendable), (0, 735, 735));
    // The roles change: the first seller buys from the first buyer.
    std::mem::swap(&mut pair.seller, &mut pair.buyer);
    pair.open();
    let back = pair.pay(700, "order 9");
    assert_eq!(pair.buyer.state(&back), "COMMITTED");
    assert_eq!(pair.seller.state(&back), "DONE");
    let balance = pair.buyer.wallet.balance();
    assert_eq!((balance.available, balance.received_unsettled, balance.spendable), (0, 35, 35));
    // What was received with one hop does not move on again.
    let other = pair.seller.wallet.balance();
    assert_eq!(other.spendable, BUYER_FUNDS - 735);
}

#[test]
fn received_money_that_was_spent_on_is_not_shown_again_after_renewal() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    std::mem::swap(&mut pair.seller, &mut pair.buyer);
    pair.open();
    pair.pay(700, "order 9");
    let shown = |pair: &Pair| {
        let balance = pair.buyer.wallet.balance();
        (balance.available, balance.received_unsettled)
    };
    assert_eq!(shown(&pair), (0, 35));
    // The office has not settled what was received: 700 of it are spoken for.
    renew(&mut pair, 0, vec![]);
    assert_eq!(shown(&pair), (0, 35));
    pair.buyer = pair.buyer.restarted(true, 91);
    assert_eq!(shown(&pair), (0, 35));
    let claim = pair.buyer.wallet.claims().bundles[0].claims[0].clone();
    assert_eq!(claim.agreed.body.tx, tx);
    let paid = pair.office.outcome(&claim.agreed, OutcomeKind::Paid);
    renew(&mut pair, 35, vec![paid]);
    assert_eq!(shown(&pair), (35, 0));
}

/// [S-7]
#[test]
fn a_frozen_wallet_signs_nothing() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let now = pair.now();
    for device in [&mut pair.buyer, &mut pair.seller] {
        device.wallet.freeze();
        device.drain();
        device.said.clear();
        device.records.clear();
    }
    assert_eq!(pair.buyer.wallet.confirm(now, &tx), Err(Refusal::WrongState { tx }));
    assert_eq!(pair.seller.wallet.cancel(now, &tx), Err(Refusal::WrongState { tx }));
    pair.wait(70_000, &mut |_| Fate::Arrives);
    for device in [&mut pair.buyer, &mut pair.seller] {
        assert_eq!(device.wallet.open_shop(), Err(Refusal::Frozen));
        assert_eq!(device.wallet.open_buyer_mode(now, 1_000), Err(Refusal::Frozen));
        assert_eq!(device.wallet.close(now, Transfer::None).unwrap_err(), Refusal::Frozen);
        *device = device.restarted(true, 81);
        assert!(device.said.is_empty() && device.records.is_empty(), "{:?}", device.records);
        assert_eq!(device.wallet.balance().spendable, 0);
    }
}

/// [S-11] [P-5]
#[test]
fn a_seller_asks_nobody_again_for_an_order_whose_payment_is_archived() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let agreed = pair.seller.wallet.claims().bundles[0].claims[0].agreed.clone();
    let paid = pair.office.outcome(&agreed, OutcomeKind::Paid);
    pair.seller.wallet.verdict(&Verdict::Outcome(paid)).unwrap();
    pair.seller.drain();
    let plan = pair.seller.wallet.compaction(pair.now(), true).unwrap();
    pair.seller.wallet.compacted(plan);
    assert_eq!(pair.seller.state(&tx), "NONE");
    let now = pair.now();
    let again = pair.seller.wallet.request(now, pair.peer, &Pair::terms(735, "order 1"));
    assert_eq!(again, Err(Refusal::OrderPaid));
}

/// [O-21]
#[test]
fn an_answer_of_another_office_or_to_another_question_changes_nothing() {
    let mut pair = Pair::new();
    pair.open();
    let tx = in_doubt(&mut pair);
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, Transfer::None).unwrap();
    let resolve = pair.buyer.wallet.resolve(&tx).unwrap();
    pair.buyer.drain();
    let (stranger, before) = (Office::new(50), pair.buyer.wallet.state().clone());
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let others = pair.seller.wallet.state().certificate().unwrap().clone();
    let paid = pair.office.outcome(&resolve.agreed, OutcomeKind::Paid);
    let good = pair.office.renew(&pair.buyer.wallet, &sync, &certificate, 0, vec![paid.clone()]);
    let bends: [fn(&mut SyncAnswer, &SyncAnswer); 5] = [
        |answer, _| answer.sync.0[0] ^= 1,
        |answer, theirs| answer.office_keys = theirs.office_keys.clone(),
        |answer, theirs| answer.checkpoint = theirs.checkpoint.clone(),
        |answer, theirs| answer.revocations = theirs.revocations.clone(),
        |answer, theirs| answer.outcomes = theirs.outcomes.clone(),
    ];
    let forged = stranger.outcome(&resolve.agreed, OutcomeKind::Void);
    let theirs = stranger.renew(&pair.buyer.wallet, &sync, &certificate, 9, vec![forged.clone()]);
    for bend in bends {
        let mut answer = good.clone();
        bend(&mut answer, &theirs);
        assert!(pair.buyer.wallet.renewed(answer).is_err());
    }
    let mut answer = good.clone();
    answer.certificate = others;
    assert!(pair.buyer.wallet.renewed(answer).is_err());
    assert!(pair.buyer.wallet.verdict(&Verdict::Outcome(forged)).is_err());
    // An answer of this office about another entry of that payment settles nothing either.
    let mut other = resolve.agreed.clone();
    other.body.cum_in += 1;
    let other = pair.office.outcome(&other, OutcomeKind::Void);
    pair.buyer.wallet.verdict(&Verdict::Outcome(other.clone())).unwrap();
    assert_eq!(*pair.buyer.wallet.state(), before);
    pair.seller.wallet.verdict(&Verdict::Outcome(other)).unwrap();
    assert_eq!(pair.seller.state(&tx), "COMMITTED");
    let (mine, info) = (*pair.office.id(), stranger.info());
    assert!(onehop_crypto::Trust::from_info(&info, Some(&mine)).is_err());
    pair.buyer.wallet.renewed(good).unwrap();
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
}

/// Two outcomes of one payment in one answer met an assertion: both were judged before either was
/// applied.
#[test]
fn an_answer_with_two_outcomes_of_one_payment_settles_it_once() {
    for second in [OutcomeKind::Paid, OutcomeKind::Void] {
        let mut pair = Pair::new();
        pair.open();
        let tx = in_doubt(&mut pair);
        let resolve = pair.buyer.wallet.resolve(&tx).unwrap();
        pair.buyer.drain();
        let first = pair.office.outcome(&resolve.agreed, OutcomeKind::Paid);
        let again = pair.office.outcome(&resolve.agreed, second);
        renew(&mut pair, 99_265, vec![first, again.clone(), again]);
        assert_eq!(pair.buyer.state(&tx), "COMMITTED");
        let contradicts = second != OutcomeKind::Paid;
        assert_eq!(pair.buyer.wallet.state().evidence().len(), usize::from(contradicts));
        let restarted = pair.buyer.restarted(true, 63);
        assert_eq!(restarted.wallet.state(), pair.buyer.wallet.state());
    }
}

#[test]
fn a_purse_closes_also_with_more_open_requests_than_a_sync_has_places() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(1, "order 1");
    let one = pair.seller.wallet.state().seller[&tx].clone();
    for number in 0..1_030u64 {
        let mut other = one.clone();
        other.request.body.number = 10 + number;
        other.request.body.seller_nonce.0[..8].copy_from_slice(&number.to_be_bytes());
        let tx = other.request.body.tx_id();
        pair.seller.wallet.state.seller.insert(tx, other);
    }
    let now = pair.now();
    let sync = pair.seller.wallet.close(now, Transfer::None).unwrap();
    assert_eq!(sync.body.aborts.len(), 1_024);
    assert_eq!(pair.seller.state(&tx), "ABORTED");
}

#[test]
fn the_aborts_of_a_sync_leave_after_its_force() {
    // [S-2]
    let mut pair = Pair::new();
    pair.open();
    pair.ask(735, "order 1");
    let now = pair.now();
    pair.seller.wallet.close(now, Transfer::None).unwrap();
    let Some(Output::Persist(batch)) = pair.seller.wallet.poll_output() else {
        panic!("nothing leaves before the batch");
    };
    assert!(batch.forced);
    assert_eq!(pair.seller.wallet.poll_output(), None, "not before it is durable");
    pair.seller.wallet.persisted(batch.last());
    let said = pair.seller.wallet.poll_output();
    assert!(matches!(said, Some(Output::Transmit { name: "ABORT", .. })), "{said:?}");
}
