//! How a pair of wallets gets into each state of the tables, and what may happen to it there.

use onehop_wire::office::{OutcomeKind, Verdict};
use onehop_wire::{Agreed, Message, RefusedReason, Signed, TxId};

use super::pair::{Fate, Pair, later};

pub(super) fn invited(pair: &mut Pair) -> TxId {
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    tx
}

pub(super) fn prepared(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    pair.confirm(&tx);
    pair.buyer.out.clear();
    tx
}

pub(super) fn seller_committed(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    pair.confirm(&tx);
    pair.step(&mut |_| Fate::Arrives);
    pair.seller.out.clear();
    tx
}

pub(super) fn done(pair: &mut Pair) -> TxId {
    pair.pay(735, "order 1")
}

pub(super) fn refused(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    let now = pair.now();
    pair.buyer.wallet.refuse(now, &tx).unwrap();
    pair.run_well();
    tx
}

pub(super) fn seller_aborted(pair: &mut Pair) -> TxId {
    let tx = prepared(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.seller.drain();
    pair.seller.out.clear();
    tx
}

/// Cancelled while the buyer's person still thinks; the ABORT is lost.
pub(super) fn seller_cancelled(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.seller.drain();
    pair.seller.out.clear();
    tx
}

pub(super) fn both_aborted(pair: &mut Pair) -> TxId {
    let tx = prepared(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.run_well();
    tx
}

/// What arrives is decided about; the session's own numbers are no part of these tables.
pub(super) fn from_buyer(pair: &mut Pair, message: &Message) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.seller.wallet.on_message(now, peer, message.clone());
    pair.seller.drain();
    pair.seller.out.clear();
}

pub(super) fn from_seller(pair: &mut Pair, message: &Message) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.buyer.wallet.on_message(now, peer, message.clone());
    pair.buyer.drain();
    pair.buyer.out.clear();
}

/// The person says yes and the vote arrives.
pub(super) fn vote(pair: &mut Pair, tx: &TxId) {
    pair.confirm(tx);
    while let Some((peer, bytes, _)) = pair.buyer.out.pop_front() {
        let now = pair.now();
        pair.seller.wallet.handle_packet(now, peer, &bytes);
    }
    pair.seller.drain();
    pair.seller.out.clear();
}

/// The session was lost; in the next one the buyer asks of itself.
pub(super) fn new_session(pair: &mut Pair, _: &TxId) {
    pair.connect();
    pair.run(&mut |name| match name {
        "HELLO-1" | "HELLO-2" | "HELLO-3" | "STATUS" => Fate::Arrives,
        _ => Fate::Lost,
    });
}

pub(super) fn agreed_again(pair: &mut Pair, tx: &TxId) {
    let vote = pair.buyer.wallet.state().buyer[tx].state.vote().unwrap().agreed.clone();
    from_buyer(pair, &Message::Agreed(vote));
}

pub(super) fn status_without_vote(pair: &mut Pair, tx: &TxId) {
    let request = pair.seller.wallet.state().seller[tx].request.clone();
    let (office, buyer) = (*pair.office.id(), &pair.buyer.wallet);
    let body = onehop_wire::Status {
        tx: *tx,
        asker: buyer.state().wallet().unwrap(),
        request: request.hash(&office),
        agreed: None,
    };
    let status = buyer.signer().sign(&office, body).into_signed();
    from_buyer(pair, &Message::Status { status, request, agreed: None });
}

pub(super) fn request_again(pair: &mut Pair, tx: &TxId) {
    let payment = pair.seller.wallet.state().seller[tx].clone();
    from_seller(pair, &Message::CommitRequest { request: payment.request, order: payment.order });
}

pub(super) fn owed_by_seller(pair: &mut Pair, tx: &TxId) {
    let owed = pair.seller.wallet.state().seller[tx].owes();
    for message in &owed {
        from_seller(pair, message);
    }
}

/// What the seller said and was lost is sent again by its timer.
pub(super) fn resent_by_seller(pair: &mut Pair, _: &TxId) {
    let now = later(pair.now(), 600);
    pair.seller.wallet.handle_timeout(now);
    pair.seller.drain();
    while let Some((peer, bytes, _)) = pair.seller.out.pop_front() {
        pair.buyer.wallet.handle_packet(now, peer, &bytes);
    }
    pair.buyer.drain();
    pair.buyer.out.clear();
}

pub(super) fn cancel(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    pair.seller.wallet.cancel(now, tx).unwrap();
    pair.seller.drain();
    while let Some((peer, bytes, _)) = pair.seller.out.pop_front() {
        pair.buyer.wallet.handle_packet(now, peer, &bytes);
    }
    pair.buyer.drain();
    pair.buyer.out.clear();
}

