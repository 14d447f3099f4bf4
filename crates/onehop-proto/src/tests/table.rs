//! The state tables of the specification as data: state, event, records, words, next state.

use onehop_wire::{Message, RefusedReason, TxId};

use super::pair::{Pair, later};

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

fn invited(pair: &mut Pair) -> TxId {
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    tx
}

fn prepared(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    pair.confirm(&tx);
    pair.buyer.out.clear();
    tx
}

fn seller_committed(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    pair.confirm(&tx);
    pair.step(&mut |_| super::pair::Fate::Arrives);
    pair.seller.out.clear();
    tx
}

fn done(pair: &mut Pair) -> TxId {
    pair.pay(735, "order 1")
}

fn refused(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    let now = pair.now();
    pair.buyer.wallet.refuse(now, &tx).unwrap();
    pair.run_well();
    tx
}

fn seller_aborted(pair: &mut Pair) -> TxId {
    let tx = prepared(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.seller.drain();
    pair.seller.out.clear();
    tx
}

/// Cancelled while the buyer's person still thinks; the ABORT is lost.
fn seller_cancelled(pair: &mut Pair) -> TxId {
    let tx = invited(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.seller.drain();
    pair.seller.out.clear();
    tx
}

fn both_aborted(pair: &mut Pair) -> TxId {
    let tx = prepared(pair);
    let now = pair.now();
    pair.seller.wallet.cancel(now, &tx).unwrap();
    pair.run_well();
    tx
}

fn from_buyer(pair: &mut Pair, message: &Message) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.buyer.wallet.say(now, peer, message);
    pair.buyer.drain();
    while pair.buyer.out.front().is_some() {
        let (peer, bytes, _) = pair.buyer.out.pop_front().unwrap();
        pair.seller.wallet.handle_packet(now, peer, &bytes);
    }
    pair.seller.drain();
    pair.seller.out.clear();
}

fn from_seller(pair: &mut Pair, message: &Message) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.seller.wallet.say(now, peer, message);
    pair.seller.drain();
    while pair.seller.out.front().is_some() {
        let (peer, bytes, _) = pair.seller.out.pop_front().unwrap();
        pair.buyer.wallet.handle_packet(now, peer, &bytes);
    }
    pair.buyer.drain();
    pair.buyer.out.clear();
}

/// The person says yes and the vote arrives.
fn vote(pair: &mut Pair, tx: &TxId) {
    pair.confirm(tx);
    while let Some((peer, bytes, _)) = pair.buyer.out.pop_front() {
        let now = pair.now();
        pair.seller.wallet.handle_packet(now, peer, &bytes);
    }
    pair.seller.drain();
    pair.seller.out.clear();
}

/// The session was lost; in the next one the buyer asks of itself.
fn new_session(pair: &mut Pair, _: &TxId) {
    pair.connect();
    pair.run(&mut |name| match name {
        "HELLO-1" | "HELLO-2" | "HELLO-3" | "STATUS" => super::pair::Fate::Arrives,
        _ => super::pair::Fate::Lost,
    });
}

fn agreed_again(pair: &mut Pair, tx: &TxId) {
    let vote = pair.buyer.wallet.state().buyer[tx].state.vote().unwrap().agreed.clone();
    from_buyer(pair, &Message::Agreed(vote));
}

fn status_without_vote(pair: &mut Pair, tx: &TxId) {
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

fn request_again(pair: &mut Pair, tx: &TxId) {
    let payment = pair.seller.wallet.state().seller[tx].clone();
    from_seller(pair, &Message::CommitRequest { request: payment.request, order: payment.order });
}

fn owed_by_seller(pair: &mut Pair, tx: &TxId) {
    let owed = pair.seller.wallet.state().seller[tx].owes();
    for message in &owed {
        from_seller(pair, message);
    }
}

/// What the seller said and was lost is sent again by its timer.
fn resent_by_seller(pair: &mut Pair, _: &TxId) {
    let now = later(pair.now(), 600);
    pair.seller.wallet.handle_timeout(now);
    pair.seller.drain();
    while let Some((peer, bytes, _)) = pair.seller.out.pop_front() {
        pair.buyer.wallet.handle_packet(now, peer, &bytes);
    }
    pair.buyer.drain();
    pair.buyer.out.clear();
}

fn cancel(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    pair.seller.wallet.cancel(now, tx).unwrap();
    pair.seller.drain();
    while let Some((peer, bytes, _)) = pair.seller.out.pop_front() {
        pair.buyer.wallet.handle_packet(now, peer, &bytes);
    }
    pair.buyer.drain();
    pair.buyer.out.clear();
}

fn refuse_late(pair: &mut Pair, tx: &TxId) {
    let now = pair.now();
    let context = pair.buyer.wallet.context(now, pair.peer).unwrap();
    let request = pair.seller.wallet.state().seller[tx].request.clone();
    let step = pair.buyer.wallet.state().refuse(&context, request, RefusedReason::Declined);
    let refused = step.say[0].clone();
    from_buyer(pair, &refused);
}

fn unknown_from_seller(pair: &mut Pair, tx: &TxId) {
    from_seller(pair, &Message::Unknown(*tx));
}

fn long_time(pair: &mut Pair, _: &TxId) {
    let now = later(pair.now(), 61_000);
    pair.seller.wallet.handle_timeout(now);
    pair.seller.drain();
    pair.seller.out.clear();
    pair.buyer.wallet.handle_timeout(now);
    pair.buyer.drain();
    pair.buyer.out.clear();
}

fn wrong_commit(pair: &mut Pair, tx: &TxId) {
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

fn unknown_tx_commit(pair: &mut Pair, tx: &TxId) {
    let claim = pair.seller.wallet.state().seller[tx].state.claim().unwrap().commit.clone();
    let mut body = claim.body;
    body.tx = TxId([9; 32]);
    let signed = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
    from_seller(pair, &Message::Commit(signed));
}

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
    for row in ROWS {
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
