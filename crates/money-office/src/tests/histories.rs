//! Many random histories: after every step the audit agrees and money is conserved.

use onehop_wire::Hash;
use onehop_wire::evidence::{Attachment, Claim};
use onehop_wire::office::{EntryState, Transfer};

use super::world::{DAY, Paid, Wallet, World};

/// A small generator of its own, so that a seed means the same for ever.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

fn pair(wallets: &mut [Wallet], from: usize, to: usize) -> (&mut Wallet, &Wallet) {
    assert_ne!(from, to);
    if from < to {
        let (low, high) = wallets.split_at_mut(to);
        (&mut low[from], &high[0])
    } else {
        let (low, high) = wallets.split_at_mut(from);
        (&mut high[0], &low[to])
    }
}

fn pay(dice: &mut Dice, wallets: &mut [Wallet], receipts: &[Claim]) -> Option<Paid> {
    let count = wallets.len() as u64;
    let from = dice.roll(count) as usize;
    let to = (from + 1 + dice.roll(count - 1) as usize) % wallets.len();
    let here = wallets[from].here();
    let usable = receipts.iter().filter(|claim| {
        claim.commit.body.payee_checkpoint == Some(here) && claim.agreed.body.hops == 0
    });
    let attached: Vec<_> =
        usable.take(1).map(|claim| Attachment::Receipt(Box::new(claim.clone()))).collect();
    let named: Option<Hash> = (dice.roll(3) > 0).then(|| wallets[to].here());
    let (payer, payee) = pair(wallets, from, to);
    let paid = payer.pay(payee, 1 + dice.roll(400), named, attached);
    let state = match dice.roll(4) {
        0 => EntryState::InDoubt,
        1 => EntryState::Aborted(payee.abort(&paid)),
        _ => EntryState::Committed(paid.commit.clone()),
    };
    payer.last_is(state);
    Some(paid)
}

/// Lives through a seed; the number of debts that there were.
fn run(seed: u64) -> usize {
    let mut dice = Dice(seed);
    let mut world = World::new();
    let mut wallets: Vec<Wallet> =
        (1..=4).map(|n| world.funded(n, &format!("w{n}"), 1_000)).collect();
    let mut all: Vec<Paid> = Vec::new();
    for _ in 0..30 {
        match dice.roll(9) {
            0..=3 => {
                let receipts: Vec<Claim> = all.iter().map(|paid| paid.claim.clone()).collect();
                all.extend(pay(&mut dice, &mut wallets, &receipts));
            }
            4 | 5 if !all.is_empty() => {
                let mut claim = all[dice.roll(all.len() as u64) as usize].claim.clone();
                if dice.roll(3) == 0 {
                    claim.committed = None;
                }
                world.claim(&claim);
            }
            6 => {
                let at = dice.roll(4) as usize;
                let transfer = match dice.roll(3) {
                    0 => Transfer::None,
                    1 => Transfer::Charge(dice.roll(500)),
                    _ => Transfer::Withdraw(dice.roll(500)),
                };
                // A wallet may have spent beyond its limit of hops or funds: it is refused then.
                let sync = wallets[at].sync(transfer);
                if let Ok(answer) = world.office.sync(world.now, &sync) {
                    wallets[at].renew(&answer);
                }
            }
            7 => {
                let at = dice.roll(4) as usize;
                // Now and then a wallet goes back to an older state of itself: a fork.
                if dice.roll(4) == 0 {
                    wallets[at].entries.pop();
                }
                world.now = world.now.plus(dice.roll(6) * DAY);
            }
            _ => {
                world.office.settle(world.now).unwrap();
                if !all.is_empty() {
                    let paid = &all[dice.roll(all.len() as u64) as usize];
                    let of = |id| wallets.iter().find(|wallet| wallet.id() == id).unwrap();
                    let (payer, payee) = (of(paid.request.body.payer), of(paid.request.body.payee));
                    // Now and then a seller waives what it has claimed.
                    let abort = (dice.roll(2) == 0).then(|| payee.abort(paid));
                    drop(world.office.resolve(world.now, &payer.resolve(paid, abort)));
                }
                if dice.roll(2) == 0 {
                    let wallet = wallets[dice.roll(4) as usize].id();
                    let amount = 1 + dice.roll(300);
                    world.order(crate::Command::Deposit { wallet, amount }).unwrap();
                }
            }
        }
        world.balances();
    }
    world.office.debts().unwrap().len()
}

/// [O-8]
#[test]
fn books_balance_after_every_step_of_random_histories_with_forks_among_them() {
    let debts: usize = (0..48).map(run).sum();
    assert!(debts > 20, "only {debts} debts were made: these histories show little of them");
}
