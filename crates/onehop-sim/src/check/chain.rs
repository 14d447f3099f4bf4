//! I8: number, head and total of a spend chain never go back under one checkpoint.

use onehop_wire::{Agreed, Hash};

use super::{Facts, I8};
use crate::device::Device;
use crate::env::Env;

/// The end of a chain as far as it is durable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct End {
    pub(crate) seq: u64,
    pub(crate) head: Hash,
    pub(crate) cum_out: u64,
}

/// A further entry became durable: it goes on exactly where the chain ended.
pub(crate) fn entry(facts: &mut Facts, agreed: &Agreed, hash: Hash) {
    let start = End { seq: 0, head: agreed.checkpoint, cum_out: 0 };
    let end = facts.chains.get(&agreed.checkpoint).copied().unwrap_or(start);
    let follows = agreed.seq == end.seq + 1
        && agreed.prev == end.head
        && agreed.cum_out == end.cum_out + agreed.amount;
    if !follows {
        let what = format!("entry {} of total {} after {end:?}", agreed.seq, agreed.cum_out);
        facts.violate(I8, what);
    }
    let next = End { seq: agreed.seq, head: hash, cum_out: agreed.cum_out };
    facts.chains.insert(agreed.checkpoint, next);
}

/// Every running wallet stands at the end of its chain, or ahead of what is durable.
pub(crate) fn wallets(env: &mut Env, devices: &[Device]) {
    for device in devices {
        let Some(purse) = device.running.as_ref().and_then(|r| r.wallet.state().purse()) else {
            continue;
        };
        let Some(end) = env.facts.chains.get(&purse.hash).copied() else { continue };
        let is_back = purse.seq < end.seq
            || purse.cum_out < end.cum_out
            || (purse.seq == end.seq && purse.head != end.head);
        if is_back {
            let at = (purse.seq, purse.cum_out);
            let what = format!("{} stands at {at:?}, its chain at {end:?}", device.name());
            env.facts.violate(I8, what);
        }
    }
}
