//! Synthetic wallets that sign what real ones would, and worse.

use onehop_crypto::SigningKey;
use onehop_wire::bounded::List;
use onehop_wire::evidence::{Attachment, Claim};
use onehop_wire::office::{
    ClaimBundle, Enrol, EnrolAnswer, EntryState, Resolve, ResolveRequest, Sync, SyncAnswer,
    SyncEntry, Transfer, Verdict,
};
use onehop_wire::{
    Abort, AbortReason, AbortSubject, Agreed, Certificate, Checkpoint, Class, Commit,
    CommitRequest, Committed, Currency, Hash, Nonce, OfficeId, SessionKey, Signed, Text, TxId,
    UnixSeconds, WalletId,
};

use crate::{
    Command, MemLedger, NewOffice, Office, OfficeError, OperatorAnswer, OperatorCommand, Profile,
    WalletReport,
};

pub(super) const DAY: u64 = 86_400;
pub(super) const START: UnixSeconds = UnixSeconds(1_800_000_000);

pub(super) struct World {
    pub(super) office: Office<MemLedger>,
    pub(super) operator: SigningKey,
    pub(super) now: UnixSeconds,
    nonce: u64,
}

/// A payment as both sides hold it.
#[derive(Clone)]
pub(super) struct Paid {
    pub(super) request: Signed<CommitRequest>,
    pub(super) agreed: Signed<Agreed>,
    pub(super) commit: Signed<Commit>,
    pub(super) committed: Signed<Committed>,
    pub(super) claim: Claim,
}

pub(super) struct Wallet {
    pub(super) key: SigningKey,
    pub(super) certificate: Signed<Certificate>,
    pub(super) checkpoint: Signed<Checkpoint>,
    pub(super) entries: Vec<SyncEntry>,
    pub(super) office: OfficeId,
    pub(super) next_nonce: u64,
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(super) fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Nonce(bytes)
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_credit(None)
    }

    pub(super) fn with_credit(credit_line: Option<u64>) -> Self {
        Self::with(Profile::by_name("rbi-2023").unwrap(), credit_line)
    }

    pub(super) fn of(profile: Profile) -> Self {
        Self::with(profile, None)
    }

    fn with(profile: Profile, credit_line: Option<u64>) -> Self {
        let operator = key(202);
        let new = NewOffice {
            name: "corner office".to_owned(),
            currency: Currency::by_code(profile.currency).unwrap(),
            profile,
            credit_line,
            purse_max: None,
            operator: operator.public(),
        };
        let office = Office::create(MemLedger::new(), new, &key(201), &[203; 32], START).unwrap();
        Self { office, operator, now: START, nonce: 0 }
    }

    pub(super) fn enrol_request(&self, seed: u8, name: &str) -> Signed<Enrol> {
        let key = key(seed);
        let body = Enrol {
            key: key.public(),
            mail_key: SessionKey([seed; 32]),
            name: Text::new(name).unwrap(),
            class: Class::Person,
        };
        key.sign(self.office.id(), body).into_signed()
    }

    pub(super) fn enrol(&mut self, seed: u8, name: &str) -> Wallet {
        let request = self.enrol_request(seed, name);
        let answer: EnrolAnswer = self.office.enrol(self.now, &request).unwrap();
        Wallet {
            key: key(seed),
            certificate: answer.certificate,
            checkpoint: answer.checkpoint,
            entries: Vec::new(),
            office: *self.office.id(),
            next_nonce: u64::from(seed) * 1_000_000,
        }
    }

    /// A wallet with money in its purse.
    pub(super) fn funded(&mut self, seed: u8, name: &str, sum: u64) -> Wallet {
        let mut wallet = self.enrol(seed, name);
        self.sync(&mut wallet, Transfer::Charge(sum));
        assert_eq!(wallet.checkpoint.body.balance, sum);
        wallet
    }

    pub(super) fn sync(&mut self, wallet: &mut Wallet, transfer: Transfer) -> SyncAnswer {
        let sync = wallet.sync(transfer);
        let answer = self.office.sync(self.now, &sync).unwrap();
        self.balances();
        wallet.renew(&answer);
        answer
    }

    pub(super) fn claim(&mut self, claim: &Claim) -> Verdict {
        let bundle = ClaimBundle { claims: List::new(vec![claim.clone()]).unwrap() };
        let answer = self.office.claim(self.now, &bundle).unwrap();
        self.balances();
        answer.verdicts[0].clone()
    }

    pub(super) fn balances(&self) {
        let report = self.office.audit().unwrap();
        assert!(report.balances(), "{report:#?}");
    }

    pub(super) fn order(&mut self, command: Command) -> Result<OperatorAnswer, OfficeError> {
        let order = self.signed_order(command);
        self.office.operate(self.now, &order)
    }

    pub(super) fn signed_order(&mut self, command: Command) -> Signed<OperatorCommand> {
        self.nonce += 1;
        let body = OperatorCommand { nonce: nonce(self.nonce), at: self.now, command };
        self.operator.sign(self.office.id(), body).into_signed()
    }

    pub(super) fn report(&mut self, wallet: &Wallet) -> WalletReport {
        let who = wallet.id().to_string();
        match self.order(Command::Wallet { who }).unwrap() {
            OperatorAnswer::Wallet(report) => *report,
            other => panic!("{other:?}"),
        }
    }
}

