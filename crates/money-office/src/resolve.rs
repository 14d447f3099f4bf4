//! RESOLVE: a payer in doubt asks for a decision.

use onehop_crypto::verify;
use onehop_evidence::verify_abort;
use onehop_wire::UnixSeconds;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{ResolveRequest, Verdict};

use crate::answers::pending;
use crate::draft::{Decided, Draft};
use crate::error::Refusal;
use crate::evidence::Evidence;
use crate::office::Office;
use crate::payments::Work;
use crate::rows::{CheckpointRow, PaymentKey, PaymentRow, WalletRow};
use crate::store::{LedgerStore, Table};

impl<S: LedgerStore> Office<S> {
    /// Answers a RESOLVE: PAID, DISPUTED, VOID (once the seller waived, or nobody claimed in time)
    /// or PENDING.
    ///
    /// # Errors
    /// [`Refusal`] if the evidence is not that of one payment, signed by both.
    pub fn resolve(&mut self, now: UnixSeconds, request: &ResolveRequest) -> Decided<Verdict> {
        self.call(now, |draft| draft.resolve(request))
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    fn resolve(&mut self, asked: &ResolveRequest) -> Decided<Verdict> {
        let (resolve, request, agreed) = (&asked.resolve, &asked.request, &asked.agreed);
        let office = *self.trust.office();
        let entry = agreed.hash(&office);
        let same = resolve.body.payer == request.body.payer
            && resolve.body.tx == request.body.tx_id()
            && resolve.body.tx == agreed.body.tx
            && resolve.body.agreed == entry
            && agreed.body.request == request.hash(&office)
            && agreed.body.payee == request.body.payee
            && agreed.body.amount == request.body.amount
            && agreed.body.currency == request.body.currency;
        if !same {
            return Err(Refusal::Mismatch.into());
        }
        let payer = self.wallet_row(request.body.payer)?.certificate.body.key;
        let payee = self.wallet_row(request.body.payee)?.certificate.body.key;
        verify(&office, &payer, resolve.clone())?;
        verify(&office, &payee, request.clone())?;
        verify(&office, &payer, agreed.clone())?;
        if let Some(abort) = &asked.abort {
            let about = (&agreed.body, entry);
            verify_abort(self.trust, &payee, &request.body.payer, about, abort.clone())?;
        }
        let checkpoint = agreed.body.checkpoint;
        let found: Option<CheckpointRow> = self.find(Table::Checkpoints, checkpoint.as_bytes())?;
        let found = found.ok_or(Refusal::UnknownCheckpoint { checkpoint })?;
        if found.signed.body.wallet != request.body.payer {
            return Err(Refusal::WrongWallet.into());
        }
        if agreed.body.redeem_by != found.redeem_by() {
            return Err(Refusal::Mismatch.into());
        }
        self.cause = resolve.hash(&office);
        self.decide_resolve(asked, &found)
    }

    fn decide_resolve(
        &mut self,
        asked: &ResolveRequest,
        found: &CheckpointRow,
    ) -> Decided<Verdict> {
        let agreed = &asked.agreed;
        let (entry, checkpoint) = (asked.resolve.body.agreed, agreed.body.checkpoint);
        if let Some((rule, _)) = self.contradicted(agreed, entry, found)? {
            // The asker itself signed both; nothing of this call is kept.
            return Err(Refusal::Fork { rule }.into());
        }
        let at = PaymentKey {
            tx: asked.resolve.body.tx,
            payer: asked.resolve.body.payer,
            payee: agreed.body.payee,
        };
        let known = self.bytes(Table::Payments, &at.bytes())?.is_some();
        let (key, row) = self.learn(agreed, entry, found)?;
        if !known || !row.asked_back || (asked.abort.is_some() && !row.aborted) {
            self.keep(&Evidence::Resolved(Box::new(asked.clone())))?;
            let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
            self.put(Table::Payments, &key.bytes(), &PaymentRow { asked_back: true, ..row });
            self.reconsider(key)?;
        }
        if let Some(abort) = &asked.abort {
            self.file_abort(abort)?;
        }
        if let Some(outcome) = row.outcome {
            return Ok(Verdict::Outcome(outcome));
        }
        self.move_on(vec![Work::Payment(key)])?;
        self.lapse(checkpoint)?;
        let row: PaymentRow = self.need(Table::Payments, &key.bytes())?;
        let end = row.redeem_by.plus(self.setup.grace_seconds);
        let claimed = row.is_claimed();
        if let Some(outcome) = row.outcome {
            return Ok(Verdict::Outcome(outcome));
        }
        let is_due = self.now >= end || mutant::is(Mutant::VoidEarly);
        if !claimed && is_due {
            let outcome = self.release(key, row)?;
            self.move_on(vec![Work::Wants(key.payer)])?;
            return Ok(Verdict::Outcome(outcome));
        }
        let until = if claimed { row.redeem_by } else { end };
        Ok(Verdict::Pending(pending(self, key.tx, until)))
    }

    pub(crate) fn wallet_row(&self, wallet: onehop_wire::WalletId) -> Decided<WalletRow> {
        let row: Option<WalletRow> = self.find(Table::Wallets, wallet.as_bytes())?;
        Ok(row.ok_or(Refusal::UnknownWallet { wallet })?)
    }
}
