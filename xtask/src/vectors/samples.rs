//! One value of each statement and message, made by the people of [`World`].

use onehop_wire::domain::wallet_id;
use onehop_wire::evidence::{ForkProof, ReceiptFile, Second};
use onehop_wire::office::{
    ClaimAnswer, ClaimBundle, Enrol, EnrolAnswer, EntryState, NewRoot, OfficeRequest, OutcomeKind,
    Pending, Resolve, ResolveRequest, RevocationDelta, Revocations, Sync, SyncAnswer, SyncEntry,
    Transfer, TransferResult, Verdict,
};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, Attachment, Claim, Class, Commit, CommitRequest,
    Committed, Hash, Head, LimitName, List, News, NewsItem, Nonce, PublicKey, Refused,
    RefusedReason, Released, Signed, Status, UnixSeconds, WalletId,
};

use super::world::{NEW_YEAR, Person, World, office_key_body, text};

/// A payment of the buyer to the seller and what came of it, besides one that was let go.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) request: Signed<CommitRequest>,
    pub(crate) agreed: Signed<Agreed>,
    pub(crate) commit: Signed<Commit>,
    pub(crate) committed: Signed<Committed>,
    pub(crate) claim: Claim,
    /// A second entry, which the seller aborted.
    pub(crate) aborted: Signed<Agreed>,
    pub(crate) abort: Signed<Abort>,
    pub(crate) abort_of_request: Signed<Abort>,
    pub(crate) released: Signed<Released>,
    pub(crate) refused: Signed<Refused>,
    pub(crate) over_limit: Signed<Refused>,
    pub(crate) over_refund: Signed<Refused>,
    /// The buyer asks the seller for a part of the first payment back.
    pub(crate) refund_request: Signed<CommitRequest>,
    pub(crate) refund: Signed<Agreed>,
    pub(crate) status: Signed<Status>,
    pub(crate) status_of_request: Signed<Status>,
    /// Of the second entry, by the seller.
    pub(crate) release: Attachment,
    /// Of the second entry, by the office.
    pub(crate) voided: Attachment,
    /// The first payment, as the seller may spend it on.
    pub(crate) receipt: Attachment,
    /// Pays the third wallet with the receipt.
    pub(crate) onward: Signed<Agreed>,
    pub(crate) sync: Signed<Sync>,
    pub(crate) enrol: Signed<Enrol>,
    pub(crate) resolve: Signed<Resolve>,
    pub(crate) revocations: Signed<Revocations>,
    pub(crate) delta: Signed<RevocationDelta>,
    pub(crate) pending: Signed<Pending>,
    pub(crate) new_root: Signed<NewRoot>,
}

impl Samples {
    pub(crate) fn new(world: &World) -> Self {
        let World { seller, buyer, third, .. } = world;
        let office = world.office();
        let mut chain = world.chain(&buyer.checkpoint);
        let request = world.request(seller, buyer, 735, 1);
        let agreed = world.entry(buyer, &mut chain, &request, &[]);
        let commit = world.commit(seller, buyer, &agreed, true);
        let committed = world.committed(buyer, &commit);
        let aborted_request = world.request(seller, buyer, 20_000, 2);
        let aborted = world.entry(buyer, &mut chain, &aborted_request, &[]);
        let abort = world.abort(seller, buyer, &aborted);
        let subject = AbortSubject::Request(aborted_request.hash(&office));
        let of_request = Abort { subject, reason: AbortReason::Expired, ..abort.body.clone() };
        let released = Released {
            tx: abort.body.tx,
            payer: buyer.id(),
            payee: seller.id(),
            abort: abort.hash(&office),
        };
        let refused = |reason| refused(world, &aborted_request, reason);
        let receipt = Attachment::Receipt(Box::new(world.receipt(seller, buyer, &agreed, &[])));
        let onward_request = world.request(third, seller, 500, 3);
        let mut sellers = world.chain(&seller.checkpoint);
        sellers.cum_in = agreed.body.amount;
        let onward =
            world.entry(seller, &mut sellers, &onward_request, std::slice::from_ref(&receipt));
        let mut back = world.request(buyer, seller, 500, 4).body;
        back.refund_of = Some(agreed.body.tx);
        let refund_request = world.sign(&buyer.signer, back);
        let status = |agreed| status(world, &request, agreed);
        Self {
            claim: world.receipt(seller, buyer, &agreed, &[]),
            release: world.release(seller, buyer, &aborted),
            voided: world.voided(&aborted),
            abort_of_request: world.sign(&seller.signer, of_request),
            released: world.sign(&buyer.signer, released),
            refused: refused(RefusedReason::Declined),
            over_limit: refused(RefusedReason::OverLimit {
                name: LimitName::PerPayment,
                limit: 50_000,
            }),
            over_refund: refused(RefusedReason::Refund { left: 235 }),
            refund: world.entry(seller, &mut world.chain(&seller.checkpoint), &refund_request, &[]),
            refund_request,
            status: status(Some(agreed.hash(&office))),
            status_of_request: status(None),
            sync: sync(world, &[&agreed, &aborted], &commit, &abort),
            enrol: world.sign(&buyer.signer, enrol(buyer, "Asha")),
            resolve: world.sign(&buyer.signer, resolve(buyer, &agreed.body, agreed.hash(&office))),
            revocations: world.by_office(revocations()),
            delta: world.by_office(delta()),
            pending: world.by_office(Pending {
                tx: agreed.body.tx,
                until: agreed.body.redeem_by,
                signed_by: 1,
            }),
            new_root: world.sign(&world.root, new_root()),
            request,
            agreed,
            commit,
            committed,
            aborted,
            abort,
            receipt,
            onward,
        }
    }

