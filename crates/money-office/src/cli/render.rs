//! All printing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]

use anyhow::Result;
use onehop_evidence::Judgement;
use onehop_wire::office::OfficeInfo;
use onehop_wire::{Currency, Money};
use serde_json::{Map, Value, json};

use crate::{
    AuditReport, DebtReport, Exposure, LimitSet, OperatorAnswer, WalletReport, finding_json,
};

/// One line: the causes of an error, each once.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.ends_with(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    eprintln!("money-office: {line}");
}

/// A line for people, or an object for programs.
pub(crate) fn line(as_json: bool, text: &str, fields: &[(&str, &dyn ToString)]) {
    if as_json {
        let fields =
            fields.iter().map(|(key, value)| ((*key).to_owned(), json!(value.to_string())));
        println!("{}", Value::Object(fields.collect::<Map<_, _>>()));
    } else {
        println!("{text}");
    }
}

pub(crate) fn info_json(info: &OfficeInfo) -> Result<()> {
    let id = onehop_wire::domain::office_id(&info.root).to_string();
    let fields = json!({
        "office": id,
        "name": info.name.as_str(),
        "currency": info.currency.code(),
        "root": info.root.to_string(),
        "office_key": info.office_key.body.number,
    });
    println!("{fields}");
    Ok(())
}

pub(crate) fn answer(answer: &OperatorAnswer, currency: Currency, as_json: bool) -> Result<()> {
    match answer {
        OperatorAnswer::Wallet(report) => wallet(report, currency, as_json),
        OperatorAnswer::Wallets(reports) => {
            for report in reports {
                wallet(report, currency, as_json);
            }
        }
        OperatorAnswer::Settled { lapsed, paid, disputed, open } => {
            let text = format!(
                "{paid} paid, {disputed} disputed, {lapsed} purses lapsed, {open} payments open"
            );
            let fields: [(&str, &dyn ToString); 4] =
                [("paid", paid), ("disputed", disputed), ("lapsed", lapsed), ("open", open)];
            line(as_json, &text, &fields);
        }
        OperatorAnswer::Audit(report) => audit(report, currency, as_json),
        OperatorAnswer::Debts(debts) => {
            for debt in debts {
                self::debt(debt, currency, as_json);
            }
            if debts.is_empty() && !as_json {
                println!("nobody owes anything");
            }
        }
        OperatorAnswer::Limits(set) => limits(set, currency, as_json),
        OperatorAnswer::Exposure(found) => exposure(found, currency, as_json),
        // Goes into a file.
        OperatorAnswer::Exported(_) | OperatorAnswer::Statement(_) => {}
    }
    Ok(())
}

/// A sentence for each finding, or that nobody is guilty.
pub(crate) fn judgement(judgement: &Judgement, as_json: bool) {
    for finding in &judgement.findings {
        if as_json {
            println!("{}", finding_json(finding));
        } else {
            println!("{finding}");
        }
    }
    if judgement.findings.is_empty() {
        if as_json {
            println!("{}", json!({ "guilty": null }));
        } else {
            println!("nobody is guilty");
        }
    }
}

fn limits(set: &LimitSet, currency: Currency, as_json: bool) {
    if as_json {
        let limits = &set.limits;
        let fields = json!({
            "number": set.number,
            "currency": currency.code(),
            "per-payment": limits.per_payment,
            "per-payee": limits.per_payee,
            "per-checkpoint": limits.per_checkpoint,
            "payments": limits.payments,
            "hops": limits.hops,
            "purse-max": set.purse_max,
            "credit-line": set.credit_line,
            "charge-per-period": set.charge_per_period,
            "charge-period-seconds": set.charge_period,
            "charge-total": set.charge_total,
        });
        println!("{fields}");
        return;
    }
    let none = || "none".to_owned();
    let money =
        |sum: Option<u64>| sum.map_or_else(none, |minor| Money::new(minor, currency).to_string());
    let count = |count: Option<u32>| count.map_or_else(none, |count| count.to_string());
    let lines = [
        ("per payment", money(set.limits.per_payment)),
        ("per payee", money(set.limits.per_payee)),
        ("per checkpoint", money(set.limits.per_checkpoint)),
        ("payments", count(set.limits.payments)),
        ("hops", set.limits.hops.to_string()),
        ("purse at most", money(Some(set.purse_max))),
        ("credit line", money(Some(set.credit_line))),
        ("charge per period", money(set.charge_per_period)),
        ("days of a period", (set.charge_period / 86_400).to_string()),
        ("charge in all", money(set.charge_total)),
    ];
    println!("limits {}", set.number);
    for (name, value) in lines {
        println!("  {name}: {value}");
    }
}

