//! Handshakes that do not go well: what each side says, and that nobody remembers a stranger.

use onehop_crypto::SigningKey;
use onehop_wire::{
    Currency, Hello1, List, Packet, RejectCode, Sealed, Signature, TxId, decode, encode,
};

use super::acts;
use super::office::Office;
use super::pair::{Device, Fate, Pair, later};
use super::peers::faults;
use crate::event::CertificateFault;
use crate::{Event, Fault, PeerId, Refusal};

/// Both have begun; HELLO 1 is on its way.
fn greeting() -> Pair {
    let mut pair = Pair::new();
    pair.connect();
    pair.seller.drain();
    pair.buyer.drain();
    pair
}

fn hello_1(pair: &Pair) -> Hello1 {
    let (_, bytes, _) = pair.buyer.out.front().unwrap();
    let Ok(Packet::Hello1(hello)) = decode(bytes, 1_024) else { panic!("HELLO 1 is on its way") };
    hello
}

fn to_seller(pair: &mut Pair, packet: &Packet) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.seller.wallet.handle_packet(now, peer, &encode(packet));
    pair.seller.drain();
}

fn to_buyer(pair: &mut Pair, packet: &Packet) {
    let (now, peer) = (pair.now(), pair.peer);
    pair.buyer.wallet.handle_packet(now, peer, &encode(packet));
    pair.buyer.drain();
}

/// The packet that `device` said last, and its name.
fn last(device: &Device) -> (&'static str, Packet) {
    let (_, bytes, name) = device.out.back().unwrap();
    (name, decode(bytes, 9_216).unwrap())
}

#[test]
fn a_buyer_without_a_common_version_or_with_another_look_up_is_rejected_by_name() {
    type Bend = fn(&mut Hello1);
    let cases: [(Bend, RejectCode, Fault); 2] = [
        (
            |hello| hello.versions = List::new(vec![2, 3]).unwrap(),
            RejectCode::Version,
            Fault::Version,
        ),
        (|hello| hello.lookup.0[0] ^= 1, RejectCode::Handshake, Fault::Handshake),
    ];
    for (bend, code, fault) in cases {
        let mut pair = greeting();
        let mut hello = hello_1(&pair);
        bend(&mut hello);
        to_seller(&mut pair, &Packet::Hello1(hello));
        assert_eq!(last(&pair.seller), ("REJECT", Packet::Reject(code)));
        assert_eq!(faults(&pair.seller), [fault]);
        assert!(pair.seller.wallet.peers.is_empty());
    }
}

#[test]
fn each_reject_ends_the_channel_with_its_own_fault() {
    let cases = [
        (RejectCode::Version, Fault::Version),
        (RejectCode::Certificate, Fault::Certificate(CertificateFault::OtherOffice)),
        (RejectCode::Handshake, Fault::Handshake),
        (RejectCode::Busy, Fault::Flood),
        (RejectCode::Ended, Fault::Unexpected),
    ];
    for (code, fault) in cases {
        let mut pair = greeting();
        to_buyer(&mut pair, &Packet::Reject(code));
        assert_eq!(faults(&pair.buyer), [fault]);
        assert!(pair.buyer.wallet.peers.is_empty());
    }
}

#[test]
fn the_same_hello_1_gets_the_same_answer_and_another_one_a_new_answer() {
    let mut pair = greeting();
    let hello = hello_1(&pair);
    to_seller(&mut pair, &Packet::Hello1(hello.clone()));
    let first = last(&pair.seller);
    to_seller(&mut pair, &Packet::Hello1(hello.clone()));
    assert_eq!(last(&pair.seller), first);
    let other = Hello1 { want_office_key: true, ..hello };
    to_seller(&mut pair, &Packet::Hello1(other));
    let second = last(&pair.seller);
    assert_eq!(second.0, "HELLO-2");
    assert_ne!(second, first);
}

#[test]
fn a_packet_that_comes_too_early_or_too_late_is_a_fault_or_nothing_and_says_nothing() {
    let mut pair = greeting();
    let hello = Packet::Hello1(hello_1(&pair));
    let sealed = Sealed { number: 1, ack: 0, ciphertext: List::new(vec![0; 32]).unwrap() };
    to_buyer(&mut pair, &hello);
    to_buyer(&mut pair, &Packet::Sealed(sealed.clone()));
    to_seller(&mut pair, &Packet::Sealed(sealed));
    assert_eq!(faults(&pair.buyer), [Fault::Unexpected, Fault::Unexpected]);
    assert_eq!(faults(&pair.seller), [Fault::Unexpected]);
    // The second and third HELLO, once they are answered, or before they are asked for.
    pair.step(&mut |_| Fate::Arrives);
    let (_, hello_2) = last(&pair.seller);
    to_seller(&mut pair, &hello_2);
    pair.run_well();
    let said = (pair.seller.said.len(), pair.buyer.said.len());
    to_buyer(&mut pair, &hello_2);
    to_seller(&mut pair, &hello);
    assert_eq!((pair.seller.said.len(), pair.buyer.said.len()), said);
    assert_eq!(faults(&pair.seller), [Fault::Unexpected, Fault::Unexpected]);
    assert!(pair.seller.wallet.session(pair.peer).is_some(), "the session goes on");
    let (now, nobody) = (pair.now(), PeerId(99));
    assert_eq!(pair.seller.wallet.handle_packet(now, nobody, &encode(&hello)), None);
    pair.seller.wallet.handle_down(nobody);
    pair.seller.drain();
    assert_eq!(pair.seller.said.len(), said.0);
}

