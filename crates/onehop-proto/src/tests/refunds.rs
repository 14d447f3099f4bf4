//! Payments back: what both wallets refuse by themselves, and what they remember for it (spec §6.7).

use onehop_evidence::{EntryFault, verify_entry};
use onehop_wire::office::{OutcomeKind, Transfer};
use onehop_wire::{
    AbortReason, Attachment, List, Message, Money, RefusedReason, TxId, UnixSeconds,
};

use super::acts;
use super::office::{DAY, Office};
use super::pair::Pair;
use crate::refund::Past;
use crate::{Event, LogRecord, NotPaid, Refusal, Terms};

const FIRST: u64 = 5_000;

/// The customer has paid, and now asks: it is the seller of what follows, and the shop the buyer.
fn sold() -> (Pair, TxId) {
    let mut pair = Pair::new();
    pair.open();
    let first = pair.pay(FIRST, "order 1");
    turn(&mut pair);
    (pair, first)
}

fn turn(pair: &mut Pair) {
    pair.disconnect();
    core::mem::swap(&mut pair.seller, &mut pair.buyer);
    pair.open();
}

fn back(of: TxId, amount: u64, order: &str) -> Terms {
    Terms { refund_of: Some(of), ..Pair::terms(amount, order) }
}

fn ask_back(pair: &mut Pair, of: TxId, amount: u64, order: &str) -> Result<TxId, Refusal> {
    let (now, peer) = (pair.now(), pair.peer);
    let asked = pair.seller.wallet.request(now, peer, &back(of, amount, order));
    pair.seller.drain();
    asked
}

fn refund(pair: &mut Pair, of: TxId, amount: u64, order: &str) -> TxId {
    let tx = ask_back(pair, of, amount, order).unwrap();
    pair.run_well();
    pair.confirm(&tx);
    pair.run_well();
    tx
}

fn money(minor: u64) -> Money {
    Money::new(minor, Office::currency())
}

fn too_much(asked: u64, left: u64) -> Refusal {
    Refusal::Refund { asked: money(asked), left: money(left) }
}

/// A request of the customer's that its own wallet would not make, and what the shop says to it.
fn answer_to(pair: &mut Pair, of: TxId, amount: u64, number: u8) -> Option<RefusedReason> {
    let context = pair.seller.wallet.context(pair.now(), pair.peer).unwrap();
    let terms = Pair::terms(amount, &format!("order {number}"));
    let nonce = onehop_wire::Nonce([number; 16]);
    let step = pair.seller.wallet.state().invite(&context, &terms, nonce).unwrap();
    let Message::CommitRequest { request, order } = step.say[0].clone() else { panic!() };
    let mut body = request.body;
    body.refund_of = Some(of);
    let tx = body.tx_id();
    let request = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
    acts::from_seller(pair, &Message::CommitRequest { request, order });
    pair.buyer.events.iter().find_map(|event| {
        let Event::NotPaid { tx: about, why: NotPaid::Refused(reason) } = event else {
            return None;
        };
        (*about == tx).then_some(*reason)
    })
}

///
#[test]
fn a_payment_is_given_back_in_parts_down_to_nothing() {
    let (mut pair, first) = sold();
    let some = refund(&mut pair, first, 2_000, "back 1");
    assert_eq!(ask_back(&mut pair, first, 3_001, "back 2"), Err(too_much(3_001, 3_000)));
    let rest = refund(&mut pair, first, 3_000, "back 3");
    for (tx, amount) in [(some, 2_000), (rest, 3_000)] {
        let (customer, shop) = (pair.seller.view(&tx).unwrap(), pair.buyer.view(&tx).unwrap());
        assert_eq!((customer.state.as_str(), shop.state.as_str()), ("DONE", "COMMITTED"));
        assert_eq!((customer.refund_of, shop.refund_of), (Some(first), Some(first)));
        assert_eq!((customer.amount, shop.amount), (money(amount), money(amount)));
        let vote = pair.buyer.wallet.state().buyer[&tx].state.vote().unwrap();
        assert_eq!(vote.agreed.body.refund_of, Some(first));
    }
    let refused = ask_back(&mut pair, first, 1, "back 4").unwrap_err();
    assert_eq!(refused, too_much(1, 0));
    assert_eq!(
        refused.to_string(),
        "refund of 0.01 INR asked, 0.00 INR left to give back of that payment"
    );
    // The shop says the same to a customer whose wallet asks all the same.
    let over = Some(RefusedReason::Refund { left: 0 });
    assert_eq!(answer_to(&mut pair, first, 1, 5), over);
}

