//! `onehop ui`: the wallet on a screen, in a terminal or as a page of this computer's browser.
//!
//! One task owns the wallet ([`engine`]) and says where things stand ([`view`]); faces show that and
//! ask for what the person wants ([`wish`]). No face decides anything about a payment.

mod engine;
mod near;
mod purchase;
mod resumption;
mod sale;
mod term;
mod view;
mod web;
mod wish;

use std::io::IsTerminal as _;

use anyhow::Result;

use crate::args::{Global, UiArgs};
use crate::exit::Exit;
use crate::folder::{self, Home};
use crate::nearby::block_on;
use crate::render::Screen;

use engine::Engine;

/// `onehop ui`.
pub(crate) fn run(screen: Screen, global: &Global, args: &UiArgs) -> Result<Exit> {
    // Nothing else is written where a terminal is drawn on.
    let verbose = global.verbose && (args.web || args.plain);
    let global = &Global { verbose, ..global.clone() };
    // Lines are read as they are typed: there the PIN is asked for before, where it is not seen.
    let asks_first = args.plain && std::io::stdin().is_terminal();
    let is_locked = !asks_first && folder::is_locked(global)?;
    let home = if is_locked { None } else { Some(folder::open(global)?) };
    home.as_ref().map(Home::certificate).transpose()?;
    let (desk, requests, view) = wish::desk();
    let engine = Engine::new(global.clone(), args.link.clone(), home, view);
    block_on(async {
        let engine = tokio::spawn(engine.run(requests));
        let shown = if args.web {
            web::show(screen, &desk, args.web_port).await
        } else if args.plain {
            term::plain(screen, &desk).await
        } else {
            term::show(&desk).await
        };
        desk.quit().await;
        // If the wallet failed, all else did because of it.
        engine.await??;
        shown
    })
}
