//! What an opened message must be before anything is decided about it, and who decides
//! (spec §5.1, §5.10).

use onehop_crypto::verify;
use onehop_wire::{Agreed, Attachment, CommitRequest, Message, Signed, Status};

use crate::config::PROMPTS_MAX;
use crate::event::{Event, Fault};
use crate::payment::BuyerState;
use crate::state::State;
use crate::step::{Context, Prompts, Step};
use crate::wallet::Wallet;

impl Wallet {
    pub(crate) fn decide(
        &self,
        context: &Context<'_>,
        message: Message,
        attached: &[Attachment],
    ) -> Step {
        let state = &self.state;
        if state.frozen {
            return Step::nothing();
        }
        if !is_between_us(context, &message) {
            return Step::fault(Fault::WrongPayment);
        }
        match message {
            Message::CommitRequest { request, order } => {
                let prompts = self.prompts(&request);
                state.on_request(context, &prompts, request, order)
            }
            Message::Attachment(_) | Message::Released(_) | Message::News(_) => Step::nothing(),
            Message::Agreed(agreed) => state.on_agreed(context, agreed, attached),
            Message::Refused(refused) => state.on_refused(context, refused),
            Message::Commit(commit) => state.on_commit(context, commit),
            Message::Abort(abort) => {
                let asked = self.asked.get(&abort.body.tx);
                state.on_abort(context, asked, abort)
            }
            Message::Committed(committed) => state.on_committed(context, committed),
            Message::Status { status, request, agreed } => {
                match status_fault(context, &status, &request, agreed.as_ref()) {
                    Some(fault) => Step::fault(fault),
                    None if request.body.payee == context.me => {
                        state.on_status_as_seller(context, request, agreed, attached)
                    }
                    None if self.asked.contains_key(&status.body.tx) => Step::nothing(),
                    None => state.on_status_as_buyer(&status.body.tx),
                }
            }
            Message::Unknown(tx) => state.on_unknown(tx),
        }
    }

    /// The questions to the person that a new request has to reckon with.
    fn prompts(&self, request: &Signed<CommitRequest>) -> Prompts<'_> {
        let payee = request.body.payee;
        Prompts {
            same: self.asked.get(&request.body.tx_id()),
            full: self.asked.len() >= PROMPTS_MAX
                || self.asked.values().any(|asked| asked.request.body.payee == payee),
        }
    }
}

impl State {
    fn on_unknown(&self, tx: onehop_wire::TxId) -> Step {
        let state = self.buyer.get(&tx).map(|payment| &payment.state);
        match state {
            Some(BuyerState::Prepared(_)) => Step::nothing().and_tell(Event::AskOffice { tx }),
            Some(_) | None => Step::nothing(),
        }
    }
}

/// That payer and payee are the two wallets of the session, and the sender is the one that signs.
///
/// An AGREED does not name its payer, and a STATUS is judged as a whole.
fn is_between_us(context: &Context<'_>, message: &Message) -> bool {
    let (me, other) = (context.me, context.certificate.body().wallet());
    let from_seller = |payer, payee| payer == me && payee == other;
    let from_buyer = |payer, payee| payer == other && payee == me;
    match message {
        Message::CommitRequest { request, .. } => {
            from_seller(request.body.payer, request.body.payee)
        }
        Message::Commit(commit) => from_seller(commit.body.payer, commit.body.payee),
        Message::Abort(abort) => from_seller(abort.body.payer, abort.body.payee),
        Message::Refused(refused) => from_buyer(refused.body.payer, refused.body.payee),
        Message::Committed(committed) => from_buyer(committed.body.payer, committed.body.payee),
        Message::Released(released) => from_buyer(released.body.payer, released.body.payee),
        Message::Attachment(_)
        | Message::Agreed(_)
        | Message::Status { .. }
        | Message::Unknown(_)
        | Message::News(_) => true,
    }
}

/// What is wrong with a STATUS and the statements beside it, if anything is.
fn status_fault(
    context: &Context<'_>,
    status: &Signed<Status>,
    request: &Signed<CommitRequest>,
    agreed: Option<&Signed<Agreed>>,
) -> Option<Fault> {
    let office = context.trust.office();
    let (me, other) = (context.me, context.certificate.body().wallet());
    let terms = &request.body;
    let ours =
        (terms.payer == me && terms.payee == other) || (terms.payer == other && terms.payee == me);
    let hash = request.hash(office);
    let about = status.body.tx == terms.tx_id()
        && status.body.asker == other
        && status.body.request == hash
        && status.body.agreed == agreed.map(|agreed| agreed.hash(office))
        && agreed.is_none_or(|agreed| agreed.body.request == hash);
    if !ours || !about {
        return Some(Fault::WrongPayment);
    }
    let (mine, theirs) = (context.signer.public(), context.certificate.body().key);
    let (payer, payee) = if terms.payee == me { (theirs, mine) } else { (mine, theirs) };
    let signed = verify(office, &theirs, status.clone()).is_ok()
        && verify(office, &payee, request.clone()).is_ok()
        && agreed.is_none_or(|agreed| verify(office, &payer, agreed.clone()).is_ok());
    (!signed).then_some(Fault::Signature)
}