///
#[test]
fn the_prompt_says_what_the_first_payment_was() {
    let (mut pair, first) = sold();
    let tx = ask_back(&mut pair, first, 2_000, "back 1").unwrap();
    pair.run_well();
    let is_told = pair.buyer.events.iter().any(|event| {
        let Event::Asked { tx: about, terms, first: whole, .. } = event else {
            return false;
        };
        *about == tx && terms.refund_of == Some(first) && *whole == Some(money(FIRST))
    });
    assert!(is_told, "{:?}", pair.buyer.events);
}

///
#[test]
fn the_shop_refuses_what_is_not_a_payment_that_it_received_from_this_customer() {
    let (mut pair, first) = sold();
    let nothing = Some(RefusedReason::Refund { left: 0 });
    assert_eq!(answer_to(&mut pair, TxId([9; 32]), 1, 2), nothing, "unknown");
    let left = Some(RefusedReason::Refund { left: FIRST });
    assert_eq!(answer_to(&mut pair, first, FIRST + 1, 3), left, "above it");
    let given = refund(&mut pair, first, 10, "back 1");
    assert_eq!(answer_to(&mut pair, given, 1, 4), nothing, "this wallet paid it");
    pair.buyer.wallet.state.seller.get_mut(&first).unwrap().request.body.payer =
        onehop_wire::WalletId([9; 32]);
    assert_eq!(answer_to(&mut pair, first, 1, 5), nothing, "of another customer");
}

///
#[test]
fn a_customer_asks_back_only_what_it_paid_to_this_shop() {
    let (mut pair, first) = sold();
    let unknown = TxId([9; 32]);
    let refused = ask_back(&mut pair, unknown, 1, "back 1").unwrap_err();
    assert_eq!(refused, Refusal::NotRefundable { tx: unknown });
    assert_eq!(
        refused.to_string(),
        format!("payment {} to that wallet is not known here as paid", unknown.short())
    );
    let payment = pair.seller.wallet.state.buyer.get_mut(&first).unwrap();
    let payee = core::mem::replace(&mut payment.request.body.payee, onehop_wire::WalletId([9; 32]));
    assert_eq!(
        ask_back(&mut pair, first, 1, "back 1"),
        Err(Refusal::NotRefundable { tx: first }),
        "paid to another"
    );
    pair.seller.wallet.state.buyer.get_mut(&first).unwrap().request.body.payee = payee;
    assert!(ask_back(&mut pair, first, 1, "back 1").is_ok());
}

///
#[test]
fn what_is_asked_or_in_doubt_counts_and_what_is_aborted_does_not() {
    let (mut pair, first) = sold();
    let open = ask_back(&mut pair, first, 3_000, "back 1").unwrap();
    pair.run_well();
    assert_eq!(ask_back(&mut pair, first, 3_000, "back 2"), Err(too_much(3_000, 2_000)));
    pair.confirm(&open);
    pair.buyer.out.clear();
    pair.disconnect();
    pair.open();
    // The vote is lost with its session; the seller's timer waives the request.
    assert_eq!(pair.buyer.state(&open), "COMMITTED", "it was asked about again and paid");
    let next = ask_back(&mut pair, first, 2_000, "back 3").unwrap();
    pair.run_well();
    let now = pair.now();
    pair.seller.wallet.cancel(now, &next).unwrap();
    pair.run_well();
    assert_eq!(pair.seller.state(&next), "ABORTED");
    refund(&mut pair, first, 2_000, "back 4");
}

///
#[test]
fn what_is_left_is_looked_at_again_when_the_person_says_yes() {
    let (mut pair, first) = sold();
    let tx = ask_back(&mut pair, first, 3_000, "back 1").unwrap();
    pair.run_well();
    let past = Past { amount: 2_001, until: UnixSeconds(u64::MAX) };
    pair.buyer.wallet.state.refunds_past.insert(first, past);
    let now = pair.now();
    let refused = pair.buyer.wallet.confirm(now, &tx);
    assert_eq!(refused, Err(too_much(3_000, 2_999)));
    pair.run_well();
    let why = NotPaid::Refused(RefusedReason::Refund { left: 2_999 });
    assert!(pair.seller.events.contains(&Event::NotPaid { tx, why }), "the customer is told");
}

