//! Devices that want no good, one after the other: the program that meets one ends in time, in its
//! own words and with bounded memory; afterwards the wallet pays as ever.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{Report, Scene};
use crate::ble_lab::machine::Job;
use crate::ble_lab::stage::{ASHA, Person, SHOP, Stage};
use crate::figure::{Limit, count};

/// Those that a buyer meets, and a seller.
const SELLERS: &[&str] = &["wrong-service", "mute", "flood", "dropper", "garbage"];
const BUYERS: &[&str] = &["oversized", "endless", "subscriber", "disconnecter"];
/// How long a program is told to look for somebody, and how long after that it may take to end.
const FOR: u64 = 20;
const GRACE: Duration = Duration::from_secs(60);
/// How often its memory is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Memory that a program may take beyond that of a payment with nobody hostile around.
const MORE_KIB: u64 = 16 * 1024;

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let usual = usual(&mut stage)?;
    let (sellers, buyers) =
        if scene.is_short() { (&SELLERS[..0], &BUYERS[1..2]) } else { (SELLERS, BUYERS) };
    let (mut done, mut most, mut slowest) = (0, 0, Duration::ZERO);
    let meetings = sellers.iter().map(|kind| (ASHA, *kind));
    for (victim, kind) in meetings.chain(buyers.iter().map(|kind| (SHOP, *kind))) {
        let (memory, time) = one(&mut stage, victim, kind).context(kind)?;
        done += 1;
        most = most.max(memory);
        slowest = slowest.max(time);
    }
    stage.air.wish(&json!({ "do": "hostile", "kind": "none" }))?;
    let n = (sellers.len() + buyers.len()) as u64;
    let mut report = Report::default();
    report.figures.push(scene.all("met", done, n));
    let limit = Some(Limit::AtMost(count(usual + MORE_KIB)));
    report.figures.push(scene.figure("memory", count(most), "KiB", limit, n));
    report.figures.push(scene.figure("memory_of_payment", count(usual), "KiB", None, 2));
    let limit = Some(Limit::AtMost((Duration::from_secs(FOR) + GRACE).as_secs_f64()));
    report.figures.push(scene.figure("slowest", slowest.as_secs_f64(), "s", limit, n));
    // BlueZ's own faults; a system starts it again.
    let ends = stage.machine(ASHA.0)?.daemon_ends() + stage.machine(SHOP.0)?.daemon_ends();
    report.figures.push(scene.figure("daemon_ended", count(ends), "1", None, n));
    scene.close(stage, report)
}

/// The most memory that either side of a payment takes.
fn usual(stage: &mut Stage) -> Result<u64> {
    let order = stage.order();
    let mut selling = stage.sell(ASHA, SHOP, &order, 180)?;
    let mut paying = stage.begin(ASHA, &format!("pay --to '{}' --for 180", SHOP.1))?;
    paying.event("confirm")?;
    let memory = memory(stage, ASHA, &paying)?.max(memory(stage, SHOP, &selling)?);
    paying.say("n")?;
    paying.end()?;
    selling.end()?;
    Ok(memory)
}

/// One meeting, and a payment after it.
fn one(stage: &mut Stage, victim: Person, kind: &str) -> Result<(u64, Duration)> {
    let from = stage.air.now()?;
    stage.air.wish(&json!({ "do": "hostile", "kind": kind }))?;
    let began = Instant::now();
    let order = stage.order();
    let command = if victim == ASHA {
        format!("pay --to '{}' --max 7.35 --yes --for {FOR}", SHOP.1)
    } else {
        format!("sell 7.35 --order tea --order-id {order} --buyer '{}' --for {FOR}", ASHA.1)
    };
    let mut job = stage.begin(victim, &command)?;
    let mut most = 0;
    while !job.ended(Instant::now() + LOOK)? {
        ensure!(began.elapsed() < Duration::from_secs(FOR) + GRACE, "the program does not end");
        // It may have ended just now.
        most = most.max(memory(stage, victim, &job).unwrap_or_default());
    }
    let time = began.elapsed();
    let lines: Vec<&String> = job.lines.iter().map(|(_, line)| line).collect();
    ensure!(!lines.iter().any(|line| line.contains("panicked")), "it panicked: {lines:?}");
    ensure!(job.outcome().as_deref() == Some("not_paid"), "it ended with {:?}", job.last());
    let is_met = |note: &serde_json::Value| {
        let ends = [&note["central"], &note["peripheral"]];
        note["event"] == "connected" && ends.iter().any(|end| **end == "hostile")
    };
    let met = stage.air.since(from)?.iter().filter(|note| is_met(note)).count();
    // What has our service in its advert is visited, or refused because of the rest of it.
    ensure!(met > 0 || kind == "garbage", "the two never met");
    stage.air.wish(&json!({ "do": "hostile", "kind": "none" }))?;
    stage.pay(ASHA, SHOP).context("no payment afterwards")?;
    Ok((most, time))
}

/// The most memory that a program has had, in KiB.
fn memory(stage: &mut Stage, person: Person, job: &Job) -> Result<u64> {
    let what = format!("grep VmHWM /proc/{}/status", job.process());
    let (_, lines) = stage.machine(person.0)?.run(&what)?;
    let line = lines.first().context("there is no such process")?;
    let number = line.split_whitespace().nth(1).context("no figure")?;
    Ok(number.parse()?)
}
