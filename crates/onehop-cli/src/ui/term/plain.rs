//! The wallet as lines of text: for screen readers, pipes and terminals without a screen.

use anyhow::Result;
use serde_json::json;

use super::code;
use crate::exit::Exit;
use crate::render::Screen;
use crate::stdin::Lines;
use crate::ui::view::{Errand, Line, Paying, Selling, View};
use crate::ui::wish::{Desk, Wish};

/// What `help` says.
const HELP: &str = "\
sell AMOUNT WHAT FOR    ask somebody nearby for money
ask CODE                ask the buyer with this short code
pay                     be found by sellers for two minutes
choose NUMBER           tell this seller who you are
yes [PIN] / no          answer the question
unlock PIN / lock       open the wallet, or close it until the PIN is typed again
stop                    end what goes on
resume / resume office  finish what is in doubt, nearby or through the office
settle                  settle with the office
charge AMOUNT           move money from the account to the purse
withdraw AMOUNT         move money from the purse to the account
money / unfinished / history [PAGE] / receipt ID
quit";

/// Lines of the history on one page.
const PAGE: usize = 10;

/// Shows the wallet in lines until the person quits or stdin ends.
pub(in crate::ui) async fn plain(screen: Screen, desk: &Desk) -> Result<Exit> {
    let (mut lines, mut views) = (Lines::of_stdin(), desk.views());
    let mut told = String::new();
    let mut is_first = true;
    loop {
        let view = views.borrow_and_update().clone();
        if is_first && view.is_locked {
            is_first = false;
            say(screen, "locked", "the wallet is locked; type unlock and its PIN");
        }
        if is_first && !view.owner.is_empty() {
            is_first = false;
            say(screen, "wallet", &money(&view));
            say(screen, "hint", "type help for what can be asked");
        }
        let now = status(&view);
        if now != told {
            now.lines().for_each(|line| say(screen, "status", line));
            told = now;
        }
        tokio::select! {
            line = lines.next() => match line.as_deref() {
                None | Some("quit") => return Ok(Exit::Done),
                Some(line) => obey(screen, desk, line, &view).await,
            },
            changed = views.changed() => if changed.is_err() { return Ok(Exit::Done) },
        }
    }
}

fn say(screen: Screen, event: &str, text: &str) {
    screen.result(text, &json!({ "event": event, "text": text }));
}

async fn obey(screen: Screen, desk: &Desk, line: &str, view: &View) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match (word, rest) {
        ("", _) => {}
        ("money", _) => say(screen, "money", &money(view)),
        ("unfinished", _) => unfinished(screen, view),
        ("history", page) => {
            let page = page.parse::<usize>().unwrap_or(1).saturating_sub(1);
            let lines = desk.history(page.saturating_mul(PAGE), PAGE).await;
            lines.iter().for_each(|line| say(screen, "payment", &words(line)));
        }
        ("receipt", id) => receipt(screen, desk, id).await,
        ("help", _) => say(screen, "help", HELP),
        (word, rest) => match wish(word, rest) {
            Some(wish) => {
                if let Err(why) = desk.wish(wish).await {
                    say(screen, "refused", &format!("no: {why}"));
                }
            }
            None => say(screen, "unknown", &format!("{line:?} is not understood; type help")),
        },
    }
}

fn wish(word: &str, rest: &str) -> Option<Wish> {
    let amount = rest.to_owned();
    Some(match (word, rest) {
        ("sell", rest) => {
            let (amount, order) = rest.split_once(' ')?;
            Wish::Sell { amount: amount.to_owned(), order: order.to_owned() }
        }
        ("ask", id) => Wish::Ask { id: id.to_owned() },
        ("pay", "") => Wish::Pay,
        ("choose", number) => Wish::Choose { number: number.parse().ok()? },
        ("yes", "") => Wish::Answer { yes: true, pin: None },
        ("yes", pin) => Wish::Answer { yes: true, pin: Some(pin.to_owned().into()) },
        ("no", "") => Wish::Answer { yes: false, pin: None },
        ("unlock", pin) => Wish::Unlock { pin: pin.to_owned().into() },
        ("lock", "") => Wish::Lock,
        ("stop", "") => Wish::Stop,
        ("resume", "") => Wish::Resume,
        ("resume", "office") => Wish::ResumeAtOffice,
        ("settle", "") => Wish::Sync,
        ("charge", _) => Wish::Charge { amount },
        ("withdraw", _) => Wish::Withdraw { amount },
        _ => return None,
    })
}

