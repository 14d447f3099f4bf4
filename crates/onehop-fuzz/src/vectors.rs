//! The people of the test vectors, as `xtask` makes them.
#![expect(dead_code, reason = "the vectors need more of them")]

#[path = "../../../xtask/src/vectors/born.rs"]
pub(crate) mod born;
#[path = "../../../xtask/src/vectors/fixed_rng.rs"]
pub(crate) mod fixed_rng;
#[path = "../../../xtask/src/vectors/samples.rs"]
pub(crate) mod samples;
#[path = "../../../xtask/src/vectors/world.rs"]
pub(crate) mod world;
