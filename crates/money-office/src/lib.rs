//! The money office: certifies wallets, charges purses, settles payments, redeems, audits.
//!
//! [`Office`] judges signed evidence, never the state of a device. It reads no clock and draws no
//! randomness: both are arguments. Every call reads, decides, makes **one atomic durable write**,
//! and only then answers; the same question gets the same bytes. [`LedgerStore`] is where it
//! writes, [`Grouped`] makes several calls one write. The service and the program (feature `service`) are thin over it.
//!
//! Money is kept by double entry in minor units: cash against wallets' accounts, purses and sums in
//! suspense. Each posting names the evidence that caused it, and [`Office::audit`] recomputes every
//! balance from the evidence alone.
//!
//! ```
//! use money_office::{MemLedger, NewOffice, Office, Profile};
//! use onehop_crypto::SigningKey;
//! use onehop_wire::{Currency, UnixSeconds};
//!
//! let new = NewOffice {
//!     name: "corner office".to_owned(),
//!     currency: Currency::by_code("INR")?,
//!     profile: Profile::by_name("rbi-2023")?,
//!     credit_line: None,
//!     purse_max: None,
//!     operator: SigningKey::from_seed(&[2; 32]).public(),
//! };
//! let root = SigningKey::from_seed(&[1; 32]);
//! let now = UnixSeconds(1_800_000_000);
//! let office = Office::create(MemLedger::new(), new, &root, &[3; 32], now)?;
//! assert!(office.audit()?.balances());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod ahead;
mod answers;
pub mod audit;
mod book;
pub mod cases;
mod claim;
#[cfg(feature = "service")]
pub mod cli;
pub mod debts;
mod draft;
mod enrol;
pub mod error;
mod evidence;
pub mod export;
pub mod exposure;
pub mod grouped;
pub mod hints;
pub mod inspect;
pub mod limits;
mod lost;
pub mod office;
mod operate;
pub mod operator;
mod payments;
pub mod profile;
mod refunds;
mod relay;
mod resolve;
mod rows;
#[cfg(feature = "service")]
pub mod service;
pub mod statement;
pub mod store;
pub mod store_any;
#[cfg(feature = "postgres")]
pub mod store_pg;
pub mod store_sled;
mod sync;
mod sync_check;
#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that panics fails, as it should"
)]
mod tests;

pub use ahead::Ahead;
pub use audit::{AuditReport, Difference};
pub use cases::{CaseSearch, finding_json};
pub use debts::DebtReport;
pub use error::{OfficeError, Refusal};
pub use export::{ExportPage, ExportText};
pub use exposure::{Exposure, WalletExposure};
pub use grouped::Grouped;
pub use inspect::Standing;
pub use limits::LimitSet;
pub use office::{NewOffice, Office};
pub use operator::{Command, OperatorAnswer, OperatorCommand, WalletReport};
pub use payments::Proof;
pub use profile::{PROFILES, Profile, ProfileError};
pub use rows::{Account, PaymentKey};
pub use statement::{StatementPage, StatementRow};
pub use store::{Batch, LedgerStore, MemLedger, Purpose, Row, StoreAround, StoreError, Table};
pub use store_any::AnyLedger;
#[cfg(feature = "postgres")]
pub use store_pg::{PgLedger, ShardedLedger};
pub use store_sled::SledLedger;
