//! I1: buyer and seller never both gain by one payment.

use super::{I1, Payment};

/// Checks what the two logs say of one payment.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    if !payment.commits.is_empty() && payment.buyer_released {
        return Some((I1, "seller committed, buyer was released".to_owned()));
    }
    if payment.buyer_paid && (payment.buyer_released || payment.buyer_voided) {
        return Some((I1, "buyer paid and has it back".to_owned()));
    }
    None
}
