//! Setting an office up, and giving it new keys.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use onehop_crypto::SigningKey;
use onehop_wire::Currency;

use super::args::{NewArgs, Psd2Pick};
use super::folder::{Folder, read_key, write_key};
use super::{Rule, limits, render};
use crate::service::now;
use crate::{LimitSet, NewOffice, Office, OfficeError, Profile};

pub(crate) fn init(folder: &Folder, new: &NewArgs, json: bool) -> Result<()> {
    let currency = Currency::by_code(&new.currency.to_uppercase())?;
    let name = match (new.profile.as_str(), new.psd2_pick) {
        ("psd2-contactless", Psd2Pick::Count) => "psd2-contactless-count",
        (name, _) => name,
    };
    let profile = Profile::by_name(name)?;
    profile.check_currency(currency)?;
    let mut set = LimitSet {
        number: 0,
        limits: profile.limits.clone(),
        purse_max: profile.purse_max,
        credit_line: profile.total(),
        charge_per_period: profile.charge_per_period,
        charge_period: profile.charge_period,
        charge_total: profile.charge_total,
    };
    limits::edit(&mut set, &new.limits, currency)?;
    set.check().map_err(OfficeError::from)?;
    let (credit_line, purse_max) = (Some(set.credit_line), Some(set.purse_max));
    let profile = Profile {
        limits: set.limits,
        charge_per_period: set.charge_per_period,
        charge_period: set.charge_period,
        charge_total: set.charge_total,
        ..profile
    };
    let taken = [folder.root_key(), folder.operator_key(), folder.store()];
    if taken.iter().any(|path| path.exists()) {
        return Err(Rule::Exists { folder: folder.path().display().to_string() }.into());
    }
    fs::create_dir_all(folder.path())
        .with_context(|| format!("failed to create {}", folder.path().display()))?;
    let (root, operator) = (fresh_key()?, fresh_key()?);
    write_key(&folder.root_key(), &root)?;
    write_key(&folder.operator_key(), &operator)?;
    let store = folder.create_store()?;
    let new = NewOffice {
        name: new.name.clone(),
        currency,
        profile,
        credit_line,
        purse_max,
        operator: operator.public(),
    };
    let office = Office::create(store, new, &root, &fresh_seed()?, now())?;
    folder.note_database()?;
    folder.write_id(office.id())?;
    let id = office.id().to_string();
    render::line(json, &format!("office {id}"), &[("office", &id)]);
    Ok(())
}

/// Certifies a new signing key with the newest root, or with the one in `root`.
pub(crate) fn renew_key(folder: &Folder, root: Option<&Path>) -> Result<u32> {
    let mut office = folder.open_office()?;
    let newest = office.info()?.new_roots.len();
    let root = match root {
        Some(root) => root.to_owned(),
        None => folder.new_root_key(newest),
    };
    Ok(office.renew_key(&read_key(&root)?, &fresh_seed()?, now())?)
}

/// Makes a new root and lets the newest announce it. The key file is on disk before the office
/// knows of it: a cut in between is made good by asking again.
pub(crate) fn new_root(folder: &Folder, json: bool) -> Result<()> {
    let mut office = folder.open_office()?;
    let newest = office.info()?.new_roots.len();
    let root = read_key(&folder.new_root_key(newest))?;
    let path = folder.new_root_key(newest.saturating_add(1));
    if !path.exists() {
        write_key(&path, &fresh_key()?)?;
    }
    let number = office.add_root(&root, read_key(&path)?.public(), now())?;
    let path = path.display().to_string();
    let text = format!("root {number}, key in {path}: keep it offline");
    render::line(json, &text, &[("root", &number), ("key", &path)]);
    Ok(())
}

fn fresh_seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("the system gives no randomness")?;
    Ok(seed)
}

fn fresh_key() -> Result<SigningKey> {
    Ok(SigningKey::from_seed(&fresh_seed()?))
}
