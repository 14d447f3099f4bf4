//! Parcels: what wallets without a network ask, sealed, and carried by others (spec §9.12).

use onehop_crypto::SessionSecret;
use onehop_crypto::letter::{open_parcel, seal_reply};
use onehop_wire::domain::hash_of;
use onehop_wire::relay::{Answered, Parcel, Reply};
use onehop_wire::{UnixSeconds, encode};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::draft::{Decided, read_row};
use crate::error::Refusal;
use crate::office::Office;
use crate::store::{LedgerStore, Table};

/// Where the secret of the mail key of this number is.
pub(crate) fn mail_row(number: u32) -> Vec<u8> {
    [b"mail".as_slice(), &number.to_be_bytes()].concat()
}

impl<S: LedgerStore> Office<S> {
    /// Opens a parcel, answers what is asked in it as if it had come by itself, and seals the answer,
    /// signed, to whoever asks. The same parcel and answer give the same bytes.
    ///
    /// # Errors
    /// [`Refusal`] if it is another office's, sealed to a key that this office never had, altered or
    /// not a letter: nothing has changed then. What is refused of the request inside is in the reply.
    pub fn relay(&mut self, now: UnixSeconds, parcel: &Parcel) -> Decided<Reply> {
        let office = *self.id();
        if parcel.office != office {
            return Err(Refusal::ParcelOfOther { office: parcel.office }.into());
        }
        let row = self.store.get(Table::Meta, &mail_row(parcel.number))?;
        let row = row.ok_or(Refusal::ParcelKey { number: parcel.number })?;
        let secret: [u8; 32] = read_row(Table::Meta, &row)?;
        let secret = SessionSecret::from_bytes(secret);
        let unreadable = |source| Refusal::Parcel { source };
        let letter = open_parcel(&secret, parcel).map_err(unreadable)?;
        let answer = self.answer(now, &letter.request)?;
        let signed_by = self.signer_number;
        let answered = Answered { parcel: parcel.hash(), answer, signed_by };
        let answered = self.signer.sign(&office, answered).into_signed();
        // Drawn from what is sealed, so that no key is used for two answers.
        let seed = [secret.to_bytes().as_slice(), &encode(&answered)].concat();
        let mut rng = ChaCha20Rng::from_seed(hash_of("reply-seed", &[&seed]).0);
        let reply = seal_reply(&mut rng, &office, &letter.reply_to, &answered);
        Ok(reply.map_err(unreadable)?)
    }
}
