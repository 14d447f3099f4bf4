//! Bounds on inputs, lists, texts and depth, and amounts.

use onehop_wire::hello::Hello1;
use onehop_wire::limits::{MESSAGE_MAX, NAME_MAX, NESTING_MAX, PACKET_MAX};
use onehop_wire::office::{ClaimBundle, Revocations};
use onehop_wire::{
    Attachment, Claim, Currency, DecodeError, Hash, List, Message, Money, Packet, Signed, Text,
    TxId, decode, encode,
};

use crate::vectors::{bytes, cases, text};

#[test]
fn an_input_over_its_bound_is_refused_before_it_is_looked_at() {
    // [W-5]
    let too_long = DecodeError::TooLong { found: PACKET_MAX + 1, max: PACKET_MAX };
    assert_eq!(PACKET_MAX, 9_216);
    for filler in [0, 0x80, 0xff] {
        let input = vec![filler; PACKET_MAX + 1];
        assert_eq!(decode::<Packet>(&input, PACKET_MAX), Err(too_long));
    }
    // Trailing bytes are not what is complained of: nothing was decoded.
    let reject = [&[4, 0][..], &[0; PACKET_MAX]].concat();
    assert!(matches!(decode::<Packet>(&reject, PACKET_MAX), Err(DecodeError::TooLong { .. })));
}

#[test]
fn a_list_is_taken_at_its_bound_and_refused_beyond() {
    // [W-6]
    let list = |count: usize| encode(&vec![7_u8; count]);
    assert!(decode::<List<u8, 4>>(&list(4), 99).is_ok());
    assert_eq!(decode::<List<u8, 4>>(&list(5), 99), Err(DecodeError::Invalid));
    assert_eq!(List::<u8, 4>::new(vec![0; 5]).unwrap_err().to_string(), "5 is over the bound of 4");
    assert_eq!(decode::<Text<4>>(b"\x05abcde", 99), Err(DecodeError::Invalid));
    assert!(decode::<Text<4>>(b"\x04abcd", 99).is_ok());
}

fn message_named(name: &str) -> Message {
    let is_it = |case: &serde_json::Value| text(case, "name") == name;
    let case = cases("messages").into_iter().find(is_it).unwrap();
    decode(&bytes(&case, "bytes"), PACKET_MAX).unwrap()
}

fn claim() -> Claim {
    let Message::Attachment(Attachment::Receipt(claim)) = message_named("ATTACHMENT of a receipt")
    else {
        panic!("not a receipt")
    };
    *claim
}

/// Receipts in receipts around the one receipt, `depth` in all.
fn nested(depth: usize) -> Claim {
    let mut nested = claim();
    for _ in 0..depth {
        let inner = Attachment::Receipt(Box::new(nested));
        nested = Claim { attachments: List::new(vec![inner]).unwrap(), ..claim() };
    }
    nested
}

#[test]
fn receipts_are_read_8_deep_and_no_deeper() {
    // [W-8]
    let bundle = |depth| ClaimBundle { claims: List::new(vec![nested(depth)]).unwrap() };
    let read = |depth| decode::<ClaimBundle>(&encode(&bundle(depth)), usize::MAX);
    let deepest = usize::from(NESTING_MAX);
    assert_eq!(deepest, 8);
    assert_eq!(read(deepest), Ok(bundle(deepest)));
    assert_eq!(read(deepest + 1), Err(DecodeError::Invalid));
    // The count of the depth is given back on every way out, also after a refusal.
    assert_eq!(read(deepest), Ok(bundle(deepest)));
}

/// The bytes of a bundle of one claim around `depth` receipts, made without a value of that depth.
fn bundle_bytes(depth: usize) -> Vec<u8> {
    let (plain, commit) = (encode(&claim()), encode(&claim().commit));
    let at = plain.windows(commit.len()).position(|part| part == commit).unwrap();
    // Before the COMMIT stands the number of attachments, which is 0.
    let (before, after) = (&plain[..at - 1], &plain[at..]);
    let one_receipt = [1, 0];
    let mut bytes = vec![1];
    for _ in 0..depth {
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(&one_receipt);
    }
    bytes.extend_from_slice(&plain);
    for _ in 0..depth {
        bytes.extend_from_slice(after);
    }
    bytes
}

#[test]
fn ten_thousand_receipts_in_each_other_do_not_grow_the_stack() {
    // [W-8]
    let read = |depth| decode::<ClaimBundle>(&bundle_bytes(depth), usize::MAX);
    assert!(read(8).is_ok());
    for depth in [9, 10_000] {
        assert_eq!(read(depth), Err(DecodeError::Invalid), "{depth} deep");
    }
}

