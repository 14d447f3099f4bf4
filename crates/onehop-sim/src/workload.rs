//! What people do: meet, ask, pay, cancel, walk away, and go to the office.

use money_office::{Command, OfficeError};
use onehop_proto::{Direction, PaymentView, Refusal, Standing, Terms, Wallet};
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer, Verdict};
use onehop_wire::{Money, Now, Text, TxId};
use rand_core::Rng as _;

use crate::check::{I12_ANSWERED, contradiction, forks, replays};
use crate::device::Device;
use crate::env::Env;
use crate::faults::FaultKind;
use crate::office::{OfficeSim, currency};
use crate::people::Plan;
use crate::transitions;

/// How long buyer mode stays open, in milliseconds.
const BUYER_MODE_MS: u64 = 120_000;

/// A seller opens shop near a buyer in buyer mode.
pub(crate) fn meet(env: &mut Env, devices: &mut [Device], seller: usize, buyer: usize) {
    let Some(shop) = devices.get_mut(seller) else { return };
    let lookup = shop.command(env, |wallet, _| wallet.open_shop().ok()).flatten();
    let (Some(lookup), Some(buyer)) = (lookup, devices.get_mut(buyer)) else { return };
    let opened = buyer.command(env, |wallet, now| wallet.open_buyer_mode(now, BUYER_MODE_MS));
    if matches!(opened, Some(Ok(()))) {
        env.line(buyer.name(), "~", "", "hears a seller");
        buyer.seek(env, seller, lookup);
    }
}

/// One random act of somebody.
pub(crate) fn act(env: &mut Env, devices: &mut [Device]) {
    let count = devices.len();
    let who = env.pick(count);
    let other = (who + 1 + env.pick(count - 1)) % count;
    let (chance, until) = (env.fraction(), env.now_ms + env.between(1_000, 40_000));
    if env.strikes(FaultKind::Partition) {
        env.radio.part(who, other, until);
    }
    if chance < 0.68 {
        return meet(env, devices, who, other);
    }
    let Some(device) = devices.get_mut(who) else { return };
    if chance < 0.78 {
        sync(env, device);
    } else if chance < 0.86 {
        claim(env, device);
    } else if chance < 0.94 {
        resolve(env, device);
    } else {
        device.compact(env);
    }
}

/// What the operator does between the acts of others: pays cash out.
pub(crate) fn operate(env: &mut Env, office: &mut OfficeSim) -> Result<(), OfficeError> {
    let (chance, amount) = (env.side.next_u32() % 20, u64::from(env.side.next_u32() % 900) + 1);
    let who = usize::try_from(env.side.next_u32()).unwrap_or(0) % env.wallets.len().max(1);
    if chance == 0
        && let Some(wallet) = env.wallets.get(who).copied()
        && office.redeem(env, wallet, amount)?
        && let Some(given) = env.given.get_mut(who)
    {
        *given -= i128::from(amount);
    }
    Ok(())
}

/// A wallet is taken out of use, by the operator or by its owner.
pub(crate) fn retire(
    env: &mut Env,
    device: &mut Device,
    office: &mut OfficeSim,
    is_revoked: bool,
) -> Result<(), OfficeError> {
    let Some(wallet) = env.wallets.get(device.index).copied() else { return Ok(()) };
    if is_revoked {
        env.line("office", ".", device.name(), "is revoked");
        office.operate(env, Command::Revoke { wallet })?;
        env.facts.exempt.insert(wallet);
        return Ok(());
    }
    // From the moment on in which it may be: the record can be on the disk before power is lost.
    env.facts.exempt.insert(wallet);
    env.line(device.name(), ".", "", "is frozen by its owner");
    device.command(env, |wallet, _| wallet.freeze());
    Ok(())
}

/// Carries out one plan of the owner of `device`.
pub(crate) fn carry_out(
    env: &mut Env,
    devices: &mut [Device],
    office: &mut OfficeSim,
    who: usize,
    plan: Plan,
) -> Result<(), OfficeError> {
    let Some(device) = devices.get_mut(who) else { return Ok(()) };
    match plan {
        Plan::Introduce(peer) => {
            device.command(env, |wallet, now| wallet.introduce(now, peer).ok());
        }
        Plan::Ask(peer) => ask(env, device, peer),
        Plan::Confirm(tx) => decide(env, device, &tx, "yes", Wallet::confirm),
        Plan::Refuse(tx) => decide(env, device, &tx, "no", Wallet::refuse),
        Plan::Cancel(tx) => decide(env, device, &tx, "cancel", Wallet::cancel),
        Plan::HangUp(peer) => {
            device.command(env, |wallet, _| {
                if wallet.session(peer).is_some() {
                    wallet.hang_up(peer);
                }
            });
        }
        Plan::Start => device.start(env),
        Plan::Post(request) => post(env, office, device, *request)?,
        Plan::Answer(request, answer) => hear(env, device, &request, *answer),
    }
    Ok(())
}

