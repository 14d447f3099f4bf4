//! Limits as data, and the largest loss that they allow.

use onehop_wire::Limits;
use onehop_wire::office::{Transfer, TransferResult};

use super::world::{DAY, Wallet, World};
use crate::{Command, Exposure, LimitSet, OperatorAnswer, Profile};

impl World {
    fn limits(&mut self) -> LimitSet {
        match self.order(Command::Limits).unwrap() {
            OperatorAnswer::Limits(set) => *set,
            other => panic!("{other:?}"),
        }
    }

    /// Puts the next set in force, changed by `edit`.
    fn limited(&mut self, edit: impl FnOnce(&mut LimitSet)) -> LimitSet {
        let mut set = self.limits();
        set.number += 1;
        edit(&mut set);
        self.order(Command::SetLimits(Box::new(set.clone()))).unwrap();
        self.balances();
        set
    }

    fn exposure(&mut self) -> Exposure {
        match self.order(Command::Exposure).unwrap() {
            OperatorAnswer::Exposure(found) => *found,
            other => panic!("{other:?}"),
        }
    }

    fn refuses(&mut self, wallet: &mut Wallet, sum: u64) -> String {
        match self.sync(wallet, Transfer::Charge(sum)).transfer {
            TransferResult::Refused(words) => words.as_str().to_owned(),
            TransferResult::Done => panic!("charged"),
        }
    }
}

/// [O-22] [O-34]
#[test]
fn later_certificates_follow_the_newest_set_and_earlier_ones_stay_as_they_are() {
    let mut world = World::new();
    let mut early = world.funded(1, "early", 100_000);
    let first = early.certificate.clone();
    let set = world.limited(|set| {
        set.limits = Limits { per_payment: Some(700), per_payee: Some(900), ..Limits::default() };
        set.purse_max = 60_000;
    });
    assert_eq!(world.limits(), set);
    assert_eq!(world.enrol(2, "late").certificate.body.limits, set.limits);
    assert_eq!(early.certificate, first);
    let answer = world.sync(&mut early, Transfer::None);
    assert_eq!(answer.certificate.body.limits, set.limits);
    assert_eq!(answer.checkpoint.body.balance, 60_000, "the rest went to the account");
    assert_eq!(world.sync(&mut early, Transfer::None).certificate, answer.certificate);
    // They are there after a restart, and in the evidence.
    let again = crate::Office::open(world.office.into_store()).unwrap();
    assert_eq!(again.limits().unwrap(), set);
    assert!(again.audit().unwrap().balances());
}

/// [O-34]
#[test]
fn a_set_out_of_turn_or_out_of_range_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let set = world.limits();
    assert_eq!(set.number, 0);
    let before = world.office.store().clone();
    let mut says = |edit: fn(&mut LimitSet)| {
        let mut set = LimitSet { number: 1, ..set.clone() };
        edit(&mut set);
        let said = world.order(Command::SetLimits(Box::new(set))).unwrap_err().to_string();
        assert!(*world.office.store() == before, "a refused set changed something");
        said
    };
    let words = "limits 2 do not follow: the next ones have number 1";
    assert_eq!(says(|set| set.number = 2), words);
    assert_eq!(says(|set| set.purse_max = 0), "limit purse-max is out of range");
    assert_eq!(says(|set| set.limits.hops = 9), "limit hops is out of range");
    assert_eq!(says(|set| set.limits.payments = Some(0)), "limit payments is out of range");
    let words = "limit per-payment is out of range";
    assert_eq!(says(|set| set.limits.per_payment = Some(0)), words);
}

/// [O-35]
#[test]
fn velocity_and_cumulative_caps_refuse_a_charge_by_name() {
    let mut world = World::new();
    world.limited(|set| {
        (set.charge_per_period, set.charge_period) = (Some(1_000), 30 * DAY);
        set.charge_total = Some(1_500);
    });
    let mut wallet = world.enrol(1, "buyer");
    assert_eq!(world.sync(&mut wallet, Transfer::Charge(600)).transfer, TransferResult::Done);
    world.sync(&mut wallet, Transfer::Withdraw(600));
    let words = "limit charge-per-period is 10.00 INR, reached 10.01 INR";
    assert_eq!(world.refuses(&mut wallet, 401), words);
    assert_eq!(world.sync(&mut wallet, Transfer::Charge(400)).transfer, TransferResult::Done);
    world.now = world.now.plus(30 * DAY - 1);
    assert_eq!(world.refuses(&mut wallet, 1), words);
    world.now = world.now.plus(1);
    let words = "limit charge-total is 15.00 INR, reached 15.01 INR";
    assert_eq!(world.refuses(&mut wallet, 501), words);
    assert_eq!(world.sync(&mut wallet, Transfer::Charge(500)).transfer, TransferResult::Done);
}

