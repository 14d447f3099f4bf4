//! Crashes at every record and every message, on either side and on both; recovery at every
//! prefix of the log.

use super::pair::{BUYER_FUNDS, Fate, Pair};
use crate::{Config, Wallet};
use onehop_wire::TxId;

#[derive(Clone, Copy, Debug)]
struct Plan {
    seller_acts: Option<usize>,
    buyer_acts: Option<usize>,
    keep_lazy: bool,
}

/// Runs one payment in which each side dies after so many acts, restarts both that died, lets
/// them meet again, and checks that they agree. Gives whether anybody died.
fn check(plan: Plan) -> bool {
    let mut pair = Pair::new();
    pair.open();
    pair.seller.acts_left = plan.seller_acts;
    pair.buyer.acts_left = plan.buyer_acts;
    let now = pair.now();
    let asked = pair.seller.wallet.request(now, pair.peer, &Pair::terms(735, "order 1"));
    let tx: TxId = asked.unwrap();
    pair.run_well();
    if !pair.buyer.dead && pair.buyer.wallet.confirm(now, &tx).is_ok() {
        pair.run_well();
    }
    let died = pair.seller.dead || pair.buyer.dead;
    pair.disconnect();
    pair.seller.acts_left = None;
    pair.buyer.acts_left = None;
    if pair.seller.dead {
        pair.seller = pair.seller.restarted(plan.keep_lazy, 31);
    }
    if pair.buyer.dead {
        pair.buyer = pair.buyer.restarted(plan.keep_lazy, 32);
    }
    for _ in 0..3 {
        pair.connect();
        pair.wait(100_000, &mut |_| Fate::Arrives);
    }
    pair.assert_settled(&tx, BUYER_FUNDS);
    died
}

// [P-14] [P-15] [P-16] [P-20] [P-24] [S-2] [S-3]
#[test]
fn a_crash_of_one_side_at_any_record_or_message_ends_the_same_on_both() {
    for keep_lazy in [false, true] {
        for acts in 0.. {
            let plan = Plan { seller_acts: Some(acts), buyer_acts: None, keep_lazy };
            if !check(plan) {
                assert!(acts >= 5, "the seller acts at least five times: {acts}");
                break;
            }
        }
        for acts in 0.. {
            let plan = Plan { seller_acts: None, buyer_acts: Some(acts), keep_lazy };
            if !check(plan) {
                assert!(acts >= 4, "the buyer acts at least four times: {acts}");
                break;
            }
        }
    }
}

#[test]
fn a_crash_of_both_sides_at_any_pair_of_points_ends_the_same_on_both() {
    for keep_lazy in [false, true] {
        for seller in 0..6 {
            for buyer in 0..5 {
                let (seller_acts, buyer_acts) = (Some(seller), Some(buyer));
                check(Plan { seller_acts, buyer_acts, keep_lazy });
            }
        }
    }
}

/// [S-5]
#[test]
fn recovery_at_every_prefix_of_the_log_gives_a_sound_wallet_and_repeats_itself() {
    let mut pair = Pair::new();
    pair.open();
    for order in ["order 1", "order 2", "order 3"] {
        pair.pay(500, order);
    }
    let refused = pair.ask(600, "order 4");
    pair.run_well();
    let now = pair.now();
    pair.buyer.wallet.refuse(now, &refused).unwrap();
    pair.run_well();
    pair.ask(700, "order 5");
    for log in [&pair.seller.log, &pair.buyer.log] {
        for len in 1..=log.len() {
            let prefix = || (1u64..).zip(log[..len].iter().cloned());
            let mut once = Wallet::recover(Config::default(), [9; 32], None, prefix()).unwrap();
            let mut records = log[..len].to_vec();
            while let Some(output) = once.poll_output() {
                if let crate::Output::Persist(batch) = output {
                    records.extend(batch.records.iter().map(onehop_wire::encode));
                    once.persisted(batch.last());
                }
            }
            let again = (1u64..).zip(records);
            let twice = Wallet::recover(Config::default(), [9; 32], None, again).unwrap();
            assert_eq!(once.balance(), twice.balance(), "prefix of {len}");
            let paid: u64 = once
                .state()
                .payments()
                .filter(|view| view.standing == crate::Standing::Paid)
                .map(|view| view.amount.minor())
                .sum();
            let balance = once.balance();
            let worth = balance.available + balance.held + balance.in_doubt;
            if once.state().purse().is_some_and(|p| p.checkpoint.body.balance == BUYER_FUNDS) {
                assert_eq!(worth + paid, BUYER_FUNDS, "prefix of {len}");
            } else {
                assert_eq!(balance.received_unsettled, paid, "prefix of {len}");
            }
        }
    }
}

/// [S-4]
#[test]
fn a_log_with_a_record_missing_in_the_middle_is_refused() {
    let mut pair = Pair::new();
    pair.open();
    pair.pay(500, "order 1");
    let log = &pair.buyer.log;
    let gap = (1u64..).zip(log.iter().cloned()).filter(|(lsn, _)| *lsn != 4);
    let error = Wallet::recover(Config::default(), [9; 32], None, gap).unwrap_err();
    assert_eq!(error.to_string(), "log record 5 follows 3: records between are missing");
    let mut damaged = log.clone();
    damaged[3].truncate(20);
    let error = Wallet::recover(Config::default(), [9; 32], None, (1u64..).zip(damaged));
    assert_eq!(error.unwrap_err().to_string(), "log record 4 is not readable");
}

/// [P-6]
#[test]
fn the_number_of_a_wallets_first_request_is_not_used_again_after_a_crash() {
    let mut pair = Pair::new();
    pair.open();
    let first = pair.ask(500, "order 1");
    let number = |pair: &Pair, tx: &TxId| {
        pair.seller.wallet.state().seller.get(tx).unwrap().request.body.number
    };
    assert_eq!(number(&pair, &first), 2);
    pair.disconnect();
    pair.seller = pair.seller.restarted(false, 34);
    pair.open();
    let next = pair.ask(500, "order 2");
    assert_eq!(number(&pair, &next), 66);
}

/// [P-6]
#[test]
fn request_numbers_never_repeat_even_when_the_last_requests_were_lost() {
    let mut pair = Pair::new();
    pair.open();
    let tx = pair.ask(500, "order 1");
    let number = |pair: &Pair, tx: &TxId| {
        pair.seller.wallet.state().seller.get(tx).unwrap().request.body.number
    };
    assert_eq!(number(&pair, &tx), 2);
    pair.run_well();
    pair.confirm(&tx);
    pair.run_well();
    let lost = pair.ask(500, "order 2");
    assert_eq!(number(&pair, &lost), 3);
    pair.disconnect();
    pair.seller = pair.seller.restarted(false, 33);
    pair.connect();
    pair.run_well();
    let next = pair.ask(500, "order 3");
    assert_eq!(number(&pair, &next), 67);
}
