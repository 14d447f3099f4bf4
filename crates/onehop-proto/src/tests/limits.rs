//! The limits of a certificate, as the buyer keeps them before it signs.

use onehop_wire::office::OutcomeKind;
use onehop_wire::{LimitName, Limits, RefusedReason, TxId};

use super::acts::outcome_to;
use super::office::Office;
use super::pair::{BUYER_FUNDS, Fate, Pair};
use crate::{Event, NotPaid, Refusal};

fn under(limits: Limits) -> Pair {
    let mut office = Office::new(1);
    office.limits = limits;
    let mut pair = Pair::with(office, BUYER_FUNDS);
    pair.open();
    pair
}

/// What the buyer's wallet says to a request by itself, if it asks no person.
fn refusal(pair: &mut Pair, amount: u64, order: &str) -> Option<RefusedReason> {
    let tx = pair.ask(amount, order);
    pair.run_well();
    pair.buyer.events.iter().rev().find_map(|event| {
        if let Event::NotPaid { tx: of, why: NotPaid::Refused(reason) } = event {
            (*of == tx).then_some(*reason)
        } else {
            None
        }
    })
}

fn over(name: LimitName, limit: u64) -> Option<RefusedReason> {
    Some(RefusedReason::OverLimit { name, limit })
}

#[test]
fn payments_to_one_payee_add_up_to_its_limit_and_no_further() {
    let mut pair = under(Limits { per_payee: Some(1_000), ..Limits::default() });
    pair.pay(600, "order 1");
    assert_eq!(refusal(&mut pair, 401, "order 2"), over(LimitName::PerPayee, 1_000));
    pair.pay(400, "order 3");
    assert_eq!(refusal(&mut pair, 1, "order 4"), over(LimitName::PerPayee, 1_000));
}

#[test]
fn what_is_in_doubt_counts_for_the_limit_and_what_came_back_does_not() {
    let mut pair = under(Limits { per_payee: Some(1_000), ..Limits::default() });
    let tx = in_doubt(&mut pair, 600);
    let payee = pair.seller.wallet.state().wallet().unwrap();
    let back = |pair: &Pair| pair.buyer.wallet.state().back(401, &payee);
    let limit = Refusal::Limit {
        name: LimitName::PerPayee,
        limit: "10.00 INR".to_owned(),
        reached: "10.01 INR".to_owned(),
    };
    assert_eq!(back(&pair).unwrap_err(), limit);
    assert_eq!(limit.to_string(), "over the per-payee limit of 10.00 INR, would reach 10.01 INR");
    outcome_to(&mut pair, &tx, false, OutcomeKind::Void);
    assert!(back(&pair).is_ok());
}

#[test]
fn all_payments_of_a_purse_add_up_to_its_limit_and_no_further() {
    let mut pair = under(Limits { per_checkpoint: Some(1_000), ..Limits::default() });
    pair.pay(600, "order 1");
    assert_eq!(refusal(&mut pair, 401, "order 2"), over(LimitName::PerCheckpoint, 1_000));
    pair.pay(400, "order 3");
}

#[test]
fn payments_of_a_purse_are_counted() {
    let mut pair = under(Limits { payments: Some(2), ..Limits::default() });
    pair.pay(1, "order 1");
    pair.pay(1, "order 2");
    assert_eq!(refusal(&mut pair, 1, "order 3"), over(LimitName::Payments, 2));
    let payee = pair.seller.wallet.state().wallet().unwrap();
    let refused = pair.buyer.wallet.state().back(1, &payee).unwrap_err();
    assert_eq!(refused.to_string(), "over the payments limit of 2, would reach 3");
}

/// The vote left and nothing came back.
fn in_doubt(pair: &mut Pair, amount: u64) -> TxId {
    let tx = pair.ask(amount, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.run(&mut |_| Fate::Lost);
    tx
}

#[test]
fn a_release_backs_a_payment_when_the_balance_does_not() {
    let mut pair = under(Limits::default());
    let tx = pair.ask(BUYER_FUNDS, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.run(&mut |_| Fate::Lost);
    assert_eq!(pair.buyer.wallet.balance().spendable, 0);
    outcome_to(&mut pair, &tx, false, OutcomeKind::Void);
    assert_eq!(pair.buyer.wallet.balance().spendable, BUYER_FUNDS);
    pair.open();
    let again = pair.pay(BUYER_FUNDS, "order 2");
    assert_eq!(
        (pair.buyer.state(&again), pair.seller.state(&again)),
        ("COMMITTED".into(), "DONE".into())
    );
    let claim = pair.seller.wallet.claims().bundles.remove(0).claims.into_inner().remove(0);
    assert_eq!(claim.attachments.len(), 1);
}
