//! `onehop backup` and `onehop restore`: a wallet on another device (spec §7.5).

use std::path::Path;

use anyhow::{Result, anyhow};
use bip39::{Language, Mnemonic};
use onehop_proto::Birth;
use onehop_vault::{WRAPPED_BYTES, unwrap, wrap};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::args::{BackupArgs, Global, RestoreArgs};
use crate::commands::{files, init, show, sync};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home, Settings};
use crate::office::{Authorities, Place, meet};
use crate::pin::{self, Source};
use crate::render::Screen;
use crate::words;

/// What a backup begins with: what it is, and of which version.
const HEAD: &[u8; 12] = b"ONEHOPBK\x01\0\0\0";
/// What every version begins with.
const MAGIC: &[u8] = b"ONEHOPBK";
/// The longest backup that is read, in bytes.
const BACKUP_MAX: usize = 1 << 28;
/// What restoring does: opening the file, writing the records, meeting the office.
const STEPS: usize = 3;
/// The variable with the passphrase of a backup.
const PASSPHRASE: &str = "ONEHOP_BACKUP_PASSPHRASE";

/// `onehop backup`.
pub(crate) fn backup(screen: Screen, global: &Global, args: &BackupArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    if args.phrase {
        phrase(screen, &home)?;
    }
    let Some(file) = &args.out else {
        return Ok(Exit::Done);
    };
    let source = passphrase_source(args.passphrase_file.as_deref())?;
    let passphrase = pin::chosen(screen, &source, "passphrase of the backup: ")?;
    let kept = home.keeper.backup()?;
    let settings = home.settings.to_json().to_string();
    // The settings, behind their length, then what the wallet keeps.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + settings.len() + kept.len()));
    bytes.extend(u32::try_from(settings.len())?.to_le_bytes());
    bytes.extend(settings.as_bytes());
    bytes.extend(kept.iter());
    let wrapped = wrap(&passphrase, pin::cost(global), HEAD, &bytes)?;
    files::write_private(file, &[HEAD.as_slice(), &wrapped].concat())?;
    let path = file.display();
    screen.result(
        format!(
            "{path} has this wallet's key and records, and no money: a restored wallet pays \
             once the office has renewed it"
        ),
        &json!({ "file": path.to_string(), "bytes": HEAD.len() + wrapped.len() }),
    );
    Ok(Exit::Done)
}

/// The key as 24 words.
fn phrase(screen: Screen, home: &Home) -> Result<()> {
    let seed = home.keeper.wallet().signing_seed();
    let words = Mnemonic::from_entropy(seed.as_slice())
        .map_err(|error| anyhow!("failed to make the phrase: {error}"))?;
    let words = Zeroizing::new(words.to_string());
    let text = "these 24 words are the wallet's key, without its records: who knows them is this \
                wallet; write them down and show them to nobody";
    screen.question("phrase_warning", text, &json!({}));
    screen.result(words.as_str(), &json!({ "phrase": words.as_str() }));
    Ok(())
}

/// `onehop restore`: a frozen wallet, which the office then gives a new epoch if it can be reached.
pub(crate) fn restore(screen: Screen, global: &Global, args: &RestoreArgs) -> Result<Exit> {
    let dir = folder::dir(global)?;
    if folder::is_there(&dir) {
        let text = format!("{} already has a wallet; choose another folder", dir.display());
        return Err(Failure::usage(text).into());
    }
    let mut home = match &args.file {
        Some(file) => of_file(screen, global, args, file)?,
        None => return of_phrase(screen, global, args),
    };
    let certificate = home.certificate().map(|certificate| certificate.name.to_string());
    let name = certificate.unwrap_or_default();
    let text =
        format!("{name:?} is restored in {}, frozen until its office renews it", dir.display());
    screen.result(text, &json!({ "dir": dir.display().to_string(), "name": name, "frozen": true }));
    outstanding(screen, &home);
    if home.settings.url.is_none() {
        return Ok(Exit::Done);
    }
    let office = home.office()?;
    if let Err(error) = sync::meet(screen, &home, &office) {
        let text = format!("{error:#}; run onehop sync when it can be reached");
        screen.progress("office", &text, &json!({ "why": text }));
        return Ok(Exit::Done);
    }
    let work = screen.work();
    work.at("asking the office to renew it", 2, STEPS);
    sync::thaw(screen, &mut home, &office)?;
    Ok(Exit::Done)
}

