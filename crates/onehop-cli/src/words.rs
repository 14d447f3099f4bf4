//! Events and reasons in words.

use onehop_proto::{Direction, NotPaid, PaymentView, Standing, Terms};
use onehop_wire::{AbortReason, Currency, LimitName, Money, RefusedReason, UnixSeconds};
use serde_json::{Value, json};

/// Why a payment did not happen.
pub(crate) fn not_paid(why: NotPaid, currency: Currency) -> String {
    match why {
        NotPaid::Refused(reason) => refused(reason, currency),
        NotPaid::Aborted(reason) => aborted(reason).to_owned(),
        NotPaid::Voided => "the office said void".to_owned(),
    }
}

/// The same as a name for programs.
pub(crate) const fn not_paid_name(why: NotPaid) -> &'static str {
    match why {
        NotPaid::Refused(RefusedReason::Declined) => "declined",
        NotPaid::Refused(RefusedReason::InsufficientFunds) => "insufficient-funds",
        NotPaid::Refused(RefusedReason::OverLimit { .. }) => "over-limit",
        NotPaid::Refused(RefusedReason::OrderNotFree) => "order-not-free",
        NotPaid::Refused(RefusedReason::Terms) => "terms",
        NotPaid::Refused(RefusedReason::Refund { .. }) => "refund",
        NotPaid::Aborted(AbortReason::Expired) => "expired",
        NotPaid::Aborted(AbortReason::Cancelled) => "cancelled",
        NotPaid::Aborted(AbortReason::Refused) => "refused",
        NotPaid::Aborted(AbortReason::Restarted) => "restarted",
        NotPaid::Aborted(AbortReason::InvalidVote) => "invalid-vote",
        NotPaid::Aborted(AbortReason::OrderPaid) => "order-paid",
        NotPaid::Voided => "voided",
    }
}

fn refused(reason: RefusedReason, currency: Currency) -> String {
    match reason {
        RefusedReason::Declined => "declined by the buyer".to_owned(),
        RefusedReason::InsufficientFunds => "insufficient funds".to_owned(),
        RefusedReason::OverLimit { name, limit } => {
            format!("over the {name} limit of {}", limit_value(name, limit, currency))
        }
        RefusedReason::OrderNotFree => "the order is already paid or in doubt".to_owned(),
        RefusedReason::Terms => "the terms are not acceptable to the buyer".to_owned(),
        RefusedReason::Refund { left: 0 } => {
            "nothing is left to give back of that payment, or it is not known there any more"
                .to_owned()
        }
        RefusedReason::Refund { left } => {
            format!("only {} is left to give back of that payment", Money::new(left, currency))
        }
    }
}

const fn aborted(reason: AbortReason) -> &'static str {
    match reason {
        AbortReason::Expired => "the buyer did not answer in time",
        AbortReason::Cancelled => "cancelled by the seller",
        AbortReason::Refused => "refused by the buyer",
        AbortReason::Restarted => "the seller restarted before it decided",
        AbortReason::InvalidVote => "the buyer's vote does not hold",
        AbortReason::OrderPaid => "the order was paid by another payment",
    }
}

fn limit_value(name: LimitName, limit: u64, currency: Currency) -> String {
    match name {
        LimitName::PerPayment | LimitName::PerPayee | LimitName::PerCheckpoint => {
            Money::new(limit, currency).to_string()
        }
        LimitName::Payments | LimitName::Hops => limit.to_string(),
    }
}

/// What a newer revocation list means to this wallet.
pub(crate) fn revocations(number: u32, added: usize) -> String {
    format!("heard of revocation list {number}: {added} more refused")
}

/// What a fork means to this wallet.
pub(crate) fn fork(name: &str) -> String {
    format!("{name:?} paid twice with the same money: refused from now on")
}

/// How a payment stands.
pub(crate) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Paid => "paid",
        Standing::NotPaid => "not paid",
        Standing::InDoubt => "in doubt",
        Standing::Open => "open",
    }
}

/// True of a payment received that the buyer has not acknowledged.
pub(crate) fn is_unacknowledged(payment: &PaymentView) -> bool {
    payment.direction == Direction::In
        && payment.standing == Standing::Paid
        && payment.state == "COMMITTED"
}

/// True of a payment made or received that is not finished between the two wallets.
pub(crate) fn is_unfinished(payment: &PaymentView) -> bool {
    is_unacknowledged(payment) || payment.standing == Standing::InDoubt
}

/// True of a payment received that the office has not settled.
pub(crate) fn is_unsettled(payment: &PaymentView) -> bool {
    payment.direction == Direction::In
        && payment.standing == Standing::Paid
        && payment.state != "REDEEMED"
}

/// A payment for programs.
pub(crate) fn payment_json(payment: &PaymentView) -> Value {
    let direction = match payment.direction {
        Direction::Out => "out",
        Direction::In => "in",
    };
    json!({
        "tx": payment.tx.to_string(),
        "direction": direction,
        "standing": standing(payment.standing),
        "state": payment.state,
        "amount": payment.amount.minor(),
        "currency": payment.amount.currency().code(),
        "other": payment.other.to_string(),
        "name": payment.name,
        "order_id": payment.order_id,
        "order": payment.order,
        "redeem_by": payment.redeem_by.0,
        "refund_of": payment.refund_of.map(|tx| tx.to_string()),
        "at": payment.at.0,
    })
}

/// What a payment is for; of a refund also what it gives back.
pub(crate) fn order(terms: &Terms, first: Option<Money>) -> String {
    let order = &terms.order;
    match (terms.refund_of, first) {
        (Some(of), Some(first)) => {
            format!("{order} (back from {first} you received, payment {})", of.short())
        }
        (Some(_) | None, _) => order.clone(),
    }
}

/// A date for people.
pub(crate) fn date(at: UnixSeconds) -> String {
    at.to_string()
}

/// A date and a time for people, without seconds: `YYYY-MM-DDThh:mmZ`.
pub(crate) fn minute(at: UnixSeconds) -> String {
    let date = at.to_string();
    let minute = date.rsplit_once(':').map(|(minute, _)| format!("{minute}Z"));
    minute.unwrap_or(date)
}

/// True of money that this wallet has received.
pub(crate) fn is_received(payment: &PaymentView) -> bool {
    payment.direction == Direction::In && payment.standing == Standing::Paid
}

#[cfg(test)]
mod tests {
    use onehop_wire::UnixSeconds;

    use super::minute;

    #[test]
    fn a_time_for_people_ends_with_its_minute() {
        assert_eq!(minute(UnixSeconds(0)), "1970-01-01T00:00Z");
        assert_eq!(minute(UnixSeconds(1_795_252_259)), "2026-11-21T09:10Z");
    }
}
