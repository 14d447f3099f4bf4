//! What the office says, to a real wallet that waits for it.

use anyhow::bail;
use onehop_proto::{Birth, Config, LogRecord, Wallet};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{
    ClaimAnswer, OfficeAnswer, OfficeInfo, OfficeRequest, Outcome, OutcomeKind, Transfer, Verdict,
};
use onehop_wire::{Class, Message, Signed, Text, decode, encode};
use rand_core::SeedableRng as _;

use super::mutants::Genuine;
use super::stage::{Stage, TODAY};
use super::tally::{Case, Free, Reaction, Receiver};
use super::victim::{Live, NOW};
use crate::vectors::born::born;
use crate::vectors::samples::list;
use crate::vectors::world::World;

const MOVED: &str =
    "SYNC answer: what became of the transfer is for the screen; the purse is signed";
const NEWS: &str = "SYNC answer: another list of outcomes, each of them signed";
const RENEWAL: &[Free] = &[
    Free {
        path: "office_keys",
        is_signed: false,
        why: "SYNC answer: another list of the office's keys, each signed by its root",
    },
    Free { path: "transfer", is_signed: false, why: MOVED },
    Free { path: "transfer.Refused", is_signed: false, why: MOVED },
    Free { path: "outcomes", is_signed: false, why: NEWS },
    Free { path: "outcomes.0", is_signed: false, why: NEWS },
];
const SHOWN: &str =
    "OfficeInfo: currency and name are for the screen; certificates carry the currency";
const INFO: &[Free] = &[
    Free { path: "currency", is_signed: false, why: SHOWN },
    Free { path: "currency.code", is_signed: false, why: SHOWN },
    Free { path: "currency.exponent", is_signed: false, why: SHOWN },
    Free { path: "name", is_signed: false, why: SHOWN },
    Free {
        path: "new_roots",
        is_signed: false,
        why: "OfficeInfo: another list of successors, each of them signed",
    },
];

/// Makes a wallet that waits for an answer.
type Build = fn(&Stage) -> anyhow::Result<Wallet>;

/// The cases of all answers.
pub(crate) fn cases(stage: &Stage) -> anyhow::Result<Vec<Case<'_>>> {
    let mut cases = Vec::new();
    let outcome = outcome(&stage.world)?;
    let claims = ClaimAnswer { verdicts: list(vec![Verdict::Outcome(outcome.clone())]) };
    let table: [(_, OfficeAnswer, Build, &'static [Free]); 4] = [
        ("answer to ENROL", enrolment(stage)?, enrolling, &[]),
        ("answer to SYNC", renewal(stage)?, closed, RENEWAL),
        ("answer to claims", OfficeAnswer::Claim(claims), claiming, &[]),
        (
            "answer to RESOLVE",
            OfficeAnswer::Resolve(Box::new(Verdict::Outcome(outcome))),
            claiming,
            &[],
        ),
    ];
    for (name, answer, build, free) in table {
        cases.push(Case {
            name: str::to_owned(name),
            genuine: Genuine::new(&answer)?,
            receiver: Box::new(Waiting { stage, build, wallet: build(stage)? }),
            resign: None,
            free,
            is_idle: false,
        });
    }
    cases.push(Case {
        name: "refusal by the office".to_owned(),
        genuine: Genuine::new(&OfficeAnswer::Refused(crate::vectors::world::text("no")))?,
        receiver: Box::new(Waiting { stage, build: closed, wallet: closed(stage)? }),
        resign: None,
        free: &[],
        is_idle: true,
    });
    cases.push(Case {
        name: "an office as it presents itself".to_owned(),
        genuine: Genuine::new(&stage.office()?.info()?)?,
        receiver: Box::new(Pinned { stage }),
        resign: None,
        free: INFO,
        is_idle: false,
    });
    Ok(cases)
}

/// A wallet that sent ENROL.
fn enrolling(stage: &Stage) -> anyhow::Result<Wallet> {
    let mut log = born(&stage.world, &stage.world.third);
    log.truncate(1);
    let stored = (1_u64..).zip(log.iter().map(encode));
    let mut wallet = Wallet::recover(Config::default(), [0x44; 32], None, stored)?;
    let name: Text<40> = crate::vectors::world::text("Nila");
    wallet.enrol(name, Class::Person)?;
    settle(&mut wallet);
    Ok(wallet)
}

/// An office that does not know the third person yet, and its answer.
fn enrolment(stage: &Stage) -> anyhow::Result<OfficeAnswer> {
    let mut wallet = enrolling(stage)?;
    let name: Text<40> = crate::vectors::world::text("Nila");
    let enrol = wallet.enrol(name, Class::Person)?;
    let mut office = stage.bare_office()?;
    Ok(office.answer(TODAY, &OfficeRequest::Enrol(enrol))?)
}

