//! Payments back, above what was paid.

use onehop_wire::List;
use onehop_wire::office::{ClaimBundle, OfficeAnswer, OfficeRequest, Verdict};

use super::bench::{Bench, all};
use super::rogue::Rogue;
use super::{Played, REFUNDS, Trouble, or_stuck};

/// A customer whose device was put back to before it got its refund asks for it again.
pub(super) fn asked_again(bench: &mut Bench) -> Played<()> {
    let (shop, customer) = (bench.wallet(10_000)?, bench.wallet(1_000)?);
    bench.open(shop, customer)?;
    let first = bench.pay(500)?;
    bench.part();
    let before = bench.unit(customer)?.records();
    bench.open(customer, shop)?;
    let mut terms = bench.terms(400);
    terms.refund_of = Some(first);
    let given = bench.ask(&terms)?;
    bench.run(&mut all);
    bench.confirm(&given)?;
    bench.run(&mut all);
    bench.part();
    let taken = bench.unit(customer)?.has_taken(&given);
    or_stuck(taken.then_some(()), "the first refund")?;
    bench.check()?;
    bench.add(customer, before)?;
    bench.open(customer, shop)?;
    let mut terms = bench.terms(400);
    terms.refund_of = Some(first);
    let again = bench.ask(&terms)?;
    bench.run(&mut all);
    if bench.confirm(&again).is_ok() {
        bench.run(&mut all);
    }
    let taken = bench.unit(customer)?.has_taken(&again);
    bench.must(!taken, REFUNDS, "more was given back than was paid")
}

/// A shop and its customer who agree on more than was paid come to the office.
pub(super) fn claimed(bench: &mut Bench) -> Played<()> {
    let mut customer = Rogue::new(bench, "customer", 1_000)?;
    let mut shop = Rogue::new(bench, "shop", 1_000)?;
    let first = customer.pays(bench, &mut shop, 500, &[], None)?;
    customer.refund_of = Some(first.agreed.body.tx);
    let given = shop.pays(bench, &mut customer, 400, &[], None)?;
    let more = shop.pays(bench, &mut customer, 101, &[], None)?;
    let claims = or_stuck(List::new(vec![first, given, more]), "claims")?;
    let answer = bench.post(&OfficeRequest::Claim(ClaimBundle { claims }))?;
    let OfficeAnswer::Claim(answer) = answer else {
        return Err(Trouble::Stuck(format!("{answer:?}")));
    };
    let is_refused = |verdict: &Verdict| matches!(verdict, Verdict::Refused(_));
    let refused: Vec<_> = answer.verdicts.iter().map(is_refused).collect();
    let is_right = refused == [false, false, true];
    bench.must(is_right, REFUNDS, "the office took refunds above the payment")?;
    bench.check()
}
