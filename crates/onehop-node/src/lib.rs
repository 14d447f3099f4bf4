//! The only event loop: wallet, log and link driven together.
//!
//! [`Keeper`] is a wallet with its log, enough for everything that needs no other device: making
//! it, opening it, and talking to the office. [`start`] gives it a link and runs it as a task, with
//! a [`Handle`] for commands and [`Events`] for what happens.
//!
//! This crate decides nothing about payments. It does what the wallet says, in order: **a record
//! that must be durable is, before anything queued after it leaves; if it cannot be made durable
//! the node halts and says nothing more.**
//!
//! Only here is a clock read and randomness drawn. Writing to the log blocks the task for as long
//! as the disk takes.
//!
//! What others can make it hold is bounded: channels by [`onehop_link::channels`], sessions by the
//! wallet, commands by their channel, connections to sellers by eight, events as [`Events`] says.

mod clock;
mod error;
mod events;
mod handle;
mod home;
mod keeper;
mod mailbox;
mod names;
mod node;
mod peers;
mod watch;

pub use error::{CommandError, HomeError, NodeError};
pub use events::Events;
pub use handle::Handle;
pub use keeper::Keeper;
pub use node::start;
pub use watch::{Act, Go, Unwatched, Watch};
