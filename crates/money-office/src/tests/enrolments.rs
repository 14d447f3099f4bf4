//! ENROL and certificates.

use onehop_crypto::{Trust, verify};
use onehop_wire::office::{Transfer, TransferResult};
use onehop_wire::{Limits, PublicKey, SessionKey, Signature, encode};

use super::world::{DAY, World, key};
use crate::draft::read_row;
use crate::evidence::Evidence;
use crate::profile::PROFILES;
use crate::{Command, LedgerStore as _, Profile, Table};

/// [O-1] [O-2] [O-18] [O-22]
#[test]
fn an_enrolment_repeated_gets_the_same_bytes_and_chains_to_the_root() {
    let mut world = World::new();
    let request = world.enrol_request(1, "Tea Stall");
    let first = world.office.enrol(world.now, &request).unwrap();
    let later = world.office.enrol(world.now.plus(99), &request).unwrap();
    assert_eq!(encode(&first), encode(&later));
    let info = world.office.info().unwrap();
    let trust = Trust::from_info(&info, Some(world.office.id())).unwrap();
    let certificate = trust.certificate(first.certificate).unwrap();
    let profile = Profile::by_name("rbi-2023").unwrap();
    assert_eq!(certificate.body().limits, profile.limits);
    let checkpoint = trust.checkpoint(first.checkpoint).unwrap();
    onehop_evidence::Payer::new(certificate, checkpoint).unwrap();
    let kept = world.office.store().scan(Table::Evidence, &[], None, 9).unwrap();
    let kept = kept.iter().map(|(_, bytes)| read_row(Table::Evidence, bytes).unwrap());
    let enrols: Vec<_> = kept
        .filter_map(|row| if let Evidence::Enrolled(row) = row { Some(row.enrol) } else { None })
        .collect();
    assert_eq!(enrols, [request], "it is kept once");
}

/// [O-22]
#[test]
fn every_certificate_has_the_limits_of_the_offices_profile() {
    let table = [
        ("rbi-2022", Some(20_000), Some(200_000), None, 200_000),
        ("rbi-2023", Some(50_000), Some(200_000), None, 200_000),
        ("upi-lite-2024", Some(100_000), Some(500_000), None, 500_000),
        ("psd2-contactless", Some(5_000), Some(15_000), None, 15_000),
        ("psd2-contactless-count", Some(5_000), None, Some(5), 25_000),
        ("aml-emoney", None, Some(15_000), None, 15_000),
    ];
    assert_eq!(PROFILES.len(), table.len());
    for (name, per_payment, per_checkpoint, payments, purse_max) in table {
        let profile = Profile::by_name(name).unwrap();
        let mut world = World::of(profile.clone());
        let mut wallet = world.enrol(1, "buyer");
        let limits = wallet.certificate.body.limits.clone();
        let expected = Limits { per_payment, per_payee: None, per_checkpoint, payments, hops: 1 };
        assert_eq!(limits, expected, "{name}");
        assert_eq!(wallet.certificate.body.claim_window, 14 * 86_400);
        assert_eq!(wallet.checkpoint.body.expires, world.now.plus(7 * DAY));
        assert_eq!(wallet.certificate.body.not_after, world.now.plus(180 * DAY));
        world.order(Command::Deposit { wallet: wallet.id(), amount: 900_000 }).unwrap();
        let answer = world.sync(&mut wallet, Transfer::Charge(purse_max + 1));
        assert!(matches!(answer.transfer, TransferResult::Refused(_)), "{name}");
        world.now = world.now.plus(175 * DAY);
        let answer = world.sync(&mut wallet, Transfer::Charge(purse_max));
        assert_eq!(answer.transfer, TransferResult::Done, "{name}");
        assert_eq!(answer.certificate.body.limits, expected, "{name}, renewed");
    }
}

