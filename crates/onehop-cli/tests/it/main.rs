//! The `onehop` program as a person meets it: real processes, real sockets on loopback, a real
//! disk. Every test has its own folder and its own look-up port; nothing sleeps.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod amounts;
mod at_rest;
mod backup;
mod bench;
mod bluetooth;
mod contacts;
mod demo;
mod doubt;
mod judge;
#[cfg(target_os = "linux")]
mod keyring;
mod kills;
mod lists;
mod office;
mod payments;
mod receipts;
mod store;
mod verbose;
