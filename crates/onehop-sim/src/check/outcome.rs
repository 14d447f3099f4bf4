//! The office's word: it never pays what it voided (I6), PAID implies that the buyer was not
//! released (I7), VOID implies a deadline or an ABORT (I9), and one answer is given for ever (I13).

use onehop_wire::Signed;
use onehop_wire::office::{OfficeAnswer, Outcome, OutcomeKind, Verdict};

use crate::env::Env;

/// Every outcome in an answer is checked, whoever it was for.
pub(crate) fn answered(env: &mut Env, grace: u64, answer: &OfficeAnswer) {
    let of = |verdict: &Verdict| match verdict {
        Verdict::Outcome(outcome) => Some(outcome.clone()),
        Verdict::Pending(_) | Verdict::Refused(_) => None,
    };
    let outcomes: Vec<Signed<Outcome>> = match answer {
        OfficeAnswer::Enrol(_) | OfficeAnswer::Refused(_) => Vec::new(),
        OfficeAnswer::Sync(answer) => answer.outcomes.iter().cloned().collect(),
        OfficeAnswer::Claim(answer) => answer.verdicts.iter().filter_map(of).collect(),
        OfficeAnswer::Resolve(verdict) => of(verdict).into_iter().collect(),
    };
    for outcome in outcomes {
        check(env, grace, &outcome);
    }
}

/// Checks one outcome against those before and against what the two devices recorded.
pub(crate) fn check(env: &mut Env, grace: u64, outcome: &Signed<Outcome>) {
    let (tx, today, is_tainted) = (outcome.body.tx, env.today(), env.facts.is_tainted);
    let payment = env.facts.payment(tx);
    let (before, payment) = (payment.outcome.replace(outcome.clone()), payment.clone());
    if let Some(before) = before {
        if before != *outcome {
            let what = format!("payment {}: two different outcomes", tx.short());
            env.facts.violate("office I6 never pays what it voided", what);
        }
        return;
    }
    let fault = match outcome.body.kind {
        OutcomeKind::Paid if payment.buyer_released => {
            Some(("office I7 paid implies not released", "the buyer was released"))
        }
        OutcomeKind::Paid if payment.commits.is_empty() && !is_tainted => {
            Some(("office I10 both signed", "paid without a COMMIT"))
        }
        OutcomeKind::Void if today < payment.redeem_by.plus(grace) && payment.aborts.is_empty() => {
            Some(("office I9 void implies deadline or ABORT", "neither"))
        }
        OutcomeKind::Disputed(_) if !is_tainted => {
            Some(("I14 honest history leaves no proof", "disputed between honest wallets"))
        }
        OutcomeKind::Paid | OutcomeKind::Void | OutcomeKind::Disputed(_) => None,
    };
    if let Some((invariant, what)) = fault {
        env.facts.violate(invariant, format!("payment {}: {what}", tx.short()));
    }
}
