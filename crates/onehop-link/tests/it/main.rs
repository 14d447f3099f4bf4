//! Links and channels together, over real sockets on loopback and in memory.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail this way")]

mod ble;
mod conformance;
mod driver;
mod lan;
mod loopback;