pub(super) fn refuse_late(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    let context = pair.buyer.wallet.context(now, pair.peer).unwrap();
    let request = pair.seller.wallet.state().seller[tx].request.clone();
    let step = pair.buyer.wallet.state().refuse(&context, request, RefusedReason::Declined);
    let refused = step.say[0].clone();
    from_buyer(pair, &refused);
}

pub(super) fn unknown_from_seller(pair: &mut Pair, tx: &TxId) {
    from_seller(pair, &Message::Unknown(*tx));
}

pub(super) fn long_time(pair: &mut Pair, _: &TxId) {
    let now = later(pair.now(), 61_000);
    pair.seller.wallet.handle_timeout(now);
    pair.seller.drain();
    pair.seller.out.clear();
    pair.buyer.wallet.handle_timeout(now);
    pair.buyer.drain();
    pair.buyer.out.clear();
}

pub(super) fn wrong_commit(pair: &mut Pair, tx: &TxId) {
    let body = pair.buyer.wallet.state().buyer[tx].request.body.clone();
    let commit = onehop_wire::Commit {
        tx: *tx,
        payer: body.payer,
        payee: body.payee,
        agreed: onehop_wire::Hash([3; 32]),
        payee_checkpoint: None,
    };
    let signed = pair.seller.wallet.signer().sign(pair.office.id(), commit).into_signed();
    from_seller(pair, &Message::Commit(signed));
}

pub(super) fn unknown_tx_commit(pair: &mut Pair, tx: &TxId) {
    let claim = pair.seller.wallet.state().seller[tx].state.claim().unwrap().commit.clone();
    let mut body = claim.body;
    body.tx = TxId([9; 32]);
    let signed = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_seller(pair, &Message::Commit(signed));
}

pub(super) fn status_from_seller(pair: &mut Pair, tx: &TxId) {
    let request = pair.seller.wallet.state().seller[tx].request.clone();
    let (office, seller) = (*pair.office.id(), &pair.seller.wallet);
    let body = onehop_wire::Status {
        tx: *tx,
        asker: seller.state().wallet().unwrap(),
        request: request.hash(&office),
        agreed: None,
    };
    let status = seller.signer().sign(&office, body).into_signed();
    from_seller(pair, &Message::Status { status, request, agreed: None });
}

pub(super) fn agreed_of(pair: &Pair, tx: &TxId) -> Signed<Agreed> {
    pair.buyer.wallet.state().buyer[tx].state.vote().unwrap().agreed.clone()
}

pub(super) fn outcome_to(pair: &mut Pair, tx: &TxId, seller: bool, kind: OutcomeKind) {
    let outcome = pair.office.outcome(&agreed_of(pair, tx), kind);
    let device = if seller { &mut pair.seller } else { &mut pair.buyer };
    device.wallet.verdict(&Verdict::Outcome(outcome)).unwrap();
    device.drain();
}

pub(super) const DISPUTED: OutcomeKind = OutcomeKind::Disputed(onehop_wire::Hash([5; 32]));

pub(super) fn redeemed(pair: &mut Pair) -> TxId {
    let tx = done(pair);
    outcome_to(pair, &tx, true, OutcomeKind::Paid);
    tx
}

/// Redeemed before the buyer's COMMITTED came.
pub(super) fn redeemed_early(pair: &mut Pair) -> TxId {
    let tx = seller_committed(pair);
    outcome_to(pair, &tx, true, OutcomeKind::Paid);
    tx
}

pub(super) fn lost(pair: &mut Pair) -> TxId {
    let tx = done(pair);
    outcome_to(pair, &tx, true, OutcomeKind::Void);
    tx
}

/// Paid by the word of the office; no COMMIT is held.
pub(super) fn settled(pair: &mut Pair) -> TxId {
    let tx = seller_committed(pair);
    outcome_to(pair, &tx, false, OutcomeKind::Paid);
    tx
}

pub(super) fn voided(pair: &mut Pair) -> TxId {
    let tx = seller_aborted(pair);
    outcome_to(pair, &tx, false, OutcomeKind::Void);
    tx
}

/// The lazy record of the request was lost with the seller's memory.
pub(super) fn forgotten(pair: &mut Pair) -> TxId {
    let tx = prepared(pair);
    pair.seller.wallet.state.seller.remove(&tx);
    tx
}

pub(super) fn other_agreed(pair: &mut Pair, tx: &TxId) {
    let mut body = agreed_of(pair, tx).body;
    body.cum_in += 1;
    let other = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_buyer(pair, &Message::Agreed(other));
}

pub(super) fn committed_again(pair: &mut Pair, tx: &TxId) {
    let commit = pair.seller.wallet.state().seller[tx].state.claim().unwrap().commit.clone();
    let body = onehop_wire::Committed {
        tx: *tx,
        payer: commit.body.payer,
        payee: commit.body.payee,
        agreed: commit.body.agreed,
        commit: commit.hash(pair.office.id()),
    };
    let committed = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_buyer(pair, &Message::Committed(committed));
}

