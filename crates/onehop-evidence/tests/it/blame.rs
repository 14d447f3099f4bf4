//! Who is to blame: every row of the table, and what comes near one.

use onehop_crypto::SigningKey;
use onehop_evidence::{ForkKind, Judgement, Part, Party, Row, judge};
use onehop_wire::office::{
    EntryState, Outcome, OutcomeKind, Pending, Resolve, Sync, SyncEntry, Transfer,
};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, CaseFile, Commit, CommitRequest, Committed, Exhibit,
    Hash, List, Nonce, Refused, RefusedReason, Released, Signed, Status, UnixSeconds, decode,
    encode,
};

use crate::world::{Chain, World, office_key_body};

/// A payment of the buyer to the seller that went well, and a second one that the seller aborted.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) chain: Chain,
    pub(crate) request: Signed<CommitRequest>,
    pub(crate) paid: Signed<Agreed>,
    pub(crate) commit: Signed<Commit>,
    pub(crate) committed: Signed<Committed>,
    pub(crate) second: Signed<CommitRequest>,
    pub(crate) back: Signed<Agreed>,
    pub(crate) abort: Signed<Abort>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let mut chain = world.chain(&world.buyer.checkpoint);
        let request = world.request(&world.seller, &world.buyer, 735, 1);
        let paid = world.entry(&world.buyer, &mut chain, &request, &[]);
        let commit = world.commit(&world.seller, &world.buyer, &paid, true);
        let committed = world.committed(&world.buyer, &commit);
        let second = world.request(&world.seller, &world.buyer, 400, 2);
        let back = world.entry(&world.buyer, &mut chain, &second, &[]);
        let abort = world.abort(&world.seller, &world.buyer, &back);
        Self { world, chain, request, paid, commit, committed, second, back, abort }
    }

    pub(crate) fn file(&self, exhibits: Vec<Exhibit>) -> CaseFile {
        let World { seller, buyer, third, .. } = &self.world;
        let people = [seller, buyer, third].map(|person| person.certificate.clone());
        CaseFile {
            new_roots: List::empty(),
            office_keys: List::new(vec![self.world.office_key.clone()]).unwrap(),
            certificates: List::new(people.to_vec()).unwrap(),
            exhibits: List::new(exhibits).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn judge(&self, exhibits: Vec<Exhibit>) -> Judgement {
        let file = self.file(exhibits);
        let file: CaseFile = decode(&encode(&file), 1 << 22).unwrap();
        judge(&self.world.root.public(), &file).unwrap()
    }

    /// The one finding on two exhibits; the same in either order.
    #[track_caller]
    pub(crate) fn found(&self, a: &Exhibit, b: &Exhibit) -> Option<(Row, Party)> {
        let both = self.judge(vec![a.clone(), b.clone()]).findings;
        let turned = self.judge(vec![b.clone(), a.clone()]).findings;
        let of = |found: &[onehop_evidence::Finding]| {
            assert!(found.len() < 2, "{found:?}");
            found.first().map(|finding| {
                let exhibits = (Part::Exhibit(0), Part::Exhibit(1));
                assert_eq!((finding.first, finding.second), exhibits);
                (finding.row, finding.guilty.clone())
            })
        };
        assert_eq!(of(&both), of(&turned));
        of(&both)
    }

    pub(crate) fn payer(&self) -> Party {
        Party::Payer { wallet: self.world.buyer.id(), name: "Asha".to_owned() }
    }

    pub(crate) fn payee(&self) -> Party {
        Party::Payee { wallet: self.world.seller.id(), name: "Ravi's Tea Stall".to_owned() }
    }

    pub(crate) fn by_buyer<T: onehop_wire::Statement>(&self, body: T) -> Signed<T> {
        self.world.sign(&self.world.buyer.signer, body)
    }

    pub(crate) fn by_seller<T: onehop_wire::Statement>(&self, body: T) -> Signed<T> {
        self.world.sign(&self.world.seller.signer, body)
    }

    pub(crate) fn sync(
        &self,
        first: EntryState,
        second: EntryState,
        transfer: Transfer,
    ) -> Exhibit {
        let entry = |agreed: &Signed<Agreed>, state| SyncEntry { agreed: agreed.clone(), state };
        let entries = vec![entry(&self.paid, first), entry(&self.back, second)];
        let body = Sync {
            wallet: self.world.buyer.id(),
            checkpoint: self.paid.body.checkpoint,
            seq: 2,
            head: self.back.hash(&self.world.office()),
            cum_out: self.back.body.cum_out,
            entries: List::new(entries).unwrap(),
            aborts: List::empty(),
            transfer,
        };
        Exhibit::Sync(Box::new(self.by_buyer(body)))
    }

    /// The SYNC that an honest buyer would sign.
    pub(crate) fn honest_sync(&self) -> Exhibit {
        let paid = EntryState::Committed(self.commit.clone());
        self.sync(paid, EntryState::Aborted(self.abort.clone()), Transfer::None)
    }

    /// The next entry, to the third wallet, with a release of `agreed`, and that release.
    pub(crate) fn releasing(&self, agreed: &Signed<Agreed>) -> (Exhibit, Exhibit) {
        let World { seller, buyer, third, .. } = &self.world;
        let release = self.world.release(seller, buyer, agreed);
        let request = self.world.request(third, buyer, 10, 3);
        let mut chain = self.chain;
        let attached = std::slice::from_ref(&release);
        let entry = self.world.entry(buyer, &mut chain, &request, attached);
        (Exhibit::Agreed(entry), Exhibit::Attachment(release))
    }

    pub(crate) fn abort_of_request(&self, agreed: &Signed<Agreed>) -> Exhibit {
        let body = Abort {
            tx: agreed.body.tx,
            payer: self.world.buyer.id(),
            payee: self.world.seller.id(),
            subject: AbortSubject::Request(agreed.body.request),
            reason: AbortReason::Expired,
        };
        Exhibit::Abort(self.by_seller(body))
    }

    /// Every statement about both payments that honest people sign.
    pub(crate) fn honest(&self) -> Vec<Exhibit> {
        let World { buyer, seller, .. } = &self.world;
        let office = self.world.office();
        let (tx, agreed) = (self.paid.body.tx, self.paid.hash(&office));
        let (payer, payee, request) = (buyer.id(), seller.id(), self.paid.body.request);
        let status = Status { tx, asker: payer, request, agreed: Some(agreed) };
        let asked = Status { tx, asker: payee, request, agreed: None };
        let resolve = |nonce| Resolve { tx, payer, agreed, nonce: Nonce([nonce; 16]) };
        let released =
            Released { tx: self.back.body.tx, payer, payee, abort: self.abort.hash(&office) };
        let refused = Refused { tx, payer, payee, request, reason: RefusedReason::Declined };
        let pending = |until| Pending { tx, until: UnixSeconds(until), signed_by: 1 };
        let (later, release) = self.releasing(&self.back);
        vec![
            Exhibit::CommitRequest(self.request.clone()),
            Exhibit::Agreed(self.paid.clone()),
            Exhibit::Resolve(self.by_buyer(resolve(1))),
            Exhibit::Resolve(self.by_buyer(resolve(2))),
            Exhibit::Pending(self.world.by_office(pending(1))),
            Exhibit::Pending(self.world.by_office(pending(2))),
            Exhibit::Status(self.by_buyer(status)),
            Exhibit::Status(self.by_seller(asked)),
            Exhibit::Commit(self.commit.clone()),
            Exhibit::Committed(self.committed.clone()),
            Exhibit::CommitRequest(self.second.clone()),
            Exhibit::Agreed(self.back.clone()),
            Exhibit::Abort(self.abort.clone()),
            self.abort_of_request(&self.back),
            Exhibit::Released(self.by_buyer(released)),
            Exhibit::Refused(self.by_buyer(refused)),
            Exhibit::Outcome(self.world.outcome(&self.paid, OutcomeKind::Paid)),
            Exhibit::Outcome(self.world.outcome(&self.back, OutcomeKind::Void)),
            later,
            release,
        ]
    }
}

pub(crate) fn changed<T: onehop_wire::Statement + Clone>(
    bench: &Bench,
    signer: &SigningKey,
    statement: &Signed<T>,
    change: impl FnOnce(&mut T),
) -> Signed<T> {
    let mut body = statement.body.clone();
    change(&mut body);
    bench.world.sign(signer, body)
}

#[test]
fn two_contradictory_entries_convict_their_payer() {
    // [B-7] row 1
    let bench = Bench::new();
    let twin = changed(&bench, &bench.world.buyer.signer, &bench.paid, |body| body.amount += 1);
    let pair = (Exhibit::Agreed(bench.paid.clone()), Exhibit::Agreed(twin));
    let found = bench.found(&pair.0, &pair.1);
    assert_eq!(found, Some((Row::Fork(ForkKind::SameSeq), bench.payer())));
    let late = changed(&bench, &bench.world.buyer.signer, &bench.back, |body| body.seq = 9);
    let closed = bench.honest_sync();
    let found = bench.found(&Exhibit::Agreed(late), &closed);
    assert_eq!(found, Some((Row::Fork(ForkKind::AfterClose), bench.payer())));
    let honest = (Exhibit::Agreed(bench.paid.clone()), Exhibit::Agreed(bench.back.clone()));
    assert_eq!(bench.found(&honest.0, &honest.1), None);
    assert_eq!(bench.found(&honest.0, &closed), None);
}

#[test]
fn commit_and_abort_of_one_payment_convict_its_payee() {
    // [B-7] row 2
    let bench = Bench::new();
    let World { seller, buyer, .. } = &bench.world;
    let commit = Exhibit::Commit(bench.commit.clone());
    let abort = Exhibit::Abort(bench.world.abort(seller, buyer, &bench.paid));
    let guilty = Some((Row::CommitAndAbort, bench.payee()));
    assert_eq!(bench.found(&commit, &abort), guilty);
    assert_eq!(bench.found(&commit, &bench.abort_of_request(&bench.paid)), guilty);
    // Of another payment, another entry of the same payment, or another payer: nobody.
    assert_eq!(bench.found(&commit, &Exhibit::Abort(bench.abort.clone())), None);
    let of = |change: fn(&mut Abort)| {
        let abort = bench.world.abort(seller, buyer, &bench.paid);
        Exhibit::Abort(changed(&bench, &seller.signer, &abort, change))
    };
    let other_vote = of(|body| body.subject = AbortSubject::Agreed(Hash([7; 32])));
    assert_eq!(bench.found(&commit, &other_vote), None);
    assert_eq!(bench.found(&commit, &of(|body| body.payer.0[0] ^= 1)), None);
    assert_eq!(bench.found(&commit, &of(|body| body.tx.0[0] ^= 1)), None);
}

#[test]
fn two_commits_of_one_payment_convict_its_payee() {
    // [B-7] row 3
    let bench = Bench::new();
    let World { seller, buyer, .. } = &bench.world;
    let commit = Exhibit::Commit(bench.commit.clone());
    let other = Exhibit::Commit(bench.world.commit(seller, buyer, &bench.paid, false));
    assert_eq!(bench.found(&commit, &other), Some((Row::TwoCommits, bench.payee())));
    assert_eq!(bench.found(&commit, &commit), None);
    let of_other = Exhibit::Commit(bench.world.commit(seller, buyer, &bench.back, true));
    assert_eq!(bench.found(&commit, &of_other), None);
}

#[test]
fn an_entry_that_is_paid_and_came_back_convicts_its_payer() {
    // [B-7] row 4
    let bench = Bench::new();
    let guilty = Some((Row::PaidAndBack, bench.payer()));
    let waiver = Exhibit::Committed(bench.committed.clone());
    let in_doubt = || EntryState::InDoubt;
    let World { seller, buyer, .. } = &bench.world;
    let abort = bench.world.abort(seller, buyer, &bench.paid);
    let void = bench.world.outcome(&bench.paid, OutcomeKind::Void);
    for state in [EntryState::Aborted(abort), EntryState::Voided(void)] {
        let sync = bench.sync(state, in_doubt(), Transfer::None);
        assert_eq!(bench.found(&waiver, &sync), guilty);
    }
    let doubting = bench.sync(in_doubt(), in_doubt(), Transfer::None);
    assert_eq!(bench.found(&waiver, &doubting), None);
    assert_eq!(bench.found(&waiver, &bench.honest_sync()), None);

    let (later, release) = bench.releasing(&bench.paid);
    let paid = Exhibit::Sync(Box::new(early_sync(&bench)));
    for waiver in [&waiver, &paid] {
        let found = bench.judge(vec![later.clone(), waiver.clone(), release.clone()]).findings;
        let rows: Vec<Row> = found.iter().map(|finding| finding.row).collect();
        assert_eq!(rows.last(), Some(&Row::PaidAndBack), "{found:?}");
        assert!(found.iter().all(|finding| finding.guilty == bench.payer()));
    }
    // Without the attachment itself nobody knows what its hash names.
    assert_eq!(bench.judge(vec![later, waiver.clone()]), Judgement::default());
    let (later, release) = bench.releasing(&bench.back);
    assert_eq!(bench.judge(vec![later, waiver, release]), Judgement::default());
}

/// A SYNC that says of the first entry that it is paid, and leaves out what came after.
fn early_sync(bench: &Bench) -> Signed<Sync> {
    let state = EntryState::Committed(bench.commit.clone());
    let entry = SyncEntry { agreed: bench.paid.clone(), state };
    bench.by_buyer(Sync {
        wallet: bench.world.buyer.id(),
        checkpoint: bench.paid.body.checkpoint,
        seq: 1,
        head: bench.paid.hash(&bench.world.office()),
        cum_out: bench.paid.body.cum_out,
        entries: List::new(vec![entry]).unwrap(),
        aborts: List::empty(),
        transfer: Transfer::None,
    })
}

#[test]
fn two_requests_of_one_payment_convict_its_payee() {
    // [B-7] row 5
    let bench = Bench::new();
    let signer = &bench.world.seller.signer;
    let dearer = changed(&bench, signer, &bench.request, |body| body.amount += 1);
    let request = Exhibit::CommitRequest(bench.request.clone());
    let found = bench.found(&request, &Exhibit::CommitRequest(dearer));
    assert_eq!(found, Some((Row::TwoRequests, bench.payee())));
    let next = changed(&bench, signer, &bench.request, |body| body.seller_nonce.0[0] ^= 1);
    assert_eq!(bench.found(&request, &Exhibit::CommitRequest(next)), None);
}

#[test]
fn two_ends_of_one_checkpoint_convict_its_payer() {
    // [B-7] row 6
    let bench = Bench::new();
    let (a, b) = (|| EntryState::InDoubt, || EntryState::InDoubt);
    let sync = bench.sync(a(), b(), Transfer::None);
    let other = bench.sync(a(), b(), Transfer::Charge(1));
    assert_eq!(bench.found(&sync, &other), Some((Row::TwoSyncs, bench.payer())));
    assert_eq!(bench.found(&sync, &sync), None);
    let Exhibit::Sync(statement) = &sync else { unreachable!() };
    let elsewhere = changed(&bench, &bench.world.buyer.signer, statement, |body| {
        body.checkpoint = Hash([7; 32]);
    });
    assert_eq!(bench.found(&sync, &Exhibit::Sync(Box::new(elsewhere))), None);
}

#[test]
fn two_outcomes_of_one_payment_convict_the_office() {
    // [B-7] row 7
    let bench = Bench::new();
    let outcome =
        |agreed: &Signed<Agreed>, kind| Exhibit::Outcome(bench.world.outcome(agreed, kind));
    let (paid, void) = (OutcomeKind::Paid, OutcomeKind::Void);
    let guilty = Some((Row::TwoOutcomes, Party::Office));
    let first = outcome(&bench.paid, paid);
    assert_eq!(bench.found(&first, &outcome(&bench.paid, void)), guilty);
    let by_other_key = Exhibit::Outcome(
        bench.world.by_office(Outcome { amount: 1, ..bench.world.outcome(&bench.paid, paid).body }),
    );
    assert_eq!(bench.found(&first, &by_other_key), guilty);
    assert_eq!(bench.found(&first, &outcome(&bench.back, void)), None);

    // Two entries of one payment: the office decides it once.
    let World { buyer, third, .. } = &bench.world;
    let tx = bench.paid.body.tx;
    let vote = |change: &dyn Fn(&mut Agreed)| {
        changed(&bench, &buyer.signer, &bench.back, |body| {
            body.tx = tx;
            change(body);
        })
    };
    let of_both = |other: &Signed<Agreed>| {
        let shown = [&bench.paid, other].map(|agreed| Exhibit::Agreed(agreed.clone()));
        let mut exhibits = shown.to_vec();
        exhibits.extend([first.clone(), outcome(other, void)]);
        bench.judge(exhibits).findings
    };
    let found = of_both(&vote(&|_| {}));
    let parts: Vec<_> = found.iter().map(|it| (it.row, it.first, it.second)).collect();
    assert_eq!(parts, [(Row::TwoOutcomes, Part::Exhibit(2), Part::Exhibit(3))]);
    // To another payee, or of another payer's checkpoint: two payments that share a number.
    assert_eq!(of_both(&vote(&|body| body.payee = third.id())), []);
    assert_eq!(of_both(&vote(&|body| body.checkpoint = Hash([7; 32]))), []);
    // Not shown, or shown as somebody else's copy of the same body: it is the body that counts.
    let other = outcome(&vote(&|_| {}), void);
    assert_eq!(bench.found(&first, &other), None);
}

#[test]
fn two_keys_of_one_number_convict_the_office_and_what_either_signed_is_verified() {
    // [B-7] row 8 [B-12]
    let bench = Bench::new();
    let signer = SigningKey::from_seed(&[9; 32]);
    let twin = bench.world.sign(&bench.world.root, office_key_body(1, &signer));
    let void = bench.world.outcome(&bench.paid, OutcomeKind::Void).body;
    let void = Exhibit::Outcome(bench.world.sign(&signer, void));
    let paid = Exhibit::Outcome(bench.world.outcome(&bench.paid, OutcomeKind::Paid));
    for keys in [[&bench.world.office_key, &twin], [&twin, &bench.world.office_key]] {
        let mut file = bench.file(vec![paid.clone(), void.clone()]);
        file.office_keys = List::new(keys.map(Clone::clone).to_vec()).unwrap();
        let found = judge(&bench.world.root.public(), &file).unwrap().findings;
        let rows: Vec<_> = found.iter().map(|it| (it.row, it.first, it.second)).collect();
        let outcomes = (Row::TwoOutcomes, Part::Exhibit(0), Part::Exhibit(1));
        let keys = (Row::TwoOfficeKeys, Part::OfficeKey(0), Part::OfficeKey(1));
        assert_eq!(rows, [outcomes, keys]);
        assert!(found.iter().all(|it| it.guilty == Party::Office));
    }
    let mut file = bench.file(vec![void]);
    let fault = judge(&bench.world.root.public(), &file).unwrap_err();
    assert_eq!(fault.part(), Part::Exhibit(0), "{fault}");
    file.office_keys = List::new(vec![bench.world.office_key.clone(); 2]).unwrap();
    file.exhibits = List::empty();
    assert_eq!(judge(&bench.world.root.public(), &file), Ok(Judgement::default()));
}

#[test]
fn findings_come_by_row_and_place_and_each_is_a_sentence() {
    // [B-13]
    let bench = Bench::new();
    let World { seller, buyer, .. } = &bench.world;
    let twin = changed(&bench, &buyer.signer, &bench.paid, |body| body.amount += 1);
    let found = bench.judge(vec![
        Exhibit::Abort(bench.world.abort(seller, buyer, &bench.paid)),
        Exhibit::Commit(bench.commit.clone()),
        Exhibit::Commit(bench.world.commit(seller, buyer, &bench.paid, false)),
        Exhibit::Agreed(twin),
        Exhibit::Agreed(bench.paid.clone()),
    ]);
    let (tx, payer, payee) = (bench.paid.body.tx.short(), buyer.id(), seller.id());
    let said: Vec<String> = found.findings.iter().map(ToString::to_string).collect();
    let ravi = format!("the payee \"Ravi's Tea Stall\" ({payee}) is guilty: it signed");
    let expected = [
        format!(
            "the payer \"Asha\" ({payer}) is guilty: two different entries have the same number, \
             payment {tx} (exhibit 3 AGREED, exhibit 4 AGREED)"
        ),
        format!("{ravi} both COMMIT and ABORT, payment {tx} (exhibit 0 ABORT, exhibit 1 COMMIT)"),
        format!("{ravi} both COMMIT and ABORT, payment {tx} (exhibit 0 ABORT, exhibit 2 COMMIT)"),
        format!("{ravi} two different COMMITs, payment {tx} (exhibit 1 COMMIT, exhibit 2 COMMIT)"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_honest_people_sign_convicts_nobody() {
    // [B-8]
    let bench = Bench::new();
    assert_eq!(bench.judge(bench.honest()), Judgement::default());
}