/// The shop closes its purse and gets the next; what was in doubt stays so.
fn renew(pair: &mut Pair, is_buyer: bool, balance: u64) {
    let now = pair.now();
    let device = if is_buyer { &mut pair.buyer } else { &mut pair.seller };
    let sync = device.wallet.close(now, Transfer::None).unwrap();
    device.drain();
    let certificate = device.wallet.state().certificate().unwrap().clone();
    let answer = pair.office.renew(&device.wallet, &sync, &certificate, balance, Vec::new());
    device.wallet.renewed(answer).unwrap();
    device.drain();
}

///
#[test]
fn what_was_aborted_after_its_purse_was_closed_counts_until_the_office_says_void() {
    let (mut pair, first) = sold();
    let tx = ask_back(&mut pair, first, FIRST, "back 1").unwrap();
    pair.run_well();
    pair.confirm(&tx);
    pair.buyer.out.clear();
    renew(&mut pair, true, 9_000);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.disconnect();
    pair.open();
    assert_eq!(pair.buyer.state(&tx), "ABORTED");
    let left = Some(RefusedReason::Refund { left: 0 });
    assert_eq!(answer_to(&mut pair, first, 1, 3), left);
    acts::outcome_to(&mut pair, &tx, false, OutcomeKind::Void);
    refund(&mut pair, first, FIRST, "back 2");
}

fn compact(pair: &mut Pair, is_buyer: bool, days: u64) {
    let mut now = pair.now();
    now.unix = now.unix.plus(days * DAY);
    let device = if is_buyer { &mut pair.buyer } else { &mut pair.seller };
    device.wallet.record(vec![LogRecord::NumbersFrom(0)], false);
    device.drain();
    let compaction = device.wallet.compaction(now, true).unwrap();
    device.wallet.compacted(compaction);
}

///
#[test]
fn what_is_left_of_an_erased_payment_stays_known_until_its_date() {
    let (mut pair, first) = sold();
    let given = refund(&mut pair, first, 2_000, "back 1");
    // The office has paid the first to the shop and the refund to the customer.
    let paid = pair.seller.wallet.state().buyer[&first].state.vote().unwrap().agreed.clone();
    let paid = pair.office.outcome(&paid, OutcomeKind::Paid);
    pair.buyer.wallet.verdict(&onehop_wire::office::Verdict::Outcome(paid)).unwrap();
    pair.buyer.drain();
    acts::outcome_to(&mut pair, &given, true, OutcomeKind::Paid);
    renew(&mut pair, true, 3_000);
    renew(&mut pair, false, 97_000);
    for is_buyer in [true, false] {
        compact(&mut pair, is_buyer, 0);
    }
    for device in [&pair.seller, &pair.buyer] {
        assert_eq!((device.view(&first), device.view(&given)), (None, None), "all is erased");
    }
    pair.open();
    assert_eq!(ask_back(&mut pair, first, 3_001, "back 2"), Err(too_much(3_001, 3_000)));
    assert_eq!(answer_to(&mut pair, first, 3_001, 3), Some(RefusedReason::Refund { left: 3_000 }));
    pair.open();
    let rest = refund(&mut pair, first, 3_000, "back 4");
    assert_eq!(pair.seller.state(&rest), "DONE");
    for is_buyer in [true, false] {
        compact(&mut pair, is_buyer, 30);
    }
    assert_eq!(ask_back(&mut pair, first, 1, "back 5"), Err(Refusal::NotRefundable { tx: first }));
    assert_eq!(answer_to(&mut pair, first, 1, 6), Some(RefusedReason::Refund { left: 0 }));
    for device in [&pair.seller, &pair.buyer] {
        let state = device.wallet.state();
        assert!(state.past.is_empty() && state.refunds_past.is_empty());
    }
}

