//! The payment protocol of onehop, pure: buyer and seller state machines, purse and recovery.
//!
//! The seller coordinates a two-phase commit between two wallets; both write undo and redo images
//! to a log before they say anything that binds them (spec §7). This crate performs no IO, reads
//! no clock and draws no randomness of its own: time, randomness and bytes are arguments.
//!
//! # Contract
//!
//! **One mutation, then drain [`Wallet::poll_output`] to `None`, doing each output in order.
//! Answer each forced [`Output::Persist`] with [`Wallet::persisted`] once it is durable; until
//! then `poll_output` gives nothing, so that no word leaves before its record is on disk. A
//! `Persist` that cannot be made durable ends the process.**
//!
//! Methods of [`Wallet`] come in four kinds: getters; inputs (`handle_…`, [`Wallet::persisted`]);
//! commands of the person or the office client, which may be refused; and `poll_…`.
//!
//! Decide, record, apply: every decision yields records, and [`State::apply`] is the only code
//! that changes durable state, live and in recovery alike.
#![cfg_attr(
    not(test),
    warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)
)]

pub mod config;
pub mod event;
pub mod history;
#[cfg(feature = "model")]
pub mod model;
pub mod news;
pub mod output;
pub mod payment;
pub mod purse;
pub mod record;
mod refund;
pub mod refusal;
pub mod state;

mod arq;
mod backup;
mod buyer;
mod case;
mod compaction;
mod inbound;
mod office;
mod outbox;
mod parcel;
mod seller;
mod session;
mod step;
mod timers;
mod wallet;
mod wallet_input;

#[cfg(test)]
mod tests;

pub use compaction::{Compaction, Row};
pub use config::Config;
pub use event::{Event, Fault, NotPaid, Terms};
pub use history::{Direction, PaymentView, Standing};
pub use news::{Shun, Shunned, Told};
pub use office::{Birth, Claims};
pub use output::{Batch, Heard, Output, PeerId};
pub use payment::{BuyerPayment, BuyerState, SellerPayment, SellerState, Vote};
pub use purse::{Balance, Purse};
pub use record::{Change, Image, LogRecord};
pub use refusal::{RecoverError, Refusal};
pub use state::State;
pub use wallet::Wallet;
