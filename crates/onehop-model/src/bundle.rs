//! What travels: messages of a session with the attachments ahead of them, and office answers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use onehop_wire::office::{OfficeAnswer, OfficeRequest};
use onehop_wire::{Message, encode};

/// The number under which the office stands among senders.
pub(crate) const OFFICE: usize = 99;

/// A short name of some bytes: states with equal names are taken for equal.
pub(crate) fn name_of(bytes: &[u8]) -> u64 {
    let hash = onehop_wire::domain::sha256(bytes);
    hash.as_bytes().iter().take(8).fold(0, |name, byte| name << 8 | u64::from(*byte))
}

/// A name made of names.
pub(crate) fn name_of_all(parts: &[u64]) -> u64 {
    // FNV-1a with a final mix: parts are themselves names, and states are at most millions.
    let mut name = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.to_be_bytes() {
            name = (name ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    name ^= name >> 32;
    name.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (name >> 29)
}

/// What arrives as one.
#[derive(Clone, Debug)]
pub(crate) enum Cargo {
    /// Attachments, then the message that names them: a session delivers them in this order.
    Said(Vec<Message>),
    /// An answer of the office to this request.
    Answer(Box<(OfficeRequest, OfficeAnswer)>),
}

/// Something in flight.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) cargo: Arc<Cargo>,
    pub(crate) name: u64,
}

impl Flight {
    pub(crate) fn new(from: usize, to: usize, cargo: Cargo) -> Self {
        let bytes = match &cargo {
            Cargo::Said(messages) => encode(messages),
            Cargo::Answer(pair) => encode(&**pair),
        };
        let name = name_of_all(&[from as u64, to as u64, name_of(&bytes)]);
        Self { from, to, cargo: Arc::new(cargo), name }
    }

    /// What it is, in the words of the specification.
    pub(crate) fn title(&self) -> &'static str {
        match &*self.cargo {
            Cargo::Said(messages) => messages.last().map_or("nothing", Message::name),
            Cargo::Answer(pair) => match &pair.1 {
                OfficeAnswer::Enrol(_) => "answer to ENROL",
                OfficeAnswer::Sync(_) => "answer to SYNC",
                OfficeAnswer::Claim(_) => "answer to CLAIM",
                OfficeAnswer::Resolve(_) => "answer to RESOLVE",
                OfficeAnswer::Refused(_) => "refusal",
                OfficeAnswer::Relay(_) => "reply",
            },
        }
    }
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Flight {}

impl Hash for Flight {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
