//! What wallets tell each other (spec §5.12), judged from its bytes and the office's keys alone.

use onehop_crypto::{BadSignature, ChainError, Trust, Verified, verify};
use onehop_wire::evidence::{ForkProof, Second};
use onehop_wire::{Agreed, Certificate, Head, List, OfficeKey, Signed, WalletId};

use crate::entry::{EntryFault, Payer, PayerFault, check_chain};
use crate::fork::{ForkKind, contradiction, contradicts_close};

/// Why a fork proof proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFault {
    /// The certificate, or a key that the file brings, is not of this office.
    #[error("fork proof is not of this office")]
    Chain(#[from] ChainError),
    /// One of its statements is not signed by the wallet that it accuses.
    #[error("fork proof is not signed by whom it accuses")]
    Signature(#[from] BadSignature),
    /// An honest wallet can have signed both statements.
    #[error("statements of the fork proof do not contradict each other")]
    NoFork,
}

/// Why a head says nothing about a payer's chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadFault {
    /// Certificate or checkpoint do not verify, or do not belong together.
    #[error("payer of the head does not verify")]
    Payer(#[from] PayerFault),
    /// The entry is not signed, or not one of that checkpoint.
    #[error("entry of the head does not verify")]
    Entry(#[from] EntryFault),
}

impl From<ChainError> for HeadFault {
    fn from(error: ChainError) -> Self {
        Self::Payer(error.into())
    }
}

/// A head whose payer and entry verify; whether the entry is backed is not known.
#[derive(Clone, Debug)]
pub struct VerifiedHead {
    /// Whose chain it is, and under which checkpoint.
    pub payer: Payer,
    /// The entry.
    pub agreed: Verified<Agreed>,
}

/// Checks a fork proof; gives whom it convicts, and of what.
///
/// Nothing but `trust` is used: no date, no memory.
///
/// # Errors
/// [`ProofFault`]; it then says nothing about anybody.
pub fn verify_fork(trust: &Trust, proof: &ForkProof) -> Result<(WalletId, ForkKind), ProofFault> {
    let mut trust = trust.clone();
    for key in &proof.office_keys {
        trust.add_key(key.clone())?;
    }
    let payer = trust.certificate(proof.payer.clone())?;
    let key = &payer.body().key;
    let first = verify(trust.office(), key, proof.first.clone())?;
    let first = (first.body(), first.hash());
    let found = match &proof.second {
        Second::Entry(entry) => {
            let second = verify(trust.office(), key, (**entry).clone())?;
            contradiction(first, (second.body(), second.hash()))
        }
        Second::Close(sync) => {
            let sync = verify(trust.office(), key, (**sync).clone())?;
            contradicts_close(first, sync.body())
        }
    };
    Ok((payer.body().wallet(), found.ok_or(ProofFault::NoFork)?))
}

/// The fork proof that two entries of `payer` make, complete with the key that its certificate
/// names; none if they do not contradict each other. Their signatures are the caller's to check.
#[must_use]
pub fn fork_proof(
    trust: &Trust,
    payer: &Signed<Certificate>,
    one: &Signed<Agreed>,
    other: &Signed<Agreed>,
) -> Option<ForkProof> {
    let place = |entry: &Signed<Agreed>| (entry.body.seq, entry.hash(trust.office()));
    let (first, second) = if place(one) <= place(other) { (one, other) } else { (other, one) };
    contradiction((&first.body, place(first).1), (&second.body, place(second).1))?;
    let keys: Vec<Signed<OfficeKey>> =
        trust.key(payer.body.signed_by).into_iter().cloned().collect();
    Some(ForkProof {
        office_keys: List::new(keys).ok()?,
        payer: payer.clone(),
        first: first.clone(),
        second: Second::Entry(Box::new(second.clone())),
    })
}

/// Checks a head as far as it can be without what backs its entry. Its dates are the caller's to
/// compare.
///
/// # Errors
/// [`HeadFault`].
pub fn verify_head(trust: &Trust, head: &Head) -> Result<VerifiedHead, HeadFault> {
    let certificate = trust.certificate(head.payer.clone())?;
    let checkpoint = trust.checkpoint(head.checkpoint.clone())?;
    let payer = Payer::new(certificate, checkpoint)?;
    let key = &payer.certificate().body().key;
    let agreed = verify(trust.office(), key, head.agreed.clone()).map_err(EntryFault::Signature)?;
    check_chain(&payer, agreed.body())?;
    Ok(VerifiedHead { payer, agreed })
}
