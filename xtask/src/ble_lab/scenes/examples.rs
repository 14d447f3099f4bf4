//! The examples, by hand: the shop is open, a buyer comes, is asked and pays.

use anyhow::{Result, ensure};

use super::{Report, Scene};
use crate::ble_lab::play::{AMOUNT, MINOR};
use crate::ble_lab::stage::{ASHA, SHOP};

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    let mut seller = stage.machine(SHOP.0)?.begin("exec seller /data/wallet --link ble")?;
    seller.until("open shop", |line| line.contains("the shop is open"))?;
    let mut buyer = stage.machine(ASHA.0)?.begin("exec buyer /data/wallet --link ble")?;
    buyer.until("seller", |line| line.contains("say who you are?"))?;
    buyer.say("yes")?;
    seller.until("buyer", |line| line.starts_with("amount?"))?;
    seller.say(AMOUNT)?;
    seller.until("question", |line| line.starts_with("for what?"))?;
    seller.say("tea")?;
    buyer.until("question", |line| line.starts_with("pay?"))?;
    buyer.say("yes")?;
    buyer.until("end", |line| line == "paid")?;
    seller.until("end", |line| line.starts_with("acknowledged"))?;
    stage.paid.push((ASHA, SHOP, MINOR));
    for job in [&mut buyer, &mut seller] {
        job.signal("INT")?;
        let code = job.end()?;
        ensure!(code == 0, "an example ended with {code}: {}", job.last());
    }
    let report = Report { figures: vec![scene.all("paid", 1, 1)], ..Report::default() };
    scene.close(stage, report)
}
