//! Devices that are lost after a backup, at every state of a payment, and restored from it
//! (spec §7.5): the lost one may have gone on.

use money_office::{Command, OperatorAnswer};
use onehop_proto::{Standing, State};
use onehop_wire::office::Transfer;
use onehop_wire::{TxId, decode, encode};

use super::bench::{Bench, DAY, all};
use super::unit::Unit;
use super::{Played, Trouble, noticed, or_stuck};
use crate::check::{FROZEN, I12, I14, OFFICE_C1, judged};

/// What the buyer has at first.
const FUNDS: u64 = 1_000;
/// How much of the payment happens before the backup: nothing, the request, the yes, AGREED, the
/// decision, its acknowledgement.
const STAGES: usize = 6;

/// One history.
#[derive(Clone, Copy, Debug)]
struct Case {
    /// Whether the seller is the one whose device is lost.
    is_seller: bool,
    stage: usize,
    /// Whether the seller cancels before the vote comes.
    is_cancelled: bool,
    /// Whether the lost device went on after the backup.
    goes_on: bool,
}

/// Every combination, each in a world of its own.
pub(super) fn everywhere(bench: &mut Bench) -> Played<()> {
    for stage in 0..STAGES {
        for bits in 0..8_u8 {
            let [is_seller, is_cancelled, goes_on] = [1, 2, 4].map(|bit| bits & bit != 0_u8);
            let case = Case { is_seller, stage, is_cancelled, goes_on };
            *bench = Bench::new()?;
            let played = play(bench, case);
            judged::check(&mut bench.facts);
            let broken = noticed(&bench.facts).next().map(|found| found.what.clone());
            match (played, broken) {
                (Ok(()), None) => {}
                (Ok(()), Some(_)) => return Err(Trouble::of(&bench.facts)),
                (Err(Trouble::Stuck(why)), _) => {
                    return Err(Trouble::Stuck(format!("{case:?}: {why}")));
                }
                (Err(broken), _) => return Err(broken),
            }
        }
    }
    Ok(())
}

fn play(bench: &mut Bench, case: Case) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(FUNDS)?);
    bench.open(seller, buyer)?;
    let tx = begin(bench, case, seller)?;
    bench.part();
    let (lost, other) = if case.is_seller { (seller, buyer) } else { (buyer, seller) };
    let backup = encode(&bench.unit(lost)?.wallet.state().backed_up());
    if case.goes_on {
        go_on(bench, seller, buyer)?;
    }
    bench.unit(lost)?.is_dead = true;
    let again = restore(bench, &backup)?;
    frozen(bench, again)?;
    bench.enrol(again)?;
    renewed(bench, again)?;
    // They meet in both roles, and say what each has to say.
    for (seller, buyer) in [(again, other), (other, again)] {
        bench.open(seller, buyer)?;
        bench.wait(10_000, &mut all);
        bench.part();
        bench.check()?;
    }
    settle(bench, again, other, tx)
}

/// The payment, as far as it comes before the backup.
fn begin(bench: &mut Bench, case: Case, seller: usize) -> Played<TxId> {
    let terms = bench.terms(300);
    let tx = bench.ask(&terms)?;
    let reached = |least: usize| case.stage >= least;
    bench.run(&mut |_| reached(1));
    if reached(2) {
        bench.confirm(&tx)?;
    }
    if reached(3) {
        if case.is_cancelled {
            let now = bench.now();
            or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
            bench.drain(seller);
        }
        bench.run(&mut |name| match name {
            "COMMIT" | "ABORT" => reached(4),
            "COMMITTED" | "RELEASED" => reached(5),
            _ => true,
        });
    } else {
        bench.run(&mut |_| false);
    }
    Ok(tx)
}

/// What the device signs after its backup and before it is lost: it finishes the payment, makes
/// another, and settles.
fn go_on(bench: &mut Bench, seller: usize, buyer: usize) -> Played<()> {
    bench.open(seller, buyer)?;
    bench.wait(70_000, &mut all);
    bench.open(seller, buyer)?;
    bench.pay(100)?;
    bench.part();
    bench.check()
}

