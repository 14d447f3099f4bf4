//! The wallet in a terminal: a screen of its own, or lines of text.

mod draw;
mod face;
mod plain;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use onehop_wire::TxId;
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;

use super::wish::Desk;
use crate::commands::receipt;
use crate::exit::{Exit, Failure};
use draw::Palette;
use face::{Do, Face, PAGE, Page};

pub(super) use plain::plain;

/// How long the keyboard is waited for before the program is asked whether it ends.
const POLL: Duration = Duration::from_millis(100);

/// What the terminal says.
enum Said {
    Key(KeyEvent),
    Resized,
}

/// Shows the wallet until the person quits. The terminal is as before when this returns.
pub(super) async fn show(desk: &Desk) -> Result<Exit> {
    if !std::io::stdout().is_terminal() {
        return Err(Failure::usage("this is no terminal; use onehop ui --plain").into());
    }
    let mut terminal = ratatui::try_init().context("failed to take over the terminal")?;
    let shown = run(&mut terminal, desk).await;
    ratatui::restore();
    shown.map(|()| Exit::Done)
}

async fn run(terminal: &mut DefaultTerminal, desk: &Desk) -> Result<()> {
    // Any value but an empty one says no: https://no-color.org
    let has_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let palette = Palette { has_color };
    let (mut said, mut views) = (listen(), desk.views());
    let mut face = Face::default();
    loop {
        let view = views.borrow_and_update().clone();
        terminal.draw(|frame| draw::draw(frame, &view, &face, palette))?;
        tokio::select! {
            heard = said.recv() => match heard {
                None => return Ok(()),
                Some(Said::Resized) => {}
                Some(Said::Key(key)) => match face.on_key(key, &view) {
                    None => {}
                    Some(Do::Quit) => return Ok(()),
                    Some(wanted) => act(desk, &mut face, wanted).await,
                },
            },
            changed = views.changed() => changed.context("the wallet has ended")?,
        }
    }
}

async fn act(desk: &Desk, face: &mut Face, wanted: Do) {
    match wanted {
        Do::Wish(wish) => {
            face.chosen = 0;
            if let Err(why) = desk.wish(wish).await {
                face.refusal = why;
            }
        }
        Do::History(page) => face.history = desk.history(page.saturating_mul(PAGE), PAGE).await,
        Do::Receipt(tx) => match code(desk, &tx).await {
            Ok(code) => face.go(Page::Receipt(code)),
            Err(why) => face.refusal = why,
        },
        Do::Quit => {}
    }
}

/// The QR code of a payment's evidence, line by line.
async fn code(desk: &Desk, tx: &str) -> Result<Vec<String>, String> {
    let tx = TxId::from_hex(tx).map_err(|_| "there is no such payment".to_owned())?;
    let file = desk.receipt(tx).await.ok_or("only what is paid has evidence")?;
    let picture = receipt::picture(&tx, &file).map_err(|error| error.to_string())?;
    Ok(picture.lines().map(ToOwned::to_owned).collect())
}

/// Reads the keyboard in a thread, which ends soon after nobody listens any more.
fn listen() -> mpsc::Receiver<Said> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        while !sender.is_closed() {
            let said = match event::poll(POLL) {
                Ok(false) => continue,
                Ok(true) => match event::read() {
                    Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Said::Key(key),
                    Ok(Event::Resize(..)) => Said::Resized,
                    Ok(_) => continue,
                    Err(_) => return,
                },
                Err(_) => return,
            };
            if sender.blocking_send(said).is_err() {
                return;
            }
        }
    });
    receiver
}
