//! The link is cut at every record and every message, and both go on over another connection.

use std::time::Instant;

use serde_json::Value;

use crate::bench::Bench;
use crate::pair::{CHARGED, Pair, Side, go_on};
use crate::process::{Ended, Running};

#[test]
fn a_link_cut_at_any_record_or_message_is_followed_by_another_and_one_outcome() {
    let began = Instant::now();
    let bench = Bench::new();
    let mut office = bench.office("office");
    let mut pairs = [Side::Buyer, Side::Seller]
        .map(|side| (side, Pair::new(&bench, &office, &format!("{side:?}").to_lowercase())));
    office.stop();
    std::thread::scope(|scope| {
        for (side, pair) in &mut pairs {
            scope.spawn(|| all_cases(pair, *side));
        }
    });
    office.again(&bench);
    pairs.iter_mut().for_each(|(_, pair)| pair.settle());
    office.audit(&bench, CHARGED * 2);
    println!("all cuts: {:.1?}", began.elapsed());
}

/// Cuts the link at the first act of the one who cuts, in another payment at its second, and so on.
fn all_cases(pair: &mut Pair, cutter: Side) {
    for act in 0.. {
        let (mut buyer, mut seller) = pair.meet(&act.to_string(), cutter);
        let process = if cutter == Side::Buyer { &mut buyer } else { &mut seller };
        let Some(at) = go_on(process, act) else {
            buyer.finish().came_to(0, "paid");
            seller.finish().came_to(0, "paid");
            pair.count();
            assert!(act >= 10, "only {act} acts");
            return;
        };
        process.say("cut");
        // All that comes is let happen.
        process.say(&"\n".repeat(1_000));
        let ends = come_back(buyer, seller);
        let was_paid = pair.resume(ends);
        let outcome = if was_paid { "paid" } else { "not paid" };
        println!("{cutter:?} cut before {at}: {outcome}");
    }
}

/// The buyer finds the seller again by itself.
fn come_back(mut buyer: Running, mut seller: Running) -> [Ended; 2] {
    let is_end = |line: &Value| line.get("outcome").is_some();
    let is_gone = |line: &Value| line["event"] == "gone";
    let line = buyer.wait(|line| is_end(line) || is_gone(line)).unwrap();
    if is_gone(&line) {
        seller.event("asked");
        let is_answered = |line: &Value| line["event"] == "accepted" || is_end(line);
        let line = seller.wait(|line| is_answered(line) || is_gone(line)).unwrap();
        if is_gone(&line) {
            // The question is lost, and who comes back is not asked again: the people give up.
            buyer.event("session");
            return [seller.terminate(), buyer.terminate()];
        }
    }
    let buyer = buyer.finish();
    // A seller that has not heard that the buyer knows would wait for it a while.
    seller.wait(|line| is_end(line) || is_gone(line));
    [buyer, seller.terminate()]
}
