//! The protocol as its two users live it: payments, losses, crashes, recovery, bad peers.

mod acts;
mod crashes;
mod known_logs;
mod office;
mod office_talk;
mod pair;
mod payments;
mod peers;
mod requests;
mod rules;
mod statements;
mod table;
mod votes;
