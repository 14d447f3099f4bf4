//! `onehop init`: keys, the office, a certificate.

use std::path::Path;

use anyhow::Result;
use onehop_proto::Birth;
use onehop_wire::limits::NAME_MAX;
use onehop_wire::office::OfficeRequest;
use onehop_wire::{Class, OfficeId, Text};
use rand_core::Rng as _;
use serde_json::json;

use crate::args::{Global, InitArgs};
use crate::commands::{files, show};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home, Settings};
use crate::office::{Authorities, Office, Place, meet};
use crate::pin;
use crate::render::Screen;

/// Makes the wallet, or goes on where a lost answer left off.
pub(crate) fn run(screen: Screen, global: &Global, args: &InitArgs) -> Result<Exit> {
    let pinned = args.office_id.as_deref().map(office_id).transpose()?;
    if let Some(name) = &args.name {
        check_name(name)?;
    }
    let home = folder::open_if_there(global)?;
    if let Some(home) = &home
        && let Ok(certificate) = home.certificate()
    {
        let (dir, name) = (home.dir.display(), &certificate.name);
        let text =
            format!("{dir} already has a wallet, {:?}; choose another folder", name.as_str());
        return Err(Failure::usage(text).into());
    }
    let pinned = pinned.or_else(|| Some(*home.as_ref()?.keeper.wallet().trust().office()));
    let pin = if home.is_none() { pin::for_new_wallet(screen, global, args.no_pin)? } else { None };
    let authorities = args.office_ca.as_deref().map(Authorities::read).transpose()?;
    let (info, place) = meet(&args.office, pinned.as_ref(), authorities.as_ref(), screen)?;
    let authorities = authorities.map(|them| them.pem);
    let id = onehop_wire::domain::office_id(&info.root);
    screen.progress(
        "office",
        format!("office {:?}, id {id}", info.name.as_str()),
        &json!({ "name": info.name.as_str(), "id": id.to_string(), "currency": info.currency.code() }),
    );
    let url = match place {
        Place::Url(url) => Some(url),
        Place::File => None,
    };
    let mut home = match home {
        Some(mut home) => {
            home.settings = settings(args, url, authorities, Some(&home.settings));
            home.write_settings()?;
            home
        }
        None => {
            let birth = Birth::new(&mut system_rng(), info)?;
            let settings = settings(args, url, authorities, None);
            folder::create(global, pin.as_ref(), birth, settings)?
        }
    };
    enrol(screen, &mut home, args.offline_request.as_deref())
}

/// Asks the office to certify the wallet, over the network or in a file.
pub(crate) fn enrol(screen: Screen, home: &mut Home, offline: Option<&Path>) -> Result<Exit> {
    if offline.is_none() && home.settings.url.is_none() {
        let text = "an office met as a file cannot be asked; give --offline-request FILE";
        return Err(Failure::usage(text).into());
    }
    let (name, class) = wanted(home)?;
    let (enrol, _) = home.run(|wallet, _| wallet.enrol(name, class))?;
    if let Some(file) = offline {
        files::write_request(screen, file, &OfficeRequest::Enrol(enrol))?;
        return Ok(Exit::Done);
    }
    let office: Office = home.office()?;
    let answer = office.enrol(&enrol)?;
    home.run(|wallet, _| wallet.enrolled(answer))?;
    report(screen, home)?;
    Ok(Exit::Done)
}

/// What the wallet asks to be enrolled as.
pub(crate) fn wanted(home: &Home) -> Result<(Text<NAME_MAX>, Class)> {
    let class = if home.settings.merchant { Class::Merchant } else { Class::Person };
    Ok((check_name(&home.settings.name)?, class))
}

/// Says who this wallet is.
pub(crate) fn report(screen: Screen, home: &Home) -> Result<()> {
    let certificate = home.certificate()?;
    let office = home.keeper.wallet().trust().office();
    let dir = home.dir.display();
    let limits = show::limits(certificate);
    screen.result(
        format!(
            "{:?} is enrolled at office {office}, wallet in {dir}{limits}",
            certificate.name.as_str()
        ),
        &json!({
            "name": certificate.name.as_str(),
            "wallet": certificate.wallet().to_string(),
            "office": office.to_string(),
            "currency": certificate.currency.code(),
            "dir": dir.to_string(),
        }),
    );
    Ok(())
}

fn settings(
    args: &InitArgs,
    url: Option<String>,
    authorities: Option<String>,
    before: Option<&Settings>,
) -> Settings {
    let before_name = before.map(|before| before.name.clone()).filter(|name| !name.is_empty());
    let name = args.name.clone().or(before_name).unwrap_or_else(default_name);
    let merchant = args.merchant || before.is_some_and(|before| before.merchant);
    let pin_above = before.and_then(|before| before.pin_above);
    let notes = before.map(|before| before.notes.clone()).unwrap_or_default();
    let before = before.and_then(|before| before.authorities.clone());
    Settings { url, name, merchant, authorities: authorities.or(before), pin_above, notes }
}

fn default_name() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.or_else(|_| std::env::var("HOSTNAME")).unwrap_or_default();
    let user: String = user.chars().filter(|c| c.is_ascii_alphanumeric()).take(24).collect();
    let user = if user.is_empty() { "wallet" } else { &user };
    let mut tail = [0u8; 2];
    system_rng().fill_bytes(&mut tail);
    format!("{user}-{}", hex::encode(tail))
}

fn check_name(name: &str) -> Result<Text<NAME_MAX>> {
    let bad = |why: String| Failure::usage(format!("name {name:?} is not acceptable: {why}"));
    if name.trim().is_empty() {
        return Err(bad("it is empty".to_owned()).into());
    }
    Ok(Text::new(name).map_err(|error| bad(error.to_string()))?)
}

/// Reads an office id.
pub(crate) fn office_id(text: &str) -> Result<OfficeId> {
    Ok(OfficeId::from_hex(text)
        .map_err(|error| Failure::usage(format!("office id {text:?}: {error}")))?)
}

/// The operating system's randomness; without it nothing may go on.
pub(crate) fn system_rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
