//! The bytes of a value of the characteristic: look-up, greeting, frame, goodbye.
//!
//! Every value but the look-up begins with the stream it belongs to, because a stack hands a
//! notification to everybody who subscribed, and all programs of a computer share one connection.

/// The version of this bearer: the first byte of what is read.
pub const VERSION: u8 = 1;
/// The longest value in bytes. Some stacks silently drop longer ones than 510.
pub const VALUE_MAX: usize = 500;
/// The smallest ATT MTU, of every device.
pub const ATT_MTU_MIN: usize = 23;
/// The largest ATT MTU that makes a difference.
pub const ATT_MTU_MAX: usize = 517;

/// What ATT adds to a value at most. A write and a notification begin with operation and handle; a
/// stack may instead notify several values at once, each after its length, and cuts off without a
/// word what does not fit then (Core 5.4, Vol 3, Part F, 3.4.7.4).
const ATT_HEAD: usize = 5;
const STREAM_LEN: usize = 2;
const OFFER_HEAD: usize = 1 + STREAM_LEN;
/// Set in every value of a stream whose central reads instead of being notified.
const POLLED: u16 = 0x8000;

/// The number of a stream: one central's conversation. Never 0, below 32,768.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stream(u16);

/// What a central reads before it has a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The stream it may use.
    pub stream: Stream,
    /// What the seller announces.
    pub lookup: Vec<u8>,
}

/// Why what was read is no offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOffer {
    /// The seller speaks another version of this bearer.
    Version(u8),
    /// It is nothing of ours.
    Garbage,
}

/// A value of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Whose it is.
    pub stream: Stream,
    /// The central reads and is not notified.
    pub polled: bool,
    /// A greeting or a frame; empty: the stream is over, or of a read: nothing waits.
    pub rest: &'a [u8],
}

impl Stream {
    /// Makes a number of random bits, unless they are the one that is not a number.
    #[must_use]
    pub const fn of_bits(bits: u16) -> Option<Self> {
        match bits & !POLLED {
            0 => None,
            number => Some(Self(number)),
        }
    }
}

impl Offer {
    /// The bytes that are read.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(OFFER_HEAD + self.lookup.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.stream.0.to_be_bytes());
        bytes.extend_from_slice(&self.lookup);
        bytes
    }

    /// Reads what anybody could have written.
    ///
    /// # Errors
    /// [`NoOffer`].
    pub fn decode(bytes: &[u8]) -> Result<Self, NoOffer> {
        // The bits of a polled stream begin with one; such a value is for another program.
        match bytes.first() {
            None | Some(0 | 0x80..) => return Err(NoOffer::Garbage),
            Some(&VERSION) => {}
            Some(&version) => return Err(NoOffer::Version(version)),
        }
        let (head, lookup) = bytes.split_first_chunk::<OFFER_HEAD>().ok_or(NoOffer::Garbage)?;
        let bits = u16::from_be_bytes([head[1], head[2]]);
        let stream = Stream::of_bits(bits).filter(|stream| stream.0 == bits);
        let lookup_fits = lookup.len() <= crate::link::LOOKUP_MAX;
        let stream = stream.filter(|_| lookup_fits).ok_or(NoOffer::Garbage)?;
        Ok(Self { stream, lookup: lookup.to_vec() })
    }
}

impl<'a> Value<'a> {
    /// The bytes that are written, notified or read.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bits = if self.polled { self.stream.0 | POLLED } else { self.stream.0 };
        let mut bytes = Vec::with_capacity(STREAM_LEN + self.rest.len());
        bytes.extend_from_slice(&bits.to_be_bytes());
        bytes.extend_from_slice(self.rest);
        bytes
    }

    /// Reads what anybody could have written; `None` if it is of no stream.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (bits, rest) = bytes.split_first_chunk::<STREAM_LEN>()?;
        let bits = u16::from_be_bytes(*bits);
        Some(Self { stream: Stream::of_bits(bits)?, polled: bits & POLLED != 0, rest })
    }
}

/// The first thing that a central writes on a stream: its ATT MTU.
#[must_use]
pub fn greeting(att_mtu: usize) -> [u8; 2] {
    u16::try_from(att_mtu.clamp(ATT_MTU_MIN, ATT_MTU_MAX)).unwrap_or_default().to_be_bytes()
}

/// Reads a greeting; `None` if it is none.
#[must_use]
pub fn greeted(rest: &[u8]) -> Option<usize> {
    let att_mtu = usize::from(u16::from_be_bytes(rest.try_into().ok()?));
    (ATT_MTU_MIN..=ATT_MTU_MAX).contains(&att_mtu).then_some(att_mtu)
}

/// The longest frame over a connection of this ATT MTU.
#[must_use]
pub const fn frame_mtu(att_mtu: usize) -> usize {
    let att_mtu = if att_mtu < ATT_MTU_MIN { ATT_MTU_MIN } else { att_mtu };
    let value = att_mtu - ATT_HEAD;
    let value = if value > VALUE_MAX { VALUE_MAX } else { value };
    value - STREAM_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bits: u16) -> Stream {
        Stream::of_bits(bits).unwrap()
    }

    // [L-7]
    #[test]
    fn an_offer_is_read_as_it_was_written_and_anything_else_is_refused() {
        let offer = Offer { stream: stream(0x0203), lookup: b"tea".to_vec() };
        let bytes = offer.encode();
        assert_eq!(bytes, [1, 2, 3, b't', b'e', b'a']);
        assert_eq!(Offer::decode(&bytes), Ok(offer));
        assert_eq!(Offer::decode(&[2, 2, 3, 9]), Err(NoOffer::Version(2)));
        let long = [&[1, 2, 3][..], &[0; 257]].concat();
        let none: [&[u8]; 7] =
            [&[], &[1], &[1, 2], &[0, 2, 3], &[1, 0, 0], &[1, 0x82, 3], &[0x81, 2, 3]];
        for bytes in none.into_iter().chain([&long[..]]) {
            assert_eq!(Offer::decode(bytes), Err(NoOffer::Garbage), "{bytes:?}");
        }
    }

    // [L-8]
    #[test]
    fn a_value_names_its_stream_and_whether_it_is_polled() {
        let value = Value { stream: stream(0x0102), polled: false, rest: &[9] };
        assert_eq!(value.encode(), [1, 2, 9]);
        assert_eq!(Value::decode(&[1, 2, 9]), Some(value));
        let polled = Value { polled: true, rest: &[], ..value };
        assert_eq!(polled.encode(), [0x81, 2]);
        assert_eq!(Value::decode(&[0x81, 2]), Some(polled));
        for bytes in [&[][..], &[1], &[0, 0, 9], &[0x80, 0]] {
            assert_eq!(Value::decode(bytes), None);
        }
    }

    // [L-9]
    #[test]
    fn a_frame_fits_every_mtu_and_no_value_is_longer_than_500_bytes() {
        let fits = [(0, 16), (23, 16), (185, 178), (247, 240), (505, 500 - 2), (517, 498)];
        for (att_mtu, longest) in fits {
            assert_eq!(frame_mtu(att_mtu), longest, "{att_mtu}");
        }
        assert_eq!(greeted(&greeting(185)), Some(185));
        assert_eq!((greeted(&greeting(1)), greeted(&greeting(9_999))), (Some(23), Some(517)));
        for bytes in [&[][..], &[1], &[0, 22], &[2, 6], &[0, 23, 0]] {
            assert_eq!(greeted(bytes), None, "{bytes:?}");
        }
    }
}
