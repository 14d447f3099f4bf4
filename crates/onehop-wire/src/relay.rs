//! What a third wallet carries between a wallet without a network and the office: it cannot read it,
//! nor alter it unnoticed (spec §9.12).

use serde::{Deserialize, Serialize};

use crate::bounded::Bytes;
use crate::domain::hash_of;
use crate::ids::{Hash, OfficeId, SessionKey};
use crate::limits::{LETTER_MAX, LETTER_PADDING_MAX};
use crate::office::{OfficeAnswer, OfficeRequest};
use crate::{Statement, encode};

/// A request sealed to an office.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Parcel {
    /// The office that it is for.
    pub office: OfficeId,
    /// Number of the office key to whose `mail_key` it is sealed.
    pub number: u32,
    /// The encapsulated key (RFC 9180).
    pub enc: SessionKey,
    /// A [`Letter`], sealed.
    pub sealed: Bytes<LETTER_MAX>,
}

impl Parcel {
    /// By what its reply names it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_of("parcel", &[&encode(self)])
    }
}

/// What is inside a [`Parcel`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Letter {
    /// To whom the answer is sealed.
    pub reply_to: SessionKey,
    /// What is asked.
    pub request: OfficeRequest,
    /// Zeros, so that the length of the whole is a multiple of 1024 bytes and says little.
    pub padding: Bytes<LETTER_PADDING_MAX>,
}

/// An office's answer on its way back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reply {
    /// The parcel that is answered.
    pub parcel: Hash,
    /// The encapsulated key (RFC 9180).
    pub enc: SessionKey,
    /// A signed [`Answered`], sealed.
    pub sealed: Bytes<LETTER_MAX>,
}

/// ANSWERED: the answer to what a parcel asks, signed by the office, since anybody may seal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Answered {
    /// The parcel that is answered.
    pub parcel: Hash,
    /// The answer.
    pub answer: OfficeAnswer,
    /// Number of the office key that signs this.
    pub signed_by: u32,
}

impl Statement for Answered {
    const TYPE: &'static str = "answered";
}
