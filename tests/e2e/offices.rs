//! The office is away, or another one is in its place.

use crate::bench::{Bench, Figures};

#[test]
fn payments_go_on_without_the_office_and_with_another_in_its_place() {
    let bench = Bench::new();
    let mut office = bench.office("office");
    let address = office.url.trim_start_matches("http://").to_owned();
    bench.enrol("asha", &office, "50");
    bench.enrol("bharat", &office, "");
    let mut given = 0;
    let mut pay = || {
        bench.paid("asha", "bharat", "7.35");
        given += 735;
        let buyer = Figures { available: 5_000 - given, ..Figures::default() };
        let seller = Figures { received_unsettled: given, ..Figures::default() };
        assert_eq!((bench.figures("asha"), bench.figures("bharat")), (buyer, seller));
    };
    let visits = [&["sync"][..], &["charge", "1"], &["withdraw", "1"]];
    office.stop();
    for visit in visits {
        bench.wallet("asha", visit).fails(5, "is not reachable");
        bench.wallet("bharat", visit).fails(5, "is not reachable");
    }
    pay();
    let mut other = bench.office("other");
    other.stop();
    other.serve(&bench, &address);
    for visit in visits {
        bench.wallet("asha", visit).fails(5, "expected is");
        bench.wallet("bharat", visit).fails(5, "expected is");
    }
    pay();
    other.audit(&bench, 0);
    other.stop();
    office.again(&bench);
    for name in ["asha", "bharat"] {
        bench.wallet(name, &["sync"]).done();
    }
    let after = |available| Figures { available, ..Figures::default() };
    assert_eq!(bench.figures("asha"), after(5_000 - given));
    assert_eq!(bench.figures("bharat"), after(given));
    office.audit(&bench, 5_000);
}
