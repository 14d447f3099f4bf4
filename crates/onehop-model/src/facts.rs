//! What is known to everybody for ever: statements that left a device or the office.
//!
//! Devices forget, are put back and prune; a statement that left stays with whoever heard it.

use std::collections::BTreeMap;
use std::sync::Arc;

use onehop_evidence::{contradiction, contradicts_close};
use onehop_wire::office::{OutcomeKind, Sync};
use onehop_wire::{Agreed, Attachment, Hash, TxId};

use crate::bundle::{name_of, name_of_all};

/// One statement that left.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Request {
        tx: TxId,
        epoch: u32,
        number: u64,
        hash: Hash,
    },
    Entry {
        hash: Hash,
        agreed: Box<Agreed>,
        attachments: Arc<Vec<Attachment>>,
    },
    Commit {
        tx: TxId,
        entry: Hash,
        hash: Hash,
    },
    Abort {
        tx: TxId,
        hash: Hash,
    },
    Committed {
        tx: TxId,
    },
    Close {
        hash: Hash,
        sync: Arc<Sync>,
    },
    /// A seller's COMMITTED became durable.
    Credited {
        tx: TxId,
    },
    /// Somebody showed the office the COMMIT.
    Claimed {
        tx: TxId,
    },
    Outcome {
        tx: TxId,
        kind: OutcomeKind,
        hash: Hash,
    },
    /// The office gave out this purse.
    Purse {
        checkpoint: Hash,
        balance: u64,
    },
}

/// One statement, by whom it is, and its name.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) by: usize,
    pub(crate) what: What,
    pub(crate) name: u64,
}

impl Fact {
    pub(crate) fn new(by: usize, what: What) -> Self {
        let of = |kind: u64, hash: &[u8; 32]| name_of_all(&[by as u64, kind, name_of(hash)]);
        let name = match &what {
            What::Request { hash, .. } => of(1, &hash.0),
            What::Entry { hash, .. } => of(2, &hash.0),
            What::Commit { hash, .. } => of(3, &hash.0),
            What::Abort { hash, .. } => of(4, &hash.0),
            What::Committed { tx } => of(5, &tx.0),
            What::Close { hash, .. } => of(6, &hash.0),
            What::Credited { tx } => of(7, &tx.0),
            What::Claimed { tx } => of(8, &tx.0),
            What::Outcome { hash, .. } => of(9, &hash.0),
            What::Purse { checkpoint, .. } => of(10, &checkpoint.0),
        };
        Self { by, what, name }
    }
}

/// All that is known, and what follows from it alone.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    list: Vec<Arc<Fact>>,
    pub(crate) name: u64,
    /// Devices that contradicted themselves as the table of blame has it, forks included.
    pub(crate) contradictory: u8,
    /// Payers whose entries, or an entry and a SYNC, are a fork.
    pub(crate) forked: u8,
    /// Devices of whose checkpoint more was accepted than was there.
    pub(crate) overspent: u8,
    /// Payments with two different OUTCOMEs.
    pub(crate) decided_twice: bool,
}

impl Facts {
    /// These and more; the same if there is nothing new.
    pub(crate) fn with(self: &Arc<Self>, more: &[Arc<Fact>]) -> Arc<Self> {
        let news: Vec<_> = more.iter().filter(|fact| !self.knows(fact.name)).cloned().collect();
        if news.is_empty() {
            return Arc::clone(self);
        }
        let mut list = self.list.clone();
        list.extend(news);
        list.sort_by_key(|fact| fact.name);
        list.dedup_by_key(|fact| fact.name);
        let names: Vec<u64> = list.iter().map(|fact| fact.name).collect();
        let mut facts = Self { list, name: name_of_all(&names), ..Self::default() };
        facts.judge();
        Arc::new(facts)
    }

    fn knows(&self, name: u64) -> bool {
        self.list.binary_search_by_key(&name, |fact| fact.name).is_ok()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &What)> {
        self.list.iter().map(|fact| (fact.by, &fact.what))
    }

    fn judge(&mut self) {
        let mut forked = 0;
        let mut contradictory = 0;
        let list = std::mem::take(&mut self.list);
        for (at, one) in list.iter().enumerate() {
            for other in list.iter().skip(at + 1).filter(|other| other.by == one.by) {
                let bit = 1u8 << one.by.min(7);
                if is_fork(&one.what, &other.what) || is_fork(&other.what, &one.what) {
                    forked |= bit;
                } else if accuse(&one.what, &other.what) || accuse(&other.what, &one.what) {
                    contradictory |= bit;
                }
                let outcomes = (&one.what, &other.what);
                if let (What::Outcome { tx: a, .. }, What::Outcome { tx: b, .. }) = outcomes {
                    self.decided_twice |= a == b;
                }
            }
        }
        self.list = list;
        self.forked = forked;
        self.contradictory = contradictory | forked;
        self.overspent = self.overspenders();
    }

