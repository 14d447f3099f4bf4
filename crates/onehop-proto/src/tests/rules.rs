//! Single rules of the specification, each with a test that fails without it.

use onehop_wire::office::Transfer;
use onehop_wire::{CommitRequest, Currency, Lookup, Message, Packet, Text, TxId, encode};

use super::office::{DAY, Office, TODAY};
use super::pair::{Device, Fate, Pair};
use crate::event::CertificateFault;
use crate::{Event, Fault, PeerId};

fn faults(device: &Device) -> Vec<Fault> {
    let fault = |event: &Event| {
        if let Event::PeerFault { fault, .. } = event { Some(*fault) } else { None }
    };
    device.events.iter().filter_map(fault).collect()
}

/// Delivers until both are quiet, with a person who does not answer.
fn run_unattended(pair: &mut Pair) {
    loop {
        pair.seller.drain();
        pair.buyer.drain();
        if !pair.step(&mut |_| Fate::Arrives) {
            return;
        }
    }
}

fn invited(pair: &mut Pair) -> TxId {
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    tx
}

/// [H-8]
#[test]
fn a_buyer_names_itself_only_to_a_seller_that_the_person_chose() {
    let mut pair = Pair::new();
    pair.connect();
    run_unattended(&mut pair);
    assert_eq!(pair.buyer.said, ["HELLO-1"]);
    let found = pair
        .buyer
        .events
        .iter()
        .any(|event| matches!(event, Event::SellerFound { name, .. } if name == "tea stall"));
    assert!(found, "the person sees the certified name first");
    let now = pair.now();
    pair.buyer.wallet.introduce(now, pair.peer).unwrap();
    run_unattended(&mut pair);
    assert_eq!(pair.buyer.said, ["HELLO-1", "HELLO-3"]);
}

/// [H-16]
#[test]
fn a_peer_that_acknowledges_nothing_loses_the_session() {
    let mut pair = Pair::new();
    pair.open();
    let now = pair.now();
    for n in 0..17 {
        assert!(pair.buyer.wallet.session(pair.peer).is_some(), "after {n} messages");
        pair.buyer.wallet.say(now, pair.peer, &Message::Unknown(TxId([1; 32])));
    }
    assert!(pair.buyer.wallet.session(pair.peer).is_none());
}

/// [H-17]
#[test]
fn an_opened_message_that_does_not_decode_ends_the_session() {
    let mut pair = Pair::new();
    pair.open();
    let peer = pair.peer;
    let open = pair.buyer.wallet.peers.get_mut(&peer).unwrap().open_mut().unwrap();
    let sealed = open.session.seal(&[0xff; 3]).unwrap();
    let now = pair.now();
    let before = pair.seller.wallet.state().clone();
    pair.seller.wallet.handle_packet(now, peer, &encode(&Packet::Sealed(sealed)));
    assert!(pair.seller.wallet.session(peer).is_none());
    assert_eq!(*pair.seller.wallet.state(), before);
}

/// [H-18]
#[test]
fn a_reject_or_a_lost_channel_ends_the_session_and_changes_no_payment() {
    for by_reject in [true, false] {
        let mut pair = Pair::new();
        pair.open();
        let tx = invited(&mut pair);
        pair.confirm(&tx);
        let before = pair.buyer.wallet.state().clone();
        let now = pair.now();
        if by_reject {
            let reject = Packet::Reject(onehop_wire::RejectCode::Ended);
            pair.buyer.wallet.handle_packet(now, pair.peer, &encode(&reject));
        } else {
            pair.buyer.wallet.handle_down(pair.peer);
        }
        assert!(pair.buyer.wallet.session(pair.peer).is_none());
        assert_eq!(*pair.buyer.wallet.state(), before);
    }
}

/// [V-1]
#[test]
fn a_look_up_of_another_version_is_not_answered() {
    let mut pair = Pair::new();
    let now = pair.now();
    pair.buyer.wallet.open_buyer_mode(now, 1_000).unwrap();
    let lookup = encode(&Lookup { version: 2, tag: [0; 8] });
    pair.buyer.wallet.handle_up_as_buyer(now, PeerId(9), &lookup);
    pair.buyer.drain();
    assert!(pair.buyer.said.is_empty());
}

fn request_in_a_new_session(pair: &mut Pair, tx: &TxId) {
    pair.open();
    pair.buyer.said.clear();
    let payment = pair.seller.wallet.state().seller[tx].clone();
    let again = Message::CommitRequest { request: payment.request, order: payment.order };
    let (now, peer) = (pair.now(), pair.peer);
    pair.seller.wallet.say(now, peer, &again);
    pair.run_well();
}

