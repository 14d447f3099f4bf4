//! What this wallet asks its office through others, sealed both ways (spec §9.12).

use onehop_crypto::letter::{open_reply, seal_parcel};
use onehop_wire::office::{OfficeAnswer, OfficeRequest};
use onehop_wire::relay::{Parcel, Reply};

use crate::refusal::Refusal;
use crate::wallet::Wallet;

impl Wallet {
    /// Seals a request to the newest key of the office that this wallet knows, and says in it to
    /// which key the answer is to be sealed: the wallet's own.
    ///
    /// # Errors
    /// [`Refusal::Letter`] if the request is too long for a parcel, [`Refusal::NotEnrolled`] if the
    /// wallet knows no key of its office.
    pub fn parcel(&mut self, request: OfficeRequest) -> Result<Parcel, Refusal> {
        let office = *self.trust().office();
        let key = self.trust().keys().last().map(|key| key.body.clone());
        let key = key.ok_or(Refusal::NotEnrolled)?;
        let reply_to = self.mail_key();
        Ok(seal_parcel(self.rng(), &office, &key, reply_to, request)?)
    }

    /// Opens the office's answer to a parcel. It is then taken like one that came by itself.
    ///
    /// # Errors
    /// [`Refusal::Letter`] if it is sealed to somebody else or altered, [`Refusal::OfficeSignature`] if
    /// the office did not sign it, [`Refusal::OfficeAnswer`] if it is the answer to another parcel.
    pub fn unsealed(&self, reply: &Reply) -> Result<OfficeAnswer, Refusal> {
        let answered = open_reply(&self.mail, self.trust().office(), reply)?;
        let answered = self.trust().answered(answered)?.into_signed().body;
        if answered.parcel != reply.parcel {
            return Err(Refusal::OfficeAnswer { what: "another parcel" });
        }
        if matches!(answered.answer, OfficeAnswer::Relay(_)) {
            return Err(Refusal::OfficeAnswer { what: "a reply inside a reply" });
        }
        Ok(answered.answer)
    }
}