fn money(view: &View) -> String {
    let figures = &view.figures;
    format!(
        "{}: available {}, held {}, in doubt {}, received and not settled {}; one payment can use \
         {}",
        view.owner,
        figures.available,
        figures.held,
        figures.in_doubt,
        figures.unsettled,
        figures.spendable
    )
}

fn words(line: &Line) -> String {
    let Line { short, amount, name, standing, order, .. } = line;
    format!("{short}: {amount} {} {name}, {standing}, for {order}", line.preposition())
}

fn unfinished(screen: Screen, view: &View) {
    if view.unfinished.is_empty() {
        say(screen, "unfinished", "everything is finished and settled");
    }
    for line in &view.unfinished {
        let text = format!("{}; since {}; {}", words(line), line.since, line.advice);
        say(screen, "unfinished", &text);
    }
}

async fn receipt(screen: Screen, desk: &Desk, id: &str) {
    let all = desk.history(0, usize::MAX).await;
    let mut meant = all.iter().filter(|line| line.tx.starts_with(id));
    match (meant.next(), meant.next()) {
        (Some(line), None) => match code(desk, &line.tx).await {
            Ok(code) => say(screen, "receipt", &code.join("\n")),
            Err(why) => say(screen, "refused", &format!("no: {why}")),
        },
        (None, _) => say(screen, "refused", &format!("no: there is no payment {id:?}")),
        (Some(_), Some(_)) => say(screen, "refused", &format!("no: {id:?} is several payments")),
    }
}

/// A note on a line of its own, where no certified name can imitate it.
fn noted(whom: &str, note: Option<&str>) -> String {
    note.map(|note| format!("\nyour note about {whom}: {note}")).unwrap_or_default()
}

/// What goes on, without what changes every second: a line is read out once.
fn status(view: &View) -> String {
    if view.is_locked {
        return "the wallet is locked".to_owned();
    }
    if let Some(end) = &view.end {
        return format!("{}: {}", end.outcome.word(), end.text);
    }
    match &view.errand {
        Errand::None => "the radio is off; nothing goes on".to_owned(),
        Errand::Sell { amount, order, stage, buyers, asked, .. } => match stage {
            Selling::Looking => {
                let mut text = format!("asking for {amount} for {order}: looking for buyers");
                for buyer in buyers {
                    text += &format!("\nbuyer {}, code {}", buyer.name, buyer.code);
                    text += &noted(&format!("code {}", buyer.code), buyer.note.as_deref());
                }
                text
            }
            Selling::Asked => format!("asked {asked}; waiting for the answer"),
            Selling::Accepted => format!("{asked} has paid; waiting for the last word"),
        },
        Errand::Pay { stage, sellers, question, .. } => match (stage, question) {
            (Paying::Asked, Some(it)) => {
                let twice = if it.in_doubt_with_payee {
                    "\nanother payment to them is in doubt: this would be a second one"
                } else {
                    ""
                };
                format!(
                    "{} asks for {} for {}, code {}{}{twice}\npay? {} or no",
                    it.payee,
                    it.amount,
                    it.order,
                    it.code,
                    noted("who asks", it.note.as_deref()),
                    if it.needs_pin { "yes with the PIN" } else { "yes" }
                )
            }
            (Paying::Held, _) => "the money is held; waiting for the seller".to_owned(),
            (Paying::Introduced, _) => "waiting to be asked".to_owned(),
            (Paying::Declined, _) => "saying no".to_owned(),
            (Paying::Choosing | Paying::Asked, _) => {
                let mut text = "buyer mode: looking for sellers".to_owned();
                for seller in sellers {
                    text += &format!("\nseller {}: {}", seller.number, seller.name);
                    let whom = format!("seller {}", seller.number);
                    text += &noted(&whom, seller.note.as_deref());
                }
                text
            }
        },
        Errand::Resume { left, .. } => format!("looking for the other wallet of {left} payments"),
        Errand::Office { what } => what.clone(),
    }
}
