//! Canonical bytes: the vectors, every rule of the encoding, bounds and texts.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

mod bounds;
mod canonical;
mod kinds;
mod other_formats;
mod round_trip;
mod statements;
mod vectors;
mod words;
