//! What a payment costs: instructions, bytes, flushes and time on a virtual clock, against the
//! budgets. Prints a table, or with `--json` one object a line; holds only if every gate does.

mod pair;
mod past;
mod scenes;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::figure::{Figure, Limit};
use pair::Pair;
pub(crate) use scenes::play;

/// Measures everything; true if every gate holds.
pub(crate) fn run(root: &Path, json: bool) -> Result<bool> {
    let program = build(root)?;
    let mut figures = bytes()?;
    figures.extend(clock()?);
    figures.extend(forces()?);
    figures.extend(instructions(&program)?);
    figures.push(strace(&program)?);
    figures.push(memory(&program)?);
    for figure in &figures {
        figure.print(json);
    }
    Ok(figures.iter().all(Figure::holds))
}

/// Instructions are those of the optimised program, so it measures a release build of itself.
fn build(root: &Path) -> Result<std::path::PathBuf> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--locked", "-p", "xtask"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .output()
        .context("failed to start cargo")?;
    if !output.status.success() {
        bail!("failed to build: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let made = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["target"]["name"] == "xtask")
        .find_map(|line| line["executable"].as_str().map(std::path::PathBuf::from));
    made.context("cargo names no program")
}

fn figure(
    (name, value, unit): (&'static str, f64, &'static str),
    limit: Option<f64>,
    n: u64,
    method: &'static str,
) -> Figure {
    let (name, method, limit) = (name.to_owned(), method.to_owned(), limit.map(Limit::AtMost));
    Figure { name, value, unit, limit, n, method }
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn bytes() -> Result<Vec<Figure>> {
    let method = "packets of both wallets as handed to the channel, look-up included";
    let mut pair = Pair::new(0, 0)?;
    pair.shake_hands()?;
    let tx = pair.ask(735)?;
    pair.confirm(&tx)?;
    let first = pair.bytes();
    let largest = pair.buyer.largest.max(pair.seller.largest);
    pair.reset();
    let tx = pair.ask(735)?;
    pair.confirm(&tx)?;
    Ok(vec![
        figure(("bytes, first contact", float(first), "B"), Some(1_900.0), 1, method),
        figure(("bytes, same session again", float(pair.bytes()), "B"), None, 1, method),
        figure(
            ("largest packet without attachments", float(largest), "B"),
            Some(1_024.0),
            1,
            method,
        ),
    ])
}

fn clock() -> Result<Vec<Figure>> {
    let method = "virtual clock: 30 ms one-way delay, 5 ms a force, thinking takes no time";
    let (delay, force) = (30_000u32, 5_000u32);
    let mut pair = Pair::new(delay.into(), force.into())?;
    pair.shake_hands()?;
    pair.reset();
    let tx = pair.ask(735)?;
    let confirmed = pair.buyer.time_us;
    pair.confirm(&tx)?;
    let paid = pair.seller.paid_us.max(pair.buyer.paid_us).context("not paid")?;
    let ideal = f64::from(2 * delay + 2 * force);
    let confirm_to_paid = float(usize::try_from(paid - confirmed)?);
    let ratio = ("confirm to paid / (2 delays + 2 forces)", confirm_to_paid / ideal, "ratio");
    Ok(vec![figure(ratio, Some(1.15), 1, method), whole_exchange()?])
}

/// From the request to paid on both screens, over a radio with a connection event every 30 ms; the
/// request falls at each millisecond between two events once.
fn whole_exchange() -> Result<Figure> {
    let interval = 30_000;
    let mut times = Vec::new();
    for phase in 0..30 {
        let mut pair = Pair::new(0, 5_000)?;
        pair.shake_hands()?;
        pair.reset();
        pair.interval_us = Some(interval);
        let latest = pair.buyer.time_us.max(pair.seller.time_us);
        let start = (latest / interval + 1) * interval + phase * 1_000;
        pair.seller.time_us = start;
        let tx = pair.ask(735)?;
        pair.confirm(&tx)?;
        let paid = pair.seller.paid_us.max(pair.buyer.paid_us).context("not paid")?;
        times.push(paid - start);
    }
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().context("no times")?;
    let median = float(usize::try_from(middle)?) / 1_000.0;
    let method = "virtual clock: 30 ms connection interval, 5 ms a force, median over 30 phases";
    Ok(figure(("whole exchange, connected, p50", median, "ms"), Some(100.0), 30, method))
}

fn forces() -> Result<Vec<Figure>> {
    let method = "forced batches of both wallets";
    let mut pair = Pair::new(0, 0)?;
    pair.shake_hands()?;
    let mut counted = |name, limit, what: &dyn Fn(&mut Pair) -> Result<()>| {
        pair.reset();
        what(&mut pair)?;
        anyhow::Ok(figure((name, float(pair.forces()), "forces"), Some(limit), 1, method))
    };
    Ok(vec![
        counted("forces, committed", 3.0, &|pair| {
            let tx = pair.ask(735)?;
            pair.confirm(&tx)
        })?,
        counted("forces, refused", 1.0, &|pair| {
            let tx = pair.ask(735)?;
            pair.refuse(&tx)
        })?,
        counted("forces, aborted after the vote", 3.0, &|pair| {
            let tx = pair.ask(735)?;
            pair.cancel_after_vote(&tx)
        })?,
    ])
}

/// How often a whole payment with handshake does each primitive, both sides together.
const PRIMITIVES: [(&str, &str, f64); 7] = [
    ("sign", "measured_sign", 6.0),
    ("verify", "measured_verify", 9.0),
    ("keygen", "measured_keygen", 2.0),
    ("hpke-sender", "measured_sender", 2.0),
    ("hpke-receiver", "measured_receiver", 2.0),
    ("seal", "measured_seal", 6.0),
    ("open", "measured_open", 6.0),
];

fn instructions(program: &Path) -> Result<Vec<Figure>> {
    let method = "callgrind, release build, inside the measured function only";
    let mut sum = 0.0;
    let mut verify = 0.0;
    for (scene, function, times) in PRIMITIVES {
        let once =
            callgrind(program, scene, None, function)? / float(usize::try_from(scenes::TIMES)?);
        sum += once * times;
        if scene == "verify" {
            verify = once;
        }
    }
    let payment = callgrind(program, "payment", None, "measured_part")?;
    let with_past = |n: &str| -> Result<f64> {
        let folder = tempfile::tempdir()?;
        scene(program, "past", n, folder.path())?;
        callgrind(program, "history", Some(folder.path()), "measured_part")
    };
    let (few, many) = (with_past("100")?, with_past("100000")?);
    Ok(vec![
        figure(("one strict verification", verify, "instructions"), None, scenes::TIMES, method),
        figure(
            ("payment with handshake", payment / verify, "verifications"),
            Some(25.5),
            1,
            method,
        ),
        figure(("its primitives alone", sum / verify, "verifications"), None, 1, method),
        figure(("payment / sum of its primitives", payment / sum, "ratio"), Some(1.15), 1, method),
        figure(("100,000 past payments / 100", many / few, "ratio"), Some(1.1), 1, method),
    ])
}

/// Plays a scene in a process of its own; gives what it printed.
fn scene(program: &Path, name: &str, n: &str, folder: &Path) -> Result<String> {
    let output = Command::new(program)
        .args(["measure", "--scene", name, "--n", n, "--folder"])
        .arg(folder)
        .output()?;
    if !output.status.success() {
        bail!("scene {name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn callgrind(program: &Path, scene: &str, with: Option<&Path>, function: &str) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--toggle-collect=*{function}*"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(["measure", "--scene", scene, "--folder"])
        .arg(with.unwrap_or_else(|| Path::new(".")))
        .output()
        .context("valgrind is needed and does not start")?;
    if !output.status.success() {
        bail!("scene {scene} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = std::fs::read_to_string(&out).context("callgrind wrote nothing")?;
    let totals = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")))
        .context("callgrind counted nothing")?;
    let count: f64 = totals.trim().parse().context("not a count")?;
    if count == 0.0 {
        bail!("callgrind saw no call of {function}");
    }
    Ok(count)
}

fn strace(program: &Path) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("strace.out");
    let status = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fsync,fdatasync,write", "-o"])
        .arg(&log)
        .arg(program)
        .args(["measure", "--scene", "flushes", "--folder"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status()
        .context("strace is needed and does not start")?;
    if !status.success() {
        bail!("the scene of the flushes failed");
    }
    let text = std::fs::read_to_string(&log)?;
    let mut inside = false;
    let mut flushes = 0;
    for line in text.lines() {
        if line.contains(scenes::MARK) && line.contains("write(2") {
            inside = !inside;
        } else if inside && (line.contains("fsync(") || line.contains("fdatasync(")) {
            flushes += 1;
        }
    }
    let method = "fsync and fdatasync seen by strace, both stores on disk";
    Ok(figure(("flushes, committed, on disk", f64::from(flushes), "fsync"), Some(3.0), 1, method))
}

fn memory(program: &Path) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    // One process makes the past and another opens it, so that the maker's heap is not counted.
    let kib = |n: &str| -> Result<f64> {
        scene(program, "past", n, folder.path())?;
        Ok(scene(program, "memory", n, folder.path())?.parse()?)
    };
    let more = (kib("100000")? - kib("0")?).max(0.0) / 1_024.0;
    let method =
        "resident memory after opening a snapshot with 100,000 past payments, less with none";
    Ok(figure(("memory of 100,000 past payments", more, "MiB"), Some(16.0), 1, method))
}
