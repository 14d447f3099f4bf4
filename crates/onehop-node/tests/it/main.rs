//! Wallet, log and link together: over a link in memory, and over real sockets and files.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod device;
mod failures;
mod history;
mod home;
mod links;
mod office;
mod payments;
