//! From birth to the first purse, and what the office may not answer.

use onehop_crypto::SigningKey;
use onehop_wire::office::{Enrol, EnrolAnswer, Transfer};
use onehop_wire::{
    Certificate, Checkpoint, Class, Currency, Hash, List, PublicKey, SessionKey, Signature, Signed,
    Text, WalletId, encode,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::office::{DAY, Office, TODAY};
use super::pair::{Device, Pair};
use crate::{Birth, Refusal};

fn newborn(office: &Office) -> Device {
    let mut rng = ChaCha20Rng::from_seed([31; 32]);
    let born = Birth::new(&mut rng, office.info()).unwrap().into_record();
    Device::start(vec![encode(&born)], 41)
}

fn asha(device: &mut Device) -> Signed<Enrol> {
    let enrol = device.wallet.enrol(Text::new("asha").unwrap(), Class::Person).unwrap();
    device.drain();
    enrol
}

/// What an office answers, changed before it is signed.
pub(super) fn answer(
    office: &Office,
    enrol: &Signed<Enrol>,
    bend: impl FnOnce(&mut Certificate, &mut Checkpoint),
) -> EnrolAnswer {
    let mut certificate = Certificate {
        key: enrol.body.key,
        mail_key: enrol.body.mail_key,
        name: enrol.body.name.clone(),
        class: enrol.body.class,
        limits: office.limits.clone(),
        currency: Office::currency(),
        claim_window: 1_209_600,
        not_before: TODAY,
        not_after: TODAY.plus(180 * DAY),
        epoch: 1,
        signed_by: 1,
    };
    let mut checkpoint = Checkpoint {
        wallet: certificate.wallet(),
        epoch: 1,
        number: 1,
        balance: 0,
        currency: Office::currency(),
        base_seq: 0,
        base_head: Hash([0; 32]),
        base_cum_out: 0,
        issued: TODAY,
        expires: TODAY.plus(7 * DAY),
        revocations: 0,
        signed_by: 1,
    };
    bend(&mut certificate, &mut checkpoint);
    EnrolAnswer {
        new_roots: List::empty(),
        office_key: office.info().office_key,
        certificate: office.certificate(certificate),
        checkpoint: office.checkpoint(checkpoint),
    }
}

#[test]
fn a_wallet_repeats_its_enrolment_until_it_is_answered_and_then_has_a_purse() {
    let office = Office::new(1);
    let mut device = newborn(&office);
    assert_eq!(device.wallet.state().wallet(), None);
    let first = asha(&mut device);
    assert_eq!(asha(&mut device), first);
    assert_eq!(device.records, ["EnrolSigned"]);
    let mut device = device.restarted(false, 42);
    assert_eq!(asha(&mut device), first);
    device.wallet.enrolled(answer(&office, &first, |_, _| {})).unwrap();
    device.drain();
    assert_eq!((&device.records[..], device.forces), (&["Enrolled".to_owned()][..], 1));
    let state = device.wallet.state();
    assert_eq!(
        state.wallet(),
        Some(first.body.key).map(|key| onehop_wire::domain::wallet_id(&key))
    );
    assert_eq!(state.purse().unwrap().checkpoint.body.number, 1);
    assert_eq!(state.certificate().unwrap().body.name.as_str(), "asha");
    assert_eq!(state.office_key(1), Some(&office.info().office_key));
    assert_eq!(state.office_key(2), None);
    assert!(!state.is_frozen());
}

#[test]
fn a_name_may_change_until_the_office_has_certified_one() {
    let office = Office::new(1);
    let mut device = newborn(&office);
    let first = asha(&mut device);
    let wanted = [("asha k", Class::Person), ("asha", Class::Merchant)];
    for (name, class) in wanted {
        let other = device.wallet.enrol(Text::new(name).unwrap(), class).unwrap();
        assert_eq!((other.body.name.as_str(), other.body.class), (name, class));
        assert_eq!(other.body.key, first.body.key);
        device.drain();
    }
    let answered = answer(&office, &asha(&mut device), |_, _| {});
    device.wallet.enrolled(answered.clone()).unwrap();
    device.drain();
    let again = device.wallet.enrol(Text::new("asha").unwrap(), Class::Person);
    assert_eq!(again, Err(Refusal::Enrolled));
    assert_eq!(device.wallet.enrolled(answered), Err(Refusal::Enrolled));
}

#[test]
fn an_answer_to_another_enrolment_changes_nothing() {
    type Bend = fn(&mut Certificate, &mut Checkpoint);
    let bends: [Bend; 12] = [
        |certificate, _| certificate.key = PublicKey([9; 32]),
        |certificate, _| certificate.mail_key = SessionKey([9; 32]),
        |certificate, _| certificate.name = Text::new("meena").unwrap(),
        |_, checkpoint| checkpoint.wallet = WalletId([9; 32]),
        |_, checkpoint| checkpoint.currency = Currency::by_code("EUR").unwrap(),
        |_, checkpoint| checkpoint.number = 2,
        |_, checkpoint| checkpoint.base_seq = 1,
        |_, checkpoint| checkpoint.base_cum_out = 1,
        |_, checkpoint| checkpoint.base_head = Hash([1; 32]),
        |_, checkpoint| checkpoint.balance = 1,
        |certificate, _| certificate.epoch = 2,
        |certificate, checkpoint| {
            (certificate.epoch, checkpoint.epoch, checkpoint.number) = (2, 2, 1);
        },
    ];
    let office = Office::new(1);
    let mut device = newborn(&office);
    let enrol = asha(&mut device);
    let before = device.wallet.state().clone();
    for bend in bends {
        let refused = device.wallet.enrolled(answer(&office, &enrol, bend));
        assert_eq!(refused, Err(Refusal::OfficeAnswer { what: "certificate" }));
    }
    let forge: [fn(&mut EnrolAnswer); 3] = [
        |answer| answer.office_key.signature = Signature([7; 64]),
        |answer| answer.certificate.signature = Signature([7; 64]),
        |answer| answer.checkpoint.signature = Signature([7; 64]),
    ];
    for forge in forge {
        let mut answered = answer(&office, &enrol, |_, _| {});
        forge(&mut answered);
        let refused = device.wallet.enrolled(answered);
        assert!(matches!(refused, Err(Refusal::OfficeSignature(_))), "{refused:?}");
    }
    assert_eq!(*device.wallet.state(), before);
}

/// [S-15]
#[test]
fn a_wallet_restored_from_its_key_takes_a_higher_epoch_and_a_later_number() {
    let office = Office::new(1);
    let mut first = newborn(&office);
    let enrol = asha(&mut first);
    let born = Birth::restored(&mut ChaCha20Rng::from_seed([32; 32]), office.info(), {
        let mut rng = ChaCha20Rng::from_seed([31; 32]);
        *SigningKey::generate(&mut rng).seed()
    });
    let mut device = Device::start(vec![encode(&born.unwrap().into_record())], 43);
    let again = asha(&mut device);
    assert_eq!(again.body.key, enrol.body.key);
    assert_ne!(again.body.mail_key, enrol.body.mail_key);
    let answered = answer(&office, &again, |certificate, checkpoint| {
        (certificate.epoch, checkpoint.epoch, checkpoint.number) = (2, 2, 6);
    });
    device.wallet.enrolled(answered).unwrap();
    device.drain();
    let device = device.restarted(true, 44);
    let purse = device.wallet.state().purse().unwrap();
    let body = &purse.checkpoint.body;
    assert_eq!((body.epoch, body.number, body.balance), (2, 6, 0));
    assert!(!device.wallet.state().is_frozen());
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused() {
    let office = Office::new(1);
    let mut other = newborn(&office);
    let enrol = asha(&mut other);
    let mut device = newborn(&office);
    let refused = device.wallet.enrolled(answer(&office, &enrol, |_, _| {}));
    assert_eq!(refused, Err(Refusal::NotEnrolled));
}

#[test]
fn nobody_is_born_at_an_office_that_its_root_did_not_sign() {
    let mut info = Office::new(1).info();
    info.root = SigningKey::from_seed(&[9; 32]).public();
    let mut rng = ChaCha20Rng::from_seed([31; 32]);
    assert!(matches!(Birth::new(&mut rng, info), Err(Refusal::OfficeSignature(_))));
}

#[test]
fn a_wallet_that_is_not_enrolled_does_nothing_but_enrol() {
    let mut device = newborn(&Office::new(1));
    let now = Pair::new().now();
    let wallet = &mut device.wallet;
    assert_eq!(wallet.open_shop(), Err(Refusal::NotEnrolled));
    assert_eq!(wallet.open_buyer_mode(now, 1_000), Err(Refusal::NotEnrolled));
    assert_eq!(wallet.introduce(now, crate::PeerId(1)), Err(Refusal::NotEnrolled));
    assert_eq!(wallet.close(now, Transfer::None), Err(Refusal::NotEnrolled));
    assert_eq!(wallet.balance(), crate::Balance::default());
    assert_eq!(wallet.claims().bundles, []);
}
