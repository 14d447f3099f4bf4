//! What a buyer does with each request it may get (spec §5.3), and with whom.

use onehop_wire::office::Transfer;
use onehop_wire::{
    CommitRequest, Currency, Hash, LimitName, Message, Nonce, RefusedReason, Signed, Text, WalletId,
};

use super::office::DAY;
use super::pair::{Device, Fate, Pair, later};
use super::peers::{faults, forget, say};
use crate::config::{PROMPTS_MAX, REFUSALS_PER_PAYEE_MAX};
use crate::{Event, Fault, LogRecord, NotPaid, Refusal};

/// A request of the seller for "order 1", changed before it is signed.
fn bent(pair: &Pair, number: u8, bend: impl FnOnce(&mut CommitRequest)) -> Message {
    let context = pair.seller.wallet.context(pair.now(), pair.peer).unwrap();
    let terms = Pair::terms(735, "order 1");
    let step = pair.seller.wallet.state().invite(&context, &terms, Nonce([number; 16])).unwrap();
    let Message::CommitRequest { request, order } = step.say[0].clone() else {
        panic!("a request is said");
    };
    let mut body = request.body;
    bend(&mut body);
    let request = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
    Message::CommitRequest { request, order }
}

fn request_in(message: &Message) -> &Signed<CommitRequest> {
    let Message::CommitRequest { request, .. } = message else {
        panic!("{message:?}");
    };
    request
}

fn nothing(_: &mut Pair) {}

fn as_it_is(_: &mut CommitRequest) {}

fn in_doubt(pair: &mut Pair, order: &str) {
    let tx = pair.ask(10, order);
    pair.run_well();
    pair.confirm(&tx);
    pair.buyer.out.clear();
    // The lost vote keeps its number: a new session brings both sides together again.
    pair.connect();
    pair.run(&mut |name| if name.starts_with("HELLO") { Fate::Arrives } else { Fate::Lost });
    pair.seller.out.clear();
    pair.buyer.out.clear();
    pair.connect();
    pair.run(&mut |name| if name.starts_with("HELLO") { Fate::Arrives } else { Fate::Lost });
}

