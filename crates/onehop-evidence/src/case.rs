//! Case files made out of what is at hand: claims, fork proofs, receipts (spec §8.3).

use onehop_wire::bounded::TooLong;
use onehop_wire::domain::wallet_id;
use onehop_wire::evidence::{ForkProof, ReceiptFile, Second};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{NewRoot, Outcome, Pending};
use onehop_wire::{
    Attachment, CaseFile, Certificate, Claim, DecodeError, Exhibit, List, OfficeKey, ReleaseGround,
    Signed, decode,
};

/// Collects exhibits, each once, and of certificates and office keys only what they need.
///
/// Nothing is verified here: that is the judge's.
#[derive(Clone, Debug, Default)]
pub struct CaseMaker {
    new_roots: Vec<Signed<NewRoot>>,
    office_keys: Vec<Signed<OfficeKey>>,
    certificates: Vec<Signed<Certificate>>,
    exhibits: Vec<Exhibit>,
}

impl CaseMaker {
    /// Takes the successors of the root, in order, and the office keys that may be needed.
    #[must_use]
    pub fn new(
        new_roots: impl IntoIterator<Item = Signed<NewRoot>>,
        office_keys: impl IntoIterator<Item = Signed<OfficeKey>>,
    ) -> Self {
        let mut maker = Self { new_roots: new_roots.into_iter().collect(), ..Self::default() };
        office_keys.into_iter().for_each(|key| maker.office_key(key));
        maker
    }

    /// Adds an office key, should something be signed with it.
    pub fn office_key(&mut self, key: Signed<OfficeKey>) {
        add(&mut self.office_keys, key);
    }

    /// Adds a certificate; of each wallet the first is kept.
    pub fn certificate(&mut self, certificate: &Signed<Certificate>) {
        let wallet = wallet_id(&certificate.body.key);
        if self.certificates.iter().all(|known| known.body.wallet() != wallet) {
            self.certificates.push(certificate.clone());
        }
    }

    /// Adds an exhibit; of a SYNC or an attachment not what is within.
    pub fn exhibit(&mut self, exhibit: Exhibit) {
        add(&mut self.exhibits, exhibit);
    }

    /// Adds the parts of a claim, nested ones included.
    pub fn claim(&mut self, claim: &Claim) {
        self.certificate(&claim.payer);
        self.exhibit(Exhibit::Agreed(claim.agreed.clone()));
        for attachment in &claim.attachments {
            self.attachment(attachment, &claim.payer);
        }
        self.exhibit(Exhibit::Commit(claim.commit.clone()));
        if let Some(committed) = &claim.committed {
            self.exhibit(Exhibit::Committed(committed.clone()));
        }
    }

    /// Adds an attachment of an entry of `payer`, and the statements within it.
    pub fn attachment(&mut self, attachment: &Attachment, payer: &Signed<Certificate>) {
        match attachment {
            Attachment::Receipt(claim) => {
                self.certificate(payer);
                self.claim(claim);
            }
            Attachment::Release(release) => {
                self.exhibit(Exhibit::Agreed(release.agreed.clone()));
                match &release.ground {
                    ReleaseGround::Aborted { abort, seller } => {
                        self.certificate(seller);
                        self.exhibit(Exhibit::Abort(abort.clone()));
                    }
                    ReleaseGround::Voided(outcome) => {
                        self.exhibit(Exhibit::Outcome(outcome.clone()));
                    }
                }
            }
        }
        self.exhibit(Exhibit::Attachment(attachment.clone()));
    }

    /// Adds the two halves of a fork proof.
    pub fn fork_proof(&mut self, proof: &ForkProof) {
        proof.office_keys.iter().for_each(|key| self.office_key(key.clone()));
        self.certificate(&proof.payer);
        self.exhibit(Exhibit::Agreed(proof.first.clone()));
        self.exhibit(match &proof.second {
            Second::Entry(agreed) => Exhibit::Agreed((**agreed).clone()),
            Second::Close(sync) => Exhibit::Sync(sync.clone()),
        });
    }

    /// Adds a receipt.
    pub fn receipt(&mut self, receipt: &ReceiptFile) {
        receipt.office_keys.iter().for_each(|key| self.office_key(key.clone()));
        self.certificate(&receipt.payee);
        self.claim(&receipt.claim);
    }

    /// True if there is nothing to show.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.exhibits.is_empty()
    }

    /// The file.
    ///
    /// # Errors
    /// [`TooLong`] if there are more parts of one kind than a file may have.
    pub fn finish(self) -> Result<CaseFile, TooLong> {
        let Self { new_roots, office_keys, certificates, exhibits } = self;
        let named = |number| {
            let by_exhibit = |exhibit: &Exhibit| office_number(exhibit) == Some(number);
            certificates.iter().any(|it| it.body.signed_by == number)
                || exhibits.iter().any(by_exhibit)
        };
        let office_keys: Vec<_> =
            office_keys.into_iter().filter(|key| named(key.body.number)).collect();
        Ok(CaseFile {
            new_roots: List::new(new_roots)?,
            office_keys: List::new(office_keys)?,
            certificates: List::new(certificates)?,
            exhibits: List::new(exhibits)?,
        })
    }
}

/// The number of the office key that signed it, if the office did.
const fn office_number(exhibit: &Exhibit) -> Option<u32> {
    if let Exhibit::Outcome(Signed { body: Outcome { signed_by, .. }, .. })
    | Exhibit::Pending(Signed { body: Pending { signed_by, .. }, .. }) = exhibit
    {
        return Some(*signed_by);
    }
    None
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// Why bytes are nothing that a judge takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// Neither a case file nor a fork proof nor a receipt.
    #[error("not a case file, a fork proof or a receipt")]
    Content(#[source] DecodeError),
    /// A receipt or a fork proof with more parts than a case file holds.
    #[error("too large for a case file")]
    TooLong(#[from] TooLong),
}

/// Reads a case file, or makes one of a fork proof or a receipt, which know no successors of the
/// root: those are `new_roots`.
///
/// # Errors
/// [`CaseError`].
pub fn read_case(bytes: &[u8], new_roots: &[Signed<NewRoot>]) -> Result<CaseFile, CaseError> {
    let content = match decode::<CaseFile>(bytes, OFFICE_BODY_MAX) {
        Ok(file) => return Ok(file),
        Err(error) => CaseError::Content(error),
    };
    let mut maker = CaseMaker::new(new_roots.iter().cloned(), []);
    if let Ok(proof) = decode::<ForkProof>(bytes, OFFICE_BODY_MAX) {
        maker.fork_proof(&proof);
    } else if let Ok(receipt) = decode::<ReceiptFile>(bytes, OFFICE_BODY_MAX) {
        maker.receipt(&receipt);
    } else {
        return Err(content);
    }
    Ok(maker.finish()?)
}