#[test]
fn an_altered_hello_3_is_rejected_as_a_handshake() {
    let mut pair = greeting();
    pair.run(&mut |name| if name == "HELLO-3" { Fate::Lost } else { Fate::Arrives });
    let repeated = later(pair.now(), 600);
    pair.buyer.wallet.handle_timeout(repeated);
    pair.buyer.drain();
    let (name, Packet::Hello3(mut hello)) = last(&pair.buyer) else { panic!("no HELLO 3") };
    assert_eq!(name, "HELLO-3");
    let mut sealed = hello.sealed.into_inner();
    sealed[0] ^= 1;
    hello.sealed = List::new(sealed).unwrap();
    to_seller(&mut pair, &Packet::Hello3(hello));
    assert_eq!(last(&pair.seller), ("REJECT", Packet::Reject(RejectCode::Handshake)));
    assert_eq!(faults(&pair.seller), [Fault::Handshake]);
}

#[test]
fn a_buyer_certified_by_another_office_is_rejected_by_its_certificate() {
    let mut pair = Pair::new();
    let stranger = Device::start(Office::new(50).enrolled(13, "meena", 500), 23);
    let certificate = stranger.wallet.state().certificate().cloned();
    pair.buyer.wallet.state.certificate = certificate;
    pair.connect();
    pair.run_well();
    assert_eq!(last_said(&pair.seller), "REJECT");
    let fault = Fault::Certificate(CertificateFault::OtherOffice);
    assert_eq!(faults(&pair.seller), [fault]);
    assert_eq!(faults(&pair.buyer), [fault]);
}

fn last_said(device: &Device) -> &'static str {
    device.said.last().unwrap()
}

#[test]
fn a_seller_of_another_currency_or_with_this_wallets_own_key_is_not_shown() {
    let mut pair = Pair::new();
    let mut body = pair.seller.wallet.state().certificate().unwrap().body.clone();
    body.currency = Currency::by_code("EUR").unwrap();
    pair.seller.wallet.state.certificate = Some(pair.office.certificate(body));
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.buyer), [Fault::Certificate(CertificateFault::Currency)]);
    let mut pair = Pair::new();
    pair.seller = Device::start(pair.buyer.log.clone(), 24);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.buyer), [Fault::Certificate(CertificateFault::Myself)]);
    let shown = |event: &Event| matches!(event, Event::SellerFound { .. });
    assert!(!pair.buyer.events.iter().any(shown));
}

#[test]
fn an_office_key_that_the_buyer_lacks_is_asked_for_checked_and_kept() {
    for is_certified in [true, false] {
        let mut pair = Pair::new();
        let signer = SigningKey::from_seed(&[77; 32]);
        let mut key = pair.office.certified(2, &signer);
        let mut body = pair.seller.wallet.state().certificate().unwrap().body.clone();
        body.signed_by = 2;
        let state = &mut pair.seller.wallet.state;
        state.certificate = Some(signer.sign(pair.office.id(), body).into_signed());
        let trust = state.trust.as_mut().unwrap();
        trust.add_key(key.clone()).unwrap();
        pair.connect();
        pair.run(&mut |_| Fate::Arrives);
        if is_certified {
            assert_eq!(pair.buyer.said[..2], ["HELLO-1", "HELLO-1"]);
            assert!(pair.buyer.records.contains(&"OfficeKeySeen".to_owned()));
            assert_eq!(pair.buyer.restarted(true, 25).wallet.state().office_key(2), Some(&key));
            assert!(pair.seller.wallet.session(pair.peer).is_some());
        } else {
            key.signature = Signature([7; 64]);
            let seen = crate::LogRecord::OfficeKeySeen(key);
            assert!(pair.buyer.wallet.state.clone().apply(&seen).is_err());
        }
    }
}

/// [H-5]
#[test]
fn a_wallet_that_does_not_sell_or_is_busy_says_so_and_closes_the_channel() {
    let mut pair = Pair::new();
    let now = pair.now();
    pair.seller.wallet.handle_up_as_seller(now, PeerId(1));
    pair.seller.drain();
    assert_eq!(last(&pair.seller), ("REJECT", Packet::Reject(RejectCode::Ended)));
    pair.seller.wallet.open_shop().unwrap();
    for peer in 2..=34 {
        pair.seller.wallet.handle_up_as_seller(now, PeerId(peer));
    }
    pair.seller.drain();
    assert_eq!(last(&pair.seller), ("REJECT", Packet::Reject(RejectCode::Busy)));
    assert_eq!(pair.seller.wallet.peers.len(), 32);
    pair.seller.wallet.close_shop();
    pair.seller.wallet.handle_up_as_seller(now, PeerId(35));
    pair.seller.drain();
    assert_eq!(pair.seller.said.len(), 3);
}