/// The backup on a new device.
fn restore(bench: &mut Bench, backup: &[u8]) -> Played<usize> {
    let kept: State = or_stuck(decode(backup, 1 << 24), "backup")?;
    let mail = bench.seed();
    let state = or_stuck(kept.restored(mail), "restored")?;
    let at = bench.units.len();
    let seed = bench.seed();
    bench.units.push(Unit::restored(at, encode(&state), seed)?);
    bench.drain(at);
    Ok(at)
}

/// It signs nothing but ENROL, and has nothing to spend.
fn frozen(bench: &mut Bench, again: usize) -> Played<()> {
    let now = bench.now();
    let unit = bench.unit(again)?;
    let spendable = unit.wallet.balance().spendable;
    let meets = unit.wallet.open_shop().is_ok()
        || unit.wallet.open_buyer_mode(now, 1_000).is_ok()
        || unit.wallet.close(now, Transfer::None).is_ok();
    bench.must(!meets && spendable == 0, FROZEN, "a restored wallet goes on as if nothing was")?;
    // What a power cut leaves of it is the same.
    bench.cut(again, false)
}

/// The office answered: another epoch, an empty purse, what was in doubt still is.
fn renewed(bench: &mut Bench, again: usize) -> Played<()> {
    let unit = bench.unit(again)?;
    let state = unit.wallet.state();
    let epoch = state.certificate().map(|certificate| certificate.body.epoch);
    let well = epoch == Some(2) && !state.is_frozen() && unit.wallet.balance().spendable == 0;
    bench.must(well, FROZEN, "a restored wallet has no empty purse in a new epoch")
}

fn settle(bench: &mut Bench, again: usize, other: usize, tx: TxId) -> Played<()> {
    ask(bench, [again, other])?;
    bench.today = bench.today.plus(20 * DAY);
    ask(bench, [again, other])?;
    bench.today = bench.today.plus(3 * DAY);
    bench.operate(Command::Settle)?;
    ask(bench, [again, other])?;
    for _ in 0..2 {
        for at in [again, other] {
            bench.sync(at, Transfer::None)?;
            bench.check()?;
        }
        ask(bench, [again, other])?;
    }
    let is_open = in_doubt(bench, again, &tx)? || in_doubt(bench, other, &tx)?;
    bench.must(!is_open, I12, "a payment is in doubt for ever")?;
    let sum = figures(bench, [again, other])?;
    bench.must(sum == i128::from(FUNDS), OFFICE_C1, &format!("{sum} are left of {FUNDS}"))
}

fn in_doubt(bench: &mut Bench, at: usize, tx: &TxId) -> Played<bool> {
    let view = bench.unit(at)?.wallet.state().payment(tx);
    Ok(view.is_some_and(|view| view.standing == Standing::InDoubt))
}

/// Claims and questions of both at the office.
fn ask(bench: &mut Bench, units: [usize; 2]) -> Played<()> {
    for at in units {
        bench.claim(at)?;
        let views = bench.unit(at)?.wallet.state().payments();
        let open: Vec<TxId> = views
            .filter(|view| view.standing == Standing::InDoubt && view.state == "PREPARED")
            .map(|view| view.tx)
            .collect();
        for tx in open {
            bench.resolve(at, &tx)?;
        }
        bench.check()?;
    }
    Ok(())
}

/// What both have, in purses and accounts, as wallets and as the office say.
fn figures(bench: &mut Bench, units: [usize; 2]) -> Played<i128> {
    let mut sum = 0;
    for at in units {
        let id = bench.id(at)?;
        let balance = bench.unit(at)?.wallet.balance();
        let OperatorAnswer::Wallet(report) =
            bench.operate(Command::Wallet { who: id.to_string() })?
        else {
            return Err(Trouble::Stuck("no report".to_owned()));
        };
        let rest = [balance.held, balance.in_doubt, balance.received_unsettled];
        let agrees = rest == [0; 3] && i128::from(balance.available) == report.purse;
        let what = format!("a wallet says {balance:?}, its office {report:?}");
        bench.must(agrees && report.owes == 0, I14, &what)?;
        sum += report.account + report.purse + report.incoming + report.suspense;
    }
    Ok(sum)
}
