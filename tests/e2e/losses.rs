//! Every frame between two processes is lost, doubled, delayed past its timer, or overtaken.

use std::time::Instant;

use crate::bench::{Bench, Figures};
use crate::relay::{Fault, Relay, Way};

/// What each buyer charges, in minor units: more than all its payments together.
const CHARGED: u64 = 50_000;

#[test]
fn any_frame_lost_doubled_delayed_or_overtaken_changes_nothing() {
    let began = Instant::now();
    let bench = Bench::new();
    let mut office = bench.office("office");
    let mut kinds = Vec::new();
    for fault in [Fault::Lost, Fault::Doubled, Fault::Reordered, Fault::Delayed] {
        for way in [Way::ToSeller, Way::ToBuyer] {
            let names =
                ["gives", "takes"].map(|what| format!("{fault:?} {way:?} {what}").to_lowercase());
            bench.enrol(&names[0], &office, "500");
            bench.enrol(&names[1], &office, "");
            kinds.push((fault, way, names, 0));
        }
    }
    office.stop();
    std::thread::scope(|scope| {
        for (fault, way, names, given) in &mut kinds {
            let bench = &bench;
            scope.spawn(move || *given = all_frames(bench, *fault, *way, names));
        }
    });
    office.again(&bench);
    for (_, _, names, given) in &kinds {
        let [buyer, seller] = names;
        for name in [seller, buyer, seller] {
            bench.wallet(name, &["sync"]).done();
        }
        let after = |available| Figures { available, ..Figures::default() };
        assert_eq!(bench.figures(buyer), after(CHARGED - given));
        assert_eq!(bench.figures(seller), after(*given));
    }
    office.audit(&bench, CHARGED * 8);
    println!("all frames: {:.1?}", began.elapsed());
}

/// One payment with the fault at its first frame, another at its second, and so on; gives their
/// sum.
fn all_frames(bench: &Bench, fault: Fault, way: Way, [buyer, seller]: &[String; 2]) -> u64 {
    let (here, there) = (bench.lane(), bench.lane());
    let relay = Relay::new(there.port.number, here.port.number);
    let mut given = 0;
    for frame in 0.. {
        let began = Instant::now();
        relay.plan(fault, way, frame);
        let pay = ["pay", "--to", seller, "--max", "7.35", "--yes"];
        let mut pays = here.start_wallet(buyer, &pay);
        pays.event("listening");
        let sells = there.start_wallet(seller, &["sell", "7.35", "--order", "tea", "--any"]);
        pays.finish().came_to(0, "paid");
        sells.finish().came_to(0, "paid");
        given += 735;
        let none = Figures::default();
        let expected = Figures { available: CHARGED - given, ..none };
        assert_eq!(bench.figures(buyer), expected, "{fault:?} {way:?} {frame}");
        let expected = Figures { received_unsettled: given, ..none };
        assert_eq!(bench.figures(seller), expected, "{fault:?} {way:?} {frame}");
        if !relay.has_happened() {
            // Each side has three things to say at least.
            assert!(frame >= 3, "only {frame} frames");
            println!("{fault:?} {way:?}: each of {frame} frames");
            break;
        }
        println!("{fault:?} {way:?} {frame}: {:.1?}", began.elapsed());
    }
    given
}
