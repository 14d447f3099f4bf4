//! records.json: every record of a wallet's log, and the state that logs of them lead to.

use anyhow::{anyhow, ensure};
use onehop_proto::record::Renewal;
use onehop_proto::{Change, Config, LogRecord, State, Told, Wallet};
use onehop_wire::office::{OutcomeKind, Sync, Transfer};
use onehop_wire::{
    AbortReason, AbortSubject, Agreed, Claim, CommitRequest, List, Message, NewsItem, Refused,
    RefusedReason, Released, Signed, UnixSeconds, encode,
};

use super::born::born;
use super::readable::{Case, bytes, hex};
use super::samples::{next_checkpoint, second_office_key};
use super::world::{Chain, NEW_YEAR, World, text};

/// Fresh randomness of a start, if it were fresh.
const START_SEED: [u8; 32] = [0x77; 32];
/// When every payment was asked for and agreed to.
const NOW: UnixSeconds = UnixSeconds(NEW_YEAR).plus(3_600);

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let logs = [
        ("a wallet that was born and enrolled", born(world, &world.buyer)),
        ("a seller: paid, refused, aborted, redeemed, lost, asked", seller_log(world)),
        ("a buyer: committed, aborted, voided, refused, in doubt", buyer_log(world)),
        ("a purse closed and renewed", renewed_log(world)),
        ("a frozen wallet", frozen_log(world)),
        ("a wallet that has heard news", news_log(world)),
    ];
    let mut cases = Vec::new();
    let mut seen = [false; KINDS.len()];
    for (name, log) in &logs {
        for record in log {
            seen[kind(record)] = true;
        }
        cases.push(case(name, log)?);
    }
    let missing = KINDS.iter().zip(seen).find_map(|(name, seen)| (!seen).then_some(name));
    ensure!(missing.is_none(), "no log has the record {missing:?}");
    Ok(cases)
}

fn case(name: &str, log: &[LogRecord]) -> anyhow::Result<Case> {
    let mut state = State::default();
    for record in log {
        let kind = KINDS[kind(record)];
        state.apply(record).map_err(|_| anyhow!("{name}: {kind} does not fit the log"))?;
    }
    let stored = (1_u64..).zip(log.iter().map(encode));
    let wallet = Wallet::recover(Config::default(), START_SEED, None, stored)?;
    let kinds: Vec<_> = log.iter().map(|record| KINDS[kind(record)]).collect();
    let records: Vec<_> = log.iter().map(bytes).collect();
    Ok(Case::new(name)
        .with("kinds", kinds)
        .with("records", records)
        .with("state", bytes(&state))
        .with("start_seed", hex(START_SEED))
        .with("recovered", bytes(wallet.state())))
}

const KINDS: [&str; 26] = [
    "Born",
    "EnrolSigned",
    "Enrolled",
    "OfficeKeySeen",
    "Invited",
    "SellerCommitted",
    "SellerAborted",
    "Done",
    "Redeemed",
    "Lost",
    "Refused",
    "Prepared",
    "BuyerCommitted",
    "BuyerAborted",
    "BuyerSettled",
    "Evidence",
    "Closed",
    "Renewed",
    "Seen",
    "Frozen",
    "NumbersFrom",
    "NewRootSeen",
    "Revoked",
    "Forked",
    "HeadHeard",
    "Told",
];

