//! What a wallet has heard and passes on, bounded; durable with the rest of the state (spec §5.12).

use std::collections::BTreeMap;

use onehop_wire::evidence::ForkProof;
use onehop_wire::limits::{DELTAS_MAX, REVOCATIONS_MAX};
use onehop_wire::office::RevocationDelta;
use onehop_wire::{Head, Signed, UnixSeconds, WalletId};
use serde::{Deserialize, Serialize};

use crate::config::{HEADS_MAX, PROOFS_MAX, TOLD_MAX};
use crate::record::LogRecord;

/// Items told so far: all that came in from one serial number to another, both included.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Span {
    /// The oldest.
    pub low: u64,
    /// The newest; 0 if nothing was told.
    pub high: u64,
}

impl Span {
    /// Up to `most` of `serials` that were not told: what is newer than the span first, then what
    /// is older, the newest first each time. Gives them with the span that holds once they are told.
    ///
    /// Where more is newer than may be told at once the span begins anew, so that old items come
    /// round again rather than new ones never.
    pub(crate) fn next(self, serials: &[u64], most: usize) -> (Vec<u64>, Self) {
        let mut newer: Vec<u64> = serials.iter().copied().filter(|it| *it > self.high).collect();
        let mut older: Vec<u64> = serials.iter().copied().filter(|it| *it < self.low).collect();
        newer.sort_unstable_by(|one, other| other.cmp(one));
        older.sort_unstable_by(|one, other| other.cmp(one));
        let is_reached = newer.len() <= most;
        let told: Vec<u64> = newer.into_iter().chain(older).take(most).collect();
        let (Some(first), Some(last)) = (told.iter().max(), told.iter().min()) else {
            return (told, self);
        };
        let span = if is_reached && self.high > 0 {
            Self { low: self.low.min(*last), high: self.high.max(*first) }
        } else {
            Self { low: *last, high: *first }
        };
        (told, span)
    }
}

/// What one wallet has been told, or has shown that it knows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Told {
    /// Number of its revocation list, as far as is known.
    pub revocations: u32,
    /// How many successors of the root it was told.
    pub roots: u32,
    /// Highest number of an office key that it was told.
    pub key: u32,
    /// Fork proofs that it was told.
    pub forks: Span,
    /// Heads that it was told.
    pub heads: Span,
}

/// A payer that contradicted itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Forked {
    pub(crate) serial: u64,
    /// Who told; none if this wallet found it.
    pub(crate) from: Option<WalletId>,
    /// What convicts it, while there is room to pass it on.
    pub(crate) proof: Option<ForkProof>,
}

/// A payer's newest entry.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Held {
    pub(crate) serial: u64,
    pub(crate) head: Head,
}

/// Everything heard.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Board {
    /// Counts what came in; the newest has the highest.
    serial: u64,
    /// Number of the revocation list reached; it never goes back.
    pub(crate) number: u32,
    /// Who told the last step of it; none if the office did.
    pub(crate) number_from: Option<WalletId>,
    /// Wallets that deltas added to the office's own list, and the number that did.
    pub(crate) revoked: BTreeMap<WalletId, u32>,
    /// The newest deltas, by number.
    pub(crate) deltas: BTreeMap<u32, Signed<RevocationDelta>>,
    /// Payers convicted by a fork proof.
    pub(crate) forked: BTreeMap<WalletId, Forked>,
    /// The newest entry of each payer.
    pub(crate) heads: BTreeMap<WalletId, Held>,
    /// What each wallet was told, and when that was last written.
    told: BTreeMap<WalletId, (u64, Told)>,
}

