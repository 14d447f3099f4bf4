//! The `money-office` program: sets an office up, serves wallets, moves cash, audits.

use std::process::ExitCode;

fn main() -> ExitCode {
    money_office::cli::run_cli(std::env::args_os())
}
