//! Which bytes of an encoding are which field: a serializer that counts instead of writing.

use core::fmt;

use onehop_wire::encode;
use serde::ser::{self, Impossible, Serialize};

/// A field of an encoded value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Field {
    /// Names from the outside in, joined by dots; elements of lists are numbered.
    pub(crate) path: String,
    /// Its type. All options are of one type here, and all lists.
    pub(crate) kind: String,
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after its last.
    pub(crate) to: usize,
}

/// Every field of the canonical encoding of `value`, inner ones before those they are in.
///
/// # Errors
/// If `value` has a part that no type of the wire has.
pub(crate) fn fields(value: &impl Serialize) -> anyhow::Result<Vec<Field>> {
    let mut tracer = Tracer::default();
    value.serialize(&mut tracer)?;
    anyhow::ensure!(tracer.at == encode(value).len(), "the fields are counted wrong");
    // The bytes of a byte string are no fields.
    let is_numbered = |path: &str| path.ends_with(|c: char| c.is_ascii_digit());
    tracer.fields.retain(|field| field.kind != "u8" || !is_numbered(&field.path));
    Ok(tracer.fields)
}

#[derive(Debug, Default)]
struct Tracer {
    at: usize,
    path: Vec<String>,
    fields: Vec<Field>,
    /// Inside of a byte string, whose bytes are no fields.
    is_quiet: bool,
}

impl Tracer {
    fn child(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<String, Untraced> {
        if self.is_quiet {
            return value.serialize(&mut *self);
        }
        self.path.push(name.to_owned());
        let from = self.at;
        let kind = value.serialize(&mut *self)?;
        let field = Field { path: self.path.join("."), kind: kind.clone(), from, to: self.at };
        self.fields.push(field);
        self.path.pop();
        Ok(kind)
    }

    /// A value that has no fields of its own.
    fn leaf(&mut self, kind: &str, bytes: usize) -> Result<String, Untraced> {
        self.at += bytes;
        Ok(kind.to_owned())
    }

    fn variant(&mut self, enumeration: &str, index: u32) -> String {
        self.at += encode(&index).len();
        enumeration.to_owned()
    }

    fn compound(&mut self, kind: impl Into<String>, names: Names) -> Compound<'_> {
        let was_quiet = self.is_quiet;
        Compound { tracer: self, kind: kind.into(), names, count: 0, first: None, was_quiet }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Names {
    Given,
    Numbers,
    /// The elements are bytes of one string.
    None,
}

/// A value with parts, under way.
struct Compound<'a> {
    tracer: &'a mut Tracer,
    kind: String,
    names: Names,
    count: usize,
    first: Option<String>,
    was_quiet: bool,
}

impl Compound<'_> {
    fn part(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), Untraced> {
        let number = self.count.to_string();
        let name = if self.names == Names::Given { name } else { &number };
        self.tracer.is_quiet |= self.names == Names::None;
        let kind = self.tracer.child(name, value)?;
        self.first.get_or_insert(kind);
        self.count += 1;
        Ok(())
    }

    fn done(self) -> Result<String, Untraced> {
        self.tracer.is_quiet = self.was_quiet;
        match self.first {
            Some(body) if self.kind == "Signed" => Ok(format!("Signed<{body}>")),
            Some(_) | None => Ok(self.kind),
        }
    }
}

/// A part that no type of the wire has.
#[derive(Debug)]
struct Untraced(String);

impl fmt::Display for Untraced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no field of the wire is {}", self.0)
    }
}

impl std::error::Error for Untraced {}

impl ser::Error for Untraced {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

macro_rules! untraced {
    ($($method:ident: $kind:ty),+) => {$(
        fn $method(self, _: $kind) -> Result<String, Untraced> {
            Err(Untraced(stringify!($kind).to_owned()))
        }
    )+};
}

macro_rules! varints {
    ($($method:ident: $kind:ty),+) => {$(
        fn $method(self, value: $kind) -> Result<String, Untraced> {
            self.leaf(stringify!($kind), encode(&value).len())
        }
    )+};
}

impl<'a> ser::Serializer for &'a mut Tracer {
    type Ok = String;
    type Error = Untraced;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Impossible<String, Untraced>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    varints!(serialize_bool: bool, serialize_u8: u8, serialize_u32: u32, serialize_u64: u64);
    untraced!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u16: u16, serialize_f32: f32, serialize_f64: f64, serialize_char: char,
        serialize_bytes: &[u8]
    );

    fn serialize_str(self, value: &str) -> Result<String, Untraced> {
        self.leaf("str", encode(value).len())
    }

    fn serialize_none(self) -> Result<String, Untraced> {
        self.leaf("Option", 1)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, Untraced> {
        self.at += 1;
        self.child("some", value)?;
        Ok("Option".to_owned())
    }

    fn serialize_unit(self) -> Result<String, Untraced> {
        self.leaf("()", 0)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<String, Untraced> {
        self.leaf(name, 0)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<String, Untraced> {
        Ok(self.variant(name, index))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<String, Untraced> {
        value.serialize(self)?;
        Ok(name.to_owned())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<String, Untraced> {
        let kind = self.variant(name, index);
        self.child(variant, value)?;
        Ok(kind)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Compound<'a>, Untraced> {
        let length = length.ok_or_else(|| Untraced("a list of unknown length".to_owned()))?;
        self.at += encode(&(length as u64)).len();
        Ok(self.compound("List", Names::Numbers))
    }

    fn serialize_tuple(self, length: usize) -> Result<Compound<'a>, Untraced> {
        Ok(self.compound(format!("[u8; {length}]"), Names::None))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Untraced> {
        Ok(self.compound(name, Names::Numbers))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Untraced> {
        let kind = self.variant(name, index);
        Ok(self.compound(kind, Names::Numbers))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Untraced> {
        Err(Untraced("a map".to_owned()))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, Untraced> {
        Ok(self.compound(name, Names::Given))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, Untraced> {
        let kind = self.variant(name, index);
        Ok(self.compound(kind, Names::Given))
    }
}

macro_rules! unnamed_parts {
    ($($parts:ident $method:ident),+) => {$(
        impl ser::$parts for Compound<'_> {
            type Ok = String;
            type Error = Untraced;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Untraced> {
                self.part("", value)
            }

            fn end(self) -> Result<String, Untraced> {
                self.done()
            }
        }
    )+};
}

unnamed_parts!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! named_parts {
    ($($parts:ident),+) => {$(
        impl ser::$parts for Compound<'_> {
            type Ok = String;
            type Error = Untraced;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Untraced> {
                self.part(name, value)
            }

            fn end(self) -> Result<String, Untraced> {
                self.done()
            }
        }
    )+};
}

named_parts!(SerializeStruct, SerializeStructVariant);
