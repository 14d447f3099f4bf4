//! I9: OUTCOME VOID implies that the deadline had passed without a claim, or that the seller waived.

use onehop_wire::UnixSeconds;
use onehop_wire::office::OutcomeKind;

use super::{I9, Payment};

/// Checks a first VOID, said at `today` by an office that grants `grace` seconds.
pub(crate) fn check(
    payment: &Payment,
    today: UnixSeconds,
    grace: u64,
) -> Option<(&'static str, String)> {
    let is_void = payment.kind() == Some(&OutcomeKind::Void);
    let is_early = today < payment.redeem_by.plus(grace);
    let groundless = is_void && payment.aborts.is_empty() && (is_early || payment.is_claimed);
    groundless.then(|| (I9, "neither deadline nor ABORT".to_owned()))
}
