//! The power of either machine is cut at a random moment of a payment: SIGKILL of its QEMU, whose
//! disk is a file with a write-back cache. It starts again on that disk.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rand_core::Rng as _;

use super::air_cuts::agrees;
use super::{Report, Scene};
use crate::ble_lab::play::FOR_CUT;
use crate::ble_lab::stage::{ASHA, SHOP, Stage};
use crate::figure::count;

/// Frames of a payment after which the power is cut at most, and how long after them.
const FRAMES_MAX: u64 = 24;
const LATER_MS: u64 = 60;
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(5);

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let n = if scene.is_short() { 2 } else { 12 };
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let mut paid = 0;
    for number in 0..n {
        // Buyer and seller by turns.
        let cuts_buyer = number % 2 == 0;
        let frames = 1 + scene.random.next_u64() % FRAMES_MAX;
        let later = Duration::from_millis(scene.random.next_u64() % LATER_MS);
        let is_paid = one(&mut stage, cuts_buyer, frames, later).with_context(|| {
            let who = if cuts_buyer { "buyer" } else { "seller" };
            format!("power of the {who} cut {later:?} after frame {frames}")
        })?;
        paid += u64::from(is_paid);
    }
    let mut report = Report::default();
    report.figures.push(scene.all("cuts", n, n));
    report.figures.push(scene.figure("paid", count(paid), "1", None, n));
    scene.close(stage, report)
}

fn one(stage: &mut Stage, cuts_buyer: bool, frames: u64, later: Duration) -> Result<bool> {
    let from = stage.air.now()?;
    let order = stage.order();
    let (mut paying, mut selling) = stage.meet(ASHA, SHOP, &order, FOR_CUT)?;
    let until = Instant::now() + PATIENCE;
    // A payment that ends before is cut after its end.
    while stage.air.values(from)? < frames && Instant::now() < until {
        if paying.ended(Instant::now() + LOOK)? && selling.ended(Instant::now() + LOOK)? {
            break;
        }
    }
    thread::sleep(later);
    let (victim, survivor) = if cuts_buyer { (ASHA, &mut selling) } else { (SHOP, &mut paying) };
    stage.machine(victim.0)?.cut();
    stage.start(victim)?;
    stage.machine(victim.0)?.ready()?;
    survivor.end()?;
    // What had come out of the machine before the cut was said.
    let cut = if cuts_buyer { &mut paying } else { &mut selling };
    cut.drain();
    let is_paid = stage.resume(ASHA, SHOP, &order)?;
    agrees(&paying, is_paid).context("the buyer")?;
    agrees(&selling, is_paid).context("the seller")?;
    Ok(is_paid)
}