fn of_file(screen: Screen, global: &Global, args: &RestoreArgs, file: &Path) -> Result<Home> {
    let bytes = files::read_bytes(file, BACKUP_MAX)?;
    let path = file.display();
    let bad = |why: &str| Failure::usage(format!("{path} {why}"));
    if !bytes.starts_with(MAGIC) || bytes.len() < HEAD.len() + WRAPPED_BYTES {
        return Err(bad("is no backup of a wallet").into());
    }
    let wrapped = bytes.strip_prefix(HEAD).ok_or_else(|| bad("is a backup of another version"))?;
    let passphrase = passphrase_source(args.passphrase_file.as_deref())?;
    let passphrase = passphrase.read("passphrase of the backup: ")?;
    let work = screen.work();
    work.at("opening the backup", 0, STEPS);
    let opened = unwrap(&passphrase, HEAD, wrapped)
        .map_err(|_| bad("does not open: another passphrase, or it was changed"))?;
    let (settings, kept) = parts(&opened).ok_or_else(|| bad("is no backup of a wallet"))?;
    // The person may be asked something on the terminal.
    drop(work);
    let pin = pin::for_new_wallet(screen, global, args.no_pin)?;
    let work = screen.work();
    work.at("writing its records", 1, STEPS);
    folder::restore(global, pin.as_ref(), kept, Settings::of_json(&settings))
}

/// The settings, and what the wallet keeps.
fn parts(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (settings, kept) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(settings).ok()?, kept))
}

/// The key alone: the office knows the rest, and gives back what was in the purse once nobody can
/// claim on it any more.
fn of_phrase(screen: Screen, global: &Global, args: &RestoreArgs) -> Result<Exit> {
    let (Some(office), Some(name)) = (&args.office, &args.name) else {
        let text = "a phrase needs --office and the --name with which the wallet was enrolled";
        return Err(Failure::usage(text).into());
    };
    let seed = seed(args.phrase_file.as_deref())?;
    let authorities = args.office_ca.as_deref().map(Authorities::read).transpose()?;
    let pinned = args.office_id.as_deref().map(init::office_id).transpose()?;
    let (info, place) = meet(office, pinned.as_ref(), authorities.as_ref(), screen)?;
    let Place::Url(url) = place else {
        return Err(Failure::usage("give the office's address, not a file").into());
    };
    let pin = pin::for_new_wallet(screen, global, args.no_pin)?;
    let birth = Birth::restored(&mut init::system_rng(), info, *seed)?;
    let settings = Settings {
        url: Some(url),
        name: name.clone(),
        merchant: args.merchant,
        authorities: authorities.map(|them| them.pem),
        ..Settings::default()
    };
    let mut home = folder::create(global, pin.as_ref(), birth, settings)?;
    init::enrol(screen, &mut home, None)
}

fn seed(file: Option<&Path>) -> Result<Zeroizing<[u8; 32]>> {
    let source = Source::among(file, "ONEHOP_PHRASE");
    let source = source.ok_or_else(|| Failure::usage("give the words: --phrase-file FILE"))?;
    let text = source.text("the 24 words: ")?;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let words = Zeroizing::new(words);
    let no =
        || Failure::usage("these are not the 24 words of a wallet: a word or their order is wrong");
    let words = Mnemonic::parse_in_normalized(Language::English, &words).map_err(|_| no())?;
    let entropy = Zeroizing::new(words.to_entropy());
    Ok(Zeroizing::new(entropy.as_slice().try_into().map_err(|_| no())?))
}

fn passphrase_source(file: Option<&Path>) -> Result<Source> {
    let text = format!("give the backup's passphrase: --passphrase-file FILE or {PASSPHRASE}");
    Ok(Source::among(file, PASSPHRASE).ok_or_else(|| Failure::usage(text))?)
}

/// What the backup knows to be unfinished, and when the rest of the old purse comes back.
fn outstanding(screen: Screen, home: &Home) {
    let state = home.keeper.wallet().state();
    let unfinished = state.payments().filter(words::is_unfinished);
    unfinished.for_each(|payment| show::unfinished(screen, &payment));
    if let Some(date) = state.comes_back_after() {
        let text = format!(
            "what was left in the purse comes back with a sync after {date}, less what was paid \
             out of it; payments made after the backup are known to those who were paid"
        );
        screen.progress("comes_back", text, &json!({ "after": date.0 }));
    }
}
