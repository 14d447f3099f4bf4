//! `onehop balance`, and the figures that other commands end with.

use anyhow::Result;
use onehop_proto::{PaymentView, Shun, Standing};
use onehop_wire::{Certificate, Money, WalletId};
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::folder::{self, Home};
use crate::render::Screen;
use crate::words;

/// `onehop balance`: the figures, and what to do about payments that are not finished.
pub(crate) fn balance(screen: Screen, global: &Global) -> Result<Exit> {
    let home = folder::open(global)?;
    figures(screen, &home)?;
    for payment in home.keeper.wallet().state().payments() {
        unfinished(screen, &payment);
    }
    Ok(Exit::Done)
}

/// The four figures, and what one payment could use.
pub(crate) fn figures(screen: Screen, home: &Home) -> Result<()> {
    let certificate = home.certificate()?;
    let currency = certificate.currency;
    let balance = home.keeper.wallet().balance();
    let closed = home.unanswered().is_some();
    let note =
        if closed { "  (purse closed until the office answers; run onehop sync)" } else { "" };
    let lines = [
        ("available", balance.available),
        ("held", balance.held),
        ("in doubt", balance.in_doubt),
        ("received, unsettled", balance.received_unsettled),
        ("spendable now", balance.spendable),
    ];
    let width = lines.iter().map(|(_, minor)| money(*minor, currency).len()).max().unwrap_or(0);
    let text: Vec<String> = lines
        .iter()
        .map(|(name, minor)| format!("{name:<20} {:>width$}", money(*minor, currency)))
        .collect();
    screen.result(
        format!("{}{note}", text.join("\n")),
        &json!({
            "name": certificate.name.as_str(),
            "currency": currency.code(),
            "exponent": currency.exponent(),
            "available": balance.available,
            "held": balance.held,
            "in_doubt": balance.in_doubt,
            "received_unsettled": balance.received_unsettled,
            "spendable": balance.spendable,
            "purse_closed": closed,
        }),
    );
    Ok(())
}

/// `onehop refused`: the revocation list reached, whom this wallet refuses, and who told.
pub(crate) fn refused(screen: Screen, global: &Global) -> Result<Exit> {
    let home = folder::open(global)?;
    let state = home.keeper.wallet().state();
    let (number, from) = (state.revocation_number(), state.revocations_from());
    let by = |from: Option<WalletId>, otherwise: &str| {
        from.map_or_else(|| otherwise.to_owned(), |from| format!("wallet {}", from.short()))
    };
    let shunned = state.shunned();
    let count = shunned.len();
    screen.result(
        format!("revocation list {number}, from {}; {count} refused", by(from, "the office")),
        &json!({
            "revocations": number,
            "from": from.map(|from| from.to_string()),
            "refused": count,
        }),
    );
    for it in shunned {
        let (why, told) = match it.why {
            Shun::Listed => ("revoked", by(it.from, "the office")),
            Shun::Delta(_) => ("revoked", by(it.from, "the office")),
            Shun::Fork => ("paid twice with the same money", by(it.from, "this wallet itself")),
        };
        let name = it.name.as_ref().map(|name| format!(" {name:?}")).unwrap_or_default();
        screen.result(
            format!("refused: {}{name}: {why}, says {told}", it.wallet.short()),
            &json!({
                "wallet": it.wallet.to_string(),
                "name": it.name,
                "why": why,
                "from": it.from.map(|from| from.to_string()),
            }),
        );
    }
    Ok(Exit::Done)
}

fn money(minor: u64, currency: onehop_wire::Currency) -> String {
    Money::new(minor, currency).to_string()
}

/// What to do about a payment that is not finished.
pub(crate) fn unfinished(screen: Screen, payment: &PaymentView) {
    let (tx, amount, name) = (payment.tx.short(), payment.amount, &payment.name);
    let until = words::date(payment.redeem_by);
    let text = if payment.standing == Standing::InDoubt {
        let since = words::date(payment.at);
        format!(
            "in doubt since {since}: {tx} of {amount} to {name:?}: do not pay again; run onehop \
             resume near them, or onehop resume --office"
        )
    } else if words::is_unacknowledged(payment) {
        format!(
            "unacknowledged: {tx} of {amount} from {name:?}: paid; claim by {until}: onehop sync"
        )
    } else if words::is_unsettled(payment) {
        format!("unsettled: {tx} of {amount} from {name:?}: claim by {until}: onehop sync")
    } else {
        return;
    };
    screen.result(text, &words::payment_json(payment));
}

/// The certificate's limits, as the end of a sentence.
pub(crate) fn limits(certificate: &Certificate) -> String {
    let limits = &certificate.limits;
    let sums = [
        ("per payment", limits.per_payment),
        ("per payee", limits.per_payee),
        ("between syncs", limits.per_checkpoint),
    ];
    let mut parts: Vec<String> = sums
        .iter()
        .filter_map(|(name, minor)| {
            Some(format!("{} {name}", money((*minor)?, certificate.currency)))
        })
        .collect();
    parts.extend(limits.payments.map(|count| format!("{count} payments between syncs")));
    if parts.is_empty() { String::new() } else { format!("; limits: {}", parts.join(", ")) }
}
