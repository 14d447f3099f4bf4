//! A wallet without a network has what it received settled through another one.

use std::fs;

use crate::bench::{Bench, Figures, folder};

#[test]
fn what_a_wallet_without_a_network_asks_is_carried_by_another_that_cannot_read_it() {
    let bench = Bench::new();
    let mut office = bench.office("money office");
    bench.enrol("asha", &office, "500");
    bench.enrol("tea shop", &office, "");
    bench.enrol("meena", &office, "20");
    bench.paid("asha", "tea shop", "7.35");
    bench.wallet("asha", &["sync"]).done();
    let none = Figures::default();
    let before = bench.figures("tea shop");
    assert_eq!(before, Figures { received_unsettled: 735, ..none });
    let [parcel, reply, harmed, open] =
        ["parcel", "reply", "harmed", "open"].map(|name| bench.path(name));

    bench.wallet("tea shop", &["request", "--sealed", "claim", &parcel]).done();
    bench.wallet("meena", &["carry", &parcel, &reply]).done();
    for file in [&parcel, &reply] {
        let bytes = fs::read(file).unwrap();
        for known in ["asha", "tea shop", "Asha"] {
            let is_there = bytes.windows(known.len()).any(|it| it == known.as_bytes());
            assert!(!is_there, "{known} in {file}");
        }
    }
    // Nobody else opens the answer, and nobody can alter it.
    bench.wallet("asha", &["accept", &reply]).fails(3, "the letter does not open");
    let mut bytes = fs::read(&reply).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&harmed, &bytes).unwrap();
    bench.wallet("tea shop", &["accept", &harmed]).fails(3, "the letter does not open");
    assert_eq!(bench.figures("tea shop"), before);
    bench.wallet("tea shop", &["accept", &reply]).done();
    // Carried and taken again it changes nothing more.
    bench.wallet("meena", &["carry", &parcel, &bench.path("again")]).done();
    bench.wallet("tea shop", &["accept", &bench.path("again")]).done();
    assert_eq!(bench.figures("meena"), Figures { available: 2_000, ..none });

    // The next purse is asked for, and brought, the same way.
    let (parcel, reply) = (bench.path("sync parcel"), bench.path("sync reply"));
    bench.wallet("tea shop", &["request", "--sealed", "sync", &parcel]).done();
    bench.wallet("meena", &["carry", &parcel, &reply]).done();
    bench.wallet("tea shop", &["accept", &reply]).done();
    assert_eq!(bench.figures("tea shop"), Figures { available: 735, ..none });

    bench.wallet("tea shop", &["request", "sync", &open]).done();
    bench.wallet("meena", &["carry", &open, &bench.path("none")]).fails(2, "is not sealed");
    // The office answers a parcel as a file, too.
    let (parcel, reply) = (bench.path("by hand"), bench.path("by hand, answered"));
    bench.wallet("tea shop", &["request", "--sealed", "sync", &parcel]).done();
    office.run(&bench, &["answer", &parcel, "--out", &reply]);
    bench.wallet("tea shop", &["accept", &reply]).done();
    let other = bench.office("another office");
    bench.enrol("ravi", &other, "");
    let away = bench.wallet("ravi", &["carry", &parcel, &bench.path("never")]);
    away.fails(5, "the parcel is for office");
    assert!(!folder(&bench, "never").exists());
    office.stop();
    bench.wallet("meena", &["carry", &parcel, &bench.path("never")]).fails(5, "is not reachable");
}
