//! Three machines: two buyers come to one seller, and one buyer hears two sellers.

use anyhow::{Context, Result, ensure};

use super::{Report, Scene};
use crate::ble_lab::play::{AMOUNT, MINOR};
use crate::ble_lab::stage::{ASHA, RAVI, SHOP, Stage};

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP, RAVI])?;
    two_buyers(&mut stage)?;
    let mut done = 1;
    if !scene.is_short() {
        two_sellers(&mut stage)?;
        done += 1;
    }
    let report = Report { figures: vec![scene.all("paid", done, done)], ..Report::default() };
    scene.close(stage, report)
}

/// Both buyers are listed, the seller asks the second one, the first pays nothing.
fn two_buyers(stage: &mut Stage) -> Result<()> {
    let order = stage.order();
    let sell = format!("sell {AMOUNT} --order tea --order-id {order} --for 180");
    let mut selling = stage.begin(SHOP, &sell)?;
    selling.event("selling")?;
    let pay = format!("pay --to '{}' --max {AMOUNT} --yes --for 180", SHOP.1);
    let mut buyers = [(ASHA, stage.begin(ASHA, &pay)?), (RAVI, stage.begin(RAVI, &pay)?)];
    let (_, first) = selling.event("buyer")?;
    let (_, second) = selling.event("buyer")?;
    ensure!(first["name"] != second["name"], "both buyers are {first}");
    let name = second["name"].as_str().context("no name")?.to_owned();
    selling.say(second["id"].as_str().context("no id")?)?;
    let mut payer = None;
    for (person, job) in &mut buyers {
        if person.1 == name {
            job.event("paid")?;
            payer = Some(*person);
            ensure!(job.end()? == 0, "the buyer ended with a failure");
        }
    }
    selling.event("paid")?;
    ensure!(selling.end()? == 0, "the seller ended with a failure");
    for (person, job) in &mut buyers {
        if person.1 != name {
            job.signal("TERM")?;
            let code = job.end()?;
            ensure!(code == 3, "the buyer that was not asked ended with {code}");
        }
    }
    stage.paid.push((payer.context("a stranger came")?, SHOP, MINOR));
    Ok(())
}

/// Both sellers are listed; the buyer tells the second one who it is, and pays there.
fn two_sellers(stage: &mut Stage) -> Result<()> {
    let mut sellers = Vec::new();
    for person in [SHOP, RAVI] {
        let order = stage.order();
        sellers.push((person, stage.sell(ASHA, person, &order, 180)?));
    }
    for (_, job) in &mut sellers {
        job.event("selling")?;
    }
    let mut paying = stage.begin(ASHA, "pay --for 180")?;
    let (_, first) = paying.event("seller")?;
    let (_, second) = paying.event("seller")?;
    ensure!(first["name"] != second["name"], "both sellers are {first}");
    paying.say(second["name"].as_str().context("no name")?)?;
    paying.event("confirm")?;
    paying.say("y")?;
    paying.event("paid")?;
    ensure!(paying.end()? == 0, "the buyer ended with a failure");
    for (person, mut job) in sellers {
        if second["name"] == person.1 {
            job.event("paid")?;
            stage.paid.push((ASHA, person, MINOR));
        } else {
            job.signal("TERM")?;
        }
        job.end()?;
    }
    Ok(())
}
