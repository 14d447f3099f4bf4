//! What is done to the bytes of a message: every bit flipped, every cut, every byte more, every
//! field of another.

use std::collections::BTreeSet;

use super::trace::Field;

/// How the bytes were changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum How {
    /// One bit is another.
    Flip,
    /// The end is missing, from some byte on.
    Cut,
    /// One byte more.
    Extend,
    /// A field has the bytes of a field of the same type of any message.
    Swap,
    /// The same, and whoever is dishonest signed it again.
    Resigned,
}

impl How {
    pub(crate) const ALL: [Self; 5] =
        [Self::Flip, Self::Cut, Self::Extend, Self::Swap, Self::Resigned];
}

/// Changed bytes of a message.
#[derive(Clone, Debug)]
pub(crate) struct Mutant {
    pub(crate) how: How,
    /// The field that was touched.
    pub(crate) path: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// A message as it is meant to be.
#[derive(Clone, Debug)]
pub(crate) struct Genuine {
    pub(crate) bytes: Vec<u8>,
    pub(crate) fields: Vec<Field>,
}

impl Genuine {
    /// # Errors
    /// If a field cannot be told from the others.
    pub(crate) fn new(value: &impl serde::Serialize) -> anyhow::Result<Self> {
        Ok(Self { bytes: onehop_wire::encode(value), fields: super::trace::fields(value)? })
    }

    /// The innermost field that has this byte.
    fn touched(&self, byte: usize) -> Option<String> {
        let mut around = self.fields.iter().filter(|field| (field.from..field.to).contains(&byte));
        around.next().map(|field| field.path.clone())
    }
}

/// The bytes of fields of all messages, by their types.
#[derive(Debug, Default)]
pub(crate) struct Pool(BTreeSet<(String, Vec<u8>)>);

impl Pool {
    pub(crate) fn add(&mut self, genuine: &Genuine) {
        for field in &genuine.fields {
            let bytes = genuine.bytes[field.from..field.to].to_vec();
            self.0.insert((field.kind.clone(), bytes));
        }
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &Vec<u8>> {
        self.0.iter().filter(move |(of, _)| of == kind).map(|(_, bytes)| bytes)
    }
}

/// Signs the statements in these bytes again, as far as the dishonest can.
pub(crate) type Resign<'a> = dyn Fn(&[u8]) -> Option<Vec<u8>> + 'a;

/// Gives every mutant of `genuine` to `each`.
pub(crate) fn all(
    genuine: &Genuine,
    pool: &Pool,
    resign: Option<&Resign<'_>>,
    each: &mut dyn FnMut(Mutant),
) {
    damaged(genuine, each);
    for field in &genuine.fields {
        let own = &genuine.bytes[field.from..field.to];
        for other in pool.of(&field.kind).filter(|other| *other != own) {
            let (head, tail) = (&genuine.bytes[..field.from], &genuine.bytes[field.to..]);
            let bytes = [head, other, tail].concat();
            let path = Some(field.path.clone());
            let signed = resign.and_then(|resign| resign(&bytes));
            let news = signed.filter(|signed| *signed != bytes && *signed != genuine.bytes);
            if let Some(bytes) = news {
                each(Mutant { how: How::Resigned, path: path.clone(), bytes });
            }
            each(Mutant { how: How::Swap, path, bytes });
        }
    }
}

/// Every bit flipped, every cut and every byte more.
pub(crate) fn damaged(genuine: &Genuine, each: &mut dyn FnMut(Mutant)) {
    let length = genuine.bytes.len();
    for at in 0..length {
        for bit in 0..8 {
            let mut bytes = genuine.bytes.clone();
            bytes[at] ^= 1 << bit;
            each(Mutant { how: How::Flip, path: genuine.touched(at), bytes });
        }
    }
    for to in 0..length {
        let bytes = genuine.bytes[..to].to_vec();
        each(Mutant { how: How::Cut, path: None, bytes });
    }
    for last in 0..=u8::MAX {
        let bytes = [&genuine.bytes[..], &[last]].concat();
        each(Mutant { how: How::Extend, path: None, bytes });
    }
}
