//! The bytes of `vectors/messages.json` by themselves, to the decoder: no damaged encoding may
//! give the value of the genuine one, and what decodes must be the only encoding of its value.

use anyhow::Context;
use onehop_wire::evidence::{ForkProof, ReceiptFile};
use onehop_wire::hello::{BuyerIntroduction, SellerIntroduction};
use onehop_wire::limits::OFFICE_BODY_MAX;
use onehop_wire::office::{ClaimBundle, OfficeAnswer, OfficeInfo, OfficeRequest};
use onehop_wire::{CaseFile, Lookup, Message, Packet, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mutants::{Genuine, Mutant, damaged};
use super::tally::{Reaction, Receiver, Tally, feed};
use crate::vectors::messages;
use crate::vectors::world::World;

/// Gives every damaged vector to the decoder.
pub(crate) fn tally() -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for case in messages::cases(&World::new())? {
        let field = |name: &str| case.field(name).and_then(serde_json::Value::as_str);
        if case.field("error").is_some() {
            continue;
        }
        let kind = field("type").context("a vector without a type")?;
        let bytes = hex::decode(field("bytes").context("a vector without bytes")?)?;
        let genuine = Genuine { bytes: bytes.clone(), fields: Vec::new() };
        let mut decoder = decoder(kind, &bytes)?;
        let accepts = |decoder: &mut dyn Receiver| decoder.take(&bytes) == Reaction::Accepted;
        tally.genuine_refused += u64::from(!accepts(&mut *decoder));
        damaged(&genuine, &mut |mutant: Mutant| feed(&mut tally, &mut *decoder, &[], &mutant));
        tally.genuine_refused += u64::from(!accepts(&mut *decoder));
    }
    Ok(tally)
}

fn decoder(kind: &str, bytes: &[u8]) -> anyhow::Result<Box<dyn Receiver>> {
    Ok(match kind {
        "Message" => Decoder::<Message>::boxed(bytes)?,
        "Packet" => Decoder::<Packet>::boxed(bytes)?,
        "Lookup" => Decoder::<Lookup>::boxed(bytes)?,
        "SellerIntroduction" => Decoder::<SellerIntroduction>::boxed(bytes)?,
        "BuyerIntroduction" => Decoder::<BuyerIntroduction>::boxed(bytes)?,
        "OfficeInfo" => Decoder::<OfficeInfo>::boxed(bytes)?,
        "CaseFile" => Decoder::<CaseFile>::boxed(bytes)?,
        "ReceiptFile" => Decoder::<ReceiptFile>::boxed(bytes)?,
        "ForkProof" => Decoder::<ForkProof>::boxed(bytes)?,
        "ClaimBundle" => Decoder::<ClaimBundle>::boxed(bytes)?,
        "OfficeRequest" => Decoder::<OfficeRequest>::boxed(bytes)?,
        "OfficeAnswer" => Decoder::<OfficeAnswer>::boxed(bytes)?,
        _ => anyhow::bail!("no decoder for a {kind}"),
    })
}

struct Decoder<T> {
    genuine: T,
}

impl<T: Serialize + DeserializeOwned + PartialEq + 'static> Decoder<T> {
    fn boxed(bytes: &[u8]) -> anyhow::Result<Box<dyn Receiver>> {
        Ok(Box::new(Self { genuine: decode(bytes, OFFICE_BODY_MAX)? }))
    }
}

impl<T: Serialize + DeserializeOwned + PartialEq> Receiver for Decoder<T> {
    fn take(&mut self, bytes: &[u8]) -> Reaction {
        match decode::<T>(bytes, OFFICE_BODY_MAX) {
            Ok(value) if value == self.genuine => Reaction::Accepted,
            Ok(value) if encode(&value) != bytes => {
                Reaction::Changed("a second encoding of one value".to_owned())
            }
            Ok(_) | Err(_) => Reaction::Nothing,
        }
    }

    fn reset(&mut self) {}
}
