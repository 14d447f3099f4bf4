//! Payments in a row: how long each part takes, beside what the machines and the air take without
//! us; and what a sniffer learns of all of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Report, Scene, quantile};
use crate::ble_lab::air::is_value;
use crate::ble_lab::play::MINOR;
use crate::ble_lab::stage::{ASHA, SHOP, Stage};
use crate::ble_lab::{capture, sniffer};
use crate::figure::{Limit, count};

/// Operations of the attribute protocol that a stack asks for by itself, one after the other.
const DISCOVERY: &[u64] = &[0x04, 0x06, 0x08, 0x10];
/// How long after a payment a connection may still be there.
const GONE: Duration = Duration::from_secs(60);
/// How often a line goes into a machine and back.
const ECHOES: usize = 20;

/// Seconds of everything, one a payment.
#[derive(Debug, Default)]
struct Times {
    scan: Vec<f64>,
    connect: Vec<f64>,
    handshake: Vec<f64>,
    confirm: Vec<f64>,
    whole: Vec<f64>,
    bare_connect: Vec<f64>,
    bare_round_trip: Vec<f64>,
    frames: Vec<f64>,
    bytes: Vec<f64>,
}

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let n = if scene.is_short() { 10 } else { 100 };
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let file = scene.file(&stage, "air.btsnoop");
    stage.air.wish(&json!({ "do": "capture", "file": file }))?;
    let mut times = Times::default();
    for _ in 0..n {
        payment(&mut stage, &mut times)?;
    }
    stage.air.wish(&json!({ "do": "capture" }))?;
    let echo = echo(&mut stage)?;
    let mut report = Report::default();
    report.figures.push(scene.all("paid", n, n));
    spread(scene, &mut report, &times, echo);
    let secrets = stage.secrets();
    let heard = capture::read(&std::fs::read(&file)?)?;
    let leaks = sniffer::look(&heard, &secrets);
    let sessions = leaks.sessions as u64;
    let none = Some(Limit::Exactly(0.0));
    for (name, found) in [("repeated_strings", &leaks.repeated), ("names_and_ids", &leaks.secrets)]
    {
        let name = format!("sniffer.{name}");
        report.figures.push(scene.figure(&name, count(found.len() as u64), "1", none, sessions));
        report.problems.extend(found.iter().take(5).map(|it| format!("the air says {it}")));
    }
    let least = Some(Limit::AtLeast(count(n)));
    report.figures.push(scene.figure("sniffer.sessions", count(sessions), "1", least, sessions));
    let planted = sniffer::planted(&heard, &secrets) as u64;
    report.figures.push(scene.all("sniffer.planted_found", planted, 2));
    scene.close(stage, report)
}

/// One payment, with the question answered by a person that needs no time.
fn payment(stage: &mut Stage, times: &mut Times) -> Result<()> {
    let (buyer, seller) = (ASHA, SHOP);
    let order = stage.order();
    let mut selling = stage.sell(buyer, seller, &order, 180)?;
    selling.event("selling")?;
    let from = stage.air.now()?;
    let mut paying = stage.begin(buyer, &format!("pay --to '{}' --for 180", seller.1))?;
    paying.event("confirm")?;
    let answered = Instant::now();
    paying.say("y")?;
    let (paid, _) = paying.event("paid")?;
    selling.event("paid")?;
    let ends = [paying.end()?, selling.end()?];
    ensure!(ends == [0, 0], "the ends are {ends:?}");
    stage.paid.push((buyer, seller, MINOR));
    // A program leaves no connection behind, though the stack takes a moment to end it.
    stage.air.until(from, GONE, |note| note["event"] == "disconnected")?;
    let listening = paying.said("listening").context("the buyer did not listen")?;
    let proven = paying.said("seller").context("the buyer found nobody")?;
    let notes = stage.air.since(from)?.to_vec();
    let first = |is_meant: &dyn Fn(&Value) -> bool| {
        notes.iter().find(|note| is_meant(note)).and_then(|note| stage.at(note))
    };
    let is_event = |note: &Value, event: &str| note["event"] == event;
    let heard = first(&|note| is_event(note, "heard") && note["by"] == buyer.0);
    let connecting = first(&|note| is_event(note, "connecting") && note["central"] == buyer.0);
    let answer = first(&|note| is_event(note, "frame") && note["sender"] == seller.0);
    let value = first(&|note| is_value(note));
    let heard = heard.context("the buyer's adapter heard nobody")?;
    let connecting = connecting.context("nobody connected")?;
    let value = value.context("nobody said anything")?;
    let seconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64();
    times.scan.push(seconds(listening, heard));
    times.connect.push(seconds(connecting, value));
    times.handshake.push(seconds(value, proven));
    times.confirm.push(seconds(answered, paid));
    times.whole.push(seconds(listening, paid));
    times.bare_connect.push(seconds(connecting, answer.context("no answer")?));
    times.bare_round_trip.extend(round_trips(&notes));
    let sizes = || notes.iter().filter(|note| is_value(note)).map(|note| note["size"].as_f64());
    times.frames.push(count(sizes().count() as u64));
    times.bytes.push(sizes().flatten().sum());
    Ok(())
}

