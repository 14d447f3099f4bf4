//! The world is deterministic, and each checker notices what it is for.

use onehop_proto::LogRecord;
use onehop_wire::office::{Outcome, OutcomeKind};
use onehop_wire::{Hash, Signature, Signed, TxId, UnixSeconds};

use crate::check::{
    DURABILITY, FROZEN, Facts, I1, I2, I3, I4, I5, I6, I7, I8, I9, I10, I11, I12, I14, OFFICE_C1,
    OFFICE_DURABILITY, OFFICE_I10, OFFICE_I11, OFFICE_I14_HONEST, OFFICE_I14_PROOF, Payment,
    authority, chain, contradiction, credit, facts, forks, frozen, gain, loss, prepared,
};
use crate::env::Mutant;
use crate::{Faults, Options, Replay, RunOutcome, Variant, World, replay_command, run_seeds_on};

fn short() -> Options {
    Options { acts: 25, ..Options::default() }
}

/// The invariants that a mutant breaks in some seeds.
fn broken_by(mutant: Mutant) -> Vec<&'static str> {
    let options = Options { acts: 25, faults: Faults::default(), ..Options::default() };
    let runs: Vec<RunOutcome> =
        (1..=4).map(|seed| World::with(seed, &options, Some(mutant)).run()).collect();
    runs.iter().flat_map(|run| run.violations.iter().map(|v| v.invariant)).collect()
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let options = Options { trace: true, ..short() };
    let (first, again) = (World::new(7, &options).run(), World::new(7, &options).run());
    assert!(first.trace.lines().count() > 100);
    assert_eq!(first.trace, again.trace);
    assert_eq!(first.counters, again.counters);
    assert_ne!(first.trace, World::new(8, &options).run().trace);
}

#[test]
fn two_threads_show_the_same_outcomes_in_the_same_order_as_one() {
    let options = Options { trace: true, acts: 8, ..Options::default() };
    let [one, two] = [1, 2].map(|jobs| {
        let mut traces = Vec::new();
        let summary = run_seeds_on(jobs, 1, 6, &options, |o| traces.push(o.trace.clone()));
        (summary.steps, summary.counters, traces)
    });
    assert_eq!(one, two);
}

#[test]
fn a_replay_file_gives_the_same_diagram_byte_for_byte() {
    let options = Options { variant: Variant::RolledBack, ..short() };
    let text = Replay { seed: 5, options }.to_string();
    let [first, again] = [(); 2].map(|()| {
        let replay = Replay::parse(&text).unwrap();
        World::new(replay.seed, &replay.options).run().trace
    });
    assert!(first.lines().count() > 100);
    assert_eq!(first, again);
}

#[test]
fn a_frozen_wallet_that_speaks_is_noticed() {
    let mut world = World::new(1, &short());
    let mut device = world.devices.remove(0);
    frozen::transmitting(&mut world.env, &device, "HELLO-2");
    assert_eq!(world.env.facts.violations, []);
    device.is_frozen = true;
    frozen::transmitting(&mut world.env, &device, "REJECT");
    assert_eq!(world.env.facts.violations, []);
    frozen::transmitting(&mut world.env, &device, "HELLO-2");
    assert_eq!(world.env.facts.violations.first().unwrap().invariant, FROZEN);
}

#[test]
fn an_office_that_answers_before_it_has_written_is_noticed() {
    let broken = broken_by(Mutant::OfficeNoForce);
    assert!(broken.contains(&OFFICE_I11) || broken.contains(&OFFICE_DURABILITY), "{broken:?}");
}

#[test]
fn a_trace_is_a_sequence_diagram_and_changes_nothing() {
    let traced = World::new(7, &Options { trace: true, ..short() }).run();
    let silent = World::new(7, &short()).run();
    assert_eq!((traced.steps, traced.counters), (silent.steps, silent.counters));
    assert!(traced.trace.contains("=> disk   Prepared"), "{}", traced.trace);
    assert!(silent.trace.is_empty());
}

