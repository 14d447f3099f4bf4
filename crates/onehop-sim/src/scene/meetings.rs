//! Who is met at all (spec §4.2).

use money_office::Command;
use onehop_wire::office::Transfer;

use super::bench::{Bench, DAY};
use super::rogue::Rogue;
use super::{MEETINGS, Played, or_stuck};
use crate::check::I10;

/// The buyer's purse is new, the seller's certificate is over.
pub(super) fn expired_certificate(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    bench.today = bench.today.plus(179 * DAY);
    let buyer = bench.wallet(1_000)?;
    bench.open(seller, buyer)?;
    bench.part();
    bench.today = bench.today.plus(2 * DAY);
    let is_open = bench.meet(seller, buyer)?;
    bench.must(!is_open, MEETINGS, "a seller was met whose certificate is over")
}

/// The seller's certificate is good, the buyer's purse is over.
pub(super) fn expired_purse(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.part();
    bench.today = bench.today.plus(8 * DAY);
    let is_open = bench.meet(seller, buyer)?;
    bench.must(!is_open, MEETINGS, "a buyer was met whose purse is over")
}

/// The office has revoked the buyer, and the seller has its list.
pub(super) fn revoked(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.part();
    let wallet = bench.id(buyer)?;
    bench.operate(Command::Revoke { wallet })?;
    bench.sync(seller, Transfer::None)?;
    let is_open = bench.meet(seller, buyer)?;
    bench.must(!is_open, MEETINGS, "a revoked buyer was met")
}

/// Somebody comes with the papers of another, and without its key.
pub(super) fn stranger(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let victim = Rogue::new(bench, "victim", 1_000)?;
    let mut rogue = Rogue::new(bench, "rogue", 0)?;
    let is_open = rogue.meet(bench, seller)?;
    or_stuck(is_open.then_some(()), "its own papers were refused")?;
    let papers = (victim.certificate.clone(), victim.checkpoint.clone());
    let is_open = rogue.meet_as(bench, seller, &papers)?;
    bench.must(!is_open, I10, "a stranger was taken for the owner of a certificate")
}
