//! `onehop doctor`: what may be wrong, one line each.

use anyhow::Result;
use onehop_link::ble::health::{self, Finding};
use onehop_wire::UnixSeconds;
use serde_json::json;

use crate::args::Global;
use crate::exit::Exit;
use crate::folder::{self, Home};
use crate::nearby::block_on;
use crate::render::Screen;
use crate::words;

/// Checks the computer's Bluetooth, then store, certificate, purse, payments and office, in this
/// order. A store that cannot be opened is the command's own failure. Without Bluetooth payments go
/// over the local network, so that it alone makes no failure.
pub(crate) fn run(screen: Screen, global: &Global) -> Result<Exit> {
    let found = block_on(async { Ok(health::examine().await) })?;
    for Finding { name, well, text } in found {
        say(screen, &name, well, &text);
    }
    let home = folder::open(global)?;
    let journal = home.keeper.journal().file();
    let rows = journal.verify()?;
    let store = journal.path().display();
    let mut all_well = true;
    let mut say = |name: &str, well: bool, text: String| {
        all_well &= well;
        say(screen, name, well, &text);
    };
    say("store", true, format!("{store} is whole, {rows} rows"));
    let today = home.keeper.now().unix;
    let (well, text) = certificate(&home, today);
    say("certificate", well, text);
    let (well, text) = purse(&home, today);
    say("purse", well, text);
    let unfinished = home.keeper.wallet().state().payments().filter(words::is_unfinished).count();
    say("payments", unfinished == 0, format!("{unfinished} unfinished"));
    match home.office().and_then(|office| Ok(office.check(home.keeper.wallet().trust())?)) {
        Ok(()) => say("office", true, "there".to_owned()),
        Err(error) => say("office", false, format!("{error:#}")),
    }
    Ok(if all_well { Exit::Done } else { Exit::Machine })
}

fn say(screen: Screen, name: &str, well: bool, text: &str) {
    let mark = if well { "ok" } else { "look" };
    let json = json!({ "check": name, "ok": well, "text": text });
    screen.result(format!("{mark:<5} {name}: {text}"), &json);
}

fn certificate(home: &Home, today: UnixSeconds) -> (bool, String) {
    match home.certificate() {
        Err(error) => (false, format!("{error:#}")),
        Ok(certificate) => {
            let (from, until) = (certificate.not_before, certificate.not_after);
            let well = from <= today && today <= until;
            (well, format!("{:?}, valid {from} to {until}", certificate.name.as_str()))
        }
    }
}

fn purse(home: &Home, today: UnixSeconds) -> (bool, String) {
    let state = home.keeper.wallet().state();
    let Some(purse) = state.purse() else {
        return (false, "none".to_owned());
    };
    let checkpoint = &purse.checkpoint.body;
    let (number, expires) = (checkpoint.number, checkpoint.expires);
    let closed = if purse.closed.is_some() { ", closed: run onehop sync" } else { "" };
    let frozen = if state.is_frozen() { ", frozen until the office renews it" } else { "" };
    let well = today <= expires && closed.is_empty() && frozen.is_empty();
    (well, format!("number {number}, {} payments, expires {expires}{closed}{frozen}", purse.seq))
}