impl Wallet {
    pub(super) fn id(&self) -> WalletId {
        self.key.wallet()
    }

    /// The same wallet, twice: what a thief of an image has.
    pub(super) fn image(&self) -> Self {
        Self {
            key: self.key.clone(),
            certificate: self.certificate.clone(),
            checkpoint: self.checkpoint.clone(),
            entries: self.entries.clone(),
            office: self.office,
            next_nonce: self.next_nonce + 500_000,
        }
    }

    pub(super) fn renew(&mut self, answer: &SyncAnswer) {
        self.certificate = answer.certificate.clone();
        self.checkpoint = answer.checkpoint.clone();
        self.entries.clear();
    }

    pub(super) fn here(&self) -> Hash {
        self.checkpoint.hash(&self.office)
    }

    pub(super) fn sync(&self, transfer: Transfer) -> Signed<Sync> {
        let last = self.entries.last().map(|entry| &entry.agreed);
        let body = Sync {
            wallet: self.id(),
            checkpoint: self.here(),
            seq: last.map_or(0, |last| last.body.seq),
            head: last.map_or_else(|| self.here(), |last| last.hash(&self.office)),
            cum_out: last.map_or(0, |last| last.body.cum_out),
            entries: List::new(self.entries.clone()).unwrap(),
            aborts: List::empty(),
            transfer,
        };
        self.key.sign(&self.office, body).into_signed()
    }

    /// Signs AGREED to `payee`, who signs COMMIT under `named`; the entry is left in doubt.
    pub(super) fn pay(
        &mut self,
        payee: &Self,
        amount: u64,
        named: Option<Hash>,
        attachments: Vec<Attachment>,
    ) -> Paid {
        self.pay_for(payee, amount, named, attachments, None)
    }

    /// The same, of a refund of `first`.
    pub(super) fn refund(&mut self, payee: &Self, amount: u64, first: &Paid) -> Paid {
        let (named, first) = (Some(payee.here()), first.agreed.body.tx);
        self.pay_for(payee, amount, named, Vec::new(), Some(first))
    }

    fn pay_for(
        &mut self,
        payee: &Self,
        amount: u64,
        named: Option<Hash>,
        attachments: Vec<Attachment>,
        refund_of: Option<TxId>,
    ) -> Paid {
        self.next_nonce += 1;
        let redeem_by =
            self.checkpoint.body.expires.plus(u64::from(self.certificate.body.claim_window));
        let request = CommitRequest {
            payer: self.id(),
            payee: payee.id(),
            buyer_nonce: nonce(self.next_nonce),
            seller_nonce: nonce(self.next_nonce),
            epoch: 1,
            number: self.next_nonce,
            amount,
            currency: self.checkpoint.body.currency,
            order_id: Text::new("7").unwrap(),
            order_hash: Hash([7; 32]),
            vote_ms: 60_000,
            redeem_by,
            refund_of,
        };
        let request = payee.key.sign(&self.office, request).into_signed();
        let agreed = self.agree(payee, &request, &attachments);
        self.entries.push(SyncEntry { agreed: agreed.clone(), state: EntryState::InDoubt });
        self.finish(payee, request, agreed, named, attachments)
    }

