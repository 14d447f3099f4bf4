//! Stronger evidence that comes after an OUTCOME: who owes whom, and what is collected.

use onehop_wire::office::{EntryState, OutcomeKind, Transfer, TransferResult, Verdict};
use onehop_wire::{List, encode};

use super::world::{DAY, Paid, Wallet, World};
use crate::{Command, DebtReport, OperatorAnswer};

fn outcome(verdict: &Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

impl World {
    pub(super) fn debts(&mut self) -> Vec<DebtReport> {
        match self.order(Command::Debts).unwrap() {
            OperatorAnswer::Debts(debts) => debts,
            other => panic!("{other:?}"),
        }
    }

    /// The open debts as debtor, creditor and sum.
    fn open(&mut self, wallets: &[&Wallet]) -> Vec<(usize, usize, u64)> {
        let place = |id| wallets.iter().position(|wallet| wallet.id() == id).unwrap();
        let debts = self.debts();
        let open = debts.iter().filter(|debt| debt.open > 0);
        open.map(|debt| (place(debt.debtor), place(debt.creditor), debt.open)).collect()
    }

    fn resolve(&mut self, payer: &Wallet, paid: &Paid, with_abort_of: Option<&Wallet>) -> Verdict {
        let abort = with_abort_of.map(|payee| payee.abort(paid));
        let verdict = self.office.resolve(self.now, &payer.resolve(paid, abort)).unwrap();
        self.balances();
        verdict
    }

    fn deposit(&mut self, wallet: &Wallet, amount: u64) {
        self.order(Command::Deposit { wallet: wallet.id(), amount }).unwrap();
        self.balances();
    }
}

/// A prepaid office with a buyer's payment of 3.00 to a seller, in doubt and closed.
fn in_doubt() -> (World, Wallet, Wallet, Paid) {
    let mut world = World::with_credit(Some(0));
    let (mut buyer, seller) = (world.enrol(1, "buyer"), world.enrol(2, "seller"));
    world.deposit(&buyer, 1_000);
    world.sync(&mut buyer, Transfer::Charge(1_000));
    let paid = buyer.pay(&seller, 300, None, vec![]);
    world.sync(&mut buyer, Transfer::None);
    (world, buyer, seller, paid)
}

fn without_waiver(paid: &Paid) -> Paid {
    let mut paid = paid.clone();
    paid.claim.committed = None;
    paid
}

/// [O-16] [O-27] [O-29]
#[test]
fn a_buyer_that_asked_for_its_money_and_said_that_it_paid_owes_the_seller_once() {
    let (mut world, mut buyer, seller, paid) = in_doubt();
    world.now = paid.agreed.body.redeem_by.plus(DAY);
    let void = world.resolve(&buyer, &paid, None);
    assert_eq!(outcome(&void), Some(OutcomeKind::Void));
    for _ in 0..3 {
        assert_eq!(encode(&world.claim(&paid.claim)), encode(&void), "the OUTCOME is final");
        assert_eq!(world.open(&[&buyer, &seller]), [(0, 1, 300)]);
    }
    let before = world.office.store().clone();
    world.claim(&paid.claim);
    world.resolve(&buyer, &paid, None);
    assert_eq!(*world.office.store(), before, "a replay changes nothing");
    // The purse that came back pays it when it reaches the office again.
    let answer = world.sync(&mut buyer, Transfer::None);
    assert_eq!(answer.checkpoint.body.balance, 700);
    assert_eq!(world.report(&seller).account, 300);
    assert_eq!(world.open(&[&buyer, &seller]), []);
    world.claim(&paid.claim);
    world.sync(&mut buyer, Transfer::None);
    assert_eq!((world.report(&seller).account, world.report(&buyer).purse), (300, 700));
}

/// [O-27]
#[test]
fn a_buyer_that_says_in_its_sync_that_a_payment_came_back_owes_it_after_committed() {
    let mut world = World::with_credit(Some(0));
    let (mut buyer, seller) = (world.enrol(1, "buyer"), world.enrol(2, "seller"));
    world.deposit(&buyer, 500);
    world.sync(&mut buyer, Transfer::Charge(500));
    let paid = buyer.pay(&seller, 300, None, vec![]);
    buyer.last_is(EntryState::Aborted(seller.abort(&paid)));
    assert_eq!(world.sync(&mut buyer, Transfer::None).checkpoint.body.balance, 500);
    assert_eq!(outcome(&world.claim(&paid.claim)), Some(OutcomeKind::Void));
    assert_eq!(world.open(&[&buyer, &seller]), [(0, 1, 300)]);
}

/// [O-28]
#[test]
fn nobody_owes_who_did_not_sign_both() {
    // The seller alone waived, and only then shows what the buyer signed.
    let (mut world, buyer, mut seller, paid) = in_doubt();
    let abort = seller.abort(&paid);
    let mut sync = seller.sync(Transfer::None).body;
    sync.aborts = List::new(vec![abort]).unwrap();
    let sync = seller.key.sign(&seller.office, sync).into_signed();
    let answer = world.office.sync(world.now, &sync).unwrap();
    seller.renew(&answer);
    let void = world.claim(&paid.claim);
    assert_eq!(outcome(&void), Some(OutcomeKind::Void));
    assert_eq!(world.debts(), []);
    assert_eq!(world.report(&buyer).incoming, 300);

    // VOID, then a COMMIT that the buyer never acknowledged.
    let (mut world, buyer, _, paid) = in_doubt();
    world.now = paid.agreed.body.redeem_by.plus(DAY);
    world.resolve(&buyer, &paid, None);
    assert_eq!(outcome(&world.claim(&without_waiver(&paid).claim)), Some(OutcomeKind::Void));
    assert_eq!(world.debts(), []);

    // PAID on COMMITTED, then the seller's ABORT.
    let (mut world, buyer, seller, paid) = in_doubt();
    assert_eq!(outcome(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    assert_eq!(outcome(&world.resolve(&buyer, &paid, Some(&seller))), Some(OutcomeKind::Paid));
    assert_eq!(world.debts(), []);
    assert_eq!(world.report(&seller).account, 300);
}

/// [O-27] [O-29]
#[test]
fn a_seller_that_was_paid_and_waived_owes_it_to_the_buyer() {
    let (mut world, buyer, seller, paid) = in_doubt();
    let paid = without_waiver(&paid);
    assert_eq!(outcome(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    world.order(Command::Redeem { wallet: seller.id(), amount: 250 }).unwrap();
    assert_eq!(outcome(&world.resolve(&buyer, &paid, Some(&seller))), Some(OutcomeKind::Paid));
    // What its account still had is collected at once, the rest when money comes.
    assert_eq!(world.open(&[&buyer, &seller]), [(1, 0, 250)]);
    assert_eq!((world.report(&buyer).account, world.report(&seller).account), (50, 0));
    world.deposit(&seller, 100);
    assert_eq!(world.open(&[&buyer, &seller]), [(1, 0, 150)]);
    assert_eq!((world.report(&buyer).account, world.report(&seller).account), (150, 0));
    world.resolve(&buyer, &paid, Some(&seller));
    world.deposit(&seller, 400);
    assert_eq!(world.open(&[&buyer, &seller]), []);
    assert_eq!((world.report(&buyer).account, world.report(&seller).account), (300, 250));
}

/// [O-27]
#[test]
fn committed_after_both_ends_a_sellers_debt_and_the_buyer_owes_what_it_got() {
    let (mut world, buyer, seller, paid) = in_doubt();
    world.claim(&without_waiver(&paid).claim);
    world.order(Command::Redeem { wallet: seller.id(), amount: 250 }).unwrap();
    world.resolve(&buyer, &paid, Some(&seller));
    assert_eq!(world.report(&buyer).account, 50);
    assert_eq!(outcome(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    assert_eq!(world.open(&[&buyer, &seller]), []);
    assert_eq!((world.report(&buyer).account, world.report(&seller).account), (0, 50));
    let sums: Vec<_> = world.debts().iter().map(|debt| (debt.amount, debt.collected)).collect();
    assert!(sums.contains(&(300, 50)) && sums.contains(&(50, 50)), "{sums:?}");
}

/// A buyer whose two images paid 8.00 each to two sellers, out of a purse of 10.00.
fn forked() -> (World, Wallet, [Wallet; 2], [Paid; 2]) {
    let mut world = World::with_credit(Some(0));
    let mut buyer = world.enrol(1, "buyer");
    world.deposit(&buyer, 1_000);
    world.sync(&mut buyer, Transfer::Charge(1_000));
    let mut image = buyer.image();
    let sellers = [world.enrol(2, "one"), world.enrol(3, "two")];
    let first = buyer.pay(&sellers[0], 800, None, vec![]);
    let second = image.pay(&sellers[1], 800, None, vec![]);
    (world, buyer, sellers, [first, without_waiver(&second)])
}

/// [O-13] [O-27] [O-29]
#[test]
fn a_forked_buyer_owes_what_its_purse_did_not_cover() {
    let (mut world, buyer, [one, two], [first, second]) = forked();
    world.claim(&first.claim);
    world.claim(&second.claim);
    world.now = first.agreed.body.redeem_by.plus(1);
    world.order(Command::Settle).unwrap();
    assert_eq!(outcome(&world.claim(&first.claim)), Some(OutcomeKind::Paid));
    let disputed = world.claim(&second.claim);
    assert!(matches!(outcome(&disputed), Some(OutcomeKind::Disputed(_))));
    // What was set aside is the second seller's; the rest is owed.
    assert_eq!((world.report(&one).account, world.report(&two).account), (800, 200));
    assert_eq!(world.open(&[&buyer, &two]), [(0, 1, 600)]);
    world.deposit(&buyer, 450);
    assert_eq!(world.report(&two).account, 650);
    world.deposit(&buyer, 450);
    assert_eq!((world.report(&two).account, world.report(&buyer).account), (800, 300));
    assert_eq!(encode(&world.claim(&second.claim)), encode(&disputed));
    assert_eq!(world.open(&[&buyer, &two]), []);
}

/// [O-27]
#[test]
fn a_seller_that_waived_a_disputed_payment_gives_back_what_it_got_of_it() {
    let (mut world, buyer, [_, two], [first, second]) = forked();
    world.claim(&first.claim);
    world.claim(&second.claim);
    world.now = first.agreed.body.redeem_by.plus(1);
    world.order(Command::Settle).unwrap();
    world.order(Command::Redeem { wallet: two.id(), amount: 200 }).unwrap();
    // Its own SYNC shows that it waived.
    let abort = two.abort(&second);
    let mut sync = two.sync(Transfer::None).body;
    sync.aborts = List::new(vec![abort]).unwrap();
    let sync = two.key.sign(&two.office, sync).into_signed();
    world.office.sync(world.now, &sync).unwrap();
    world.balances();
    assert_eq!(world.open(&[&buyer, &two]), [(1, 0, 200)]);
}

/// [O-29] [O-30]
#[test]
fn a_debtor_is_not_charged_and_the_office_advances_nothing() {
    let (mut world, mut buyer, seller, paid) = in_doubt();
    // The buyer spends what came back before the seller shows COMMITTED.
    world.now = paid.agreed.body.redeem_by.plus(DAY);
    world.resolve(&buyer, &paid, None);
    world.sync(&mut buyer, Transfer::Withdraw(1_000));
    world.order(Command::Redeem { wallet: buyer.id(), amount: 1_000 }).unwrap();
    world.claim(&paid.claim);
    let answer = world.sync(&mut buyer, Transfer::Charge(1));
    let words = format!("wallet {} owes 3.00 INR to others", buyer.id().short());
    assert_eq!(answer.transfer, TransferResult::Refused(onehop_wire::Text::new(words).unwrap()));
    assert_eq!(answer.checkpoint.body.balance, 0);
    let redeem = world.order(Command::Redeem { wallet: buyer.id(), amount: 1 });
    assert_eq!(
        redeem.unwrap_err().to_string(),
        "insufficient funds: 0.01 INR asked, 0.00 INR free"
    );
    assert_eq!(world.report(&seller).account, 0);
    assert_eq!(world.report(&buyer).owes, 300);
    world.balances();
}

/// [O-8] [O-29]
#[test]
fn an_edited_debt_is_named_with_both_sums() {
    let (mut world, buyer, seller, paid) = in_doubt();
    world.now = paid.agreed.body.redeem_by.plus(DAY);
    world.resolve(&buyer, &paid, None);
    world.claim(&paid.claim);
    let found = super::audits::with(world, crate::Table::Debts, |bytes| {
        let mut row: crate::rows::DebtRow =
            crate::draft::read_row(crate::Table::Debts, bytes).unwrap();
        row.amount = 1;
        Some(encode(&row))
    });
    let [line] = &*found else { panic!("{found:?}") };
    let expected = format!("debt/{}/", buyer.id());
    assert!(line.starts_with(&expected) && line.ends_with(" 1 300 false"), "{line}");
    assert!(line.contains(&seller.id().to_string()), "{line}");
}