    pub(crate) fn enrol_answer(&self, world: &World) -> EnrolAnswer {
        EnrolAnswer {
            new_roots: list(Vec::new()),
            office_key: world.office_key.clone(),
            certificate: world.buyer.certificate.clone(),
            checkpoint: world.buyer.checkpoint.clone(),
        }
    }

    pub(crate) fn sync_answer(&self, world: &World) -> SyncAnswer {
        let next = super::world::Chain {
            seq: self.sync.body.seq,
            head: self.sync.body.head,
            cum_out: self.sync.body.cum_out,
            ..world.chain(&world.buyer.checkpoint)
        };
        SyncAnswer {
            sync: self.sync.hash(&world.office()),
            office_keys: list(vec![world.office_key.clone()]),
            certificate: world.buyer.certificate.clone(),
            checkpoint: world.by_office(next_checkpoint(&world.buyer, &next)),
            transfer: TransferResult::Refused(text(
                "the account has 0.00 INR, asked were 1.00 INR",
            )),
            revocations: self.revocations.clone(),
            deltas: list(vec![self.delta.clone()]),
            new_roots: list(vec![self.new_root.clone()]),
            outcomes: list(vec![
                world.outcome(&self.agreed, OutcomeKind::Paid),
                world.outcome(&self.aborted, OutcomeKind::Void),
            ]),
        }
    }

    /// One item of each kind.
    pub(crate) fn news(&self, world: &World) -> News {
        let proof = self.fork_proofs(world).into_iter().next().map(|(_, proof)| proof);
        let head = Head {
            payer: world.buyer.certificate.clone(),
            checkpoint: world.buyer.checkpoint.clone(),
            agreed: self.agreed.clone(),
        };
        let mut items = vec![
            NewsItem::Root(self.new_root.clone()),
            NewsItem::Key(second_office_key(world)),
            NewsItem::Delta(self.delta.clone()),
        ];
        items.extend(proof.map(|proof| NewsItem::Fork(Box::new(proof))));
        items.push(NewsItem::Head(Box::new(head)));
        News { revocations: 1, items: list(items) }
    }

    pub(crate) fn resolve_request(&self) -> ResolveRequest {
        ResolveRequest {
            resolve: self.resolve.clone(),
            request: self.request.clone(),
            agreed: self.agreed.clone(),
            abort: Some(self.abort.clone()),
        }
    }

    pub(crate) fn claim_bundle(&self) -> ClaimBundle {
        ClaimBundle { claims: list(vec![self.claim.clone()]) }
    }

    pub(crate) fn claim_answer(&self, world: &World) -> ClaimAnswer {
        let disputed = OutcomeKind::Disputed(Hash([0xdd; 32]));
        ClaimAnswer {
            verdicts: list(vec![
                Verdict::Outcome(world.outcome(&self.agreed, disputed)),
                Verdict::Pending(self.pending.clone()),
                Verdict::Refused(text("the claim is not signed")),
            ]),
        }
    }

    pub(crate) fn receipt_file(&self, world: &World) -> ReceiptFile {
        ReceiptFile {
            office_keys: list(vec![world.office_key.clone()]),
            payee: world.seller.certificate.clone(),
            claim: self.claim.clone(),
        }
    }

