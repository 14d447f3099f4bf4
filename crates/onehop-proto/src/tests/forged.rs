//! Statements that are not signed by whom they name, or are about another payment: each is a fault,
//! and changes nothing.

use onehop_wire::{
    Abort, AbortReason, AbortSubject, Committed, Hash, Message, Nonce, Refused, RefusedReason,
    Signature, Signed, Statement, TxId,
};

use super::acts;
use super::pair::Pair;
use super::peers::faults;
use crate::{Fault, PeerId};

type Made = fn(&mut Pair) -> TxId;
type Said = fn(&Pair, &TxId) -> Message;

fn by_seller<T: Statement>(pair: &Pair, body: T) -> Signed<T> {
    pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed()
}

fn by_buyer<T: Statement>(pair: &Pair, body: T) -> Signed<T> {
    pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed()
}

fn request(pair: &Pair, tx: &TxId) -> Message {
    let payment = pair.seller.wallet.state().seller[tx].clone();
    Message::CommitRequest { request: payment.request, order: payment.order }
}

fn other_request(pair: &Pair, tx: &TxId) -> Message {
    let payment = pair.seller.wallet.state().seller[tx].clone();
    let mut body = payment.request.body;
    body.amount += 1;
    Message::CommitRequest { request: by_seller(pair, body), order: payment.order }
}

fn commit(pair: &Pair, tx: &TxId) -> Message {
    let claim = pair.seller.wallet.state().seller[tx].state.claim().unwrap();
    Message::Commit(claim.commit.clone())
}

fn other_commit(pair: &Pair, tx: &TxId) -> Message {
    let Message::Commit(commit) = commit(pair, tx) else { panic!() };
    let body = onehop_wire::Commit { payee_checkpoint: Some(Hash([3; 32])), ..commit.body };
    Message::Commit(by_seller(pair, body))
}

fn abort_body(pair: &Pair, tx: &TxId, subject: AbortSubject) -> Abort {
    let terms = &pair.seller.wallet.state().seller[tx].request.body;
    let (payer, payee) = (terms.payer, terms.payee);
    Abort { tx: *tx, payer, payee, subject, reason: AbortReason::Cancelled }
}

fn abort_of_vote(pair: &Pair, tx: &TxId) -> Message {
    let agreed = acts::agreed_of(pair, tx).hash(pair.office.id());
    Message::Abort(by_seller(pair, abort_body(pair, tx, AbortSubject::Agreed(agreed))))
}

fn abort_of_other_vote(pair: &Pair, tx: &TxId) -> Message {
    let other = AbortSubject::Agreed(Hash([9; 32]));
    Message::Abort(by_seller(pair, abort_body(pair, tx, other)))
}

fn abort_of_request(pair: &Pair, tx: &TxId) -> Message {
    let request = pair.seller.wallet.state().seller[tx].request.hash(pair.office.id());
    Message::Abort(by_seller(pair, abort_body(pair, tx, AbortSubject::Request(request))))
}

fn abort_of_other_request(pair: &Pair, tx: &TxId) -> Message {
    let other = AbortSubject::Request(Hash([9; 32]));
    Message::Abort(by_seller(pair, abort_body(pair, tx, other)))
}

fn agreed(pair: &Pair, tx: &TxId) -> Message {
    Message::Agreed(acts::agreed_of(pair, tx))
}

fn other_agreed(pair: &Pair, tx: &TxId) -> Message {
    let mut body = acts::agreed_of(pair, tx).body;
    body.cum_in += 1;
    Message::Agreed(by_buyer(pair, body))
}

fn refused_body(pair: &Pair, tx: &TxId) -> Refused {
    let request = &pair.seller.wallet.state().seller[tx].request;
    Refused {
        tx: *tx,
        payer: request.body.payer,
        payee: request.body.payee,
        request: request.hash(pair.office.id()),
        reason: RefusedReason::Declined,
    }
}

fn refused(pair: &Pair, tx: &TxId) -> Message {
    Message::Refused(by_buyer(pair, refused_body(pair, tx)))
}

