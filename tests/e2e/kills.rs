//! Wallets and their office are killed at random moments while payments run and purses close, and
//! the books are exact after each kill.
//!
//! `ONEHOP_KILLS` may hold how many wallets and offices are killed, and a seed for the choice of
//! moments: `300,20,7`. A moment is a line that a process says, and some time after it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{Bench, Office};
use crate::pair::{CHARGED, Pair, Side};
use crate::process::{Ended, Running};

/// Wallets killed of one pair at most: its buyer has money for as many payments.
const KILLS_OF_PAIR: u64 = 60;
/// Pairs at once.
const PAIRS: usize = 4;
/// Lines that a side traces in a payment, about.
const LINES: u64 = 30;
/// One that is silent for so long waits for somebody who is not there.
const SILENT: Duration = Duration::from_millis(700);

/// The program's exit code when no office answers.
const OFFICE_AWAY: i32 = 5;

/// How many are killed, and the seed of the moments.
#[derive(Clone, Copy, Debug)]
struct Plan {
    wallets: u64,
    offices: u64,
    seed: u64,
}

/// What all share.
struct Stage<'a> {
    bench: &'a Bench,
    /// Held while the office is asked by its operator, or is down.
    office: Mutex<Office>,
    wallets_left: AtomicU64,
    offices_left: AtomicU64,
    killed: AtomicU64,
    audits: AtomicU64,
}

#[test]
fn wallets_and_an_office_killed_at_random_moments_leave_the_books_exact_each_time() {
    let plan = Plan::read();
    println!("seed {}", plan.seed);
    let began = Instant::now();
    let bench = Bench::new();
    let office = bench.office("office");
    let count = plan.wallets.div_ceil(KILLS_OF_PAIR).max(PAIRS.min(2) as u64);
    let mut pairs: Vec<Pair> =
        (0..count).map(|number| Pair::new(&bench, &office, &format!("pair {number}"))).collect();
    let stage = Stage {
        bench: &bench,
        office: Mutex::new(office),
        wallets_left: plan.wallets.into(),
        offices_left: plan.offices.into(),
        killed: 0.into(),
        audits: 0.into(),
    };
    for (batch, some) in pairs.chunks_mut(PAIRS).enumerate() {
        let is_last = (batch + 1) * PAIRS >= usize::try_from(count).unwrap();
        let (calls, called) = channel();
        std::thread::scope(|scope| {
            for (number, pair) in some.iter_mut().enumerate() {
                let (stage, calls) = (&stage, calls.clone());
                let chance = Chance(plan.seed ^ ((batch * PAIRS + number + 1) as u64) << 32);
                scope.spawn(move || stage.live(pair, chance, is_last, &calls));
            }
            drop(calls);
            stage.kill_offices(&called, Chance(plan.seed));
        });
    }
    pairs.iter_mut().for_each(Pair::settle);
    let office = stage.office.into_inner().unwrap();
    office.audit(&bench, CHARGED * count);
    // All that was charged is in the wallets' purses, as the wallets themselves count.
    let held: u64 = pairs.iter().map(Pair::available).sum();
    let figures = json!({
        "wallets": stage.killed.into_inner(),
        "office": plan.offices - stage.offices_left.into_inner(),
        "audits": stage.audits.into_inner(),
        "lost": (CHARGED * count).abs_diff(held),
        "seed": plan.seed,
        "seconds": began.elapsed().as_secs(),
    });
    println!("kills {figures}");
}

impl Plan {
    fn read() -> Self {
        let seed = RandomState::new().hash_one(0) >> 32;
        let Ok(text) = std::env::var("ONEHOP_KILLS") else {
            return Self { wallets: 8, offices: 2, seed };
        };
        let numbers: Vec<u64> = text.split(',').map(|part| part.parse().unwrap()).collect();
        match *numbers {
            [wallets, offices] => Self { wallets, offices, seed },
            [wallets, offices, seed] => Self { wallets, offices, seed },
            _ => panic!("ONEHOP_KILLS is {text:?}"),
        }
    }
}

