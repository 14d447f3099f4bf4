//! `onehop charge`, `withdraw`, `sync`: claims first, then the purse.

use anyhow::Result;
use onehop_proto::Event;
use onehop_wire::office::{Transfer, TransferResult, Verdict};
use onehop_wire::{Money, TxId};
use serde_json::json;

use crate::amount;
use crate::args::{Global, TransferArgs};
use crate::commands::{init, show};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home};
use crate::office::Office;
use crate::render::Screen;
use crate::words;

/// `onehop charge`.
pub(crate) fn charge(screen: Screen, global: &Global, args: &TransferArgs) -> Result<Exit> {
    let mut home = folder::open(global)?;
    let money = amount::parse(&args.amount, home.currency()?)?;
    exchange(screen, &mut home, Transfer::Charge(money.minor()))
}

/// `onehop withdraw`.
pub(crate) fn withdraw(screen: Screen, global: &Global, args: &TransferArgs) -> Result<Exit> {
    let mut home = folder::open(global)?;
    let money = amount::parse(&args.amount, home.currency()?)?;
    exchange(screen, &mut home, Transfer::Withdraw(money.minor()))
}

/// `onehop sync`.
pub(crate) fn sync(screen: Screen, global: &Global) -> Result<Exit> {
    let mut home = folder::open(global)?;
    home.certificate()?;
    exchange(screen, &mut home, Transfer::None)
}

/// One visit to the office. The purse is closed only once the office is known to be there, so
/// that without a network payments go on; from then on it stays closed until the office answers.
///
/// A SYNC that was not answered is sent again first. If it moves what is asked for now, it *is*
/// what is asked for: a charge repeated after a lost answer charges once.
pub(crate) fn exchange(screen: Screen, home: &mut Home, wanted: Transfer) -> Result<Exit> {
    let office = home.office()?;
    meet(screen, home, &office)?;
    thaw(screen, home, &office)?;
    file_claims(screen, home, &office)?;
    if let Some(asked) = home.unanswered() {
        let text = format!("repeating the sync that was not answered ({})", transfer(home, asked)?);
        screen.progress("repeat", text, &json!({}));
        let outcome = renew(screen, home, &office, asked)?;
        if wanted == Transfer::None || wanted == asked {
            show::figures(screen, home)?;
            return result(&outcome);
        }
        if let TransferResult::Refused(why) = outcome {
            let text = format!("the earlier sync was refused: {}", why.as_str());
            screen.progress("refused", text, &json!({ "why": why.as_str() }));
        }
    }
    let outcome = renew(screen, home, &office, wanted)?;
    show::figures(screen, home)?;
    result(&outcome)
}

/// Makes sure that the office is there, and is this wallet's.
pub(crate) fn meet(screen: Screen, home: &Home, office: &Office) -> Result<()> {
    let work = screen.work();
    work.at("looking for the office", 0, 1);
    Ok(office.check(home.keeper.wallet().trust())?)
}

/// A wallet restored from a backup is certified anew, in the next epoch.
pub(crate) fn thaw(screen: Screen, home: &mut Home, office: &Office) -> Result<()> {
    let state = home.keeper.wallet().state();
    if !state.is_frozen() || state.purse().is_some() {
        return Ok(());
    }
    let (name, class) = init::wanted(home)?;
    let (enrol, _) = home.run(|wallet, _| wallet.enrol(name, class))?;
    let answer = office.enrol(&enrol)?;
    home.run(|wallet, _| wallet.enrolled(answer))?;
    let epoch = home.certificate()?.epoch;
    let text = format!("the office renewed the restored wallet: epoch {epoch}, an empty purse");
    screen.progress("renewed", text, &json!({ "epoch": epoch }));
    Ok(())
}

