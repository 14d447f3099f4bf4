//! Exhaustive model checking of the functions that ship.
//!
//! A *scene* is two or three wallets, what they mean to do, and perhaps the office. Its states are
//! real ones: each device is an [`onehop_proto::Wallet`] beside what is durable of its log, the
//! office is [`money_office::Office`] over its rows, statements carry their signatures. Whatever can
//! happen next happens: any message in flight arrives, twice or never, people act, timers fire, the
//! power goes, it gets late. Decisions, records, recovery and the barrier are those of the wallet;
//! only sealing is left out, by the feature `model` of `onehop-proto`.
//!
//! `stateright` walks the graph and checks every property in every state. [`LIVENESS`] is read off
//! the graph afterwards: a search back from all settled states over steps without faults.
//!
//! The functions that ship are pure, so that a step of one device is computed once and used in every
//! state in which it happens; that is what makes spaces of this size affordable.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a property names the statements that it is about; it holds whatever others there are"
)]

mod action;
mod bundle;
mod clock;
mod desk;
mod device;
mod facts;
mod flaws;
mod graph;
mod input;
mod machine;
mod memo;
mod model;
mod promises;
mod report;
mod run;
mod scene;
mod scenes;
mod settled;
mod setup;
mod step;
#[cfg(test)]
mod tests;
mod world;

pub use report::{Finding, SceneReport};
pub use run::{LIVENESS, Options, run_scene, run_scene_with};
pub use scene::{Expect, Size};
pub use scenes::SCENES;
pub use setup::SetupError;