///
#[test]
fn an_erased_payment_that_the_office_was_not_told_of_is_not_asked_back() {
    let mut pair = Pair::new();
    pair.open();
    // In doubt when the customer's purse is closed, and paid afterwards.
    let first = acts::seller_committed(&mut pair);
    renew(&mut pair, true, 95_000);
    pair.open();
    assert_eq!(pair.buyer.state(&first), "COMMITTED");
    compact(&mut pair, true, 0);
    assert_eq!(pair.buyer.state(&first), "NONE");
    turn(&mut pair);
    let refused = ask_back(&mut pair, first, 1, "back 1");
    assert_eq!(refused, Err(Refusal::NotRefundable { tx: first }));
}

///
#[test]
fn a_claim_of_a_refund_is_filed_after_the_evidence_of_the_first_payment() {
    let (mut pair, first) = sold();
    let given = refund(&mut pair, first, 2_000, "back 1");
    let bundles = pair.seller.wallet.claims().bundles;
    let filed: Vec<_> = bundles[0].claims.iter().map(|claim| claim.agreed.body.tx).collect();
    assert_eq!(filed, [first, given]);
    assert!(bundles[0].claims.iter().all(|claim| claim.committed.is_some()));
}

///
#[test]
fn evidence_that_the_office_may_not_have_is_kept_until_the_refund_is_settled() {
    let mut pair = Pair::new();
    pair.open();
    let first = acts::seller_committed(&mut pair);
    renew(&mut pair, true, 95_000);
    turn(&mut pair);
    assert_eq!(pair.seller.state(&first), "COMMITTED", "paid after its SYNC");
    let given = refund(&mut pair, first, 700, "back 1");
    compact(&mut pair, false, 0);
    assert!(pair.seller.view(&first).is_some());
    acts::outcome_to(&mut pair, &given, true, OutcomeKind::Paid);
    compact(&mut pair, false, 0);
    assert!(pair.seller.view(&first).is_none());
}

/// [M-17]
#[test]
fn a_refund_backs_nothing_before_the_office_has_seen_it() {
    let (mut pair, first) = sold();
    let before = pair.seller.wallet.balance();
    let given = refund(&mut pair, first, 2_000, "back 1");
    let after = pair.seller.wallet.balance();
    assert_eq!(after.spendable, before.spendable);
    assert_eq!(after.received_unsettled, before.received_unsettled + 2_000);
    // An entry that takes it along all the same does not hold.
    let claim = pair.seller.wallet.state().seller[&given].state.claim().unwrap().clone();
    let state = pair.seller.wallet.state();
    let trust = pair.seller.wallet.trust();
    let certificate = trust.certificate(state.certificate().unwrap().clone()).unwrap();
    let checkpoint = trust.checkpoint(state.purse().unwrap().checkpoint.clone()).unwrap();
    let payer = onehop_evidence::Payer::new(certificate, checkpoint).unwrap();
    let attached = vec![Attachment::Receipt(Box::new(claim))];
    let mut entry = state.buyer[&first].state.vote().unwrap().agreed.body.clone();
    entry.attachments = List::new(attached.iter().map(Attachment::hash).collect()).unwrap();
    entry.hops = 2;
    let entry = pair.seller.wallet.signer().sign(pair.office.id(), entry).into_signed();
    let fault = verify_entry(trust, &payer, entry, &attached).unwrap_err();
    assert_eq!(fault, EntryFault::Receipt);
}

/// §6.5, step 6.
#[test]
fn a_vote_that_names_another_first_payment_than_the_request_is_aborted() {
    let (mut pair, first) = sold();
    let tx = ask_back(&mut pair, first, 2_000, "back 1").unwrap();
    pair.run_well();
    pair.confirm(&tx);
    let mut body = acts::agreed_of(&pair, &tx).body;
    body.refund_of = None;
    let attached = pair.buyer.wallet.state().buyer[&tx].state.vote().unwrap().attachments.clone();
    pair.buyer.out.clear();
    for attachment in attached.into_inner() {
        acts::from_buyer(&mut pair, &Message::Attachment(attachment));
    }
    let other = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    acts::from_buyer(&mut pair, &Message::Agreed(other));
    let why = NotPaid::Aborted(AbortReason::InvalidVote);
    assert!(pair.seller.events.contains(&Event::NotPaid { tx, why }));
}
