//! Letters between a wallet and its office that others carry (spec §9.12): HPKE as in [`envelope`],
//! one message a context, bound to the office and to what is answered.
//!
//! [`envelope`]: crate::envelope

use onehop_wire::bounded::TooLong;
use onehop_wire::domain::domain;
use onehop_wire::limits::{LETTER_MAX, LETTER_PADDING_MAX, LETTER_PAGE};
use onehop_wire::office::OfficeRequest;
use onehop_wire::relay::{Answered, Letter, Parcel, Reply};
use onehop_wire::{
    Bytes, DecodeError, Hash, OfficeId, OfficeKey, SessionKey, Signed, decode, encode,
};
use rand_core::CryptoRng;

use crate::envelope::{EnvelopeError, Opener, Sealer};
use crate::keys::SessionSecret;

/// Bytes that sealing adds: the tag of ChaCha20-Poly1305.
const TAG_BYTES: usize = 16;

/// Why a letter could not be sealed or opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LetterError {
    /// It does not fit into a parcel; take it to the office another way.
    #[error("a letter is longer than a parcel holds")]
    TooLong(#[from] TooLong),
    /// Sealed to somebody else, or altered on its way.
    #[error("the letter does not open")]
    Sealed(#[from] EnvelopeError),
    /// Inside is something else.
    #[error("the letter is not readable")]
    Unreadable(#[from] DecodeError),
    /// Padded otherwise than it must be.
    #[error("the letter is padded by something else than zeros to a whole page")]
    Padding,
    /// The request is a parcel itself.
    #[error("a parcel is inside a parcel")]
    Nested,
}

/// Seals a request to an office's key, with the key to which the answer is sealed.
///
/// # Errors
/// [`LetterError::TooLong`], [`LetterError::Nested`], or [`LetterError::Sealed`] if the office's key
/// is of small order.
pub fn seal_parcel(
    rng: &mut impl CryptoRng,
    office: &OfficeId,
    key: &OfficeKey,
    reply_to: SessionKey,
    request: OfficeRequest,
) -> Result<Parcel, LetterError> {
    if matches!(request, OfficeRequest::Relay(_)) {
        return Err(LetterError::Nested);
    }
    let letter = padded(Letter { reply_to, request, padding: Bytes::empty() })?;
    let (enc, mut sealer) = Sealer::setup(rng, &key.mail_key, &to_office(office, key.number))?;
    let sealed = Bytes::new(sealer.seal(&[], &encode(&letter))?)?;
    Ok(Parcel { office: *office, number: key.number, enc, sealed })
}

/// Opens a parcel with the secret of the office's mail key.
///
/// # Errors
/// [`LetterError`].
pub fn open_parcel(secret: &SessionSecret, parcel: &Parcel) -> Result<Letter, LetterError> {
    let info = to_office(&parcel.office, parcel.number);
    let mut opener = Opener::setup(secret, &parcel.enc, &info)?;
    let opened = opener.open(&[], &parcel.sealed)?;
    let letter: Letter = decode(&opened, LETTER_MAX)?;
    if matches!(letter.request, OfficeRequest::Relay(_)) {
        return Err(LetterError::Nested);
    }
    let is_whole = opened.len() % LETTER_PAGE == 0;
    if !is_whole || letter.padding.iter().any(|byte| *byte != 0) {
        return Err(LetterError::Padding);
    }
    Ok(letter)
}

/// Seals an office's answer to the key that the letter named.
///
/// # Errors
/// [`LetterError::TooLong`], or [`LetterError::Sealed`] if that key is of small order.
pub fn seal_reply(
    rng: &mut impl CryptoRng,
    office: &OfficeId,
    reply_to: &SessionKey,
    answered: &Signed<Answered>,
) -> Result<Reply, LetterError> {
    let parcel = answered.body.parcel;
    let (enc, mut sealer) = Sealer::setup(rng, reply_to, &to_wallet(office, parcel))?;
    let sealed = Bytes::new(sealer.seal(&[], &encode(answered))?)?;
    Ok(Reply { parcel, enc, sealed })
}

/// Opens an answer; whether the office signed it is the caller's to check.
///
/// # Errors
/// [`LetterError`].
pub fn open_reply(
    secret: &SessionSecret,
    office: &OfficeId,
    reply: &Reply,
) -> Result<Signed<Answered>, LetterError> {
    let mut opener = Opener::setup(secret, &reply.enc, &to_wallet(office, reply.parcel))?;
    Ok(decode(&opener.open(&[], &reply.sealed)?, LETTER_MAX)?)
}

/// With zeros to a whole number of pages.
fn padded(mut letter: Letter) -> Result<Letter, LetterError> {
    let bare = encode(&letter).len();
    let whole = |zeros: &usize| {
        // The length of the padding takes a byte more from 128 on.
        let length = bare.saturating_add(*zeros).saturating_add(usize::from(*zeros > 127));
        length % LETTER_PAGE == 0
    };
    let zeros = (0..=LETTER_PADDING_MAX).find(whole).ok_or(LetterError::Padding)?;
    letter.padding = Bytes::new(vec![0; zeros])?;
    let longest = LETTER_MAX.saturating_sub(TAG_BYTES);
    let found = encode(&letter).len();
    if found > longest {
        return Err(TooLong { found, max: longest }.into());
    }
    Ok(letter)
}

fn to_office(office: &OfficeId, number: u32) -> Vec<u8> {
    [domain("parcel-info").as_slice(), office.as_bytes(), &number.to_be_bytes()].concat()
}

fn to_wallet(office: &OfficeId, parcel: Hash) -> Vec<u8> {
    [domain("reply-info").as_slice(), office.as_bytes(), parcel.as_bytes()].concat()
}