impl Stage<'_> {
    /// One pair pays, is killed, comes back and settles, until all have been killed.
    fn live(&self, pair: &mut Pair, mut chance: Chance, is_last: bool, calls: &Sender<()>) {
        let (mut order, mut share) = (0_u64, KILLS_OF_PAIR);
        while self.goes_on(&mut share, is_last) {
            order += 1;
            let side = chance.of([Side::Buyer, Side::Seller]);
            let ends = self.killed_payment(pair, side, &order.to_string(), &mut chance, &mut share);
            if chance.below(4) == 0 {
                self.killed_resume(pair, &mut chance, &mut share);
            }
            pair.resume(ends);
            if chance.below(3) == 0 {
                self.settle(pair, &mut chance, &mut share, calls);
            }
            self.audit();
        }
    }

    /// Whether this pair is still to be killed, or an office that it has to keep busy.
    fn goes_on(&self, share: &mut u64, is_last: bool) -> bool {
        let offices = self.offices_left.load(Ordering::SeqCst) > 0;
        (self.wallets_left.load(Ordering::SeqCst) > 0 && *share > 0) || (is_last && offices)
    }

    /// A payment in which one side is killed at some moment, and perhaps the other as well.
    fn killed_payment(
        &self,
        pair: &Pair,
        side: Side,
        order: &str,
        chance: &mut Chance,
        share: &mut u64,
    ) -> [Ended; 2] {
        let (mut buyer, mut seller) = pair.meet_with(order, side, "--trace");
        let victim = if side == Side::Buyer { &mut buyer } else { &mut seller };
        victim.run_on(chance.lines(), SILENT, chance.moment(3_000));
        let (victim, other) = if side == Side::Buyer { (buyer, seller) } else { (seller, buyer) };
        let victim = self.kill(victim, share);
        let other = if chance.below(2) == 0 { self.kill(other, share) } else { other.terminate() };
        [victim, other]
    }

    /// Both come back and are killed as they go on with what was interrupted.
    fn killed_resume(&self, pair: &Pair, chance: &mut Chance, share: &mut u64) {
        let mut resumed =
            [Side::Buyer, Side::Seller].map(|side| pair.start(side, &["resume", "--trace"]));
        let lines = chance.lines();
        let first = usize::from(chance.below(2) == 0);
        resumed[first].run_on(lines, SILENT, chance.moment(3_000));
        let ends = resumed.map(|process| self.kill(process, share));
        drop(ends);
    }

    /// Both settle; one of the wallets is killed amid it, and the office may be.
    fn settle(&self, pair: &mut Pair, chance: &mut Chance, share: &mut u64, calls: &Sender<()>) {
        let victim = chance.below(6);
        for (number, side) in [Side::Seller, Side::Buyer, Side::Seller].into_iter().enumerate() {
            calls.send(()).ok();
            if victim == number as u64 {
                let mut process = pair.start(side, &["sync"]);
                process.run_on(0, SILENT, chance.moment(80_000));
                self.kill(process, share);
            }
            // Whoever finds no office waits until it is back.
            loop {
                let ended = pair.start(side, &["sync"]).finish();
                if ended.code == Some(0) {
                    break;
                }
                assert_eq!(ended.code, Some(OFFICE_AWAY), "{ended:?}");
                drop(self.office.lock().unwrap());
            }
        }
        pair.settled();
    }

    fn kill(&self, process: Running, share: &mut u64) -> Ended {
        let ended = process.kill();
        if ended.code.is_none() {
            let less = |left: u64| left.checked_sub(1);
            self.wallets_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).ok();
            self.killed.fetch_add(1, Ordering::SeqCst);
            *share = share.saturating_sub(1);
            self.audit();
        }
        ended
    }

    /// The office's own audit, from the evidence alone.
    fn audit(&self) {
        self.office.lock().unwrap().exact(self.bench);
        self.audits.fetch_add(1, Ordering::SeqCst);
    }

    /// Kills the office some time after some wallet began to ask it, audits what lies on the disk,
    /// and serves again.
    fn kill_offices(&self, called: &Receiver<()>, mut chance: Chance) {
        while self.offices_left.load(Ordering::SeqCst) > 0 {
            for _ in 0..=chance.below(4) {
                if called.recv().is_err() {
                    return;
                }
            }
            let mut office = self.office.lock().unwrap();
            // Others that ask meanwhile are no reason to wait longer or less.
            let until = Instant::now() + chance.moment(60_000);
            let left = || until.saturating_duration_since(Instant::now());
            while !left().is_zero() && called.recv_timeout(left()).is_ok() {}
            office.kill();
            office.exact(self.bench);
            office.again(self.bench);
            office.exact(self.bench);
            self.audits.fetch_add(2, Ordering::SeqCst);
            self.offices_left.fetch_sub(1, Ordering::SeqCst);
        }
        while called.recv().is_ok() {}
    }
}

/// A small generator of numbers: the same seed chooses the same moments.
struct Chance(u64);

impl Chance {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn of<T: Copy>(&mut self, these: [T; 2]) -> T {
        these[usize::from(self.below(2) == 0)]
    }

    fn lines(&mut self) -> usize {
        usize::try_from(self.below(LINES)).unwrap()
    }

    fn moment(&mut self, within_us: u64) -> Duration {
        Duration::from_micros(self.below(within_us))
    }
}
