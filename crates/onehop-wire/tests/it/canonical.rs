//! One encoding for each value, and refusal of everything else.

use onehop_wire::limits::PACKET_MAX;
use onehop_wire::{Bytes, DecodeError, List, Message, Packet, Sealed, decode, encode};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::kinds::{decode_body, decode_kind};
use crate::vectors::{bytes, cases, text};

/// Messages up to this long have every bit changed; longer ones too with `SLOW_TESTS=1`.
const BYTES_WITH_EVERY_BIT: usize = 600;

fn error_word(error: DecodeError) -> &'static str {
    match error {
        DecodeError::TooLong { .. } => "too-long",
        DecodeError::Trailing { .. } => "trailing",
        DecodeError::NotCanonical => "not-canonical",
        DecodeError::Invalid | _ => "invalid",
    }
}

/// Whether `found`, from serde, is what the case shows: numbers as decimal text, bytes as
/// hexadecimal, a currency's code as letters.
fn is_shown(found: &Value, shown: &Value) -> bool {
    match (found, shown) {
        (Value::Number(number), Value::String(shown)) => number.to_string() == *shown,
        (Value::Array(found), Value::String(shown)) => {
            let bytes = found.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
            let bytes: Option<Vec<u8>> = bytes.collect();
            bytes.is_some_and(|b| hex::encode(&b) == *shown || b == shown.as_bytes())
        }
        (Value::Array(found), Value::Array(shown)) => {
            found.len() == shown.len() && found.iter().zip(shown).all(|(a, b)| is_shown(a, b))
        }
        (Value::Object(found), Value::Object(shown)) => {
            found.len() == shown.len()
                && found.iter().all(|(name, a)| shown.get(name).is_some_and(|b| is_shown(a, b)))
        }
        (found, shown) => found == shown,
    }
}

#[test]
fn every_vector_of_a_message_decodes_or_is_refused_as_it_says() {
    // [W-12]
    for case in cases("messages") {
        let name = text(&case, "name");
        let input = bytes(&case, "bytes");
        match decode_kind(text(&case, "type"), &input) {
            Ok((value, again)) => {
                assert!(case.get("error").is_none(), "{name} is accepted");
                assert_eq!(hex::encode(again), hex::encode(input), "{name}");
                let value = value();
                assert!(is_shown(&value, &case["value"]), "{name}: {value}");
            }
            Err(error) => assert_eq!(error_word(error), text(&case, "error"), "{name}"),
        }
    }
}

/// `input` is refused, or is the one encoding of something.
#[track_caller]
fn refused_or_itself(kind: &str, input: &[u8]) {
    if let Ok((_, again)) = decode_kind(kind, input) {
        assert!(again == input, "{kind} {} has another encoding", hex::encode(input));
    }
}

fn good_messages() -> Vec<(String, Vec<u8>)> {
    let good = cases("messages").into_iter().filter(|case| case.get("error").is_none());
    good.map(|case| (text(&case, "type").to_owned(), bytes(&case, "bytes"))).collect()
}

#[test]
fn a_message_cut_off_anywhere_is_refused() {
    // [W-3]
    for (kind, input) in good_messages() {
        for end in 0..input.len() {
            let cut = decode_kind(&kind, &input[..end]);
            assert_eq!(cut.err(), Some(DecodeError::Invalid), "{kind} cut to {end} bytes");
        }
    }
}

#[test]
fn a_message_with_any_byte_after_its_end_is_refused() {
    // [W-3]
    for (kind, input) in good_messages() {
        for byte in 0..=u8::MAX {
            let longer = [&input[..], &[byte]].concat();
            let error = decode_kind(&kind, &longer).err();
            assert_eq!(error, Some(DecodeError::Trailing { found: 1 }), "{kind} and {byte}");
        }
    }
}

#[test]
fn a_message_with_any_bit_changed_is_refused_or_encodes_to_itself() {
    // [W-4]
    let is_slow = std::env::var_os("SLOW_TESTS").is_some();
    for (kind, mut input) in good_messages() {
        // Of a long one, one bit of each byte, which is another from byte to byte.
        let step = if is_slow || input.len() <= BYTES_WITH_EVERY_BIT { 1 } else { 9 };
        for at in (0..input.len() * 8).step_by(step) {
            input[at / 8] ^= 1 << (at % 8);
            refused_or_itself(&kind, &input);
            input[at / 8] ^= 1 << (at % 8);
        }
    }
}

#[test]
fn a_body_cut_lengthened_or_changed_is_refused_or_encodes_to_itself() {
    // [W-3] [W-4]
    for case in cases("statements") {
        let (kind, mut body) = (text(&case, "type"), bytes(&case, "body"));
        let office = onehop_wire::OfficeId::from_hex(text(&case, "office")).unwrap();
        let decode = |input: &[u8]| decode_body(kind, input, &office);
        for end in 0..body.len() {
            assert!(decode(&body[..end]).is_err(), "{kind} cut to {end} bytes");
        }
        for byte in 0..=u8::MAX {
            assert!(decode(&[&body[..], &[byte]].concat()).is_err(), "{kind} and {byte}");
        }
        for at in 0..body.len() * 8 {
            body[at / 8] ^= 1 << (at % 8);
            if let Ok((again, input, _)) = decode(&body) {
                assert_eq!(again, body);
                assert_eq!(input[64..], body);
            }
            body[at / 8] ^= 1 << (at % 8);
        }
    }
}

