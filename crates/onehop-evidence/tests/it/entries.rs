//! The check of a spend entry, by the committed vectors and by what they leave out.

use std::error::Error;

use onehop_crypto::{ChainError, Trust};
use onehop_evidence::{EntryFault, ForkKind, Payer, PayerFault, verify_entry};
use onehop_wire::evidence::ReleaseGround;
use onehop_wire::limits::{ATTACHMENTS_BYTES_MAX, RECEIPTS_MAX, RELEASES_MAX};
use onehop_wire::{Agreed, Attachment, LimitName, OfficeKey, PublicKey, Signed, decode, encode};
use serde_json::Value;

use crate::vectors::{bytes, cases, text};
use crate::world::{Person, World};

const BYTES_MAX: usize = 1 << 16;

/// The fault's own words, those of its cause after them.
fn words(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn trust(case: &Value) -> Trust {
    let mut trust = Trust::new(PublicKey::from_hex(text(case, "root")).unwrap());
    for key in case["office_keys"].as_array().unwrap() {
        let key = hex::decode(key.as_str().unwrap()).unwrap();
        trust.add_key(decode::<Signed<OfficeKey>>(&key, BYTES_MAX).unwrap()).unwrap();
    }
    trust
}

fn judge(case: &Value) -> Result<(), String> {
    let trust = trust(case);
    let read = |field: &str| bytes(case, field);
    let certificate = decode(&read("certificate"), BYTES_MAX).unwrap();
    let checkpoint = decode(&read("checkpoint"), BYTES_MAX).unwrap();
    let entry: Signed<Agreed> = decode(&read("entry"), BYTES_MAX).unwrap();
    let attachments = case["attachments"].as_array().unwrap().iter();
    let attachments = attachments.map(|hex| hex::decode(hex.as_str().unwrap()).unwrap());
    let attachments: Vec<Attachment> =
        attachments.map(|bytes| decode(&bytes, BYTES_MAX).unwrap()).collect();
    let certificate = trust.certificate(certificate).map_err(|fault| words(&fault))?;
    let checkpoint = trust.checkpoint(checkpoint).map_err(|fault| words(&fault))?;
    let payer = Payer::new(certificate, checkpoint).map_err(|fault| words(&fault))?;
    verify_entry(&trust, &payer, entry, &attachments).map(drop).map_err(|fault| words(&fault))
}

#[test]
fn every_vector_of_an_entry_is_accepted_or_has_its_fault() {
    // [W-12] [B-3] [M-2] [M-3] [M-4] [M-9] [M-12]
    for case in cases("money").iter().filter(|case| case.get("entry").is_some()) {
        let fault = case["fault"].as_str().map(str::to_owned);
        assert_eq!(judge(case).err(), fault, "{}", text(case, "name"));
    }
}

pub(crate) fn payer(world: &World, person: &Person) -> Result<Payer, PayerFault> {
    let certificate = world.trust.certificate(person.certificate.clone())?;
    Payer::new(certificate, world.trust.checkpoint(person.checkpoint.clone())?)
}

/// What is wrong with the buyer's first entry of 735, once `change` was made to it.
fn fault_of(change: impl FnOnce(&mut Agreed)) -> Option<EntryFault> {
    let world = World::new();
    let buyer = &world.buyer;
    let request = world.request(&world.seller, buyer, 735, 1);
    let mut body = world.entry_body(buyer, &world.chain(&buyer.checkpoint), &request, &[]);
    change(&mut body);
    let agreed = world.sign(&buyer.signer, body);
    verify_entry(&world.trust, &payer(&world, buyer).unwrap(), agreed, &[]).err()
}

#[test]
fn an_entry_without_fault_is_accepted() {
    assert_eq!(fault_of(|_| {}), None);
}

#[test]
fn any_field_that_is_another_makes_a_fault() {
    // [M-1]
    type Change = fn(&mut Agreed);
    let changes: [(Change, EntryFault); 8] = [
        (|entry| entry.checkpoint.0[0] ^= 1, EntryFault::Checkpoint),
        (|entry| entry.seq = 2, EntryFault::Chain),
        (|entry| entry.seq = 0, EntryFault::Chain),
        (|entry| entry.prev.0[0] ^= 1, EntryFault::Chain),
        (|entry| entry.cum_out += 1, EntryFault::Chain),
        (|entry| entry.amount += 1, EntryFault::Chain),
        (|entry| entry.cum_back = 736, EntryFault::Chain),
        (|entry| entry.hops = 1, EntryFault::Hops { found: 1, expected: 0 }),
    ];
    for (at, (change, expected)) in changes.into_iter().enumerate() {
        assert_eq!(fault_of(change), Some(expected), "change {at}");
    }
}

#[test]
fn totals_near_the_greatest_number_neither_wrap_nor_saturate() {
    // [M-6]
    let spent = |cum_out: u64, amount: u64, seq: u64| {
        fault_of(|entry| {
            (entry.cum_out, entry.amount, entry.seq) = (cum_out, amount, seq);
            entry.prev.0[0] ^= 1;
        })
    };
    let unbacked = |spent| Some(EntryFault::Unbacked { spent, proven: 100_000 });
    assert_eq!(spent(u64::MAX, 1, 2), unbacked(u64::MAX));
    assert_eq!(spent(u64::MAX, u64::MAX - 1, 2), unbacked(u64::MAX));
    assert_eq!(spent(u64::MAX, u64::MAX, 2), Some(EntryFault::Chain));
    assert_eq!(spent(0, 1, 2), Some(EntryFault::Chain));
    assert_eq!(spent(u64::MAX, 1, u64::MAX), unbacked(u64::MAX));
    assert_eq!(spent(u64::MAX - 1, 1, u64::MAX), Some(EntryFault::Chain));
}

#[test]
fn a_balance_and_a_release_of_the_greatest_amounts_add_up_without_overflow() {
    // [M-6]
    let world = World::new();
    let mut buyer = world.buyer.clone();
    buyer.certificate.body.limits = onehop_wire::Limits::default();
    buyer.certificate = world.by_office(buyer.certificate.body);
    buyer.checkpoint.body.balance = u64::MAX;
    buyer.checkpoint = world.by_office(buyer.checkpoint.body);
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(&world.seller, &buyer, u64::MAX - 1, 1);
    let all = world.entry(&buyer, &mut chain, &request, &[]);
    let release = [world.release(&world.seller, &buyer, &all)];
    let request = world.request(&world.third, &buyer, 1, 2);
    let next = world.entry(&buyer, &mut chain, &request, &release);
    let judged = verify_entry(&world.trust, &payer(&world, &buyer).unwrap(), next, &release);
    assert_eq!(judged.unwrap().released, u64::MAX - 1);
}

#[test]
fn each_limit_is_named_with_its_value_and_what_passes_it() {
    // [M-9]
    let world = World::new();
    let judge = |change: &dyn Fn(&mut onehop_wire::Limits), amounts: &[u64]| {
        let mut buyer = world.buyer.clone();
        buyer.certificate.body.limits = onehop_wire::Limits::default();
        change(&mut buyer.certificate.body.limits);
        buyer.certificate = world.by_office(buyer.certificate.body);
        let mut chain = world.chain(&buyer.checkpoint);
        let mut last = None;
        for (number, amount) in (1_u8..).zip(amounts) {
            let request = world.request(&world.seller, &buyer, *amount, number);
            last = Some(world.entry(&buyer, &mut chain, &request, &[]));
        }
        let payer = payer(&world, &buyer).unwrap();
        verify_entry(&world.trust, &payer, last.unwrap(), &[]).map(drop)
    };
    let over = |name, limit, reached| Err(EntryFault::Limit { name, limit, reached });
    assert_eq!(judge(&|limits| limits.per_payment = Some(500), &[500]), Ok(()));
    let found = judge(&|limits| limits.per_payment = Some(500), &[501]);
    assert_eq!(found, over(LimitName::PerPayment, 500, 501));
    assert_eq!(judge(&|limits| limits.per_checkpoint = Some(900), &[450, 450]), Ok(()));
    let found = judge(&|limits| limits.per_checkpoint = Some(900), &[450, 451]);
    assert_eq!(found, over(LimitName::PerCheckpoint, 900, 901));
    assert_eq!(judge(&|limits| limits.payments = Some(3), &[1, 1, 1]), Ok(()));
    let found = judge(&|limits| limits.payments = Some(3), &[1, 1, 1, 1]);
    assert_eq!(found, over(LimitName::Payments, 3, 4));
}

#[test]
fn a_release_gives_back_its_amount_and_its_payment_to_the_limits() {
    // [M-9]
    let world = World::new();
    let mut buyer = world.buyer.clone();
    buyer.certificate.body.limits.per_checkpoint = Some(50_000);
    buyer.certificate.body.limits.payments = Some(1);
    buyer.certificate = world.by_office(buyer.certificate.body);
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(&world.seller, &buyer, 40_000, 1);
    let first = world.entry(&buyer, &mut chain, &request, &[]);
    let request = world.request(&world.third, &buyer, 40_000, 2);
    let payer = payer(&world, &buyer).unwrap();
    let judge = |attachments: &[Attachment]| {
        let next = world.entry(&buyer, &mut chain.clone(), &request, attachments);
        verify_entry(&world.trust, &payer, next, attachments).map(|entry| entry.released)
    };
    let over = EntryFault::Limit { name: LimitName::PerCheckpoint, limit: 50_000, reached: 80_000 };
    assert_eq!(judge(&[]), Err(over));
    assert_eq!(judge(&[world.release(&world.seller, &buyer, &first)]), Ok(40_000));
}

/// What is wrong with an entry that names and shows `attachments`.
fn fault_with(world: &World, attachments: &[Attachment]) -> Option<EntryFault> {
    let buyer = &world.buyer;
    let request = world.request(&world.seller, buyer, 1, 99);
    let mut body = world.entry_body(buyer, &world.chain(&buyer.checkpoint), &request, attachments);
    body.hops = 0;
    let agreed = world.sign(&buyer.signer, body);
    verify_entry(&world.trust, &payer(world, buyer).unwrap(), agreed, attachments).err()
}

/// `count` different releases of entries of the buyer, which are small and do not count.
fn releases(world: &World, count: u8) -> Vec<Attachment> {
    let mut chain = world.chain(&world.buyer.checkpoint);
    let mut release = |number| {
        let request = world.request(&world.seller, &world.buyer, 1, number);
        let agreed = world.entry(&world.buyer, &mut chain, &request, &[]);
        world.voided(&agreed)
    };
    (1..=count).map(&mut release).collect()
}

fn receipts(world: &World, count: u8) -> Vec<Attachment> {
    let mut chain = world.chain(&world.third.checkpoint);
    let mut receipt = |number| {
        let request = world.request(&world.buyer, &world.third, 1, number);
        let agreed = world.entry(&world.third, &mut chain, &request, &[]);
        Attachment::Receipt(Box::new(world.receipt(&world.buyer, &world.third, &agreed, &[])))
    };
    (1..=count).map(&mut receipt).collect()
}

#[test]
fn what_an_unknown_office_key_signed_is_told_from_what_does_not_count() {
    // [M-11]
    let world = World::new();
    let unknown = Some(EntryFault::UnknownOfficeKey { number: 5 });
    let mut attached = receipts(&world, 1);
    let Some(Attachment::Receipt(receipt)) = attached.first_mut() else { panic!("no receipt") };
    receipt.payer.body.signed_by = 5;
    assert_eq!(fault_with(&world, &attached), unknown);
    let request = world.request(&world.seller, &world.buyer, 1, 1);
    let mut chain = world.chain(&world.buyer.checkpoint);
    let agreed = world.entry(&world.buyer, &mut chain, &request, &[]);
    let Attachment::Release(mut release) = world.voided(&agreed) else { panic!("a receipt") };
    let ReleaseGround::Voided(outcome) = &mut release.ground else { panic!("not voided") };
    outcome.body.signed_by = 5;
    assert_eq!(fault_with(&world, &[Attachment::Release(release)]), unknown);
}

#[test]
fn two_receipts_and_eight_releases_are_the_most_of_each() {
    // [M-10]
    let world = World::new();
    let most = u8::try_from(RELEASES_MAX).unwrap();
    assert_eq!((RECEIPTS_MAX, RELEASES_MAX), (2, 8));
    // The first entry cannot carry a release; it is not their number that is wrong.
    assert_eq!(fault_with(&world, &releases(&world, most)), Some(EntryFault::ReleasePlace));
    assert_eq!(fault_with(&world, &releases(&world, most + 1)), Some(EntryFault::Attachments));
    let hops = Some(EntryFault::Hops { found: 0, expected: 1 });
    assert_eq!(fault_with(&world, &receipts(&world, 2)), hops);
    assert_eq!(fault_with(&world, &receipts(&world, 3)), Some(EntryFault::Attachments));
}

#[test]
fn an_attachment_is_named_and_shown_once_in_one_order() {
    // [M-10]
    let world = World::new();
    let two = receipts(&world, 2);
    let judge = |named: &[Attachment], shown: &[Attachment]| {
        let buyer = &world.buyer;
        let request = world.request(&world.seller, buyer, 1, 99);
        let chain = world.chain(&buyer.checkpoint);
        let agreed = world.sign(&buyer.signer, world.entry_body(buyer, &chain, &request, named));
        verify_entry(&world.trust, &payer(&world, buyer).unwrap(), agreed, shown).err()
    };
    let [one, other] = [&two[..1], &two[1..]];
    let reversed = [two[1].clone(), two[0].clone()];
    let twice = [two[0].clone(), two[0].clone()];
    assert_eq!(judge(&two, &two), None);
    for (named, shown) in [(&two[..], one), (one, &two[..]), (one, other), (&[], one), (one, &[])] {
        assert_eq!(judge(named, shown), Some(EntryFault::Attachments));
    }
    assert_eq!(judge(&two, &reversed), Some(EntryFault::Attachments));
    assert_eq!(judge(&twice, &twice), Some(EntryFault::Attachments));
}

#[test]
fn attachments_have_8192_bytes_together_nested_ones_included() {
    // [M-10]
    let world = World::new();
    // Only their length matters, so the inner releases need not count.
    let receipt_of = |number: u8, inner: u8| {
        let mut chain = world.chain(&world.third.checkpoint);
        let request = world.request(&world.buyer, &world.third, 1, number);
        let inner = releases(&world, inner);
        let agreed = world.entry(&world.third, &mut chain, &request, &inner);
        let claim = world.receipt(&world.buyer, &world.third, &agreed, &inner);
        Attachment::Receipt(Box::new(claim))
    };
    let length = |attachments: &[Attachment]| -> usize {
        attachments.iter().map(|attachment| encode(attachment).len()).sum()
    };
    let within = [receipt_of(1, 4), receipt_of(2, 4)];
    let beyond = [receipt_of(1, 8), receipt_of(2, 8)];
    assert!(length(&within) <= ATTACHMENTS_BYTES_MAX, "{}", length(&within));
    assert!(length(&beyond) > ATTACHMENTS_BYTES_MAX, "{}", length(&beyond));
    assert_eq!(fault_with(&world, &within), Some(EntryFault::Receipt));
    assert_eq!(fault_with(&world, &beyond), Some(EntryFault::Attachments));
}

#[test]
fn a_release_that_contradicts_the_entry_is_a_fork() {
    // [M-4]
    let world = World::new();
    let buyer = &world.buyer;
    let mut chain = world.chain(&buyer.checkpoint);
    let request = world.request(&world.seller, buyer, 10, 1);
    let first = world.entry(buyer, &mut chain, &request, &[]);
    let before = chain;
    let request = world.request(&world.seller, buyer, 10, 2);
    let second = world.entry(buyer, &mut chain, &request, &[]);
    let attachments = [world.release(&world.seller, buyer, &second)];
    let request = world.request(&world.third, buyer, 10, 3);
    let mut body = world.entry_body(buyer, &before, &request, &attachments);
    (body.seq, body.cum_out) = (3, 30);
    assert_eq!(body.prev, first.hash(&world.office()));
    let agreed = world.sign(&buyer.signer, body);
    let judged = verify_entry(&world.trust, &payer(&world, buyer).unwrap(), agreed, &attachments);
    assert_eq!(judged.err(), Some(EntryFault::Fork(ForkKind::SamePrev)));
}

#[test]
fn the_earliest_date_to_claim_is_that_of_entry_and_receipts_together() {
    let world = World::new();
    let mut third = world.third.clone();
    third.checkpoint.body.expires.0 -= 1_000;
    third.checkpoint = world.by_office(third.checkpoint.body);
    let mut chain = world.chain(&third.checkpoint);
    let request = world.request(&world.buyer, &third, 5, 1);
    let received = world.entry(&third, &mut chain, &request, &[]);
    let claim = world.receipt(&world.buyer, &third, &received, &[]);
    let receipts = [Attachment::Receipt(Box::new(claim))];
    let request = world.request(&world.seller, &world.buyer, 5, 2);
    let mut chain = world.chain(&world.buyer.checkpoint);
    let agreed = world.entry(&world.buyer, &mut chain, &request, &receipts);
    let own = agreed.body.redeem_by;
    let payer = payer(&world, &world.buyer).unwrap();
    let judged = verify_entry(&world.trust, &payer, agreed, &receipts).unwrap();
    assert_eq!(judged.redeem_by.0, own.0 - 1_000);
}

#[test]
fn a_certificate_and_a_checkpoint_that_do_not_belong_together_make_no_payer() {
    // [B-3]
    let world = World::new();
    let joined = |change: &dyn Fn(&mut Person)| {
        let mut person = world.buyer.clone();
        change(&mut person);
        person.certificate = world.by_office(person.certificate.body);
        person.checkpoint = world.by_office(person.checkpoint.body);
        payer(&world, &person).map(drop)
    };
    let (seller, yen) = (world.seller.id(), onehop_wire::Currency::by_code("JPY").unwrap());
    assert_eq!(joined(&|_| {}), Ok(()));
    assert_eq!(joined(&|of| of.checkpoint.body.wallet = seller), Err(PayerFault::Wallet));
    let epoch = PayerFault::Epoch { checkpoint: 3, certificate: 1 };
    assert_eq!(joined(&|of| of.checkpoint.body.epoch = 3), Err(epoch));
    assert_eq!(joined(&|of| of.checkpoint.body.currency = yen), Err(PayerFault::Currency));
    let last = world.buyer.certificate.body.not_after;
    assert_eq!(joined(&|of| of.checkpoint.body.expires = last), Ok(()));
    let dates = Err(PayerFault::Dates);
    assert_eq!(joined(&|of| of.checkpoint.body.expires = last.plus(1)), dates);
    assert_eq!(joined(&|of| of.checkpoint.body.issued.0 -= 1), dates);
    // A date to claim beyond the last representable one would make the sum wrap.
    let endless = |of: &mut Person| {
        of.certificate.body.not_after.0 = u64::MAX;
        of.checkpoint.body.expires.0 = u64::MAX;
    };
    assert_eq!(joined(&endless), dates);
    let unknown = |of: &mut Person| of.checkpoint.body.signed_by = 9;
    let chain = ChainError::UnknownOfficeKey { number: 9 };
    assert_eq!(joined(&unknown), Err(PayerFault::Chain(chain)));
}
