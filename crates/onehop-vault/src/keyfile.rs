//! The file `key`, byte by byte. Pure.
//!
//! ```text
//! offset  0          8        12      13      14        16       20
//!         | ONEHOPKY | format | guard | tries | 0       | lock   | body ... | check  |
//!         | 8 bytes  | u32 LE | u8    | u8    | 2 bytes | u32 LE |          | u32 LE |
//! ```
//!
//! The body is the data key: as it is if `guard` is 0, wrapped (see [`crate::wrap`]) under a PIN if
//! it is 1. The first 20 bytes are authenticated by the wrapping. `check` is the CRC-32 of all the
//! rest: it tells a damaged file from a wrong PIN.

use crate::tries::Rules;
use crate::wrap::WRAPPED_BYTES;

const MAGIC: &[u8; 8] = b"ONEHOPKY";
pub(crate) const FORMAT: u32 = 1;
pub(crate) const HEAD_BYTES: usize = 20;
const KEY_BYTES: usize = 32;

/// What the file says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct KeyFile<'a> {
    pub(crate) rules: Rules,
    /// The first bytes, to which a wrapped key is bound.
    pub(crate) head: &'a [u8],
    pub(crate) body: Body<'a>,
}

/// The data key, as it lies there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Body<'a> {
    /// Open to who can read the file.
    Open(&'a [u8; KEY_BYTES]),
    /// Wrapped under a PIN.
    Wrapped(&'a [u8]),
}

/// Why a file was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// It fails its checksum, or makes no sense.
    Damaged,
    /// It has this format.
    Version(u32),
}

/// The bytes before the body.
pub(crate) fn head(is_wrapped: bool, rules: Rules) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend([u8::from(is_wrapped), rules.tries, 0, 0]);
    bytes.extend(rules.lock_seconds.to_le_bytes());
    bytes
}

/// The file of a head and a body.
pub(crate) fn file(mut head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    head.extend(body);
    head.extend(crc32fast::hash(&head).to_le_bytes());
    head
}

impl<'a> KeyFile<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        Self::whole(bytes).ok_or(Unreadable::Damaged)?
    }

    fn whole(bytes: &'a [u8]) -> Option<Result<Self, Unreadable>> {
        let (whole, check) = bytes.split_last_chunk::<4>()?;
        (u32::from_le_bytes(*check) == crc32fast::hash(whole)).then_some(())?;
        let (format, rest) = whole.strip_prefix(MAGIC)?.split_first_chunk()?;
        let format = u32::from_le_bytes(*format);
        if format != FORMAT {
            return Some(Err(Unreadable::Version(format)));
        }
        let (flags, rest) = rest.split_first_chunk::<4>()?;
        let (lock, body) = rest.split_first_chunk()?;
        let body = match flags[0] {
            0 => Body::Open(body.try_into().ok()?),
            1 if body.len() == WRAPPED_BYTES + KEY_BYTES => Body::Wrapped(body),
            _ => return None,
        };
        let rules = Rules { tries: flags[1], lock_seconds: u32::from_le_bytes(*lock) };
        let head = bytes.get(..HEAD_BYTES)?;
        (rules.tries > 0).then_some(Ok(Self { rules, head, body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_reads_back_and_any_flip_is_noticed() {
        let rules = Rules { tries: 5, lock_seconds: 60 };
        let bytes = file(head(false, rules), &[7; KEY_BYTES]);
        let read = KeyFile::parse(&bytes).unwrap();
        assert_eq!((read.rules, read.body), (rules, Body::Open(&[7; KEY_BYTES])));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(KeyFile::parse(&flipped), Err(Unreadable::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn another_format_is_named() {
        let mut bytes = head(false, Rules::default());
        bytes[8] = 2;
        assert_eq!(KeyFile::parse(&file(bytes, &[7; 99])), Err(Unreadable::Version(2)));
    }
}
