//! Amounts as a person types them: `7.35`, or with the currency behind it.

use anyhow::Result;
use onehop_proto::Refusal;
use onehop_wire::{Currency, Money};

/// Reads `text` as an amount in `currency`; a currency behind the number must be that one.
///
/// # Errors
/// [`onehop_wire::AmountError`] naming the rule that `text` breaks; [`Refusal::Currency`].
pub(crate) fn parse(text: &str, currency: Currency) -> Result<Money> {
    let text = text.trim();
    let letters = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let code = text.get(letters.len()..).unwrap_or_default();
    let found = if code.is_empty() || letters.is_empty() {
        currency
    } else {
        Currency::by_code(&code.to_ascii_uppercase())?
    };
    let number = if letters.is_empty() { text } else { letters.trim_end() };
    let money = Money::parse(number, found)?;
    if found != currency {
        return Err(Refusal::Currency { found, expected: currency }.into());
    }
    Ok(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        let inr = Currency::by_code("INR").unwrap();
        let found = parse(text, inr).map(|money| money.minor()).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn an_amount_may_name_its_currency_and_every_rule_broken_is_named() {
        check("7.35", Ok(735));
        check("7.35 INR", Ok(735));
        check("7.35inr", Ok(735));
        check("0", Err("the amount is 0, the least is 0.01 INR"));
        check("-1", Err("\"-1\" is negative"));
        check("1.234", Err("\"1.234\" has 3 decimals, INR has 2"));
        check("five", Err("\"five\" is not an amount"));
        check("5 XYZ", Err("unknown currency \"XYZ\""));
        check("5 EUR", Err("amount is in EUR, the wallet is in INR"));
        check(
            "184467440737095516.16",
            Err("\"184467440737095516.16\" is over the largest amount, \
                 18446744073709551615 minor units"),
        );
    }
}
