//! money.json: amounts as people write them, and spend entries as payees judge them.

use onehop_wire::{AmountError, Currency, Money};

use super::faults;
use super::readable::Case;
use super::world::World;

/// Each amount, and its currency.
const AMOUNTS: [(&str, &str); 34] = [
    ("7.35", "INR"),
    ("7", "INR"),
    ("7.3", "INR"),
    ("0.01", "INR"),
    ("007", "INR"),
    ("184467440737095516.15", "INR"),
    ("120", "JPY"),
    ("18446744073709551615", "JPY"),
    ("0.001", "BHD"),
    ("9.5", "EUR"),
    ("0", "INR"),
    ("0.00", "INR"),
    ("0", "JPY"),
    ("-1", "INR"),
    ("-0.01", "INR"),
    ("-", "INR"),
    ("", "INR"),
    (".", "INR"),
    (".5", "INR"),
    ("5.", "INR"),
    ("1.2.3", "INR"),
    ("1,5", "INR"),
    ("1 000", "INR"),
    (" 1", "INR"),
    ("+1", "INR"),
    ("1e3", "INR"),
    ("0x10", "INR"),
    ("NaN", "INR"),
    ("\u{664}\u{665}", "INR"),
    ("1.234", "INR"),
    ("1.5", "JPY"),
    ("184467440737095516.16", "INR"),
    ("99999999999999999999999999999999999999999", "INR"),
    ("1", "XQZ"),
];

/// More of currencies alone: lower case, a code without decimals, no code at all.
const CODES: [&str; 3] = ["inr", "XAU", ""];

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let amounts = AMOUNTS.iter().map(|(text, code)| amount(text, code));
    let codes = CODES.iter().map(|code| amount("1", code));
    let mut cases: Vec<_> = amounts.chain(codes).collect();
    cases.extend(faults::cases(world)?);
    Ok(cases)
}

fn amount(text: &str, code: &str) -> Case {
    let currency = Currency::by_code(code);
    let exponent = currency.as_ref().map(Currency::exponent).ok();
    let money = currency.and_then(|currency| Money::parse(text, currency));
    let case = Case::new(name(&money, text, code)).with("text", text).with("currency", code);
    let case = match exponent {
        Some(exponent) => case.with("exponent", exponent.to_string()),
        None => case,
    };
    match money {
        Ok(money) => case.with("minor", money.minor().to_string()).with("shown", money.to_string()),
        Err(error) => case.with("error", error.to_string()),
    }
}

fn name(money: &Result<Money, AmountError>, text: &str, code: &str) -> String {
    let verdict = if money.is_ok() { "an amount" } else { "refused" };
    format!("{verdict}: {text:?} in {code:?}")
}
