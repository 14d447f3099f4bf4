//! `onehop contacts`: whom this wallet has paid, and who has paid it.

use std::collections::BTreeMap;

use anyhow::Result;
use onehop_proto::{Direction, PaymentView, Standing};
use onehop_wire::{Money, WalletId};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::folder;
use crate::render::Screen;

/// Another wallet, as the payments with it tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Contact {
    /// Its certified name in the newest payment.
    name: String,
    /// Payments that happened.
    payments: u64,
    /// Their sums, in minor units.
    paid: u128,
    received: u128,
    in_doubt: u64,
}

/// `onehop contacts`, the most frequent first.
pub(crate) fn run(screen: Screen, global: &Global) -> Result<Exit> {
    let home = folder::open(global)?;
    let currency = home.currency()?;
    let mut contacts: Vec<_> = contacts(&home.keeper.history(usize::MAX)?).into_iter().collect();
    contacts.sort_by(|(_, a), (_, b)| b.payments.cmp(&a.payments).then(a.name.cmp(&b.name)));
    for (wallet, contact) in contacts {
        let Contact { name, payments, paid, received, in_doubt } = contact;
        let money = |minor: u128| {
            // More than all that a currency of u64 minor units has is not received in a life.
            Money::new(u64::try_from(minor).unwrap_or(u64::MAX), currency)
        };
        let doubt = if in_doubt == 0 { String::new() } else { format!(", {in_doubt} in doubt") };
        let text = format!(
            "{name:<24} {payments} payments: paid {}, received {}{doubt}",
            money(paid),
            money(received)
        );
        let json = json!({
            "wallet": wallet.to_string(),
            "name": name,
            "payments": payments,
            "paid": money(paid).minor(),
            "received": money(received).minor(),
            "in_doubt": in_doubt,
            "currency": currency.code(),
        });
        screen.result(text, &json);
    }
    Ok(Exit::Done)
}

/// The other wallets of `payments`, which are newest first.
fn contacts(payments: &[PaymentView]) -> BTreeMap<WalletId, Contact> {
    let mut contacts: BTreeMap<WalletId, Contact> = BTreeMap::new();
    for payment in payments {
        let contact = contacts.entry(payment.other).or_default();
        if contact.name.is_empty() {
            contact.name.clone_from(&payment.name);
        }
        let minor = u128::from(payment.amount.minor());
        match (payment.standing, payment.direction) {
            (Standing::Paid, direction) => {
                contact.payments = contact.payments.saturating_add(1);
                let sum = match direction {
                    Direction::Out => &mut contact.paid,
                    Direction::In => &mut contact.received,
                };
                *sum = sum.saturating_add(minor);
            }
            (Standing::InDoubt, _) => contact.in_doubt = contact.in_doubt.saturating_add(1),
            (Standing::NotPaid | Standing::Open, _) => {}
        }
    }
    contacts
}