type Case = (&'static str, fn(&mut Pair), fn(&mut CommitRequest), Option<RefusedReason>);

/// In the order of the specification's table; no reason: it is dropped.
#[rustfmt::skip]
const CASES: &[Case] = &[
    ("1, another session's nonce", nothing, |body| body.buyer_nonce = Nonce([9; 16]), None),
    ("1, another payee", nothing, |body| body.payee = WalletId([9; 32]), None),
    ("1, another payer", nothing, |body| body.payer = WalletId([9; 32]), None),
    ("2, frozen", |pair| pair.buyer.wallet.state.frozen = true, as_it_is, None),
    ("2, a prompt is open", |pair| { pair.ask(1, "order 0"); pair.run_well(); }, as_it_is, None),
    ("3, amount", nothing, |body| body.amount = 0, Some(RefusedReason::Terms)),
    ("3, currency", nothing, |body| body.currency = Currency::by_code("EUR").unwrap(), Some(RefusedReason::Terms)),
    ("3, epoch", nothing, |body| body.epoch += 1, Some(RefusedReason::Terms)),
    ("3, order", nothing, |body| body.order_hash = Hash([9; 32]), Some(RefusedReason::Terms)),
    ("3, redeem by, later", nothing, |body| body.redeem_by.0 += 1, Some(RefusedReason::Terms)),
    ("3, redeem by, earlier", nothing, |body| body.redeem_by.0 -= 1, Some(RefusedReason::Terms)),
    ("3, vote, shorter", nothing, |body| body.vote_ms = 999, Some(RefusedReason::Terms)),
    ("3, vote, longer", nothing, |body| body.vote_ms = 600_001, Some(RefusedReason::Terms)),
    ("4, closed", |pair| { let now = pair.now(); pair.buyer.wallet.close(now, Transfer::None).unwrap(); pair.buyer.drain(); }, as_it_is, Some(RefusedReason::Terms)),
    ("4, expired, before 5", |pair| { pair.pay(1, "order 1"); pair.seller.wallet.state.orders_in.clear(); pair.buyer.wallet.state.newest_issued.0 += 8 * DAY + super::office::TODAY.0; }, as_it_is, Some(RefusedReason::Terms)),
    ("5, paid", |pair| { pair.pay(1, "order 1"); pair.seller.wallet.state.orders_in.clear(); }, as_it_is, Some(RefusedReason::OrderNotFree)),
    ("5, in doubt", |pair| { in_doubt(pair, "order 1"); pair.seller.wallet.state.orders_in.clear(); }, as_it_is, Some(RefusedReason::OrderNotFree)),
    ("6, two in doubt with this payee", |pair| { in_doubt(pair, "order 7"); in_doubt(pair, "order 8"); }, as_it_is, Some(RefusedReason::Terms)),
    ("6, entries", |pair| pair.buyer.wallet.state.purse.as_mut().unwrap().seq = 1_024, as_it_is, Some(RefusedReason::Terms)),
    ("7, limit", nothing, |body| body.amount = 50_001, Some(RefusedReason::OverLimit { name: LimitName::PerPayment, limit: 50_000 })),
    ("8, funds", |pair| { pair.pay(50_000, "order 7"); pair.pay(49_999, "order 8"); }, as_it_is, Some(RefusedReason::InsufficientFunds)),
];

/// [P-4] [P-7] [P-8] [S-14]
#[test]
fn a_buyer_refuses_or_drops_each_request_as_the_table_says_and_asks_nobody() {
    for (name, given, bend, reason) in CASES {
        let mut pair = Pair::new();
        pair.open();
        given(&mut pair);
        let message = bent(&pair, 7, bend);
        let tx = request_in(&message).body.tx_id();
        let asked = pair.buyer.wallet.asked.len();
        forget(&mut pair.buyer);
        say(&mut pair, false, &message);
        assert_eq!(pair.buyer.wallet.asked.len(), asked, "{name}: nobody is asked");
        let said = pair.buyer.said.iter().filter(|said| **said == "REFUSED").count();
        assert_eq!((said, pair.buyer.said.contains(&"AGREED")), (reason.map_or(0, |_| 1), false));
        match reason {
            None => assert_eq!(pair.buyer.records.len(), 0, "{name}"),
            Some(reason) => {
                let why = NotPaid::Refused(*reason);
                let told = Event::NotPaid { tx, why };
                assert!(pair.buyer.events.contains(&told), "{name}: {:?}", pair.buyer.events);
                assert_eq!(pair.buyer.state(&tx), "REFUSED", "{name}");
            }
        }
    }
    // The same request, with nothing in its way, asks the person.
    let mut pair = Pair::new();
    pair.open();
    let message = bent(&pair, 7, as_it_is);
    say(&mut pair, false, &message);
    assert!(pair.buyer.wallet.asked.contains_key(&request_in(&message).body.tx_id()));
}

/// [P-9]
#[test]
fn a_payee_has_one_prompt_at_a_time_and_the_person_a_few() {
    let mut pair = Pair::new();
    pair.open();
    let first = pair.ask(735, "order 1");
    let second = pair.ask(735, "order 2");
    pair.run_well();
    let asked: Vec<_> = pair.buyer.wallet.asked.keys().copied().collect();
    assert_eq!(asked, [first]);
    assert_eq!(faults(&pair.buyer), [Fault::Flood]);
    pair.confirm(&first);
    pair.run_well();
    assert_eq!(pair.buyer.state(&second), "NONE", "it was dropped, not put off");
    // Prompts of others: there is an end to them as well.
    let third = pair.ask(735, "order 3");
    pair.run_well();
    let prompt = pair.buyer.wallet.asked.remove(&third).unwrap();
    for number in 0..PROMPTS_MAX {
        let mut other = prompt.clone();
        other.request.body.payee = WalletId([u8::try_from(number).unwrap(); 32]);
        pair.buyer.wallet.asked.insert(other.request.body.tx_id(), other);
    }
    let fourth = pair.ask(735, "order 4");
    pair.run_well();
    assert!(!pair.buyer.wallet.asked.contains_key(&fourth));
}

/// [P-9]
#[test]
fn a_yes_after_the_sellers_time_is_a_no() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let late = later(pair.now(), 60_000);
    assert_eq!(pair.buyer.wallet.confirm(late, &tx), Err(Refusal::WrongState { tx }));
    pair.buyer.drain();
    assert_eq!(pair.buyer.state(&tx), "REFUSED");
    assert_eq!(pair.buyer.wallet.balance().held, 0);
}

