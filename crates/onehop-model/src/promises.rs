//! The properties, one function each, after the invariants of the specification (§11).

use onehop_wire::TxId;
use onehop_wire::office::OutcomeKind;

use crate::device::{Bought, Sold};
use crate::facts::What;
use crate::flaws::Flaws;
use crate::machine::Machine;
use crate::world::World;

/// A property of single states.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    pub(crate) name: &'static str,
    pub(crate) holds: fn(&Machine, &World) -> bool,
}

impl PartialEq for Promise {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! promises {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $function:ident;)*) => {
        $($(#[$doc])* pub(crate) const $constant: Promise =
            Promise { name: $name, holds: $function };)*
    };
}

promises! {
    C1 = "C1 money is neither made nor lost", conserved;
    C1_AT_MOST = "C1 wallets hold no more than was issued", not_made;
    C1_OFFICE = "C1 the office's books balance", books_balance;
    I1 = "I1 buyer and seller never both gain", never_both_gain;
    I2 = "I2 buyer and seller never both lose", never_both_lose;
    I3 = "I3 PREPARED was durable before COMMITTED", prepared_first;
    I4 = "I4 a payment is credited at most once", credited_once;
    I5 = "I5 no honest device contradicts itself", no_contradiction;
    I6 = "I6 the office never pays what it voided", one_outcome;
    I7 = "I7 PAID implies that the buyer was not released", paid_not_released;
    I8 = "I8 the spend chain never goes back", chain_goes_on;
    I9 = "I9 VOID only after grace or a waiver", void_in_time;
    I10 = "I10 nothing moves without both signatures", nothing_forged;
    I11 = "I11 nothing signed leaves before its force", forced_first;
    I13 = "I13 replays change nothing", replays_change_nothing;
    I13_OFFICE = "I13 the office repeats itself", office_repeats;
    I14 = "I14 no honest history leaves a proof", honest_is_clean;
    I14_OVERSPEND = "I14 every overspend leaves a proof", overspend_is_proved;
    RECOVERY = "S-5 recovery gives what the log says", recovers;
    SERVED = "the office accepts what honest wallets send", served;
    PAID = "reached: a payment is paid and acknowledged", is_paid;
    UNPAID = "reached: a payment is given back", is_given_back;
    IN_DOUBT = "reached: the seller committed, the buyer does not know", is_in_doubt;
    OVERSPENT = "reached: more was accepted than there was", is_overspent;
    CONVICTED = "reached: somebody's statements convict him", is_convicted;
    OUTCOME_PAID = "reached: OUTCOME PAID", is_redeemed;
    OUTCOME_VOID = "reached: OUTCOME VOID", is_voided;
    EARLY_VOID = "reached: OUTCOME VOID by a waiver, before expiry", is_voided_early;
    RENEWED_IN_DOUBT = "reached: a renewed purse with a payment in doubt", is_renewed_in_doubt;
    PRUNED = "reached: a seller erased a settled payment", is_pruned;
    CARRIED = "reached: a receipt was spent on", is_carried;
    CARRIED_RELEASE = "reached: a release was carried along", is_release_carried;
}

fn every_payment(
    world: &World,
    mut check: impl FnMut(Option<Bought>, Option<Sold>) -> bool,
) -> bool {
    world.devices.iter().all(|buyer| {
        buyer.view.bought.iter().all(|(tx, bought, _)| check(Some(*bought), sold(world, tx)))
    })
}

