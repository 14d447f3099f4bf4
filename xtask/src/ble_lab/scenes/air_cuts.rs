//! The air is cut at a frame of a payment, and comes back after the supervision timeout.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Report, Scene};
use crate::ble_lab::machine::Job;
use crate::ble_lab::play::FOR_CUT;
use crate::ble_lab::stage::{ASHA, SHOP, Stage};
use crate::figure::count;

/// How long a frame, or the end of a connection, is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// Frames that every payment needs, about, and how many cuts are spread over them.
const FRAMES: u64 = 16;
const SHORT: u64 = 3;
const NIGHT: u64 = FRAMES;

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let from = stage.air.now()?;
    stage.pay(ASHA, SHOP)?;
    let frames = stage.air.values(from)?;
    ensure!(frames > 0, "no frame of the payment was seen");
    let points = if scene.is_short() { SHORT } else { NIGHT };
    let (mut cut, mut paid) = (0, 0);
    for point in 1..=points {
        // Spread over what every payment needs; a slow one repeats some of its frames.
        let mut frame = (FRAMES * point).div_ceil(points);
        let is_paid = loop {
            let end = one(&mut stage, frame).with_context(|| format!("cut at frame {frame}"))?;
            // A payment with fewer frames is cut earlier.
            match end {
                Some(is_paid) => break is_paid,
                None => frame = frame.saturating_sub(1).max(1),
            }
        };
        cut += 1;
        paid += u64::from(is_paid);
    }
    let mut report = Report::default();
    report.figures.push(scene.all("cuts", cut, points));
    report.figures.push(scene.figure("paid", count(paid), "1", None, cut));
    report.figures.push(scene.figure("frames_of_payment", count(frames), "1", None, 1));
    scene.close(stage, report)
}

/// One payment cut at that frame; whether it was paid in the end. Nothing if it had no such frame.
fn one(stage: &mut Stage, point: u64) -> Result<Option<bool>> {
    let from = stage.air.now()?;
    // The frame itself is lost or arrives, by turns.
    let is_after = point.is_multiple_of(2);
    stage.air.wish(&json!({ "do": "trip", "frame": point, "after": is_after }))?;
    let order = stage.order();
    let (mut paying, mut selling) = stage.meet(ASHA, SHOP, &order, FOR_CUT)?;
    let until = Instant::now() + PATIENCE;
    let mut is_cut = false;
    while !is_cut && Instant::now() < until {
        let soon = Instant::now() + Duration::from_millis(200);
        let ended = paying.ended(soon)? && selling.ended(soon)?;
        is_cut = stage.air.since(from)?.iter().any(|note| note["event"] == "tripped");
        if ended {
            break;
        }
    }
    if is_cut {
        let ends = |note: &Value| note["event"] == "disconnected" && note["reason"] == 8;
        stage.air.until(from, PATIENCE, ends).context("the connection outlived the air")?;
    }
    stage.air.wish(&json!({ "do": "trip" }))?;
    stage.air.restore()?;
    paying.end()?;
    selling.end()?;
    let is_paid = stage.resume(ASHA, SHOP, &order)?;
    agrees(&paying, is_paid).context("the buyer")?;
    agrees(&selling, is_paid).context("the seller")?;
    Ok(is_cut.then_some(is_paid))
}

/// What a program said before its end holds afterwards.
pub(super) fn agrees(job: &Job, is_paid: bool) -> Result<()> {
    match job.outcome().as_deref() {
        Some("paid") => ensure!(is_paid, "said paid, and it is not"),
        Some("not_paid") => ensure!(!is_paid, "said not paid, and it is paid"),
        Some(_) | None => {}
    }
    Ok(())
}
