//! NEWS (spec §5.12): what spreads from wallet to wallet, and what nobody can make anybody believe.

use onehop_crypto::SigningKey;
use onehop_evidence::fork_proof;
use onehop_wire::limits::NEWS_MAX;
use onehop_wire::{Agreed, Head, List, Message, News, NewsItem, Signed, TxId, WalletId, encode};

use super::office::{DAY, Office, TODAY};
use super::pair::{BUYER_FUNDS, Device, Pair};
use crate::event::CertificateFault;
use crate::news::board::Span;
use crate::payment::BuyerState;
use crate::{Event, Fault, Shun};

fn faults(device: &Device) -> Vec<Fault> {
    let fault = |event: &Event| {
        if let Event::PeerFault { fault, .. } = event { Some(*fault) } else { None }
    };
    device.events.iter().filter_map(fault).collect()
}

fn id(device: &Device) -> WalletId {
    device.wallet.state().wallet().unwrap()
}

/// The buyer tells the seller, in a session of its own, whatever it likes.
fn tell(pair: &mut Pair, items: Vec<NewsItem>) {
    pair.open();
    say(pair, items);
}

fn say(pair: &mut Pair, items: Vec<NewsItem>) {
    let news = News { revocations: 0, items: List::new(items).unwrap() };
    let (now, peer) = (pair.now(), pair.peer);
    pair.buyer.wallet.say(now, peer, &Message::News(Box::new(news)));
    pair.run_well();
}

/// Another wallet takes a side of the pair; gives the one that had it.
fn takes(side: &mut Device, other: Device) -> Device {
    std::mem::replace(side, other)
}

fn shop(office: &Office, seed: u8) -> Device {
    Device::start(office.enrolled(seed, &format!("shop {seed}"), BUYER_FUNDS), seed)
}

fn entry_of(device: &Device, tx: &TxId) -> Signed<Agreed> {
    device.wallet.state().buyer[tx].state.vote().unwrap().agreed.clone()
}

fn head_of(device: &Device, tx: &TxId) -> Head {
    let claim = device.wallet.state().seller[tx].state.claim().unwrap();
    let (payer, checkpoint) = (claim.payer.clone(), claim.checkpoint.clone());
    Head { payer, checkpoint, agreed: claim.agreed.clone() }
}

/// A wallet and its copy pay two shops the same money; the shops, with the payments.
fn cloned(pair: &mut Pair) -> (Device, TxId, TxId) {
    let copy = Device::start(pair.buyer.log.clone(), 61);
    pair.open();
    let first = pair.pay(735, "order 1");
    let second_shop = shop(&pair.office, 71);
    let first_shop = takes(&mut pair.seller, second_shop);
    takes(&mut pair.buyer, copy);
    pair.open();
    let second = pair.pay(735, "order 1");
    (first_shop, first, second)
}

/// [N-1]
#[test]
fn a_payment_without_news_costs_not_a_byte_for_it() {
    let mut pair = Pair::new();
    pair.open();
    pair.pay(735, "order 1");
    assert_eq!(pair.buyer.said, ["HELLO-1", "HELLO-3", "AGREED", "COMMITTED"]);
    assert_eq!(pair.seller.said, ["HELLO-2", "COMMIT-REQUEST", "COMMIT"]);
}

/// [N-1] [N-10]
#[test]
fn news_follows_the_payment_once_a_session_and_each_thing_is_told_once() {
    let mut pair = Pair::new();
    pair.open();
    pair.pay(735, "order 1");
    // The shop has a head of asha now. Another buyer hears of it, behind the COMMIT.
    let asha = takes(&mut pair.buyer, shop(&Office::new(1), 81));
    pair.seller.said.clear();
    pair.open();
    pair.pay(735, "order 2");
    pair.pay(735, "order 3");
    let said = ["HELLO-2", "COMMIT-REQUEST", "COMMIT", "NEWS", "COMMIT-REQUEST", "COMMIT"];
    assert_eq!(pair.seller.said, said);
    let heard = pair.buyer.wallet.state().head_of(&id(&asha)).cloned();
    assert_eq!(heard.as_ref(), pair.seller.wallet.state().head_of(&id(&asha)));
    assert!(heard.is_some());
    // The next session has nothing new for it.
    pair.seller.said.clear();
    pair.open();
    pair.pay(735, "order 4");
    assert_eq!(pair.seller.said, ["HELLO-2", "COMMIT-REQUEST", "COMMIT"]);
    assert_eq!(pair.buyer.wallet.balance().available, BUYER_FUNDS - 3 * 735);
}

