//! What two signatures of one payer contradict, and what an honest wallet never signs.

use onehop_evidence::{ForkKind, contradiction, contradicts_close};
use onehop_wire::office::{Sync, Transfer};
use onehop_wire::{Agreed, Hash, List, Signed};
use proptest::prelude::*;

use crate::world::World;

/// Two entries of the buyer, the second after the first, and `change` made to the second.
fn pair(change: impl FnOnce(&mut Agreed)) -> (World, Signed<Agreed>, Signed<Agreed>) {
    let world = World::new();
    let mut chain = world.chain(&world.buyer.checkpoint);
    let request = world.request(&world.seller, &world.buyer, 100, 1);
    let first = world.entry(&world.buyer, &mut chain, &request, &[]);
    let request = world.request(&world.third, &world.buyer, 50, 2);
    let mut body = world.entry_body(&world.buyer, &chain, &request, &[]);
    change(&mut body);
    let second = world.sign(&world.buyer.signer, body);
    (world, first, second)
}

/// The rule that the pair breaks; the same whichever is shown first.
#[track_caller]
fn fork_of(change: impl FnOnce(&mut Agreed)) -> Option<ForkKind> {
    let (world, first, second) = pair(change);
    let office = world.office();
    let a = (&first.body, first.hash(&office));
    let b = (&second.body, second.hash(&office));
    let found = contradiction(a, b);
    assert_eq!(contradiction(b, a), found);
    found
}

#[test]
fn each_of_the_three_rules_between_entries_is_a_fork_and_a_chain_is_none() {
    // [B-4]
    let (_, first, _) = pair(|_| {});
    assert_eq!(fork_of(|_| {}), None);
    assert_eq!(fork_of(|entry| entry.seq = 1), Some(ForkKind::SameSeq));
    let head = first.body.prev;
    assert_eq!(fork_of(|entry| entry.prev = head), Some(ForkKind::SamePrev));
    assert_eq!(fork_of(|entry| entry.cum_out = 149), Some(ForkKind::Gap));
    assert_eq!(fork_of(|entry| entry.cum_out = 0), Some(ForkKind::Gap));
    // More than the sum is no fork between these two: others may lie between.
    assert_eq!(fork_of(|entry| (entry.seq, entry.cum_out) = (9, 5_000)), None);
}

#[test]
fn a_gap_is_found_without_overflow() {
    // [B-4] [M-6]
    let over = fork_of(|entry| (entry.cum_out, entry.amount) = (u64::MAX, u64::MAX));
    assert_eq!(over, Some(ForkKind::Gap));
    let exact = fork_of(|entry| (entry.cum_out, entry.amount) = (u64::MAX, u64::MAX - 100));
    assert_eq!(exact, None);
}

#[test]
fn entries_of_other_checkpoints_and_other_signatures_of_one_body_are_no_contradiction() {
    // [B-5]
    let (world, first, _) = pair(|_| {});
    let office = world.office();
    let mut elsewhere = first.body.clone();
    elsewhere.checkpoint = Hash([7; 32]);
    let other = (&elsewhere, Hash([8; 32]));
    let entry = (&first.body, first.hash(&office));
    assert_eq!(contradiction(entry, other), None);
    let mut resigned = first.clone();
    resigned.signature.0[0] ^= 1;
    assert_eq!(contradiction(entry, (&resigned.body, resigned.hash(&office))), None);
}

/// The SYNC that closes `world`'s buyer's checkpoint after `entries`.
fn sync(world: &World, entries: &[Signed<Agreed>]) -> Sync {
    let checkpoint = world.buyer.checkpoint.hash(&world.office());
    let last = entries.last();
    Sync {
        wallet: world.buyer.id(),
        checkpoint,
        seq: last.map_or(0, |entry| entry.body.seq),
        head: last.map_or(checkpoint, |entry| entry.hash(&world.office())),
        cum_out: last.map_or(0, |entry| entry.body.cum_out),
        entries: List::empty(),
        aborts: List::empty(),
        transfer: Transfer::None,
    }
}