    /// Two entries of one number, and an entry after the end.
    pub(crate) fn fork_proofs(&self, world: &World) -> [(&'static str, ForkProof); 2] {
        let one = &self.agreed;
        let other = Agreed { amount: 736, cum_out: 736, ..one.body.clone() };
        let other = world.sign(&world.buyer.signer, other);
        let (first, second) = if one.hash(&world.office()) < other.hash(&world.office()) {
            (one, &other)
        } else {
            (&other, one)
        };
        let late = Agreed {
            seq: self.sync.body.seq.saturating_add(1),
            prev: self.sync.body.head,
            cum_out: self.sync.body.cum_out.saturating_add(one.body.amount),
            ..one.body.clone()
        };
        let late = world.sign(&world.buyer.signer, late);
        let proof = |first: &Signed<Agreed>, second| ForkProof {
            office_keys: list(vec![world.office_key.clone()]),
            payer: world.buyer.certificate.clone(),
            first: first.clone(),
            second,
        };
        [
            (
                "a fork proof of two entries as a file",
                proof(first, Second::Entry(Box::new(second.clone()))),
            ),
            (
                "a fork proof of an entry and a SYNC as a file",
                proof(&late, Second::Close(Box::new(self.sync.clone()))),
            ),
        ]
    }

    pub(crate) fn office_requests(&self) -> [(&'static str, OfficeRequest); 4] {
        [
            ("ENROL as a file", OfficeRequest::Enrol(self.enrol.clone())),
            ("SYNC as a file", OfficeRequest::Sync(Box::new(self.sync.clone()))),
            ("claims as a file", OfficeRequest::Claim(self.claim_bundle())),
            ("RESOLVE as a file", OfficeRequest::Resolve(Box::new(self.resolve_request()))),
        ]
    }
}

pub(crate) fn list<T, const MAX: usize>(of: Vec<T>) -> List<T, MAX> {
    List::new(of).unwrap_or_default()
}

fn refused(
    world: &World,
    request: &Signed<CommitRequest>,
    reason: RefusedReason,
) -> Signed<Refused> {
    let body = Refused {
        tx: request.body.tx_id(),
        payer: request.body.payer,
        payee: request.body.payee,
        request: request.hash(&world.office()),
        reason,
    };
    world.sign(&world.buyer.signer, body)
}

fn status(world: &World, request: &Signed<CommitRequest>, agreed: Option<Hash>) -> Signed<Status> {
    let body = Status {
        tx: request.body.tx_id(),
        asker: world.buyer.id(),
        request: request.hash(&world.office()),
        agreed,
    };
    world.sign(&world.buyer.signer, body)
}

fn sync(
    world: &World,
    entries: &[&Signed<Agreed>; 2],
    commit: &Signed<Commit>,
    abort: &Signed<Abort>,
) -> Signed<Sync> {
    let [first, last] = *entries;
    let states = [
        (first, EntryState::Committed(commit.clone())),
        (last, EntryState::Aborted(abort.clone())),
    ];
    let entries = states.map(|(agreed, state)| SyncEntry { agreed: agreed.clone(), state });
    let body = Sync {
        wallet: world.buyer.id(),
        checkpoint: world.buyer.checkpoint.hash(&world.office()),
        seq: last.body.seq,
        head: last.hash(&world.office()),
        cum_out: last.body.cum_out,
        entries: list(entries.to_vec()),
        aborts: List::empty(),
        transfer: Transfer::Charge(100),
    };
    world.sign(&world.buyer.signer, body)
}

pub(crate) fn enrol(person: &Person, name: &str) -> Enrol {
    Enrol {
        key: person.signer.public(),
        mail_key: person.mail.public(),
        name: text(name),
        class: Class::Person,
    }
}

fn resolve(buyer: &Person, entry: &Agreed, agreed: Hash) -> Resolve {
    Resolve { tx: entry.tx, payer: buyer.id(), agreed, nonce: Nonce([0x0e; 16]) }
}

fn revocations() -> Revocations {
    let wallets: [WalletId; 2] = [[0x51; 32], [0x52; 32]].map(|key| wallet_id(&PublicKey(key)));
    let mut wallets = wallets.to_vec();
    wallets.sort();
    Revocations { number: 1, wallets: list(wallets), signed_by: 1 }
}

/// What the first list has more than none.
fn delta() -> RevocationDelta {
    let Revocations { number, wallets, signed_by } = revocations();
    RevocationDelta { number, added: list(wallets.into_inner()), signed_by }
}

fn new_root() -> NewRoot {
    let root = onehop_crypto::SigningKey::from_seed(&[0x03; 32]).public();
    NewRoot { number: 1, root, from: UnixSeconds(NEW_YEAR) }
}

/// The checkpoint after the one under which `chain` ends.
pub(crate) fn next_checkpoint(
    person: &Person,
    chain: &super::world::Chain,
) -> onehop_wire::Checkpoint {
    let old = &person.checkpoint.body;
    onehop_wire::Checkpoint {
        number: old.number.saturating_add(1),
        balance: old.balance.saturating_sub(chain.cum_out),
        base_seq: chain.seq,
        base_head: chain.head,
        base_cum_out: chain.cum_out,
        issued: old.expires,
        expires: old.expires.plus(7 * super::world::DAY),
        revocations: 1,
        ..old.clone()
    }
}

/// The statement of the second office key.
pub(crate) fn second_office_key(world: &World) -> Signed<onehop_wire::OfficeKey> {
    let signer = onehop_crypto::SigningKey::from_seed(&[0x04; 32]);
    world.sign(&world.root, office_key_body(2, &signer))
}
