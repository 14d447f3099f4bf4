//! What an office knows of one payment, for a judge (spec §8.3).

use std::collections::BTreeSet;

use onehop_evidence::{CaseMaker, Finding, Party};
use onehop_wire::bounded::TooLong;
use onehop_wire::evidence::{ForkProof, Second};
use onehop_wire::office::{EntryState, NewRoot, Sync};
use onehop_wire::{Attachment, CaseFile, Claim, Exhibit, Signed, TxId, WalletId};
use serde_json::{Value, json};

use crate::draft::read_row;
use crate::evidence::Evidence;
use crate::export::ExportPage;
use crate::store::{StoreError, Table};

/// Looks through the pages of the evidence twice: for what is about one payment, then for the
/// certificates of those who signed it. An office may have more wallets than memory.
#[derive(Debug)]
pub struct CaseSearch {
    tx: TxId,
    case: CaseMaker,
    signers: BTreeSet<WalletId>,
    is_second: bool,
    last: u64,
}

impl CaseSearch {
    /// Begins a search; `new_roots` are the successors of the office's root.
    #[must_use]
    pub fn new(tx: TxId, new_roots: impl IntoIterator<Item = Signed<NewRoot>>) -> Self {
        Self {
            tx,
            case: CaseMaker::new(new_roots, []),
            signers: BTreeSet::new(),
            is_second: false,
            last: 0,
        }
    }

    /// The number of the last row seen, to ask for the next page with.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Looks through a page; true if no other is needed.
    ///
    /// # Errors
    /// [`StoreError`] if a row is damaged.
    pub fn page(&mut self, page: &ExportPage) -> Result<bool, StoreError> {
        for (number, bytes) in page.rows() {
            self.last = *number;
            let row = read_row(Table::Evidence, bytes)?;
            if self.is_second {
                self.certified(&row);
            } else {
                self.row(row);
            }
        }
        let Some(proofs) = page.proofs() else { return Ok(false) };
        if self.is_second {
            return Ok(true);
        }
        for proof in proofs {
            if self.is_about(proof) {
                self.case.fork_proof(proof);
            }
        }
        (self.is_second, self.last) = (true, 0);
        Ok(self.signers.is_empty())
    }

    /// The file; empty if the office knows nothing of the payment.
    ///
    /// # Errors
    /// [`TooLong`] if a file does not hold it all.
    pub fn finish(self) -> Result<Option<CaseFile>, TooLong> {
        if self.case.is_empty() {
            return Ok(None);
        }
        self.case.finish().map(Some)
    }

    fn row(&mut self, row: Evidence) {
        match row {
            Evidence::OfficeKey(key) => self.case.office_key(key),
            Evidence::Synced(sync) => self.synced(&sync),
            Evidence::Claimed(claim) if self.speaks(&claim) => {
                self.signers.insert(claim.commit.body.payee);
                self.case.claim(&claim);
            }
            Evidence::Resolved(asked) if asked.resolve.body.tx == self.tx => {
                self.signers.extend([asked.request.body.payer, asked.request.body.payee]);
                self.case.exhibit(Exhibit::CommitRequest(asked.request));
                self.case.exhibit(Exhibit::Agreed(asked.agreed));
                self.case.exhibit(Exhibit::Resolve(asked.resolve));
                if let Some(abort) = asked.abort {
                    self.case.exhibit(Exhibit::Abort(abort));
                }
            }
            Evidence::Decided(outcome) if outcome.body.tx == self.tx => {
                self.case.exhibit(Exhibit::Outcome(outcome));
            }
            Evidence::Claimed(_)
            | Evidence::Resolved(_)
            | Evidence::Decided(_)
            | Evidence::NewRoot(_)
            | Evidence::Enrolled(_)
            | Evidence::Issued(_)
            | Evidence::Operator(_)
            | Evidence::Lapsed { .. }
            | Evidence::GivenBack { .. } => {}
        }
    }

    fn certified(&mut self, row: &Evidence) {
        let certificate = if let Evidence::Enrolled(enrolled) = row {
            &enrolled.certificate
        } else if let Evidence::Issued(issued) = row {
            &issued.certificate
        } else {
            return;
        };
        if self.signers.contains(&certificate.body.wallet()) {
            self.case.certificate(certificate);
        }
    }

    /// A payer's SYNC goes in whole; of a payee's only the ABORT.
    fn synced(&mut self, sync: &Signed<Sync>) {
        for abort in sync.body.aborts.iter().filter(|abort| abort.body.tx == self.tx) {
            self.signers.insert(abort.body.payee);
            self.case.exhibit(Exhibit::Abort(abort.clone()));
        }
        for entry in sync.body.entries.iter().filter(|entry| entry.agreed.body.tx == self.tx) {
            self.signers.extend([sync.body.wallet, entry.agreed.body.payee]);
            self.case.exhibit(Exhibit::Agreed(entry.agreed.clone()));
            match &entry.state {
                EntryState::InDoubt => {}
                EntryState::Committed(commit) => self.case.exhibit(Exhibit::Commit(commit.clone())),
                EntryState::Aborted(abort) => self.case.exhibit(Exhibit::Abort(abort.clone())),
                EntryState::Voided(outcome) => {
                    self.case.exhibit(Exhibit::Outcome(outcome.clone()));
                }
            }
            self.case.exhibit(Exhibit::Sync(Box::new(sync.clone())));
        }
    }

    /// The claim is of the payment, or its entry was spent on or let go there.
    fn speaks(&self, claim: &Claim) -> bool {
        let within = |attachment: &Attachment| match attachment {
            Attachment::Receipt(inner) => self.speaks(inner),
            Attachment::Release(release) => release.agreed.body.tx == self.tx,
        };
        claim.agreed.body.tx == self.tx || claim.attachments.iter().any(within)
    }

    fn is_about(&self, proof: &ForkProof) -> bool {
        let second = match &proof.second {
            Second::Entry(agreed) => agreed.body.tx == self.tx,
            Second::Close(sync) => {
                sync.body.entries.iter().any(|entry| entry.agreed.body.tx == self.tx)
            }
        };
        proof.first.body.tx == self.tx || second
    }
}

/// A finding as an object for programs.
#[must_use]
pub fn finding_json(finding: &Finding) -> Value {
    let (guilty, name) = match &finding.guilty {
        Party::Payer { name, .. } => ("payer", Some(name)),
        Party::Payee { name, .. } => ("payee", Some(name)),
        Party::Office => ("office", None),
    };
    json!({
        "guilty": guilty,
        "wallet": finding.guilty.wallet().map(ToString::to_string),
        "name": name,
        "row": finding.row.number(),
        "tx": finding.tx.map(|tx| tx.to_string()),
        "first": finding.first.to_string(),
        "first_kind": finding.names.0,
        "second": finding.second.to_string(),
        "second_kind": finding.names.1,
        "words": finding.to_string(),
    })
}
