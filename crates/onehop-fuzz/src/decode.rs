//! Bytes to the decoder of every type that crosses a device boundary or lies in a log.

use money_office::OperatorCommand;
use onehop_proto::{LogRecord, State};
use onehop_wire::evidence::{ForkProof, ReceiptFile};
use onehop_wire::hello::{BuyerIntroduction, SellerIntroduction};
use onehop_wire::limits::{OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::office::{
    ClaimAnswer, ClaimBundle, Enrol, EnrolAnswer, NewRoot, OfficeAnswer, OfficeInfo, OfficeRequest,
    Outcome, Pending, Resolve, ResolveRequest, RevocationDelta, Revocations, Sync, SyncAnswer,
    Verdict,
};
use onehop_wire::{
    Abort, Agreed, Attachment, Certificate, Checkpoint, Claim, Commit, CommitRequest, Committed,
    Lookup, Message, OfficeKey, Packet, Refused, Release, Released, Signed, Status, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Body = fn(&[u8]);

/// The types by name; the first byte of an input picks one.
pub const KINDS: [(&str, Body); 46] = [
    ("Message", small::<Message>),
    ("Packet", small::<Packet>),
    ("Lookup", small::<Lookup>),
    ("SellerIntroduction", small::<SellerIntroduction>),
    ("BuyerIntroduction", small::<BuyerIntroduction>),
    ("OfficeInfo", large::<OfficeInfo>),
    ("ReceiptFile", large::<ReceiptFile>),
    ("ClaimBundle", large::<ClaimBundle>),
    ("OfficeRequest", large::<OfficeRequest>),
    ("OfficeAnswer", large::<OfficeAnswer>),
    ("Attachment", large::<Attachment>),
    ("Claim", large::<Claim>),
    ("Release", large::<Release>),
    ("ResolveRequest", large::<ResolveRequest>),
    ("Verdict", large::<Verdict>),
    ("ClaimAnswer", large::<ClaimAnswer>),
    ("EnrolAnswer", large::<EnrolAnswer>),
    ("SyncAnswer", large::<SyncAnswer>),
    ("office-key", large::<Signed<OfficeKey>>),
    ("new-root", large::<Signed<NewRoot>>),
    ("certificate", large::<Signed<Certificate>>),
    ("checkpoint", large::<Signed<Checkpoint>>),
    ("outcome", large::<Signed<Outcome>>),
    ("pending", large::<Signed<Pending>>),
    ("revocations", large::<Signed<Revocations>>),
    ("enrol", large::<Signed<Enrol>>),
    ("sync", large::<Signed<Sync>>),
    ("resolve", large::<Signed<Resolve>>),
    ("commit-request", large::<Signed<CommitRequest>>),
    ("commit", large::<Signed<Commit>>),
    ("abort", large::<Signed<Abort>>),
    ("agreed", large::<Signed<Agreed>>),
    ("refused", large::<Signed<Refused>>),
    ("committed", large::<Signed<Committed>>),
    ("released", large::<Signed<Released>>),
    ("status", large::<Signed<Status>>),
    ("operator-command", large::<Signed<OperatorCommand>>),
    ("record", large::<LogRecord>),
    ("state", large::<State>),
    ("ForkProof", large::<ForkProof>),
    ("u8", small::<u8>),
    ("u32", small::<u32>),
    ("u64", small::<u64>),
    ("text", small::<onehop_wire::Text<40>>),
    ("CaseFile", large::<onehop_wire::CaseFile>),
    ("revocation-delta", large::<Signed<RevocationDelta>>),
];

/// Decodes the bytes after the first as the type that the first one picks.
///
/// # Panics
/// If the decoder does, or accepts bytes that are not the encoding of what it gives.
pub fn decode(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let (_, body) = KINDS[usize::from(*first) % KINDS.len()];
    body(bytes);
}

fn small<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    check::<T>(bytes, PACKET_MAX);
}

fn large<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    check::<T>(bytes, OFFICE_BODY_MAX);
}

fn check<T: Serialize + DeserializeOwned>(bytes: &[u8], max: usize) {
    if let Ok(value) = onehop_wire::decode::<T>(bytes, max) {
        assert_eq!(encode(&value), bytes, "another encoding is accepted");
    }
}
