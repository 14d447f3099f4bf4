//! The `onehop` program: a wallet in a folder, its office over HTTP or files, payments nearby.
//!
//! Thin over `onehop-node`, which holds the only event loop. Errors are one line on stderr; results
//! are on stdout, progress is on stderr; `exit.rs` has the exit codes.

mod amount;
mod args;
mod commands;
mod config;
mod demo;
mod exit;
mod folder;
mod keyring;
mod nearby;
mod notes;
mod office;
mod pin;
mod render;
mod stdin;
mod trace;
mod ui;
mod words;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use serde_json::json;

use args::{Args, Command};
use exit::Exit;
use render::Screen;

/// The first argument that makes this program the office's: the demonstration needs one, and
/// `cargo run` builds this program only.
pub(crate) const OFFICE: &str = "money-office";

fn main() -> ExitCode {
    // As the office, this program is that program: its arguments are none of ours.
    let mut raw = std::env::args_os().skip(1).peekable();
    if raw.peek().is_some_and(|first| first == OFFICE) {
        return money_office::cli::run_cli(raw);
    }
    hush_bluetooth();
    let raw: Vec<OsString> = std::env::args_os().collect();
    let command = match config::apply(Args::command(), &raw) {
        Ok(command) => command,
        Err(error) => {
            let exit = Exit::of(&error);
            Screen::new(wants_json(), false).error(&error, exit);
            return exit.into();
        }
    };
    let settings = config::place(&raw);
    let parsed = command.try_get_matches_from(raw).and_then(|matches| {
        check_loudness(&matches)?;
        Args::from_arg_matches(&matches)
    });
    match parsed {
        Ok(args) => {
            tell_settings(Screen::of(&args.global), settings.as_deref());
            run(args).into()
        }
        Err(error) => usage(&error).into(),
    }
}

/// One of the two may stand before the command and the other behind it, which is no conflict to the
/// parser: it looks at each place alone.
fn check_loudness(matches: &ArgMatches) -> Result<(), clap::Error> {
    let mut last = matches;
    while let Some((_, below)) = last.subcommand() {
        last = below;
    }
    let is_said = |id| last.value_source(id) == Some(ValueSource::CommandLine);
    if is_said("quiet") && is_said("verbose") {
        let text = "the argument '--quiet' cannot be used with '--verbose'";
        return Err(Args::command().error(ErrorKind::ArgumentConflict, text));
    }
    Ok(())
}

fn tell_settings(screen: Screen, path: Option<&Path>) {
    if let Some(path) = path.filter(|_| screen.is_verbose()) {
        let is_there = path.exists();
        let not = if is_there { "" } else { ", which is not there" };
        let json = json!({ "file": path.display().to_string(), "is_there": is_there });
        screen.detail("settings", format!("{}{not}", path.display()), &json);
    }
}

/// The crate under the Bluetooth central unsubscribes in a task of its own, which panics if the bus
/// is gone before it, as at the end of the program. Nothing is lost by that, and nobody is told.
fn hush_bluetooth() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|at| at.file().contains("bluez-async")) {
            usual(panic);
        }
    }));
}

fn run(args: Args) -> Exit {
    let screen = Screen::of(&args.global);
    let result = match args.command {
        Command::Init(init) => commands::init::run(screen, &args.global, &init),
        Command::Backup(backup) => commands::backup::backup(screen, &args.global, &backup),
        Command::Restore(restore) => commands::backup::restore(screen, &args.global, &restore),
        Command::Pin(pin) => commands::pin::run(screen, &args.global, &pin),
        Command::Request(request) => commands::files::request(screen, &args.global, &request),
        Command::Carry(carry) => commands::files::carry(screen, &args.global, &carry),
        Command::Accept(accept) => commands::files::accept(screen, &args.global, &accept),
        Command::Charge(charge) => commands::sync::charge(screen, &args.global, &charge),
        Command::Withdraw(withdraw) => commands::sync::withdraw(screen, &args.global, &withdraw),
        Command::Sync => commands::sync::sync(screen, &args.global),
        Command::Sell(sell) => commands::sell::run(screen, &args.global, sell),
        Command::Pay(pay) => commands::pay::run(screen, &args.global, pay),
        Command::Ui(ui) => ui::run(screen, &args.global, &ui),
        Command::Resume(resume) => commands::resume::run(screen, &args.global, &resume),
        Command::Balance => commands::show::balance(screen, &args.global),
        Command::Refused => commands::show::refused(screen, &args.global),
        Command::History(history) => commands::history::run(screen, &args.global, &history),
        Command::Contacts(contacts) => commands::contacts::run(screen, &args.global, &contacts),
        Command::Receipt(receipt) => commands::receipt::run(screen, &args.global, &receipt),
        Command::Evidence(evidence) => commands::judge::evidence(screen, &args.global, &evidence),
        Command::Judge(judge) => commands::judge::run(screen, &args.global, &judge),
        Command::Doctor => commands::doctor::run(screen, &args.global),
        Command::Completions(args) => commands::manual::completions(screen, args.shell),
        Command::Man(args) => commands::manual::pages(screen, &args.folder),
        Command::Demo(demo) => demo::run(screen, &demo),
    };
    result.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        screen.error(&error, exit);
        exit
    })
}

/// Whether errors are for programs, where the command line is not understood.
fn wants_json() -> bool {
    std::env::args_os().any(|arg| arg == "--json")
}

/// Help and version are results; anything else is one line.
fn usage(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return if error.print().is_ok() { Exit::Done } else { Exit::Machine };
    }
    let text = error.to_string();
    let first: Vec<&str> =
        text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let line = first.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    Screen::new(wants_json(), false)
        .error(&anyhow::anyhow!("{line}; see onehop --help"), Exit::Usage);
    Exit::Usage
}
