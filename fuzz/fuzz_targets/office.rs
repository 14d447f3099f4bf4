//! `onehop_fuzz::office`, for cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| onehop_fuzz::office(data));
