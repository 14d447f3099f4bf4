//! I2: buyer and seller never both lose by one payment.

use super::{I2, Payment};

/// Checks what the two logs say of one payment.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    let is_lost = payment.buyer_paid && !payment.aborts.is_empty();
    is_lost.then(|| (I2, "buyer paid, seller waived".to_owned()))
}
