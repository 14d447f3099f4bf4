//! Receipts: saved, checked by strangers, wrong ones refused.

use crate::bench::Bench;

#[test]
fn a_receipt_holds_for_a_stranger_and_every_wrong_file_is_named() {
    let bench = Bench::new();
    let office = bench.inr();
    let other = bench.office("other", "INR", "rbi-2023");
    bench.enrol("asha", &office.url, "50");
    bench.enrol("bharat", &office.url, "");
    let (buyer, _) = bench.pay("asha", "bharat", "7.35");
    buyer.says(0, "paid: 7.35 INR to \"bharat\", payment ");
    let tx = buyer.out.trim().rsplit(' ').next().unwrap().to_owned();
    let file = bench.text("receipt");
    assert_eq!(bench.wallet("asha", &["receipt", "save", &tx, &file]).code, Some(0));
    bench.wallet("asha", &["receipt", "save", &tx, &file]).fails(1, "failed to write");
    bench.wallet("asha", &["receipt", "save", "ffffffff", "-"]).fails(2, "no payment ffffffff");

    let at = ["receipt", "verify", &file, "--office", &office.url];
    bench.wallet("none", &at).says(0, "paid: 7.35 INR from \"asha\"");
    bench.wallet("bharat", &["receipt", "verify", &file]).says(0, "to \"bharat\"");
    bench.wallet("none", &["receipt", "verify", &file]).fails(2, "give the office's root");
    let at = ["receipt", "verify", &file, "--office", &other.url];
    bench.wallet("none", &at).fails(3, "does not hold: not signed by this office");
    let pin = "00".repeat(32);
    let at = ["receipt", "verify", &file, "--office", &office.url, "--office-id", &pin];
    bench.wallet("none", &at).fails(5, "expected is 0000");

    let whole = std::fs::read(bench.path("receipt")).unwrap();
    let wrong = bench.text("wrong");
    for at in (0..whole.len()).step_by(29) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&wrong, &bytes).unwrap();
        let ended = bench.wallet("asha", &["receipt", "verify", &wrong]);
        assert!(matches!(ended.code, Some(2 | 3)), "byte {at}: {ended:?}");
        assert!(ended.err.contains(&wrong), "byte {at}: {ended:?}");
    }
    std::fs::write(&wrong, [whole.as_slice(), b"x"].concat()).unwrap();
    bench.wallet("asha", &["receipt", "verify", &wrong]).fails(2, "is not a receipt: 1 bytes");
    std::fs::write(&wrong, b"").unwrap();
    bench.wallet("asha", &["receipt", "verify", &wrong]).fails(2, "is not a receipt");
    let missing = bench.text("missing");
    bench.wallet("asha", &["receipt", "verify", &missing]).fails(2, "failed to read");
}