/// [N-2]
#[test]
fn a_second_news_of_a_session_and_one_that_is_too_long_are_dropped() {
    let mut pair = Pair::new();
    let [first, second] =
        [1, 2].map(|number| NewsItem::Delta(pair.office.delta(number, &[WalletId([9; 32])])));
    tell(&mut pair, vec![first.clone()]);
    assert_eq!(pair.seller.wallet.state().revocation_number(), 1);
    say(&mut pair, vec![second]);
    assert_eq!(pair.seller.wallet.state().revocation_number(), 1);
    assert_eq!(faults(&pair.seller), [Fault::Flood]);
    let mut pair = Pair::new();
    let many: Vec<NewsItem> = vec![first; 50];
    let news = News { revocations: 0, items: List::new(many.clone()).unwrap() };
    assert!(encode(&Message::News(Box::new(news))).len() > NEWS_MAX);
    tell(&mut pair, many);
    assert_eq!(pair.seller.wallet.state().revocation_number(), 0);
    assert_eq!(faults(&pair.seller), [Fault::Flood]);
    assert!(pair.seller.wallet.session(pair.peer).is_some());
}

/// [N-1]
#[test]
fn news_before_the_handshake_is_dropped() {
    let mut pair = Pair::new();
    tell(&mut pair, Vec::new());
    let (now, peer) = (pair.now(), pair.peer);
    let delta = NewsItem::Delta(pair.office.delta(1, &[WalletId([9; 32])]));
    let news = News { revocations: 0, items: List::new(vec![delta]).unwrap() };
    pair.buyer.wallet.say(now, peer, &Message::News(Box::new(news)));
    pair.buyer.drain();
    let sealed = pair.buyer.out.pop_back().unwrap().1;
    pair.seller.wallet.handle_down(peer);
    pair.seller.wallet.handle_up_as_seller(now, peer);
    pair.seller.wallet.handle_packet(now, peer, &sealed);
    pair.seller.drain();
    assert_eq!(faults(&pair.seller), [Fault::Unexpected]);
    assert_eq!(pair.seller.wallet.state().revocation_number(), 0);
}

/// [N-3] [N-4]
#[test]
fn only_the_next_delta_that_this_office_signed_is_applied() {
    let mut pair = Pair::new();
    let cheat = WalletId([9; 32]);
    let (stranger, key) = (Office::new(3), SigningKey::from_seed(&[77; 32]));
    let good = pair.office.delta(1, &[cheat]);
    let mut forged = good.clone();
    forged.body.added = List::new(vec![id(&pair.buyer)]).unwrap();
    let mut unknown = good.body.clone();
    unknown.signed_by = 2;
    let unknown = key.sign(pair.office.id(), unknown).into_signed();
    let wrong = [forged, stranger.delta(1, &[cheat]), unknown, pair.office.delta(2, &[cheat])];
    for delta in wrong {
        tell(&mut pair, vec![NewsItem::Delta(delta)]);
        assert_eq!(pair.seller.wallet.state().shunned(), []);
        assert!(pair.seller.wallet.session(pair.peer).is_some());
    }
    assert_eq!(faults(&pair.seller), [Fault::News, Fault::News]);
    let next = pair.office.delta(2, &[WalletId([8; 32])]);
    tell(&mut pair, vec![NewsItem::Delta(good.clone()), NewsItem::Delta(next)]);
    assert_eq!(pair.seller.wallet.state().revocation_number(), 2);
    // One that is known already, said anew with other wallets, changes nothing.
    let replayed = pair.office.delta(1, &[id(&pair.buyer)]);
    tell(&mut pair, vec![NewsItem::Delta(replayed)]);
    let shunned = pair.seller.wallet.state().shunned();
    let who: Vec<_> = shunned.iter().map(|it| (it.wallet.0[0], it.why)).collect();
    assert_eq!(who, [(8, Shun::Delta(2)), (9, Shun::Delta(1))]);
    assert_eq!(pair.seller.wallet.state().revocations_from(), Some(id(&pair.buyer)));
    // It survives a power cut once it is on disk, and the session it came by.
    let again = pair.seller.restarted(true, 91);
    assert_eq!(again.wallet.state().shunned(), shunned);
}