fn refused_of_other(pair: &Pair, tx: &TxId) -> Message {
    let body = Refused { request: Hash([9; 32]), ..refused_body(pair, tx) };
    Message::Refused(by_buyer(pair, body))
}

fn committed_body(pair: &Pair, tx: &TxId) -> Committed {
    let commit = &pair.seller.wallet.state().seller[tx].state.claim().unwrap().commit;
    let (payer, payee, agreed) = (commit.body.payer, commit.body.payee, commit.body.agreed);
    Committed { tx: *tx, payer, payee, agreed, commit: commit.hash(pair.office.id()) }
}

fn committed(pair: &Pair, tx: &TxId) -> Message {
    Message::Committed(by_buyer(pair, committed_body(pair, tx)))
}

fn committed_of_other(pair: &Pair, tx: &TxId) -> Message {
    let body = Committed { commit: Hash([9; 32]), ..committed_body(pair, tx) };
    Message::Committed(by_buyer(pair, body))
}

fn of_unknown(pair: &Pair, tx: &TxId, said: Said) -> Message {
    let mut message = said(pair, tx);
    match &mut message {
        Message::Agreed(agreed) => agreed.body.tx = TxId([9; 32]),
        Message::Refused(refused) => refused.body.tx = TxId([9; 32]),
        Message::Commit(commit) => commit.body.tx = TxId([9; 32]),
        Message::Abort(abort) => abort.body.tx = TxId([9; 32]),
        Message::Committed(committed) => committed.body.tx = TxId([9; 32]),
        Message::CommitRequest { .. }
        | Message::Attachment(_)
        | Message::Released(_)
        | Message::Status { .. }
        | Message::Unknown(_)
        | Message::News(_) => panic!("not one of these"),
    }
    message
}

fn forge(message: &mut Message) {
    let bad = Signature([7; 64]);
    match message {
        Message::CommitRequest { request, .. } => request.signature = bad,
        Message::Agreed(agreed) => agreed.signature = bad,
        Message::Refused(refused) => refused.signature = bad,
        Message::Commit(commit) => commit.signature = bad,
        Message::Abort(abort) => abort.signature = bad,
        Message::Committed(committed) => committed.signature = bad,
        Message::Attachment(_)
        | Message::Released(_)
        | Message::Status { .. }
        | Message::Unknown(_)
        | Message::News(_) => panic!("not one of these"),
    }
}

/// Hands `message` to one side; it is this fault, and no state changes.
#[track_caller]
fn is_fault(pair: &mut Pair, to_buyer: bool, message: Message, fault: Fault) {
    let (now, peer) = (pair.now(), pair.peer);
    let device = if to_buyer { &mut pair.buyer } else { &mut pair.seller };
    let (before, asked) = (device.wallet.state().clone(), device.wallet.asked.len());
    device.events.clear();
    device.wallet.on_message(now, peer, message.clone());
    device.drain();
    assert_eq!(faults(device), [fault], "{message:?}");
    assert_eq!(*device.wallet.state(), before, "{message:?}");
    assert_eq!(device.wallet.asked.len(), asked, "{message:?}");
}

fn asked_for(pair: &mut Pair) -> TxId {
    let tx = pair.ask(735, "order 1");
    pair.seller.out.clear();
    tx
}

/// [W-10] [P-3]
#[test]
fn a_statement_with_anothers_signature_changes_nothing_in_any_state() {
    let cases: [(Made, Said, bool); 15] = [
        (asked_for, request, true),
        (acts::invited, abort_of_request, true),
        (acts::prepared, other_request, true),
        (acts::prepared, abort_of_vote, true),
        (acts::seller_committed, commit, true),
        (acts::done, other_commit, true),
        (acts::done, abort_of_vote, true),
        (acts::settled, commit, true),
        (acts::voided_after_commit, commit, true),
        (acts::invited, refused, false),
        (acts::prepared, agreed, false),
        (acts::done, other_agreed, false),
        (acts::seller_committed, committed, false),
        (acts::redeemed_early, committed, false),
        (acts::lost_early, committed, false),
    ];
    for (make, said, to_buyer) in cases {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let mut message = said(&pair, &tx);
        forge(&mut message);
        is_fault(&mut pair, to_buyer, message, Fault::Signature);
    }
}

