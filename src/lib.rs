//! Payments from device to device with no network: the onehop crates under one name.
//!
//! A wallet is a folder. [`node::Keeper`] makes and opens it; [`node::start`] runs it over a link,
//! and then money moves by events and commands. A payment is a two-phase commit between the two
//! devices: nothing is said before it is on disk, and either side may be cut off or crash at any
//! point and both still end alike.
//!
//! Wallets are certified and charged by an office, which need not be reachable when people pay.
//! The `onehop` program does both, and is the way to get the wallets that the examples `seller` and
//! `buyer` use.
//!
//! ```
//! use onehop::prelude::*;
//! use onehop::{link::loopback::Hub, proto::Birth, vault::{Cost, Rules}};
//!
//! # fn office() -> onehop::wire::office::OfficeInfo {
//! #     use onehop::crypto::{SigningKey, Trust};
//! #     use onehop::wire::{List, OfficeKey, Text, UnixSeconds, office::OfficeInfo};
//! #     let (root, key) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
//! #     let (not_before, not_after) = (UnixSeconds(0), UnixSeconds(u64::MAX));
//! #     let (mail_key, key) = (key.mail_secret().public(), key.public());
//! #     let body = OfficeKey { number: 1, key, mail_key, not_before, not_after };
//! #     OfficeInfo {
//! #         root: root.public(),
//! #         new_roots: List::empty(),
//! #         office_key: root.sign(Trust::new(root.public()).office(), body).into_signed(),
//! #         currency: Currency::by_code("INR").unwrap(),
//! #         name: Text::new("office").unwrap(),
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! # let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
//! // Once: a key for the folder, under a passphrase; the wallet's keys, pinned to an office.
//! let vault = Vault::at(dir).with_cost(Cost::CHEAPEST); // For this example only.
//! let pin = Pin::new("a few good words")?;
//! let key = vault.create(Some(&pin), Rules::default())?;
//! drop(Keeper::create(dir, key, Birth::new(rng, office())?, Config::default())?);
//!
//! // From then on: open the folder and run it over a link.
//! let keeper = Keeper::open(dir, Vault::at(dir).unlock(Some(&pin))?, Config::default())?;
//! let (handle, mut events, task) = start(keeper, Hub::new(185).join(), Box::new(Unwatched));
//!
//! // This wallet has no certificate, so it may not sell. A refusal changes nothing.
//! let refused = handle.sell().await;
//! assert!(matches!(refused, Err(CommandError::Refused(Refusal::NotEnrolled))));
//!
//! handle.stop().await;
//! assert_eq!(events.next().await, None);
//! let keeper = task.await??;
//! assert_eq!(keeper.wallet().balance().available, 0);
//! # Ok(())
//! # }
//! ```

pub use onehop_crypto as crypto;
pub use onehop_evidence as evidence;
pub use onehop_link as link;
pub use onehop_node as node;
pub use onehop_proto as proto;
pub use onehop_store as store;
pub use onehop_vault as vault;
pub use onehop_wire as wire;

/// What an app that pays or is paid needs.
pub mod prelude {
    pub use onehop_link::bearer::{AnyLink, Bearer, Choice};
    pub use onehop_link::lan::{LanConfig, LanLink};
    pub use onehop_node::{CommandError, Events, Handle, HomeError, Keeper, NodeError};
    pub use onehop_node::{Unwatched, start};
    pub use onehop_proto::{Balance, Config, Event, NotPaid, PaymentView, PeerId, Refusal};
    pub use onehop_proto::{Standing, Terms};
    pub use onehop_vault::{Pin, Vault, VaultError};
    pub use onehop_wire::{Currency, Money, OrderId, TxId, WalletId};
}
