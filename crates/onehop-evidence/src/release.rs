//! Waivers of a seller and decisions of the office that give a hold back (spec §2.6).

use onehop_crypto::{BadSignature, ChainError, Trust, Verified, verify};
use onehop_wire::domain::wallet_id;
use onehop_wire::evidence::{Release, ReleaseGround};
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Abort, AbortSubject, Agreed, Hash, PublicKey, Signed, WalletId};

/// Why a release does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseFault {
    /// A signature in it does not verify.
    #[error("release is not signed")]
    Signature(#[from] BadSignature),
    /// A certificate or outcome in it is not of this office.
    #[error("release is not of this office")]
    Chain(#[from] ChainError),
    /// The waiver or outcome is about something else.
    #[error("release is for another payment")]
    Mismatch,
}

/// Checks that `seller_key` waived the payment of `payer` whose entry is `agreed`, of hash
/// `entry`.
///
/// # Errors
/// [`ReleaseFault`] if the ABORT is of another payment, entry or request, or is not signed.
pub fn verify_abort(
    trust: &Trust,
    seller_key: &PublicKey,
    payer: &WalletId,
    (agreed, entry): (&Agreed, Hash),
    abort: Signed<Abort>,
) -> Result<Verified<Abort>, ReleaseFault> {
    let subject = match abort.body.subject {
        AbortSubject::Agreed(hash) => hash == entry,
        AbortSubject::Request(hash) => hash == agreed.request,
    };
    let seller = wallet_id(seller_key);
    let about = abort.body.tx == agreed.tx
        && abort.body.payee == agreed.payee
        && abort.body.payer == *payer;
    if !subject || !about || seller != agreed.payee {
        return Err(ReleaseFault::Mismatch);
    }
    Ok(verify(trust.office(), seller_key, abort)?)
}

/// Checks a release of an entry signed by `payer_key`; gives the entry.
///
/// Whether it is of the right checkpoint, and counted once, is the caller's to check.
///
/// # Errors
/// [`ReleaseFault`].
pub fn verify_release(
    trust: &Trust,
    payer_key: &PublicKey,
    release: &Release,
) -> Result<Verified<Agreed>, ReleaseFault> {
    let agreed = verify(trust.office(), payer_key, release.agreed.clone())?;
    match &release.ground {
        ReleaseGround::Aborted { abort, seller } => {
            let seller = trust.certificate(seller.clone())?;
            let entry = (agreed.body(), agreed.hash());
            let payer = wallet_id(payer_key);
            verify_abort(trust, &seller.body().key, &payer, entry, abort.clone())?;
        }
        ReleaseGround::Voided(outcome) => {
            let outcome = trust.outcome(outcome.clone())?;
            let body = outcome.body();
            let same = body.tx == agreed.body().tx
                && body.entry == agreed.hash()
                && body.checkpoint == agreed.body().checkpoint
                && body.seq == agreed.body().seq
                && body.amount == agreed.body().amount
                && body.currency == agreed.body().currency;
            if !same || body.kind != OutcomeKind::Void {
                return Err(ReleaseFault::Mismatch);
            }
        }
    }
    Ok(agreed)
}
