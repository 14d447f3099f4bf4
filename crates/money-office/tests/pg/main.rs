//! The office on a real PostgreSQL, in clusters that these tests make, kill and throw away.
//!
//! `cargo xtask postgres` runs them; `cargo test` by itself does not, so that nobody takes them for
//! passed where there is no PostgreSQL.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that panics fails, as it should"
)]

mod cluster;
#[path = "../it/contract.rs"]
mod contract;
#[path = "../it/crowd.rs"]
mod crowd;
mod kills;
#[expect(dead_code, reason = "it serves other tests too")]
#[path = "../it/office.rs"]
mod office;
mod service;
mod shards;
mod store;
#[path = "../it/wallet.rs"]
mod wallet;
