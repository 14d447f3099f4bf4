//! messages.json: every type that crosses a device boundary, and bytes that must be refused.

use onehop_wire::hello::{BuyerIntroduction, SellerIntroduction};
use onehop_wire::limits::{MESSAGE_MAX, OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::office::{OfficeAnswer, Verdict};
use onehop_wire::{
    Attachment, Certificate, Checkpoint, Claim, DecodeError, Message, Packet, RejectCode, Sealed,
    Signed, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handshake;
use super::judgements::{case_file, honest};
use super::readable::{Case, hex, readable};
use super::samples::{Samples, list};
use super::world::{World, text};

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let samples = Samples::new(world);
    let mut cases = messages(world, &samples);
    cases.extend(packets(world)?);
    cases.extend(office(world, &samples));
    cases.extend(refused(world, &samples)?);
    Ok(cases)
}

fn valid(name: &str, kind: &str, value: &impl Serialize) -> Case {
    Case::new(name)
        .with("type", kind)
        .with("bytes", hex(encode(value)))
        .with("value", readable(value))
}

fn messages(world: &World, samples: &Samples) -> Vec<Case> {
    let order = text("2 tea");
    let status = |with_agreed: bool| Message::Status {
        status: if with_agreed { &samples.status } else { &samples.status_of_request }.clone(),
        request: samples.request.clone(),
        agreed: with_agreed.then(|| samples.agreed.clone()),
    };
    let list = [
        ("", Message::CommitRequest { request: samples.request.clone(), order }),
        (
            " of a refund",
            Message::CommitRequest {
                request: samples.refund_request.clone(),
                order: text("2 tea"),
            },
        ),
        (" of a receipt", Message::Attachment(samples.receipt.clone())),
        (" of a release by the seller", Message::Attachment(samples.release.clone())),
        (" of a release by the office", Message::Attachment(samples.voided.clone())),
        ("", Message::Agreed(samples.agreed.clone())),
        (" that spends a receipt", Message::Agreed(samples.onward.clone())),
        (" of a refund", Message::Agreed(samples.refund.clone())),
        ("", Message::Refused(samples.refused.clone())),
        (" that names a limit", Message::Refused(samples.over_limit.clone())),
        (" that names what is left", Message::Refused(samples.over_refund.clone())),
        ("", Message::Commit(samples.commit.clone())),
        (" of an AGREED", Message::Abort(samples.abort.clone())),
        (" of a request", Message::Abort(samples.abort_of_request.clone())),
        ("", Message::Committed(samples.committed.clone())),
        ("", Message::Released(samples.released.clone())),
        (" with an AGREED", status(true)),
        (" without AGREED", status(false)),
        ("", Message::Unknown(samples.agreed.body.tx)),
        (" of all kinds", Message::News(Box::new(samples.news(world)))),
        (" of nothing", Message::News(Box::default())),
    ];
    let case = |(detail, message): &(&str, Message)| {
        valid(&format!("{}{detail}", message.name()), "Message", message)
    };
    list.iter().map(case).collect()
}

fn packets(world: &World) -> anyhow::Result<Vec<Case>> {
    let mut run = handshake::run(world, true)?;
    let packet = |bytes: &[u8]| decode::<Packet>(bytes, PACKET_MAX);
    let sealed = run.seller.seal(b"opaque here")?;
    let largest = Sealed { number: u32::MAX, ack: u32::MAX, ..sealed.clone() };
    let mut cases = vec![
        valid("LOOKUP", "Lookup", &handshake::lookup()),
        valid("HELLO 1", "Packet", &packet(&run.hello_1)?),
        valid("HELLO 2", "Packet", &packet(&run.hello_2)?),
        valid("HELLO 3", "Packet", &packet(&run.hello_3)?),
        valid("a sealed message", "Packet", &Packet::Sealed(sealed)),
        valid("a sealed message with the last number", "Packet", &Packet::Sealed(largest)),
    ];
    let codes = [
        RejectCode::Version,
        RejectCode::Handshake,
        RejectCode::Certificate,
        RejectCode::Busy,
        RejectCode::Ended,
    ];
    cases.extend(
        codes.map(|code| valid(&format!("Reject {code:?}"), "Packet", &Packet::Reject(code))),
    );
    let (seller, buyer) = handshake::proofs(world, &run);
    cases.push(valid(
        "what HELLO 2 seals",
        "SellerIntroduction",
        &SellerIntroduction {
            certificate: world.seller.certificate.clone(),
            office_key: Some(world.office_key.clone()),
            proof: world.sign(&world.seller.signer, seller).signature,
        },
    ));
    cases.push(valid(
        "what HELLO 3 seals",
        "BuyerIntroduction",
        &BuyerIntroduction {
            certificate: world.buyer.certificate.clone(),
            office_key: None,
            checkpoint: world.buyer.checkpoint.clone(),
            proof: world.sign(&world.buyer.signer, buyer).signature,
        },
    ));
    Ok(cases)
}

fn office(world: &World, samples: &Samples) -> Vec<Case> {
    let answers = [
        ("the answer to ENROL", OfficeAnswer::Enrol(Box::new(samples.enrol_answer(world)))),
        ("the answer to SYNC", OfficeAnswer::Sync(Box::new(samples.sync_answer(world)))),
        ("the answer to claims", OfficeAnswer::Claim(samples.claim_answer(world))),
        (
            "the answer to RESOLVE",
            OfficeAnswer::Resolve(Box::new(Verdict::Pending(samples.pending.clone()))),
        ),
        ("a refusal by the office", OfficeAnswer::Refused(text("the name is taken"))),
    ];
    let mut cases = vec![
        valid("an office as it presents itself", "OfficeInfo", &world.info()),
        valid("a receipt as a file", "ReceiptFile", &samples.receipt_file(world)),
        valid("a case file", "CaseFile", &case_file(world, honest(world, samples))),
        valid("a bundle of one claim", "ClaimBundle", &samples.claim_bundle()),
    ];
    let proofs = samples.fork_proofs(world);
    cases.extend(proofs.iter().map(|(name, value)| valid(name, "ForkProof", value)));
    let requests = samples.office_requests();
    cases.extend(requests.iter().map(|(name, value)| valid(name, "OfficeRequest", value)));
    cases.extend(answers.iter().map(|(name, value)| valid(name, "OfficeAnswer", value)));
    cases
}

/// A case of bytes that are no `T`; says with which error they are refused.
fn invalid<T: Serialize + DeserializeOwned>(
    name: &str,
    kind: &str,
    bytes: Vec<u8>,
) -> anyhow::Result<Case> {
    let error = match decode::<T>(&bytes, bound(kind)) {
        Err(DecodeError::TooLong { .. }) => "too-long",
        Err(DecodeError::Trailing { .. }) => "trailing",
        Err(DecodeError::NotCanonical) => "not-canonical",
        Err(_) => "invalid",
        Ok(_) => anyhow::bail!("{name}: the bytes are accepted"),
    };
    Ok(Case::new(name).with("type", kind).with("bytes", hex(bytes)).with("error", error))
}

/// The bound on the whole input, by the type that is expected (spec §13).
fn bound(kind: &str) -> usize {
    match kind {
        "Message" | "Packet" | "SellerIntroduction" | "BuyerIntroduction" => PACKET_MAX,
        "Lookup" => MESSAGE_MAX,
        _ => OFFICE_BODY_MAX,
    }
}

fn refused(world: &World, samples: &Samples) -> anyhow::Result<Vec<Case>> {
    let abort = encode(&Message::Abort(samples.abort.clone()));
    let commit = encode(&Message::Commit(samples.commit.clone()));
    let sealed = |number: &[u8]| [&[3][..], number, &[0, 0]].concat();
    let hello_1 = handshake::run(world, false)?.hello_1;
    let (_, without_flag) = hello_1.split_last().unwrap_or((&0, &[]));
    let refused = |text: &[u8]| [&[4, u8::try_from(text.len()).unwrap_or(0)][..], text].concat();
    // Behind the message's number, three hashes and one more lies the option byte.
    let mut option = commit.clone();
    option[1 + 4 * 32] = 2;
    // A NEWS of one item, of a variant that the table does not have.
    let item = vec![10, 0, 1, 5];
    let mut reason = abort.clone();
    reason[1 + 3 * 32 + 33] = 6;
    let mut cases = vec![
        invalid::<Message>("a NEWS with an item of another kind", "Message", item)?,
        invalid::<Packet>("a number in six bytes", "Packet", sealed(&[0x80; 6]))?,
        invalid::<Packet>("a number above 32 bits", "Packet", sealed(&[255, 255, 255, 255, 31]))?,
        invalid::<Packet>("a number not in its shortest form", "Packet", sealed(&[0x81, 0]))?,
        invalid::<Packet>("zero in two bytes", "Packet", sealed(&[0x80, 0]))?,
        invalid::<Packet>("a bool of 2", "Packet", [without_flag, &[2]].concat())?,
        invalid::<Message>("an option of 2", "Message", option)?,
        invalid::<Packet>("no such packet", "Packet", vec![5, 0])?,
        invalid::<Message>("no such message", "Message", vec![10])?,
        invalid::<Message>("no such reason", "Message", reason)?,
        invalid::<Message>("a message cut off", "Message", abort[..abort.len() - 1].to_vec())?,
        invalid::<Message>("nothing at all", "Message", Vec::new())?,
        invalid::<Message>("a byte too many", "Message", [&abort[..], &[0]].concat())?,
        invalid::<Packet>("a list over its bound", "Packet", [&[0, 5][..], &[1; 86]].concat())?,
        invalid::<Packet>(
            "a length of 2^32-1",
            "Packet",
            [&[3, 1, 0, 255, 255, 255, 255, 15][..], &[0; 8]].concat(),
        )?,
        invalid::<Packet>("a packet over its bound", "Packet", vec![0; PACKET_MAX + 1])?,
    ];
    let texts: [(&str, &[u8]); 8] = [
        ("a text that is not UTF-8", b"\xff"),
        ("a text with a line break", b"a\nb"),
        ("a text with U+007F", b"\x7f"),
        ("a text with U+0085", "\u{85}".as_bytes()),
        ("a text with U+200B", "a\u{200b}".as_bytes()),
        ("a text with U+202E", "\u{202e}a".as_bytes()),
        ("a text with U+2066", "\u{2066}".as_bytes()),
        ("a text with U+FEFF", "\u{feff}a".as_bytes()),
    ];
    for (name, text) in texts {
        cases.push(invalid::<OfficeAnswer>(name, "OfficeAnswer", refused(text))?);
    }
    let long = [&[4, 0xc9, 1][..], &[b'a'; 201]].concat();
    cases.push(invalid::<OfficeAnswer>("a text over its bound", "OfficeAnswer", long)?);
    let deep = |depth| encode(&Message::Attachment(nested(world, depth)));
    anyhow::ensure!(decode::<Message>(&deep(8), PACKET_MAX).is_ok(), "depth 8 is refused");
    cases.push(valid("receipts 8 deep", "Message", &Message::Attachment(nested(world, 8))));
    cases.push(invalid::<Message>("receipts 9 deep", "Message", deep(9))?);
    Ok(cases)
}

/// Receipts within receipts, with as few bytes as the types allow; nothing in them is true.
pub(crate) fn nested(world: &World, depth: u8) -> Attachment {
    let samples = Samples::new(world);
    let mut claim = thin(world, &samples.claim);
    for _ in 1..depth {
        let inner = Attachment::Receipt(Box::new(claim));
        claim = Claim { attachments: list(vec![inner]), ..thin(world, &samples.claim) };
    }
    Attachment::Receipt(Box::new(claim))
}

fn thin(world: &World, claim: &Claim) -> Claim {
    let certificate = Signed {
        body: Certificate { name: text(""), ..world.buyer.certificate.body.clone() },
        ..world.buyer.certificate.clone()
    };
    let checkpoint = Signed {
        body: Checkpoint { balance: 0, ..world.buyer.checkpoint.body.clone() },
        ..world.buyer.checkpoint.clone()
    };
    Claim { payer: certificate, checkpoint, committed: None, ..claim.clone() }
}
