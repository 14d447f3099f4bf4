//! Closing and renewing the purse, pruning, and a wallet that comes back without its state.

use onehop_crypto::{SessionSecret, SigningKey};
use onehop_proto::LogRecord;
use onehop_wire::TxId;
use onehop_wire::office::{Enrol, OfficeAnswer, OfficeRequest, Transfer};

use super::bench::{Bench, all};
use super::{OWN_LIMITS, Played, RENEWALS, Trouble, or_stuck};
use crate::check::{I5, I12};

/// A payment whose COMMIT the buyer does not hear.
fn in_doubt(bench: &mut Bench, seller: usize, buyer: usize, amount: u64) -> Played<TxId> {
    bench.open(seller, buyer)?;
    let tx = bench.vote(amount)?;
    bench.run(&mut |name| name != "COMMIT");
    bench.part();
    Ok(tx)
}

/// A vote is in doubt while its purse is closed; then the seller waives.
pub(super) fn abort_after_renewal(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    let tx = bench.vote(300)?;
    let now = bench.now();
    or_stuck(bench.unit(seller)?.wallet.cancel(now, &tx), "cancel")?;
    bench.run(&mut |name| name != "ABORT");
    bench.part();
    bench.sync(buyer, Transfer::None)?;
    bench.open(seller, buyer)?;
    let state = bench.unit(buyer)?.state(&tx);
    or_stuck((state == "ABORTED").then_some(()), &state)?;
    bench.check()?;
    bench.resolve(buyer, &tx)?;
    bench.sync(buyer, Transfer::None)?;
    bench.check()?;
    let available = bench.unit(buyer)?.wallet.balance().available;
    bench.must(available == 1_000, I12, "the hold did not come back")
}

/// A seller was paid by the office and has forgotten the payment; its buyer has not.
pub(super) fn pruned(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    let tx = in_doubt(bench, seller, buyer, 300)?;
    bench.sync(buyer, Transfer::None)?;
    bench.claim(seller)?;
    bench.sync(seller, Transfer::None)?;
    bench.check()?;
    let now = bench.now();
    bench.unit(seller)?.compact(now);
    let state = bench.unit(seller)?.state(&tx);
    or_stuck((state == "NONE").then_some(()), &state)?;
    bench.cut(seller, false)?;
    bench.open(seller, buyer)?;
    let state = bench.unit(seller)?.state(&tx);
    bench.must(state == "NONE", I5, "a seller signed for what it has forgotten")
}

/// A seller lost its state and has a new epoch; the buyer asks about what it took before.
pub(super) fn restored(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    let tx = in_doubt(bench, seller, buyer, 300)?;
    let office = or_stuck(bench.office()?.info(), "info")?;
    let certificate = or_stuck(bench.unit(seller)?.wallet.state().certificate().cloned(), "none")?;
    let signing_seed = bench.unit(seller)?.signing_seed()?;
    // The same owner, the same key, nothing else: the mail key is new.
    let (mail_secret, key) = ([9; 32], SigningKey::from_seed(&signing_seed));
    let body = Enrol {
        key: key.public(),
        mail_key: SessionSecret::from_bytes(mail_secret).public(),
        name: certificate.body.name.clone(),
        class: certificate.body.class,
    };
    let enrol = key.sign(bench.office()?.id(), body).into_signed();
    let answer = bench.post(&OfficeRequest::Enrol(enrol.clone()))?;
    let OfficeAnswer::Enrol(answer) = answer else {
        return Err(Trouble::Stuck(format!("{answer:?}")));
    };
    let is_newer = answer.certificate.body.epoch > certificate.body.epoch;
    or_stuck(is_newer.then_some(()), "no new epoch")?;
    let born = LogRecord::Born { signing_seed, mail_secret, office };
    let log = vec![born, LogRecord::EnrolSigned(enrol), LogRecord::Enrolled(answer)];
    bench.add(seller, log)?;
    bench.open(seller, buyer)?;
    let state = bench.unit(seller)?.state(&tx);
    bench.check()?;
    bench.must(state == "NONE", I5, "a restored seller signed for its older epoch")
}

/// A purse is closed and its SYNC not yet answered; a seller asks.
pub(super) fn closed(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.close(buyer, Transfer::None)?;
    bench.open(seller, buyer)?;
    let terms = bench.terms(100);
    let tx = bench.ask(&terms)?;
    bench.run(&mut all);
    if bench.confirm(&tx).is_ok() {
        bench.run(&mut all);
    }
    bench.check()?;
    let holds = !bench.unit(seller)?.has_taken(&tx);
    bench.must(holds, I5, "a closed purse paid")
}

/// The power is cut once the SYNC is at the office, before its answer is heard.
pub(super) fn cut_after_sync(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.pay(300)?;
    bench.part();
    let sync = bench.close(buyer, Transfer::None)?;
    bench.post(&OfficeRequest::Sync(Box::new(sync.clone())))?;
    bench.cut(buyer, false)?;
    bench.open(seller, buyer)?;
    let terms = bench.terms(200);
    let tx = bench.ask(&terms)?;
    bench.run(&mut all);
    if bench.confirm(&tx).is_ok() {
        bench.run(&mut all);
    }
    bench.claim(seller)?;
    let again = bench.close(buyer, Transfer::None)?;
    bench.must(again == sync, I5, "two SYNCs of one purse")
}

/// An office that lies about where the last purse ended.
pub(super) fn other_totals(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.pay(300)?;
    bench.part();
    let sync = bench.close(buyer, Transfer::None)?;
    let answer = bench.post(&OfficeRequest::Sync(Box::new(sync)))?;
    let OfficeAnswer::Sync(answer) = answer else {
        return Err(Trouble::Stuck(format!("{answer:?}")));
    };
    let id = *bench.office()?.id();
    for lie in 0..3 {
        let mut told = (*answer).clone();
        let mut body = told.checkpoint.body.clone();
        match lie {
            0 => body.base_cum_out += 1,
            1 => body.base_seq = 0,
            _ => body.base_head.0[0] ^= 1,
        }
        told.checkpoint = bench.signer.sign(&id, body).into_signed();
        let is_taken = bench.unit(buyer)?.wallet.renewed(told).is_ok();
        bench.must(!is_taken, RENEWALS, "a purse of other totals was taken")?;
    }
    or_stuck(bench.unit(buyer)?.wallet.renewed(*answer), "the true answer")?;
    bench.drain(buyer);
    bench.check()
}

/// A seller asks for more than the buyer's certificate allows.
pub(super) fn over_limit(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(150_000)?);
    bench.open(seller, buyer)?;
    let certificate = or_stuck(bench.unit(buyer)?.wallet.state().certificate().cloned(), "none")?;
    let limit = or_stuck(certificate.body.limits.per_payment, "no limit")?;
    bench.pay(limit)?;
    let terms = bench.terms(limit + 1);
    let tx = bench.ask(&terms)?;
    bench.run(&mut all);
    let said = bench.confirm(&tx).is_ok();
    bench.must(!said, OWN_LIMITS, "a buyer signed beyond its own limit")
}
