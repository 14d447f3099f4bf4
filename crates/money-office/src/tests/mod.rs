//! The office against synthetic wallets with real signatures.

mod ahead;
mod audits;
mod debts;
mod doubts;
mod enrolments;
mod forks;
mod histories;
mod limits;
mod lost;
mod news;
mod parcels;
mod payments;
mod refunds;
mod stores;
#[cfg(feature = "service")]
mod threads;
mod world;