/// [P-9]
#[test]
fn the_prompt_says_if_another_payment_to_that_payee_is_in_doubt() {
    let mut pair = Pair::new();
    pair.open();
    in_doubt(&mut pair, "order 7");
    pair.buyer.events.clear();
    pair.ask(735, "order 1");
    pair.run_well();
    let told = |event: &Event| matches!(event, Event::Asked { in_doubt_with_payee: true, .. });
    assert!(pair.buyer.events.iter().any(told), "{:?}", pair.buyer.events);
}

#[test]
fn a_payee_cannot_fill_the_log_with_refusals() {
    let mut pair = Pair::new();
    pair.open();
    for number in 0..=u8::try_from(REFUSALS_PER_PAYEE_MAX).unwrap() {
        let message = bent(&pair, number, |body| body.amount = 0);
        say(&mut pair, false, &message);
    }
    let kept = pair.buyer.records.iter().filter(|record| *record == "Refused").count();
    assert_eq!(kept, REFUSALS_PER_PAYEE_MAX);
    assert_eq!(faults(&pair.buyer).last(), Some(&Fault::Flood));
}

/// [P-1]
#[test]
fn a_message_from_the_side_that_may_not_send_it_changes_nothing() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let payment = pair.seller.wallet.state().seller[&tx].clone();
    let (order, request) = (payment.order.clone(), payment.request.clone());
    let mut mine = request.body.clone();
    (mine.payer, mine.payee) = (mine.payee, mine.payer);
    mine.seller_nonce = Nonce([3; 16]);
    mine.redeem_by = pair.seller.wallet.state().redeem_by().unwrap();
    let mine = pair.buyer.wallet.signer().sign(pair.office.id(), mine).into_signed();
    let (abort, _) =
        pair.seller.wallet.sign_abort_of(&tx, onehop_wire::AbortReason::Cancelled).unwrap();
    let claim = payment.state.claim().unwrap().clone();
    let from_buyer = [
        Message::CommitRequest { request: mine, order: order.clone() },
        Message::CommitRequest { request, order },
        Message::Commit(claim.commit.clone()),
        Message::Abort(abort),
    ];
    let from_seller =
        [Message::Agreed(claim.agreed.clone()), Message::Committed(claim.committed.unwrap())];
    let before = (pair.seller.wallet.state().clone(), pair.buyer.wallet.state().clone());
    for (is_buyer, messages) in [(true, &from_buyer[..]), (false, &from_seller[..])] {
        for message in messages {
            forget(&mut pair.seller);
            forget(&mut pair.buyer);
            say(&mut pair, is_buyer, message);
            let receiver = if is_buyer { &pair.seller } else { &pair.buyer };
            assert!(receiver.said.is_empty() && receiver.wallet.asked.is_empty(), "{message:?}");
        }
    }
    let after = (pair.seller.wallet.state().clone(), pair.buyer.wallet.state().clone());
    assert!(before == after);
}

/// [P-2]
#[test]
fn a_statement_of_somebody_who_is_not_in_this_session_is_dropped() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    pair.step(&mut |_| Fate::Arrives);
    pair.seller.out.clear();
    let commit = pair.seller.wallet.state().seller[&tx].owes()[0].clone();
    pair.disconnect();
    let other = Device::start(pair.office.enrolled(13, "other stall", 0), 23);
    let first = std::mem::replace(&mut pair.seller, other);
    pair.open();
    forget(&mut pair.buyer);
    say(&mut pair, false, &commit);
    assert_eq!(pair.buyer.state(&tx), "PREPARED");
    assert_eq!(faults(&pair.buyer), [Fault::WrongPayment]);
    pair.disconnect();
    pair.seller = first;
    pair.open();
    pair.run_well();
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
}

/// A request that reaches a wallet with no room for its words is refused by their hash.
#[test]
fn a_request_whose_words_are_others_is_refused() {
    let mut pair = Pair::new();
    pair.open();
    let Message::CommitRequest { request, .. } = bent(&pair, 7, as_it_is) else {
        panic!("a request");
    };
    let order = Text::new("three teas").unwrap();
    let tx = request.body.tx_id();
    say(&mut pair, false, &Message::CommitRequest { request, order });
    assert_eq!(pair.buyer.state(&tx), "REFUSED");
    let record = |record: &LogRecord| matches!(record, LogRecord::Prepared { .. });
    assert!(!pair.buyer.log.iter().any(|bytes| {
        onehop_wire::decode::<LogRecord>(bytes, 1 << 20).is_ok_and(|read| record(&read))
    }));
}
