//! CLAIM: evidence of received payments, filed by whoever holds it.

use onehop_evidence::{VerifiedClaim, verify_claim};
use onehop_wire::UnixSeconds;
use onehop_wire::bounded::List;
use onehop_wire::evidence::{Attachment, Claim};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{ClaimAnswer, ClaimBundle, OutcomeKind, Verdict};

use crate::answers::{pending, sentence};
use crate::draft::{Decided, Draft};
use crate::error::{OfficeError, Refusal};
use crate::evidence::Evidence;
use crate::office::Office;
use crate::payments::Work;
use crate::rows::{CheckpointRow, CommitFacts, PaymentKey, PaymentRow, WalletRow};
use crate::store::{LedgerStore, Table};

impl<S: LedgerStore> Office<S> {
    /// Judges each claim of a bundle on its own. A claim once paid is paid once, however often and
    /// by whomever it is filed.
    ///
    /// # Errors
    /// [`OfficeError::Store`] only: what is wrong with a claim is in its verdict.
    pub fn claim(&mut self, now: UnixSeconds, bundle: &ClaimBundle) -> Decided<ClaimAnswer> {
        self.call(now, |draft| {
            let mut verdicts = Vec::with_capacity(bundle.claims.len());
            for claim in &bundle.claims {
                verdicts.push(match draft.judge(claim) {
                    Ok(verdict) => verdict,
                    Err(OfficeError::Refused(refusal)) => Verdict::Refused(sentence(&refusal)),
                    Err(error @ OfficeError::Store(_)) => return Err(error),
                });
            }
            let verdicts = List::new(verdicts).map_err(|_| Refusal::TooLong)?;
            Ok(ClaimAnswer { verdicts })
        })
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    fn judge(&mut self, claim: &Claim) -> Decided<Verdict> {
        let verified = self.verify(claim)?;
        // Receipts inside are claims too: they are paid even if their payee lost its device.
        for attachment in &claim.attachments {
            if let Attachment::Receipt(receipt) = attachment {
                match self.judge(receipt) {
                    Ok(_) | Err(OfficeError::Refused(_)) => {}
                    Err(error @ OfficeError::Store(_)) => return Err(error),
                }
            }
        }
        self.file(claim, &verified)
    }

    /// Every signature and limit; and payer and payee must be wallets of this office.
    fn verify(&self, claim: &Claim) -> Decided<VerifiedClaim> {
        self.trust.certificate(claim.payer.clone())?;
        self.trust.checkpoint(claim.checkpoint.clone())?;
        let payee = claim.commit.body.payee;
        let row: Option<WalletRow> = self.find(Table::Wallets, payee.as_bytes())?;
        let row = row.ok_or(Refusal::UnknownWallet { wallet: payee })?;
        let payee = self.trust.certificate(row.certificate)?;
        verify_claim(self.trust, claim, &payee).map_err(|fault| Refusal::Claim { fault }.into())
    }

    fn file(&mut self, claim: &Claim, verified: &VerifiedClaim) -> Decided<Verdict> {
        let checkpoint = verified.payer.checkpoint().hash();
        let found: Option<CheckpointRow> = self.find(Table::Checkpoints, checkpoint.as_bytes())?;
        let found = found.ok_or(Refusal::UnknownCheckpoint { checkpoint })?;
        let (agreed, entry) = (&claim.agreed, verified.entry.agreed.hash());
        let purse = &found.signed.body;
        let at = PaymentKey { tx: agreed.body.tx, payer: purse.wallet, payee: agreed.body.payee };
        self.check_refund_claimed(at, &agreed.body)?;
        self.cause = entry;
        let fork = self.contradicted(agreed, entry, &found)?;
        let (key, mut row) = self.learn(agreed, entry, &found)?;
        if mutant::is(Mutant::ClaimAfterVoid) {
            row.outcome.take_if(|outcome| outcome.body.kind == OutcomeKind::Void);
        }
        if self.note(&mut row, verified) {
            self.keep(&Evidence::Claimed(Box::new(claim.clone())))?;
            // What was collected just now may be of this payment.
            let stored: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            row.received = stored.received;
            self.put(Table::Payments, &key.bytes(), &row);
            self.reconsider(key)?;
        }
        if let Some(outcome) = row.outcome {
            return Ok(Verdict::Outcome(outcome));
        }
        if let Some((_, proof)) = fork {
            self.accuse(checkpoint, proof)?;
            if found.closed.is_some() {
                // The rest of the purse has moved on.
                let outcome = self.decide(key, row, OutcomeKind::Disputed(proof))?;
                return Ok(Verdict::Outcome(outcome));
            }
        }
        self.move_on(vec![Work::Payment(key)])?;
        if found.lapsed {
            self.dispute_uncovered(checkpoint)?;
        }
        self.lapse(checkpoint)?;
        let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        Ok(match row.outcome {
            Some(outcome) => Verdict::Outcome(outcome),
            None => Verdict::Pending(pending(self, key.tx, row.redeem_by)),
        })
    }

    /// Adds what a claim proves to what is known; false if nothing is new.
    fn note(&self, row: &mut PaymentRow, verified: &VerifiedClaim) -> bool {
        let mut news = false;
        if row.commit.is_none() {
            let commit = verified.commit.hash();
            let payee_checkpoint = verified.commit.body().payee_checkpoint;
            row.commit = Some(CommitFacts { commit, payee_checkpoint });
            news = true;
        }
        if verified.committed.is_some() && !row.committed {
            row.committed = true;
            news = true;
        }
        if news {
            row.evidence = self.cause;
        }
        news
    }
}
