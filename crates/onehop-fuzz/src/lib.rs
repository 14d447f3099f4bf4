//! What the fuzzer does with bytes: one plain function a target, which panics if something that
//! must hold does not.
//!
//! The programs of `fuzz/` only call these. The ordinary tests call them with the committed
//! corpora, so that a found input stays a test on stable Rust.

mod decode;
mod framing;
mod handshake;
mod office;
mod reader;
mod recovery;
mod wallet;

#[path = "../../../xtask/src/malformed/stage.rs"]
#[expect(dead_code, reason = "xtask needs more of it")]
mod stage;
#[path = "../../../xtask/src/malformed/victim.rs"]
#[expect(dead_code, reason = "xtask needs more of it")]
mod victim;

mod vectors;

pub use decode::{KINDS, decode};
pub use framing::{framing, seeds as framing_seeds};
pub use handshake::{handshake, seeds as handshake_seeds};
pub use office::{office, seeds as office_seeds};
pub use recovery::{recovery, seeds as recovery_seeds};
pub use wallet::{seeds as wallet_seeds, wallet};

/// A target: its name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 6] = [
    ("decode", decode),
    ("framing", framing),
    ("handshake", handshake),
    ("wallet", wallet),
    ("recovery", recovery),
    ("office", office),
];
