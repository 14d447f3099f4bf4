//! Evidence that one wallet paid another, judged by anyone (spec §2.5).

use onehop_crypto::{BadSignature, Trust, Verified};
use onehop_wire::limits::NESTING_MAX;
use onehop_wire::{Certificate, Claim, Commit, Committed};

use crate::entry::{EntryFault, Payer, PayerFault, VerifiedEntry, verify_entry_at};

/// Why evidence of a payment is not accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimFault {
    /// Payer's certificate and checkpoint.
    #[error("claim's payer is not acceptable")]
    Payer(#[from] PayerFault),
    /// The entry.
    #[error("claim's entry is not acceptable")]
    Entry(#[from] EntryFault),
    /// COMMIT or COMMITTED is not signed by whom it names.
    #[error("claim is not signed")]
    Signature(#[from] BadSignature),
    /// COMMIT or COMMITTED is about another payment or another payee.
    #[error("claim's parts are of different payments")]
    Mismatch,
    /// Receipts within receipts, too deep.
    #[error("receipts are nested over {NESTING_MAX} deep")]
    Depth,
}

/// A payment whose every signature was checked.
#[derive(Clone, Debug)]
pub struct VerifiedClaim {
    /// Who paid, out of which purse.
    pub payer: Payer,
    /// The entry.
    pub entry: VerifiedEntry,
    /// The payee's decision.
    pub commit: Verified<Commit>,
    /// The payer's waiver, if it is there.
    pub committed: Option<Verified<Committed>>,
}

/// Checks every signature and rule of `claim`, whose payee is `payee`.
///
/// # Errors
/// [`ClaimFault`].
pub fn verify_claim(
    trust: &Trust,
    claim: &Claim,
    payee: &Verified<Certificate>,
) -> Result<VerifiedClaim, ClaimFault> {
    verify_nested_claim(trust, claim, payee, 0)
}

pub(crate) fn verify_nested_claim(
    trust: &Trust,
    claim: &Claim,
    payee: &Verified<Certificate>,
    depth: u8,
) -> Result<VerifiedClaim, ClaimFault> {
    if depth > NESTING_MAX {
        return Err(ClaimFault::Depth);
    }
    let certificate = trust.certificate(claim.payer.clone()).map_err(PayerFault::from)?;
    let checkpoint = trust.checkpoint(claim.checkpoint.clone()).map_err(PayerFault::from)?;
    let payer = Payer::new(certificate, checkpoint)?;
    let entry = verify_entry_at(trust, &payer, claim.agreed.clone(), &claim.attachments, depth)?;
    let agreed = &entry.agreed;
    let payer_id = payer.checkpoint().body().wallet;
    let payee_id = payee.body().wallet();
    let commit = &claim.commit.body;
    let same = commit.tx == agreed.body().tx
        && commit.agreed == agreed.hash()
        && commit.payer == payer_id
        && commit.payee == payee_id
        && agreed.body().payee == payee_id;
    if !same {
        return Err(ClaimFault::Mismatch);
    }
    let commit = trust.by_wallet(&payee.body().key, claim.commit.clone())?;
    let committed = match &claim.committed {
        None => None,
        Some(committed) => Some(check_committed(trust, &payer, agreed, &commit, committed)?),
    };
    Ok(VerifiedClaim { payer, entry, commit, committed })
}

fn check_committed(
    trust: &Trust,
    payer: &Payer,
    agreed: &Verified<onehop_wire::Agreed>,
    commit: &Verified<Commit>,
    committed: &onehop_wire::Signed<Committed>,
) -> Result<Verified<Committed>, ClaimFault> {
    let body = &committed.body;
    let same = body.tx == commit.body().tx
        && body.payer == commit.body().payer
        && body.payee == commit.body().payee
        && body.agreed == agreed.hash()
        && body.commit == commit.hash();
    if !same {
        return Err(ClaimFault::Mismatch);
    }
    Ok(trust.by_wallet(&payer.certificate().body().key, committed.clone())?)
}
