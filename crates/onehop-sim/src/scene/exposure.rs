//! The most that copies of one wallet can take from honest payees, against the office's figure
//! (spec §9.11).

use money_office::{Command, OperatorAnswer};
use onehop_wire::office::{OutcomeKind, Verdict};

use super::bench::{Bench, DAY};
use super::rogue::Rogue;
use super::{EXPOSURE, Played, Trouble, or_stuck};

/// In the purse of the wallet that is copied, in minor units.
const FUNDS: u64 = 90_000;
/// What the limits of the office let it pay at once.
const AT_ONCE: u64 = 50_000;

fn figure(bench: &mut Bench, rogue: &Rogue) -> Played<u128> {
    let OperatorAnswer::Exposure(found) = bench.operate(Command::Exposure)? else {
        return Err(Trouble::Stuck("no exposure".to_owned()));
    };
    let own = found.wallets.into_iter().find(|it| it.wallet == rogue.id());
    or_stuck(own.and_then(|it| it.loss), "no figure")
}

/// One copy pays the seller `at` as much as it takes; the sum that it took.
fn take(bench: &mut Bench, rogue: &mut Rogue, at: usize) -> Played<u64> {
    // Each copy begins where the image was taken: at the checkpoint.
    rogue.last = None;
    let mut taken = 0u64;
    for amount in [AT_ONCE, AT_ONCE, FUNDS - AT_ONCE, AT_ONCE, 1] {
        let before = rogue.last.clone();
        if !rogue.meet(bench, at)? {
            break;
        }
        let tx = rogue.votes(bench, amount, &[], |_| {})?;
        match bench.unit(at)?.state(&tx).as_str() {
            "COMMITTED" | "DONE" => taken += amount,
            // A payee that refuses has seen the vote; the copy goes on before it.
            _ => rogue.last = before,
        }
    }
    Ok(taken)
}

/// Copies of one wallet pay three honest sellers. What these lose is the figure that the office
/// gave before, and not a minor unit more.
pub(super) fn reached(bench: &mut Bench) -> Played<()> {
    bench.facts.is_tainted = true;
    let mut rogue = Rogue::new(bench, "copied", FUNDS)?;
    let mut sellers = Vec::new();
    for _ in 0..3 {
        sellers.push(bench.wallet(0)?);
    }
    // The empty checkpoint of before the charge expires first: the figure is of the purse alone.
    bench.today = bench.today.plus(8 * DAY);
    rogue.sync(bench, Vec::new(), onehop_wire::office::Transfer::None)?;
    let figure = figure(bench, &rogue)?;
    let mut taken = 0u128;
    for seller in &sellers {
        taken += u128::from(take(bench, &mut rogue, *seller)?);
    }
    let loss = taken.saturating_sub(u128::from(FUNDS));
    let what = format!("payees lost {loss} where the office said {figure}");
    bench.must(loss == figure, EXPOSURE, &what)?;
    // So say the books, once everybody has come and everything is over.
    for seller in &sellers {
        bench.claim(*seller)?;
    }
    bench.today = bench.today.plus(30 * DAY);
    bench.operate(Command::Settle)?;
    let (mut paid, mut disputed) = (0u128, 0u128);
    for seller in &sellers {
        for verdict in bench.claim(*seller)? {
            let Verdict::Outcome(outcome) = verdict else { continue };
            let amount = u128::from(outcome.body.amount);
            match outcome.body.kind {
                OutcomeKind::Paid => paid += amount,
                OutcomeKind::Disputed(_) => disputed += amount,
                OutcomeKind::Void => {}
            }
        }
    }
    let OperatorAnswer::Debts(debts) = bench.operate(Command::Debts)? else {
        return Err(Trouble::Stuck("no debts".to_owned()));
    };
    let open: u128 = debts.iter().map(|debt| u128::from(debt.open)).sum();
    let what = format!("of {taken} taken {paid} are paid, {disputed} disputed, {open} owed still");
    bench.must(open == figure && paid + disputed == taken, EXPOSURE, &what)
}