#[test]
fn without_faults_everything_settles() {
    let options = Options { faults: Faults::none(), ..short() };
    let run = World::new(3, &options).run();
    assert_eq!(run.violations, []);
    assert!(run.payments > 3);
}

#[test]
fn the_replay_command_names_seed_and_variant() {
    let mut options = Options::default();
    assert_eq!(replay_command(9, &options), "cargo xtask sim --seeds 1 --from 9 --trace");
    options.variant = Variant::Cloned;
    options.faults.loss = 0.2;
    let command = "cargo xtask sim --seeds 1 --from 9 --variant cloned --fault loss=0.2 --trace";
    assert_eq!(replay_command(9, &options), command);
}

#[test]
fn a_device_that_transmits_before_it_persists_is_noticed() {
    assert!(broken_by(Mutant::TransmitFirst).contains(&I11));
}

#[test]
fn a_device_that_does_not_force_is_noticed() {
    assert!(broken_by(Mutant::NoForce).contains(&I11));
}

#[test]
fn a_disk_that_forgets_is_noticed() {
    assert!(broken_by(Mutant::ForgetsForced).contains(&DURABILITY));
}

#[test]
fn an_office_that_forgets_is_noticed() {
    let broken = broken_by(Mutant::OfficeForgets);
    assert!(!broken.is_empty(), "{broken:?}");
}

#[test]
fn an_office_that_books_cash_twice_is_noticed() {
    assert!(broken_by(Mutant::CashTwice).contains(&OFFICE_C1));
}

#[test]
fn devices_that_never_return_are_noticed() {
    assert!(broken_by(Mutant::NobodyReturns).contains(&I12));
}

#[test]
fn both_gaining_and_both_losing_are_noticed() {
    let commit = [Hash([1; 32])].into();
    let gained = Payment { commits: commit, buyer_released: true, ..Payment::default() };
    assert_eq!(gain::check(&gained).unwrap().0, I1);
    let abort = [Hash([2; 32])].into();
    let lost = Payment { buyer_paid: true, aborts: abort, ..Payment::default() };
    assert_eq!(loss::check(&lost).unwrap().0, I2);
    assert_eq!(gain::check(&Payment::default()), None);
    assert_eq!(loss::check(&Payment::default()), None);
}

#[test]
fn a_payment_credited_twice_is_noticed() {
    let twice = Payment { credits: [(1, 5), (1, 9)].into(), ..Payment::default() };
    assert_eq!(credit::check(&twice).unwrap().0, I4);
    let twice = Payment { redeemed: [(1, 5), (2, 5)].into(), ..Payment::default() };
    assert_eq!(credit::check(&twice).unwrap().0, I4);
}

#[test]
fn contradicting_statements_are_noticed() {
    let (one, two) = (Hash([1; 32]), Hash([2; 32]));
    let cases = [
        Payment { commits: [one, two].into(), ..Payment::default() },
        Payment { commits: [one].into(), aborts: [two].into(), ..Payment::default() },
        Payment { prepared: [one, two].into(), ..Payment::default() },
    ];
    for case in cases {
        assert_eq!(contradiction::check(&case).unwrap().0, I5);
    }
}

#[test]
fn a_commit_without_a_durable_vote_is_noticed() {
    let mut facts = Facts::default();
    prepared::committed(&mut facts, &TxId([1; 32]), Hash([2; 32]));
    assert_eq!(facts.violations.first().unwrap().invariant, I3);
}

#[test]
fn an_undo_that_rewinds_the_chain_is_noticed() {
    let world = World::new(1, &short());
    let office = world.env.facts.office.unwrap();
    let mut facts = Facts { office: Some(office), ..Facts::default() };
    let entry = entry();
    contradiction::entry(&mut facts, &entry, Hash([1; 32]));
    contradiction::entry(&mut facts, &entry, Hash([1; 32]));
    assert_eq!(facts.violations, []);
    contradiction::entry(&mut facts, &entry, Hash([2; 32]));
    assert_eq!(facts.violations.first().unwrap().invariant, I5);
}

