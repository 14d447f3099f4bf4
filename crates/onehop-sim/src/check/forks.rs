//! I14: every overspend leaves a fork proof, and no honest history does.

use money_office::{OfficeError, Proof};
use onehop_crypto::verify;
use onehop_evidence::{contradiction, contradicts_close};
use onehop_proto::event;
use onehop_wire::evidence::ForkProof;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, OutcomeKind, Verdict};
use onehop_wire::{Hash, PublicKey, TxId, WalletId};

use super::{Facts, I14, OFFICE_I14_HONEST, OFFICE_I14_PROOF, Payment};
use crate::env::Env;
use crate::office::OfficeSim;

/// A wallet kept a message as evidence against its peer. A late COMMIT of what the office voided
/// is kept as well, and convicts nobody.
pub(crate) fn kept(facts: &mut Facts, device: usize, tx: &TxId) {
    if facts.payments.get(tx).is_some_and(|payment| payment.buyer_voided) {
        return;
    }
    let what = format!("device {device} keeps evidence about payment {}", tx.short());
    facts.violate(I14, what);
}

/// A wallet took a payer for convicted: among honest ones nobody can be.
pub(crate) fn convicted(facts: &mut Facts, device: usize, proof: &ForkProof) {
    let what = format!("device {device} refuses {}", proof.payer.body.wallet().short());
    facts.violate(I14, what);
}

/// A wallet blamed a peer. No honest one votes what does not hold; what contradicts a record is
/// kept as evidence and checked there.
pub(crate) fn blamed(facts: &mut Facts, device: usize, fault: event::Fault) {
    // A vote of a revoked wallet does not hold either.
    if fault == event::Fault::InvalidVote && facts.exempt.is_empty() {
        let what = format!("device {device} blames an honest peer: {}", fault.words());
        facts.violate(I14, what);
    }
}

/// The office disputed a payment: between honest wallets there is nothing to dispute.
pub(crate) fn disputed(payment: &Payment, is_tainted: bool) -> Option<(&'static str, String)> {
    let is_disputed = matches!(payment.kind(), Some(OutcomeKind::Disputed(_)));
    (is_disputed && !is_tainted).then(|| (I14, "disputed between honest wallets".to_owned()))
}

/// Notes which entries and SYNCs the office has accepted: from then on it knows them.
pub(crate) fn shown(facts: &mut Facts, request: &OfficeRequest, answer: &OfficeAnswer) {
    let Some(office) = facts.office else { return };
    match (request, answer) {
        (OfficeRequest::Claim(bundle), OfficeAnswer::Claim(answer)) => {
            for (claim, verdict) in bundle.claims.iter().zip(&answer.verdicts) {
                if !matches!(verdict, Verdict::Refused(_)) {
                    facts.shown.insert(claim.agreed.hash(&office));
                }
                let stands = match verdict {
                    Verdict::Outcome(outcome) => outcome.body.kind != OutcomeKind::Void,
                    Verdict::Pending(_) => true,
                    Verdict::Refused(_) => false,
                };
                if let Some(payment) = facts.payments.get_mut(&claim.agreed.body.tx) {
                    payment.is_claimed |= stands;
                }
            }
        }
        (OfficeRequest::Sync(sync), OfficeAnswer::Sync(_)) => {
            facts.shown.insert(sync.hash(&office));
            facts.shown.extend(sync.body.entries.iter().map(|e| e.agreed.hash(&office)));
        }
        (OfficeRequest::Resolve(request), OfficeAnswer::Resolve(_)) => {
            facts.shown.insert(request.agreed.hash(&office));
        }
        _ => {}
    }
}

/// The office holds a proof that verifies against the wallet behind each overspend of which it
/// knows both halves, and none against anybody else.
pub(crate) fn office(env: &mut Env, office: &OfficeSim) -> Result<(), OfficeError> {
    let proofs = office.read()?.proofs()?;
    let mut proven = Vec::new();
    for (_, proof) in &proofs {
        match guilty(&env.facts, proof) {
            None => env.facts.violate(OFFICE_I14_PROOF, "a proof does not hold".to_owned()),
            Some((checkpoint, wallet)) => {
                proven.push(checkpoint);
                if env.facts.suspect != Some(wallet) {
                    let what = format!("a proof convicts {}", wallet.short());
                    env.facts.violate(OFFICE_I14_HONEST, what);
                }
            }
        }
    }
    if !proofs.is_empty() {
        env.counters.reach("office/fork-proof");
    }
    let facts = &env.facts;
    let known = |hash: &Hash| facts.shown.contains(hash);
    let missing = facts.forks.iter().find(|fork| {
        known(&fork.first) && known(&fork.second) && !proven.contains(&fork.checkpoint)
    });
    if let Some(fork) = missing.copied() {
        env.facts.violate(OFFICE_I14_PROOF, format!("no proof of {fork:?}"));
    }
    Ok(())
}

/// Whom a proof convicts, and of which checkpoint, if it verifies (spec §8.1).
pub(crate) fn guilty(facts: &Facts, proof: &Proof) -> Option<(Hash, WalletId)> {
    let office = facts.office?;
    let owner = |checkpoint: &Hash| -> Option<(WalletId, PublicKey)> {
        let wallet = facts.checkpoints.get(checkpoint)?;
        Some((*wallet, facts.certificates.get(wallet)?.body().key))
    };
    match proof {
        Proof::Entries(pair) => {
            let (wallet, key) = owner(&pair.0.body.checkpoint)?;
            let first = verify(&office, &key, pair.0.clone()).ok()?;
            let second = verify(&office, &key, pair.1.clone()).ok()?;
            contradiction((first.body(), first.hash()), (second.body(), second.hash()))?;
            Some((first.body().checkpoint, wallet))
        }
        Proof::Close(pair) => {
            let (wallet, key) = owner(&pair.0.body.checkpoint)?;
            let entry = verify(&office, &key, pair.0.clone()).ok()?;
            let sync = verify(&office, &key, pair.1.clone()).ok()?;
            contradicts_close((entry.body(), entry.hash()), sync.body())?;
            Some((entry.body().checkpoint, wallet))
        }
    }
}
