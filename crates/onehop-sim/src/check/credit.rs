//! I4: no payment is credited, or booked as paid by the office, more than once.

use super::{I4, Payment};

/// Checks how often one payment was credited.
pub(crate) fn check(payment: &Payment) -> Option<(&'static str, String)> {
    let (credits, redeemed) = (payment.credits.len(), payment.redeemed.len());
    if credits > 1 {
        return Some((I4, format!("credited {credits} times")));
    }
    if redeemed > 1 {
        return Some((I4, format!("redeemed {redeemed} times")));
    }
    None
}
