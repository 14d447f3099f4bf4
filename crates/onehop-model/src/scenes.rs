//! The scenes. Each says what it is about; its bounds are printed with its figures.

use crate::clock::Phase;
use crate::promises::{self as p, Promise};
use crate::scene::{Bounds, Expect, Order, Scene, Size};

/// The names of all scenes, in the order in which they are run.
pub const SCENES: [&str; 12] = [
    "payment",
    "contention",
    "office",
    "office-two",
    "renewal",
    "pruning",
    "receipts",
    "receipts-payer",
    "receipts-first-payee",
    "receipts-second-payee",
    "rollback",
    "clone",
];

/// What must hold whoever is honest.
const ALWAYS: [Promise; 11] = [
    p::C1_OFFICE,
    p::I4,
    p::I5,
    p::I6,
    p::I9,
    p::I10,
    p::I11,
    p::I13,
    p::I13_OFFICE,
    p::I14_OVERSPEND,
    p::RECOVERY,
];
/// What must hold besides where everybody is honest.
const HONEST: [Promise; 7] = [p::I1, p::I2, p::I3, p::I7, p::I8, p::I14, p::SERVED];

const NO_BOUNDS: Bounds = Bounds {
    power_cuts: 0,
    duplicates: 0,
    losses: 0,
    attempts: 1,
    closes: 0,
    late_answers: 0,
    puts_back: 0,
};

fn order(buyer: usize, seller: usize, amount: u64) -> Order {
    Order { buyer, seller, amount }
}

/// One of three numbers.
const fn by(size: Size, tiny: u8, short: u8, night: u8) -> u8 {
    match size {
        Size::Tiny => tiny,
        Size::Short => short,
        Size::Night => night,
    }
}

/// The dates of a scene with an office.
fn dates(size: Size) -> Vec<Phase> {
    match size {
        Size::Tiny | Size::Short => vec![Phase::Late],
        Size::Night => {
            vec![Phase::Expired, Phase::Unclaimable, Phase::Voidable, Phase::Late]
        }
    }
}

/// The scene of this name.
pub(crate) fn scene(name: &str, size: Size) -> Option<Scene> {
    Some(match name {
        "payment" => payment(size),
        "contention" => contention(size),
        "office" => office(size),
        "office-two" => office_two(size),
        "renewal" => renewal(size),
        "pruning" => pruning(size),
        "receipts" => receipts(size, "receipts", None),
        "receipts-payer" => receipts(size, "receipts-payer", Some(0)),
        "receipts-first-payee" => receipts(size, "receipts-first-payee", Some(1)),
        "receipts-second-payee" => receipts(size, "receipts-second-payee", Some(2)),
        "rollback" => rollback(size, "rollback", 1),
        "clone" => rollback(size, "clone", by(size, 2, 2, 3)),
        _ => return None,
    })
}

fn promised(honest: bool, conserved: Promise, sometimes: &[Promise]) -> Vec<(Promise, Expect)> {
    let mut all: Vec<Promise> = ALWAYS.to_vec();
    if honest {
        all.extend(HONEST);
        all.push(conserved);
    }
    let always = all.into_iter().map(|promise| (promise, Expect::Always));
    always.chain(sometimes.iter().map(|promise| (*promise, Expect::Sometimes))).collect()
}

/// A buyer and a seller, no office: power cuts anywhere, with any part of the unforced records lost;
/// vote timer, cancel and refusal; messages in any order and twice; sessions lost and met again.
fn payment(size: Size) -> Scene {
    Scene {
        name: "payment",
        about: "one payment with power cuts of both",
        purses: vec![("buyer", 1_000), ("seller", 0)],
        orders: vec![order(0, 1, 700)],
        bounds: Bounds {
            power_cuts: by(size, 1, 4, 4),
            duplicates: by(size, 1, 2, 2),
            losses: by(size, 1, 2, 2),
            attempts: by(size, 1, 1, 2),
            ..NO_BOUNDS
        },
        has_office: false,
        phases: Vec::new(),
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: true,
        prunes: false,
        dishonest: None,
        keeps_first: true,
        promises: promised(true, p::C1, &[p::PAID, p::UNPAID, p::IN_DOUBT]),
    }
}

