//! Claims, SYNCs and the money they move.

use onehop_wire::evidence::Attachment;
use onehop_wire::office::{
    ClaimBundle, EntryState, OutcomeKind, Transfer, TransferResult, Verdict,
};
use onehop_wire::{Hash, List, encode};

use super::world::World;
use crate::{Command, OfficeError, OperatorAnswer};

fn kind(verdict: &Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

fn refused(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Refused(words) => words.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// [O-5] [O-11] [O-12]
#[test]
fn a_claim_before_the_payer_closes_waits_and_is_paid_once_it_has() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    assert_eq!(kind(&world.claim(&paid.claim)), None);
    assert_eq!(world.report(&seller).account, 0);
    buyer.last_is(EntryState::Committed(paid.commit.clone()));
    let answer = world.sync(&mut buyer, Transfer::None);
    assert_eq!(answer.outcomes.len(), 1);
    assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    assert_eq!(world.report(&seller).account, 735);
    assert_eq!(buyer.checkpoint.body.balance, 50_000 - 735);
    // It goes on where the SYNC ended.
    let next = &buyer.checkpoint.body;
    assert_eq!((next.number, next.base_seq, next.base_cum_out), (3, 1, 735));
    assert_eq!(next.base_head, paid.agreed.hash(&buyer.office));
}

/// [O-7]
#[test]
fn received_money_beyond_the_purse_maximum_goes_to_the_account() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let mut seller = world.funded(2, "seller", 180_000);
    let before = world.report(&seller).account;
    let paid = buyer.pay(&seller, 50_000, Some(seller.here()), vec![]);
    buyer.last_is(EntryState::Committed(paid.commit.clone()));
    world.sync(&mut buyer, Transfer::None);
    let answer = world.sync(&mut seller, Transfer::None);
    assert_eq!(answer.checkpoint.body.balance, 200_000);
    assert_eq!(world.report(&seller).account, before + 30_000);
}

/// [O-4]
#[test]
fn a_sync_whose_states_are_proven_by_nobody_or_by_others_is_refused() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 100_000);
    let (seller, other) = (world.enrol(2, "seller"), world.enrol(3, "other"));
    let first = buyer.pay(&seller, 100, None, vec![]);
    let second = buyer.pay(&seller, 200, None, vec![]);
    let mut forged = second.commit.clone();
    forged.body.payee_checkpoint = Some(Hash([1; 32]));
    let by_other = other.key.sign(&other.office, second.commit.body.clone()).into_signed();
    let void = onehop_wire::office::Outcome {
        tx: second.agreed.body.tx,
        entry: second.agreed.hash(&buyer.office),
        checkpoint: second.agreed.body.checkpoint,
        seq: 2,
        amount: 200,
        currency: second.agreed.body.currency,
        kind: OutcomeKind::Void,
        signed_by: 1,
    };
    let made_up = buyer.key.sign(&buyer.office, void).into_signed();
    let states = [
        EntryState::Committed(first.commit.clone()),
        EntryState::Committed(forged),
        EntryState::Committed(by_other),
        EntryState::Aborted(seller.abort(&first)),
        EntryState::Aborted(other.abort(&second)),
        EntryState::Voided(made_up),
    ];
    let before = world.office.store().clone();
    for state in states {
        buyer.last_is(state.clone());
        let refused = world.office.sync(world.now, &buyer.sync(Transfer::None));
        assert!(matches!(refused, Err(OfficeError::Refused(_))), "{state:?}");
        assert_eq!(*world.office.store(), before);
    }
    buyer.last_is(EntryState::Committed(second.commit));
    world.sync(&mut buyer, Transfer::None);
}

/// [O-10] [O-14] [O-18]
#[test]
fn a_payment_is_credited_once_in_any_order_any_number_of_times_and_from_either_side() {
    let orders: [&[u8]; 4] = [b"ccsc", b"sccc", b"csc", b"scs"];
    for order in orders {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 50_000);
        let seller = world.enrol(2, "seller");
        let paid = buyer.pay(&seller, 735, None, vec![]);
        buyer.last_is(EntryState::Committed(paid.commit.clone()));
        let sync = buyer.sync(Transfer::None);
        let mut answers = Vec::new();
        for step in order {
            match step {
                b'c' => drop(world.claim(&paid.claim)),
                _ => answers.push(encode(&world.office.sync(world.now, &sync).unwrap())),
            }
            world.balances();
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(world.report(&seller).account, 735);
        assert_eq!(world.report(&buyer).purse, 50_000 - 735);
        assert_eq!(encode(&world.claim(&paid.claim)), encode(&world.claim(&paid.claim)));
    }
}

/// [O-6]
#[test]
fn a_commit_in_the_payers_sync_pays_a_payee_that_lost_its_device() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, None, vec![]);
    buyer.last_is(EntryState::Committed(paid.commit));
    world.sync(&mut buyer, Transfer::None);
    assert_eq!(world.report(&seller).account, 735);
}