/// [O-35]
#[test]
fn the_profile_for_electronic_money_caps_charges_at_150_in_30_days() {
    let mut world = World::of(Profile::by_name("aml-emoney").unwrap());
    let mut wallet = world.enrol(1, "buyer");
    world.order(Command::Deposit { wallet: wallet.id(), amount: 40_000 }).unwrap();
    assert_eq!(world.sync(&mut wallet, Transfer::Charge(15_000)).transfer, TransferResult::Done);
    world.sync(&mut wallet, Transfer::Withdraw(1));
    let words = "limit charge-per-period is 150.00 EUR, reached 150.01 EUR";
    assert_eq!(world.refuses(&mut wallet, 1), words);
}

/// The exposure of a wallet's purse of `balance` under `limits`, among three wallets.
fn of_one(limits: Limits, balance: u64) -> Option<u128> {
    let mut world = World::new();
    world.limited(|set| set.limits = limits);
    let wallet = world.funded(1, "buyer", balance);
    world.enrol(2, "one");
    world.enrol(3, "two");
    // The empty purse before the charge is over only when it expires: let it.
    world.now = world.now.plus(8 * DAY);
    let mut wallet = wallet;
    world.sync(&mut wallet, Transfer::None);
    let found = world.exposure();
    assert_eq!(found.certificates, 3);
    assert!(found.wallets.iter().all(|it| it.wallet == wallet.id()), "{found:?}");
    assert_eq!(found.total, found.wallets.first().map_or(Some(0), |it| it.loss));
    found.total
}

/// [O-36]
#[test]
fn exposure_is_what_two_payees_take_less_what_backs_it() {
    let limits = |per_payment, per_payee, per_checkpoint, payments| Limits {
        per_payment,
        per_payee,
        per_checkpoint,
        payments,
        hops: 0,
    };
    let free = limits(None, None, None, None);
    assert_eq!(of_one(free.clone(), 1_000), Some(1_000));
    assert_eq!(of_one(limits(None, None, Some(600), None), 1_000), Some(200));
    assert_eq!(of_one(limits(None, Some(500), Some(600), None), 1_000), Some(0));
    assert_eq!(of_one(limits(Some(300), None, None, Some(2)), 1_000), Some(200));
    assert_eq!(of_one(limits(Some(300), None, None, None), 1_000), Some(1_000));
    // Nobody else has money that could be received and shown twice.
    assert_eq!(of_one(Limits { hops: 1, ..free }, 1_000), Some(1_000));
}

/// [O-36]
#[test]
fn received_money_and_closed_checkpoints_are_exposed_and_a_bond_is_taken_off() {
    let mut world = World::new();
    world.limited(|set| {
        set.limits = Limits { per_payment: Some(200), hops: 1, ..Limits::default() };
    });
    let mut poor = world.enrol(1, "poor");
    let rich = world.funded(2, "rich", 500);
    world.enrol(3, "third");
    // Two receipts of 2.00 from the rich one back what the poor one shows to both others.
    let of = |found: &Exposure, wallet: &Wallet| {
        found.wallets.iter().find(|it| it.wallet == wallet.id()).cloned()
    };
    let found = of(&world.exposure(), &poor).unwrap();
    assert_eq!((found.reach, found.loss, found.checkpoints), (Some(400), Some(400), 1));
    // The first checkpoint of the rich one is closed and unexpired: nothing backs it, nothing is in
    // it; the second one backs 5.00 of 10.00.
    let found = of(&world.exposure(), &rich).unwrap();
    assert_eq!((found.reach, found.loss, found.checkpoints), (Some(500), Some(500), 2));
    world.order(Command::Deposit { wallet: poor.id(), amount: 100 }).unwrap();
    world.order(Command::Bond { wallet: poor.id(), amount: 100 }).unwrap();
    let found = of(&world.exposure(), &poor).unwrap();
    assert_eq!((found.loss, found.beyond_bond()), (Some(400), Some(300)));
    world.sync(&mut poor, Transfer::None);
    let found = of(&world.exposure(), &poor).unwrap();
    // The closed one is worth 4.00 to each of two payees, and no purse pays any of it.
    assert_eq!((found.loss, found.checkpoints), (Some(800 + 400), 2));
    world.now = world.now.plus(8 * DAY);
    assert_eq!(world.exposure().total, Some(0), "all checkpoints have expired");
}
