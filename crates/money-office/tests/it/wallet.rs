//! A wallet that signs its requests.

use onehop_crypto::SigningKey;
use onehop_wire::office::{
    Enrol, EnrolAnswer, EntryState, OfficeInfo, Sync, SyncAnswer, SyncEntry, Transfer,
};
use onehop_wire::{
    Agreed, Certificate, Checkpoint, Claim, Class, Commit, Hash, List, OfficeId, SessionKey,
    Signed, Text, TxId,
};

use crate::office::Serving;

pub(crate) struct Wallet {
    pub(crate) key: SigningKey,
    pub(crate) office: OfficeId,
    pub(crate) certificate: Signed<Certificate>,
    pub(crate) checkpoint: Signed<Checkpoint>,
    pub(crate) entries: Vec<SyncEntry>,
}

pub(crate) fn enrol_request(info: &OfficeInfo, seed: u8, name: &str) -> Signed<Enrol> {
    let key = SigningKey::from_seed(&[seed; 32]);
    let body = Enrol {
        key: key.public(),
        mail_key: SessionKey([seed; 32]),
        name: Text::new(name).unwrap(),
        class: Class::Merchant,
    };
    key.sign(&onehop_wire::domain::office_id(&info.root), body).into_signed()
}

impl Wallet {
    pub(crate) fn enrol(office: &Serving, seed: u8, name: &str) -> Self {
        let info: OfficeInfo = office.get("/v1/office").read();
        let request = enrol_request(&info, seed, name);
        let answer: EnrolAnswer = office.post("/v1/enrol", &request).read();
        Self {
            key: SigningKey::from_seed(&[seed; 32]),
            office: onehop_wire::domain::office_id(&info.root),
            certificate: answer.certificate,
            checkpoint: answer.checkpoint,
            entries: Vec::new(),
        }
    }

    pub(crate) fn here(&self) -> Hash {
        self.checkpoint.hash(&self.office)
    }

    pub(crate) fn sync_request(&self, transfer: Transfer) -> Signed<Sync> {
        let last = self.entries.last().map(|entry| &entry.agreed);
        let body = Sync {
            wallet: self.key.wallet(),
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

    pub(crate) fn renew(&mut self, answer: SyncAnswer) {
        self.checkpoint = answer.checkpoint;
        self.entries.clear();
    }

    /// A payment as the only entry of this checkpoint.
    pub(crate) fn pay(&mut self, payee: &Self, amount: u64) -> Claim {
        self.pay_once_more(payee, amount, TxId([9; 32]))
    }

    /// The next payment of this checkpoint.
    pub(crate) fn pay_once_more(&mut self, payee: &Self, amount: u64, tx: TxId) -> Claim {
        let last = self.entries.last().map(|entry| &entry.agreed);
        let (seq, spent) = last.map_or((0, 0), |last| (last.body.seq, last.body.cum_out));
        let prev = last.map_or_else(|| self.here(), |last| last.hash(&self.office));
        let window = u64::from(self.certificate.body.claim_window);
        let agreed = Agreed {
            checkpoint: self.here(),
            seq: seq + 1,
            prev,
            amount,
            cum_out: spent + amount,
            cum_back: 0,
            cum_in: 0,
            currency: self.checkpoint.body.currency,
            payee: payee.key.wallet(),
            tx,
            request: Hash([8; 32]),
            redeem_by: self.checkpoint.body.expires.plus(window),
            refund_of: None,
            hops: 0,
            attachments: List::empty(),
        };
        let agreed = self.key.sign(&self.office, agreed);
        let commit = Commit {
            tx,
            payer: self.key.wallet(),
            payee: payee.key.wallet(),
            agreed: agreed.hash(),
            payee_checkpoint: None,
        };
        let commit = payee.key.sign(&self.office, commit).into_signed();
        let state = EntryState::Committed(commit.clone());
        self.entries.push(SyncEntry { agreed: agreed.signed().clone(), state });
        Claim {
            payer: self.certificate.clone(),
            checkpoint: self.checkpoint.clone(),
            agreed: agreed.into_signed(),
            attachments: List::empty(),
            commit,
            committed: None,
        }
    }
}
