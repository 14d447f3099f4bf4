//! `onehop history`: every payment, live and archived, filtered, a page at a time.

use anyhow::Result;
use onehop_proto::{Direction, PaymentView, Standing};

use crate::args::Global;
use crate::args::{Ended, HistoryArgs, Way};
use crate::exit::Exit;
use crate::folder;
use crate::render::Screen;
use crate::words;

/// The columns of `--csv`.
const COLUMNS: [&str; 13] = [
    "tx",
    "direction",
    "standing",
    "state",
    "amount",
    "currency",
    "other",
    "name",
    "order_id",
    "order",
    "redeem_by",
    "refund_of",
    "at",
];

/// `onehop history`.
pub(crate) fn run(screen: Screen, global: &Global, args: &HistoryArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    let is_filtered = args.with.is_some() || args.way.is_some() || args.standing.is_some();
    let enough = if is_filtered { usize::MAX } else { args.skip.saturating_add(args.limit) };
    let all = home.keeper.history(enough)?;
    let page = all.iter().filter(|payment| is_wanted(payment, args));
    let page = page.skip(args.skip).take(args.limit);
    if args.csv {
        return csv(screen, page);
    }
    page.for_each(|payment| line(screen, payment));
    Ok(Exit::Done)
}

fn is_wanted(payment: &PaymentView, args: &HistoryArgs) -> bool {
    let has_name = |with: &String| payment.name.to_lowercase().contains(&with.to_lowercase());
    let goes = |way: Way| match payment.direction {
        Direction::Out => way == Way::Out,
        Direction::In => way == Way::In,
    };
    let stands = |wanted: Ended| match payment.standing {
        Standing::Paid => wanted == Ended::Paid,
        Standing::NotPaid => wanted == Ended::NotPaid,
        Standing::InDoubt => wanted == Ended::InDoubt,
        Standing::Open => wanted == Ended::Open,
    };
    args.with.as_ref().is_none_or(has_name)
        && args.way.is_none_or(goes)
        && args.standing.is_none_or(stands)
}

/// A payment in one line: a sign and a word beside each other say which way it went.
fn line(screen: Screen, payment: &PaymentView) {
    let (tx, at) = (payment.tx.short(), words::minute(payment.at));
    let standing = words::standing(payment.standing);
    let state = &payment.state;
    let (sign, way) = match payment.direction {
        Direction::Out => ("-", "to"),
        Direction::In => ("+", "from"),
    };
    let amount = format!("{sign}{}", payment.amount);
    let (name, order) = (&payment.name, &payment.order);
    let of = payment.refund_of.map(|first| format!("  (refund of {})", first.short()));
    let of = of.unwrap_or_default();
    screen.result(
        format!(
            "{tx}  {at}  {amount:>14}  {way:<4} {name:<20}  {standing:<8} {state:<9}  {order}{of}"
        ),
        &words::payment_json(payment),
    );
}

/// A table as RFC 4180 has it, with a head; amounts in minor units, as with `--json`.
fn csv<'a>(screen: Screen, page: impl Iterator<Item = &'a PaymentView>) -> Result<Exit> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    for payment in page {
        let value = words::payment_json(payment);
        let cells = COLUMNS.map(|column| match value.get(column) {
            Some(serde_json::Value::String(text)) => harmless(text),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        });
        table.write_record(cells)?;
    }
    let text = String::from_utf8(table.into_inner()?)?;
    screen.text_only(text.trim_end());
    Ok(Exit::Done)
}

/// What another person chose must not be a formula to the spreadsheet that opens the table.
fn harmless(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_name_that_would_be_a_formula_is_text() {
        assert_eq!(harmless("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")");
        assert_eq!(harmless("Asha"), "Asha");
    }
}
