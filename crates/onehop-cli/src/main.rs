//! The `onehop` program.
fn main() {}
