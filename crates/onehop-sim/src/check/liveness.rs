//! Liveness (I12): once faults stop and everybody meets the office, everything settles.

use money_office::{Command, OfficeError, OperatorAnswer};
use onehop_wire::office::OutcomeKind;

use super::{I4, I12, OFFICE_C1, OFFICE_I14_HONEST};
use crate::device::Device;
use crate::env::Env;
use crate::office::OfficeSim;

/// Every device runs, nothing is in doubt, open or unclaimed, and each wallet is worth what it was
/// given and received less what it paid.
pub(crate) fn settled(
    env: &mut Env,
    devices: &[Device],
    office: &mut OfficeSim,
) -> Result<(), OfficeError> {
    let is_exempt = |env: &Env, device: &Device| {
        env.wallets.get(device.index).is_some_and(|wallet| env.facts.exempt.contains(wallet))
    };
    for device in devices.iter().filter(|device| !is_exempt(env, device)).collect::<Vec<_>>() {
        let Some(running) = &device.running else {
            env.facts.violate(I12, format!("{} does not run", device.name()));
            continue;
        };
        for view in running.wallet.state().payments() {
            if matches!(view.state.as_str(), "PREPARED" | "INVITED") {
                let what = format!("{}: payment {} is {}", device.name(), view.tx, view.state);
                env.facts.violate(I12, what);
            }
        }
        let left: usize = running.wallet.claims().bundles.iter().map(|b| b.claims.len()).sum();
        if left > 0 {
            env.facts.violate(I12, format!("{}: {left} claims are left", device.name()));
        }
        let balance = running.wallet.balance();
        if balance.held + balance.in_doubt + balance.received_unsettled > 0 {
            env.facts.violate(I12, format!("{}: {balance:?}", device.name()));
        }
    }
    worth(env, devices, office)
}

/// Compares each wallet's worth with the payments that happened.
fn worth(env: &mut Env, devices: &[Device], office: &mut OfficeSim) -> Result<(), OfficeError> {
    let OperatorAnswer::Wallets(reports) = office.operate(env, Command::Wallets)? else {
        return Ok(());
    };
    let mut total = 0;
    for report in &reports {
        total += report.account + report.purse + report.incoming + report.suspense;
        if report.frozen && env.facts.suspect != Some(report.wallet) {
            let what = format!("{} is frozen", report.name);
            env.facts.violate(OFFICE_I14_HONEST, what);
        }
    }
    if total != env.facts.issued {
        let what = format!("wallets are worth {total} of {}", env.facts.issued);
        env.facts.violate(OFFICE_C1, what);
    }
    if env.facts.is_tainted {
        return Ok(());
    }
    for device in devices {
        let Some(running) = &device.running else { continue };
        let Some(me) = running.wallet.state().wallet() else { continue };
        if env.facts.exempt.contains(&me) {
            continue;
        }
        let Some(report) = reports.iter().find(|report| report.wallet == me) else { continue };
        let mut expected = env.given.get(device.index).copied().unwrap_or(0);
        for payment in env.facts.payments.values() {
            let is_paid = payment
                .outcome
                .as_ref()
                .is_some_and(|outcome| outcome.body.kind == OutcomeKind::Paid);
            let sum = if is_paid { i128::from(payment.amount) } else { 0 };
            expected += if payment.payee == Some(me) { sum } else { 0 };
            expected -= if payment.payer == Some(me) { sum } else { 0 };
        }
        let found = report.account + report.purse + report.incoming + report.suspense;
        let has = i128::from(running.wallet.balance().available);
        if found != expected || has != report.purse {
            let what = format!(
                "{}: worth {found}, should be {expected}; purse {has} of {}",
                device.name(),
                report.purse
            );
            env.facts.violate(I4, what);
        }
    }
    Ok(())
}
