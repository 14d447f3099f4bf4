//! `onehop evidence` and `onehop judge`: case files, and who is guilty in one (spec §8.3).

use anyhow::{Context as _, Result};
use onehop_evidence::{CaseError, judge, read_case};
use onehop_wire::encode;
use onehop_wire::limits::OFFICE_BODY_MAX;
use serde_json::json;

use crate::args::{EvidenceArgs, Global, JudgeArgs};
use crate::commands::files::{read_bytes, write_bytes};
use crate::commands::{init, receipt};
use crate::exit::{Exit, Failure};
use crate::folder;
use crate::render::Screen;

/// `onehop evidence`.
pub(crate) fn evidence(screen: Screen, global: &Global, args: &EvidenceArgs) -> Result<Exit> {
    let home = folder::open(global)?;
    let tx = receipt::payment(&home, &args.tx)?;
    let short = tx.short();
    let case = home.keeper.case(&tx)?.filter(|case| !case.is_empty());
    let case = case
        .ok_or_else(|| Failure::refused(format!("the wallet holds nothing about {short}")))?
        .finish()
        .context("a case file cannot hold it all")?;
    let bytes = encode(&case);
    write_bytes(&args.file, &bytes)?;
    let (path, exhibits) = (args.file.display().to_string(), case.exhibits.len());
    screen.progress(
        "saved",
        format!("{path}: {exhibits} exhibits, {} bytes", bytes.len()),
        &json!({ "file": path, "bytes": bytes.len(), "exhibits": exhibits, "tx": tx.to_string() }),
    );
    Ok(Exit::Done)
}

/// `onehop judge`.
pub(crate) fn run(screen: Screen, global: &Global, args: &JudgeArgs) -> Result<Exit> {
    let pinned = args.office_id.as_deref().map(init::office_id).transpose()?;
    let bytes = read_bytes(&args.file, OFFICE_BODY_MAX)?;
    let (trust, new_roots) = receipt::trust(global, args.office.as_deref(), pinned)?;
    let path = args.file.display();
    let case = read_case(&bytes, &new_roots).map_err(|error: CaseError| {
        anyhow::Error::from(error).context(Failure::usage(format!("{path} cannot be judged")))
    })?;
    let refused = || Failure::refused(format!("{path} convicts nobody"));
    let judgement = judge(&trust.root(), &case).with_context(refused)?;
    for finding in &judgement.findings {
        screen.result(finding.to_string(), &money_office::finding_json(finding));
    }
    if judgement.findings.is_empty() {
        screen.result("nobody is guilty", &json!({ "guilty": null }));
    }
    Ok(Exit::Done)
}
