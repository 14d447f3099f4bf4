//! Limits by name, from options and files.

use std::path::Path;

use anyhow::{Context, Result, bail};
use onehop_wire::{AmountError, Currency, Money};
use serde_json::{Map, Value};

use super::access::Access;
use super::args::{LimitArgs, LimitCommand};
use super::{Rule, finish, read_in};
use crate::{Command as Order, LimitSet, OperatorAnswer};

const DAY: u64 = 86_400;

pub(crate) fn run(access: &mut Access, command: &LimitCommand, json: bool) -> Result<()> {
    let answer = access.order(Order::Limits)?;
    let LimitCommand::Set(args) = command else { return finish(access, &answer, json) };
    let OperatorAnswer::Limits(mut set) = answer else {
        bail!("the office answered another question")
    };
    edit(&mut set, args, access.currency()?)?;
    set.number = set.number.saturating_add(1);
    let answer = access.order(Order::SetLimits(set))?;
    finish(access, &answer, json)
}

/// Changes what the options and their file name.
pub(crate) fn edit(set: &mut LimitSet, args: &LimitArgs, currency: Currency) -> Result<()> {
    if let Some(path) = &args.file {
        for (name, text) in read(path)? {
            change(set, &name, &text, currency)?;
        }
    }
    let options = [
        ("per-payment", &args.per_payment),
        ("per-payee", &args.per_payee),
        ("per-checkpoint", &args.per_checkpoint),
        ("payments", &args.payments),
        ("hops", &args.hops),
        ("purse-max", &args.purse_max),
        ("credit-line", &args.credit_line),
        ("charge-per-period", &args.charge_per_period),
        ("charge-period", &args.charge_period),
        ("charge-total", &args.charge_total),
    ];
    for (name, text) in options {
        if let Some(text) = text {
            change(set, name, text, currency)?;
        }
    }
    Ok(())
}

/// The names of a file with their values as an option would have them.
fn read(path: &Path) -> Result<Vec<(String, String)>> {
    let bytes = read_in(path)?;
    let object: Map<String, Value> = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a JSON object of limits", path.display()))?;
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => Some("none".to_owned()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    object
        .into_iter()
        .map(|(name, value)| match text(value) {
            Some(text) => Ok((name, text)),
            None => Err(Rule::Limit { name, why: "is no amount and no number".to_owned() }.into()),
        })
        .collect()
}

fn change(set: &mut LimitSet, name: &str, text: &str, currency: Currency) -> Result<()> {
    let amount = || match Money::parse(text, currency) {
        Ok(money) => Ok(money.minor()),
        Err(AmountError::Zero { .. }) => Ok(0),
        Err(error) => Err(error),
    };
    let none = text == "none";
    let optional = || if none { Ok(None) } else { amount().map(Some) };
    let wrong = |why: &str| Rule::Limit { name: name.to_owned(), why: why.to_owned() };
    let count = || text.parse::<u32>().map_err(|_| wrong("is no number"));
    match name {
        "per-payment" => set.limits.per_payment = optional()?,
        "per-payee" => set.limits.per_payee = optional()?,
        "per-checkpoint" => set.limits.per_checkpoint = optional()?,
        "payments" => set.limits.payments = if none { None } else { Some(count()?) },
        "hops" => set.limits.hops = text.parse().map_err(|_| wrong("is no number up to 8"))?,
        "purse-max" => set.purse_max = amount()?,
        "credit-line" => set.credit_line = amount()?,
        "charge-per-period" => set.charge_per_period = optional()?,
        "charge-period" => set.charge_period = u64::from(count()?).saturating_mul(DAY),
        "charge-total" => set.charge_total = optional()?,
        _ => return Err(wrong("is no limit of an office").into()),
    }
    Ok(())
}
