//! What a payment is on the air where the stacks agree to other sizes: frames and bytes.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{Report, Scene};
use crate::ble_lab::air::is_value;
use crate::ble_lab::stage::{ASHA, SHOP};
use crate::figure::{Figure, count};

/// The least that a stack may allow, what phones usually come to, and the most.
const MTUS: &[u64] = &[23, 185, 247, 517];
/// The least that a stack may allow: a short round has no time for more.
const SHORT: usize = 1;
/// BlueZ does not start with a smaller setting than what L2CAP asks of other transports. For less,
/// the air changes what the stacks tell each other.
const BLUEZ_MTU_MIN: u64 = 48;

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mtus = if scene.is_short() { &MTUS[..SHORT] } else { MTUS };
    let mut all = Report::default();
    for mtu in mtus {
        let report = one(scene, *mtu).with_context(|| format!("with an MTU of {mtu}"))?;
        all.figures.extend(report.figures.into_iter().map(|mut figure| {
            let of_mtu = format!(".mtu_{mtu}.faults_in_books");
            figure.name = figure.name.replace(".faults_in_books", &of_mtu);
            figure
        }));
        all.problems.extend(report.problems);
    }
    Ok(all)
}

fn one(scene: &Scene<'_>, mtu: u64) -> Result<Report> {
    let name = format!("-mtu-{mtu}");
    let is_set = mtu >= BLUEZ_MTU_MIN;
    let settings = if is_set { format!("mtu={mtu}") } else { String::new() };
    let mut stage = scene.open_with(&[ASHA, SHOP], &name, &settings)?;
    if !is_set {
        stage.air.wish(&json!({ "do": "mtu", "size": mtu }))?;
    }
    let file = scene.file(&stage, "air.btsnoop");
    stage.air.wish(&json!({ "do": "capture", "file": file }))?;
    let from = stage.air.now()?;
    stage.pay(ASHA, SHOP)?;
    let sizes = |sender: &str, notes: &[serde_json::Value]| -> Vec<u64> {
        let its = notes.iter().filter(|note| is_value(note) && note["sender"] == sender);
        its.filter_map(|note| note["size"].as_u64()).collect()
    };
    let notes = stage.air.since(from)?;
    let (bought, sold) = (sizes(ASHA.0, notes), sizes(SHOP.0, notes));
    let most = bought.iter().chain(&sold).max().copied().unwrap_or_default();
    ensure!(most <= mtu, "a frame has {most} bytes");
    let figure = |who: &str, of: &[u64]| -> [Figure; 2] {
        let name = |what: &str| format!("mtu_{mtu}.{who}.{what}");
        let bytes = count(of.iter().sum());
        [
            scene.figure(&name("frames"), count(of.len() as u64), "1", None, 1),
            scene.figure(&name("bytes"), bytes, "B", None, 1),
        ]
    };
    let figures = [figure("from_buyer", &bought), figure("from_seller", &sold)].concat();
    scene.close(stage, Report { figures, ..Report::default() })
}