/// The place of the record's name in [`KINDS`]; a new record has to be given one.
fn kind(record: &LogRecord) -> usize {
    match record {
        LogRecord::Born { .. } => 0,
        LogRecord::EnrolSigned(_) => 1,
        LogRecord::Enrolled(_) => 2,
        LogRecord::OfficeKeySeen(_) => 3,
        LogRecord::Invited { .. } => 4,
        LogRecord::SellerCommitted { .. } => 5,
        LogRecord::SellerAborted { .. } => 6,
        LogRecord::Done { .. } => 7,
        LogRecord::Redeemed(_) => 8,
        LogRecord::Lost(_) => 9,
        LogRecord::Refused { .. } => 10,
        LogRecord::Prepared { .. } => 11,
        LogRecord::BuyerCommitted { .. } => 12,
        LogRecord::BuyerAborted { .. } => 13,
        LogRecord::BuyerSettled(_) => 14,
        LogRecord::Evidence { .. } => 15,
        LogRecord::Closed(_) => 16,
        LogRecord::Renewed(_) => 17,
        LogRecord::Seen { .. } => 18,
        LogRecord::Frozen => 19,
        LogRecord::NumbersFrom(_) => 20,
        LogRecord::NewRootSeen(_) => 21,
        LogRecord::Revoked { .. } => 22,
        LogRecord::Forked { .. } => 23,
        LogRecord::HeadHeard(_) => 24,
        LogRecord::Told { .. } => 25,
    }
}

fn invited(world: &World, request: &Signed<CommitRequest>) -> LogRecord {
    LogRecord::Invited {
        request: request.clone(),
        order: text("2 tea"),
        payer: world.buyer.certificate.clone(),
        at: NOW,
    }
}

fn seller_log(world: &World) -> Vec<LogRecord> {
    let World { seller, buyer, .. } = world;
    let mut log = born(world, seller);
    log.push(LogRecord::OfficeKeySeen(second_office_key(world)));
    log.push(LogRecord::Seen { wallet: buyer.id(), epoch: 1, number: 1 });
    let mut chain = world.chain(&buyer.checkpoint);
    let mut pay = |log: &mut Vec<LogRecord>, number: u8, amount: u64| {
        let request = world.request(seller, buyer, amount, number);
        let agreed = world.entry(buyer, &mut chain, &request, &[]);
        let receipt = world.receipt(seller, buyer, &agreed, &[]);
        let claim = Claim { committed: None, ..receipt.clone() };
        log.push(invited(world, &request));
        log.push(LogRecord::SellerCommitted {
            tx: agreed.body.tx,
            claim: Box::new(claim),
            change: Change::credit(amount),
        });
        (agreed, receipt.committed)
    };
    let (redeemed, committed) = pay(&mut log, 1, 735);
    log.extend(committed.map(|committed| LogRecord::Done { committed }));
    log.push(LogRecord::Redeemed(world.outcome(&redeemed, OutcomeKind::Paid)));
    let (lost, committed) = pay(&mut log, 2, 800);
    log.extend(committed.map(|committed| LogRecord::Done { committed }));
    log.push(LogRecord::Lost(world.outcome(&lost, OutcomeKind::Void)));
    let (kept, _) = pay(&mut log, 3, 900);
    let aborted = world.request(seller, buyer, 950, 4);
    let entry = world.entry(buyer, &mut chain, &aborted, &[]);
    let mut abort = world.abort(seller, buyer, &entry).body;
    abort.subject = AbortSubject::Request(aborted.hash(&world.office()));
    abort.reason = AbortReason::Expired;
    log.push(invited(world, &aborted));
    log.push(LogRecord::SellerAborted {
        abort: world.sign(&seller.signer, abort),
        request: aborted,
    });
    let message = encode(&Message::Agreed(kept.clone()));
    log.push(LogRecord::Evidence { tx: kept.body.tx, message });
    log.push(LogRecord::NumbersFrom(64));
    // Nobody answers this one: it is aborted at the next start.
    log.push(invited(world, &world.request(seller, buyer, 1_000, 65)));
    log
}

/// The records of one payment of the buyer up to its vote.
fn prepared(
    world: &World,
    chain: &mut Chain,
    amount: u64,
    number: u8,
) -> (LogRecord, Signed<Agreed>) {
    let World { seller, buyer, .. } = world;
    let request = world.request(seller, buyer, amount, number);
    let agreed = world.entry(buyer, chain, &request, &[]);
    let record = LogRecord::Prepared {
        agreed: agreed.clone(),
        attachments: List::empty(),
        request,
        order: text("2 tea"),
        payee: seller.certificate.clone(),
        change: Change::hold(amount),
        at: NOW,
    };
    (record, agreed)
}