    pub(super) fn agree(
        &self,
        payee: &Self,
        request: &Signed<CommitRequest>,
        attachments: &[Attachment],
    ) -> Signed<Agreed> {
        let last = self.entries.last().map(|entry| &entry.agreed);
        let hops = attachments.iter().filter_map(|attachment| match attachment {
            Attachment::Receipt(claim) => Some(claim.agreed.body.hops + 1),
            Attachment::Release(_) => None,
        });
        let body = Agreed {
            checkpoint: self.here(),
            seq: last.map_or(0, |last| last.body.seq) + 1,
            prev: last.map_or_else(|| self.here(), |last| last.hash(&self.office)),
            amount: request.body.amount,
            cum_out: last.map_or(0, |last| last.body.cum_out) + request.body.amount,
            cum_back: 0,
            cum_in: 0,
            currency: request.body.currency,
            payee: payee.id(),
            tx: request.body.tx_id(),
            request: request.hash(&self.office),
            redeem_by: request.body.redeem_by,
            refund_of: request.body.refund_of,
            hops: hops.max().unwrap_or(0),
            attachments: List::new(attachments.iter().map(Attachment::hash).collect()).unwrap(),
        };
        self.key.sign(&self.office, body).into_signed()
    }

    fn finish(
        &self,
        payee: &Self,
        request: Signed<CommitRequest>,
        agreed: Signed<Agreed>,
        named: Option<Hash>,
        attachments: Vec<Attachment>,
    ) -> Paid {
        let (tx, payer) = (agreed.body.tx, self.id());
        let hash = agreed.hash(&self.office);
        let commit = Commit { tx, payer, payee: payee.id(), agreed: hash, payee_checkpoint: named };
        let commit = payee.key.sign(&self.office, commit).into_signed();
        let committed = Committed {
            tx,
            payer,
            payee: payee.id(),
            agreed: hash,
            commit: commit.hash(&self.office),
        };
        let committed = self.key.sign(&self.office, committed).into_signed();
        let claim = Claim {
            payer: self.certificate.clone(),
            checkpoint: self.checkpoint.clone(),
            agreed: agreed.clone(),
            attachments: List::new(attachments).unwrap(),
            commit: commit.clone(),
            committed: Some(committed.clone()),
        };
        Paid { request, agreed, commit, committed, claim }
    }

    pub(super) fn abort(&self, paid: &Paid) -> Signed<Abort> {
        let body = Abort {
            tx: paid.agreed.body.tx,
            payer: paid.request.body.payer,
            payee: self.id(),
            subject: AbortSubject::Agreed(paid.agreed.hash(&self.office)),
            reason: AbortReason::Cancelled,
        };
        self.key.sign(&self.office, body).into_signed()
    }

    pub(super) fn resolve(&self, paid: &Paid, abort: Option<Signed<Abort>>) -> ResolveRequest {
        let tx: TxId = paid.agreed.body.tx;
        let agreed = paid.agreed.hash(&self.office);
        let body = Resolve { tx, payer: self.id(), agreed, nonce: nonce(1) };
        ResolveRequest {
            resolve: self.key.sign(&self.office, body).into_signed(),
            request: paid.request.clone(),
            agreed: paid.agreed.clone(),
            abort,
        }
    }

    /// Sets what the next SYNC says of the newest entry.
    pub(super) fn last_is(&mut self, state: EntryState) {
        self.entries.last_mut().unwrap().state = state;
    }
}