    pub(crate) fn aborted(&self, tx: &TxId) -> bool {
        self.all().any(|(_, what)| matches!(what, What::Abort { tx: other, .. } if other == tx))
    }

    pub(crate) fn claimed(&self, tx: &TxId) -> bool {
        self.all().any(|(_, what)| matches!(what, What::Claimed { tx: other } if other == tx))
    }

    pub(crate) fn credited(&self, by: usize, tx: &TxId) -> bool {
        self.all().any(|(of, what)| {
            of == by && matches!(what, What::Credited { tx: other } if other == tx)
        })
    }

    pub(crate) fn outcome(&self, tx: &TxId) -> Option<OutcomeKind> {
        self.all().find_map(|(_, what)| match what {
            What::Outcome { tx: other, kind, .. } if other == tx => Some(*kind),
            _ => None,
        })
    }

    /// Number and total of the newest entry of `by` under `checkpoint` that left.
    pub(crate) fn newest(&self, by: usize, checkpoint: Hash) -> (u64, u64) {
        let entries = self.all().filter_map(|(of, what)| match what {
            What::Entry { agreed, .. } if of == by && agreed.checkpoint == checkpoint => {
                Some((agreed.seq, agreed.cum_out))
            }
            _ => None,
        });
        entries.max().unwrap_or((0, 0))
    }
}

/// The two are a fork: an entry with another, or with the SYNC that closed its checkpoint.
fn is_fork(one: &What, other: &What) -> bool {
    let What::Entry { hash, agreed, .. } = one else { return false };
    match other {
        What::Entry { hash: b_hash, agreed: b, .. } => {
            contradiction((agreed, *hash), (b, *b_hash)).is_some()
        }
        What::Close { sync, .. } => contradicts_close((agreed, *hash), sync).is_some(),
        _ => false,
    }
}

/// The table of blame (spec §8.2), forks apart, of two statements of one signer.
fn accuse(one: &What, other: &What) -> bool {
    match (one, other) {
        (What::Commit { tx: a, .. }, What::Abort { tx: b, .. }) => a == b,
        (What::Commit { tx: a, hash, .. }, What::Commit { tx: b, hash: c, .. }) => {
            a == b && hash != c
        }
        (
            What::Request { tx: a, epoch, number, hash },
            What::Request { tx: b, epoch: e, number: n, hash: c },
        ) => hash != c && (a == b || (epoch, number) == (e, n)),
        (What::Committed { tx }, What::Entry { attachments, .. }) => {
            attachments.iter().any(|attachment| releases(attachment, tx))
        }
        (What::Close { hash, sync }, What::Close { hash: b_hash, sync: b }) => {
            sync.checkpoint == b.checkpoint && hash != b_hash
        }
        _ => false,
    }
}

fn releases(attachment: &Attachment, tx: &TxId) -> bool {
    match attachment {
        Attachment::Release(release) => release.agreed.body.tx == *tx,
        Attachment::Receipt(_) => false,
    }
}

impl Facts {
    /// Owners of whose checkpoint sellers accepted more than its balance and what backs its entries.
    fn overspenders(&self) -> u8 {
        let mut found = 0;
        for (owner, what) in self.all() {
            let What::Purse { checkpoint, balance } = what else { continue };
            let (mut accepted, mut backing) = (0u64, BTreeMap::new());
            for (of, what) in self.all() {
                let What::Entry { hash, agreed, attachments } = what else { continue };
                if of == owner && agreed.checkpoint == *checkpoint && self.is_accepted(hash) {
                    accepted += agreed.amount;
                    backing.extend(attachments.iter().map(backed_by));
                }
            }
            if accepted > balance + backing.values().sum::<u64>() {
                found |= 1 << owner;
            }
        }
        found
    }
}

fn backed_by(attachment: &Attachment) -> (TxId, u64) {
    match attachment {
        // The money of a release was there from the beginning; it adds nothing to the purse.
        Attachment::Release(release) => (release.agreed.body.tx, 0),
        Attachment::Receipt(claim) => (claim.agreed.body.tx, claim.agreed.body.amount),
    }
}

impl Facts {
    /// A seller committed to this entry and did not waive it.
    fn is_accepted(&self, entry: &Hash) -> bool {
        self.all().any(|(by, what)| match what {
            What::Commit { tx, entry: of, .. } if of == entry => !self.all().any(|(of, what)| {
                of == by && matches!(what, What::Abort { tx: other, .. } if other == tx)
            }),
            _ => false,
        })
    }
}
