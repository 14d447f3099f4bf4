//! I10: no money moves without the signatures of both, under keys that the office certified.

use onehop_crypto::verify;
use onehop_evidence::verify_claim;
use onehop_wire::office::OutcomeKind;
use onehop_wire::{Certificate, Claim, Commit, Committed, Signed, WalletId};

use super::{Facts, I10, OFFICE_I10, Payment};

/// A wallet was certified; the certificate must be the office's.
pub(crate) fn certified(facts: &mut Facts, certificate: &Signed<Certificate>) {
    let Some(trust) = &facts.trust else { return };
    let wallet = certificate.body.wallet();
    match trust.certificate(certificate.clone()) {
        Ok(verified) => {
            facts.certificates.insert(wallet, verified);
        }
        Err(error) => facts.violate(I10, format!("wallet {}: {error}", wallet.short())),
    }
}

/// A seller credited itself: everything in its evidence must be signed and belong together.
pub(crate) fn credited(facts: &mut Facts, claim: &Claim) {
    let Some(trust) = &facts.trust else { return };
    let payee = claim.commit.body.payee;
    let fault = match facts.certificates.get(&payee) {
        None => Some("the payee has no certificate".to_owned()),
        Some(payee) => verify_claim(trust, claim, payee).err().map(|fault| format!("{fault:?}")),
    };
    if let Some(fault) = fault {
        let tx = claim.commit.body.tx;
        facts.violate(I10, format!("payment {}: {fault}", tx.short()));
    }
}

/// A buyer let its hold go: the seller's decision and its own acknowledgement must be signed.
pub(crate) fn spent(facts: &mut Facts, commit: &Signed<Commit>, committed: &Signed<Committed>) {
    let (Some(office), body) = (facts.office, &commit.body) else { return };
    let key = |wallet: &WalletId| facts.certificates.get(wallet).map(|known| known.body().key);
    let is_signed = key(&body.payee)
        .is_some_and(|key| verify(&office, &key, commit.clone()).is_ok())
        && key(&body.payer).is_some_and(|key| verify(&office, &key, committed.clone()).is_ok());
    let belongs = committed.body.commit == commit.hash(&office)
        && committed.body.agreed == body.agreed
        && facts.payments.get(&body.tx).is_some_and(|p| p.prepared.contains(&body.agreed));
    if !is_signed || !belongs {
        facts.violate(I10, format!("payment {}: COMMIT or COMMITTED", body.tx.short()));
    }
}

/// The office paid: buyer and seller must both have signed, on their own disks.
pub(crate) fn paid(payment: &Payment) -> Option<(&'static str, String)> {
    let is_paid = payment.kind() == Some(&OutcomeKind::Paid);
    let is_signed = !payment.prepared.is_empty() && !payment.commits.is_empty();
    (is_paid && !is_signed).then(|| (OFFICE_I10, "paid without AGREED and COMMIT".to_owned()))
}
