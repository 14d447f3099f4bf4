//! judgements.json: case files and who is guilty in them, or the part for which they are refused.

use onehop_crypto::SigningKey;
use onehop_evidence::{Party, judge};
use onehop_wire::office::{EntryState, NewRoot, OutcomeKind, Sync, Transfer};
use onehop_wire::{
    Abort, AbortSubject, Agreed, CaseFile, Exhibit, Hash, Signed, Statement, UnixSeconds,
};
use serde_json::{Value, json};

use super::readable::{Case, bytes, hex};
use super::samples::{Samples, list};
use super::world::{World, office_key_body};

/// A case file, and what should come of it: the rows, or the part that does not verify.
struct Shown {
    name: &'static str,
    file: CaseFile,
    expected: Result<&'static [u8], &'static str>,
}

pub(crate) fn cases(world: &World) -> anyhow::Result<Vec<Case>> {
    let of = Samples::new(world);
    let bench = Bench { world, of: &of };
    let mut shown = bench.honest();
    shown.extend(bench.wallets());
    shown.extend(bench.came_back());
    shown.extend(bench.office());
    shown.extend(bench.refused());
    shown.iter().map(|shown| case(world, shown)).collect()
}

fn case(world: &World, Shown { name, file, expected }: &Shown) -> anyhow::Result<Case> {
    let case = Case::new(*name).with("root", hex(world.root.public().0)).with("file", bytes(file));
    match judge(&world.root.public(), file) {
        Ok(judgement) => {
            let rows: Vec<u8> =
                judgement.findings.iter().map(|finding| finding.row.number()).collect();
            anyhow::ensure!(*expected == Ok(&rows), "{name}: rows {rows:?}");
            let findings: Vec<Value> = judgement.findings.iter().map(finding).collect();
            Ok(case.with("findings", findings))
        }
        Err(fault) => {
            let part = fault.part().to_string();
            anyhow::ensure!(*expected == Err(&part), "{name}: {fault}");
            Ok(case.with("refused", part))
        }
    }
}

fn finding(finding: &onehop_evidence::Finding) -> Value {
    let place = |part: onehop_evidence::Part| {
        part.to_string().rsplit(' ').next().unwrap_or_default().to_owned()
    };
    let guilty = match &finding.guilty {
        Party::Payer { wallet, .. } | Party::Payee { wallet, .. } => json!(wallet.to_string()),
        Party::Office => Value::Null,
    };
    json!({
        "row": finding.row.number().to_string(),
        "guilty": guilty,
        "first": place(finding.first),
        "second": place(finding.second),
    })
}

/// Two payments of the buyer to the seller, the second aborted, and what else could be said of them.
struct Bench<'a> {
    world: &'a World,
    of: &'a Samples,
}

/// Everything but SYNC that honest people sign about both payments.
pub(crate) fn honest(world: &World, of: &Samples) -> Vec<Exhibit> {
    vec![
        Exhibit::CommitRequest(of.request.clone()),
        Exhibit::Agreed(of.agreed.clone()),
        Exhibit::Resolve(of.resolve.clone()),
        Exhibit::Pending(of.pending.clone()),
        Exhibit::Status(of.status.clone()),
        Exhibit::Commit(of.commit.clone()),
        Exhibit::Committed(of.committed.clone()),
        Exhibit::Outcome(world.outcome(&of.agreed, OutcomeKind::Paid)),
        Exhibit::Agreed(of.aborted.clone()),
        Exhibit::Refused(of.refused.clone()),
        Exhibit::Abort(of.abort.clone()),
        Exhibit::Abort(of.abort_of_request.clone()),
        Exhibit::Released(of.released.clone()),
        Exhibit::Outcome(world.outcome(&of.aborted, OutcomeKind::Void)),
        Exhibit::Sync(Box::new(of.sync.clone())),
        Exhibit::Agreed(of.onward.clone()),
        Exhibit::Attachment(of.receipt.clone()),
    ]
}

/// A case file of these exhibits, with the certificates of all three people.
pub(crate) fn case_file(world: &World, exhibits: Vec<Exhibit>) -> CaseFile {
    let people = [&world.seller, &world.buyer, &world.third];
    CaseFile {
        new_roots: list(Vec::new()),
        office_keys: list(vec![world.office_key.clone()]),
        certificates: list(people.map(|person| person.certificate.clone()).to_vec()),
        exhibits: list(exhibits),
    }
}

