//! Values as the vectors show them: byte strings in hexadecimal, numbers as decimal strings.

use onehop_wire::encode;
use serde::Serialize;
use serde_json::{Map, Value};

/// `value` with its fields by their names; variants of enums as serde names them.
pub(crate) fn readable(value: &impl Serialize) -> Value {
    serde_json::to_value(value).map_or(Value::Null, tidy)
}

/// The canonical bytes of `value` in hexadecimal.
pub(crate) fn bytes(value: &impl Serialize) -> Value {
    hex(encode(value))
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(hex::encode(bytes))
}

fn tidy(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(items) => match as_bytes(&items) {
            Some(bytes) => hex(bytes),
            None => Value::Array(items.into_iter().map(tidy).collect()),
        },
        Value::Object(fields) => Value::Object(fields.into_iter().map(tidy_field).collect()),
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

/// The one byte string that people read as text is the code of a currency.
fn tidy_field((name, value): (String, Value)) -> (String, Value) {
    let code = match &value {
        Value::Array(items) if name == "code" => as_bytes(items),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    };
    let code = code.and_then(|code| String::from_utf8(code).ok()).map(Value::String);
    (name, code.unwrap_or_else(|| tidy(value)))
}

/// Only byte strings are lists of small numbers in this protocol.
fn as_bytes(items: &[Value]) -> Option<Vec<u8>> {
    if items.is_empty() {
        return None;
    }
    items.iter().map(|item| item.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
}

/// One case of a vector file; its fields stay in the order in which they were added.
#[derive(Debug)]
pub(crate) struct Case(Vec<(String, Value)>);

impl Case {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self(Vec::new()).with("name", name.into())
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.push((field.to_owned(), value.into()));
        self
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.0.iter().find_map(|(field, value)| (field == name).then_some(value))
    }
}

/// The text of a vector file: one field a line, so that a change shows as the lines it touches.
///
/// Keys of inner objects are sorted, whatever order the JSON library keeps.
pub(crate) fn render(about: &str, cases: &[Case]) -> String {
    let mut text = format!("{{\n  \"about\": {},\n  \"cases\": [\n", Value::from(about));
    for (at, Case(fields)) in cases.iter().enumerate() {
        text.push_str("    {\n");
        for (at, (name, value)) in fields.iter().enumerate() {
            text.push_str(&format!("      {}: ", Value::from(name.as_str())));
            write_value(&mut text, value, 6);
            text.push_str(if at + 1 < fields.len() { ",\n" } else { "\n" });
        }
        text.push_str(if at + 1 < cases.len() { "    },\n" } else { "    }\n" });
    }
    text.push_str("  ]\n}\n");
    text
}

fn write_value(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| (None, item)).collect();
            write_items(text, ('[', ']'), &items, indent);
        }
        Value::Object(fields) if !fields.is_empty() => {
            let fields = sorted(fields);
            write_items(text, ('{', '}'), &fields, indent);
        }
        Value::Array(_)
        | Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn sorted(fields: &Map<String, Value>) -> Vec<(Option<&str>, &Value)> {
    let mut fields: Vec<_> =
        fields.iter().map(|(name, value)| (Some(name.as_str()), value)).collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

fn write_items(
    text: &mut String,
    (open, close): (char, char),
    items: &[(Option<&str>, &Value)],
    indent: usize,
) {
    text.push(open);
    for (at, (name, value)) in items.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(indent + 2));
        if let Some(name) = name {
            text.push_str(&format!("{}: ", Value::from(*name)));
        }
        write_value(text, value, indent + 2);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}
