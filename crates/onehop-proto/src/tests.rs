//! The protocol as its two users live it: payments, losses, crashes, recovery, bad peers.

mod crashes;
mod office;
mod office_talk;
mod pair;
mod payments;
mod peers;
mod rules;
mod table;
