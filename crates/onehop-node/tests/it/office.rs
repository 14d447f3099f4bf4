//! The least office that certifies wallets and signs purses.

use std::time::{SystemTime, UNIX_EPOCH};

use onehop_crypto::{SigningKey, Trust};
use onehop_node::Keeper;
use onehop_proto::Birth;
use onehop_store::Journal;
use onehop_wire::office::{
    EnrolAnswer, OfficeInfo, Revocations, Sync, SyncAnswer, Transfer, TransferResult,
};
use onehop_wire::{
    Certificate, Checkpoint, Class, Currency, Hash, Limits, List, OfficeId, OfficeKey, Signed,
    Text, UnixSeconds,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

const DAY: u64 = 86_400;

pub(crate) fn inr() -> Currency {
    Currency::by_code("INR").unwrap()
}

pub(crate) struct Office {
    root: SigningKey,
    key: SigningKey,
    id: OfficeId,
    opened: UnixSeconds,
}

impl Office {
    pub(crate) fn new() -> Self {
        let (root, key) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let id = *Trust::new(root.public()).office();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { root, key, id, opened: UnixSeconds(now.as_secs() - DAY) }
    }

    /// The keys of a new wallet.
    pub(crate) fn birth(&self, seed: u8) -> Birth {
        Birth::new(&mut ChaCha20Rng::from_seed([seed; 32]), self.info()).unwrap()
    }

    /// Certifies a new wallet under `name`, with `balance` minor units in its purse.
    pub(crate) fn enrol<J: Journal>(&self, keeper: &mut Keeper<J>, name: &str, balance: u64) {
        let name = Text::new(name).unwrap();
        let asked = keeper.run(|wallet, _| wallet.enrol(name, Class::Person)).unwrap();
        let enrol = asked.0.unwrap().body;
        let certificate = self.sign(Certificate {
            key: enrol.key,
            mail_key: enrol.mail_key,
            name: enrol.name,
            class: enrol.class,
            limits: Limits { per_payment: Some(50_000), hops: 1, ..Limits::default() },
            currency: inr(),
            claim_window: u32::try_from(14 * DAY).unwrap(),
            not_before: self.opened,
            not_after: self.opened.plus(180 * DAY),
            epoch: 1,
            signed_by: 1,
        });
        let wallet = certificate.body.wallet();
        let checkpoint = self.sign(Checkpoint {
            wallet,
            epoch: 1,
            number: 1,
            balance: 0,
            currency: inr(),
            base_seq: 0,
            base_head: Hash([0; 32]),
            base_cum_out: 0,
            issued: self.opened,
            expires: self.opened.plus(7 * DAY),
            revocations: 0,
            signed_by: 1,
        });
        let answer = EnrolAnswer {
            new_roots: List::empty(),
            office_key: self.office_key(),
            certificate,
            checkpoint,
        };
        keeper.run(|wallet, _| wallet.enrolled(answer)).unwrap().0.unwrap();
        if balance > 0 {
            let charge = Transfer::Charge(balance);
            let sync = keeper.run(|wallet, now| wallet.close(now, charge)).unwrap().0.unwrap();
            let answer = self.renew(keeper, &sync, balance);
            keeper.run(|wallet, _| wallet.renewed(answer)).unwrap().0.unwrap();
        }
    }

    /// Answers a SYNC with a purse of `balance`.
    pub(crate) fn renew<J: Journal>(
        &self,
        keeper: &Keeper<J>,
        sync: &Signed<Sync>,
        balance: u64,
    ) -> SyncAnswer {
        let state = keeper.wallet().state();
        let last = &state.purse().unwrap().checkpoint.body;
        let checkpoint = self.sign(Checkpoint {
            number: last.number + 1,
            balance,
            base_seq: sync.body.seq,
            base_head: sync.body.head,
            base_cum_out: sync.body.cum_out,
            ..last.clone()
        });
        let none = Revocations { number: 0, wallets: List::empty(), signed_by: 1 };
        SyncAnswer {
            sync: sync.hash(&self.id),
            office_keys: List::new(vec![self.office_key()]).unwrap(),
            certificate: state.certificate().unwrap().clone(),
            checkpoint,
            transfer: TransferResult::Done,
            revocations: self.sign(none),
            deltas: List::empty(),
            new_roots: List::empty(),
            outcomes: List::empty(),
        }
    }

    fn info(&self) -> OfficeInfo {
        OfficeInfo {
            root: self.root.public(),
            new_roots: List::empty(),
            office_key: self.office_key(),
            currency: inr(),
            name: Text::new("test office").unwrap(),
        }
    }

    fn office_key(&self) -> Signed<OfficeKey> {
        let body = OfficeKey {
            number: 1,
            key: self.key.public(),
            mail_key: self.key.mail_secret().public(),
            not_before: self.opened,
            not_after: self.opened.plus(365 * DAY),
        };
        self.root.sign(&self.id, body).into_signed()
    }

    fn sign<T: onehop_wire::Statement>(&self, body: T) -> Signed<T> {
        self.key.sign(&self.id, body).into_signed()
    }
}