#[test]
fn a_handshake_that_takes_too_long_is_dropped_on_both_sides() {
    let mut pair = greeting();
    pair.wait(119_000, &mut |_| Fate::Lost);
    assert_eq!((pair.seller.wallet.peers.len(), pair.buyer.wallet.peers.len()), (1, 1));
    pair.wait(2_000, &mut |_| Fate::Lost);
    assert_eq!((pair.seller.wallet.peers.len(), pair.buyer.wallet.peers.len()), (0, 0));
    assert_eq!(pair.buyer.said.len(), 5, "HELLO 1 and four repetitions");
}

#[test]
fn closing_buyer_mode_ends_what_is_unfinished_and_leaves_sessions_open() {
    for is_found in [false, true] {
        let mut pair = greeting();
        if is_found {
            while pair.step(&mut |_| Fate::Arrives) {
                pair.buyer.drain();
            }
        }
        assert_eq!(pair.buyer.wallet.peers.len(), 1);
        pair.buyer.wallet.close_buyer_mode();
        assert!(pair.buyer.wallet.peers.is_empty());
        let now = pair.now();
        assert_eq!(pair.buyer.wallet.introduce(now, pair.peer), Err(Refusal::NoSession));
    }
    let mut pair = Pair::new();
    pair.open();
    // It also ends by itself.
    let long = later(pair.now(), 10_000_001);
    pair.buyer.wallet.handle_timeout(long);
    assert!(pair.buyer.wallet.session(pair.peer).is_some());
    let lookup = pair.seller.wallet.open_shop().unwrap();
    pair.buyer.drain();
    pair.buyer.wallet.handle_up_as_buyer(long, PeerId(9), &lookup);
    assert!(!pair.buyer.wallet.peers.contains_key(&PeerId(9)));
}

#[test]
fn what_needs_a_session_is_refused_without_one() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    let (now, peer) = (pair.now(), pair.peer);
    let terms = Pair::terms(10, "order 2");
    assert_eq!(pair.buyer.wallet.request(now, peer, &terms), Err(Refusal::NoSession));
    pair.disconnect();
    assert_eq!(pair.seller.wallet.request(now, peer, &terms), Err(Refusal::NoSession));
    let wrong = |tx: TxId| Err(Refusal::WrongState { tx });
    assert_eq!(pair.buyer.wallet.confirm(now, &tx), wrong(tx));
    assert_eq!(pair.buyer.wallet.refuse(now, &tx), wrong(tx));
    assert_eq!(pair.seller.wallet.cancel(now, &TxId([9; 32])), wrong(TxId([9; 32])));
    assert_eq!(pair.seller.wallet.session(peer), None);
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anything_is_sent() {
    let mut pair = Pair::new();
    pair.open();
    let (now, peer) = (pair.now(), pair.peer);
    let mut terms = Pair::terms(735, "order 1");
    terms.amount = onehop_wire::Money::new(5, Currency::by_code("EUR").unwrap());
    let refused = pair.seller.wallet.request(now, peer, &terms).unwrap_err();
    assert_eq!(refused.to_string(), "amount is in EUR, the wallet is in INR");
    let zero = pair.seller.wallet.request(now, peer, &Pair::terms(0, "order 1"));
    assert_eq!(zero, Err(Refusal::Zero));
    terms = Pair::terms(735, "order 1");
    terms.order = "two\nteas".to_owned();
    let refused = pair.seller.wallet.request(now, peer, &terms);
    assert!(matches!(refused, Err(Refusal::Order(_))), "{refused:?}");
    pair.seller.drain();
    assert!(pair.seller.out.is_empty());
}

#[test]
fn an_answer_in_another_version_ends_the_handshake() {
    let mut pair = greeting();
    pair.step(&mut |_| Fate::Arrives);
    let (_, Packet::Hello2(mut hello)) = last(&pair.seller) else { panic!("no HELLO 2") };
    hello.version = 2;
    to_buyer(&mut pair, &Packet::Hello2(hello));
    assert_eq!(faults(&pair.buyer), [Fault::Version]);
    assert!(pair.buyer.wallet.peers.is_empty());
}

#[test]
fn a_payment_in_doubt_is_not_asked_about_while_its_seller_is_away() {
    let mut pair = Pair::new();
    pair.open();
    let tx = acts::prepared(&mut pair);
    pair.disconnect();
    let said = pair.buyer.said.len();
    pair.wait(600_000, &mut |_| Fate::Arrives);
    assert_eq!(pair.buyer.said.len(), said);
    assert_eq!(pair.buyer.state(&tx), "PREPARED");
    pair.open();
    pair.run_well();
    assert_eq!(pair.buyer.state(&tx), "ABORTED", "the request ran out meanwhile");
}