/// From one question of the central's stack to its next, with one answer in between: neither of
/// them is ours.
fn round_trips(notes: &[Value]) -> Vec<f64> {
    let frames: Vec<&Value> = notes.iter().filter(|note| note["event"] == "frame").collect();
    let is_asked = |note: &Value| note["op"].as_u64().is_some_and(|op| DISCOVERY.contains(&op));
    let triples = frames.windows(3).filter(|three| {
        is_asked(three[0]) && is_asked(three[2]) && three[1]["sender"] != three[0]["sender"]
    });
    triples.filter_map(|three| Some(three[2]["t"].as_f64()? - three[0]["t"].as_f64()?)).collect()
}

/// How long a line takes into a machine and back out: it is part of every time that a person's
/// answer begins or a program's line ends.
fn echo(stage: &mut Stage) -> Result<Vec<f64>> {
    let mut cat = stage.machine(ASHA.0)?.begin("exec cat")?;
    let mut times = Vec::new();
    for number in 0..ECHOES {
        let began = Instant::now();
        let line = format!("line {number}");
        cat.say(&line)?;
        let (ended, _) = cat.until("echo", |it| it == line)?;
        times.push(ended.saturating_duration_since(began).max(Duration::ZERO).as_secs_f64());
    }
    cat.signal("TERM")?;
    cat.end()?;
    Ok(times)
}

fn spread(scene: &Scene<'_>, report: &mut Report, times: &Times, echo: Vec<f64>) {
    let all = [
        ("scan", &times.scan),
        ("connect", &times.connect),
        ("handshake", &times.handshake),
        ("confirm_to_paid", &times.confirm),
        ("whole", &times.whole),
        ("bare_connect", &times.bare_connect),
        ("bare_round_trip", &times.bare_round_trip),
        ("line_in_and_out", &echo),
    ];
    for (name, values) in all {
        for (share, of) in [("p50", 0.5), ("p95", 0.95), ("max", 1.0)] {
            let value = quantile(values, of) * 1000.0;
            let name = format!("{name}.{share}");
            report.figures.push(scene.figure(&name, value, "ms", None, values.len() as u64));
        }
    }
    let ratio = |of: &[f64], to: &[f64]| quantile(of, 0.5) / quantile(to, 0.5);
    for (name, value) in [
        ("connect_to_bare", ratio(&times.connect, &times.bare_connect)),
        ("confirm_to_bare_round_trip", ratio(&times.confirm, &times.bare_round_trip)),
    ] {
        report.figures.push(scene.figure(name, value, "ratio", None, times.whole.len() as u64));
    }
    for (name, values, unit) in [("frames", &times.frames, "1"), ("frame_bytes", &times.bytes, "B")]
    {
        let name = format!("{name}.p50");
        let value = quantile(values, 0.5);
        report.figures.push(scene.figure(&name, value, unit, None, values.len() as u64));
    }
}