impl Board {
    fn count(&mut self) -> u64 {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    /// What one of the records about news does.
    pub(crate) fn apply(&mut self, record: &LogRecord) {
        if let LogRecord::Revoked { delta, from } = record {
            self.delta(delta, Some(*from));
        }
        if let LogRecord::Forked { proof, from } = record {
            self.fork(proof.payer.body.wallet(), proof, *from);
        }
        if let LogRecord::HeadHeard(head) = record {
            self.head((**head).clone());
        }
        if let LogRecord::Told { wallet, told } = record {
            self.tell(*wallet, *told);
        }
    }

    /// The office gave a list: what deltas added up to its number is part of it.
    pub(crate) fn list(&mut self, number: u32) {
        if number >= self.number {
            (self.number, self.number_from) = (number, None);
            self.revoked.clear();
        }
    }

    /// Keeps a delta to pass on. One that leads on from the list reached is applied.
    pub(crate) fn delta(&mut self, delta: &Signed<RevocationDelta>, from: Option<WalletId>) {
        let number = delta.body.number;
        let is_next = self.number.checked_add(1) == Some(number);
        if is_next && self.revoked.len().saturating_add(delta.body.added.len()) <= REVOCATIONS_MAX {
            (self.number, self.number_from) = (number, from);
            self.revoked.extend(delta.body.added.iter().map(|wallet| (*wallet, number)));
        }
        if number <= self.number {
            self.deltas.insert(number, delta.clone());
        }
        while self.deltas.len() > DELTAS_MAX {
            self.deltas.pop_first();
        }
    }

    /// Keeps a proof; the first against a payer serves.
    pub(crate) fn fork(&mut self, wallet: WalletId, proof: &ForkProof, from: Option<WalletId>) {
        self.heads.remove(&wallet);
        if self.forked.contains_key(&wallet) || self.forked.len() >= REVOCATIONS_MAX {
            return;
        }
        let serial = self.count();
        self.forked.insert(wallet, Forked { serial, from, proof: Some(proof.clone()) });
        let kept = self.forked.values_mut().filter(|forked| forked.proof.is_some());
        let kept: Vec<&mut Forked> = kept.collect();
        if kept.len() > PROOFS_MAX
            && let Some(oldest) = kept.into_iter().min_by_key(|forked| forked.serial)
        {
            oldest.proof = None;
        }
    }

    /// True if `head` is newer than what is held of its payer, and its payer is not convicted.
    pub(crate) fn is_newer(&self, head: &Head) -> bool {
        let place = |head: &Head| {
            let purse = &head.checkpoint.body;
            (purse.epoch, purse.number, head.agreed.body.seq)
        };
        let wallet = head.checkpoint.body.wallet;
        !self.forked.contains_key(&wallet)
            && self.heads.get(&wallet).is_none_or(|held| place(&held.head) < place(head))
    }

    /// Keeps a head that is newer than the one held. Over the bound, the one goes whose checkpoint
    /// expires first, and of several the oldest.
    pub(crate) fn head(&mut self, head: Head) {
        if !self.is_newer(&head) {
            return;
        }
        let serial = self.count();
        self.heads.insert(head.checkpoint.body.wallet, Held { serial, head });
        if self.heads.len() > HEADS_MAX {
            let age = |held: &Held| (held.head.checkpoint.body.expires, held.serial);
            let first = self.heads.iter().min_by_key(|(_, held)| age(held));
            if let Some(wallet) = first.map(|(wallet, _)| *wallet) {
                self.heads.remove(&wallet);
            }
        }
    }

    /// What `wallet` was told.
    pub(crate) fn told(&self, wallet: &WalletId) -> Option<Told> {
        self.told.get(wallet).map(|(_, told)| *told)
    }

    /// Notes what `wallet` was told. Over the bound, the wallet met longest ago is forgotten: it is
    /// told again.
    pub(crate) fn tell(&mut self, wallet: WalletId, told: Told) {
        let serial = self.count();
        self.told.insert(wallet, (serial, told));
        if self.told.len() > TOLD_MAX {
            let first = self.told.iter().min_by_key(|(_, (serial, _))| *serial);
            if let Some(wallet) = first.map(|(wallet, _)| *wallet) {
                self.told.remove(&wallet);
            }
        }
    }

    /// Forgets heads under which nothing may be paid any more.
    pub(crate) fn prune(&mut self, today: UnixSeconds) {
        self.heads.retain(|_, held| held.head.checkpoint.body.expires >= today);
    }
}
