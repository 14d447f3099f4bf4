//! The program as a user and a wallet meet it: real processes, sockets and files.
#![expect(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod cli;
mod contract;
mod crowd;
mod http;
mod load;
mod office;
mod stores;
mod tls;
mod wallet;
