//! `xtask malformed`: every bit flip, every cut, every byte more and every swap of fields of every
//! message, given to the receiver that waits for the genuine one.
//!
//! Session messages go to a real wallet in a real session, sealed by a dishonest peer and altered
//! by a third party; requests go to a real office, its answers to a real wallet. Nothing may be
//! accepted, nothing may panic and no durable state may change, but for what the specification has
//! a wallet record of a dishonest peer, which is counted by name.

mod answers;
mod attachments;
mod bare;
mod hellos;
mod mutants;
mod requests;
mod resign;
mod session;
mod stage;
mod statements;
mod tally;
mod trace;
mod victim;

#[cfg(test)]
mod tests;

use clap::Args;

use crate::figure::{Figure, Limit, count};
use crate::source::Finding;
use mutants::{How, Pool};
use stage::Stage;
use tally::{Tally, tally};

/// How each figure was found.
const METHOD: &str = "cargo xtask malformed, exhaustive, no randomness";

/// What `xtask malformed` is told.
#[derive(Args, Debug)]
pub(crate) struct MalformedArgs {
    /// Only messages whose name begins with this, such as AGREED
    #[arg(long, value_name = "NAME", default_value = "")]
    only: String,
    /// Print figures, one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Gives every mutant to its receiver; a finding for each message of which one was accepted.
pub(crate) fn run(args: &MalformedArgs) -> anyhow::Result<Vec<Finding>> {
    let rows = tallies(&args.only)?;
    anyhow::ensure!(!rows.is_empty(), "no message has a name that begins with {:?}", args.only);
    if !args.json {
        print_table(&rows);
    }
    for figure in figures(&rows) {
        figure.print(args.json);
    }
    Ok(rows.iter().filter_map(finding).collect())
}

fn tallies(only: &str) -> anyhow::Result<Vec<(String, Tally)>> {
    let stage = Stage::new()?;
    let mut cases = session::cases(&stage)?;
    cases.extend(attachments::cases(&stage)?);
    cases.extend(session::rejects(&stage)?);
    cases.extend(hellos::cases(&stage)?);
    cases.extend(requests::cases(&stage)?);
    cases.extend(answers::cases(&stage)?);
    cases.extend(statements::cases(&stage)?);
    let mut pool = Pool::default();
    // A packet sealed with the same keys under the same number would be another whole message,
    // which an honest peer never seals; one of another session is in the pool instead.
    for case in cases.iter().filter(|case| !case.name.ends_with(session::SEALED)) {
        pool.add(&case.genuine);
    }
    pool.add(&hellos::other_session(&stage.world)?);
    // A panic is counted; its words would only hide the table.
    std::panic::set_hook(Box::new(|_| {}));
    let mut rows = Vec::new();
    for case in cases.iter_mut().filter(|case| case.name.starts_with(only)) {
        rows.push((case.name.clone(), tally(case, &pool)));
    }
    let bare = "vectors, decoded";
    if bare.starts_with(only) {
        rows.push((bare.to_owned(), bare::tally()?));
    }
    drop(std::panic::take_hook());
    Ok(rows)
}

fn finding((name, tally): &(String, Tally)) -> Option<Finding> {
    let bad = tally.accepted + tally.panics + tally.changed + tally.genuine_refused;
    if bad == 0 {
        return None;
    }
    let (accepted, panics) = (tally.accepted, tally.panics);
    let mut what = format!(
        "{name}: {accepted} accepted, {panics} panics, {} states changed, genuine one refused {} \
         of 2 times",
        tally.changed, tally.genuine_refused
    );
    for example in &tally.examples {
        what.push_str("\n    ");
        what.push_str(example);
    }
    Some(Finding::new("xtask/src/malformed.rs", 0, what))
}

fn print_table(rows: &[(String, Tally)]) {
    println!(
        "{:<42} {:>7} {:>7} {:>6} {:>6} {:>6} {:>8} {:>6} {:>8} {:>9}",
        "message",
        "mutants",
        "flips",
        "cuts",
        "longer",
        "swaps",
        "resigned",
        "bad",
        "recorded",
        "different"
    );
    for (name, tally) in rows {
        let bad = tally.accepted + tally.panics + tally.changed;
        let [flips, cuts, longer, swaps, resigned] = How::ALL.map(|how| tally.of(how));
        let recorded: u64 = tally.recorded.values().sum();
        let different: u64 = tally.different.values().sum();
        println!(
            "{name:<42} {:>7} {flips:>7} {cuts:>6} {longer:>6} {swaps:>6} {resigned:>8} {bad:>6} \
             {recorded:>8} {different:>9}",
            tally.mutants()
        );
    }
    for (what, number) in sums(rows, |tally| &tally.recorded) {
        println!("recorded {number:>7}  {what}");
    }
    for (what, number) in sums(rows, |tally| &tally.different) {
        println!("different {number:>6}  {what}");
    }
}

type Named = std::collections::BTreeMap<&'static str, u64>;

fn sums(rows: &[(String, Tally)], of: impl Fn(&Tally) -> &Named) -> Named {
    let mut sums = Named::new();
    for (what, number) in rows.iter().flat_map(|(_, tally)| of(tally)) {
        *sums.entry(what).or_default() += number;
    }
    sums
}

fn figures(rows: &[(String, Tally)]) -> Vec<Figure> {
    let sum = |of: fn(&Tally) -> u64| rows.iter().map(|(_, tally)| of(tally)).sum::<u64>();
    let mutants = sum(Tally::mutants);
    let none = Some(Limit::Exactly(0.0));
    let figure = |name: &str, value, limit, n| {
        let (name, method) = (format!("malformed.{name}"), METHOD.to_owned());
        Figure { name, value: count(value), unit: "1", limit, n, method }
    };
    let mut figures = vec![
        figure("messages", rows.len() as u64, None, 1),
        figure("mutants", mutants, None, 1),
        figure("accepted", sum(|tally| tally.accepted), none, mutants),
        figure("panics", sum(|tally| tally.panics), none, mutants),
        figure("state_changes", sum(|tally| tally.changed), none, mutants),
        figure("genuine_refused", sum(|tally| tally.genuine_refused), none, 2 * rows.len() as u64),
        figure("recorded", sum(|tally| tally.recorded.values().sum()), None, mutants),
        figure("different", sum(|tally| tally.different.values().sum()), None, mutants),
    ];
    for (name, tally) in rows {
        let bad = tally.accepted + tally.panics + tally.changed;
        figures.push(figure(&format!("bad.{}", slug(name)), bad, none, tally.mutants()));
    }
    figures
}

/// The name of a message as part of the name of a figure.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}