fn exposure(found: &Exposure, currency: Currency, as_json: bool) {
    let big = |sum: Option<u128>| match sum {
        Some(minor) => i128::try_from(minor).map_or(Value::Null, number),
        None => Value::Null,
    };
    let words = |minor: Option<u128>| match minor.map(i128::try_from) {
        Some(Ok(minor)) => sum(minor, currency),
        Some(Err(_)) | None => "without limit".to_owned(),
    };
    for it in &found.wallets {
        let (loss, beyond) = (it.loss, it.beyond_bond());
        if as_json {
            let fields = json!({
                "wallet": it.wallet.to_string(),
                "name": it.name,
                "currency": currency.code(),
                "checkpoints": it.checkpoints,
                "reach": it.reach,
                "loss": big(loss),
                "bond": it.bond,
                "beyond_bond": big(beyond),
            });
            println!("{fields}");
        } else {
            println!(
                "{} {:?}: {}, of {} to each payee under {} checkpoints, bond {}",
                it.wallet,
                it.name,
                words(beyond),
                words(it.reach.map(u128::from)),
                it.checkpoints,
                Money::new(it.bond, currency),
            );
        }
    }
    if as_json {
        let (certificates, total) = (found.certificates, big(found.total));
        println!("{}", json!({ "certificates": certificates, "total": total }));
    } else {
        let (certificates, total) = (found.certificates, words(found.total));
        println!("largest loss until the next sync: {total}, among {certificates} certificates");
    }
}

fn debt(debt: &DebtReport, currency: Currency, as_json: bool) {
    let DebtReport { debtor, creditor, payment, amount, collected, open } = debt;
    if as_json {
        let fields = json!({
            "debtor": debtor.to_string(),
            "creditor": creditor.to_string(),
            "tx": payment.tx.to_string(),
            "payer": payment.payer.to_string(),
            "payee": payment.payee.to_string(),
            "currency": currency.code(),
            "amount": amount,
            "collected": collected,
            "open": open,
        });
        println!("{fields}");
        return;
    }
    let money = |minor: u64| Money::new(minor, currency);
    println!(
        "{debtor} owes {creditor} {}, of {} for payment {}, {} collected",
        money(*open),
        money(*amount),
        payment.tx.short(),
        money(*collected),
    );
}

/// A sum that may be below zero.
fn sum(minor: i128, currency: Currency) -> String {
    match u64::try_from(minor.unsigned_abs()) {
        Ok(abs) if minor < 0 => format!("-{}", Money::new(abs, currency)),
        Ok(abs) => Money::new(abs, currency).to_string(),
        Err(_) => format!("{minor} minor units of {currency}"),
    }
}

fn wallet(report: &WalletReport, currency: Currency, as_json: bool) {
    let money = |minor: i128| sum(minor, currency);
    if as_json {
        let fields = json!({
            "wallet": report.wallet.to_string(),
            "name": report.name,
            "currency": currency.code(),
            "account": number(report.account),
            "purse": number(report.purse),
            "incoming": number(report.incoming),
            "suspense": number(report.suspense),
            "bond": number(report.bond),
            "owes": report.owes,
            "checkpoint": report.checkpoint,
            "expires": report.expires.to_string(),
            "revoked": report.revoked,
            "frozen": report.frozen,
            "lost": report.lost,
            "free_from": report.free_from.to_string(),
        });
        println!("{fields}");
        return;
    }
    let mut more = String::new();
    if report.bond != 0 {
        more.push_str(&format!(", bond {}", money(report.bond)));
    }
    if report.owes != 0 {
        more.push_str(&format!(", owes {}", money(i128::from(report.owes))));
    }
    if report.lost {
        more.push_str(&format!(", lost, refund from {}", report.free_from));
    }
    let flags = match (report.revoked, report.frozen) {
        (true, true) => ", revoked, frozen",
        (true, false) => ", revoked",
        (false, true) => ", frozen",
        (false, false) => "",
    };
    println!(
        "{} {:?}: account {}, purse {}, incoming {}, suspended {}{more}, checkpoint {} until {}{flags}",
        report.wallet,
        report.name,
        money(report.account),
        money(report.purse),
        money(report.incoming),
        money(report.suspense),
        report.checkpoint,
        report.expires,
    );
}

/// Minor units as a JSON number, or as text where no JSON number is exact.
fn number(minor: i128) -> Value {
    i64::try_from(minor).map_or_else(|_| json!(minor.to_string()), |minor| json!(minor))
}

fn audit(report: &AuditReport, currency: Currency, as_json: bool) {
    if as_json {
        let differences = report.differences.iter().map(|found| {
            json!({
                "row": found.row,
                "books": number(found.books),
                "expected": number(found.evidence),
                "source": if found.postings { "postings" } else { "evidence" },
            })
        });
        let fields = json!({
            "books_balance": report.balances(),
            "currency": currency.code(),
            "evidence": report.evidence,
            "cash": number(report.cash),
            "accounts": number(report.accounts),
            "purses": number(report.purses),
            "suspense": number(report.suspense),
            "bonds": number(report.bonds),
            "missing": number(report.missing()),
            "faults": report.faults,
            "differences": differences.collect::<Vec<_>>(),
        });
        println!("{fields}");
        return;
    }
    println!(
        "cash {} = accounts {} + bonds {} + purses {} + suspended {}, from {} rows of evidence",
        sum(report.cash, currency),
        sum(report.accounts, currency),
        sum(report.bonds, currency),
        sum(report.purses, currency),
        sum(report.suspense, currency),
        report.evidence,
    );
    for fault in &report.faults {
        println!("{fault}");
    }
    for found in &report.differences {
        let source = if found.postings { "postings say" } else { "evidence says" };
        let (books, other) = (sum(found.books, currency), sum(found.evidence, currency));
        println!("{} holds {books}, the {source} {other}", found.row);
    }
    if report.missing() != 0 {
        println!("{} are missing", sum(report.missing(), currency));
    }
    if report.balances() {
        println!("books balance");
    }
}