/// Two sellers ask one buyer, whose purse is enough for one of them.
fn contention(size: Size) -> Scene {
    Scene {
        name: "contention",
        about: "two payments that contend for one balance",
        purses: vec![("buyer", 1_000), ("first", 0), ("second", 0)],
        orders: vec![order(0, 1, 700), order(0, 2, 600)],
        bounds: Bounds {
            power_cuts: by(size, 0, 1, 2),
            duplicates: by(size, 0, 0, 1),
            losses: by(size, 0, 0, 1),
            ..NO_BOUNDS
        },
        has_office: false,
        phases: Vec::new(),
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: size == Size::Night,
        prunes: false,
        dishonest: None,
        keeps_first: true,
        promises: promised(true, p::C1, &[p::PAID]),
    }
}

/// A payment and the office: claim, resolve, void after grace, void by a waiver in a SYNC, answers
/// that come twice or not at all.
fn office(size: Size) -> Scene {
    Scene {
        name: "office",
        about: "a payment with the office",
        purses: vec![("buyer", 1_000), ("seller", 0)],
        orders: vec![order(0, 1, 700)],
        bounds: Bounds {
            power_cuts: by(size, 0, 0, 1),
            duplicates: by(size, 0, 0, 1),
            losses: by(size, 0, 0, 1),
            closes: by(size, 1, 1, 2),
            late_answers: by(size, 0, 0, 1),
            ..NO_BOUNDS
        },
        has_office: true,
        phases: dates(size),
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: false,
        prunes: false,
        dishonest: None,
        keeps_first: true,
        promises: promised(
            true,
            p::C1_AT_MOST,
            &[p::PAID, p::OUTCOME_PAID, p::OUTCOME_VOID, p::EARLY_VOID],
        ),
    }
}

/// Two payments of one pair and the office, which learns of them in either order: claim, resolve,
/// void after grace.
fn office_two(size: Size) -> Scene {
    Scene {
        name: "office-two",
        about: "two payments of one pair with the office",
        orders: vec![order(0, 1, 700), order(0, 1, 200)],
        // With a SYNC besides, eight million states were not all.
        bounds: NO_BOUNDS,
        phases: dates(Size::Short),
        sessions_last: false,
        promises: promised(true, p::C1_AT_MOST, &[p::PAID, p::OUTCOME_PAID, p::OUTCOME_VOID]),
        ..office(size)
    }
}

/// A payment in doubt while both renew their purses, and what is spent out of the new one.
fn renewal(size: Size) -> Scene {
    Scene {
        name: "renewal",
        about: "renewal with a payment in doubt",
        purses: vec![("buyer", 1_000), ("seller", 0)],
        orders: match size {
            Size::Tiny | Size::Short => vec![order(0, 1, 700)],
            Size::Night => vec![order(0, 1, 700), order(0, 1, 200)],
        },
        bounds: Bounds {
            power_cuts: by(size, 0, 0, 1),
            losses: by(size, 0, 0, 1),
            closes: by(size, 1, 1, 2),
            late_answers: by(size, 0, 0, 1),
            ..NO_BOUNDS
        },
        has_office: true,
        phases: match size {
            Size::Tiny => dates(size),
            Size::Short => vec![Phase::Expired, Phase::Late],
            Size::Night => dates(size),
        },
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: false,
        prunes: false,
        dishonest: None,
        keeps_first: true,
        promises: promised(true, p::C1_AT_MOST, &[p::RENEWED_IN_DOUBT, p::OUTCOME_PAID]),
    }
}