fn buyer_log(world: &World) -> Vec<LogRecord> {
    let World { seller, buyer, .. } = world;
    let mut log = born(world, buyer);
    let mut chain = world.chain(&buyer.checkpoint);
    let (record, paid) = prepared(world, &mut chain, 735, 1);
    let commit = world.commit(seller, buyer, &paid, true);
    let committed = world.committed(buyer, &commit);
    log.extend([record, LogRecord::BuyerCommitted { commit, committed }]);
    let (record, given_up) = prepared(world, &mut chain, 800, 2);
    let abort = world.abort(seller, buyer, &given_up);
    let released = Released {
        tx: abort.body.tx,
        payer: buyer.id(),
        payee: seller.id(),
        abort: abort.hash(&world.office()),
    };
    let released = world.sign(&buyer.signer, released);
    log.extend([record, LogRecord::BuyerAborted { abort, released }]);
    for (number, kind) in [(3, OutcomeKind::Void), (4, OutcomeKind::Paid)] {
        let (record, agreed) = prepared(world, &mut chain, 900, number);
        log.extend([record, LogRecord::BuyerSettled(world.outcome(&agreed, kind))]);
    }
    let request = world.request(seller, buyer, 60_000, 5);
    let refused = Refused {
        tx: request.body.tx_id(),
        payer: buyer.id(),
        payee: seller.id(),
        request: request.hash(&world.office()),
        reason: RefusedReason::Declined,
    };
    let refused = world.sign(&buyer.signer, refused);
    let payee = seller.certificate.clone();
    log.push(LogRecord::Refused { refused, request, payee, at: NOW });
    log.push(prepared(world, &mut chain, 1_000, 6).0);
    log
}

fn renewed_log(world: &World) -> Vec<LogRecord> {
    let buyer = &world.buyer;
    let mut log = born(world, buyer);
    let chain = world.chain(&buyer.checkpoint);
    let sync = Sync {
        wallet: buyer.id(),
        checkpoint: chain.head,
        seq: 0,
        head: chain.head,
        cum_out: 0,
        entries: List::empty(),
        aborts: List::empty(),
        transfer: Transfer::None,
    };
    log.push(LogRecord::Closed(Box::new(world.sign(&buyer.signer, sync))));
    log.push(LogRecord::Renewed(Box::new(Renewal {
        new_roots: Vec::new(),
        office_keys: vec![world.office_key.clone()],
        certificate: buyer.certificate.clone(),
        checkpoint: world.by_office(next_checkpoint(buyer, &chain)),
        revocations: super::samples::Samples::new(world).revocations,
        deltas: vec![super::samples::Samples::new(world).delta],
    })));
    log
}

fn news_log(world: &World) -> Vec<LogRecord> {
    let samples = super::samples::Samples::new(world);
    let mut log = born(world, &world.third);
    let from = world.seller.id();
    for item in samples.news(world).items.into_inner() {
        log.push(match item {
            NewsItem::Root(root) => LogRecord::NewRootSeen(root),
            NewsItem::Key(key) => LogRecord::OfficeKeySeen(key),
            NewsItem::Delta(delta) => LogRecord::Revoked { delta, from },
            NewsItem::Head(head) => LogRecord::HeadHeard(head),
            NewsItem::Fork(proof) => LogRecord::Forked { proof, from: Some(from) },
        });
    }
    let told = Told { revocations: 1, roots: 1, key: 2, ..Told::default() };
    log.push(LogRecord::Told { wallet: from, told });
    log
}

fn frozen_log(world: &World) -> Vec<LogRecord> {
    let mut log = born(world, &world.third);
    log.push(LogRecord::Frozen);
    log
}