/// [N-4] [N-5]
#[test]
fn a_wallet_on_a_delta_is_refused_and_the_delta_goes_from_hand_to_hand() {
    let mut pair = Pair::new();
    let cheat = shop(&pair.office, 82);
    let delta = NewsItem::Delta(pair.office.delta(1, &[id(&cheat)]));
    tell(&mut pair, vec![delta]);
    let event =
        Event::RevocationsNews { number: 1, added: vec![id(&cheat)], from: id(&pair.buyer) };
    assert!(pair.seller.events.contains(&event));
    // By an ordinary payment to somebody who never met the first teller.
    takes(&mut pair.buyer, shop(&Office::new(1), 83));
    pair.open();
    pair.pay(735, "order 1");
    assert_eq!(pair.buyer.wallet.state().revocation_number(), 1);
    let teller = id(&pair.seller);
    assert_eq!(pair.buyer.wallet.state().revocations_from(), Some(teller));
    takes(&mut pair.buyer, cheat);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Revoked)]);
}

/// [N-5] [N-6]
#[test]
fn heads_of_two_copies_make_a_proof_that_shuts_the_copies_out_everywhere() {
    let mut pair = Pair::new();
    let (first_shop, ..) = cloned(&mut pair);
    let cheat = takes(&mut pair.buyer, first_shop);
    // One shop buys at the other: both hear, and both conclude.
    pair.open();
    pair.pay(735, "order 9");
    let fork = |device: &Device| {
        let shunned = device.wallet.state().shunned();
        shunned.into_iter().map(|it| (it.wallet, it.why)).collect::<Vec<_>>()
    };
    assert_eq!(fork(&pair.buyer), [(id(&cheat), Shun::Fork)]);
    assert_eq!(fork(&pair.seller), [(id(&cheat), Shun::Fork)]);
    // A third wallet, which never met the cheat, hears by a payment and refuses it.
    takes(&mut pair.buyer, shop(&Office::new(1), 84));
    pair.open();
    pair.pay(735, "order 10");
    assert_eq!(fork(&pair.buyer), [(id(&cheat), Shun::Fork)]);
    let third = takes(&mut pair.buyer, cheat);
    takes(&mut pair.seller, third);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Revoked)]);
}

/// [N-7]
#[test]
fn a_vote_that_contradicts_what_was_heard_is_aborted_and_convicts() {
    let mut pair = Pair::new();
    let copy = Device::start(pair.buyer.log.clone(), 61);
    pair.open();
    let tx = pair.pay(735, "order 1");
    let head = head_of(&pair.seller, &tx);
    let other_shop = shop(&pair.office, 71);
    takes(&mut pair.seller, other_shop);
    let teller = shop(&pair.office, 72);
    takes(&mut pair.buyer, teller);
    tell(&mut pair, vec![NewsItem::Head(Box::new(head))]);
    takes(&mut pair.buyer, copy);
    pair.open();
    let tx = pair.pay(500, "order 2");
    assert_eq!(pair.seller.state(&tx), "ABORTED");
    assert_eq!(faults(&pair.seller), [Fault::Contradiction]);
    let (wallet, proof) = pair.seller.wallet.state().fork_proofs().next().unwrap();
    assert_eq!(*wallet, id(&pair.buyer));
    let found = onehop_evidence::verify_fork(pair.seller.wallet.trust(), proof).unwrap();
    assert_eq!(found, (id(&pair.buyer), onehop_evidence::ForkKind::SameSeq));
}