/// [P-4]
#[test]
fn a_request_of_another_session_is_dropped_if_unknown_and_answered_if_known() {
    let mut pair = Pair::new();
    pair.open();
    let paid = pair.pay(735, "order 2");
    request_in_a_new_session(&mut pair, &paid);
    assert_eq!(pair.buyer.said, ["COMMITTED"]);
    let mut pair = Pair::new();
    pair.open();
    let unseen = pair.ask(735, "order 1");
    pair.seller.out.clear();
    request_in_a_new_session(&mut pair, &unseen);
    assert!(pair.buyer.said.is_empty());
    assert_eq!(faults(&pair.buyer), [Fault::WrongPayment]);
}

/// [P-7] [P-8]
#[test]
fn a_request_with_any_wrong_term_is_refused_before_the_person_sees_it() {
    let bends: [fn(&mut CommitRequest); 8] = [
        |terms| terms.redeem_by = terms.redeem_by.plus(1),
        |terms| terms.redeem_by.0 -= 1,
        |terms| terms.amount = 0,
        |terms| terms.currency = Currency::by_code("EUR").unwrap(),
        |terms| terms.order_hash.0[0] ^= 1,
        |terms| terms.vote_ms = 0,
        |terms| terms.epoch += 1,
        |terms| terms.payer.0[0] ^= 1,
    ];
    for (n, bend) in bends.into_iter().enumerate() {
        let mut pair = Pair::new();
        pair.open();
        let tx = pair.ask(735, "order 1");
        pair.seller.out.clear();
        pair.open();
        pair.buyer.said.clear();
        let mut body = pair.seller.wallet.state().seller[&tx].request.body.clone();
        body.buyer_nonce = {
            let now = pair.now();
            pair.seller.wallet.context(now, pair.peer).unwrap().nonce
        };
        bend(&mut body);
        let request = pair.seller.wallet.signer().sign(pair.office.id(), body).into_signed();
        let order = Text::new("two teas").unwrap();
        let (now, peer) = (pair.now(), pair.peer);
        pair.seller.wallet.say(now, peer, &Message::CommitRequest { request, order });
        pair.run_well();
        assert!(pair.buyer.wallet.asked.is_empty(), "bend {n} is not shown");
        // Who asks a stranger's payment of this wallet gets no answer.
        let expected: &[&str] = if n == 7 { &[] } else { &["REFUSED"] };
        assert_eq!(pair.buyer.said, expected, "bend {n}");
    }
}

/// [P-11]
#[test]
fn a_vote_without_the_attachments_it_names_is_aborted() {
    let mut pair = Pair::with(Office::new(1), 1_000);
    pair.open();
    let first = pair.ask(800, "order 1");
    pair.run_well();
    pair.confirm(&first);
    pair.buyer.out.clear();
    pair.disconnect();
    pair.seller = pair.seller.restarted(true, 41);
    pair.open();
    let second = pair.ask(900, "order 2");
    pair.run_well();
    let asked = pair.buyer.wallet.asked[&second].clone();
    let now = pair.now();
    let context = pair.buyer.wallet.context(now, pair.peer).unwrap();
    let step = pair.buyer.wallet.state().agree(&context, &asked).unwrap();
    assert_eq!(step.say.len(), 2, "an attachment goes ahead of the vote");
    let vote = step.say[1].clone();
    pair.buyer.wallet.say(now, pair.peer, &vote);
    pair.run_well();
    assert_eq!(pair.seller.state(&second), "ABORTED");
}

/// [P-12] [M-15]
#[test]
fn a_commit_names_the_open_purse_or_none_and_the_claim_holds_all_evidence() {
    for closed in [false, true] {
        let mut pair = Pair::new();
        pair.open();
        let now = pair.now();
        if closed {
            pair.seller.wallet.close(now, Transfer::None).unwrap();
        }
        pair.pay(735, "order 1");
        let claims = pair.seller.wallet.claims();
        let claim = &claims.bundles[0].claims[0];
        let purse = pair.seller.wallet.state().purse().unwrap().hash;
        let expected = if closed { None } else { Some(purse) };
        assert_eq!(claim.commit.body.payee_checkpoint, expected);
        let trust = pair.seller.wallet.trust();
        let payee = pair.seller.wallet.state().certificate().unwrap().clone();
        let payee = trust.certificate(payee).unwrap();
        let judged = onehop_evidence::verify_claim(trust, claim, &payee).unwrap();
        assert!(judged.committed.is_some());
    }
}

