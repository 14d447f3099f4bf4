//! An office and three wallets with fixed keys and dates, and the statements they make.
//!
//! The vectors are made from these, and the tests of the crates below take this file as their own
//! module, so that both speak of the same people.

use onehop_crypto::{SessionSecret, SigningKey, Trust};
use onehop_wire::domain::{order_hash, wallet_id};
use onehop_wire::office::{OfficeInfo, Outcome, OutcomeKind};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, Attachment, Certificate, Checkpoint, Claim, Class,
    Commit, CommitRequest, Committed, Currency, Hash, Limits, List, Nonce, OfficeId, OfficeKey,
    Release, ReleaseGround, Signed, Statement, Text, UnixSeconds, WalletId,
};

pub(crate) const DAY: u64 = 86_400;
/// 2026-01-01T00:00:00Z.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600;
pub(crate) const CLAIM_WINDOW: u32 = 1_209_600;
pub(crate) const BALANCE: u64 = 100_000;

pub(crate) const ROOT_SEED: [u8; 32] = [0x01; 32];
pub(crate) const OFFICE_KEY_SEED: [u8; 32] = [0x02; 32];
pub(crate) const SELLER_SEED: [u8; 32] = [0x11; 32];
pub(crate) const BUYER_SEED: [u8; 32] = [0x12; 32];
pub(crate) const THIRD_SEED: [u8; 32] = [0x13; 32];

/// Rupees, in which all of them deal.
pub(crate) fn rupees() -> Currency {
    let Ok(rupees) = Currency::by_code("INR") else { unreachable!("ISO 4217 has INR") };
    rupees
}

/// One wallet with everything that the office gave it.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) seed: [u8; 32],
    pub(crate) signer: SigningKey,
    pub(crate) mail: SessionSecret,
    pub(crate) certificate: Signed<Certificate>,
    pub(crate) checkpoint: Signed<Checkpoint>,
}

impl Person {
    pub(crate) fn id(&self) -> WalletId {
        wallet_id(&self.signer.public())
    }
}

/// The office, and the people it certified.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) root: SigningKey,
    pub(crate) office_signer: SigningKey,
    pub(crate) office_key: Signed<OfficeKey>,
    /// Knows the root and office key 1.
    pub(crate) trust: Trust,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) third: Person,
}

