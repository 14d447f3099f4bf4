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
/// Points in the short round.
const SHORT_POINTS: u64 = 3;

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let from = stage.air.now()?;
    stage.pay(ASHA, SHOP)?;
    let frames = stage.air.values(from)?;
    ensure!(frames > 0, "no frame of the payment was seen");
    let points: Vec<u64> = if scene.is_short() {
        (1..=SHORT_POINTS).map(|part| frames * part / (SHORT_POINTS + 1)).collect()
    } else {
        (1..=frames).collect()
    };
    let (mut cut, mut paid) = (0, 0);
    let mut report = Report::default();
    for point in &points {
        match one(&mut stage, *point) {
            Ok(Some(is_paid)) => {
                cut += 1;
                paid += u64::from(is_paid);
            }
            Ok(None) => {}
            Err(error) => return Err(error.context(format!("cut at frame {point} of {frames}"))),
        }
    }
    // A payment has a frame less now and then: the last points may lie behind its end.
    let n = points.len() as u64;
    report.figures.push(scene.all("cuts", cut, n - n / 10));
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
