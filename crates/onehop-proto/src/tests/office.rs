//! The least office that certifies wallets and signs purses, for tests.

use crate::{Birth, Config, LogRecord, Wallet};
use onehop_crypto::{SigningKey, Trust};
use onehop_wire::office::{
    EnrolAnswer, NewRoot, OfficeInfo, Outcome, OutcomeKind, RevocationDelta, Revocations,
    SyncAnswer, TransferResult,
};
use onehop_wire::{
    Certificate, Checkpoint, Class, Currency, Hash, Limits, List, OfficeId, OfficeKey, Signed,
    Text, UnixSeconds, WalletId, encode,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

pub(crate) const TODAY: UnixSeconds = UnixSeconds(1_780_000_000);
pub(crate) const DAY: u64 = 86_400;

pub(crate) struct Office {
    root: SigningKey,
    key: SigningKey,
    id: OfficeId,
    pub(crate) limits: Limits,
}

impl Office {
    pub(crate) fn new(seed: u8) -> Self {
        let root = SigningKey::from_seed(&[seed; 32]);
        let key = SigningKey::from_seed(&[seed.wrapping_add(1); 32]);
        let id = *Trust::new(root.public()).office();
        let limits = Limits { per_payment: Some(50_000), hops: 1, ..Limits::default() };
        Self { root, key, id, limits }
    }

    pub(crate) fn id(&self) -> &OfficeId {
        &self.id
    }

    pub(crate) fn currency() -> Currency {
        Currency::by_code("INR").unwrap()
    }

    /// What opens parcels to it.
    pub(crate) fn mail_secret(&self) -> onehop_crypto::SessionSecret {
        self.key.mail_secret()
    }

    pub(crate) fn sign<T: onehop_wire::Statement>(&self, body: T) -> Signed<T> {
        self.key.sign(&self.id, body).into_signed()
    }

    fn office_key(&self) -> Signed<OfficeKey> {
        self.certified(1, &self.key)
    }

    /// The office's key of this number, certified by the root.
    pub(crate) fn certified(&self, number: u32, key: &SigningKey) -> Signed<OfficeKey> {
        let body = OfficeKey {
            number,
            key: key.public(),
            mail_key: key.mail_secret().public(),
            not_before: UnixSeconds(TODAY.0 - DAY),
            not_after: TODAY.plus(400 * DAY),
        };
        self.root.sign(&self.id, body).into_signed()
    }

    pub(crate) fn info(&self) -> OfficeInfo {
        OfficeInfo {
            root: self.root.public(),
            new_roots: List::empty(),
            office_key: self.office_key(),
            currency: Self::currency(),
            name: Text::new("test office").unwrap(),
        }
    }

    pub(crate) fn checkpoint(&self, body: Checkpoint) -> Signed<Checkpoint> {
        self.key.sign(&self.id, body).into_signed()
    }

    pub(crate) fn certificate(&self, body: Certificate) -> Signed<Certificate> {
        self.key.sign(&self.id, body).into_signed()
    }

    pub(crate) fn outcome(
        &self,
        agreed: &Signed<onehop_wire::Agreed>,
        kind: OutcomeKind,
    ) -> Signed<Outcome> {
        let entry = &agreed.body;
        let body = Outcome {
            tx: entry.tx,
            entry: agreed.hash(&self.id),
            checkpoint: entry.checkpoint,
            seq: entry.seq,
            amount: entry.amount,
            currency: entry.currency,
            kind,
            signed_by: 1,
        };
        self.key.sign(&self.id, body).into_signed()
    }

    /// What the list of this number has more than the one before.
    pub(crate) fn delta(&self, number: u32, added: &[WalletId]) -> Signed<RevocationDelta> {
        let added = List::new(added.to_vec()).unwrap();
        let body = RevocationDelta { number, added, signed_by: 1 };
        self.key.sign(&self.id, body).into_signed()
    }

    /// The root names its successor.
    pub(crate) fn new_root(&self, root: &SigningKey) -> Signed<NewRoot> {
        let body = NewRoot { number: 1, root: root.public(), from: TODAY };
        self.root.sign(&self.id, body).into_signed()
    }

    pub(crate) fn pending(&self, tx: onehop_wire::TxId) -> Signed<onehop_wire::office::Pending> {
        let body = onehop_wire::office::Pending { tx, until: TODAY.plus(DAY), signed_by: 1 };
        self.key.sign(&self.id, body).into_signed()
    }

    /// The log of a new wallet that is enrolled with `balance` minor units in its purse.
    pub(crate) fn enrolled(&self, seed: u8, name: &str, balance: u64) -> Vec<Vec<u8>> {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let born = Birth::new(&mut rng, self.info()).unwrap().into_record();
        let first = (1, encode(&born));
        let mut wallet =
            Wallet::recover(Config::default(), [seed; 32], None, [first.clone()]).unwrap();
        let enrol = wallet.enrol(Text::new(name).unwrap(), Class::Person).unwrap();
        let certificate = self.certificate(Certificate {
            key: enrol.body.key,
            mail_key: enrol.body.mail_key,
            name: enrol.body.name.clone(),
            class: enrol.body.class,
            limits: self.limits.clone(),
            currency: Self::currency(),
            claim_window: u32::try_from(14 * DAY).unwrap(),
            not_before: TODAY,
            not_after: TODAY.plus(180 * DAY),
            epoch: 1,
            signed_by: 1,
        });
        let checkpoint = self.checkpoint(Checkpoint {
            wallet: certificate.body.wallet(),
            epoch: 1,
            number: 1,
            balance,
            currency: Self::currency(),
            base_seq: 0,
            base_head: Hash([0; 32]),
            base_cum_out: 0,
            issued: TODAY,
            expires: TODAY.plus(7 * DAY),
            revocations: 0,
            signed_by: 1,
        });
        let office_key = self.office_key();
        let new_roots = List::empty();
        let answer = EnrolAnswer { new_roots, office_key, certificate, checkpoint };
        let records = [LogRecord::EnrolSigned(enrol), LogRecord::Enrolled(Box::new(answer))];
        [first.1].into_iter().chain(records.iter().map(encode)).collect()
    }

    /// An answer to a SYNC that gives `balance`, with these outcomes.
    pub(crate) fn renew(
        &self,
        wallet: &Wallet,
        sync: &Signed<onehop_wire::office::Sync>,
        certificate: &Signed<Certificate>,
        balance: u64,
        outcomes: Vec<Signed<Outcome>>,
    ) -> SyncAnswer {
        let number = wallet.state().purse().unwrap().checkpoint.body.number + 1;
        let checkpoint = self.checkpoint(Checkpoint {
            wallet: sync.body.wallet,
            epoch: certificate.body.epoch,
            number,
            balance,
            currency: Self::currency(),
            base_seq: sync.body.seq,
            base_head: sync.body.head,
            base_cum_out: sync.body.cum_out,
            issued: TODAY,
            expires: TODAY.plus(7 * DAY),
            revocations: 0,
            signed_by: 1,
        });
        let none = Revocations { number: 0, wallets: List::empty(), signed_by: 1 };
        SyncAnswer {
            sync: sync.hash(&self.id),
            office_keys: List::new(vec![self.office_key()]).unwrap(),
            certificate: certificate.clone(),
            checkpoint,
            transfer: TransferResult::Done,
            revocations: self.key.sign(&self.id, none).into_signed(),
            deltas: List::empty(),
            new_roots: List::empty(),
            outcomes: List::new(outcomes).unwrap(),
        }
    }
}