/// [N-3] [N-5]
#[test]
fn nobody_can_make_a_wallet_refuse_an_honest_one() {
    let mut pair = Pair::new();
    pair.open();
    let [one, two] = ["order 1", "order 2"].map(|order| pair.pay(735, order));
    let head = head_of(&pair.seller, &two);
    let entries = [entry_of(&pair.buyer, &one), entry_of(&pair.buyer, &two)];
    let trust = pair.seller.wallet.trust().clone();
    assert_eq!(fork_proof(&trust, &head.payer, &entries[0], &entries[1]), None);
    // Two honest entries, and one of them bent without the payer's key.
    let mut bent = entries[1].clone();
    bent.body.seq = 1;
    let real = fork_proof(&trust, &head.payer, &entries[0], &bent).unwrap();
    let mut honest = real.clone();
    honest.first = entries[0].clone();
    honest.second = onehop_wire::evidence::Second::Entry(Box::new(entries[1].clone()));
    let mut low = head.clone();
    low.agreed.body.cum_out -= 1;
    let mut purse = head.clone();
    purse.checkpoint.body.number += 1;
    let asha = takes(&mut pair.buyer, shop(&Office::new(1), 85));
    takes(&mut pair.seller, shop(&Office::new(1), 86));
    let lies = [
        NewsItem::Fork(Box::new(real)),
        NewsItem::Fork(Box::new(honest)),
        NewsItem::Head(Box::new(low)),
        NewsItem::Head(Box::new(purse)),
    ];
    for lie in lies {
        pair.open();
        let before = pair.seller.wallet.state().clone();
        say(&mut pair, vec![lie]);
        let after = pair.seller.wallet.state();
        assert_eq!((after.shunned(), &after.seen), (before.shunned(), &before.seen));
        assert_eq!(after.head_of(&id(&asha)), None);
        assert!(pair.seller.wallet.session(pair.peer).is_some());
    }
    assert_eq!(faults(&pair.seller), [Fault::News; 4]);
    takes(&mut pair.buyer, asha);
    pair.open();
    let tx = pair.pay(735, "order 3");
    assert_eq!(pair.seller.state(&tx), "DONE");
}

/// [N-6]
#[test]
fn a_head_shows_a_newer_checkpoint_and_older_ones_are_refused_from_then_on() {
    let mut pair = Pair::new();
    let old = Device::start(pair.buyer.log.clone(), 61);
    let now = pair.now();
    let sync = pair.buyer.wallet.close(now, onehop_wire::office::Transfer::None).unwrap();
    let certificate = pair.buyer.wallet.state().certificate().unwrap().clone();
    let answer =
        pair.office.renew(&pair.buyer.wallet, &sync, &certificate, BUYER_FUNDS, Vec::new());
    pair.buyer.wallet.renewed(answer).unwrap();
    pair.buyer.drain();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let head = head_of(&pair.seller, &tx);
    let other_shop = shop(&pair.office, 71);
    takes(&mut pair.seller, other_shop);
    takes(&mut pair.buyer, shop(&Office::new(1), 72));
    tell(&mut pair, vec![NewsItem::Head(Box::new(head))]);
    takes(&mut pair.buyer, old);
    pair.connect();
    pair.run_well();
    assert_eq!(faults(&pair.seller), [Fault::Certificate(CertificateFault::Outdated)]);
}

/// [N-6]
#[test]
fn a_head_whose_checkpoint_has_expired_is_not_kept() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.pay(735, "order 1");
    let head = head_of(&pair.seller, &tx);
    let asha = id(&pair.buyer);
    let mut state = pair.seller.wallet.state().clone();
    assert!(state.head_of(&asha).is_some());
    state.board.prune(head.checkpoint.body.expires);
    assert!(state.head_of(&asha).is_some());
    state.board.prune(TODAY.plus(8 * DAY));
    assert!(state.head_of(&asha).is_none());
    assert!(matches!(pair.buyer.wallet.state().buyer[&tx].state, BuyerState::Committed { .. }));
}