/// The owner says something about a payment; what the wallet makes of it is counted.
fn decide(
    env: &mut Env,
    device: &mut Device,
    tx: &TxId,
    what: &str,
    command: impl FnOnce(&mut Wallet, Now, &TxId) -> Result<(), Refusal>,
) {
    let done = device.command(env, |wallet, now| {
        let before = wallet.state().stage(tx);
        let is_done = command(wallet, now, tx).is_ok();
        (before, is_done, wallet.state().stage(tx))
    });
    let Some((before, is_done, after)) = done else { return };
    let before = if before == "none" { "buyer ASKED" } else { before };
    let how = if is_done { "" } else { " refused" };
    env.counters.reach(&format!("{before} {what}{how} -> {after}"));
}

fn ask(env: &mut Env, device: &mut Device, peer: onehop_proto::PeerId) {
    let is_repeat = env.fraction() < 0.1 && env.orders > 0 && !env.is_scripted;
    if !is_repeat {
        env.orders += 1;
    }
    let amount = match env.pick(12) {
        0 => env.between(20_000, 60_000),
        1 => env.between(1, 50),
        _ => env.between(500, 12_000),
    };
    let amount = if env.is_scripted { 1_250 } else { amount };
    let order = format!("order {}", env.orders);
    let Ok(order_id) = Text::new(order.as_str()) else { return };
    let first = if env.orders.is_multiple_of(5) && !env.is_scripted {
        first_payment(device, peer)
    } else {
        None
    };
    let refund_of = first.as_ref().map(|first| first.tx);
    // Now and then more than was paid: the wallet then refuses by itself.
    let amount = first.map_or(amount, |first| amount.min(first.amount.minor().saturating_add(99)));
    let terms = Terms { amount: Money::new(amount, currency()), order_id, order, refund_of };
    let asked = device.command(env, |wallet, now| wallet.request(now, peer, &terms));
    let Some(Ok(tx)) = asked else { return };
    env.counters.reach("seller/INVITED");
    env.counters.reach("seller none charge -> INVITED");
    if env.trace.is_kept() {
        env.line(device.name(), "?", "", &format!("asks for {amount} as {}", tx.short()));
    }
    if env.fraction() < 0.08 && !env.is_scripted {
        let at = env.now_ms + env.between(20, 3_000);
        env.plans.push(at, device.index, Plan::Cancel(tx));
    }
}

/// A payment that this wallet made to the one it is in session with.
fn first_payment(device: &Device, peer: onehop_proto::PeerId) -> Option<PaymentView> {
    let wallet = &device.running.as_ref()?.wallet;
    let (name, _) = wallet.session(peer)?;
    let mut payments = wallet.state().payments();
    payments.find(|payment| {
        payment.direction == Direction::Out
            && payment.standing == Standing::Paid
            && payment.name == name
    })
}

/// Closes the purse and sends the SYNC, if the device lives to do so.
pub(crate) fn sync(env: &mut Env, device: &mut Device) {
    let transfer = match env.pick(6) {
        _ if env.is_scripted => Transfer::None,
        0 => Transfer::Charge(env.between(1, 30_000)),
        1 => Transfer::Withdraw(env.between(1, 8_000)),
        _ => Transfer::None,
    };
    let closed = device.command(env, |wallet, now| wallet.close(now, transfer));
    if let Some(Ok(sync)) = closed {
        send(env, device, OfficeRequest::Sync(Box::new(sync)));
    }
}

/// Files all claims.
pub(crate) fn claim(env: &mut Env, device: &mut Device) {
    let Some(claims) = device.command(env, |wallet, _| wallet.claims()) else { return };
    for bundle in claims.bundles {
        send(env, device, OfficeRequest::Claim(bundle));
    }
}

/// Asks the office about every payment in doubt.
pub(crate) fn resolve(env: &mut Env, device: &mut Device) {
    let Some(running) = &device.running else { return };
    let doubtful: Vec<TxId> = running
        .wallet
        .state()
        .payments()
        .filter(|view| view.direction == Direction::Out)
        .filter(|view| matches!(view.state.as_str(), "PREPARED" | "ABORTED"))
        .map(|view| view.tx)
        .collect();
    for tx in doubtful {
        let asked = device.command(env, |wallet, _| wallet.resolve(&tx));
        if let Some(Ok(request)) = asked {
            contradiction::resolving(&mut env.facts, tx);
            send(env, device, OfficeRequest::Resolve(Box::new(request)));
        }
    }
}

fn send(env: &mut Env, device: &Device, request: OfficeRequest) {
    if device.running.is_some() {
        let at = env.now_ms + env.between(20, 800);
        env.plans.push(at, device.index, Plan::Post(Box::new(request)));
    }
}

fn post(
    env: &mut Env,
    office: &mut OfficeSim,
    device: &Device,
    request: OfficeRequest,
) -> Result<(), OfficeError> {
    env.line(device.name(), "->", "office", request_name(&request));
    let Some(answer) = office.ask(env, &request)? else {
        env.line("office", "x", "", "is killed and starts again");
        return Ok(());
    };
    forks::shown(&mut env.facts, &request, &answer);
    let today = env.today();
    env.facts.answered(today, office.grace(), &answer);
    if env.pick(6) == 0 {
        replays::request(env, office, (&request, &answer), request_name(&request))?;
    }
    let times = if env.strikes(FaultKind::AnswerLost) {
        0
    } else {
        1 + u64::from(env.strikes(FaultKind::AnswerRepeated))
    };
    for _ in 0..times {
        let at = env.now_ms + env.between(20, 2_000);
        let plan = Plan::Answer(Box::new(request.clone()), Box::new(answer.clone()));
        env.plans.push(at, device.index, plan);
    }
    Ok(())
}

