//! Either side is killed at every record and every message, and both still end alike.

use std::time::Instant;

use crate::bench::Bench;
use crate::pair::{CHARGED, Pair, Side, go_on};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum When {
    /// Before the act: all acts before it are done.
    Before,
    /// It was told to act that moment: the act is done, half done, or not.
    Amid,
}

#[test]
fn a_side_killed_at_any_record_or_message_ends_as_the_other_does() {
    let began = Instant::now();
    let bench = Bench::new();
    let mut office = bench.office("office");
    let kinds = [
        (Side::Buyer, When::Before),
        (Side::Buyer, When::Amid),
        (Side::Seller, When::Before),
        (Side::Seller, When::Amid),
    ];
    let mut pairs = kinds.map(|(side, when)| {
        (side, when, Pair::new(&bench, &office, &format!("{side:?} {when:?}").to_lowercase()))
    });
    office.stop();
    std::thread::scope(|scope| {
        for (side, when, pair) in &mut pairs {
            scope.spawn(|| all_cases(pair, *side, *when));
        }
    });
    office.again(&bench);
    pairs.iter_mut().for_each(|(_, _, pair)| pair.settle());
    office.audit(&bench, CHARGED * 4);
    println!("all crashes: {:.1?}", began.elapsed());
}

/// Kills `victim` at its first act, in another payment at its second, and so on.
fn all_cases(pair: &mut Pair, victim: Side, when: When) {
    let (mut paid, mut not_paid) = (0, 0);
    for act in 0_usize.. {
        let Some((at, was_paid)) = case(pair, victim, when, act) else {
            // The whole payment had fewer acts.
            assert!(act >= 10, "only {act} acts");
            break;
        };
        let outcome = if was_paid { "paid" } else { "not paid" };
        *(if was_paid { &mut paid } else { &mut not_paid }) += 1;
        println!("{victim:?} killed {when:?} {at}: {outcome}");
    }
    println!("{victim:?} killed {when:?}: {paid} paid, {not_paid} not paid");
    assert!(paid > 0 && not_paid > 0, "an early and a late crash end differently");
}

/// One payment in which the victim is killed at the act with this number: at which, and whether it
/// was paid in the end. `None` if the payment came to its end before.
fn case(pair: &mut Pair, victim: Side, when: When, act: usize) -> Option<(String, bool)> {
    let (mut buyer, mut seller) = pair.meet(&act.to_string(), victim);
    let process = if victim == Side::Buyer { &mut buyer } else { &mut seller };
    let Some(at) = go_on(process, act) else {
        buyer.finish().came_to(0, "paid");
        seller.finish().came_to(0, "paid");
        pair.count();
        return None;
    };
    if when == When::Amid {
        process.say("");
    }
    let (killed, other) = if victim == Side::Buyer { (buyer, seller) } else { (seller, buyer) };
    let killed = killed.kill();
    // The other one goes too, or its person gives up.
    let other = if act.is_multiple_of(2) { other.kill() } else { other.terminate() };
    Some((at, pair.resume([killed, other])))
}
