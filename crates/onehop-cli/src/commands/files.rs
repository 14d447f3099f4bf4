//! Requests and answers of the office as files, and every other file that the program touches.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use onehop_proto::{Direction, Refusal, Standing};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer};
use onehop_wire::{DecodeError, TxId, decode, encode};
use serde_json::json;

use crate::amount;
use crate::args::{AcceptArgs, CarryArgs, Global, RequestArgs, RequestKind};
use crate::commands::{init, show, sync};
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home};
use crate::office::OfficeError;
use crate::render::Screen;

/// Why a file that the person gave could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFileError {
    /// The system does not give it.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{path} is not {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with the bytes.
        #[source]
        source: DecodeError,
    },
}

impl ReadFileError {
    /// True if another file must be given; false if the system does not give this one.
    pub(crate) fn is_of_the_file(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            Self::Content { .. } => true,
        }
    }
}

/// Reads a file, or stdin for `-`, of at most `max` bytes.
pub(crate) fn read_bytes(path: &Path, max: usize) -> Result<Vec<u8>, ReadFileError> {
    let failed = |source| ReadFileError::Read { path: path.to_owned(), source };
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if is_dash(path) {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

/// Writes a new file, or to stdout for `-`. An existing file is left alone.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    if is_dash(path) {
        let mut stdout = std::io::stdout().lock();
        return stdout.write_all(bytes).and_then(|()| stdout.flush()).with_context(failed);
    }
    let mut file = std::fs::File::create_new(path).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)
}

/// Writes a new file for its owner's eyes only. An existing file is left alone.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("failed to write {}", path.display());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(failed)
}

fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// `onehop request`.
pub(crate) fn request(screen: Screen, global: &Global, args: &RequestArgs) -> Result<Exit> {
    let mut home = folder::open(global)?;
    let (request, file) = match &args.what {
        RequestKind::Enrol { file } => {
            let (name, class) = init::wanted(&home)?;
            let (enrol, _) = home.run(|wallet, _| wallet.enrol(name, class))?;
            (OfficeRequest::Enrol(enrol), file)
        }
        RequestKind::Claim { file } => {
            let bundle = home.keeper.wallet().claims().bundles.into_iter().next();
            let bundle = bundle.ok_or_else(|| {
                Failure::refused("nothing to claim: no payment received is unsettled")
            })?;
            (OfficeRequest::Claim(bundle), file)
        }
        RequestKind::Sync { file, charge, withdraw } => {
            let transfer = transfer(&home, charge.as_deref(), withdraw.as_deref())?;
            if home.unanswered().is_some_and(|asked| asked != transfer) {
                let text = "a sync that moves another sum is not answered yet; accept it first";
                return Err(Failure::refused(text).into());
            }
            let (sync, _) = home.run(|wallet, now| wallet.close(now, transfer))?;
            (OfficeRequest::Sync(Box::new(sync)), file)
        }
        RequestKind::Resolve { tx, file } => {
            let tx = in_doubt(&home, tx)?;
            let (resolve, _) = home.run(|wallet, _| wallet.resolve(&tx))?;
            (OfficeRequest::Resolve(Box::new(resolve)), file)
        }
    };
    if args.sealed {
        let (parcel, _) = home.run(|wallet, _| wallet.parcel(request))?;
        write_request(screen, file, &OfficeRequest::Relay(Box::new(parcel)))?;
    } else {
        write_request(screen, file, &request)?;
    }
    Ok(Exit::Done)
}

/// `onehop carry`.
pub(crate) fn carry(screen: Screen, global: &Global, args: &CarryArgs) -> Result<Exit> {
    let what = "a request that is sealed to an office";
    let bytes = read_bytes(&args.file, OFFICE_BODY_MAX)?;
    let content = |source| ReadFileError::Content { path: args.file.clone(), what, source };
    let OfficeRequest::Relay(parcel) = decode(&bytes, OFFICE_BODY_MAX).map_err(content)? else {
        let text = format!("{} is not sealed: its maker can seal it", args.file.display());
        return Err(Failure::usage(text).into());
    };
    let home = folder::open(global)?;
    let reply = home.office()?.relay(&parcel)?;
    let answer = OfficeAnswer::Relay(Box::new(reply));
    write_bytes(&args.reply, &encode(&answer))?;
    if !is_dash(&args.reply) {
        let path = args.reply.display().to_string();
        let text = format!("{path}: the office's answer, sealed to who asked");
        screen.result(text, &json!({ "file": path }));
    }
    Ok(Exit::Done)
}