fn hear(env: &mut Env, device: &mut Device, request: &OfficeRequest, answer: OfficeAnswer) {
    env.line("office", "->", device.name(), request_name(request));
    match answer {
        OfficeAnswer::Sync(answer) => {
            if env.trace.is_kept() {
                let before = device.running.as_ref().map(|running| running.wallet.balance());
                let decided = answer
                    .outcomes
                    .iter()
                    .map(|o| format!("{} {:?} {}", o.body.tx.short(), o.body.kind, o.body.amount));
                let decided: Vec<String> = decided.collect();
                let next = answer.checkpoint.body.balance;
                let what = format!("purse of {next} after {before:?}: {}", decided.join(", "));
                env.line("office", ".", device.name(), &what);
            }
            let about: Vec<_> = answer
                .outcomes
                .iter()
                .map(|o| (o.body.tx, transitions::kind(&o.body.kind)))
                .collect();
            let before = stages(device, &about);
            let taken = device.command(env, |wallet, _| wallet.renewed(*answer));
            if matches!(taken, Some(Ok(_))) {
                tell(env, device, &about, &before);
            }
            if let Some(running) = device.running.as_ref().filter(|_| env.trace.is_kept()) {
                let balance = running.wallet.balance();
                env.line(device.name(), ".", "", &format!("{balance:?}"));
            }
            if let Some(Err(refusal)) = taken
                && !is_late(&refusal)
            {
                env.facts.violate(I12_ANSWERED, format!("{}: {refusal}", device.name()));
            }
        }
        OfficeAnswer::Claim(answer) => {
            for verdict in &answer.verdicts {
                verdict_heard(env, device, verdict);
            }
        }
        OfficeAnswer::Resolve(verdict) => verdict_heard(env, device, &verdict),
        OfficeAnswer::Refused(_) if is_exempt(env, device) => {}
        // The claims and the SYNC are on their way together, and nobody says in which order they come.
        OfficeAnswer::Refused(why) if why.as_str().ends_with("claim it first") => {
            env.counters.reach("office/refund-before-first");
            claim(env, device);
        }
        OfficeAnswer::Refused(why) => {
            let what = format!("{}: {} refused: {why}", device.name(), request_name(request));
            env.facts.violate(I12_ANSWERED, what);
        }
        // Nobody here seals.
        OfficeAnswer::Enrol(_) | OfficeAnswer::Relay(_) => {}
    }
}

fn verdict_heard(env: &mut Env, device: &mut Device, verdict: &Verdict) {
    if let Verdict::Refused(why) = verdict
        && !is_exempt(env, device)
    {
        let what = format!("{}: {why}", device.name());
        env.facts.violate(I12_ANSWERED, what);
    }
    let about: Vec<_> = transitions::verdict(verdict).into_iter().collect();
    let before = stages(device, &about);
    let taken = device.command(env, |wallet, _| wallet.verdict(verdict));
    tell(env, device, &about, &before);
    if matches!(taken, Some(Err(Refusal::OfficeSignature(_)))) && env.facts.knows_two_keys() {
        // The next SYNC brings the key.
        env.counters.reach("office/key-unknown");
        return;
    }
    if let Some(Err(refusal)) = taken {
        let what = format!("{}: {refusal}", device.name());
        env.facts.violate(I12_ANSWERED, what);
    }
}

/// True if the owner's wallet was revoked or frozen.
fn is_exempt(env: &Env, device: &Device) -> bool {
    env.wallets.get(device.index).is_some_and(|wallet| env.facts.exempt.contains(wallet))
}

fn stages(device: &Device, about: &[(TxId, &'static str)]) -> Vec<&'static str> {
    let Some(running) = &device.running else { return Vec::new() };
    about.iter().map(|(tx, _)| running.wallet.state().stage(tx)).collect()
}

fn tell(env: &mut Env, device: &Device, about: &[(TxId, &'static str)], before: &[&'static str]) {
    let after = stages(device, about);
    for (((_, what), before), after) in about.iter().zip(before).zip(after) {
        transitions::told(&mut env.counters, what, before, after);
    }
}

/// An answer to a SYNC that was answered before.
fn is_late(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::OfficeAnswer { what: "no sync" | "sync" })
}

fn request_name(request: &OfficeRequest) -> &'static str {
    match request {
        OfficeRequest::Enrol(_) => "ENROL",
        OfficeRequest::Sync(_) => "SYNC",
        OfficeRequest::Claim(_) => "CLAIM",
        OfficeRequest::Resolve(_) => "RESOLVE",
        OfficeRequest::Relay(_) => "PARCEL",
    }
}
