//! Several peers at once, strangers, and peers that break the rules.

use onehop_wire::{Message, Packet, PublicKey, RejectCode, Signature, encode};

use super::office::Office;
use super::pair::{BUYER_FUNDS, Device, Fate, Pair};
use crate::event::CertificateFault;
use crate::{Event, Fault, PeerId};

pub(super) fn faults(device: &Device) -> Vec<Fault> {
    device
        .events
        .iter()
        .filter_map(
            |event| {
                if let Event::PeerFault { fault, .. } = event { Some(*fault) } else { None }
            },
        )
        .collect()
}

/// [H-2]
#[test]
fn a_wallet_that_is_not_in_buyer_mode_says_nothing() {
    let mut pair = Pair::new();
    let lookup = pair.seller.wallet.open_shop().unwrap();
    let now = pair.now();
    pair.buyer.wallet.handle_up_as_buyer(now, PeerId(7), &lookup);
    pair.buyer.drain();
    assert!(pair.buyer.said.is_empty());
}

#[test]
fn wallets_of_two_offices_refuse_each_other_by_name() {
    let mut pair = Pair::new();
    let other = Office::new(50);
    pair.buyer = Device::start(other.enrolled(12, "asha", 500), 22);
    pair.connect();
    pair.run_well();
    assert_eq!(
        faults(&pair.buyer),
        [Fault::Certificate(CertificateFault::OtherOffice)],
        "the buyer cannot verify the seller"
    );
    assert!(!pair.buyer.said.contains(&"HELLO-3"));
}

#[test]
fn an_expired_purse_is_refused_before_any_prompt() {
    let mut pair = Pair::new();
    pair.connect();
    let mut now = pair.now();
    pair.seller.drain();
    pair.buyer.drain();
    now.unix = now.unix.plus(8 * super::office::DAY);
    while let Some((peer, bytes, _)) = pair.buyer.out.pop_front() {
        pair.seller.wallet.handle_packet(now, peer, &bytes);
        pair.seller.drain();
        while let Some((peer, bytes, _)) = pair.seller.out.pop_front() {
            pair.buyer.wallet.handle_packet(now, peer, &bytes);
            pair.buyer.wallet.introduce(now, peer).ok();
            pair.buyer.drain();
        }
    }
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Expired)]);
}

/// [H-11]
#[test]
fn a_purse_older_than_one_seen_before_is_refused() {
    let mut pair = Pair::new();
    pair.open();
    let wallet = pair.buyer.wallet.state().wallet().unwrap();
    let seen = crate::LogRecord::Seen { wallet, epoch: 1, number: 2 };
    pair.seller.wallet.record(vec![seen], false);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Outdated)]);
}

/// [W-3] [W-5] [H-14] [P-1]
#[test]
fn every_flipped_bit_and_every_cut_of_a_packet_changes_no_state() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    let (peer, agreed, _) = pair.buyer.out.pop_front().unwrap();
    let before = pair.seller.wallet.state().clone();
    let now = pair.now();
    for at in 0..agreed.len() {
        let mut bent = agreed.clone();
        bent[at] ^= 1 << (at % 8);
        pair.seller.wallet.handle_packet(now, peer, &bent);
        pair.seller.wallet.handle_packet(now, peer, &agreed[..at]);
        if at % 16 == 0 {
            // Failures to open are counted per session; a new one keeps the test going.
            pair.seller.wallet.peers.get_mut(&peer).unwrap().open_mut().unwrap().failures = 0;
        }
    }
    pair.seller.drain();
    assert_eq!(*pair.seller.wallet.state(), before);
    pair.seller.wallet.handle_packet(now, peer, &agreed);
    pair.run_well();
    assert_eq!(pair.seller.state(&tx), "DONE", "the true packet still counts");
}

/// [H-14]
#[test]
fn a_session_ends_after_sixty_four_packets_that_do_not_open() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(735, "order 1");
    pair.run_well();
    pair.confirm(&tx);
    let (peer, mut bytes, _) = pair.buyer.out.pop_front().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let now = pair.now();
    for _ in 0..63 {
        pair.seller.wallet.handle_packet(now, peer, &bytes);
    }
    pair.seller.drain();
    assert!(pair.seller.wallet.session(peer).is_some(), "63 may be noise");
    pair.seller.wallet.handle_packet(now, peer, &bytes);
    pair.seller.drain();
    assert!(pair.seller.wallet.session(peer).is_none());
    let ended = encode(&Packet::Reject(RejectCode::Ended));
    assert!(pair.seller.out.iter().any(|(_, bytes, _)| *bytes == ended), "the peer is told");
    pair.connect();
    pair.wait(5_000, &mut |_| Fate::Arrives);
    pair.assert_settled(&tx, BUYER_FUNDS);
}

