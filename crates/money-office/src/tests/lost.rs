//! Wallets that are lost, and bonds.

use onehop_wire::office::{OutcomeKind, Transfer, Verdict};
use onehop_wire::{SessionKey, UnixSeconds};

use super::world::{DAY, Wallet, World};
use crate::{Command, OfficeError};

fn kind(verdict: &Verdict) -> Option<OutcomeKind> {
    match verdict {
        Verdict::Outcome(outcome) => Some(outcome.body.kind),
        Verdict::Pending(_) => None,
        Verdict::Refused(words) => panic!("{words}"),
    }
}

impl World {
    fn refused(&mut self, command: Command) -> String {
        let before = self.office.store().clone();
        let error = self.order(command).unwrap_err();
        assert!(matches!(error, OfficeError::Refused(_)), "{error}");
        assert!(*self.office.store() == before, "a refused order changed something");
        error.to_string()
    }

    fn given(&mut self, command: Command) {
        self.order(command).unwrap();
        self.balances();
    }
}

/// A wallet that charged 10.00 of the 12.00 of its account, and from when on it is free.
fn owner(world: &mut World) -> (Wallet, UnixSeconds) {
    let mut wallet = world.enrol(1, "asha");
    world.given(Command::Deposit { wallet: wallet.id(), amount: 1_200 });
    world.sync(&mut wallet, Transfer::Charge(1_000));
    let ends = wallet.checkpoint.body.expires.plus(14 * DAY);
    (wallet, ends.plus(DAY))
}

/// [O-31] [O-32]
#[test]
fn a_lost_wallet_is_refunded_what_its_payees_did_not_claim_and_nothing_twice() {
    let mut world = World::with_credit(Some(0));
    let (mut lost, free_from) = owner(&mut world);
    let (early, late) = (world.enrol(2, "early"), world.enrol(3, "late"));
    let (first, second) = (lost.pay(&early, 100, None, vec![]), lost.pay(&late, 250, None, vec![]));
    let doubt = lost.pay(&late, 30, None, vec![]);
    assert_eq!(kind(&world.claim(&first.claim)), None);
    let (from, heir) = (lost.id(), world.enrol(4, "asha again"));
    let to = heir.id();
    assert_eq!(
        world.refused(Command::Refund { from, to }),
        format!("wallet {} was not reported lost", from.short())
    );
    world.given(Command::ReportLost { wallet: from });
    let report = world.report(&lost);
    assert!(report.lost && report.revoked);
    assert_eq!(report.free_from, free_from);

    // Whoever has it now gets nothing from the office, neither as it is nor as restored.
    let error = world.office.sync(world.now, &lost.sync(Transfer::None)).unwrap_err();
    assert_eq!(error.to_string(), format!("wallet {} is revoked", from.short()));
    let mut again = world.enrol_request(1, "asha").body;
    again.mail_key = SessionKey([99; 32]);
    let again = lost.key.sign(&lost.office, again).into_signed();
    let error = world.office.enrol(world.now, &again).unwrap_err();
    assert_eq!(error.to_string(), format!("wallet {} is revoked", from.short()));

    // One maximal window; a payment that arrives within it is paid.
    world.now = UnixSeconds(free_from.0 - 1);
    let words = world.refused(Command::Refund { from, to });
    assert_eq!(
        words,
        format!("payments of wallet {} may be claimed until {free_from}", from.short())
    );
    assert_eq!(kind(&world.claim(&second.claim)), Some(OutcomeKind::Paid));
    world.now = free_from;
    world.given(Command::Refund { from, to });
    assert_eq!(world.report(&early).account, 100);
    assert_eq!(world.report(&late).account, 250);
    // 2.00 of the account and 6.50 of the purse; what nobody claimed is among it.
    assert_eq!(world.report(&heir).account, 850);
    let left = world.report(&lost);
    assert_eq!((left.account, left.purse, left.incoming, left.suspense), (0, 0, 0, 0));

    // Again, there is nothing; and what was in doubt is not paid a second time.
    assert_eq!(world.refused(Command::Refund { from, to }), "the amount is 0");
    for paid in [&first, &second] {
        assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    }
    world.claim(&doubt.claim);
    world.now = world.now.plus(60 * DAY);
    world.given(Command::Settle);
    assert!(matches!(kind(&world.claim(&doubt.claim)), Some(OutcomeKind::Disputed(_))));
    assert_eq!(world.report(&heir).account, 850);
    assert_eq!(world.report(&late).account, 250);
}

