//! Which rows of the state tables (spec §7.1, §7.2, §9.4) a run goes through.
//!
//! A row is counted as `role STATE event -> STATE`; where nothing changes, the state is the same.

use money_office::{LedgerStore, Office, OfficeError, Standing};
use onehop_proto::{Heard, LogRecord, State};
use onehop_wire::office::{EntryState, OfficeRequest, OutcomeKind, Verdict};
use onehop_wire::{AbortReason, TxId};

use crate::counters::Counters;

/// A message about a payment was opened.
pub(crate) fn heard(counters: &mut Counters, heard: &Heard) {
    let (message, before, after) = (heard.message, heard.before, heard.after);
    counters.reach(&format!("{} <- {message} -> {after}", role(before, after, message)));
}

/// The state before, with the role that the message tells if the payment was unknown.
fn role(before: &'static str, after: &'static str, message: &str) -> String {
    if before != "none" {
        return before.to_owned();
    }
    let role = match (after.split(' ').next(), message) {
        (Some(role @ ("buyer" | "seller")), _) => role,
        (_, "COMMIT-REQUEST" | "COMMIT" | "ABORT") => "buyer",
        (_, "UNKNOWN") => "either",
        _ => "seller",
    };
    format!("{role} none")
}

/// A packet leaves because a timer fired, or because a session opened.
pub(crate) fn said(counters: &mut Counters, name: &str, (is_timer, is_opening): (bool, bool)) {
    let state = match name {
        "COMMIT-REQUEST" => "seller INVITED",
        "COMMIT" => "seller COMMITTED",
        "STATUS" => "buyer PREPARED",
        _ => return,
    };
    if is_timer {
        counters.reach(&format!("{state} timer"));
    }
    if is_opening {
        counters.reach(&format!("{state} new session"));
    }
}

/// Records were written that no message caused.
pub(crate) fn recorded(counters: &mut Counters, records: &[LogRecord], is_timer: bool) {
    let closes = records.iter().any(|record| matches!(record, LogRecord::Closed(_)));
    for record in records {
        if let LogRecord::SellerAborted { abort, .. } = record {
            let why = match abort.body.reason {
                AbortReason::Expired => "vote timer",
                AbortReason::Cancelled if closes => "before CLOSED",
                AbortReason::Cancelled => "cancel",
                AbortReason::Restarted => "restart",
                AbortReason::Refused | AbortReason::InvalidVote | AbortReason::OrderPaid => {
                    continue;
                }
            };
            counters.reach(&format!("seller INVITED {why} -> ABORTED"));
        }
        if let (LogRecord::Refused { .. }, true) = (record, is_timer) {
            counters.reach("buyer ASKED timer -> REFUSED");
        }
    }
}

/// A device came back with this state.
pub(crate) fn restarted(counters: &mut Counters, state: &State) {
    for view in state.payments() {
        counters.reach(&format!("{} restart", state.stage(&view.tx)));
    }
}

/// A session ended.
pub(crate) fn session_ended(counters: &mut Counters, state: &State) {
    for view in state.payments() {
        if view.state == "PREPARED" {
            counters.reach("buyer PREPARED session ended");
        }
    }
}

/// A wallet took what the office said about a payment: a verdict, or news in the answer to a SYNC.
pub(crate) fn told(counters: &mut Counters, what: &str, before: &'static str, after: &'static str) {
    counters.reach(&format!("{before} <- {what} -> {after}"));
}

/// A verdict in words.
pub(crate) fn verdict(verdict: &Verdict) -> Option<(TxId, &'static str)> {
    match verdict {
        Verdict::Outcome(outcome) => Some((outcome.body.tx, kind(&outcome.body.kind))),
        Verdict::Pending(pending) => Some((pending.body.tx, "PENDING")),
        Verdict::Refused(_) => None,
    }
}

/// An outcome in words.
pub(crate) const fn kind(kind: &OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Paid => "OUTCOME PAID",
        OutcomeKind::Void => "OUTCOME VOID",
        OutcomeKind::Disputed(_) => "OUTCOME DISPUTED",
    }
}

/// The payments that a request is about.
pub(crate) fn about(request: &OfficeRequest) -> Vec<TxId> {
    match request {
        // What is sealed is nobody's to know.
        OfficeRequest::Enrol(_) | OfficeRequest::Relay(_) => Vec::new(),
        OfficeRequest::Sync(sync) => {
            let entries = sync.body.entries.iter().map(|entry| entry.agreed.body.tx);
            entries.chain(sync.body.aborts.iter().map(|abort| abort.body.tx)).collect()
        }
        OfficeRequest::Claim(bundle) => {
            bundle.claims.iter().map(|claim| claim.commit.body.tx).collect()
        }
        OfficeRequest::Resolve(request) => vec![request.agreed.body.tx],
    }
}

/// How the payments stand, one row for each that the office knows.
pub(crate) fn standings<S: LedgerStore>(
    office: &Office<S>,
    about: &[TxId],
) -> Result<Vec<Standing>, OfficeError> {
    let mut found = Vec::new();
    for tx in about {
        found.extend(office.standings(*tx)?);
    }
    Ok(found)
}

/// The office judged a request.
pub(crate) fn judged(
    counters: &mut Counters,
    request: &OfficeRequest,
    before: &[Standing],
    after: &[Standing],
) {
    for now in after {
        let then = before.iter().find(|then| then.key == now.key).map_or("none", |b| b.state);
        let event = match request {
            OfficeRequest::Enrol(_) | OfficeRequest::Relay(_) => continue,
            OfficeRequest::Claim(_) => "CLAIM",
            OfficeRequest::Resolve(request) if request.abort.is_some() => "RESOLVE with ABORT",
            OfficeRequest::Resolve(_) => "RESOLVE",
            OfficeRequest::Sync(sync) => {
                let entry = sync.body.entries.iter().find(|e| e.agreed.body.tx == now.key.tx);
                match entry.map(|entry| &entry.state) {
                    Some(EntryState::Committed(_)) => "SYNC with COMMIT",
                    Some(EntryState::Aborted(_)) | None => "SYNC with ABORT",
                    Some(EntryState::InDoubt) => "SYNC in doubt",
                    Some(EntryState::Voided(_)) => "SYNC with VOID",
                }
            }
        };
        counters.reach(&format!("office {then} {event} -> {}", now.state));
        if now.state == "CLAIMED" && now.is_over && now.covered < now.amount {
            counters.reach("office CLAIMED waits for receipts");
        }
    }
}

/// The office went over what was undecided.
pub(crate) fn lapsed(counters: &mut Counters, before: &[Standing], after: &[Standing]) {
    for now in after {
        let then = before.iter().find(|then| then.key == now.key).map_or("none", |b| b.state);
        if then != now.state {
            counters.reach(&format!("office {then} time -> {}", now.state));
        }
    }
}
