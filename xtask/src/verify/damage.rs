//! Bytes that are not what was said, in ways that links and liars have.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

use super::verdict::Kind;

/// All kinds, to take one for another.
const KINDS: [Kind; 8] = [
    Kind::Lookup,
    Kind::Packet,
    Kind::Message,
    Kind::OfficeInfo,
    Kind::OfficeRequest,
    Kind::OfficeAnswer,
    Kind::ReceiptFile,
    Kind::ForkProof,
];

/// Changes the message, or what it is taken for.
pub(crate) fn damage(rng: &mut ChaCha20Rng, kind: Kind, bytes: &mut Vec<u8>) -> Kind {
    let place = below(rng, bytes.len());
    let chance = rng.next_u32();
    let [byte, ..] = chance.to_be_bytes();
    match below(rng, 8) {
        // One bit, the most often.
        0..=2 => {
            if let Some(at) = bytes.get_mut(place) {
                *at ^= 1 << (byte & 7);
            }
        }
        3 => bytes.truncate(place),
        4 => bytes.push(byte),
        5 => bytes.insert(place, if byte < 128 { 0x80 } else { byte }),
        6 => {
            if let Some(at) = bytes.get_mut(place) {
                *at = byte;
            }
        }
        _ => return KINDS[below(rng, KINDS.len())],
    }
    kind
}

fn below(rng: &mut ChaCha20Rng, count: usize) -> usize {
    usize::try_from(rng.next_u32()).unwrap_or(0) % count.max(1)
}