/// What wallets hold together, less what stands with both sides of a payment: a buyer in doubt holds
/// what the seller has accepted, a seller may not have heard of VOID, a buyer not of PAID.
fn held(world: &World) -> i128 {
    let mut sum = 0;
    for device in &world.devices {
        let balance = &device.view.balance;
        let parts = [balance.available, balance.held, balance.in_doubt, balance.received_unsettled];
        sum += parts.into_iter().map(i128::from).sum::<i128>();
        for (tx, sold, amount) in &device.view.sold {
            let in_doubt = bought(world, tx) == Some(Bought::Prepared);
            let is_void = world.facts.outcome(tx) == Some(OutcomeKind::Void);
            let credited = matches!(sold, Sold::Committed | Sold::Done);
            sum -= if credited && (in_doubt || is_void) { i128::from(*amount) } else { 0 };
        }
        for (tx, bought, amount) in &device.view.bought {
            let credited = matches!(sold(world, tx), Some(Sold::Committed | Sold::Done));
            let is_paid = world.facts.outcome(tx) == Some(OutcomeKind::Paid);
            let twice = *bought == Bought::Prepared && is_paid && !credited;
            sum -= if twice { i128::from(*amount) } else { 0 };
        }
    }
    sum
}

fn bought(world: &World, tx: &TxId) -> Option<Bought> {
    world.devices.iter().find_map(|device| device.view.bought(tx))
}

fn sold(world: &World, tx: &TxId) -> Option<Sold> {
    world.devices.iter().find_map(|device| device.view.sold(tx))
}

fn conserved(machine: &Machine, world: &World) -> bool {
    held(world) == i128::from(machine.issued)
        && world.devices.iter().all(|device| device.view.adds_up)
}

fn not_made(machine: &Machine, world: &World) -> bool {
    held(world) <= i128::from(machine.issued)
        && world.devices.iter().all(|device| device.view.adds_up)
}

fn books_balance(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::AUDIT)
}

fn never_both_gain(_: &Machine, world: &World) -> bool {
    every_payment(world, |bought, sold| match (bought, sold) {
        (Some(Bought::Aborted), Some(sold)) => {
            !matches!(sold, Sold::Committed | Sold::Done | Sold::Redeemed)
        }
        (Some(Bought::Voided), Some(sold)) => !matches!(sold, Sold::Redeemed),
        _ => true,
    })
}

fn never_both_lose(_: &Machine, world: &World) -> bool {
    every_payment(world, |bought, sold| match (bought, sold) {
        (Some(Bought::Committed), Some(sold)) => !matches!(sold, Sold::Aborted | Sold::Invited),
        (Some(Bought::Settled), Some(sold)) => !matches!(sold, Sold::Aborted),
        _ => true,
    })
}

fn prepared_first(_: &Machine, world: &World) -> bool {
    world.devices.iter().all(|seller| {
        seller.view.accepted.iter().all(|(tx, entry)| {
            let mut buyers = world.devices.iter().filter(|it| it.view.bought(tx).is_some());
            let voted = |vote: &(_, _)| vote.0 == *tx && vote.1 == *entry;
            // One that pruned it settled it before.
            buyers.next().is_none_or(|buyer| buyer.view.votes.iter().any(voted))
        })
    }) && world.facts.all().all(|(_, what)| match what {
        What::Commit { entry, .. } => world
            .facts
            .all()
            .any(|(_, what)| matches!(what, What::Entry { hash, .. } if hash == entry)),
        _ => true,
    })
}

fn credited_once(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::CREDIT) && world.devices.iter().all(|device| device.view.adds_up)
}

fn no_contradiction(machine: &Machine, world: &World) -> bool {
    let honest = match machine.scene.dishonest {
        Some(at) => !(1u8 << at),
        None => u8::MAX,
    };
    world.facts.contradictory & honest == 0 && !world.flaws.has(Flaws::RESOLVE)
}

fn one_outcome(_: &Machine, world: &World) -> bool {
    !world.facts.decided_twice
}

fn paid_not_released(_: &Machine, world: &World) -> bool {
    world.devices.iter().all(|device| {
        device.view.bought.iter().all(|(tx, state, _)| {
            let released = matches!(state, Bought::Aborted | Bought::Voided);
            !released || world.facts.outcome(tx) != Some(OutcomeKind::Paid)
        })
    })
}

