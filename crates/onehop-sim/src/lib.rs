//! A deterministic world: wallets, an office, radio, disks and people in one thread.
//!
//! Inside is the code that ships: [`onehop_proto::Wallet`], the simulated journal and the framing of
//! the store and link crates, and the office's library. Around it everything is a function of the
//! seed: the clock is virtual, chance is one ChaCha20 stream, and nothing depends on addresses or
//! hash order. The same seed gives the same run, byte for byte.
//!
//! [`World::run`] lives through one seed and names what broke; [`run_seeds`] does so for many and
//! also fails when something that should sometimes happen never did.
//!
//! It does not search exhaustively and it does not measure speed.
//!
//! ```
//! let outcome = onehop_sim::World::new(7, &onehop_sim::Options::default()).run();
//! assert_eq!(outcome.violations, []);
//! ```

pub mod check;
pub mod counters;
pub mod cuts;
mod device;
mod disk;
pub mod env;
pub mod faults;
mod finish;
mod ledger;
mod office;
mod people;
mod radio;
pub mod replay;
mod required;
pub mod run;
pub mod sabotage;
pub mod scene;
pub mod trace;
mod transitions;
mod workload;
mod world;

#[cfg(test)]
mod tests;

pub use check::Violation;
pub use env::Options;
pub use faults::{FaultKind, Faults, Variant};
pub use replay::{Replay, ReplayError};
pub use run::{Summary, replay_command, run_seeds, run_seeds_on};
pub use world::{RunOutcome, World};
