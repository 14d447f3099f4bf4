//! Spend chains that fork, and what is made of them (spec §8.1).

use onehop_wire::office::{
    ClaimBundle, OfficeAnswer, OfficeRequest, OutcomeKind, Transfer, Verdict,
};
use onehop_wire::{Agreed, Hash, List};

use super::bench::Bench;
use super::rogue::Rogue;
use super::{Played, Trouble, or_stuck};
use crate::check::OFFICE_I14_PROOF;

/// An honest buyer pays, is released, and pays again.
pub(super) fn after_abort(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.pay(100)?;
    let tx = bench.vote(300)?;
    let now = bench.now();
    or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
    bench.run(&mut super::bench::all);
    bench.check()?;
    let state = bench.unit(buyer)?.state(&tx);
    or_stuck((state == "ABORTED").then_some(()), "not released")?;
    bench.pay(800)?;
    bench.check()
}

/// A rogue gives two votes, the second one changed so that it breaks one rule and no other.
fn forked(bench: &mut Bench, what: &str, edit: impl FnOnce(&mut Agreed, &Agreed)) -> Played<()> {
    bench.facts.is_tainted = true;
    let seller = bench.wallet(0)?;
    let (mut rogue, mut friend) =
        (Rogue::new(bench, "rogue", 1_000)?, Rogue::new(bench, "friend", 0)?);
    rogue.meet(bench, seller)?;
    rogue.pays(bench, &mut friend, 100, &[], None)?;
    let tx = rogue.votes(bench, 100, &[], |_| {})?;
    let is_taken = bench.unit(seller)?.has_taken(&tx);
    or_stuck(is_taken.then_some(()), "an honest vote was not taken")?;
    let held = or_stuck(rogue.last.clone(), "no entry")?.body;
    let tx = rogue.votes(bench, 100, &[], |entry| edit(entry, &held))?;
    let holds = !bench.unit(seller)?.has_taken(&tx);
    bench.must(holds, OFFICE_I14_PROOF, what)
}

pub(super) fn same_seq(bench: &mut Bench) -> Played<()> {
    forked(bench, "two entries of one number were taken", |entry, held| {
        (entry.seq, entry.prev) = (held.seq, Hash([9; 32]));
        entry.cum_out = held.cum_out + 100;
    })
}

pub(super) fn same_prev(bench: &mut Bench) -> Played<()> {
    forked(bench, "two entries after one head were taken", |entry, held| {
        entry.prev = held.prev;
    })
}

pub(super) fn gap(bench: &mut Bench) -> Played<()> {
    forked(bench, "a total that leaves an entry out was taken", |entry, held| {
        entry.prev = Hash([9; 32]);
        entry.cum_out = held.cum_out + 50;
    })
}

/// A rogue closes its purse and leaves out what it paid; its payee claims.
pub(super) fn left_out(bench: &mut Bench) -> Played<()> {
    bench.facts.is_tainted = true;
    let (mut rogue, mut friend) =
        (Rogue::new(bench, "rogue", 1_000)?, Rogue::new(bench, "friend", 0)?);
    let claim = rogue.pays(bench, &mut friend, 400, &[], None)?;
    rogue.sync(bench, Vec::new(), Transfer::None)?;
    let claims = or_stuck(List::new(vec![claim]), "bundle")?;
    let answer = bench.post(&OfficeRequest::Claim(ClaimBundle { claims }))?;
    let OfficeAnswer::Claim(answer) = answer else {
        return Err(Trouble::Stuck(format!("{answer:?}")));
    };
    let is_proven = answer.verdicts.iter().all(|verdict| match verdict {
        Verdict::Outcome(outcome) => matches!(outcome.body.kind, OutcomeKind::Disputed(_)),
        Verdict::Pending(_) | Verdict::Refused(_) => false,
    });
    bench.must(is_proven, OFFICE_I14_PROOF, "an entry that its SYNC left out is no fork")
}
