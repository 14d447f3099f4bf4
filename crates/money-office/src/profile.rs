//! Ready sets of limits, after rules that are in force somewhere.

use onehop_wire::{Currency, Limits};

const DAY: u64 = 86_400;

/// Limits in minor units of the profile's currency, and periods in seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// What it is called.
    pub name: &'static str,
    /// ISO 4217 code of its only currency.
    pub currency: &'static str,
    /// Limits that go into each certificate.
    pub limits: Limits,
    /// Most that a purse may hold when it is issued.
    pub purse_max: u64,
    /// Most that a wallet may charge in one period.
    pub charge_per_period: Option<u64>,
    /// Length of such a period.
    pub charge_period: u64,
    /// Most that a wallet may charge in all.
    pub charge_total: Option<u64>,
    /// Life of a checkpoint.
    pub checkpoint_seconds: u64,
    /// Time after a checkpoint's expiry in which payments from it may be claimed.
    pub claim_window: u32,
    /// Life of a certificate.
    pub certificate_seconds: u64,
    /// Life of an office key.
    pub office_key_seconds: u64,
    /// Time after the claim window before a payment may be voided.
    pub grace_seconds: u64,
}

/// Why a profile was not found or does not fit.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Choose one of those listed.
    #[error("unknown profile {name:?}, known are {known}")]
    Unknown {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The profile is for another currency.
    #[error("profile {profile} is for {expected}, not {found}")]
    Currency {
        /// The profile.
        profile: &'static str,
        /// Its currency.
        expected: &'static str,
        /// The currency asked for.
        found: Currency,
    },
}

const fn limits(payment: Option<u64>, checkpoint: Option<u64>, payments: Option<u32>) -> Limits {
    Limits { per_payment: payment, per_payee: None, per_checkpoint: checkpoint, payments, hops: 1 }
}

const fn profile(
    name: &'static str,
    currency: &'static str,
    limits: Limits,
    purse_max: u64,
) -> Profile {
    Profile {
        name,
        currency,
        limits,
        purse_max,
        charge_per_period: None,
        charge_period: 30 * DAY,
        charge_total: None,
        checkpoint_seconds: 7 * DAY,
        claim_window: 14 * 86_400,
        certificate_seconds: 180 * DAY,
        office_key_seconds: 365 * DAY,
        grace_seconds: DAY,
    }
}

/// The profiles there are. `psd2-contactless` caps the sum; `psd2-contactless-count` is the
/// issuer's other choice in the same rule and caps the number of payments.
pub const PROFILES: [Profile; 6] = [
    profile("rbi-2022", "INR", limits(Some(20_000), Some(200_000), None), 200_000),
    profile("rbi-2023", "INR", limits(Some(50_000), Some(200_000), None), 200_000),
    profile("upi-lite-2024", "INR", limits(Some(100_000), Some(500_000), None), 500_000),
    profile("psd2-contactless", "EUR", limits(Some(5_000), Some(15_000), None), 15_000),
    profile("psd2-contactless-count", "EUR", limits(Some(5_000), None, Some(5)), 25_000),
    Profile {
        charge_per_period: Some(15_000),
        ..profile("aml-emoney", "EUR", limits(None, Some(15_000), None), 15_000)
    },
];

impl Profile {
    /// Looks a profile up.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`], which lists those there are.
    pub fn by_name(name: &str) -> Result<Self, ProfileError> {
        PROFILES.iter().find(|profile| profile.name == name).cloned().ok_or_else(|| {
            let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
            ProfileError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Checks that the profile's limits are in `currency`.
    ///
    /// # Errors
    /// [`ProfileError::Currency`].
    pub fn check_currency(&self, currency: Currency) -> Result<(), ProfileError> {
        if currency.code() == self.currency {
            return Ok(());
        }
        Err(ProfileError::Currency { profile: self.name, expected: self.currency, found: currency })
    }

    /// The profile's total limit, the default of an account's credit line.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.limits.per_checkpoint.unwrap_or(self.purse_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_profile_is_refused_with_the_list_and_a_currency_that_does_not_fit_by_name() {
        let error = Profile::by_name("rbi-1999").unwrap_err().to_string();
        assert!(error.starts_with("unknown profile \"rbi-1999\", known are rbi-2022, rbi-2023"));
        let eur = Currency::by_code("EUR").unwrap();
        let error = Profile::by_name("rbi-2023").unwrap().check_currency(eur).unwrap_err();
        assert_eq!(error.to_string(), "profile rbi-2023 is for INR, not EUR");
    }
}
