//! What anyone may conclude from signed bytes alone.
//!
//! A payee judging a vote, the office judging a claim and a bystander judging a receipt all call
//! the same functions. They hold no state and read no clock: dates are the caller's to compare,
//! everything else is decided here (spec §6.5, §8).
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod blame;
pub mod case;
pub mod claim;
pub mod entry;
pub mod fork;
pub mod news;
pub mod release;

pub use blame::{Finding, JudgeFault, Judgement, Part, Party, Row, judge};
pub use case::{CaseError, CaseMaker, read_case};
pub use claim::{ClaimFault, VerifiedClaim, verify_claim};
pub use entry::{EntryFault, Payer, PayerFault, VerifiedEntry, verify_entry};
pub use fork::{ForkKind, contradiction, contradicts_close};
pub use news::{HeadFault, ProofFault, VerifiedHead, fork_proof, verify_fork, verify_head};
pub use release::{ReleaseFault, verify_abort, verify_release};
