//! `money-office judge` and `money-office evidence`: case files (spec §8.3).

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use onehop_crypto::Trust;
use onehop_evidence::{judge, read_case};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{NewRoot, OfficeInfo};
use onehop_wire::{PublicKey, Signed, TxId, decode, encode};

use super::access::{Access, read_body};
use super::{Rule, read_in, render, write_out};
use crate::{CaseSearch, Command, OperatorAnswer};

const REQUEST_SECONDS_MAX: u64 = 60;

/// Names the guilty of a case file. Needs no office: whoever has the root key can judge.
pub(crate) fn run(file: &Path, root: &str, json: bool) -> Result<()> {
    let (root, new_roots) = meet(root)?;
    let bytes = read_in(file)?;
    let refused = |what: String| Rule::Case { file: file.display().to_string(), what };
    let case = read_case(&bytes, &new_roots).map_err(|error| refused(error.to_string()))?;
    let judgement = judge(&root, &case).map_err(|fault| refused(fault.to_string()))?;
    render::judgement(&judgement, json);
    Ok(())
}

/// The root key: its digits, or those of an office at an address or in a file it gave out.
fn meet(root: &str) -> Result<(PublicKey, Vec<Signed<NewRoot>>)> {
    if let Ok(key) = PublicKey::from_hex(root) {
        return Ok((key, Vec::new()));
    }
    let bytes = if root.starts_with("http://") {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(REQUEST_SECONDS_MAX)));
        let agent: ureq::Agent = config.build().into();
        let url = format!("{}/v1/office", root.trim_end_matches('/'));
        let response = agent.get(url).call();
        read_body(response.with_context(|| format!("failed to ask the office at {root}"))?)?
    } else {
        read_in(Path::new(root))?
    };
    let info: OfficeInfo = decode(&bytes, OFFICE_BODY_MAX)
        .with_context(|| format!("{root} is neither a root key nor an office's information"))?;
    Trust::from_info(&info, None).with_context(|| format!("{root} does not prove itself"))?;
    Ok((info.root, info.new_roots.into_inner()))
}

/// Writes what the office knows of a payment as a case file.
pub(crate) fn evidence(access: &mut Access, digits: &str, file: &Path, json: bool) -> Result<()> {
    let tx = TxId::from_hex(digits).map_err(|error| Rule::Payment(error.to_string()))?;
    let mut search = CaseSearch::new(tx, access.info()?.new_roots.into_inner());
    loop {
        let answer = access.order(Command::Export { after: search.last() })?;
        let OperatorAnswer::Exported(page) = answer else {
            bail!("the office answered another question");
        };
        if search.page(&page)? {
            break;
        }
    }
    let case = search.finish().context("a case file cannot hold it all")?;
    let short = tx.short();
    let case = case.ok_or_else(|| Rule::Payment(format!("nothing is known of payment {short}")))?;
    write_out(file, &encode(&case))?;
    if file != Path::new("-") {
        let exhibits = case.exhibits.len();
        render::line(json, &format!("{exhibits} exhibits"), &[("exhibits", &exhibits)]);
    }
    Ok(())
}
