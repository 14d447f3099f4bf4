//! What a decoder allocates is bounded by what it was sent, not by what that claims.
//!
//! Alone in its program, because the allocator counts for every thread.

use std::alloc::System;

use onehop_wire::limits::{OFFICE_BODY_MAX, PACKET_MAX};
use onehop_wire::office::{OfficeAnswer, OfficeRequest};
use onehop_wire::{Message, Packet, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Five bytes that claim 2^32 - 1 elements, and ten that claim 2^64 - 1.
const CLAIMS: [&[u8]; 2] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];
/// Room for the few elements that are really there.
const MOST: usize = 64 * 1024;

#[track_caller]
fn check<T: Serialize + DeserializeOwned>(input: &[u8], max: usize) {
    let region = Region::new(ALLOCATOR);
    let refused = decode::<T>(input, max).is_err();
    let bytes = region.change().bytes_allocated;
    assert!(refused, "{input:x?}");
    assert!(bytes <= MOST, "{bytes} bytes were allocated for {} of input", input.len());
}

#[test]
fn a_length_that_is_only_claimed_allocates_nothing() {
    // [W-6]
    for claim in CLAIMS {
        for rest in [0_usize, 1, 200] {
            let rest = vec![0; rest];
            let with = |before: &[u8]| [before, claim, &rest].concat();
            check::<Packet>(&with(&[0]), PACKET_MAX); // Versions of HELLO 1.
            check::<Packet>(&with(&[3, 1, 0]), PACKET_MAX); // A ciphertext.
            check::<Packet>(&with(&[&[1, 1][..], &[0; 64]].concat()), PACKET_MAX);
            check::<OfficeRequest>(&with(&[2]), OFFICE_BODY_MAX); // Claims.
            check::<OfficeRequest>(&with(&[&[1][..], &[0; 98]].concat()), OFFICE_BODY_MAX);
            check::<OfficeAnswer>(&with(&[2]), OFFICE_BODY_MAX); // Verdicts.
            check::<OfficeAnswer>(&with(&[4]), OFFICE_BODY_MAX); // A text.
            // The attachments that an AGREED names.
            let agreed = [&[2][..], &[0; 32], &[0], &[0; 32], &[0; 4], b"INR\x02", &[0; 98]];
            check::<Message>(&with(&agreed.concat()), PACKET_MAX);
        }
    }
}