/// [O-5] [O-12]
#[test]
fn money_received_under_a_checkpoint_arrives_with_the_sync_that_closes_it() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 50_000);
    let mut seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 735, Some(seller.here()), vec![]);
    world.claim(&paid.claim);
    world.sync(&mut buyer, Transfer::None);
    assert_eq!(kind(&world.claim(&paid.claim)), None);
    let answer = world.sync(&mut seller, Transfer::None);
    assert_eq!(answer.checkpoint.body.balance, 735);
    assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
}

/// [O-5]
#[test]
fn received_money_is_spent_on_over_one_hop_and_settles_in_any_order() {
    for buyer_first in [true, false] {
        let mut world = World::new();
        let mut buyer = world.funded(1, "buyer", 50_000);
        let mut middle = world.enrol(2, "middle");
        let seller = world.enrol(3, "seller");
        let first = buyer.pay(&middle, 1_000, Some(middle.here()), vec![]);
        let receipt = Attachment::Receipt(Box::new(first.claim.clone()));
        let second = middle.pay(&seller, 600, None, vec![receipt]);
        middle.last_is(EntryState::Committed(second.commit.clone()));
        assert_eq!(kind(&world.claim(&second.claim)), None);
        if buyer_first {
            world.sync(&mut buyer, Transfer::None);
            let answer = world.sync(&mut middle, Transfer::None);
            assert_eq!(answer.checkpoint.body.balance, 400);
        } else {
            let answer = world.sync(&mut middle, Transfer::None);
            assert_eq!(answer.checkpoint.body.balance, 0);
            assert_eq!(kind(&world.claim(&second.claim)), None);
            world.sync(&mut buyer, Transfer::None);
            let answer = world.sync(&mut middle, Transfer::None);
            assert_eq!(answer.checkpoint.body.balance, 400);
        }
        assert_eq!(kind(&world.claim(&second.claim)), Some(OutcomeKind::Paid));
        assert_eq!(world.report(&seller).account, 600);
    }
}

/// [O-7]
#[test]
fn each_charge_that_does_not_fit_is_refused_by_name_and_the_purse_is_renewed() {
    let mut world = World::with_credit(Some(0));
    let mut buyer = world.enrol(1, "buyer");
    let refusals = [
        (Transfer::Charge(0), "the amount is 0"),
        (Transfer::Charge(1), "insufficient funds: 0.01 INR asked, 0.00 INR free"),
        (Transfer::Charge(200_001), "limit purse-max is 2000.00 INR, reached 2000.01 INR"),
        (Transfer::Withdraw(5), "insufficient funds: 0.05 INR asked, 0.00 INR free"),
    ];
    for (number, (transfer, words)) in (2..).zip(refusals) {
        let answer = world.sync(&mut buyer, transfer);
        let TransferResult::Refused(said) = answer.transfer else { panic!("{transfer:?}") };
        assert_eq!(said.as_str(), words);
        assert_eq!(answer.checkpoint.body.number, number);
    }
    let wallet = buyer.id();
    world.order(Command::Deposit { wallet, amount: 10_000 }).unwrap();
    assert_eq!(world.sync(&mut buyer, Transfer::Charge(10_000)).transfer, TransferResult::Done);
    world.sync(&mut buyer, Transfer::Withdraw(4_000));
    let answer = world.order(Command::Redeem { wallet, amount: 4_001 }).unwrap_err();
    assert_eq!(answer.to_string(), "insufficient funds: 40.01 INR asked, 40.00 INR free");
    world.order(Command::Redeem { wallet, amount: 4_000 }).unwrap();
    world.balances();
    assert_eq!(world.report(&buyer).purse, 6_000);
}

#[test]
fn an_operators_order_is_done_once_and_only_with_the_operators_signature() {
    let mut world = World::new();
    let buyer = world.enrol(1, "buyer");
    let order = world.signed_order(Command::Deposit { wallet: buyer.id(), amount: 500 });
    let answer = world.office.operate(world.now, &order).unwrap();
    assert_eq!(world.office.operate(world.now, &order).unwrap(), answer);
    assert_eq!(world.report(&buyer).account, 500);
    let mut forged = order;
    forged.body.command = Command::Deposit { wallet: buyer.id(), amount: 501 };
    let before = world.office.store().clone();
    let error = world.office.operate(world.now, &forged).unwrap_err();
    assert_eq!(error.to_string(), "signature of a operator-command does not verify");
    assert_eq!(*world.office.store(), before);
}