#[test]
fn outcomes_that_contradict_the_devices_are_noticed() {
    let check = |kind, payment: Payment| {
        let mut world = World::new(1, &short());
        let outcome = outcome(kind);
        world.env.facts.payments.insert(outcome.body.tx, payment);
        let today = world.env.today();
        world.env.facts.decided(today, 86_400, &outcome);
        world.env.facts.check_changed();
        world.env.facts.violations.first().map(|violation| violation.invariant)
    };
    let late = UnixSeconds(u64::MAX / 2);
    let commits = || [Hash([1; 32])].into();
    let released = Payment { buyer_released: true, ..Payment::default() };
    assert_eq!(check(OutcomeKind::Paid, released), Some(I7));
    assert_eq!(check(OutcomeKind::Paid, Payment::default()), Some(OFFICE_I10));
    let early = Payment { redeem_by: late, ..Payment::default() };
    assert_eq!(check(OutcomeKind::Void, early), Some(I9));
    let claimed = Payment { is_claimed: true, ..Payment::default() };
    assert_eq!(check(OutcomeKind::Void, claimed), Some(I9));
    let voided = Payment {
        outcome: Some(outcome(OutcomeKind::Void)),
        commits: commits(),
        ..Payment::default()
    };
    assert_eq!(check(OutcomeKind::Paid, voided), Some(I6));
    let prepared = [Hash([2; 32])].into();
    let fine = Payment { commits: commits(), prepared, ..Payment::default() };
    assert_eq!(check(OutcomeKind::Paid, fine), None);
}

#[test]
fn a_wallet_that_keeps_evidence_against_an_honest_one_is_noticed() {
    let mut world = World::new(1, &short());
    let record = LogRecord::Evidence { tx: TxId([1; 32]), message: Vec::new() };
    world.env.facts.record(0, 9, &record);
    let broken = world.env.facts.violations.first().unwrap().invariant;
    assert_eq!(broken, I14);
}

#[test]
fn dishonest_variants_break_local_invariants_and_not_the_offices() {
    for variant in [Variant::RolledBack, Variant::Cloned] {
        let options = Options { variant, ..Options::default() };
        let runs: Vec<RunOutcome> = (1..=6).map(|s| World::new(s, &options).run()).collect();
        let office: Vec<_> = runs.iter().flat_map(|run| run.violations.clone()).collect();
        assert_eq!(office, [], "{variant:?}");
        assert!(runs.iter().any(|run| !run.local.is_empty()), "{variant:?}");
    }
}

#[test]
fn a_chain_that_goes_back_is_noticed() {
    let mut facts = Facts::default();
    let first = entry();
    chain::entry(&mut facts, &first, Hash([1; 32]));
    let second = onehop_wire::Agreed { seq: 2, prev: Hash([1; 32]), cum_out: 10, ..entry() };
    chain::entry(&mut facts, &second, Hash([5; 32]));
    assert_eq!(facts.violations, []);
    chain::entry(&mut facts, &onehop_wire::Agreed { seq: 3, ..second }, Hash([6; 32]));
    assert_eq!(facts.violations.first().unwrap().invariant, I8);
}

#[test]
fn a_wallet_behind_its_durable_chain_is_noticed() {
    let mut world = World::new(1, &short());
    let purse = world.devices[0].running.as_ref().unwrap().wallet.state().purse().unwrap();
    let (at, end) = (purse.hash, chain::End { seq: 1, head: Hash([9; 32]), cum_out: 5 });
    chain::wallets(&mut world.env, &world.devices);
    assert_eq!(world.env.facts.violations, []);
    world.env.facts.chains.insert(at, end);
    chain::wallets(&mut world.env, &world.devices);
    assert_eq!(world.env.facts.violations.first().unwrap().invariant, I8);
}

