//! Votes that no payee may take (spec §6.5).

use onehop_wire::{Attachment, Message, Signature, TxId};

use super::bench::{Bench, DAY};
use super::rogue::Rogue;
use super::{Played, VOTES, or_stuck};
use crate::check::I10;

/// A seller and a rogue buyer with 1,000 in session.
fn pair(bench: &mut Bench) -> Played<(usize, Rogue)> {
    let seller = bench.wallet(0)?;
    let mut rogue = Rogue::new(bench, "rogue", 1_000)?;
    let is_open = rogue.meet(bench, seller)?;
    or_stuck(is_open.then_some(()), "no session")?;
    Ok((seller, rogue))
}

/// The seller took an honest vote, so that it is not this scene that refuses.
fn honest(bench: &mut Bench, seller: usize, rogue: &mut Rogue, amount: u64) -> Played<()> {
    let tx = rogue.votes(bench, amount, &[], |_| {})?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "an honest vote was not taken")
}

/// The seller did not take this vote.
fn is_refused(bench: &mut Bench, seller: usize, tx: &TxId, what: &str) -> Played<()> {
    let holds = !bench.unit(seller)?.has_taken(tx);
    bench.must(holds, VOTES, what)
}

pub(super) fn unsigned(bench: &mut Bench) -> Played<()> {
    let (seller, mut rogue) = pair(bench)?;
    let request = rogue.is_asked(bench, 300)?;
    let mut entry = rogue.entry(&request, &[], |_| {})?;
    let (tx, good) = (entry.body.tx, entry.signature);
    for at in [0, 31, 32, 63] {
        let mut bytes = good;
        if let Some(byte) = bytes.0.get_mut(at) {
            *byte ^= 1;
        }
        entry.signature = bytes;
        rogue.say(bench, &Message::Agreed(entry.clone()))?;
        let holds = bench.unit(seller)?.state(&tx) == "INVITED";
        bench.must(holds, I10, "a vote moved money that its payer did not sign")?;
    }
    entry.signature = Signature([0; 64]);
    rogue.say(bench, &Message::Agreed(entry.clone()))?;
    let holds = bench.unit(seller)?.state(&tx) == "INVITED";
    bench.must(holds, I10, "a vote moved money that nobody signed")?;
    entry.signature = good;
    rogue.say(bench, &Message::Agreed(entry))?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "the vote itself was not taken")
}

pub(super) fn over_limit(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let mut rogue = Rogue::new(bench, "rogue", 150_000)?;
    rogue.meet(bench, seller)?;
    let limit = or_stuck(rogue.certificate.body.limits.per_payment, "no limit")?;
    honest(bench, seller, &mut rogue, limit)?;
    let tx = rogue.votes(bench, limit + 1, &[], |_| {})?;
    is_refused(bench, seller, &tx, "a vote over the limit per payment was taken")
}

pub(super) fn redeem_by(bench: &mut Bench) -> Played<()> {
    let (seller, mut rogue) = pair(bench)?;
    honest(bench, seller, &mut rogue, 100)?;
    let tx = rogue.votes(bench, 100, &[], |entry| {
        entry.redeem_by = entry.redeem_by.plus(100 * DAY);
    })?;
    is_refused(bench, seller, &tx, "a vote with a claim date of its own was taken")
}

pub(super) fn increment(bench: &mut Bench) -> Played<()> {
    let (seller, mut rogue) = pair(bench)?;
    let mut friend = Rogue::new(bench, "friend", 0)?;
    rogue.pays(bench, &mut friend, 800, &[], None)?;
    let tx = rogue.votes(bench, 800, &[], |_| {})?;
    is_refused(bench, seller, &tx, "1,600 of 1,000 were spent")
}

pub(super) fn receipt_twice(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let (mut rogue, mut friend) =
        (Rogue::new(bench, "rogue", 0)?, Rogue::new(bench, "friend", 900)?);
    rogue.meet(bench, seller)?;
    let here = rogue.purse();
    let claim = friend.pays(bench, &mut rogue, 400, &[], Some(here))?;
    let once = Attachment::Receipt(Box::new(claim));
    let tx = rogue.votes(bench, 300, std::slice::from_ref(&once), |_| {})?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "a receipt did not count")?;
    let tx = rogue.votes(bench, 400, &[once.clone(), once], |_| {})?;
    is_refused(bench, seller, &tx, "a receipt of 400 backed 700")
}

pub(super) fn receipt_elsewhere(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let (mut rogue, mut friend) =
        (Rogue::new(bench, "rogue", 0)?, Rogue::new(bench, "friend", 900)?);
    rogue.meet(bench, seller)?;
    let elsewhere = friend.purse();
    let claim = friend.pays(bench, &mut rogue, 400, &[], Some(elsewhere))?;
    let receipt = Attachment::Receipt(Box::new(claim));
    let tx = rogue.votes(bench, 300, &[receipt], |_| {})?;
    is_refused(bench, seller, &tx, "a receipt backed an entry of a purse that it does not name")
}

pub(super) fn hops(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let (mut rogue, mut friend, mut first) = (
        Rogue::new(bench, "rogue", 0)?,
        Rogue::new(bench, "friend", 0)?,
        Rogue::new(bench, "first", 900)?,
    );
    let (here, there) = (rogue.purse(), friend.purse());
    let claim = first.pays(bench, &mut friend, 400, &[], Some(there))?;
    let moved = Attachment::Receipt(Box::new(claim));
    // One hop is fine.
    friend.meet(bench, seller)?;
    let tx = friend.votes(bench, 100, std::slice::from_ref(&moved), |_| {})?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "one hop was refused")?;
    let claim = friend.pays(bench, &mut rogue, 300, &[moved], Some(here))?;
    let again = Attachment::Receipt(Box::new(claim));
    rogue.meet(bench, seller)?;
    let tx = rogue.votes(bench, 200, &[again], |_| {})?;
    is_refused(bench, seller, &tx, "received money moved on twice")
}

pub(super) fn release_twice(bench: &mut Bench) -> Played<()> {
    let (seller, mut rogue) = pair(bench)?;
    let mut friend = Rogue::new(bench, "friend", 0)?;
    let release = rogue.is_released(bench, &mut friend, 600)?;
    let once = Attachment::Release(Box::new(release));
    let tx = rogue.votes(bench, 900, std::slice::from_ref(&once), |_| {})?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "a release did not count")?;
    let tx = rogue.votes(bench, 600, &[once.clone(), once], |_| {})?;
    is_refused(bench, seller, &tx, "a release of 600 gave back 1,200")
}