/// Where a spend chain stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub(crate) seq: u64,
    pub(crate) head: Hash,
    pub(crate) cum_out: u64,
    pub(crate) cum_back: u64,
    pub(crate) cum_in: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = SigningKey::from_seed(&ROOT_SEED);
        let office_signer = SigningKey::from_seed(&OFFICE_KEY_SEED);
        let mut trust = Trust::new(root.public());
        let office = *trust.office();
        let office_key = root.sign(&office, office_key_body(1, &office_signer)).into_signed();
        let added = trust.add_key(office_key.clone());
        assert_eq!(added, Ok(()), "a key that its own root signed is taken");
        let person = |seed, name, class| certified(&office, &office_signer, seed, name, class);
        Self {
            seller: person(SELLER_SEED, "Ravi's Tea Stall", Class::Merchant),
            buyer: person(BUYER_SEED, "Asha", Class::Person),
            third: person(THIRD_SEED, "Meena", Class::Person),
            root,
            office_signer,
            office_key,
            trust,
        }
    }

    pub(crate) fn office(&self) -> OfficeId {
        *self.trust.office()
    }

    pub(crate) fn info(&self) -> OfficeInfo {
        OfficeInfo {
            root: self.root.public(),
            new_roots: List::empty(),
            office_key: self.office_key.clone(),
            currency: rupees(),
            name: text("City Money Office"),
        }
    }

    /// The office's signature under `body`.
    pub(crate) fn by_office<T: Statement>(&self, body: T) -> Signed<T> {
        self.sign(&self.office_signer, body)
    }

    pub(crate) fn sign<T: Statement>(&self, signer: &SigningKey, body: T) -> Signed<T> {
        signer.sign(&self.office(), body).into_signed()
    }

    /// The chain of a checkpoint under which nothing was spent yet.
    pub(crate) fn chain(&self, checkpoint: &Signed<Checkpoint>) -> Chain {
        let head = checkpoint.hash(&self.office());
        Chain { seq: 0, head, cum_out: 0, cum_back: 0, cum_in: 0 }
    }

    /// `payee` asks `payer` for `amount`; `number` tells requests apart.
    pub(crate) fn request(
        &self,
        payee: &Person,
        payer: &Person,
        amount: u64,
        number: u8,
    ) -> Signed<CommitRequest> {
        let body = CommitRequest {
            payer: payer.id(),
            payee: payee.id(),
            buyer_nonce: Nonce([0xb0; 16]),
            seller_nonce: Nonce([number; 16]),
            epoch: 1,
            number: u64::from(number),
            amount,
            currency: rupees(),
            order_id: text(&format!("A-{number}")),
            order_hash: order_hash("2 tea"),
            vote_ms: 60_000,
            redeem_by: payer.checkpoint.body.expires.plus(u64::from(CLAIM_WINDOW)),
            refund_of: None,
        };
        self.sign(&payee.signer, body)
    }

    /// The body of the next entry of `chain`, which pays `request` out of `payer`'s checkpoint.
    pub(crate) fn entry_body(
        &self,
        payer: &Person,
        chain: &Chain,
        request: &Signed<CommitRequest>,
        attachments: &[Attachment],
    ) -> Agreed {
        let terms = &request.body;
        let hops = attachments.iter().filter_map(|attachment| match attachment {
            Attachment::Receipt(claim) => Some(claim.agreed.body.hops.saturating_add(1)),
            Attachment::Release(_) => None,
        });
        let names = attachments.iter().map(Attachment::hash).collect();
        Agreed {
            checkpoint: payer.checkpoint.hash(&self.office()),
            seq: chain.seq.saturating_add(1),
            prev: chain.head,
            amount: terms.amount,
            cum_out: chain.cum_out.saturating_add(terms.amount),
            cum_back: chain.cum_back,
            cum_in: chain.cum_in,
            currency: terms.currency,
            payee: terms.payee,
            tx: terms.tx_id(),
            request: request.hash(&self.office()),
            redeem_by: terms.redeem_by,
            refund_of: terms.refund_of,
            hops: hops.max().unwrap_or(0),
            attachments: List::new(names).unwrap_or_default(),
        }
    }

    /// Signs the next entry and moves `chain` on.
    pub(crate) fn entry(
        &self,
        payer: &Person,
        chain: &mut Chain,
        request: &Signed<CommitRequest>,
        attachments: &[Attachment],
    ) -> Signed<Agreed> {
        let body = self.entry_body(payer, chain, request, attachments);
        (chain.seq, chain.cum_out) = (body.seq, body.cum_out);
        chain.head = body.hash(&self.office());
        self.sign(&payer.signer, body)
    }

    pub(crate) fn commit(
        &self,
        payee: &Person,
        payer: &Person,
        agreed: &Signed<Agreed>,
        spendable: bool,
    ) -> Signed<Commit> {
        let body = Commit {
            tx: agreed.body.tx,
            payer: payer.id(),
            payee: payee.id(),
            agreed: agreed.hash(&self.office()),
            payee_checkpoint: spendable.then(|| payee.checkpoint.hash(&self.office())),
        };
        self.sign(&payee.signer, body)
    }

    pub(crate) fn committed(&self, payer: &Person, commit: &Signed<Commit>) -> Signed<Committed> {
        let body = Committed {
            tx: commit.body.tx,
            payer: commit.body.payer,
            payee: commit.body.payee,
            agreed: commit.body.agreed,
            commit: commit.hash(&self.office()),
        };
        self.sign(&payer.signer, body)
    }

    /// All evidence of a payment of `request` by `payer` to `payee`, spendable again.
    pub(crate) fn receipt(
        &self,
        payee: &Person,
        payer: &Person,
        agreed: &Signed<Agreed>,
        attachments: &[Attachment],
    ) -> Claim {
        let commit = self.commit(payee, payer, agreed, true);
        Claim {
            payer: payer.certificate.clone(),
            checkpoint: payer.checkpoint.clone(),
            agreed: agreed.clone(),
            attachments: List::new(attachments.to_vec()).unwrap_or_default(),
            committed: Some(self.committed(payer, &commit)),
            commit,
        }
    }

    pub(crate) fn abort(
        &self,
        payee: &Person,
        payer: &Person,
        agreed: &Signed<Agreed>,
    ) -> Signed<Abort> {
        let body = Abort {
            tx: agreed.body.tx,
            payer: payer.id(),
            payee: payee.id(),
            subject: AbortSubject::Agreed(agreed.hash(&self.office())),
            reason: AbortReason::Cancelled,
        };
        self.sign(&payee.signer, body)
    }

    /// The release of `agreed` by its payee.
    pub(crate) fn release(
        &self,
        payee: &Person,
        payer: &Person,
        agreed: &Signed<Agreed>,
    ) -> Attachment {
        let abort = self.abort(payee, payer, agreed);
        let ground = ReleaseGround::Aborted { abort, seller: payee.certificate.clone() };
        Attachment::Release(Box::new(Release { agreed: agreed.clone(), ground }))
    }

    pub(crate) fn outcome(&self, agreed: &Signed<Agreed>, kind: OutcomeKind) -> Signed<Outcome> {
        self.by_office(Outcome {
            tx: agreed.body.tx,
            entry: agreed.hash(&self.office()),
            checkpoint: agreed.body.checkpoint,
            seq: agreed.body.seq,
            amount: agreed.body.amount,
            currency: agreed.body.currency,
            kind,
            signed_by: 1,
        })
    }

    /// The release of `agreed` by the office.
    pub(crate) fn voided(&self, agreed: &Signed<Agreed>) -> Attachment {
        let ground = ReleaseGround::Voided(self.outcome(agreed, OutcomeKind::Void));
        Attachment::Release(Box::new(Release { agreed: agreed.clone(), ground }))
    }
}

