//! Everything signed that a wallet holds about a payment, for a judge (spec §8.3).

use onehop_crypto::verify;
use onehop_evidence::{CaseMaker, contradiction};
use onehop_wire::domain::Statement;
use onehop_wire::office::Outcome;
use onehop_wire::{Abort, Agreed, Certificate, Commit, Exhibit, Signed, TxId, decode};
use serde::de::DeserializeOwned;

use crate::payment::{BuyerPayment, BuyerState, SellerPayment, SellerState};
use crate::state::State;

impl State {
    /// What this wallet can lay before a judge about a payment that is not archived.
    #[must_use]
    pub fn case(&self, tx: &TxId) -> Option<CaseMaker> {
        let trust = self.trust.as_ref()?;
        let mut case = CaseMaker::new([], trust.keys().cloned());
        case.certificate(self.certificate.as_ref()?);
        if let Some(payment) = self.buyer.get(tx) {
            self.buyer_case(&mut case, payment);
        } else {
            seller_case(&mut case, self.seller.get(tx)?);
        }
        let kept = self.evidence.iter().filter(|(known, _)| known == tx);
        for (_, message) in kept {
            if let Some(exhibit) = self.kept(tx, message) {
                if let Exhibit::Agreed(agreed) = &exhibit {
                    self.contradicting(&mut case, agreed);
                }
                case.exhibit(exhibit);
            }
        }
        Some(case)
    }

    fn buyer_case(&self, case: &mut CaseMaker, payment: &BuyerPayment) {
        case.certificate(&payment.payee);
        case.exhibit(Exhibit::CommitRequest(payment.request.clone()));
        if let (Some(vote), Some(own)) = (payment.state.vote(), &self.certificate) {
            case.exhibit(Exhibit::Agreed(vote.agreed.clone()));
            for attachment in &vote.attachments {
                case.attachment(attachment, own);
            }
            let purse = self.purse.as_ref();
            let purse = purse.filter(|it| it.hash == vote.agreed.body.checkpoint);
            if let Some(sync) = purse.and_then(|purse| purse.closed.clone()) {
                case.exhibit(Exhibit::Sync(sync));
            }
        }
        match &payment.state {
            BuyerState::Refused(refused) => case.exhibit(Exhibit::Refused(refused.clone())),
            BuyerState::Prepared(_) => {}
            BuyerState::Committed { commit, committed, .. } => {
                case.exhibit(Exhibit::Commit(commit.clone()));
                case.exhibit(Exhibit::Committed(committed.clone()));
            }
            BuyerState::Aborted { abort, released, .. } => {
                case.exhibit(Exhibit::Abort(abort.clone()));
                case.exhibit(Exhibit::Released(released.clone()));
            }
            BuyerState::Settled { outcome, .. } | BuyerState::Voided { outcome, .. } => {
                case.exhibit(Exhibit::Outcome(outcome.clone()));
            }
        }
    }

    /// Adds the entries of other payments to this wallet that a vote kept as evidence contradicts.
    fn contradicting(&self, case: &mut CaseMaker, vote: &Signed<Agreed>) {
        let Some(office) = self.office() else { return };
        let claims = self.seller.values().filter_map(|payment| payment.state.claim());
        for claim in claims {
            let held = (&claim.agreed.body, claim.commit.body.agreed);
            if contradiction((&vote.body, vote.hash(office)), held).is_some() {
                case.exhibit(Exhibit::Agreed(claim.agreed.clone()));
            }
        }
    }

    /// The statement that was kept as evidence: of five kinds, the one whose signature verifies.
    fn kept(&self, tx: &TxId, message: &[u8]) -> Option<Exhibit> {
        let trust = self.trust.as_ref()?;
        let other = self.other(tx)?;
        if let Some(outcome) = read::<Outcome>(message)
            && trust.outcome(outcome.clone()).is_ok()
        {
            return Some(Exhibit::Outcome(outcome));
        }
        let (office, key) = (trust.office(), &other.body.key);
        signed(office, key, message, |it: Signed<Agreed>| Exhibit::Agreed(it))
            .or_else(|| signed(office, key, message, |it: Signed<Commit>| Exhibit::Commit(it)))
            .or_else(|| signed(office, key, message, |it: Signed<Abort>| Exhibit::Abort(it)))
            .or_else(|| signed(office, key, message, Exhibit::CommitRequest))
    }

    /// The certificate of the other side of a payment.
    fn other(&self, tx: &TxId) -> Option<&Signed<Certificate>> {
        match self.buyer.get(tx) {
            Some(payment) => Some(&payment.payee),
            None => self.seller.get(tx)?.payer.as_ref(),
        }
    }
}

fn seller_case(case: &mut CaseMaker, payment: &SellerPayment) {
    if let Some(payer) = &payment.payer {
        case.certificate(payer);
    }
    case.exhibit(Exhibit::CommitRequest(payment.request.clone()));
    if let Some(claim) = payment.state.claim() {
        case.claim(claim);
    }
    match &payment.state {
        SellerState::Invited | SellerState::Committed { .. } | SellerState::Done { .. } => {}
        SellerState::Redeemed { outcome, .. } | SellerState::Lost { outcome, .. } => {
            case.exhibit(Exhibit::Outcome(outcome.clone()));
        }
        SellerState::Aborted(abort) => case.exhibit(Exhibit::Abort(abort.clone())),
    }
}

fn read<T: Statement + DeserializeOwned>(message: &[u8]) -> Option<Signed<T>> {
    decode(message, message.len()).ok()
}

fn signed<T: Statement + DeserializeOwned + Clone>(
    office: &onehop_wire::OfficeId,
    key: &onehop_wire::PublicKey,
    message: &[u8],
    exhibit: impl FnOnce(Signed<T>) -> Exhibit,
) -> Option<Exhibit> {
    let statement: Signed<T> = read(message)?;
    verify(office, key, statement.clone()).ok()?;
    Some(exhibit(statement))
}