/// [O-1]
#[test]
fn a_taken_name_a_taken_key_a_weak_key_and_a_missing_signature_are_refused() {
    let mut world = World::new();
    world.enrol(1, "Tea Stall");
    let before = world.office.store().clone();
    let mut says = |request| world.office.enrol(world.now, &request).unwrap_err().to_string();
    let other = World::new();
    assert_eq!(says(other.enrol_request(2, "TEA stall")), "the name \"TEA stall\" is taken");
    let taken = says(other.enrol_request(1, "Other"));
    assert_eq!(taken, format!("wallet {} is enrolled already", key(1).wallet().short()));
    assert_eq!(says(other.enrol_request(3, " ")), "the name is empty");
    let mut forged = other.enrol_request(4, "new");
    forged.signature = Signature([0; 64]);
    assert_eq!(says(forged.clone()), "signature of a enrol does not verify");
    forged.body.key = PublicKey([0; 32]);
    assert_eq!(says(forged), "the key is weak");
    assert_eq!(*world.office.store(), before);
}

/// [O-3]
#[test]
fn a_restored_wallet_gets_a_new_epoch_at_once_and_its_money_after_the_claim_window() {
    let mut world = World::new();
    let mut wallet = world.funded(1, "buyer", 5_000);
    let mut again = world.enrol_request(1, "buyer");
    again.body.mail_key = SessionKey([99; 32]);
    let again = wallet.key.sign(&wallet.office, again.body).into_signed();
    let answer = world.office.enrol(world.now, &again).unwrap();
    assert_eq!((answer.certificate.body.epoch, answer.checkpoint.body.number), (2, 3));
    assert_eq!(answer.checkpoint.body.balance, 0);
    let old = wallet.sync(Transfer::None);
    assert!(world.office.sync(world.now, &old).is_err());
    let over = wallet.checkpoint.body.expires.plus(14 * DAY);
    (wallet.certificate, wallet.checkpoint) = (answer.certificate, answer.checkpoint);
    world.now = over.plus(1);
    world.office.settle(world.now).unwrap();
    assert_eq!(world.sync(&mut wallet, Transfer::None).checkpoint.body.balance, 0);
    world.now = over.plus(DAY);
    world.office.settle(world.now).unwrap();
    assert_eq!(world.sync(&mut wallet, Transfer::None).checkpoint.body.balance, 5_000);
}

/// [O-2]
#[test]
fn a_certificate_is_renewed_before_a_checkpoint_could_outlive_it() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "buyer");
    let first = wallet.certificate.clone();
    world.now = world.now.plus(170 * DAY);
    world.sync(&mut wallet, Transfer::None);
    assert_eq!(wallet.certificate, first);
    world.now = world.now.plus(5 * DAY);
    world.sync(&mut wallet, Transfer::None);
    assert_ne!(wallet.certificate, first);
    assert!(wallet.checkpoint.body.expires <= wallet.certificate.body.not_after);
    assert_eq!(wallet.certificate.body.epoch, 1);
}

/// [O-2]
#[test]
fn a_new_office_key_signs_what_follows_and_the_old_one_stays_known() {
    let mut world = World::new();
    let mut wallet = world.enrol(1, "buyer");
    world.now = world.now.plus(366 * DAY);
    let error = world.office.sync(world.now, &wallet.sync(Transfer::None)).unwrap_err();
    assert_eq!(error.to_string(), "the office's signing key 1 has expired");
    assert!(world.office.renew_key(&key(9), &[8; 32], world.now).is_err());
    assert_eq!(world.office.renew_key(&key(201), &[8; 32], world.now).unwrap(), 2);
    let answer = world.sync(&mut wallet, Transfer::None);
    assert_eq!(answer.certificate.body.signed_by, 2);
    let id = *world.office.id();
    let keys: Vec<_> = answer.office_keys.iter().map(|key| &key.body).collect();
    assert_eq!(keys.iter().map(|key| key.number).collect::<Vec<_>>(), [1, 2]);
    verify(&id, &keys[1].key, answer.certificate).unwrap();
    let again = crate::Office::open(world.office.into_store()).unwrap();
    assert_eq!(again.info().unwrap().office_key.body.number, 2);
    assert!(again.audit().unwrap().balances());
}
