//! What goes wrong on a person's own machine amid a payment: the adapter is pulled out or switched
//! off, the daemon is started again, another program has the adapter.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::air_cuts::agrees;
use super::{Report, Scene};
use crate::ble_lab::play::{AMOUNT, FOR_CUT};
use crate::ble_lab::stage::{ASHA, Person, SHOP, Stage};
use crate::figure::count;

/// What is done to a machine, and how it is made good again.
const MISHAPS: &[(&str, &str, &str)] = &[
    ("adapter pulled out", "kill $(cat /run/btattach.pid)", "adapter"),
    ("bluetooth switched off", "exec btmgmt power off", "exec btmgmt power on"),
    ("daemon killed", "kill -9 $(cat /run/bluetoothd.pid)", "exec true"),
];
/// After how many frames of a payment.
const FRAMES: &[u64] = &[4, 12];
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(5);

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let (mut mishaps, mut paid) = (0, 0);
    for victim in [ASHA, SHOP] {
        for (what, how, good) in MISHAPS {
            for frames in FRAMES {
                let is_paid = mishap(&mut stage, victim, how, good, *frames)
                    .with_context(|| format!("{what} for {} after frame {frames}", victim.1))?;
                mishaps += 1;
                paid += u64::from(is_paid);
            }
        }
    }
    two_programs(&mut stage).context("two programs with one adapter")?;
    let n = (2 * MISHAPS.len() * FRAMES.len()) as u64;
    let mut report = Report::default();
    report.figures.push(scene.all("mishaps", mishaps, n));
    report.figures.push(scene.figure("mishaps_paid", count(paid), "1", None, n));
    scene.close(stage, report)
}

fn mishap(stage: &mut Stage, victim: Person, how: &str, good: &str, frames: u64) -> Result<bool> {
    let from = stage.air.now()?;
    let order = stage.order();
    let (mut paying, mut selling) = stage.meet(ASHA, SHOP, &order, FOR_CUT)?;
    let until = Instant::now() + PATIENCE;
    while stage.air.values(from)? < frames && Instant::now() < until {
        if paying.ended(Instant::now() + LOOK)? && selling.ended(Instant::now() + LOOK)? {
            break;
        }
    }
    stage.machine(victim.0)?.run(how)?;
    paying.end()?;
    selling.end()?;
    for (job, who) in [(&paying, "buyer"), (&selling, "seller")] {
        let panicked = job.lines.iter().find(|(_, line)| line.contains("panicked"));
        ensure!(panicked.is_none(), "the {who} panicked: {:?}", job.lines);
    }
    let machine = stage.machine(victim.0)?;
    if good.contains(' ') {
        machine.run(good)?;
    } else {
        machine.order(good)?;
    }
    machine.run("powered")?;
    let is_paid = stage.resume(ASHA, SHOP, &order)?;
    agrees(&paying, is_paid).context("the buyer")?;
    agrees(&selling, is_paid).context("the seller")?;
    Ok(is_paid)
}

/// A second wallet program on the seller's machine and the same adapter: it ends with a clear line
/// or does its work, and the first one sells.
fn two_programs(stage: &mut Stage) -> Result<()> {
    let (code, lines) = stage.machine(SHOP.0)?.run("cp -r /data/wallet /data/second && sync")?;
    ensure!(code == 0, "no second wallet: {lines:?}");
    let order = stage.order();
    let mut selling = stage.sell(ASHA, SHOP, &order, 180)?;
    selling.event("selling")?;
    let second = format!(
        "exec onehop --json --wallet /data/second sell {AMOUNT} --order tea --order-id second \
         --buyer nobody --for 30 --link ble --adapter hci0"
    );
    let mut second = stage.machine(SHOP.0)?.begin(&second)?;
    let pay = format!("pay --to '{}' --max {AMOUNT} --yes --for 180", SHOP.1);
    let mut paying = stage.begin(ASHA, &pay)?;
    paying.event("paid")?;
    selling.event("paid")?;
    let ends = [paying.end()?, selling.end()?];
    ensure!(ends == [0, 0], "the ends are {ends:?}");
    stage.paid.push((ASHA, SHOP, crate::ble_lab::play::MINOR));
    second.end()?;
    let panicked = second.lines.iter().any(|(_, line)| line.contains("panicked"));
    ensure!(!panicked, "the second program panicked: {:?}", second.lines);
    Ok(())
}
