//! The program as a user and a wallet meet it: real processes, sockets and files.

mod cli;
mod http;
mod office;
mod wallet;
