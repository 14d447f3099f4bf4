//! Amounts: checked `u64` minor units with their ISO 4217 currency. No floats, no `Add`.

use core::fmt;

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency as statements carry it: three letters and the number of decimals.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// Why an amount was refused. Nothing has been sent or changed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// ISO 4217 has no such code, or one without decimals defined.
    #[error("unknown currency {code:?}")]
    UnknownCurrency {
        /// The code as given.
        code: String,
    },
    /// Not digits with at most one decimal point.
    #[error("{text:?} is not an amount")]
    NotANumber {
        /// The text as given.
        text: String,
    },
    /// A payment is at least one minor unit.
    #[error("the amount is 0, the least is {least}")]
    Zero {
        /// One minor unit, for people.
        least: String,
    },
    /// Money is not negative here.
    #[error("{text:?} is negative")]
    Negative {
        /// The text as given.
        text: String,
    },
    /// The currency has fewer decimals.
    #[error("{text:?} has {found} decimals, {currency} has {allowed}")]
    TooManyDecimals {
        /// The text as given.
        text: String,
        /// Decimals found.
        found: usize,
        /// Decimals of the currency.
        allowed: u8,
        /// The currency.
        currency: Currency,
    },
    /// More minor units than a `u64` holds.
    #[error("{text:?} is over the largest amount, {max} minor units", max = u64::MAX)]
    TooLarge {
        /// The text as given.
        text: String,
    },
}

impl Currency {
    /// Looks a currency up by its ISO 4217 code, upper case.
    ///
    /// # Errors
    /// [`AmountError::UnknownCurrency`] if ISO 4217 has no such code with minor units.
    pub fn by_code(code: &str) -> Result<Self, AmountError> {
        let letters = <[u8; 3]>::try_from(code.as_bytes()).ok();
        let exponent = iso_currency::Currency::from_code(code)
            .and_then(|found| found.exponent())
            .and_then(|exponent| u8::try_from(exponent).ok());
        letters
            .zip(exponent)
            .map(|(code, exponent)| Self { code, exponent })
            .ok_or_else(|| AmountError::UnknownCurrency { code: code.to_owned() })
    }

    /// True if the code is known and the exponent is the one ISO 4217 gives it.
    #[must_use]
    pub fn is_iso(&self) -> bool {
        core::str::from_utf8(&self.code)
            .ok()
            .and_then(|code| Self::by_code(code).ok())
            .is_some_and(|known| known == *self)
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        core::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Decimals between the minor unit and the major one.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code(), self.exponent)
    }
}

/// A sum of money: minor units and their currency.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Money {
    minor: u64,
    currency: Currency,
}

impl Money {
    /// `minor` minor units of `currency`; zero is allowed.
    #[must_use]
    pub const fn new(minor: u64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount to pay or to charge, such as `7.35`: digits, and at most as many decimals
    /// as the currency has.
    ///
    /// # Errors
    /// [`AmountError`] naming the rule that `text` breaks; zero is refused.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let not_a_number = || AmountError::NotANumber { text: text.to_owned() };
        if let Some(rest) = text.strip_prefix('-') {
            return Err(if rest.chars().any(|c| c.is_ascii_digit()) {
                AmountError::Negative { text: text.to_owned() }
            } else {
                not_a_number()
            });
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || text.ends_with('.') {
            return Err(not_a_number());
        }
        let decimals = usize::from(currency.exponent);
        if fraction.len() > decimals {
            return Err(AmountError::TooManyDecimals {
                text: text.to_owned(),
                found: fraction.len(),
                allowed: currency.exponent,
                currency,
            });
        }
        let digits = format!("{whole}{fraction:0<decimals$}");
        let minor: u64 =
            digits.parse().map_err(|_| AmountError::TooLarge { text: text.to_owned() })?;
        if minor == 0 {
            return Err(AmountError::Zero { least: Self::new(1, currency).to_string() });
        }
        Ok(Self { minor, currency })
    }

    /// The amount in minor units.
    #[must_use]
    pub const fn minor(&self) -> u64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The number alone, with the currency's decimals.
    #[must_use]
    pub fn number(&self) -> String {
        let decimals = usize::from(self.currency.exponent);
        let width = decimals.saturating_add(1);
        let digits = format!("{:0>width$}", self.minor);
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inr() -> Currency {
        Currency::by_code("INR").unwrap()
    }

    #[test]
    fn amounts_are_read_in_the_decimals_of_their_currency() {
        assert_eq!(Money::parse("7.35", inr()).unwrap().minor(), 735);
        assert_eq!(Money::parse("7", inr()).unwrap().minor(), 700);
        assert_eq!(Money::parse("7.3", inr()).unwrap().to_string(), "7.30 INR");
        let jpy = Currency::by_code("JPY").unwrap();
        assert_eq!(Money::parse("120", jpy).unwrap().to_string(), "120 JPY");
        assert_eq!(Money::parse("0.01", inr()).unwrap().number(), "0.01");
    }

    #[test]
    fn each_bad_amount_names_the_rule_it_breaks() {
        let says = |text: &str| Money::parse(text, inr()).unwrap_err().to_string();
        assert_eq!(says("0"), "the amount is 0, the least is 0.01 INR");
        assert_eq!(says("-1"), "\"-1\" is negative");
        assert_eq!(says("1.234"), "\"1.234\" has 3 decimals, INR has 2");
        assert_eq!(says("1e3"), "\"1e3\" is not an amount");
        assert_eq!(says(""), "\"\" is not an amount");
        assert_eq!(says("1."), "\"1.\" is not an amount");
        assert_eq!(
            says("184467440737095516.16"),
            "\"184467440737095516.16\" is over the largest amount, 18446744073709551615 minor units"
        );
        assert_eq!(Money::parse("184467440737095516.15", inr()).unwrap().minor(), u64::MAX);
        assert_eq!(Currency::by_code("XQZ").unwrap_err().to_string(), "unknown currency \"XQZ\"");
    }
}
