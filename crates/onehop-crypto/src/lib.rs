//! Keys, signatures and the envelope: sign, then encrypt to the receiver's session key.
//!
//! Every primitive comes from a library; this crate only fixes which bytes go in (spec §3.3, §4).
//! Randomness is an argument. Nothing here performs IO or reads a clock, and no error says more
//! to a peer than that something did not verify.
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod envelope;
pub mod handshake;
pub mod keys;
pub mod letter;
mod memory;
pub mod trust;

pub use envelope::{EnvelopeError, Opener, Sealer};
pub use handshake::{BuyerHello, BuyerOffer, HandshakeError, SellerHello, Session};
pub use keys::{BadSignature, SessionSecret, SigningKey, Verified, verify};
pub use letter::LetterError;
pub use memory::Memory;
pub use trust::{ChainError, Trust};
