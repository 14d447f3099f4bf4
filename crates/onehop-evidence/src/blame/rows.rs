//! The table of blame: each row looks at two exhibits that verify (spec §8.2).

use std::collections::BTreeMap;

use onehop_wire::domain::Statement as _;
use onehop_wire::office::{EntryState, Outcome, Sync};
use onehop_wire::{
    Abort, AbortSubject, Agreed, Attachment, Commit, Committed, Exhibit, Hash, OfficeId, TxId,
    WalletId,
};

use super::signers::{Case, Seen};
use super::{Finding, Part, Party, Row};
use crate::fork::{contradiction, contradicts_close};

/// Entries by their hashes, with their payments.
type Entries = BTreeMap<Hash, TxId>;

/// What an exhibit says became of entries of its signer.
#[derive(Default)]
struct Said {
    paid: Entries,
    back: Entries,
}

/// All findings in their order.
pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let said: Vec<Said> = case.seen.iter().map(|seen| said(case, seen)).collect();
    let mut found = Vec::new();
    for (at, (a, a_said)) in case.seen.iter().zip(&said).enumerate() {
        let rest = case.seen.iter().zip(&said).enumerate().skip(at.saturating_add(1));
        for (other, (b, b_said)) in rest {
            let pair = Pair { case, a, b, places: (at, other) };
            found.extend(pair.finding());
            found.extend(pair.paid_and_back(a_said, b_said));
        }
    }
    found.extend(office_keys(case));
    found.sort_by_key(|finding| (finding.row.number(), finding.first, finding.second));
    found
}

/// Two exhibits, the first before the second.
struct Pair<'c, 'a> {
    case: &'c Case<'a>,
    a: &'c Seen<'a>,
    b: &'c Seen<'a>,
    places: (usize, usize),
}

impl Pair<'_, '_> {
    /// Every row but the one about entries paid and released: at most one describes a pair.
    fn finding(&self) -> Option<Finding> {
        use Exhibit as E;
        if self.a.hash == self.b.hash {
            return None;
        }
        match (self.a.exhibit, self.b.exhibit) {
            (E::Agreed(a), E::Agreed(_) | E::Sync(_)) => self.fork(&a.body, self.a.hash, self.b),
            (E::Sync(_), E::Agreed(b)) => self.fork(&b.body, self.b.hash, self.a),
            (E::Commit(commit), E::Abort(abort)) | (E::Abort(abort), E::Commit(commit)) => {
                let (commit, abort) = (&commit.body, &abort.body);
                waived(commit, abort).then(|| self.payee(Row::CommitAndAbort, commit.tx))?
            }
            (E::Commit(a), E::Commit(b)) => {
                let same = payment(&a.body) == payment(&b.body);
                same.then(|| self.payee(Row::TwoCommits, a.body.tx))?
            }
            (E::CommitRequest(a), E::CommitRequest(b)) => {
                let tx = a.body.tx_id();
                (tx == b.body.tx_id()).then(|| self.payee(Row::TwoRequests, tx))?
            }
            (E::Sync(a), E::Sync(b)) => {
                let same = a.body.checkpoint == b.body.checkpoint;
                same.then(|| self.payer(Row::TwoSyncs, None))?
            }
            (E::Outcome(a), E::Outcome(b)) => {
                let tx = Some(a.body.tx);
                self.outcomes(&a.body, &b.body)
                    .then(|| self.by(Row::TwoOutcomes, tx, Party::Office))
            }
            _ => None,
        }
    }

    fn fork(&self, entry: &Agreed, hash: Hash, other: &Seen<'_>) -> Option<Finding> {
        let kind = if let Exhibit::Sync(sync) = other.exhibit {
            contradicts_close((entry, hash), &sync.body)
        } else if let Exhibit::Agreed(second) = other.exhibit {
            contradiction((entry, hash), (&second.body, other.hash))
        } else {
            None
        }?;
        self.payer(Row::Fork(kind), Some(entry.tx))
    }

    /// The office decides each payment of a payer to a payee once.
    fn outcomes(&self, a: &Outcome, b: &Outcome) -> bool {
        if a.tx != b.tx {
            return false;
        }
        if a.entry == b.entry {
            return true;
        }
        let payee = |outcome: &Outcome| {
            let entry = self.case.seen.iter().find(|seen| seen.hash == outcome.entry)?;
            let Exhibit::Agreed(agreed) = entry.exhibit else { return None };
            Some(agreed.body.payee)
        };
        let payee_of_a = payee(a);
        a.checkpoint == b.checkpoint && payee_of_a.is_some() && payee_of_a == payee(b)
    }

