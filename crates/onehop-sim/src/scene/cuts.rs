//! Power cuts: after each operation of either side, and around snapshots.

use onehop_proto::{Config, Wallet};

use super::bench::{Bench, all};
use super::{Played, or_stuck};
use crate::check::{DURABILITY, EMPTY, FROZEN, I12};

/// More operations than a payment has on either side.
const OPERATIONS: usize = 40;

/// A payment in which one side dies after each operation in turn, and then both meet again.
pub(super) fn everywhere(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(50_000)?);
    let mut paid = 0;
    for (victim, keeps_lazy) in [(seller, false), (buyer, false), (seller, true), (buyer, true)] {
        for operations in 0..OPERATIONS {
            bench.open(seller, buyer)?;
            bench.unit(victim)?.power = Some(operations);
            let terms = bench.terms(50);
            if let Ok(tx) = bench.ask(&terms) {
                bench.run(&mut all);
                bench.confirm(&tx).ok();
                bench.run(&mut all);
            }
            let is_dead = bench.unit(victim)?.is_dead;
            bench.unit(victim)?.power = None;
            if !is_dead {
                break;
            }
            bench.cut(victim, keeps_lazy)?;
            bench.open(seller, buyer)?;
            bench.check()?;
            paid += 1;
        }
    }
    or_stuck((paid > 10).then_some(()), "too few operations")?;
    let (has, got) = (
        bench.unit(buyer)?.wallet.balance(),
        bench.unit(seller)?.wallet.balance().received_unsettled,
    );
    let is_settled = has.held + has.in_doubt == 0 && has.available + got == 50_000;
    bench.must(is_settled, I12, "not all is settled after the power cuts")
}

/// A snapshot replaces the log, and the wallet starts from it.
pub(super) fn snapshot(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    bench.open(seller, buyer)?;
    bench.pay(300)?;
    bench.part();
    for at in [seller, buyer] {
        let now = bench.now();
        bench.unit(at)?.compact(now);
        let before = bench.unit(at)?.wallet.balance();
        bench.cut(at, true)?;
        let is_same = bench.unit(at)?.wallet.balance() == before;
        bench.must(is_same, DURABILITY, "a snapshot lost or made something")?;
    }
    bench.open(seller, buyer)?;
    bench.pay(200)?;
    bench.check()
}

/// Requests that were said and not yet forced, a power cut, and further requests.
pub(super) fn requests(bench: &mut Bench) -> Played<()> {
    let (seller, buyer) = (bench.wallet(0)?, bench.wallet(1_000)?);
    for _ in 0..3 {
        bench.open(seller, buyer)?;
        let terms = bench.terms(100);
        bench.ask(&terms)?;
        bench.run(&mut all);
        bench.part();
        bench.cut(seller, false)?;
        bench.check()?;
    }
    Ok(())
}

/// A frozen seller opens no shop.
pub(super) fn frozen(bench: &mut Bench) -> Played<()> {
    let seller = bench.wallet(0)?;
    bench.unit(seller)?.wallet.freeze();
    bench.drain(seller);
    let is_open = bench.unit(seller)?.wallet.open_shop().is_ok();
    bench.must(!is_open, FROZEN, "a frozen wallet opens shop")
}

/// A store that opens empty makes no wallet.
pub(super) fn empty_store(bench: &mut Bench) -> Played<()> {
    let seed = bench.seed();
    let started = Wallet::recover(Config::default(), seed, None, Vec::new()).is_ok();
    bench.must(!started, EMPTY, "a wallet starts without its log")
}