/// A text that is within its bound wherever this module is right; empty if not.
pub(crate) fn text<const MAX: usize>(of: &str) -> Text<MAX> {
    Text::new(of).unwrap_or_default()
}

/// Office key `number`, good for the year around [`NEW_YEAR`].
pub(crate) fn office_key_body(number: u32, signer: &SigningKey) -> OfficeKey {
    OfficeKey {
        number,
        key: signer.public(),
        mail_key: signer.mail_secret().public(),
        not_before: UnixSeconds(NEW_YEAR.saturating_sub(DAY)),
        not_after: UnixSeconds(NEW_YEAR.saturating_add(364 * DAY)),
    }
}

fn certified(
    office: &OfficeId,
    office_signer: &SigningKey,
    seed: [u8; 32],
    name: &str,
    class: Class,
) -> Person {
    let signer = SigningKey::from_seed(&seed);
    let [first, ..] = seed;
    let mail = SessionSecret::from_bytes([first.wrapping_add(0x80); 32]);
    let certificate = Certificate {
        key: signer.public(),
        mail_key: mail.public(),
        name: text(name),
        class,
        limits: Limits {
            per_payment: Some(50_000),
            per_payee: None,
            per_checkpoint: Some(200_000),
            payments: None,
            hops: 1,
        },
        currency: rupees(),
        claim_window: CLAIM_WINDOW,
        not_before: UnixSeconds(NEW_YEAR),
        not_after: UnixSeconds(NEW_YEAR.saturating_add(180 * DAY)),
        epoch: 1,
        signed_by: 1,
    };
    let checkpoint = Checkpoint {
        wallet: signer.wallet(),
        epoch: 1,
        number: 1,
        balance: BALANCE,
        currency: rupees(),
        base_seq: 0,
        base_head: Hash([0; 32]),
        base_cum_out: 0,
        issued: UnixSeconds(NEW_YEAR),
        expires: UnixSeconds(NEW_YEAR.saturating_add(7 * DAY)),
        revocations: 0,
        signed_by: 1,
    };
    let certificate = office_signer.sign(office, certificate).into_signed();
    let checkpoint = office_signer.sign(office, checkpoint).into_signed();
    Person { seed, signer, mail, certificate, checkpoint }
}