/// Snapshots and pruning at any time, the covered floor, and a STATUS that comes after it.
fn pruning(size: Size) -> Scene {
    Scene {
        name: "pruning",
        about: "pruning with the covered floor, and a late STATUS",
        purses: vec![("buyer", 1_000), ("seller", 0)],
        orders: vec![order(0, 1, 700)],
        bounds: Bounds {
            power_cuts: by(size, 0, 0, 1),
            losses: by(size, 0, 0, 1),
            closes: by(size, 1, 1, 2),
            late_answers: by(size, 0, 0, 1),
            ..NO_BOUNDS
        },
        has_office: true,
        phases: dates(size),
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: false,
        prunes: true,
        dishonest: None,
        keeps_first: true,
        promises: promised(true, p::C1_AT_MOST, &[p::PRUNED, p::OUTCOME_PAID, p::OUTCOME_VOID]),
    }
}

/// A pays B, B spends what it received on at C, and releases go along; each dishonest in turn.
fn receipts(size: Size, name: &'static str, dishonest: Option<usize>) -> Scene {
    let mut sometimes = vec![p::CARRIED];
    match dishonest {
        Some(0 | 1) => sometimes.push(p::OVERSPENT),
        Some(_) => sometimes.push(p::CONVICTED),
        None => sometimes.push(p::CARRIED_RELEASE),
    }
    let mut orders = vec![order(0, 1, 700), order(1, 2, 900)];
    orders.push(match dishonest {
        // Carried along with a release, if the one before is given back.
        None => order(1, 2, 800),
        // What the payer has spent already.
        Some(0) => order(0, 2, 600),
        // What the first payee has spent already, on the payer of all people.
        Some(_) => order(1, 0, 800),
    });
    Scene {
        name,
        about: match dishonest {
            None => "receipts and releases carried to a second payee, everybody honest",
            Some(0) => "receipts and releases carried to a second payee, the payer dishonest",
            Some(1) => "receipts and releases carried to a second payee, the first payee dishonest",
            Some(_) => {
                "receipts and releases carried to a second payee, the second payee dishonest"
            }
        },
        purses: vec![("payer", 1_000), ("first", 300), ("second", 0)],
        orders,
        bounds: Bounds {
            losses: by(size, 0, 0, 1),
            puts_back: u8::from(dishonest.is_some()),
            ..NO_BOUNDS
        },
        has_office: false,
        phases: Vec::new(),
        sessions_last: size == Size::Night,
        has_timers: dishonest.is_none() || size == Size::Night,
        declines: false,
        prunes: false,
        dishonest,
        keeps_first: dishonest != Some(1),
        promises: promised(dishonest.is_none(), p::C1, &sometimes),
    }
}

/// A buyer whose disk is put back (once: a roll-back; to and fro: a clone) pays two strangers; the
/// office is told.
fn rollback(size: Size, name: &'static str, puts_back: u8) -> Scene {
    // To and fro with the office as well is for the night.
    let has_office = match size {
        Size::Tiny => false,
        Size::Short => puts_back == 1,
        Size::Night => true,
    };
    let sometimes =
        if has_office { vec![p::OVERSPENT, p::OUTCOME_PAID] } else { vec![p::OVERSPENT] };
    let mut promises = promised(false, p::C1, &sometimes);
    promises.extend([p::C1_AT_MOST, p::I8, p::I14].map(|promise| (promise, Expect::Broken)));
    Scene {
        name,
        about: "a wallet put back to an older disk: local invariants break, the office's hold",
        purses: vec![("cheat", 1_000), ("first", 0), ("second", 0)],
        orders: vec![order(0, 1, 700), order(0, 2, 600)],
        bounds: Bounds { closes: by(size, 0, 0, 1), puts_back, ..NO_BOUNDS },
        has_office,
        phases: if has_office { dates(size) } else { Vec::new() },
        sessions_last: size == Size::Night,
        has_timers: true,
        declines: false,
        prunes: false,
        dishonest: Some(0),
        keeps_first: true,
        promises,
    }
}
