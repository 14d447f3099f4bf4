//! The types that the vectors name, decoded and encoded again.

use onehop_wire::evidence::{ForkProof, ReceiptFile};
use onehop_wire::hello::{BuyerIntroduction, BuyerProof, SellerIntroduction, SellerProof};
use onehop_wire::limits::{OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::office::{
    ClaimBundle, Enrol, NewRoot, OfficeAnswer, OfficeInfo, OfficeRequest, Outcome, Pending,
    Resolve, RevocationDelta, Revocations, Sync,
};
use onehop_wire::{
    Abort, Agreed, CaseFile, Certificate, Checkpoint, Commit, CommitRequest, Committed,
    DecodeError, Hash, Lookup, Message, OfficeId, OfficeKey, Packet, Refused, Released, Statement,
    Status, WalletId, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What decoding gives: how to see the value as JSON, and its bytes.
pub(crate) type Decoded = Result<(Box<dyn FnOnce() -> Value>, Vec<u8>), DecodeError>;

fn decoded<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8], max: usize) -> Decoded {
    let value: T = decode(bytes, max)?;
    let again = encode(&value);
    Ok((Box::new(move || serde_json::to_value(&value).unwrap()), again))
}

/// Decodes a message, packet or file of the type that a case names.
pub(crate) fn decode_kind(kind: &str, bytes: &[u8]) -> Decoded {
    match kind {
        "Message" => decoded::<Message>(bytes, PACKET_MAX),
        "Packet" => decoded::<Packet>(bytes, PACKET_MAX),
        "Lookup" => decoded::<Lookup>(bytes, PACKET_MAX),
        "SellerIntroduction" => decoded::<SellerIntroduction>(bytes, PACKET_MAX),
        "BuyerIntroduction" => decoded::<BuyerIntroduction>(bytes, PACKET_MAX),
        "OfficeInfo" => decoded::<OfficeInfo>(bytes, OFFICE_BODY_MAX),
        "OfficeRequest" => decoded::<OfficeRequest>(bytes, OFFICE_BODY_MAX),
        "OfficeAnswer" => decoded::<OfficeAnswer>(bytes, OFFICE_BODY_MAX),
        "ForkProof" => decoded::<ForkProof>(bytes, OFFICE_BODY_MAX),
        "CaseFile" => decoded::<CaseFile>(bytes, OFFICE_BODY_MAX),
        "ReceiptFile" => decoded::<ReceiptFile>(bytes, OFFICE_BODY_MAX),
        "ClaimBundle" => decoded::<ClaimBundle>(bytes, OFFICE_BODY_MAX),
        _ => panic!("no such type: {kind}"),
    }
}

/// A statement's body: its bytes, signing input and hash.
pub(crate) type Stated = Result<(Vec<u8>, Vec<u8>, Hash), DecodeError>;

fn stated<T: Statement + DeserializeOwned>(bytes: &[u8], office: &OfficeId) -> Stated {
    let body: T = decode(bytes, OFFICE_BODY_MAX)?;
    Ok(input_of(&body, office))
}

fn input_of(body: &impl Statement, office: &OfficeId) -> (Vec<u8>, Vec<u8>, Hash) {
    (encode(body), body.signing_input(office), body.hash(office))
}

/// Decodes the body of a statement of the type that a case names.
pub(crate) fn decode_body(kind: &str, bytes: &[u8], office: &OfficeId) -> Stated {
    match kind {
        "office-key" => stated::<OfficeKey>(bytes, office),
        "new-root" => stated::<NewRoot>(bytes, office),
        "certificate" => stated::<Certificate>(bytes, office),
        "checkpoint" => stated::<Checkpoint>(bytes, office),
        "outcome" => stated::<Outcome>(bytes, office),
        "pending" => stated::<Pending>(bytes, office),
        "revocations" => stated::<Revocations>(bytes, office),
        "revocation-delta" => stated::<RevocationDelta>(bytes, office),
        "enrol" => stated::<Enrol>(bytes, office),
        "sync" => stated::<Sync>(bytes, office),
        "resolve" => stated::<Resolve>(bytes, office),
        "commit-request" => stated::<CommitRequest>(bytes, office),
        "agreed" => stated::<Agreed>(bytes, office),
        "refused" => stated::<Refused>(bytes, office),
        "commit" => stated::<Commit>(bytes, office),
        "abort" => stated::<Abort>(bytes, office),
        "committed" => stated::<Committed>(bytes, office),
        "released" => stated::<Released>(bytes, office),
        "status" => stated::<Status>(bytes, office),
        // These two are computed by both sides and never decoded.
        "hello-2" => {
            let (version, wallet, earlier) = decode::<(u8, WalletId, Hash)>(bytes, 65)?;
            Ok(input_of(&SellerProof { version, wallet, earlier }, office))
        }
        "hello-3" => {
            type Fields = (u8, WalletId, WalletId, Hash);
            let (version, wallet, seller, earlier) = decode::<Fields>(bytes, 97)?;
            Ok(input_of(&BuyerProof { version, wallet, seller, earlier }, office))
        }
        _ => panic!("no such statement: {kind}"),
    }
}
