//! I7: OUTCOME PAID implies that the buyer was not released.

use onehop_wire::office::OutcomeKind;

use super::{I7, Payment};

/// Checks the office's word against the buyer's log.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    let is_paid = payment.kind() == Some(&OutcomeKind::Paid);
    (is_paid && payment.buyer_released).then(|| (I7, "paid, the buyer was released".to_owned()))
}
