//! The two tables of a payment (spec §7), with words lost, late and repeated.

use onehop_wire::office::Transfer;
use onehop_wire::{AbortReason, Message, Status};

use super::bench::{Bench, all};
use super::rogue::Rogue;
use super::{Played, or_stuck};
use crate::check::{I4, I12, I13};

/// A payment, one that is called off, and a sync: what binds is on disk before it leaves.
pub(super) fn whole(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.pay(300)?;
    let state = bench.unit(seller)?.state(&tx);
    or_stuck((state == "DONE").then_some(()), &state)?;
    bench.check()?;
    let tx = bench.vote(200)?;
    let now = bench.now();
    or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
    bench.run(&mut all);
    let state = bench.unit(buyer)?.state(&tx);
    or_stuck((state == "ABORTED").then_some(()), &state)?;
    bench.check()?;
    bench.sync(buyer, Transfer::None)?;
    bench.check()
}

/// COMMIT does not arrive. The buyer waits; its hold stays until the seller is heard.
pub(super) fn commit_lost(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    bench.run(&mut |name| name != "COMMIT");
    bench.wait(200_000, &mut |name| name != "COMMIT");
    bench.check()?;
    bench.open(seller, buyer)?;
    let states = [bench.unit(seller)?.state(&tx), bench.unit(buyer)?.state(&tx)];
    bench.must(states == ["DONE", "COMMITTED"], I12, "a buyer in doubt was not told")
}

/// COMMIT is lost, the vote comes again, the credit does not.
pub(super) fn commit_again(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.vote(300)?;
    bench.run(&mut |name| name != "COMMIT");
    bench.check()?;
    bench.open(seller, buyer)?;
    bench.check()?;
    let got = bench.unit(seller)?.wallet.balance().received_unsettled;
    bench.must(got == 300, I4, "one payment counts more than once")
}

/// The seller calls off before it sees the vote, and ABORT is lost.
pub(super) fn vote_after_abort(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    let now = bench.now();
    or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
    bench.run(&mut |name| name != "ABORT");
    bench.check()?;
    bench.open(seller, buyer)?;
    let states = [bench.unit(seller)?.state(&tx), bench.unit(buyer)?.state(&tx)];
    bench.must(states == ["ABORTED", "ABORTED"], I12, "a buyer in doubt was not told")
}

/// An order is called off and asked for again in the same session.
pub(super) fn asked_again(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let mut terms = bench.terms(300);
    let tx = bench.ask(&terms)?;
    bench.run(&mut all);
    let now = bench.now();
    or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
    bench.run(&mut all);
    terms.amount = onehop_wire::Money::new(250, terms.amount.currency());
    bench.ask(&terms)?;
    bench.check()
}

/// An order is paid, and asked for again.
pub(super) fn paid_twice(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let terms = bench.terms(300);
    let tx = bench.ask(&terms)?;
    bench.run(&mut all);
    bench.confirm(&tx)?;
    bench.run(&mut all);
    bench.check()?;
    if let Ok(again) = bench.ask(&terms) {
        bench.run(&mut all);
        if bench.confirm(&again).is_ok() {
            bench.run(&mut all);
        }
    }
    let got = bench.unit(seller)?.wallet.balance().received_unsettled;
    bench.must(got == 300, I4, "one order was paid twice")
}

/// Each packet is given to its receiver twice.
pub(super) fn packet_twice(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let (peer, now) = (bench.peer()?, bench.now());
    let terms = bench.terms(300);
    let tx = bench.ask(&terms)?;
    let mut is_confirmed = false;
    for _ in 0..40 {
        for (from, to) in [(seller, buyer), (buyer, seller)] {
            let Some(parcel) = bench.unit(from)?.out.pop_front() else { continue };
            bench.unit(to)?.wallet.handle_packet(now, peer, &parcel.bytes);
            bench.drain(to);
            let before = bench.unit(to)?.wallet.state().clone();
            let (sent, queued) = (bench.unit(to)?.sent.clone(), bench.unit(to)?.out.len());
            bench.unit(to)?.wallet.handle_packet(now, peer, &parcel.bytes);
            bench.drain(to);
            let unit = bench.unit(to)?;
            unit.out.truncate(queued);
            let is_same = before == *unit.wallet.state() && unit.sent == sent;
            let what = format!("{} twice is answered with something new", parcel.name);
            bench.must(is_same, I13, &what)?;
        }
        if !is_confirmed && bench.unit(buyer)?.out.is_empty() {
            bench.confirm(&tx)?;
            is_confirmed = true;
        }
    }
    let state = bench.unit(seller)?.state(&tx);
    or_stuck((state == "DONE").then_some(()), &state)
}

/// Whoever was paid can say so for as long as somebody may ask.
pub(super) fn after_ack(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    let mut rogue = Rogue::new(bench, "rogue", 1_000)?;
    rogue.meet(bench, seller)?;
    let request = rogue.is_asked(bench, 300)?;
    let entry = rogue.entry(&request, &[], |_| {})?;
    let tx = entry.body.tx;
    rogue.say(bench, &Message::Agreed(entry.clone()))?;
    let commit = rogue.inbox.drain(..).find_map(|message| {
        if let Message::Commit(commit) = message { Some(commit) } else { None }
    });
    let commit = or_stuck(commit, "no COMMIT")?;
    let committed = onehop_wire::Committed {
        tx,
        payer: commit.body.payer,
        payee: commit.body.payee,
        agreed: commit.body.agreed,
        commit: commit.hash(&rogue.office),
    };
    let committed = rogue.key.sign(&rogue.office, committed).into_signed();
    rogue.say(bench, &Message::Committed(committed))?;
    // The acknowledgement is lazy; a further request makes sure that it is on disk.
    bench.check()?;
    let status = Status {
        tx,
        asker: rogue.id(),
        request: entry.body.request,
        agreed: Some(entry.hash(&rogue.office)),
    };
    let status = rogue.key.sign(&rogue.office, status).into_signed();
    rogue.say(bench, &Message::Status { status, request, agreed: Some(entry) })?;
    let aborts = |message: &Message| matches!(message, Message::Abort(abort) if abort.body.reason == AbortReason::Restarted);
    let is_waived = rogue.inbox.iter().any(aborts);
    bench.check()?;
    bench.must(!is_waived, I12, "a seller waived what it was paid")
}
