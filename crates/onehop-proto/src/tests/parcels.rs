//! Parcels (spec §9.12): what a wallet asks through others, and what it takes back from them.

use onehop_crypto::Sealer;
use onehop_crypto::letter::{LetterError, open_parcel, open_reply, seal_reply};
use onehop_wire::domain::domain;
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Transfer, Verdict};
use onehop_wire::relay::{Answered, Parcel, Reply};
use onehop_wire::{Bytes, Hash, Now, TxId, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::office::{Office, TODAY};
use super::pair::Device;
use crate::Refusal;

fn device(office: &Office, seed: u8) -> Device {
    Device::start(office.enrolled(seed, &format!("wallet {seed}"), 50_000), seed)
}

fn asked(device: &mut Device) -> (OfficeRequest, Parcel) {
    let now = Now { mono_ms: 0, unix: TODAY };
    let sync = device.wallet.close(now, Transfer::None).unwrap();
    let request = OfficeRequest::Sync(Box::new(sync));
    let parcel = device.wallet.parcel(request.clone()).unwrap();
    (request, parcel)
}

/// What the office says to a parcel, the signed hash given.
fn reply(office: &Office, parcel: &Parcel, signed: Hash) -> Reply {
    let letter = open_parcel(&office.mail_secret(), parcel).unwrap();
    let answer = OfficeAnswer::Resolve(Box::new(Verdict::Pending(office.pending(TxId([3; 32])))));
    let answered = office.sign(Answered { parcel: signed, answer, signed_by: 1 });
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    seal_reply(&mut rng, office.id(), &letter.reply_to, &answered).unwrap()
}

#[test]
fn the_office_opens_what_a_wallet_seals_and_no_two_parcels_are_alike() {
    let office = Office::new(1);
    let mut device = device(&office, 41);
    let (request, parcel) = asked(&mut device);
    assert_eq!(open_parcel(&office.mail_secret(), &parcel).unwrap().request, request);
    let again = device.wallet.parcel(request.clone()).unwrap();
    assert_ne!(again.enc, parcel.enc);
    let nested = device.wallet.parcel(OfficeRequest::Relay(Box::new(parcel)));
    assert_eq!(nested, Err(Refusal::Letter(LetterError::Nested)));
}

/// [O-46]
#[test]
fn a_wallet_takes_a_reply_only_if_it_is_its_own_whole_signed_and_to_the_parcel_it_names() {
    let office = Office::new(1);
    let mut asker = device(&office, 41);
    let (_, parcel) = asked(&mut asker);
    let good = reply(&office, &parcel, parcel.hash());
    let answer = asker.wallet.unsealed(&good).unwrap();
    assert!(matches!(answer, OfficeAnswer::Resolve(_)), "{answer:?}");
    // Another wallet, and an altered reply.
    let shut = Err(Refusal::Letter(LetterError::Sealed(onehop_crypto::EnvelopeError::Open)));
    assert_eq!(device(&office, 42).wallet.unsealed(&good), shut);
    let renamed = Reply { parcel: Hash([9; 32]), ..good.clone() };
    assert_eq!(asker.wallet.unsealed(&renamed), shut);
    // What the office signed for another parcel, sealed by somebody for this one, as it is and renamed.
    let letter = open_parcel(&office.mail_secret(), &parcel).unwrap();
    let other = reply(&office, &parcel, Hash([8; 32]));
    let mut answered = open_reply(&asker.wallet.mail, office.id(), &other).unwrap();
    let mut rng = ChaCha20Rng::from_seed([6; 32]);
    let parcel_hash = parcel.hash();
    let info =
        [domain("reply-info").as_slice(), office.id().as_bytes(), parcel_hash.as_bytes()].concat();
    let (enc, mut sealer) = Sealer::setup(&mut rng, &letter.reply_to, &info).unwrap();
    let sealed = Bytes::new(sealer.seal(&[], &encode(&answered)).unwrap()).unwrap();
    let passed_on = Reply { parcel: parcel.hash(), enc, sealed };
    let refused = asker.wallet.unsealed(&passed_on);
    assert_eq!(refused, Err(Refusal::OfficeAnswer { what: "another parcel" }));
    answered.body.parcel = parcel.hash();
    let forged = seal_reply(&mut rng, office.id(), &letter.reply_to, &answered).unwrap();
    let refused = asker.wallet.unsealed(&forged);
    assert!(matches!(refused, Err(Refusal::OfficeSignature(_))), "{refused:?}");
    // Another office's word.
    let stranger = Office::new(9);
    let answer = OfficeAnswer::Refused(onehop_wire::Text::new("no").unwrap());
    let answered = stranger.sign(Answered { parcel: parcel.hash(), answer, signed_by: 1 });
    let forged = seal_reply(&mut rng, office.id(), &letter.reply_to, &answered).unwrap();
    let refused = asker.wallet.unsealed(&forged);
    assert!(matches!(refused, Err(Refusal::OfficeSignature(_))), "{refused:?}");
}