/// [H-5]
#[test]
fn channels_beyond_the_bound_are_told_that_the_wallet_is_busy() {
    let mut pair = Pair::new();
    pair.seller.wallet.open_shop().unwrap();
    let now = pair.now();
    for id in 100..133 {
        pair.seller.wallet.handle_up_as_seller(now, PeerId(id));
    }
    pair.seller.drain();
    assert_eq!(pair.seller.said, ["REJECT"]);
    assert_eq!(pair.seller.wallet.peers.len(), 32);
}

pub(super) fn say(pair: &mut Pair, from_buyer: bool, message: &Message) {
    let (now, peer) = (pair.now(), pair.peer);
    let device = if from_buyer { &mut pair.buyer } else { &mut pair.seller };
    device.wallet.say(now, peer, message);
    pair.run_well();
}

pub(super) fn forget(device: &mut Device) {
    device.records.clear();
    device.said.clear();
    device.events.clear();
}

/// [W-10] [M-11] [P-3]
#[test]
fn forged_and_lying_votes_are_told_apart() {
    for (bend, state, fault) in
        [(0u8, "INVITED", Fault::Signature), (1, "ABORTED", Fault::InvalidVote)]
    {
        let mut pair = Pair::new();
        pair.open();
        let tx = pair.ask(735, "order 1");
        pair.run_well();
        let asked = pair.buyer.wallet.asked[&tx].clone();
        let now = pair.now();
        let context = pair.buyer.wallet.context(now, pair.peer).unwrap();
        let step = pair.buyer.wallet.state().agree(&context, &asked).unwrap();
        let mut agreed = step.say.iter().find_map(|message| message.vote().cloned()).unwrap();
        if bend == 0 {
            agreed.signature = Signature([7; 64]);
        } else {
            // Pays itself less than was asked, and signs it.
            agreed.body.amount -= 1;
            agreed.body.cum_out -= 1;
            let signer = pair.buyer.wallet.signer().clone();
            agreed = signer.sign(pair.office.id(), agreed.body).into_signed();
        }
        forget(&mut pair.seller);
        say(&mut pair, true, &Message::Agreed(agreed));
        assert_eq!(pair.seller.state(&tx), state);
        assert_eq!(faults(&pair.seller), [fault]);
    }
}

/// [P-18]
#[test]
fn another_vote_for_a_paid_payment_is_kept_as_evidence_and_not_answered() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let mut body = pair.buyer.wallet.state().buyer[&tx].state.vote().unwrap().agreed.body.clone();
    body.cum_in += 1;
    let other = pair.buyer.wallet.signer().sign(pair.office.id(), body).into_signed();
    forget(&mut pair.seller);
    say(&mut pair, true, &Message::Agreed(other.clone()));
    assert_eq!(pair.seller.records, ["Evidence", "Forked"]);
    assert!(pair.seller.said.is_empty());
    assert_eq!(pair.seller.wallet.state().evidence(), [(tx, encode(&other))]);
    assert_eq!(pair.seller.state(&tx), "DONE");
}

/// [P-22] [P-21]
#[test]
fn an_abort_after_a_commit_convicts_the_seller_and_changes_nothing() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let (abort, _) =
        pair.seller.wallet.sign_abort_of(&tx, onehop_wire::AbortReason::Cancelled).unwrap();
    forget(&mut pair.buyer);
    say(&mut pair, false, &Message::Abort(abort));
    assert_eq!(pair.buyer.records, ["Evidence"]);
    assert_eq!(pair.buyer.state(&tx), "COMMITTED");
    assert_eq!(faults(&pair.buyer), [Fault::Contradiction]);
    pair.assert_settled(&tx, BUYER_FUNDS);
}

/// [W-11]
#[test]
fn a_weak_key_signs_nothing() {
    assert!(!onehop_crypto::keys::is_strong(&PublicKey([0; 32])));
    let mut one = [0; 32];
    one[0] = 1;
    assert!(!onehop_crypto::keys::is_strong(&PublicKey(one)));
}
