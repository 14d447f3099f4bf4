//! The words of the protocol: amounts, ids, statements, messages and their canonical bytes.
//!
//! Nothing here performs IO, reads a clock, draws randomness or checks a signature. The crate
//! says what a message *is*; whether it is *true* is for `onehop-crypto` and `onehop-evidence`,
//! and what to do about it for `onehop-proto`.
//!
//! Every type that crosses a device boundary is decoded by [`codec::decode`], which accepts
//! exactly one byte string for each value.
//!
//! ```
//! use onehop_wire::{Currency, Money};
//! let price = Money::parse("7.35", Currency::by_code("INR").unwrap()).unwrap();
//! assert_eq!(price.minor(), 735);
//! assert_eq!(price.to_string(), "7.35 INR");
//! ```
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod bounded;
pub mod case;
pub mod codec;
pub mod domain;
pub mod evidence;
pub mod hello;
pub mod ids;
pub mod limits;
pub mod message;
pub mod money;
pub mod mutant;
pub mod news;
pub mod office;
pub mod payment;
pub mod relay;
pub mod time;

pub use bounded::{Bytes, List, Text};
pub use case::{CaseFile, Exhibit};
pub use codec::{DecodeError, decode, encode};
pub use domain::{Signed, Statement};
pub use evidence::{Attachment, Claim, Release, ReleaseGround};
pub use hello::{Hello1, Hello2, Hello3, Lookup, Packet, RejectCode, Sealed};
pub use ids::{Hash, Nonce, OfficeId, PublicKey, SessionKey, Signature, TxId, WalletId};
pub use message::Message;
pub use money::{AmountError, Currency, Money};
pub use news::{Head, News, NewsItem};
pub use office::{Certificate, Checkpoint, Class, LimitName, Limits, OfficeKey};
pub use payment::{
    Abort, AbortReason, AbortSubject, Agreed, Commit, CommitRequest, Committed, OrderId, Refused,
    RefusedReason, Released, Status,
};
pub use time::{Now, UnixSeconds};