/// [P-13]
#[test]
fn a_status_about_other_statements_than_those_beside_it_is_dropped() {
    for bend in 0..4 {
        let mut pair = Pair::new();
        pair.open();
        let tx = invited(&mut pair);
        pair.confirm(&tx);
        pair.step(&mut |_| Fate::Arrives);
        pair.run_well();
        let now = pair.now();
        let office = *pair.office.id();
        let (request, agreed) = {
            let payment = &pair.buyer.wallet.state().buyer[&tx];
            (payment.request.clone(), payment.state.vote().unwrap().agreed.clone())
        };
        let mut body = onehop_wire::Status {
            tx,
            asker: pair.buyer.wallet.state().wallet().unwrap(),
            request: request.hash(&office),
            agreed: Some(agreed.hash(&office)),
        };
        match bend {
            0 => body.tx.0[0] ^= 1,
            1 => body.request.0[0] ^= 1,
            2 => body.agreed = None,
            _ => body.asker.0[0] ^= 1,
        }
        let status = pair.buyer.wallet.signer().sign(&office, body).into_signed();
        pair.seller.said.clear();
        let message = Message::Status { status, request, agreed: Some(agreed) };
        pair.buyer.wallet.say(now, pair.peer, &message);
        pair.run_well();
        assert!(pair.seller.said.is_empty(), "bend {bend} is not answered");
        assert_eq!(faults(&pair.seller), [Fault::WrongPayment]);
    }
}

/// [M-13]
#[test]
fn a_second_vote_of_a_copied_wallet_is_aborted_and_kept() {
    let mut pair = Pair::new();
    pair.open();
    let fork = pair.buyer.log.clone();
    pair.pay(735, "order 1");
    pair.disconnect();
    pair.buyer = Device::start(fork, 77);
    pair.open();
    let second = pair.ask(800, "order 2");
    pair.run_well();
    pair.confirm(&second);
    pair.run_well();
    assert_eq!(pair.seller.state(&second), "ABORTED");
    assert_eq!(pair.seller.wallet.state().evidence().len(), 1);
    assert!(faults(&pair.seller).contains(&Fault::Contradiction));
}

/// [M-14]
#[test]
fn a_vote_too_near_its_last_claim_or_for_a_paid_order_is_aborted() {
    let mut pair = Pair::new();
    pair.open();
    pair.seller.wallet.config.claim_time_min = 22 * DAY;
    let tx = pair.pay_until_vote();
    assert_eq!(pair.seller.state(&tx), "ABORTED");
    let mut pair = Pair::new();
    pair.open();
    let tx = invited(&mut pair);
    let order = Text::new("order 1").unwrap();
    pair.seller.wallet.state.orders_in.insert(order, TxId([8; 32]));
    pair.confirm(&tx);
    pair.run_well();
    let why = crate::NotPaid::Aborted(onehop_wire::AbortReason::OrderPaid);
    assert!(pair.seller.events.contains(&Event::NotPaid { tx, why }));
}

#[test]
fn a_revoked_wallet_is_refused_by_name_before_any_prompt_on_either_side() {
    for revoke_seller in [true, false] {
        let mut pair = Pair::new();
        let other = if revoke_seller { &pair.seller } else { &pair.buyer };
        let list = onehop_wire::office::Revocations {
            number: 1,
            wallets: onehop_wire::List::new(vec![other.wallet.state().wallet().unwrap()]).unwrap(),
            signed_by: 1,
        };
        let signer = pair.buyer.wallet.signer().clone();
        let list = signer.sign(pair.office.id(), list).into_signed();
        let judge = if revoke_seller { &mut pair.buyer } else { &mut pair.seller };
        judge.wallet.state.revocations = Some(list);
        pair.connect();
        pair.run_well();
        let judge = if revoke_seller { &pair.buyer } else { &pair.seller };
        assert_eq!(faults(judge), [Fault::Certificate(CertificateFault::Revoked)]);
        assert!(pair.seller.wallet.session(pair.peer).is_none());
    }
}

/// [S-14]
#[test]
fn a_clock_set_back_does_not_make_an_expired_purse_valid() {
    let mut pair = Pair::new();
    pair.seller.wallet.state.newest_issued = TODAY.plus(8 * DAY);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Expired)]);
}
