//! Conservation (C1): money is neither made nor lost, by the office's books and in all wallets
//! together.

use money_office::{AuditReport, OfficeError};
use onehop_wire::TxId;
use onehop_wire::office::OutcomeKind;

use super::{C1, OFFICE_C1};
use crate::device::Device;
use crate::env::Env;
use crate::office::OfficeSim;

/// The office's books balance after every request, and hold as much cash as was handed in.
pub(crate) fn books(env: &mut Env, office: &OfficeSim) -> Result<(), OfficeError> {
    let sums = office.read()?.sums()?;
    balanced(env, &sums);
    Ok(())
}

/// The same by the office's own audit, which recomputes every balance from the evidence.
pub(crate) fn audit(env: &mut Env, office: &OfficeSim) -> Result<(), OfficeError> {
    let report = office.read()?.audit()?;
    if !report.balances() {
        let what = format!("{:?} {:?}", report.faults.first(), report.differences.first());
        env.facts.violate(OFFICE_C1, format!("the audit differs: {what}"));
    }
    balanced(env, &report);
    Ok(())
}

fn balanced(env: &mut Env, report: &AuditReport) {
    if report.missing() != 0 {
        env.facts.violate(OFFICE_C1, format!("the books differ by {}", report.missing()));
    }
    if report.cash != env.facts.issued {
        let what = format!("the office holds {} of {}", report.cash, env.facts.issued);
        env.facts.violate(OFFICE_C1, what);
    }
}

/// All wallets together never hold more than was issued: what a buyer holds in doubt counts unless
/// its seller committed, and what a seller received counts unless the office said VOID.
pub(crate) fn wallets(env: &mut Env, devices: &[Device]) {
    let mut sum: i128 = 0;
    for device in devices {
        let Some(running) = &device.running else { return };
        let balance = running.wallet.balance();
        let parts = [balance.available, balance.held, balance.in_doubt, balance.received_unsettled];
        sum += parts.into_iter().map(i128::from).sum::<i128>();
        for view in running.wallet.state().payments() {
            let Some(payment) = env.facts.payments.get(&view.tx) else { continue };
            let is_void = payment
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.body.kind == OutcomeKind::Void);
            let is_twice = match view.state.as_str() {
                "PREPARED" => !payment.commits.is_empty() || is_void,
                "COMMITTED" | "DONE" => view.direction == onehop_proto::Direction::In && is_void,
                _ => false,
            };
            if is_twice {
                sum -= i128::from(view.amount.minor());
            }
        }
    }
    if sum > env.facts.issued {
        let over = sum - env.facts.issued;
        let likely = env.facts.payments.iter().find(|(_, p)| i128::from(p.amount) == over);
        let likely = likely.map(|(tx, _)| states(*tx, devices)).unwrap_or_default();
        let what = format!("wallets hold {sum} of {}{likely}", env.facts.issued);
        env.facts.violate(C1, what);
    }
}

/// How a payment stands on each side, for a message.
fn states(tx: TxId, devices: &[Device]) -> String {
    let mut text = format!("; payment {}", tx.short());
    for device in devices {
        let view = device.running.as_ref().and_then(|r| r.wallet.state().payment(&tx));
        if let Some(view) = view {
            text.push_str(&format!(", {} {:?} {}", device.name(), view.direction, view.state));
        }
    }
    text
}