/// [O-32]
#[test]
fn what_a_lost_wallet_left_in_doubt_at_its_last_sync_is_voided_for_the_refund() {
    let mut world = World::with_credit(Some(0));
    let (mut lost, _) = owner(&mut world);
    let seller = world.enrol(2, "seller");
    let paid = lost.pay(&seller, 300, None, vec![]);
    world.sync(&mut lost, Transfer::None);
    let heir = world.enrol(3, "asha again");
    world.given(Command::ReportLost { wallet: lost.id() });
    world.now = world.report(&lost).free_from;
    world.given(Command::Refund { from: lost.id(), to: heir.id() });
    assert_eq!(world.report(&heir).account, 1_200);
    assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Void));
    assert_eq!((world.report(&seller).account, world.debts().len()), (0, 0));
}

/// [O-31] [O-32]
#[test]
fn what_reaches_a_lost_wallet_after_its_refund_is_refunded_by_another_order() {
    let mut world = World::with_credit(Some(0));
    let (lost, free_from) = owner(&mut world);
    let heir = world.enrol(2, "asha again");
    let mut buyer = world.enrol(3, "buyer");
    world.given(Command::Deposit { wallet: buyer.id(), amount: 500 });
    world.sync(&mut buyer, Transfer::Charge(500));
    let paid = buyer.pay(&lost, 120, None, vec![]);
    world.sync(&mut buyer, Transfer::None);
    let (from, to) = (lost.id(), heir.id());
    world.given(Command::ReportLost { wallet: from });
    world.now = free_from;
    world.given(Command::Refund { from, to });
    assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    world.given(Command::Refund { from, to });
    assert_eq!(world.report(&heir).account, 1_320);
    // A wallet that is itself refused can't be the heir.
    world.given(Command::Revoke { wallet: to });
    let words = world.refused(Command::Refund { from, to });
    assert_eq!(words, format!("wallet {} is revoked", to.short()));
}

/// [O-3]
#[test]
fn a_payment_out_of_a_lost_copy_is_paid_before_a_restored_wallet_has_its_balance_back() {
    let mut world = World::with_credit(Some(0));
    let (mut wallet, free_from) = owner(&mut world);
    let seller = world.enrol(2, "seller");
    let paid = wallet.pay(&seller, 400, None, vec![]);
    let mut again = world.enrol_request(1, "asha").body;
    again.mail_key = SessionKey([99; 32]);
    let again = wallet.key.sign(&wallet.office, again).into_signed();
    let answer = world.office.enrol(world.now, &again).unwrap();
    assert_eq!(answer.certificate.body.epoch, 2);
    // The state of the old epoch is worth nothing at the office.
    assert!(world.office.sync(world.now, &wallet.sync(Transfer::None)).is_err());
    (wallet.certificate, wallet.checkpoint) = (answer.certificate, answer.checkpoint);
    wallet.entries.clear();
    world.now = UnixSeconds(free_from.0 - 1);
    assert_eq!(kind(&world.claim(&paid.claim)), Some(OutcomeKind::Paid));
    assert_eq!(world.sync(&mut wallet, Transfer::None).checkpoint.body.balance, 0);
    world.now = free_from;
    world.given(Command::Settle);
    assert_eq!(world.sync(&mut wallet, Transfer::None).checkpoint.body.balance, 600);
    assert_eq!(world.report(&seller).account, 400);
}