/// The seller's wallet with a payment received and its purse closed.
fn closed(stage: &Stage) -> anyhow::Result<Wallet> {
    let (mut wallet, _) = sold(&stage.world)?;
    wallet.close(NOW, Transfer::Charge(1_000_000))?;
    settle(&mut wallet);
    Ok(wallet)
}

/// The answer to its SYNC, with news of the payment.
fn renewal(stage: &Stage) -> anyhow::Result<OfficeAnswer> {
    let sync = closed(stage)?.close(NOW, Transfer::None)?;
    let mut answer = stage.office()?.sync(TODAY, &sync)?;
    answer.outcomes = list(vec![outcome(&stage.world)?]);
    Ok(OfficeAnswer::Sync(Box::new(answer)))
}

/// The seller's wallet with a payment that the office may settle.
fn sold(world: &World) -> anyhow::Result<(Wallet, Signed<onehop_wire::Agreed>)> {
    let mut live = Live::selling(world, &world.seller, &world.buyer)?;
    let request = live.ask(735, 1)?;
    let agreed =
        world.entry(&world.buyer, &mut world.chain(&world.buyer.checkpoint), &request, &[]);
    let heard = live.send(&encode(&Message::Agreed(agreed.clone())))?;
    let Some(Message::Commit(_)) = live.open(&heard).into_iter().next() else { bail!("no COMMIT") };
    Ok((live.victim.wallet, agreed))
}

fn claiming(stage: &Stage) -> anyhow::Result<Wallet> {
    Ok(sold(&stage.world)?.0)
}

fn outcome(world: &World) -> anyhow::Result<Signed<Outcome>> {
    Ok(world.outcome(&sold(world)?.1, OutcomeKind::Paid))
}

fn settle(wallet: &mut Wallet) -> Vec<LogRecord> {
    let mut records = Vec::new();
    while let Some(output) = wallet.poll_output() {
        if let onehop_proto::Output::Persist(batch) = output {
            if batch.forced {
                wallet.persisted(batch.last());
            }
            records.extend(batch.records);
        }
    }
    records
}

/// A wallet that is set up again once an answer changed it.
struct Waiting<'a> {
    stage: &'a Stage,
    build: Build,
    wallet: Wallet,
}

impl Receiver for Waiting<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        let Ok(answer) = decode::<OfficeAnswer>(bytes, OFFICE_BODY_MAX) else {
            return Reaction::Nothing;
        };
        let before = encode(self.wallet.state());
        let is_taken = match answer {
            OfficeAnswer::Enrol(answer) => self.wallet.enrolled(*answer).is_ok(),
            OfficeAnswer::Sync(answer) => self.wallet.renewed(*answer).is_ok(),
            OfficeAnswer::Claim(answer) => {
                // Good verdicts of a list count, whatever the others are.
                answer
                    .verdicts
                    .iter()
                    .map(|verdict| self.wallet.verdict(verdict))
                    .all(|v| v.is_ok())
            }
            OfficeAnswer::Resolve(verdict) => self.wallet.verdict(&verdict).is_ok(),
            OfficeAnswer::Refused(_) | OfficeAnswer::Relay(_) => false,
        };
        let records = settle(&mut self.wallet);
        let is_changed = encode(self.wallet.state()) != before;
        if is_changed {
            self.reset();
        }
        match (is_taken, is_changed || !records.is_empty()) {
            (_, false) => Reaction::Nothing,
            (true, true) => Reaction::Accepted,
            (false, true) => Reaction::Changed(format!("refused, and yet {records:?}")),
        }
    }

    fn reset(&mut self) {
        if let Ok(wallet) = (self.build)(self.stage) {
            self.wallet = wallet;
        }
    }
}

/// Somebody who has the office's id from elsewhere and makes a wallet of it.
struct Pinned<'a> {
    stage: &'a Stage,
}

impl Receiver for Pinned<'_> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        let Ok(info) = decode::<OfficeInfo>(bytes, OFFICE_BODY_MAX) else {
            return Reaction::Nothing;
        };
        let pinned = self.stage.world.office();
        if onehop_crypto::Trust::from_info(&info, Some(&pinned)).is_err() {
            return Reaction::Nothing;
        }
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([0x45; 32]);
        match Birth::new(&mut rng, info) {
            Ok(_) => Reaction::Accepted,
            Err(_) => Reaction::Nothing,
        }
    }

    fn reset(&mut self) {}
}
