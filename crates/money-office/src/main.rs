//! The `money-office` program: sets an office up, serves wallets, moves cash, audits.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