#[test]
fn a_credit_without_both_signatures_is_noticed() {
    let mut world = World::new(3, &Options { faults: Faults::none(), ..short() });
    world.live().unwrap();
    let states = world.devices.iter().filter_map(|d| Some(d.running.as_ref()?.wallet.state()));
    let mut claims =
        states.flat_map(|s| s.payments().filter_map(|v| s.receipt(&v.tx)).map(|r| r.claim));
    let claim = claims.next().expect("somebody was paid");
    drop(claims);
    let facts = &mut world.env.facts;
    authority::credited(facts, &claim);
    assert_eq!(facts.violations, []);
    let mut unsigned = claim.clone();
    unsigned.commit.signature = unsigned.agreed.signature;
    authority::credited(facts, &unsigned);
    let mut unsigned = claim;
    unsigned.agreed.signature = unsigned.commit.signature;
    authority::credited(facts, &unsigned);
    let broken: Vec<_> = facts.violations.iter().map(|v| v.invariant).collect();
    assert_eq!(broken, [I10, I10]);
}

#[test]
fn an_overspend_without_proof_and_a_proof_against_somebody_honest_are_noticed() {
    let options = Options { variant: Variant::Cloned, ..Options::default() };
    let convicted = (1..40).find_map(|seed| {
        let mut world = World::new(seed, &options);
        world.live().unwrap();
        let proofs = world.office.as_ref().unwrap().read().unwrap().proofs().unwrap().len();
        (proofs > 0).then_some(world)
    });
    let mut world = convicted.expect("some clone is convicted");
    let office = world.office.take().unwrap();
    let facts = &mut world.env.facts;
    facts.violations.clear();
    let fork = *facts.forks.first().unwrap();
    let (first, second) = (Hash([1; 32]), Hash([2; 32]));
    facts.shown.extend([first, second]);
    facts.forks.push(facts::Fork { checkpoint: Hash([3; 32]), first, second });
    forks::office(&mut world.env, &office).unwrap();
    let broken = |world: &World| -> Vec<&str> {
        world.env.facts.violations.iter().map(|v| v.invariant).collect()
    };
    assert_eq!(broken(&world), [OFFICE_I14_PROOF], "{fork:?}");
    world.env.facts.suspect = None;
    forks::office(&mut world.env, &office).unwrap();
    assert!(broken(&world).contains(&OFFICE_I14_HONEST));
}

/// A renewed wallet showed received money again that it had spent on before.
#[test]
fn seeds_in_which_received_money_is_spent_on_before_it_settles() {
    for seed in [2, 23, 60] {
        assert_eq!(World::new(seed, &Options::default()).run().violations, [], "seed {seed}");
    }
}

/// A seller blamed a buyer whose vote was lost before it renewed its purse.
#[test]
fn seeds_in_which_a_vote_comes_after_the_purse_was_renewed() {
    for seed in [1283, 1182] {
        assert_eq!(World::new(seed, &Options::default()).run().violations, [], "seed {seed}");
    }
}

/// The office voids what a seller claims too late; the buyer then keeps its COMMIT.
#[test]
fn seeds_in_which_a_commit_comes_after_the_void() {
    for seed in [1253, 2339] {
        assert_eq!(World::new(seed, &Options::default()).run().violations, [], "seed {seed}");
    }
}

fn outcome(kind: OutcomeKind) -> Signed<Outcome> {
    let body = Outcome {
        tx: TxId([7; 32]),
        entry: Hash([1; 32]),
        checkpoint: Hash([2; 32]),
        seq: 1,
        amount: 5,
        currency: crate::office::currency(),
        kind,
        signed_by: 1,
    };
    Signed { body, signature: Signature([0; 64]) }
}

fn entry() -> onehop_wire::Agreed {
    onehop_wire::Agreed {
        checkpoint: Hash([2; 32]),
        seq: 1,
        prev: Hash([2; 32]),
        amount: 5,
        cum_out: 5,
        cum_back: 0,
        cum_in: 0,
        currency: crate::office::currency(),
        payee: onehop_wire::WalletId([3; 32]),
        tx: TxId([7; 32]),
        request: Hash([4; 32]),
        redeem_by: UnixSeconds(9),
        refund_of: None,
        hops: 0,
        attachments: onehop_wire::List::empty(),
    }
}
