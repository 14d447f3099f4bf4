//! The case files of a town: what its wallets and its office hold about each payment.

use std::collections::BTreeSet;

use anyhow::Result;
use money_office::{CaseSearch, MemLedger, Office};
use onehop_evidence::CaseMaker;
use onehop_wire::{CaseFile, TxId};

use super::device::Device;

/// Payments of one wallet that are laid before the judge together as well: forks lie between them.
const TOGETHER: usize = 4;

/// A file for each payment and each of its holders, and files of several payments of one wallet.
pub(super) fn all(devices: &[Device], office: &Office<MemLedger>) -> Result<Vec<CaseFile>> {
    let (mut files, mut known) = (Vec::new(), BTreeSet::new());
    for device in devices {
        let state = device.wallet.state();
        let mut own = Vec::new();
        for payment in state.payments() {
            known.insert(payment.tx);
            if let Some(case) = state.case(&payment.tx) {
                own.push(case.finish()?);
            }
        }
        for several in own.chunks(TOGETHER) {
            files.extend(merged(several));
        }
        files.extend(own);
    }
    for tx in known {
        files.extend(of_office(office, tx)?);
    }
    Ok(files)
}

/// Several files as one, if it holds them.
fn merged(files: &[CaseFile]) -> Option<CaseFile> {
    let mut case = CaseMaker::default();
    for file in files {
        file.office_keys.iter().for_each(|key| case.office_key(key.clone()));
        file.certificates.iter().for_each(|it| case.certificate(it));
        file.exhibits.iter().for_each(|it| case.exhibit(it.clone()));
    }
    case.finish().ok()
}

fn of_office(office: &Office<MemLedger>, tx: TxId) -> Result<Option<CaseFile>> {
    let mut search = CaseSearch::new(tx, []);
    while !search.page(&office.export(search.last())?)? {}
    Ok(search.finish()?)
}
