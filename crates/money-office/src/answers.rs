//! Small parts of answers.

use onehop_wire::office::{OfficeAnswer, OfficeRequest, Pending};
use onehop_wire::{Signed, Text, TxId, UnixSeconds};

use crate::draft::{Decided, Draft};
use crate::error::{OfficeError, Refusal};
use crate::office::Office;
use crate::store::LedgerStore;

/// A refusal as one sentence that fits an answer.
pub(crate) fn sentence(refusal: &Refusal) -> Text<200> {
    let words: String = refusal.to_string().chars().filter(|c| !c.is_control()).collect();
    let mut end = words.len().min(200);
    while !words.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let cut = words.get(..end).unwrap_or_default();
    // A name quoted in it may hold characters that a text refuses.
    Text::new(cut).or_else(|_| Text::new("refused")).unwrap_or_else(|_| unreachable_text())
}

fn unreachable_text() -> Text<200> {
    #[expect(clippy::expect_used, reason = "the empty text fits every bound")]
    Text::new("").expect("empty text")
}

/// PENDING: no answer before `until`.
pub(crate) fn pending<S: LedgerStore>(
    draft: &Draft<'_, S>,
    tx: TxId,
    until: UnixSeconds,
) -> Signed<Pending> {
    let body = Pending { tx, until, signed_by: draft.signer_number };
    draft.signer.sign(draft.trust.office(), body).into_signed()
}

impl<S: LedgerStore> Office<S> {
    /// Answers a request that came as a file.
    ///
    /// # Errors
    /// [`OfficeError::Store`] only: a refusal is an answer.
    pub fn answer(&mut self, now: UnixSeconds, request: &OfficeRequest) -> Decided<OfficeAnswer> {
        let answer = match request {
            OfficeRequest::Enrol(enrol) => {
                self.enrol(now, enrol).map(|answer| OfficeAnswer::Enrol(Box::new(answer)))
            }
            OfficeRequest::Sync(sync) => {
                self.sync(now, sync).map(|answer| OfficeAnswer::Sync(Box::new(answer)))
            }
            OfficeRequest::Claim(bundle) => self.claim(now, bundle).map(OfficeAnswer::Claim),
            OfficeRequest::Resolve(resolve) => {
                self.resolve(now, resolve).map(|answer| OfficeAnswer::Resolve(Box::new(answer)))
            }
            OfficeRequest::Relay(parcel) => {
                self.relay(now, parcel).map(|reply| OfficeAnswer::Relay(Box::new(reply)))
            }
        };
        match answer {
            Err(OfficeError::Refused(refusal)) => Ok(OfficeAnswer::Refused(sentence(&refusal))),
            other => other,
        }
    }
}
