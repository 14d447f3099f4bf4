//! parcels.json: requests that others carry to the office, their answers, and what is refused.

use anyhow::{Context as _, ensure};
use onehop_crypto::letter::{open_parcel, open_reply, seal_parcel, seal_reply};
use onehop_crypto::{Sealer, SessionSecret};
use onehop_wire::office::{OfficeAnswer, OfficeRequest, Verdict};
use onehop_wire::relay::{Answered, Letter, Parcel, Reply};
use onehop_wire::{Bytes, Hash, OfficeId, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::readable::{Case, hex};
use super::samples::Samples;
use super::world::World;

/// One parcel with its answer.
struct Carried {
    letter: Letter,
    parcel: Parcel,
    reply: Reply,
}

fn rng(number: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([number; 32])
}

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let samples = Samples::new(world);
    let request = OfficeRequest::Resolve(Box::new(samples.resolve_request()));
    let good = carried(world, &request, Verdict::Pending(samples.pending.clone()))?;
    let claim = OfficeRequest::Claim(samples.claim_bundle());
    let paid = Verdict::Pending(samples.pending.clone());
    let mut cases = vec![
        case(world, "a payment in doubt", &good),
        case(world, "a claim", &carried(world, &claim, paid)?),
    ];
    for (name, bad) in harmed(world, &good)? {
        let is_read = open_parcel(&world.office_signer.mail_secret(), &bad.parcel)
            .is_ok_and(|it| it == bad.letter && bad.parcel.office == world.office());
        let answered = open_reply(&world.buyer.mail, &world.office(), &bad.reply);
        let is_answered = answered.is_ok_and(|answered| {
            answered.body.parcel == bad.parcel.hash()
                && bad.reply.parcel == bad.parcel.hash()
                && world.trust.answered(answered).is_ok()
        });
        ensure!(!is_read || !is_answered, "{name}: is taken for good");
        cases.push(case(world, name, &bad).with("error", "refused"));
    }
    Ok(cases)
}

fn carried(world: &World, request: &OfficeRequest, verdict: Verdict) -> anyhow::Result<Carried> {
    let (office, key) = (world.office(), &world.office_key.body);
    let reply_to = world.buyer.mail.public();
    let parcel = seal_parcel(&mut rng(1), &office, key, reply_to, request.clone())?;
    let letter = open_parcel(&world.office_signer.mail_secret(), &parcel)?;
    ensure!(letter.request == *request, "another request comes out");
    let answer = OfficeAnswer::Resolve(Box::new(verdict));
    let answered = Answered { parcel: parcel.hash(), answer, signed_by: key.number };
    let reply = seal_reply(&mut rng(2), &office, &reply_to, &world.by_office(answered))?;
    Ok(Carried { letter, parcel, reply })
}

fn case(world: &World, name: &str, it: &Carried) -> Case {
    let secret = |of: &SessionSecret| hex(of.to_bytes());
    Case::new(name)
        .with("office", hex(world.office().as_bytes()))
        .with("office_key", hex(encode(&world.office_key)))
        .with("office_mail_secret", secret(&world.office_signer.mail_secret()))
        .with("wallet_mail_secret", secret(&world.buyer.mail))
        .with("letter", hex(encode(&it.letter)))
        .with("parcel", hex(encode(&it.parcel)))
        .with("parcel_hash", hex(it.parcel.hash().as_bytes()))
        .with("reply", hex(encode(&it.reply)))
}

/// What a carrier, or another office, could make of it.
fn harmed(world: &World, good: &Carried) -> anyhow::Result<Vec<(&'static str, Carried)>> {
    let with =
        |parcel: Parcel| Carried { letter: good.letter.clone(), parcel, reply: good.reply.clone() };
    let mut altered = good.parcel.sealed.clone().into_inner();
    let first = altered.first_mut().context("nothing is sealed")?;
    *first ^= 1;
    let altered = Parcel { sealed: Bytes::new(altered)?, ..good.parcel.clone() };
    let renamed = Parcel { office: OfficeId([9; 32]), ..good.parcel.clone() };
    let renumbered = Parcel { number: 2, ..good.parcel.clone() };
    let mut padding = good.letter.padding.clone().into_inner();
    let last = padding.last_mut().context("nothing is padded")?;
    *last = 1;
    let letter = Letter { padding: Bytes::new(padding)?, ..good.letter.clone() };
    let padded = Carried { parcel: sealed(world, &letter)?, letter, reply: good.reply.clone() };
    let letter = Letter { padding: Bytes::empty(), ..good.letter.clone() };
    let bare = Carried { parcel: sealed(world, &letter)?, letter, reply: good.reply.clone() };
    let swapped = Reply { parcel: Hash([7; 32]), ..good.reply.clone() };
    let swapped = Carried { reply: swapped, ..with(good.parcel.clone()) };
    let mut forged = good.reply.sealed.clone().into_inner();
    let last = forged.last_mut().context("nothing is sealed")?;
    *last ^= 1;
    let forged = Reply { sealed: Bytes::new(forged)?, ..good.reply.clone() };
    let forged = Carried { reply: forged, ..with(good.parcel.clone()) };
    Ok(vec![
        ("a parcel with a flipped bit", with(altered)),
        ("a parcel that names another office", with(renamed)),
        ("a parcel that names another key", with(renumbered)),
        ("a letter padded by something else than zeros", padded),
        ("a letter that is no whole page", bare),
        ("the reply to another parcel", swapped),
        ("a reply with a flipped bit", forged),
        ("a reply that somebody else signed", self_signed(world, good)?),
    ])
}

/// Seals a letter as it is.
fn sealed(world: &World, letter: &Letter) -> anyhow::Result<Parcel> {
    let (office, number) = (world.office(), world.office_key.body.number);
    let info = onehop_wire::domain::domain("parcel-info");
    let info = [info.as_slice(), office.as_bytes(), &number.to_be_bytes()].concat();
    let to = world.office_key.body.mail_key;
    let (enc, mut sealer) = Sealer::setup(&mut rng(1), &to, &info)?;
    let sealed = Bytes::new(sealer.seal(&[], &encode(letter))?)?;
    Ok(Parcel { office, number, enc, sealed })
}

fn self_signed(world: &World, good: &Carried) -> anyhow::Result<Carried> {
    let (parcel, office) = (good.parcel.clone(), world.office());
    let words = onehop_wire::Text::new("no")?;
    let answer = OfficeAnswer::Refused(words);
    let answered = Answered { parcel: parcel.hash(), answer, signed_by: 1 };
    let answered = world.sign(&world.third.signer, answered);
    let reply = seal_reply(&mut rng(3), &office, &good.letter.reply_to, &answered)?;
    Ok(Carried { letter: good.letter.clone(), parcel, reply })
}