/// [O-9]
#[test]
fn an_unbacked_or_unsigned_or_strange_claim_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 900, None, vec![]);
    let over = buyer.pay(&seller, 200, None, vec![]);
    let mut elsewhere = World::new();
    elsewhere.office = {
        let new = crate::NewOffice {
            name: "other".to_owned(),
            currency: elsewhere.office.currency(),
            profile: crate::Profile::by_name("rbi-2022").unwrap(),
            credit_line: None,
            purse_max: None,
            operator: elsewhere.operator.public(),
        };
        let root = super::world::key(77);
        crate::Office::create(crate::MemLedger::new(), new, &root, &[9; 32], world.now).unwrap()
    };
    let mut stranger = elsewhere.enrol(3, "stranger");
    let strange = stranger.pay(&seller, 5, None, vec![]);
    let mut unsigned = paid.claim.clone();
    unsigned.commit.body.payee_checkpoint = Some(Hash([1; 32]));
    unsigned.committed = None;
    let before = world.office.store().clone();
    let words = refused(&world.claim(&over.claim));
    assert_eq!(words, "claim's entry is not acceptable: 1100 spent, 1000 proven");
    assert_eq!(refused(&world.claim(&strange.claim)), "not signed by this office");
    let words = refused(&world.claim(&unsigned));
    assert!(words.starts_with("claim is not signed"), "{words}");
    let bundle = ClaimBundle { claims: List::new(vec![over.claim, unsigned]).unwrap() };
    world.office.claim(world.now, &bundle).unwrap();
    assert_eq!(*world.office.store(), before);
}

/// [O-4]
#[test]
fn a_sync_that_is_not_the_whole_chain_or_over_a_limit_is_refused_by_name() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 100_000);
    let seller = world.enrol(2, "seller");
    buyer.pay(&seller, 100, None, vec![]);
    buyer.pay(&seller, 50_001, None, vec![]);
    let good = buyer.sync(Transfer::None);
    let mut refusals = Vec::new();
    let before = world.office.store().clone();
    let mut refuse = |world: &mut World, change: &dyn Fn(&mut onehop_wire::office::Sync)| {
        let mut body = good.body.clone();
        change(&mut body);
        let sync = buyer.key.sign(&buyer.office, body).into_signed();
        let error = world.office.sync(world.now, &sync).unwrap_err();
        assert!(matches!(error, OfficeError::Refused(_)));
        refusals.push(error.to_string());
    };
    refuse(&mut world, &|_| {});
    refuse(&mut world, &|sync| sync.head = Hash([9; 32]));
    refuse(&mut world, &|sync| sync.seq = 3);
    refuse(&mut world, &|sync| sync.cum_out = 1);
    refuse(&mut world, &|sync| sync.entries = List::new(sync.entries[1..].to_vec()).unwrap());
    refuse(&mut world, &|sync| sync.checkpoint = Hash([9; 32]));
    let mut unsigned = good.clone();
    unsigned.body.transfer = Transfer::Charge(1);
    refusals.push(world.office.sync(world.now, &unsigned).unwrap_err().to_string());
    assert_eq!(
        refusals,
        [
            "limit per-payment is 500.00 INR, reached 500.01 INR",
            "sync's head is not that of its last entry",
            "sync's number is not that of its last entry",
            "sync's total is not that of its last entry",
            "entry 1 does not continue the chain",
            "checkpoint 09090909 was not issued by this office",
            "signature of a sync does not verify",
        ]
    );
    assert_eq!(*world.office.store(), before);
}

/// [O-4] [O-18]
#[test]
fn another_sync_of_a_closed_checkpoint_is_refused() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let other = buyer.sync(Transfer::Withdraw(1));
    world.sync(&mut buyer, Transfer::None);
    let before = world.office.store().clone();
    let error = world.office.sync(world.now, &other).unwrap_err().to_string();
    assert!(error.ends_with("is closed already by another sync"), "{error}");
    assert_eq!(*world.office.store(), before);
}

#[test]
fn a_revoked_wallet_is_refused_by_name_and_listed() {
    let mut world = World::new();
    let mut buyer = world.funded(1, "buyer", 1_000);
    let mut seller = world.enrol(2, "seller");
    let paid = buyer.pay(&seller, 900, None, vec![]);
    world.order(Command::Revoke { wallet: buyer.id() }).unwrap();
    let error = world.office.sync(world.now, &buyer.sync(Transfer::None)).unwrap_err();
    assert_eq!(error.to_string(), format!("wallet {} is revoked", buyer.id().short()));
    let answer = world.sync(&mut seller, Transfer::None);
    assert_eq!(answer.revocations.body.number, 1);
    assert_eq!(answer.revocations.body.wallets[..], [buyer.id()]);
    assert_eq!(answer.checkpoint.body.revocations, 1);
    // What it paid before is honoured once its window has passed.
    assert_eq!(kind(&world.claim(&paid.claim)), None);
    world.now = paid.agreed.body.redeem_by.plus(1);
    let settled = world.order(Command::Settle).unwrap();
    assert!(matches!(settled, OperatorAnswer::Settled { paid: 1, .. }), "{settled:?}");
    assert_eq!(world.report(&seller).account, 900);
    world.balances();
}
