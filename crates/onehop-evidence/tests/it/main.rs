//! What the signed bytes prove, fault by fault, and what contradicts what.

#![expect(clippy::unwrap_used, reason = "a test may fail this way")]

mod blame;
mod cases;
mod claims;
mod entries;
mod forks;
mod framed;
mod news;
mod releases;
mod vectors;
#[path = "../../../../xtask/src/vectors/world.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod world;
