//! The committed vectors, read the way any other implementation would.

use serde_json::Value;

/// The cases of `vectors/<file>.json`.
pub(crate) fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/../../vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(value["cases"].take()).unwrap()
}

/// A text field of a case.
#[track_caller]
pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{} has no {field}", case["name"]))
}

/// A byte string of a case.
#[track_caller]
pub(crate) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(case, field)).unwrap()
}