/// Writes a request and says where it goes.
pub(crate) fn write_request(screen: Screen, file: &Path, request: &OfficeRequest) -> Result<()> {
    let bytes = encode(request);
    write_bytes(file, &bytes)?;
    if !is_dash(file) {
        let text = format!("{}: {} bytes for money-office answer", file.display(), bytes.len());
        let path = file.display().to_string();
        screen.result(text, &json!({ "file": path, "bytes": bytes.len() }));
    }
    Ok(())
}

fn transfer(home: &Home, charge: Option<&str>, withdraw: Option<&str>) -> Result<Transfer> {
    let currency = home.currency()?;
    Ok(match (charge, withdraw) {
        (Some(text), _) => Transfer::Charge(amount::parse(text, currency)?.minor()),
        (None, Some(text)) => Transfer::Withdraw(amount::parse(text, currency)?.minor()),
        (None, None) => Transfer::None,
    })
}

/// The payment in doubt whose id begins with `digits`.
fn in_doubt(home: &Home, digits: &str) -> Result<TxId> {
    let mut found = home.keeper.wallet().state().payments().filter(|payment| {
        payment.direction == Direction::Out
            && payment.standing == Standing::InDoubt
            && payment.tx.to_string().starts_with(&digits.to_ascii_lowercase())
    });
    match (found.next(), found.next()) {
        (Some(payment), None) => Ok(payment.tx),
        (None, _) => Err(Failure::usage(format!("no payment {digits} is in doubt")).into()),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("{digits} begins several payments in doubt")).into())
        }
    }
}

/// `onehop accept`.
pub(crate) fn accept(screen: Screen, global: &Global, args: &AcceptArgs) -> Result<Exit> {
    let bytes = read_bytes(&args.file, OFFICE_BODY_MAX)?;
    let answer: OfficeAnswer = decode(&bytes, OFFICE_BODY_MAX).map_err(|source| {
        ReadFileError::Content { path: args.file.clone(), what: "an answer of an office", source }
    })?;
    let mut home = folder::open(global)?;
    let answer = if let OfficeAnswer::Relay(reply) = answer {
        home.keeper.wallet().unsealed(&reply)?
    } else {
        answer
    };
    match answer {
        OfficeAnswer::Enrol(answer) => {
            if home.keeper.wallet().state().certificate().is_some() {
                return Err(Refusal::Enrolled.into());
            }
            home.run(|wallet, _| wallet.enrolled(*answer))?;
            init::report(screen, &home)?;
            Ok(Exit::Done)
        }
        OfficeAnswer::Sync(answer) => {
            let (result, events) = home.run(|wallet, _| wallet.renewed(*answer))?;
            sync::tell(screen, &home, &events)?;
            show::figures(screen, &home)?;
            sync::result(&result)
        }
        OfficeAnswer::Claim(answer) => {
            sync::take_verdicts(screen, &mut home, &answer.verdicts)?;
            show::figures(screen, &home)?;
            Ok(Exit::Done)
        }
        OfficeAnswer::Resolve(verdict) => {
            sync::take_verdicts(screen, &mut home, std::slice::from_ref(&*verdict))?;
            show::figures(screen, &home)?;
            let left = home
                .keeper
                .wallet()
                .state()
                .payments()
                .any(|payment| payment.standing == Standing::InDoubt);
            Ok(if left { Exit::InDoubt } else { Exit::Done })
        }
        OfficeAnswer::Refused(why) => Err(OfficeError::Refused { why: why.to_string() }.into()),
        OfficeAnswer::Relay(_) => Err(Failure::refused("a reply is inside a reply").into()),
    }
}