/// [P-3]
#[test]
fn a_statement_about_another_payment_changes_nothing_in_any_state() {
    let cases: [(Made, Said, bool); 6] = [
        (acts::invited, abort_of_other_request, true),
        (acts::prepared, abort_of_other_vote, true),
        (acts::invited, refused_of_other, false),
        (acts::seller_committed, committed_of_other, false),
        (acts::redeemed_early, committed_of_other, false),
        (acts::lost_early, committed_of_other, false),
    ];
    for (make, said, to_buyer) in cases {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let message = said(&pair, &tx);
        is_fault(&mut pair, to_buyer, message, Fault::WrongPayment);
    }
    let unknown: [(Made, Said, bool); 5] = [
        (acts::prepared, abort_of_vote, true),
        (acts::seller_committed, commit, true),
        (acts::prepared, agreed, false),
        (acts::invited, refused, false),
        (acts::seller_committed, committed, false),
    ];
    for (make, said, to_buyer) in unknown {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let message = of_unknown(&pair, &tx, said);
        is_fault(&mut pair, to_buyer, message, Fault::WrongPayment);
    }
}

#[test]
fn a_second_contradiction_of_one_payment_is_told_and_not_kept() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::done(&mut pair);
    let commit = other_commit(&pair, &tx);
    acts::from_seller(&mut pair, &commit);
    assert_eq!(pair.buyer.wallet.state().evidence().len(), 1);
    let abort = abort_of_vote(&pair, &tx);
    is_fault(&mut pair, true, abort, Fault::Contradiction);
    assert_eq!(pair.buyer.wallet.state().evidence().len(), 1);
}

#[test]
fn an_abort_of_what_is_over_is_neither_answered_nor_kept() {
    let cases: [(Made, Said); 3] = [
        (acts::both_aborted, abort_of_other_vote),
        (acts::voided, abort_of_vote),
        (acts::refused, abort_of_request),
    ];
    for (make, said) in cases {
        let mut pair = Pair::new();
        pair.open();
        let tx = make(&mut pair);
        let (before, spoken) = (pair.buyer.wallet.state().clone(), pair.buyer.said.len());
        let message = said(&pair, &tx);
        acts::from_seller(&mut pair, &message);
        assert_eq!(*pair.buyer.wallet.state(), before);
        assert_eq!(pair.buyer.said.len(), spoken);
        assert_eq!(faults(&pair.buyer), []);
    }
}

#[test]
fn who_came_as_a_seller_has_no_vote_and_who_came_as_a_buyer_asks_for_nothing() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::prepared(&mut pair);
    let vote = agreed(&pair, &tx);
    let ask = other_request(&pair, &tx);
    // In a further session the two have changed places.
    let (now, peer) = (pair.now(), PeerId(77));
    let lookup = pair.buyer.wallet.open_shop().unwrap();
    pair.seller.wallet.open_buyer_mode(now, 1_000_000).unwrap();
    pair.disconnect();
    pair.peer = peer;
    pair.buyer.wallet.handle_up_as_seller(now, peer);
    pair.seller.wallet.handle_up_as_buyer(now, peer, &lookup);
    loop {
        pair.buyer.drain();
        pair.seller.drain();
        pair.seller.wallet.introduce(now, peer).ok();
        pair.seller.drain();
        if !pair.step(&mut |_| super::pair::Fate::Arrives) {
            break;
        }
    }
    assert!(pair.buyer.wallet.session(peer).is_some());
    is_fault(&mut pair, false, vote, Fault::WrongPayment);
    let Message::CommitRequest { request, order } = ask else { panic!() };
    let body = onehop_wire::CommitRequest { seller_nonce: Nonce([5; 16]), ..request.body };
    let request = by_seller(&pair, body);
    is_fault(&mut pair, true, Message::CommitRequest { request, order }, Fault::Unexpected);
}