fn chain_goes_on(_: &Machine, world: &World) -> bool {
    world.devices.iter().all(|device| {
        device.view.purse.is_none_or(|(checkpoint, _, seq, cum_out, _)| {
            let (left, total) = world.facts.newest(device.index, checkpoint);
            seq >= left && cum_out >= total
        })
    })
}

fn void_in_time(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::EARLY_VOID)
}

fn nothing_forged(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::FORGERY)
}

fn forced_first(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::BARRIER)
}

fn replays_change_nothing(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::REPLAY)
}

fn office_repeats(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::OFFICE_REPLAY)
}

fn honest_is_clean(_: &Machine, world: &World) -> bool {
    world.facts.forked == 0 && !world.flaws.has(Flaws::BLAME) && !world.office.has_proof
}

/// Of each checkpoint of which more was accepted than was there, the payer's entries are a fork.
fn overspend_is_proved(_: &Machine, world: &World) -> bool {
    world.facts.overspent & !world.facts.forked == 0
}

fn recovers(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::RECOVERY) && !world.flaws.has(Flaws::PANIC)
}

fn served(_: &Machine, world: &World) -> bool {
    !world.flaws.has(Flaws::REFUSED)
}

fn some_payment(world: &World, check: impl Fn(Bought, Option<Sold>) -> bool) -> bool {
    !every_payment(world, |bought, sold| !bought.is_some_and(|bought| check(bought, sold)))
}

fn is_paid(_: &Machine, world: &World) -> bool {
    some_payment(world, |bought, sold| (bought, sold) == (Bought::Committed, Some(Sold::Done)))
}

fn is_given_back(_: &Machine, world: &World) -> bool {
    some_payment(world, |bought, sold| (bought, sold) == (Bought::Aborted, Some(Sold::Aborted)))
}

fn is_in_doubt(_: &Machine, world: &World) -> bool {
    some_payment(world, |bought, sold| (bought, sold) == (Bought::Prepared, Some(Sold::Committed)))
}

fn is_overspent(_: &Machine, world: &World) -> bool {
    world.facts.overspent != 0
}

fn is_convicted(_: &Machine, world: &World) -> bool {
    world.facts.contradictory != 0
}

fn is_redeemed(_: &Machine, world: &World) -> bool {
    world.office.outcomes.iter().any(|outcome| outcome.body.kind == OutcomeKind::Paid)
}

fn is_voided(_: &Machine, world: &World) -> bool {
    world.office.outcomes.iter().any(|outcome| outcome.body.kind == OutcomeKind::Void)
}

fn is_voided_early(machine: &Machine, world: &World) -> bool {
    world.phase == crate::clock::Phase::Early && is_voided(machine, world)
}

fn is_renewed_in_doubt(_: &Machine, world: &World) -> bool {
    world.devices.iter().any(|device| {
        let renewed = device.view.purse.is_some_and(|(_, number, ..)| number > 2);
        renewed && device.view.bought.iter().any(|(_, state, _)| *state == Bought::Prepared)
    })
}

fn is_pruned(_: &Machine, world: &World) -> bool {
    world.facts.all().any(|(by, what)| match what {
        What::Credited { tx } => {
            world.devices.get(by).is_some_and(|seller| seller.view.sold(tx).is_none())
        }
        _ => false,
    })
}

fn is_carried(_: &Machine, world: &World) -> bool {
    world.facts.all().any(|(_, what)| matches!(what, What::Entry { agreed, .. } if agreed.hops > 0))
}

fn is_release_carried(_: &Machine, world: &World) -> bool {
    let is_release = |attachment: &onehop_wire::Attachment| {
        matches!(attachment, onehop_wire::Attachment::Release(_))
    };
    world.facts.all().any(|(_, what)| match what {
        What::Entry { attachments, .. } => attachments.iter().any(is_release),
        _ => false,
    })
}
