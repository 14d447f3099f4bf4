//! Signatures, the envelope, the handshake and the way to the root, with the committed vectors.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

#[path = "../../../../xtask/src/vectors/fixed_rng.rs"]
mod fixed_rng;
mod handshake;
mod hpke;
mod mallory;
mod session;
mod signatures;
mod steps;
mod trust;
mod vectors;
#[path = "../../../../xtask/src/vectors/world.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod world;
