//! I6: the office never pays what it voided, nor voids what it paid: one OUTCOME, for ever.

use onehop_wire::Signed;
use onehop_wire::office::Outcome;

use super::{I6, Payment};

/// Checks one OUTCOME against the one said before.
pub(crate) fn check(
    payment: &Payment,
    outcome: &Signed<Outcome>,
) -> Option<(&'static str, String)> {
    let differs = payment.outcome.as_ref().is_some_and(|before| before != outcome);
    differs.then(|| (I6, "two different outcomes".to_owned()))
}
