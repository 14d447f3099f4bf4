//! Dates, limits, ids and currencies as people read and write them.

use onehop_wire::mutant;
use onehop_wire::{
    AmountError, Bytes, Currency, Hash, LimitName, Limits, Text, UnixSeconds, WalletId,
};

#[test]
fn a_date_is_shown_as_the_calendar_has_it() {
    let shown = |seconds: u64| UnixSeconds(seconds).to_string();
    assert_eq!(shown(0), "1970-01-01T00:00:00Z");
    assert_eq!(shown(68_169_599), "1972-02-28T23:59:59Z");
    assert_eq!(shown(68_169_600), "1972-02-29T00:00:00Z");
    assert_eq!(shown(951_825_599), "2000-02-29T11:59:59Z");
    assert_eq!(shown(1_767_225_599), "2025-12-31T23:59:59Z");
    assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00Z");
    assert_eq!(shown(u64::MAX), "584554051223-11-09T07:00:15Z");
}

#[test]
fn a_date_past_the_last_one_is_the_last_one() {
    assert_eq!(UnixSeconds(5).plus(2), UnixSeconds(7));
    assert_eq!(UnixSeconds(5).plus(u64::MAX), UnixSeconds(u64::MAX));
}

#[test]
fn each_limit_is_found_by_its_name() {
    let limits = Limits {
        per_payment: Some(1),
        per_payee: Some(2),
        per_checkpoint: None,
        payments: Some(4),
        hops: 5,
    };
    let all = [
        (LimitName::PerPayment, "per-payment", Some(1)),
        (LimitName::PerPayee, "per-payee", Some(2)),
        (LimitName::PerCheckpoint, "per-checkpoint", None),
        (LimitName::Payments, "payments", Some(4)),
        (LimitName::Hops, "hops", Some(5)),
    ];
    for (name, shown, value) in all {
        assert_eq!(name.to_string(), shown);
        assert_eq!(limits.value(name), value);
    }
}

#[test]
fn an_id_is_read_back_from_the_digits_that_it_shows() {
    let wallet = WalletId([0xa7; 32]);
    assert_eq!(wallet.to_string(), "a7".repeat(32));
    assert_eq!(WalletId::from_hex(&wallet.to_string()), Ok(wallet));
    assert_eq!(format!("{wallet:?}"), "WalletId(a7a7a7a7)");
    for bad in ["", "a7", &"a7".repeat(33), &"g7".repeat(32)] {
        let error = Hash::from_hex(bad).unwrap_err();
        assert_eq!(error.to_string(), "expected 64 hexadecimal digits");
    }
}

#[test]
fn a_currency_needs_a_code_and_minor_units_of_iso_4217() {
    // Silver has a code and no minor units.
    for code in ["XAG", "XQZ", "inr", "RUPEE", ""] {
        let unknown = AmountError::UnknownCurrency { code: code.to_owned() };
        assert_eq!(Currency::by_code(code), Err(unknown));
    }
    let dinar = Currency::by_code("BHD").unwrap();
    assert_eq!((dinar.code(), dinar.exponent()), ("BHD", 3));
}

#[test]
fn what_is_over_its_bound_is_refused_with_both_lengths() {
    let error = Text::<3>::new("four").unwrap_err();
    assert_eq!(error.to_string(), "text of 4 bytes is over the bound of 3");
    let error = Bytes::<3>::new(vec![0; 4]).unwrap_err();
    assert_eq!(error.to_string(), "4 is over the bound of 3");
    assert!(Bytes::<3>::default().is_empty());
}

#[test]
fn work_without_a_mutant_is_the_work() {
    assert_eq!(mutant::disarmed(|| 7), 7);
}
