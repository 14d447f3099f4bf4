//! The protocol as its two users live it: payments, losses, crashes, recovery, bad peers.

mod acts;
mod backup;
mod crashes;
mod dates;
mod enrolment;
mod forged;
mod hellos;
mod known_logs;
mod limits;
mod misfits;
mod news;
mod office;
mod office_talk;
mod pair;
mod parcels;
mod payments;
mod peers;
mod pruning;
mod refunds;
mod requests;
mod rules;
mod statements;
mod table;
mod votes;
mod words;
