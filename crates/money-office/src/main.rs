//! The `money-office` program.

fn main() {}
