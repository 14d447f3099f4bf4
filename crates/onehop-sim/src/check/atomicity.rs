//! Atomicity (I1, I2): buyer and seller never both gain by one payment, and never both lose.

use super::Payment;

/// Checks what the two logs say of one payment.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    let is_credited = !payment.commits.is_empty();
    if is_credited && payment.buyer_released {
        return Some(("I1 never both gain", "seller committed, buyer was released".to_owned()));
    }
    if payment.buyer_paid && !payment.aborts.is_empty() {
        return Some(("I2 never both lose", "buyer paid, seller waived".to_owned()));
    }
    if payment.buyer_paid && (payment.buyer_released || payment.buyer_voided) {
        return Some(("I1 never both gain", "buyer paid and has it back".to_owned()));
    }
    None
}
