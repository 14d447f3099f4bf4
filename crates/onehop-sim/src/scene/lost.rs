//! Devices that are gone: restored from a backup of their key, or reported lost (spec §9.1, §9.10).

use money_office::Command;
use onehop_proto::{Birth, LogRecord};
use onehop_wire::office::{OfficeRequest, Transfer};

use super::bench::{Bench, DAY};
use super::{Played, or_stuck};
use crate::check::{I12, OFFICE_C1};

/// The first record of a wallet of a key that a backup keeps.
fn born(bench: &mut Bench, key: [u8; 32]) -> Played<LogRecord> {
    let info = or_stuck(bench.office()?.info(), "info")?;
    let birth = or_stuck(Birth::restored(&mut bench.rng, info, key), "birth")?;
    Ok(birth.into_record())
}

/// A seller, and a buyer with 10.00 whose key is known, 3.00 of them in doubt and claimed.
fn in_flight(bench: &mut Bench, key: [u8; 32]) -> Played<(usize, usize)> {
    let (seller, buyer) = (bench.wallet(0)?, bench.units.len());
    let record = born(bench, key)?;
    bench.add(buyer, vec![record])?;
    bench.enrol(buyer)?;
    let wallet = bench.id(buyer)?;
    bench.deposit(wallet, 1_000)?;
    bench.sync(buyer, Transfer::Charge(1_000))?;
    bench.open(seller, buyer)?;
    bench.vote(300)?;
    bench.run(&mut |name| name != "COMMIT");
    bench.part();
    Ok((seller, buyer))
}

/// The claim window passes; the seller comes within it.
fn window(bench: &mut Bench, seller: usize) -> Played<()> {
    bench.today = bench.today.plus(20 * DAY);
    bench.claim(seller)?;
    bench.check()?;
    bench.today = bench.today.plus(3 * DAY);
    bench.operate(Command::Settle)?;
    bench.check()
}

/// The device is lost; its owner restores the wallet from the backup of the key.
pub(super) fn restored(bench: &mut Bench) -> Played<()> {
    let key = bench.seed();
    let (seller, buyer) = in_flight(bench, key)?;
    let old = bench.close(buyer, Transfer::None)?;
    let record = born(bench, key)?;
    bench.add(buyer, vec![record])?;
    bench.enrol(buyer)?;
    let (epoch, number) = {
        let state = bench.unit(buyer)?.wallet.state();
        let at = |it: &onehop_proto::State| {
            it.purse().map(|purse| (purse.checkpoint.body.epoch, purse.checkpoint.body.number))
        };
        or_stuck(at(state), "no purse")?
    };
    bench.must((epoch, number) == (2, 3), I12, "a restored wallet has no new epoch")?;
    let today = bench.today;
    let request = OfficeRequest::Sync(Box::new(old));
    let answer = or_stuck(bench.office()?.answer(today, &request), "the office's store")?;
    let is_refused = matches!(answer, onehop_wire::office::OfficeAnswer::Refused(_));
    bench.must(is_refused, OFFICE_C1, "the state before the loss was renewed")?;
    let early = bench.sync(buyer, Transfer::None)?.checkpoint.body.balance;
    bench.must(early == 0, OFFICE_C1, "a balance came back before its payees could claim")?;
    window(bench, seller)?;
    let balance = bench.sync(buyer, Transfer::None)?.checkpoint.body.balance;
    bench.check()?;
    bench.must(balance == 700, OFFICE_C1, "a restored wallet has not its true balance")
}

/// The device is lost and reported; what is left goes to its owner's new wallet.
pub(super) fn reported(bench: &mut Bench) -> Played<()> {
    let key = bench.seed();
    let (seller, buyer) = in_flight(bench, key)?;
    let (from, heir) = (bench.id(buyer)?, bench.wallet(0)?);
    let to = bench.id(heir)?;
    bench.operate(Command::ReportLost { wallet: from })?;
    // Nobody has the device any more.
    let other = bench.seed();
    let record = born(bench, other)?;
    bench.add(buyer, vec![record])?;
    window(bench, seller)?;
    bench.operate(Command::Refund { from, to })?;
    bench.check()?;
    let balance = bench.sync(heir, Transfer::Charge(700))?.checkpoint.body.balance;
    bench.check()?;
    bench.must(balance == 700, OFFICE_C1, "an owner has not what the lost wallet had left")?;
    bench.sync(seller, Transfer::None)?;
    let received = bench.unit(seller)?.wallet.balance().available;
    bench.must(received == 300, OFFICE_C1, "a payment within the window was not honoured")
}