/// [N-9]
#[test]
fn a_successor_of_the_root_is_taken_from_a_trusted_root_only_and_then_its_keys() {
    let mut pair = Pair::new();
    let [root, key] = [[5; 32], [6; 32]].map(|seed| SigningKey::from_seed(&seed));
    let announced = pair.office.new_root(&root);
    let by_itself = root.sign(pair.office.id(), announced.body.clone()).into_signed();
    let certified = root.sign(pair.office.id(), pair.office.certified(2, &key).body).into_signed();
    tell(&mut pair, vec![NewsItem::Root(by_itself), NewsItem::Key(certified.clone())]);
    assert_eq!(faults(&pair.seller), [Fault::News]);
    assert_eq!(pair.seller.wallet.trust().new_roots(), []);
    assert_eq!(pair.seller.wallet.state().office_key(2), None);
    let items = vec![NewsItem::Root(announced.clone()), NewsItem::Key(certified.clone())];
    tell(&mut pair, items);
    assert_eq!(pair.seller.wallet.trust().new_roots(), [announced]);
    assert_eq!(pair.seller.wallet.state().office_key(2), Some(&certified));
    // It tells the next wallet both, by a payment, and a restart forgets neither.
    takes(&mut pair.buyer, shop(&Office::new(1), 83));
    pair.open();
    pair.pay(735, "order 1");
    assert_eq!(pair.buyer.wallet.state().office_key(2), Some(&certified));
    let again = pair.seller.restarted(true, 91);
    assert_eq!(again.wallet.trust(), pair.seller.wallet.trust());
    assert_eq!(again.wallet.state().board, pair.seller.wallet.state().board);
}

/// [N-2] [N-8]
#[test]
fn the_fullest_news_keeps_its_bound_and_the_newest_is_told_first() {
    let mut pair = Pair::new();
    pair.seller.wallet.config.peers_max = 64;
    for number in 1..=40_u8 {
        let wallets: Vec<_> = (0..8).map(|at| WalletId([number + at; 32])).collect();
        let delta = pair.office.delta(number.into(), &wallets);
        tell(&mut pair, vec![NewsItem::Delta(delta)]);
    }
    takes(&mut pair.buyer, shop(&Office::new(1), 83));
    let told = pair.seller.wallet.state().board.clone();
    assert_eq!(told.deltas.len(), 40);
    pair.open();
    let before = pair.seller.out.len();
    pair.pay(735, "order 1");
    assert_eq!(before, 0);
    // As many as fit, in order from the list that the buyer's checkpoint shows.
    assert_eq!(pair.buyer.wallet.state().revocation_number(), 12);
    pair.open();
    pair.pay(735, "order 2");
    assert_eq!(pair.buyer.wallet.state().revocation_number(), 24);
}

/// [N-8]
#[test]
fn what_was_told_is_a_span_that_grows_to_both_ends() {
    let none = Span::default();
    let serials: Vec<u64> = (1..=7).collect();
    let (first, span) = none.next(&serials, 2);
    assert_eq!((first, span), (vec![7, 6], Span { low: 6, high: 7 }));
    let (next, span) = span.next(&serials, 2);
    assert_eq!((next, span), (vec![5, 4], Span { low: 4, high: 7 }));
    let more: Vec<u64> = (1..=8).collect();
    let (next, span) = span.next(&more, 2);
    assert_eq!((next, span), (vec![8, 3], Span { low: 3, high: 8 }));
    // More is new than may be told: the old comes round again rather than the new never.
    let many: Vec<u64> = (1..=12).collect();
    let (next, span) = span.next(&many, 2);
    assert_eq!((next, span), (vec![12, 11], Span { low: 11, high: 12 }));
    let (next, _) = Span { low: 1, high: 12 }.next(&many, 2);
    assert_eq!(next, Vec::<u64>::new());
}
