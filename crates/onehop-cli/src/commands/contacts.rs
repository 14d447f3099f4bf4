//! `onehop contacts`: whom this wallet has paid, who has paid it, and what the person notes of them.

use std::collections::BTreeMap;

use anyhow::Result;
use onehop_proto::{Direction, PaymentView, Standing};
use onehop_wire::{Money, WalletId};
use serde_json::json;

use crate::args::{ContactsArgs, ContactsKind, Global};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home};
use crate::notes;
use crate::render::Screen;

/// Fewer digits of a wallet's id are too likely to be a name that was mistyped.
const DIGITS_MIN: usize = 4;
/// Wallets that are named where several are meant.
const NAMED_MAX: usize = 5;

/// Another wallet, as the payments with it tell.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Contact {
    /// Its certified name in the newest payment; empty if no payment is known any more.
    name: String,
    /// Payments that happened.
    payments: u64,
    /// Their sums, in minor units.
    paid: u128,
    received: u128,
    in_doubt: u64,
}

/// `onehop contacts`.
pub(crate) fn run(screen: Screen, global: &Global, args: &ContactsArgs) -> Result<Exit> {
    match &args.what {
        None => list(screen, global),
        Some(ContactsKind::Note { who, text }) => note(screen, global, who, text),
    }
}

/// All of them, the most frequent first.
fn list(screen: Screen, global: &Global) -> Result<Exit> {
    let home = folder::open(global)?;
    let currency = home.currency()?;
    let mut contacts: Vec<_> = contacts(&home)?.into_iter().collect();
    contacts.sort_by(|(_, a), (_, b)| b.payments.cmp(&a.payments).then(a.name.cmp(&b.name)));
    for (wallet, contact) in contacts {
        let Contact { name, payments, paid, received, in_doubt } = contact;
        let money = |minor: u128| {
            // More than all that a currency of u64 minor units has is not received in a life.
            Money::new(u64::try_from(minor).unwrap_or(u64::MAX), currency)
        };
        let note = home.settings.notes.of(&wallet);
        let doubt = if in_doubt == 0 { String::new() } else { format!(", {in_doubt} in doubt") };
        let noted = notes::beside(note);
        let text = format!(
            "{name:<24} {payments} payments: paid {}, received {}{doubt}{noted}",
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
            "note": note,
        });
        screen.result(text, &json);
    }
    Ok(Exit::Done)
}

/// Notes `text` about the wallet that `who` means, or removes what was noted.
fn note(screen: Screen, global: &Global, who: &str, text: &str) -> Result<Exit> {
    let mut home = folder::open(global)?;
    let contacts = contacts(&home)?;
    let wallet = meant(&contacts, who)?;
    let noted = home.settings.notes.set(wallet, text);
    noted.map_err(|error| Failure::usage(error.to_string()))?;
    home.write_settings()?;
    let name = contacts.get(&wallet).map_or("", |contact| contact.name.as_str());
    let note = home.settings.notes.of(&wallet);
    let whom = format!("{name:?}, wallet {}", wallet.short());
    let said = note.map_or_else(
        || format!("nothing is noted about {whom}"),
        |note| format!("noted about {whom}: {note:?}"),
    );
    screen.result(said, &json!({ "wallet": wallet.to_string(), "name": name, "note": note }));
    Ok(Exit::Done)
}

/// The one contact of this certified name, or whose id begins so.
fn meant(contacts: &BTreeMap<WalletId, Contact>, who: &str) -> Result<WalletId> {
    let digits = who.to_ascii_lowercase();
    let is_meant = |wallet: &WalletId, contact: &Contact| {
        let by_name = !who.is_empty() && contact.name == who;
        by_name || (digits.len() >= DIGITS_MIN && wallet.to_string().starts_with(&digits))
    };
    let found: Vec<&WalletId> = contacts
        .iter()
        .filter(|(wallet, contact)| is_meant(wallet, contact))
        .map(|(wallet, _)| wallet)
        .collect();
    match found.as_slice() {
        [wallet] => Ok(**wallet),
        [] => Err(Failure::usage(format!(
            "there is no contact {who:?}: give a name that onehop contacts lists, or the first \
             {DIGITS_MIN} or more digits of the wallet's id"
        ))
        .into()),
        several => {
            let ids: Vec<String> =
                several.iter().take(NAMED_MAX).map(|wallet| wallet.short()).collect();
            let (count, ids) = (several.len(), ids.join(", "));
            let text = format!(
                "{who:?} is {count} contacts: give the first digits of one wallet's id: {ids}"
            );
            Err(Failure::usage(text).into())
        }
    }
}

/// The other wallets of all payments, and those with a note.
fn contacts(home: &Home) -> Result<BTreeMap<WalletId, Contact>> {
    let mut contacts = of_payments(&home.keeper.history(usize::MAX)?);
    for wallet in home.settings.notes.wallets() {
        contacts.entry(*wallet).or_default();
    }
    Ok(contacts)
}

/// The other wallets of `payments`, which are newest first.
fn of_payments(payments: &[PaymentView]) -> BTreeMap<WalletId, Contact> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn known(of: &[(u8, &str)]) -> BTreeMap<WalletId, Contact> {
        let contact = |name: &str| Contact { name: name.to_owned(), ..Contact::default() };
        of.iter().map(|(byte, name)| (WalletId([*byte; 32]), contact(name))).collect()
    }

    #[test]
    fn a_contact_is_meant_by_its_name_or_the_first_digits_of_its_id_and_nobody_by_both() {
        let contacts = known(&[(0xab, "tea"), (0xac, "tea"), (0xad, "abab"), (0xae, "")]);
        let meant = |who: &str| meant(&contacts, who).map_err(|error| error.to_string());
        assert_eq!(meant("acac"), Ok(WalletId([0xac; 32])));
        assert_eq!(meant("ACACAC"), Ok(WalletId([0xac; 32])));
        assert_eq!(meant("aeae"), Ok(WalletId([0xae; 32])));
        let several = "is 2 contacts: give the first digits of one wallet's id: abababab,";
        for who in ["tea", "abab"] {
            let refused = meant(who).unwrap_err();
            assert!(refused.contains(several), "{refused}");
        }
        for who in ["", "te", "aca", "Tea", "acacad"] {
            let refused = meant(who).unwrap_err();
            assert!(refused.starts_with(&format!("there is no contact {who:?}: ")), "{refused}");
        }
    }
}