#[test]
fn the_longest_message_without_attachments_is_within_its_bound() {
    // [W-9]
    let Message::Agreed(mut agreed) = message_named("AGREED") else { panic!("not an AGREED") };
    let Message::CommitRequest { mut request, .. } = message_named("COMMIT-REQUEST") else {
        panic!("not a COMMIT-REQUEST")
    };
    let order = Text::new("é".repeat(128)).unwrap();
    let body = &mut agreed.body;
    (body.seq, body.amount, body.cum_out) = (u64::MAX, u64::MAX, u64::MAX);
    (body.cum_back, body.cum_in, body.redeem_by.0) = (u64::MAX, u64::MAX, u64::MAX);
    body.refund_of = Some(TxId([0; 32]));
    body.attachments = List::empty();
    let body = &mut request.body;
    (body.epoch, body.vote_ms) = (u32::MAX, u32::MAX);
    (body.number, body.amount, body.redeem_by.0) = (u64::MAX, u64::MAX, u64::MAX);
    body.order_id = Text::new("o".repeat(32)).unwrap();
    body.refund_of = Some(TxId([0; 32]));
    let Message::Status { status, .. } = message_named("STATUS with an AGREED") else {
        panic!("not a STATUS")
    };
    let lengths = [
        encode(&Message::CommitRequest { request: request.clone(), order }).len(),
        encode(&Message::Agreed(agreed.clone())).len(),
        encode(&Message::Status { status, request, agreed: Some(agreed.clone()) }).len(),
        encode(&message_named("REFUSED that names a limit")).len(),
        encode(&message_named("COMMIT")).len(),
        encode(&message_named("ABORT of an AGREED")).len(),
        encode(&message_named("COMMITTED")).len(),
        encode(&message_named("RELEASED")).len(),
        encode(&message_named("UNKNOWN")).len(),
    ];
    assert!(lengths.iter().all(|length| *length <= MESSAGE_MAX), "{lengths:?}");
    // With all its attachments named, an AGREED is as long as its table says.
    agreed.body.attachments = List::new(vec![Hash([0; 32]); 10]).unwrap();
    assert_eq!(encode(&Message::Agreed(agreed)).len(), 644);
}

#[test]
fn a_text_that_could_make_a_screen_lie_is_refused() {
    // [W-7]
    let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
    let hidden = ('\u{200b}'..='\u{200f}').chain('\u{2028}'..='\u{202e}');
    let turned = ('\u{2066}'..='\u{2069}').chain(['\u{feff}']);
    for bad in controls.chain(hidden).chain(turned) {
        let text = format!("a{bad}b");
        assert!(Text::<NAME_MAX>::new(text.as_str()).is_err(), "{bad:?} is taken");
        let input = encode(&text);
        assert_eq!(decode::<Text<NAME_MAX>>(&input, 99), Err(DecodeError::Invalid), "{bad:?}");
    }
    for good in [' ', '~', '\u{a0}', '\u{200a}', '\u{2010}', '\u{2027}', '\u{202f}', '\u{206a}'] {
        assert!(Text::<NAME_MAX>::new(good).is_ok(), "{good:?} is refused");
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_refused() {
    // [W-7]
    let bad: [&[u8]; 4] = [b"\x01\xff", b"\x02\xc0\x80", b"\x03\xed\xa0\x80", b"\x01\xc3"];
    for input in bad {
        assert_eq!(decode::<Text<NAME_MAX>>(input, 99), Err(DecodeError::Invalid), "{input:x?}");
    }
}

#[test]
fn hello_1_offers_at_most_four_versions() {
    // [W-6]
    let hello = [&[5][..], &[1; 5], &[0; 32], &[0; 32], &[0; 16], &[0]].concat();
    assert_eq!(decode::<Hello1>(&hello, PACKET_MAX), Err(DecodeError::Invalid));
    let hello = [&[4][..], &[1; 4], &[0; 32], &[0; 32], &[0; 16], &[0]].concat();
    assert!(decode::<Hello1>(&hello, PACKET_MAX).is_ok());
}

#[test]
fn a_revocation_list_may_be_as_long_as_its_bound() {
    // [W-6]
    let of = |count: u8| vec![onehop_wire::WalletId([count; 32]); 4_096 + usize::from(count)];
    assert!(List::<onehop_wire::WalletId, 4_096>::new(of(1)).is_err());
    let wallets = List::new(of(0)).unwrap();
    let list = Revocations { number: 1, wallets, signed_by: 1 };
    let signed = Signed { body: list, signature: onehop_wire::Signature([0; 64]) };
    assert_eq!(decode(&encode(&signed), 200_000), Ok(signed));
}

#[test]
fn every_vector_of_an_amount_is_read_or_refused_in_its_words() {
    // [M-7] [W-12]
    for case in cases("money").iter().filter(|case| case.get("text").is_some()) {
        let name = text(case, "name");
        let currency = Currency::by_code(text(case, "currency"));
        if let Ok(currency) = &currency {
            assert_eq!(currency.exponent().to_string(), text(case, "exponent"), "{name}");
        }
        match currency.and_then(|currency| Money::parse(text(case, "text"), currency)) {
            Ok(money) => {
                assert_eq!(money.minor().to_string(), text(case, "minor"), "{name}");
                assert_eq!(money.to_string(), text(case, "shown"), "{name}");
            }
            Err(error) => assert_eq!(error.to_string(), text(case, "error"), "{name}"),
        }
    }
}

#[test]
fn a_currency_with_other_decimals_than_iso_4217_gives_it_is_told_apart() {
    // [M-7]
    let read = |bytes: &[u8]| decode::<Currency>(bytes, 4).unwrap();
    assert!(read(b"INR\x02").is_iso());
    assert!(!read(b"INR\x03").is_iso());
    assert!(!read(b"XQZ\x02").is_iso());
    assert!(!read(b"inr\x02").is_iso());
    assert!(!read(b"\xff\xff\xff\x02").is_iso());
}