#[test]
fn each_of_the_three_rules_between_entry_and_sync_is_a_fork_and_a_chain_is_none() {
    // [B-4] [B-5]
    let (world, first, second) = pair(|_| {});
    let office = world.office();
    let judge = |entry: &Signed<Agreed>, sync: &Sync| {
        contradicts_close((&entry.body, entry.hash(&office)), sync)
    };
    let closed = sync(&world, &[first.clone(), second.clone()]);
    assert_eq!((judge(&first, &closed), judge(&second, &closed)), (None, None));
    let fork = Some(ForkKind::AfterClose);
    let early = sync(&world, std::slice::from_ref(&first));
    assert_eq!(judge(&second, &early), fork, "after the end");
    assert_eq!(judge(&first, &sync(&world, &[])), fork, "after the end of nothing");
    let other_head = Sync { head: Hash([7; 32]), ..closed.clone() };
    assert_eq!(judge(&second, &other_head), fork, "other head");
    let gap = Sync { cum_out: 100, ..closed.clone() };
    assert_eq!(judge(&first, &gap), fork, "gap");
    let room = Sync { cum_out: 101, ..closed.clone() };
    assert_eq!(judge(&first, &room), None);
    let elsewhere = Sync { checkpoint: Hash([7; 32]), ..early };
    assert_eq!(judge(&second, &elsewhere), None);
}

/// One thing that happens to an honest wallet.
#[derive(Clone, Copy, Debug)]
enum Happening {
    /// It signs the next entry, and says so once or more often.
    Pays { amount: u64, to_seller: bool, sent: usize },
    /// An earlier entry comes back, by the seller or the office.
    Released { which: prop::sample::Index },
    /// It receives money under this checkpoint.
    Receives { amount: u64 },
    /// It restarts from its log.
    Restarts,
}

fn happening() -> impl Strategy<Value = Happening> {
    let pays = (1_u64..1_000_000, any::<bool>(), 1_usize..3);
    prop_oneof![
        4 => pays.prop_map(|(amount, to_seller, sent)| Happening::Pays { amount, to_seller, sent }),
        2 => any::<prop::sample::Index>().prop_map(|which| Happening::Released { which }),
        1 => (1_u64..1_000_000).prop_map(|amount| Happening::Receives { amount }),
        1 => Just(Happening::Restarts),
    ]
}

/// Everything that the wallet signs as a payer, and the SYNC that ends it.
fn history(world: &World, happenings: &[Happening]) -> (Vec<Signed<Agreed>>, Sync) {
    let buyer = &world.buyer;
    let mut chain = world.chain(&buyer.checkpoint);
    let (mut entries, mut out) = (Vec::<Signed<Agreed>>::new(), Vec::new());
    let mut released = std::collections::BTreeSet::new();
    for (number, happening) in (1_u8..).zip(happenings) {
        match *happening {
            Happening::Pays { amount, to_seller, sent } => {
                let payee = if to_seller { &world.seller } else { &world.third };
                let request = world.request(payee, buyer, amount, number);
                let entry = world.entry(buyer, &mut chain, &request, &[]);
                out.extend(std::iter::repeat_n(entry.clone(), sent));
                entries.push(entry);
            }
            Happening::Released { which } if !entries.is_empty() => {
                let which = which.index(entries.len());
                if released.insert(which) {
                    chain.cum_back += entries[which].body.amount;
                }
            }
            Happening::Receives { amount } => chain.cum_in += amount,
            // What is durable is the whole of the chain, so nothing goes back.
            Happening::Released { .. } | Happening::Restarts => {}
        }
    }
    let sync = sync(world, &entries);
    (out, sync)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_history_of_an_honest_wallet_is_a_fork(
        happenings in prop::collection::vec(happening(), 0..16),
    ) {
        // [B-6]
        let world = World::new();
        let office = world.office();
        let (said, sync) = history(&world, &happenings);
        for a in &said {
            let a = (&a.body, a.hash(&office));
            prop_assert_eq!(contradicts_close(a, &sync), None);
            for b in &said {
                prop_assert_eq!(contradiction(a, (&b.body, b.hash(&office))), None);
            }
        }
    }

    #[test]
    fn an_entry_signed_twice_for_two_payees_is_always_a_fork(
        happenings in prop::collection::vec(happening(), 1..12),
        which: prop::sample::Index,
    ) {
        // [B-4]
        let world = World::new();
        let office = world.office();
        let (said, sync) = history(&world, &happenings);
        prop_assume!(!said.is_empty());
        let honest = &said[which.index(said.len())];
        let mut other = honest.body.clone();
        other.payee = world.seller.id();
        other.tx.0[0] ^= 1;
        let other = (&other, onehop_wire::Statement::hash(&other, &office));
        let found = contradiction((&honest.body, honest.hash(&office)), other);
        prop_assert_eq!(found, Some(ForkKind::SameSeq));
        let last = honest.body.seq == sync.seq;
        let against_close = contradicts_close(other, &sync);
        prop_assert_eq!(against_close, last.then_some(ForkKind::AfterClose));
    }
}