fn renew(
    screen: Screen,
    home: &mut Home,
    office: &Office,
    transfer: Transfer,
) -> Result<TransferResult> {
    let (sync, events) = home.run(|wallet, now| wallet.close(now, transfer))?;
    tell(screen, home, &events)?;
    let work = screen.work();
    work.at("renewing the purse", 0, 1);
    let answer = office.sync(&sync)?;
    let (outcome, events) = home.run(|wallet, _| wallet.renewed(answer))?;
    tell(screen, home, &events)?;
    home.keeper.compact(false)?;
    Ok(outcome)
}

fn file_claims(screen: Screen, home: &mut Home, office: &Office) -> Result<()> {
    let (work, bundles) = (screen.work(), home.keeper.wallet().claims().bundles);
    let of = bundles.len();
    for (done, bundle) in bundles.iter().enumerate() {
        work.at("filing claims", done, of);
        let answer = office.claim(bundle)?;
        take_verdicts(screen, home, &answer.verdicts)?;
    }
    Ok(())
}

/// Takes what the office says about payments, and says it.
pub(crate) fn take_verdicts(screen: Screen, home: &mut Home, verdicts: &[Verdict]) -> Result<()> {
    for verdict in verdicts {
        let ((), events) = home.run(|wallet, _| wallet.verdict(verdict))?;
        tell(screen, home, &events)?;
        match verdict {
            Verdict::Outcome(outcome) => {
                let body = &outcome.body;
                let kind = match body.kind {
                    onehop_wire::office::OutcomeKind::Paid => "paid",
                    onehop_wire::office::OutcomeKind::Void => "void",
                    onehop_wire::office::OutcomeKind::Disputed(_) => "disputed",
                };
                let amount = Money::new(body.amount, body.currency);
                screen.progress(
                    "outcome",
                    format!("payment {} of {amount}: {kind}", body.tx.short()),
                    &json!({ "tx": body.tx.to_string(), "kind": kind, "amount": body.amount }),
                );
            }
            Verdict::Pending(pending) => {
                let (tx, until) = (pending.body.tx, pending.body.until);
                screen.progress(
                    "pending",
                    format!("payment {}: pending, ask again after {until}", tx.short()),
                    &json!({ "tx": tx.to_string(), "until": until.0 }),
                );
            }
            Verdict::Refused(why) => {
                let text = format!("the office does not accept the evidence: {}", why.as_str());
                screen.progress("refused", text, &json!({ "why": why.as_str() }));
            }
        }
    }
    Ok(())
}

/// Says what the wallet noticed while it talked to the office.
pub(crate) fn tell(screen: Screen, home: &Home, events: &[Event]) -> Result<()> {
    let currency = home.currency()?;
    let say = |name: &str, tx: &TxId, text: &str| {
        let json = json!({ "tx": tx.to_string() });
        screen.progress(name, format!("payment {}: {text}", tx.short()), &json);
    };
    for event in events {
        if let Event::Paid { tx } = event {
            say("paid", tx, "paid");
        }
        if let Event::Reversed { tx } = event {
            say("reversed", tx, "taken back by the office");
        }
        if let Event::NotPaid { tx, why } = event {
            say("not_paid", tx, &format!("not paid: {}", words::not_paid(*why, currency)));
        }
    }
    Ok(())
}

/// What became of the transfer, as the end of the command.
pub(crate) fn result(outcome: &TransferResult) -> Result<Exit> {
    match outcome {
        TransferResult::Done => Ok(Exit::Done),
        TransferResult::Refused(why) => {
            let text = format!("{}; the purse is renewed all the same", why.as_str());
            Err(Failure::refused(text).into())
        }
    }
}

fn transfer(home: &Home, transfer: Transfer) -> Result<String> {
    let currency = home.currency()?;
    Ok(match transfer {
        Transfer::None => "no transfer".to_owned(),
        Transfer::Charge(minor) => format!("charge {}", Money::new(minor, currency)),
        Transfer::Withdraw(minor) => format!("withdraw {}", Money::new(minor, currency)),
    })
}