/// [O-33] [O-29]
#[test]
fn a_bond_pays_the_victims_of_its_wallet_first_the_oldest_debt_before_the_next() {
    let mut world = World::with_credit(Some(0));
    let mut wallet = world.enrol(1, "asha");
    world.given(Command::Deposit { wallet: wallet.id(), amount: 2_000 });
    world.sync(&mut wallet, Transfer::Charge(1_000));
    world.given(Command::Bond { wallet: wallet.id(), amount: 900 });
    assert_eq!((world.report(&wallet).account, world.report(&wallet).bond), (100, 900));
    let sellers = [2, 3, 4].map(|seed| world.enrol(seed, &format!("seller {seed}")));
    let mut images = [wallet.image(), wallet.image(), wallet.image()];
    let mut paid = Vec::new();
    for (image, seller) in images.iter_mut().zip(&sellers) {
        image.next_nonce += paid.len() as u64 * 1_000;
        paid.push(image.pay(seller, 1_000, None, vec![]));
    }
    for paid in &paid {
        world.claim(&paid.claim);
    }
    world.now = paid[0].agreed.body.redeem_by.plus(1);
    world.given(Command::Settle);
    for paid in &paid {
        world.claim(&paid.claim);
    }
    // The purse paid the first; bond and account the second in part, before the third.
    let mut got: Vec<i128> = sellers.iter().map(|seller| world.report(seller).account).collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1_000, 1_000]);
    let report = world.report(&wallet);
    assert_eq!((report.account, report.bond, report.owes), (0, 0, 1_000));
}

/// [O-33]
#[test]
fn a_bond_is_released_only_when_nothing_that_it_secures_can_be_claimed() {
    let mut world = World::with_credit(Some(0));
    let (wallet, free_from) = owner(&mut world);
    let id = wallet.id();
    let words = world.refused(Command::Bond { wallet: id, amount: 201 });
    assert_eq!(words, "insufficient funds: 2.01 INR asked, 2.00 INR free");
    assert_eq!(world.refused(Command::Bond { wallet: id, amount: 0 }), "the amount is 0");
    world.given(Command::Bond { wallet: id, amount: 150 });
    let words = world.refused(Command::ReleaseBond { wallet: id, amount: 150 });
    assert_eq!(
        words,
        format!("payments of wallet {} may be claimed until {free_from}", id.short())
    );
    world.now = free_from;
    let words = world.refused(Command::ReleaseBond { wallet: id, amount: 151 });
    assert_eq!(words, "insufficient funds: 1.51 INR asked, 1.50 INR free");
    world.given(Command::ReleaseBond { wallet: id, amount: 150 });
    assert_eq!((world.report(&wallet).account, world.report(&wallet).bond), (200, 0));
}

/// [O-8] [O-32]
#[test]
fn the_audit_names_a_refund_that_came_too_early() {
    let mut world = World::with_credit(Some(0));
    let (lost, free_from) = owner(&mut world);
    let heir = world.enrol(2, "asha again");
    world.given(Command::ReportLost { wallet: lost.id() });
    world.now = free_from;
    world.given(Command::Refund { from: lost.id(), to: heir.id() });
    let (key, office) = (world.operator.clone(), *world.office.id());
    let found = super::audits::with(world, crate::Table::Evidence, |bytes| {
        let row = crate::draft::read_row(crate::Table::Evidence, bytes).unwrap();
        let crate::evidence::Evidence::Operator(order) = row else { return None };
        let mut body = order.body;
        matches!(body.command, Command::Refund { .. }).then_some(())?;
        body.at = UnixSeconds(free_from.0 - DAY);
        let order = key.sign(&office, body).into_signed();
        Some(onehop_wire::encode(&crate::evidence::Evidence::Operator(order)))
    });
    let words = "what secures a wallet's payments was given back too early";
    assert!(found.iter().any(|line| line.ends_with(words)), "{found:?}");
}