impl Bench<'_> {
    fn shown(&self, name: &'static str, rows: &'static [u8], exhibits: Vec<Exhibit>) -> Shown {
        Shown { name, file: case_file(self.world, exhibits), expected: Ok(rows) }
    }

    /// The buyer signs what a statement says once `change` was made to it.
    fn buyer<T: Statement + Clone>(
        &self,
        statement: &Signed<T>,
        change: impl FnOnce(&mut T),
    ) -> Signed<T> {
        let mut body = statement.body.clone();
        change(&mut body);
        self.world.sign(&self.world.buyer.signer, body)
    }

    fn seller<T: Statement + Clone>(
        &self,
        statement: &Signed<T>,
        change: impl FnOnce(&mut T),
    ) -> Signed<T> {
        let mut body = statement.body.clone();
        change(&mut body);
        self.world.sign(&self.world.seller.signer, body)
    }

    fn honest(&self) -> Vec<Shown> {
        let all = honest(self.world, self.of);
        vec![
            self.shown("nobody: nothing is shown", &[], Vec::new()),
            self.shown("nobody: all that honest people sign", &[], all),
        ]
    }

    fn wallets(&self) -> Vec<Shown> {
        let Self { world, of } = self;
        let World { seller, buyer, .. } = world;
        let agreed = |agreed: &Signed<Agreed>| Exhibit::Agreed(agreed.clone());
        let twin = Exhibit::Agreed(self.buyer(&of.agreed, |body| body.amount = 736));
        let late = self.buyer(&of.agreed, |body| body.seq = 3);
        let sync = Exhibit::Sync(Box::new(of.sync.clone()));
        let commit = Exhibit::Commit(of.commit.clone());
        let abort = world.abort(seller, buyer, &of.agreed);
        let of_request = |body: &mut Abort| {
            body.subject = AbortSubject::Request(of.agreed.body.request);
        };
        let of_other = |body: &mut Abort| body.subject = AbortSubject::Agreed(Hash([7; 32]));
        let by_request = Exhibit::Abort(self.seller(&abort, of_request));
        let by_other = Exhibit::Abort(self.seller(&abort, of_other));
        let abort = Exhibit::Abort(abort);
        let second = Exhibit::Commit(world.commit(seller, buyer, &of.agreed, false));
        let request = Exhibit::CommitRequest(of.request.clone());
        let dearer = Exhibit::CommitRequest(self.seller(&of.request, |body| body.amount += 1));
        let charged = |body: &mut Sync| body.transfer = Transfer::None;
        let other_end = Exhibit::Sync(Box::new(self.buyer(&of.sync, charged)));
        let forged_twin = Exhibit::Agreed(self.seller(&of.agreed, |body| body.amount = 736));
        let all = vec![abort.clone(), commit.clone(), second.clone(), twin.clone()];
        vec![
            self.shown("row 1: two entries of one number", &[1], vec![agreed(&of.agreed), twin]),
            self.shown("row 1: an entry after the end", &[1], vec![sync.clone(), agreed(&late)]),
            self.shown(
                "nobody: an entry of the payer, and one under its checkpoint by another wallet",
                &[],
                vec![agreed(&of.agreed), forged_twin],
            ),
            self.shown("row 2: COMMIT and ABORT", &[2], vec![commit.clone(), abort]),
            self.shown(
                "row 2: COMMIT and ABORT of the request",
                &[2],
                vec![by_request, commit.clone()],
            ),
            self.shown(
                "nobody: COMMIT and ABORT of another AGREED",
                &[],
                vec![commit.clone(), by_other],
            ),
            self.shown("row 3: two COMMITs", &[3], vec![commit, second]),
            self.shown("row 5: two requests", &[5], vec![request, dearer]),
            self.shown("row 6: two SYNCs", &[6], vec![sync, other_end]),
            self.shown("rows 2 and 3: several findings", &[2, 2, 3], all),
        ]
    }

    fn came_back(&self) -> Vec<Shown> {
        let Self { world, of } = self;
        let World { seller, buyer, third, .. } = world;
        let waiver = Exhibit::Committed(of.committed.clone());
        let with = |state: EntryState| {
            Exhibit::Sync(Box::new(self.buyer(&of.sync, |body| {
                let mut entries = body.entries.to_vec();
                if let Some(first) = entries.first_mut() {
                    first.state = state;
                }
                body.entries = list(entries);
            })))
        };
        let aborted = with(EntryState::Aborted(world.abort(seller, buyer, &of.agreed)));
        let voided = with(EntryState::Voided(world.outcome(&of.agreed, OutcomeKind::Void)));
        let doubted = with(EntryState::InDoubt);
        let later = |release: &onehop_wire::Attachment| {
            let mut chain = world.chain(&buyer.checkpoint);
            (chain.seq, chain.cum_out) = (2, of.aborted.body.cum_out);
            chain.head = of.aborted.hash(&world.office());
            let request = world.request(third, buyer, 10, 4);
            world.entry(buyer, &mut chain, &request, std::slice::from_ref(release))
        };
        let release = world.release(seller, buyer, &of.agreed);
        let spent = Exhibit::Agreed(later(&release));
        let of_other = Exhibit::Agreed(later(&of.release));
        let attached = Exhibit::Attachment(release);
        let other = Exhibit::Attachment(of.release.clone());
        let kept = waiver.clone();
        vec![
            self.shown("row 4: COMMITTED and a SYNC with ABORT", &[4], vec![kept, aborted]),
            self.shown("row 4: COMMITTED and a SYNC with VOID", &[4], vec![voided, waiver.clone()]),
            self.shown("nobody: COMMITTED and a SYNC in doubt", &[], vec![waiver.clone(), doubted]),
            self.shown(
                "row 4: COMMITTED and a release that was spent",
                &[4],
                vec![waiver.clone(), attached, spent.clone()],
            ),
            self.shown(
                "nobody: COMMITTED and a hash that nobody explains",
                &[],
                vec![waiver.clone(), spent],
            ),
            self.shown(
                "nobody: COMMITTED of one payment and a release of another",
                &[],
                vec![waiver, other, of_other],
            ),
        ]
    }

    fn office(&self) -> Vec<Shown> {
        let Self { world, of } = self;
        let outcome = |agreed: &Signed<Agreed>, kind| Exhibit::Outcome(world.outcome(agreed, kind));
        let (paid, void) = (OutcomeKind::Paid, OutcomeKind::Void);
        let first = outcome(&of.agreed, paid);
        let same_tx = |change: &dyn Fn(&mut Agreed)| {
            self.buyer(&of.aborted, |body| {
                body.tx = of.agreed.body.tx;
                change(body);
            })
        };
        let both = |other: &Signed<Agreed>| {
            let entries = [&of.agreed, other].map(|agreed| Exhibit::Agreed(agreed.clone()));
            [entries.to_vec(), vec![first.clone(), outcome(other, void)]].concat()
        };
        let third = world.third.id();
        let to_third = same_tx(&|body| body.payee = third);
        let signer = SigningKey::from_seed(&[0x04; 32]);
        let twin = world.sign(&world.root, office_key_body(1, &signer));
        let by_twin = world.sign(&signer, world.outcome(&of.agreed, void).body);
        let mut keys = self.shown(
            "rows 7 and 8: two office keys of one number, and an outcome by each",
            &[7, 8],
            vec![first.clone(), Exhibit::Outcome(by_twin)],
        );
        keys.file.office_keys = list(vec![world.office_key.clone(), twin]);
        let disputed = outcome(&of.agreed, OutcomeKind::Disputed(Hash([0xdd; 32])));
        let announced =
            NewRoot { number: 1, root: signer.public(), from: UnixSeconds(super::world::NEW_YEAR) };
        let mut renewed = self.shown("nobody: an office with a new root", &[], vec![first.clone()]);
        renewed.file.new_roots = list(vec![world.sign(&world.root, announced)]);
        renewed.file.office_keys = list(vec![world.sign(&signer, world.office_key.body.clone())]);
        vec![
            self.shown("nobody: an outcome that disputes", &[], vec![disputed]),
            self.shown("row 7: two outcomes", &[7], vec![first.clone(), outcome(&of.agreed, void)]),
            self.shown("row 7: two entries of one payment", &[7], both(&same_tx(&|_| {}))),
            self.shown("nobody: one tx to two payees", &[], both(&to_third)),
            keys,
            renewed,
        ]
    }

    fn refused(&self) -> Vec<Shown> {
        let Self { world, of } = self;
        let with = |name, part, change: &dyn Fn(&mut CaseFile)| {
            let mut file = case_file(world, vec![Exhibit::Commit(of.commit.clone())]);
            change(&mut file);
            Shown { name, file, expected: Err(part) }
        };
        let signer = SigningKey::from_seed(&[0x03; 32]);
        let unsigned = world.sign(&signer, of.new_root.body.clone());
        let key = world.sign(&signer, world.office_key.body.clone());
        let old = Signed {
            body: onehop_wire::Certificate {
                not_before: UnixSeconds(1),
                ..world.buyer.certificate.body.clone()
            },
            ..world.buyer.certificate.clone()
        };
        let old = world.by_office(old.body);
        let forged = self.buyer(&of.commit, |_| {});
        let elsewhere = *onehop_crypto::Trust::new(signer.public()).office();
        let elsewhere = world.seller.signer.sign(&elsewhere, of.commit.body.clone()).into_signed();
        vec![
            with("refused: a new root that no root announced", "new root 0", &|file| {
                file.new_roots = list(vec![unsigned.clone()]);
            }),
            with("refused: an office key of no root", "office key 1", &|file| {
                file.office_keys = list(vec![world.office_key.clone(), key.clone()]);
            }),
            with("refused: no office key", "certificate 0", &|file| {
                file.office_keys = list(Vec::new());
            }),
            with("refused: a certificate older than its office key", "certificate 0", &|file| {
                file.certificates = list(vec![old.clone()]);
            }),
            with("refused: a COMMIT that the payer signed", "exhibit 0", &|file| {
                file.exhibits = list(vec![Exhibit::Commit(forged.clone())]);
            }),
            with("refused: a COMMIT within another office", "exhibit 0", &|file| {
                file.exhibits = list(vec![Exhibit::Commit(elsewhere.clone())]);
            }),
            with("refused: no certificate of the signer", "exhibit 0", &|file| {
                file.certificates = list(vec![world.third.certificate.clone()]);
            }),
            with("refused: an attachment that no entry names", "exhibit 1", &|file| {
                let release = Exhibit::Attachment(of.release.clone());
                file.exhibits = list(vec![Exhibit::Agreed(of.agreed.clone()), release]);
            }),
        ]
    }
}
