//! `onehop receipt`: evidence of a payment, for anybody who knows the office's root key.

mod qr;

pub(crate) use qr::{picture, svg};

use std::path::Path;

use anyhow::{Context as _, Result};
use onehop_crypto::Trust;
use onehop_evidence::verify_claim;
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::limits::PACKET_MAX;
use onehop_wire::office::NewRoot;
use onehop_wire::{OfficeId, Signed, TxId, decode, encode};
use serde_json::json;

use crate::args::{Global, ReceiptArgs, ReceiptKind};
use crate::commands::files::{ReadFileError, read_bytes, write_bytes};
use crate::commands::init;
use crate::exit::{Exit, Failure};
use crate::folder::{self, Home};
use crate::office::{OfficeError, meet};
use crate::render::Screen;

/// Longest receipt that is read: all attachments and 16 office keys fit several times.
const RECEIPT_MAX: usize = 8 * PACKET_MAX;

/// `onehop receipt`.
pub(crate) fn run(screen: Screen, global: &Global, args: &ReceiptArgs) -> Result<Exit> {
    match &args.what {
        ReceiptKind::Save { tx, file } => save(screen, global, tx, file),
        ReceiptKind::Qr { tx, svg } => {
            let (tx, receipt) = receipt(global, tx)?;
            qr::show(screen, &tx, &receipt, svg.as_deref())
        }
        ReceiptKind::Verify { file, office, office_id } => {
            let pinned = office_id.as_deref().map(init::office_id).transpose()?;
            verify(screen, global, file, office.as_deref(), pinned)
        }
    }
}

fn save(screen: Screen, global: &Global, digits: &str, file: &Path) -> Result<Exit> {
    let (tx, receipt) = receipt(global, digits)?;
    let bytes = encode(&receipt);
    write_bytes(file, &bytes)?;
    let path = file.display().to_string();
    screen.progress(
        "saved",
        format!("{path}: {} bytes", bytes.len()),
        &json!({ "file": path, "bytes": bytes.len(), "tx": tx.to_string() }),
    );
    Ok(Exit::Done)
}

/// The receipt of the payment whose id begins with `digits`.
fn receipt(global: &Global, digits: &str) -> Result<(TxId, ReceiptFile)> {
    let home = folder::open(global)?;
    let tx = payment(&home, digits)?;
    let receipt = home.keeper.receipt(&tx)?.ok_or_else(|| {
        Failure::refused(format!("payment {} has no receipt: it is not paid", tx.short()))
    })?;
    Ok((tx, receipt))
}

/// The payment whose id begins with `digits`, live or archived.
pub(crate) fn payment(home: &Home, digits: &str) -> Result<TxId> {
    if let Ok(tx) = TxId::from_hex(digits) {
        return Ok(tx);
    }
    let digits = digits.to_ascii_lowercase();
    let all = home.keeper.history(usize::MAX)?;
    let mut found = all.iter().filter(|payment| payment.tx.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(payment), None) => Ok(payment.tx),
        (None, _) => Err(Failure::usage(format!("there is no payment {digits}")).into()),
        (Some(_), Some(_)) => {
            Err(Failure::usage(format!("{digits} begins several payments")).into())
        }
    }
}

fn verify(
    screen: Screen,
    global: &Global,
    file: &Path,
    office: Option<&str>,
    pinned: Option<OfficeId>,
) -> Result<Exit> {
    let bytes = qr::unwrap(read_bytes(file, RECEIPT_MAX)?);
    let receipt: ReceiptFile = decode(&bytes, RECEIPT_MAX).map_err(|source| {
        ReadFileError::Content { path: file.to_owned(), what: "a receipt", source }
    })?;
    let trust = trust(global, office, pinned)?.0;
    report(screen, file, trust, receipt)
        .with_context(|| Failure::refused(format!("receipt {} does not hold", file.display())))?;
    Ok(Exit::Done)
}

/// The office's root: given, or the wallet's; and its successors, where the office says them.
pub(crate) fn trust(
    global: &Global,
    office: Option<&str>,
    pinned: Option<OfficeId>,
) -> Result<(Trust, Vec<Signed<NewRoot>>)> {
    if let Some(office) = office {
        let (info, _) = meet(office, pinned.as_ref(), None, Screen::of(global))?;
        return Ok((Trust::from_info(&info, pinned.as_ref())?, info.new_roots.into_inner()));
    }
    let home = folder::open_if_there(global)?.ok_or_else(|| {
        Failure::usage("without a wallet, give the office's root: --office URL or FILE")
    })?;
    let trust = home.keeper.wallet().trust().clone();
    let found = *trust.office();
    if let Some(expected) = pinned.filter(|expected| *expected != found) {
        return Err(
            OfficeError::Other { place: home.dir.display().to_string(), found, expected }.into()
        );
    }
    Ok((trust, Vec::new()))
}

fn report(screen: Screen, file: &Path, mut trust: Trust, receipt: ReceiptFile) -> Result<()> {
    for key in &receipt.office_keys {
        trust.add_key(key.clone())?;
    }
    let payee = trust.certificate(receipt.payee)?;
    let claim = verify_claim(&trust, &receipt.claim, &payee)?;
    let agreed = claim.entry.agreed.body();
    let amount = onehop_wire::Money::new(agreed.amount, payee.body().currency);
    let payer = claim.payer.certificate().body();
    let payee = payee.body();
    let (standing, signed) = if claim.committed.is_some() {
        ("paid", "payer (AGREED, COMMITTED) and payee (COMMIT)")
    } else {
        ("paid, unacknowledged", "payer (AGREED) and payee (COMMIT)")
    };
    let until = claim.entry.redeem_by;
    let (from, to) = (payer.name.as_str(), payee.name.as_str());
    let office = trust.office();
    screen.result(
        format!(
            "{standing}: {amount} from {from:?} ({}) to {to:?} ({})\npayment {}\nsigned by {signed}; \
             certified by office {office}\nclaim by {until}",
            payer.wallet().short(),
            payee.wallet().short(),
            agreed.tx,
        ),
        &json!({
            "file": file.display().to_string(),
            "standing": standing,
            "amount": agreed.amount,
            "currency": payee.currency.code(),
            "payer": from,
            "payer_wallet": payer.wallet().to_string(),
            "payee": to,
            "payee_wallet": payee.wallet().to_string(),
            "tx": agreed.tx.to_string(),
            "signed": signed,
            "office": office.to_string(),
            "claim_by": until.0,
        }),
    );
    Ok(())
}
