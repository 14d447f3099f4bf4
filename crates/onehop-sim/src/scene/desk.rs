//! At the office: when it decides, what it pays, and that it says the same for ever (spec §9).

use onehop_wire::TxId;
use onehop_wire::office::{OfficeRequest, Transfer, Verdict};

use super::bench::{Bench, DAY, all};
use super::{Played, WRITTEN, or_stuck};
use crate::check::{I12, OFFICE_C1};

/// A vote that the seller took; the buyer does not know.
fn doubt(bench: &mut Bench) -> Played<(usize, usize, TxId)> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    bench.run(&mut |name| name != "COMMIT");
    bench.part();
    Ok((seller, buyer, tx))
}

fn is_pending(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Pending(_))
}

/// The buyer asks while the seller may still claim.
pub(super) fn early(bench: &mut Bench) -> Played<()> {
    let (_, buyer, tx) = doubt(bench)?;
    let verdict = bench.resolve(buyer, &tx)?;
    bench.check()?;
    bench.must(is_pending(&verdict), I12, "a payment in doubt was decided at once")
}

/// Nobody claims in time; the buyer gets its VOID, and then the seller comes.
pub(super) fn after_void(bench: &mut Bench) -> Played<()> {
    let (seller, buyer, tx) = doubt(bench)?;
    bench.today = bench.today.plus(30 * DAY);
    bench.resolve(buyer, &tx)?;
    let state = bench.unit(buyer)?.state(&tx);
    or_stuck((state == "VOIDED").then_some(()), &state)?;
    bench.check()?;
    // What was voided still lies in the purse that it came from.
    bench.claim(seller)?;
    bench.sync(seller, Transfer::None)?;
    bench.sync(buyer, Transfer::None)?;
    bench.check()
}

/// A claim comes before the payer's close and before the payee's; each step is audited.
pub(super) fn closes(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    bench.run(&mut all);
    bench.part();
    let first = bench.claim(seller)?;
    bench.check()?;
    bench.must(first.iter().all(is_pending), OFFICE_C1, "paid before the payer's close")?;
    bench.sync(buyer, Transfer::None)?;
    bench.check()?;
    let second = bench.claim(seller)?;
    bench.check()?;
    bench.must(second.iter().all(is_pending), OFFICE_C1, "paid before the payee's close")?;
    bench.sync(seller, Transfer::None)?;
    bench.check()?;
    let state = bench.unit(seller)?.state(&tx);
    bench.must(state == "REDEEMED", I12, "a claim was not paid after both closes")?;
    let available = bench.unit(seller)?.wallet.balance().available;
    bench.must(available == 300, OFFICE_C1, "a claim was not paid as it stands")
}

/// The buyer closes while it is in doubt, and nobody has claimed.
pub(super) fn unclaimed(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    bench.part();
    bench.sync(buyer, Transfer::None)?;
    bench.sync(buyer, Transfer::None)?;
    let state = bench.unit(buyer)?.state(&tx);
    bench.check()?;
    bench.must(state == "PREPARED", I12, "a payment was decided that nobody claimed")
}

/// The office's disk fails while it answers.
pub(super) fn disk_fails(bench: &mut Bench) -> Played<()> {
    let buyer = bench.wallet(1_000)?;
    let sync = bench.close(buyer, Transfer::Withdraw(400))?;
    let request = OfficeRequest::Sync(Box::new(sync));
    let office = or_stuck(bench.office.take(), "no office")?;
    let mut store = office.into_store();
    store.fails = true;
    let today = bench.today;
    let mut office = or_stuck(money_office::Office::open(store), "open")?;
    let said = office.answer(today, &request).is_ok();
    let mut store = office.into_store();
    store.fails = false;
    bench.office = Some(or_stuck(money_office::Office::open(store), "open")?);
    bench.must(!said, WRITTEN, "an answer left that was not written")?;
    bench.post(&request)?;
    bench.check()
}