    fn paid_and_back(&self, a: &Said, b: &Said) -> Option<Finding> {
        let both = |paid: &Entries, back: &Entries| {
            paid.iter().find(|(entry, _)| back.contains_key(*entry)).map(|(_, tx)| *tx)
        };
        if self.a.hash == self.b.hash {
            return None;
        }
        let tx = both(&a.paid, &b.back).or_else(|| both(&b.paid, &a.back))?;
        self.payer(Row::PaidAndBack, Some(tx))
    }

    /// The one wallet that signed both, if it is one.
    fn signer(&self) -> Option<WalletId> {
        self.a.signer.filter(|signer| self.b.signer == Some(*signer))
    }

    fn payer(&self, row: Row, tx: Option<TxId>) -> Option<Finding> {
        let wallet = self.signer()?;
        let name = self.case.name_of(&wallet);
        Some(self.by(row, tx, Party::Payer { wallet, name }))
    }

    fn payee(&self, row: Row, tx: TxId) -> Option<Finding> {
        let wallet = self.signer()?;
        let name = self.case.name_of(&wallet);
        Some(self.by(row, Some(tx), Party::Payee { wallet, name }))
    }

    const fn by(&self, row: Row, tx: Option<TxId>, guilty: Party) -> Finding {
        let names = (self.a.exhibit.name(), self.b.exhibit.name());
        let (first, second) = (Part::Exhibit(self.places.0), Part::Exhibit(self.places.1));
        Finding { guilty, row, tx, first, second, names }
    }
}

const fn payment(commit: &Commit) -> (&TxId, &WalletId, &WalletId) {
    (&commit.tx, &commit.payer, &commit.payee)
}

/// The ABORT gives up what the COMMIT decided.
fn waived(commit: &Commit, abort: &Abort) -> bool {
    let subject = match abort.subject {
        AbortSubject::Request(_) => true,
        AbortSubject::Agreed(entry) => entry == commit.agreed,
    };
    subject && payment(commit) == (&abort.tx, &abort.payer, &abort.payee)
}

fn said(case: &Case<'_>, seen: &Seen<'_>) -> Said {
    if let Exhibit::Committed(committed) = seen.exhibit {
        let Committed { agreed, tx, .. } = committed.body;
        return Said { paid: Entries::from([(agreed, tx)]), ..Said::default() };
    }
    if let Exhibit::Sync(sync) = seen.exhibit {
        return listed(&case.office, &sync.body);
    }
    let Exhibit::Agreed(agreed) = seen.exhibit else { return Said::default() };
    let named = case.seen.iter().filter(|it| agreed.body.attachments.contains(&it.hash));
    let released = named.filter_map(|it| {
        let Exhibit::Attachment(Attachment::Release(release)) = it.exhibit else { return None };
        Some((release.agreed.hash(&case.office), release.agreed.body.tx))
    });
    Said { back: released.collect(), ..Said::default() }
}

fn listed(office: &OfficeId, sync: &Sync) -> Said {
    let mut said = Said::default();
    for entry in &sync.entries {
        let (hash, tx) = (entry.agreed.body.hash(office), entry.agreed.body.tx);
        match entry.state {
            EntryState::InDoubt => {}
            EntryState::Committed(_) => {
                said.paid.insert(hash, tx);
            }
            EntryState::Aborted(_) | EntryState::Voided(_) => {
                said.back.insert(hash, tx);
            }
        }
    }
    said
}

/// Office keys of one number. They verified, so a root of the office signed them.
fn office_keys(case: &Case<'_>) -> Vec<Finding> {
    let keys = &case.file.office_keys;
    let mut found = Vec::new();
    for (first, a) in keys.iter().enumerate() {
        for (second, b) in keys.iter().enumerate().skip(first.saturating_add(1)) {
            if a.body.number == b.body.number && a.body != b.body {
                found.push(Finding {
                    guilty: Party::Office,
                    row: Row::TwoOfficeKeys,
                    tx: None,
                    first: Part::OfficeKey(first),
                    second: Part::OfficeKey(second),
                    names: ("OFFICE-KEY", "OFFICE-KEY"),
                });
            }
        }
    }
    found
}