pub(super) fn released(pair: &mut Pair, tx: &TxId) {
    let terms = pair.seller.wallet.state().seller[tx].request.body.clone();
    let abort = match &pair.seller.wallet.state().seller[tx].state {
        crate::SellerState::Aborted(abort) => abort.hash(pair.office.id()),
        crate::SellerState::Invited
        | crate::SellerState::Committed { .. }
        | crate::SellerState::Done { .. }
        | crate::SellerState::Redeemed { .. }
        | crate::SellerState::Lost { .. } => onehop_wire::Hash([6; 32]),
    };
    let body = onehop_wire::Released { tx: *tx, payer: terms.payer, payee: terms.payee, abort };
    let released = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_buyer(pair, &Message::Released(released));
}

pub(super) fn unknown_from_buyer(pair: &mut Pair, tx: &TxId) {
    from_buyer(pair, &Message::Unknown(*tx));
}

pub(super) fn other_request(pair: &mut Pair, tx: &TxId) {
    let payment = pair.seller.wallet.state().seller[tx].clone();
    let mut body = payment.request.body;
    body.amount += 1;
    let request = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_seller(pair, &Message::CommitRequest { request, order: payment.order });
}

pub(super) fn abort_from_seller(pair: &mut Pair, tx: &TxId) {
    let reason = onehop_wire::AbortReason::Cancelled;
    let (abort, _) = pair.seller.wallet.sign_abort_of(tx, reason).unwrap();
    from_seller(pair, &Message::Abort(abort));
}

pub(super) fn cancel_refused(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    let refused = pair.seller.wallet.cancel(now, tx);
    assert_eq!(refused, Err(crate::Refusal::WrongState { tx: *tx }));
    pair.seller.drain();
}

pub(super) fn seller_restarts(pair: &mut Pair, _: &TxId) {
    let before = pair.seller.forces;
    pair.disconnect();
    pair.seller = pair.seller.restarted(true, 52);
    // The numbering goes on higher up after any restart.
    pair.seller.records.retain(|record| record != "NumbersFrom");
    pair.seller.forces += before;
}

pub(super) fn buyer_restarts(pair: &mut Pair, _: &TxId) {
    let before = pair.buyer.forces;
    pair.disconnect();
    pair.buyer = pair.buyer.restarted(true, 53);
    pair.buyer.forces += before;
}

pub(super) fn seller_closes(pair: &mut Pair, _: &TxId) {
    let now = pair.now();
    pair.seller.wallet.close(now, onehop_wire::office::Transfer::None).unwrap();
    pair.seller.drain();
}

pub(super) fn refuse(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    pair.buyer.wallet.refuse(now, tx).unwrap();
    pair.buyer.drain();
}

pub(super) fn confirm_too_late(pair: &mut Pair, tx: &TxId) {
    pair.buyer.wallet.state.newest_issued.0 = super::office::TODAY.0 + 8 * super::office::DAY;
    let now = pair.now();
    pair.buyer.wallet.confirm(now, tx).unwrap_err();
    pair.buyer.drain();
}

/// The buyer's status timer, with the vote lost and its resends as well.
pub(super) fn status_timer(pair: &mut Pair, _: &TxId) {
    pair.now_ms += 4_000;
    let now = pair.now();
    pair.buyer.wallet.handle_timeout(now);
    pair.buyer.drain();
    pair.buyer.said.retain(|said| *said == "STATUS");
}

pub(super) fn commit_timer(pair: &mut Pair, _: &TxId) {
    let now = later(pair.now(), 600);
    pair.seller.wallet.handle_timeout(now);
    pair.seller.drain();
}

pub(super) fn pending(pair: &mut Pair, tx: &TxId, seller: bool) {
    let pending = pair.office.pending(*tx);
    let device = if seller { &mut pair.seller } else { &mut pair.buyer };
    device.wallet.verdict(&Verdict::Pending(pending)).unwrap();
    device.drain();
}

pub(super) fn forget_payment(pair: &mut Pair) -> TxId {
    let tx = done(pair);
    pair.buyer.wallet.state.buyer.remove(&tx);
    tx
}

/// The office did not pay, and the buyer's COMMITTED never came.
pub(super) fn lost_early(pair: &mut Pair) -> TxId {
    let tx = seller_committed(pair);
    outcome_to(pair, &tx, true, OutcomeKind::Void);
    tx
}

/// The office said VOID to a buyer whose seller had committed.
pub(super) fn voided_after_commit(pair: &mut Pair) -> TxId {
    let tx = seller_committed(pair);
    outcome_to(pair, &tx, false, OutcomeKind::Void);
    tx
}
