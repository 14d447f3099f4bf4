//! The types in formats that are not the wire's: files for people, and buffers that are too small.

use std::collections::BTreeMap;

use onehop_wire::{List, Signature, Text};
use serde::de::DeserializeOwned;

fn refusal<T: DeserializeOwned>(json: &str) -> String {
    let error = serde_json::from_str::<T>(json).err().unwrap().to_string();
    error.split(" at line").next().unwrap().to_owned()
}

#[test]
fn a_value_of_another_kind_is_refused_by_what_was_expected() {
    let expected = |what: &str| format!("invalid type: boolean `true`, expected {what}");
    assert_eq!(refusal::<List<u8, 3>>("true"), expected("at most 3 elements"));
    let text = "text of at most 3 bytes without control characters";
    assert_eq!(refusal::<Text<3>>("true"), expected(text));
    assert_eq!(refusal::<Signature>("true"), expected("64 bytes"));
}

#[test]
fn a_list_of_unknown_length_stops_at_its_bound() {
    // [W-6]
    let full: List<u8, 3> = serde_json::from_str("[1,2,3]").unwrap();
    assert_eq!(full.into_inner(), [1, 2, 3]);
    assert_eq!(refusal::<List<u8, 3>>("[1,2,3,4]"), "list over its bound");
    assert_eq!(refusal::<List<u8, 3>>("[1,2,\"x\"]"), "invalid type: string \"x\", expected u8");
}

#[test]
fn a_signature_has_64_bytes_in_every_format() {
    let signature = Signature([7; 64]);
    let json = serde_json::to_string(&signature).unwrap();
    assert_eq!(serde_json::from_str::<Signature>(&json).unwrap(), signature);
    assert_eq!(refusal::<Signature>(&json.replacen("7,", "", 1)), "64 bytes expected");
    let refused = refusal::<Signature>(&json.replacen('7', "256", 1));
    assert_eq!(refused, "invalid value: integer `256`, expected u8");
}

#[test]
fn what_cannot_take_a_signature_says_so() {
    let signature = Signature([7; 64]);
    let mut room = [0; 64];
    assert_eq!(postcard::to_slice(&signature, &mut room).unwrap(), [7; 64]);
    let full = postcard::to_slice(&signature, &mut room[..63]).unwrap_err();
    assert_eq!(full, postcard::Error::SerializeBufferFull);
    let as_key = serde_json::to_string(&BTreeMap::from([(signature, 1)])).unwrap_err();
    assert_eq!(as_key.to_string(), "key must be a string");
}
