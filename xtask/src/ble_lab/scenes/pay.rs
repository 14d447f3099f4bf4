//! A payment as people make it: who is there, chosen by the code on both screens; the question, the
//! answer, the receipt. Then the other way round.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Report, Scene};
use crate::ble_lab::play::{AMOUNT, MINOR};
use crate::ble_lab::stage::{ASHA, Person, SHOP, Stage};

pub(super) fn play(scene: &mut Scene<'_>) -> Result<Report> {
    let mut stage = scene.open(&[ASHA, SHOP])?;
    by_hand(&mut stage, ASHA, SHOP)?;
    by_hand(&mut stage, SHOP, ASHA)?;
    doctor(&mut stage, SHOP).context("onehop doctor")?;
    let report = Report { figures: vec![scene.all("paid", 2, 2)], ..Report::default() };
    scene.close(stage, report)
}

fn by_hand(stage: &mut Stage, buyer: Person, seller: Person) -> Result<()> {
    let order = stage.order();
    let sell = format!("sell {AMOUNT} --order tea --order-id {order} --for 180");
    let mut selling = stage.begin(seller, &sell)?;
    selling.event("selling")?;
    let mut paying = stage.begin(buyer, "pay --for 180")?;
    let (_, found) = paying.event("seller")?;
    ensure!(found["name"] == seller.1, "the buyer sees {found}");
    paying.say("1")?;
    let (_, come) = selling.event("buyer")?;
    ensure!(come["name"] == buyer.1, "the seller sees {come}");
    let (_, session) = paying.event("session")?;
    ensure!(session["code"] == come["code"], "{session} and {come} are different codes");
    selling.say(come["id"].as_str().context("no id")?)?;
    let (_, asked) = paying.event("asked")?;
    let facts = [&asked["payee"], &asked["order"], &asked["order_id"]];
    ensure!(facts.map(Value::as_str) == [Some(seller.1), Some("tea"), Some(&order)]);
    ensure!(asked["amount"] == MINOR, "the buyer is asked for {asked}");
    paying.event("confirm")?;
    paying.say("y")?;
    let (_, paid) = paying.event("paid")?;
    let (_, sold) = selling.event("paid")?;
    ensure!(paid["tx"] == sold["tx"] && sold["acknowledged"] == true, "{paid} and {sold}");
    let ends = [paying.end()?, selling.end()?];
    ensure!(ends == [0, 0], "the ends are {ends:?}");
    stage.paid.push((buyer, seller, MINOR));
    let tx = paid["tx"].as_str().context("no tx")?;
    for person in [buyer, seller] {
        stage.wallet(person, &format!("receipt save {tx} /data/{tx}"))?;
        stage.wallet(person, &format!("receipt verify /data/{tx}"))?;
    }
    Ok(())
}

/// What the doctor says of Bluetooth where all is well, and that it tells no address.
fn doctor(stage: &mut Stage, person: Person) -> Result<()> {
    let examine = "exec onehop --json --wallet /data/wallet doctor";
    let (_, lines) = stage.machine(person.0)?.run(examine)?;
    for name in ["bluetooth stack", "permission", "adapter hci0", "ATT MTU", "private address"] {
        let said = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let well = said.filter(|said| said["check"] == name && said["ok"] == true).count();
        ensure!(well == 1, "{name} is well {well} times in {lines:?}");
    }
    let is_octet = |part: &&str| part.len() == 2 && part.chars().all(|it| it.is_ascii_hexdigit());
    let told = lines.iter().find(|line| line.split(':').filter(is_octet).count() >= 4);
    ensure!(told.is_none(), "an address is in {told:?}");
    Ok(())
}
