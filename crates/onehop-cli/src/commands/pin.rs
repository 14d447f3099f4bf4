//! `onehop pin`: the PIN or passphrase around the wallet's key.

use anyhow::Result;
use onehop_vault::{Rules, VaultError};
use serde_json::json;

use crate::amount;
use crate::args::{Global, NewPinArgs, PinArgs, PinKind};
use crate::exit::{Exit, Failure};
use crate::folder;
use crate::keyring;
use crate::pin;
use crate::render::Screen;

/// Wraps the key anew, or says when the PIN is asked for again.
pub(crate) fn run(screen: Screen, global: &Global, args: &PinArgs) -> Result<Exit> {
    match &args.what {
        PinKind::Set(new) => wrap(screen, global, new, false),
        PinKind::Change(new) => wrap(screen, global, new, true),
        PinKind::Remember => remember(screen, global),
        PinKind::Forget => forget(screen, global),
        PinKind::Above { amount } => above(screen, global, amount),
    }
}

fn wrap(screen: Screen, global: &Global, args: &NewPinArgs, had_one: bool) -> Result<Exit> {
    let dir = folder::dir(global)?;
    let vault = pin::vault(global, &dir);
    let status = vault.status()?.ok_or_else(|| VaultError::Missing { path: dir.clone() })?;
    match (had_one, status.has_pin) {
        (true, false) => {
            return Err(Failure::usage("this wallet has no PIN; use onehop pin set").into());
        }
        (false, true) => {
            return Err(Failure::usage("this wallet has a PIN; use onehop pin change").into());
        }
        (true, true) | (false, false) => {}
    }
    let old = if had_one { Some(pin::present(global, &vault)?) } else { None };
    let new = pin::next(screen, args.new_pin_file.as_deref())?;
    let rules = Rules {
        tries: args.tries.unwrap_or(status.rules.tries),
        lock_seconds: args.lock_minutes.map_or(status.rules.lock_seconds, |minutes| minutes * 60),
    };
    vault.change(old.as_ref(), &new, rules)?;
    keyring::follow(screen, &dir, &new)?;
    let (tries, minutes) = (rules.tries, rules.lock_seconds / 60);
    screen.result(
        format!(
            "the wallet in {} has a new PIN; {tries} wrong ones lock it for {minutes} min",
            dir.display()
        ),
        &json!({ "dir": dir.display().to_string(), "tries": tries, "lock_minutes": minutes }),
    );
    Ok(Exit::Done)
}

fn remember(screen: Screen, global: &Global) -> Result<Exit> {
    let dir = folder::dir(global)?;
    let vault = pin::vault(global, &dir);
    let status = vault.status()?.ok_or_else(|| VaultError::Missing { path: dir.clone() })?;
    if !status.has_pin {
        return Err(Failure::usage("this wallet has no PIN; use onehop pin set").into());
    }
    keyring::remember(&dir, &pin::present(global, &vault)?)?;
    screen.result(
        "the system's keyring remembers the PIN; onehop pin forget ends that",
        &json!({ "keyring": true }),
    );
    Ok(Exit::Done)
}

fn forget(screen: Screen, global: &Global) -> Result<Exit> {
    let had = keyring::forget(&folder::dir(global)?)?;
    let words = if had {
        "the system's keyring has forgotten the PIN"
    } else {
        "the system's keyring remembered no PIN of this wallet"
    };
    screen.result(words, &json!({ "keyring": false, "remembered": had }));
    Ok(Exit::Done)
}

fn above(screen: Screen, global: &Global, text: &str) -> Result<Exit> {
    let mut home = folder::open(global)?;
    let limit = match text {
        "never" => None,
        text => Some(amount::parse(text, home.currency()?)?),
    };
    home.settings.pin_above = limit.map(|limit| limit.minor());
    home.write_settings()?;
    let words = limit.map_or_else(
        || "the PIN is not asked for at payments".to_owned(),
        |limit| format!("the PIN is asked for at each payment of more than {limit}"),
    );
    screen.result(words, &json!({ "pin_above": home.settings.pin_above }));
    Ok(Exit::Done)
}