/// `value` has the bytes that the table of spec §3.1 shows.
#[track_caller]
fn check(value: &impl Serialize, expected: &str) {
    assert_eq!(hex::encode(encode(value)), expected);
}

#[test]
fn each_type_is_encoded_as_the_table_of_the_specification_shows() {
    // [W-1]
    check(&7_u8, "07");
    check(&0_u64, "00");
    check(&127_u64, "7f");
    check(&128_u64, "8001");
    check(&300_u64, "ac02");
    check(&60_000_u32, "e0d403");
    check(&u64::MAX, "ffffffffffffffffff01");
    check(&u32::MAX, "ffffffff0f");
    check(&true, "01");
    check(&Option::<u64>::None, "00");
    check(&Some(20_000_u64), "01a09c01");
    check(&onehop_wire::Currency::by_code("INR").unwrap(), "494e5202");
    check(&Bytes::<4>::new(vec![0xde, 0xad]).unwrap(), "02dead");
    check(&Bytes::<4>::empty(), "00");
    check(&onehop_wire::Text::<4>::new("Asha").unwrap(), "0441736861");
    check(&onehop_wire::AbortReason::Cancelled, "01");
    let subject = onehop_wire::AbortSubject::Agreed(onehop_wire::Hash([0xaa; 32]));
    check(&subject, &format!("01{}", "aa".repeat(32)));
}

#[test]
fn a_varint_that_is_longer_than_it_need_be_is_refused() {
    // [W-1]
    assert_eq!(decode::<u64>(&[0x80, 0], 10), Err(DecodeError::NotCanonical));
    assert_eq!(decode::<u64>(&[0xff, 0x80, 0], 10), Err(DecodeError::NotCanonical));
    let number = [0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0];
    assert_eq!(decode::<u64>(&number, 10), Err(DecodeError::NotCanonical));
}

#[test]
fn a_varint_above_its_type_is_refused() {
    // [W-1]
    let over_32 = [0xff, 0xff, 0xff, 0xff, 0x1f];
    assert_eq!(decode::<u32>(&over_32, 10), Err(DecodeError::Invalid));
    assert!(decode::<u64>(&over_32, 10).is_ok());
    let over_64 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
    assert_eq!(decode::<u64>(&over_64, 10), Err(DecodeError::Invalid));
    assert_eq!(decode::<u64>(&[0x80; 11], 11), Err(DecodeError::Invalid));
}

#[test]
fn only_zero_and_one_are_bools_and_options() {
    // [W-2]
    for byte in 2..=u8::MAX {
        assert_eq!(decode::<bool>(&[byte], 9), Err(DecodeError::Invalid), "{byte}");
        let option = decode::<Option<u8>>(&[byte, 0], 9);
        assert_eq!(option, Err(DecodeError::Invalid), "{byte}");
    }
}

#[test]
fn a_variant_that_its_table_does_not_have_is_refused() {
    // [W-2]
    for number in 5..=u8::MAX {
        let packet = [&[number][..], &[0; 200]].concat();
        assert!(decode::<Packet>(&packet, PACKET_MAX).is_err(), "packet {number}");
        assert!(decode::<Packet>(&[4, number], PACKET_MAX).is_err(), "reject {number}");
    }
    for number in 10..=u8::MAX {
        let message = [&[number][..], &[0; 200]].concat();
        assert!(decode::<Message>(&message, PACKET_MAX).is_err(), "message {number}");
    }
}

proptest! {
    #[test]
    fn any_number_is_read_back_and_has_one_encoding(number: u64, narrow: u32) {
        // [W-1]
        let bytes = encode(&number);
        prop_assert_eq!(decode::<u64>(&bytes, 10), Ok(number));
        prop_assert_eq!(decode::<u32>(&encode(&narrow), 5), Ok(narrow));
        let bits = 64 - number.leading_zeros().min(63);
        prop_assert_eq!(bytes.len(), usize::try_from(bits.div_ceil(7)).unwrap());
    }

    #[test]
    fn any_bytes_are_refused_or_the_one_encoding_of_a_packet(
        input in prop::collection::vec(any::<u8>(), 0..300),
        first in 0_u8..12,
    ) {
        // [W-4]
        let input = [&[first][..], &input].concat();
        refused_or_itself("Packet", &input);
        refused_or_itself("Message", &input);
        refused_or_itself("OfficeRequest", &input);
        refused_or_itself("OfficeAnswer", &input);
    }

    #[test]
    fn any_sealed_packet_is_read_back(
        number: u32,
        ack: u32,
        ciphertext in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let packet = Packet::Sealed(Sealed { number, ack, ciphertext: List::new(ciphertext)? });
        prop_assert_eq!(decode(&encode(&packet), PACKET_MAX), Ok(packet));
    }
}
