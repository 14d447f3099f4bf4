//! An office with wallets that have paid each other, so that claims are all that is left to do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use money_office::{AnyLedger, Grouped, NewOffice, Office, Profile};
use onehop_crypto::SigningKey;
use onehop_wire::office::{
    ClaimBundle, Enrol, EntryState, OutcomeKind, Sync, SyncEntry, Transfer, Verdict,
};
use onehop_wire::{
    Agreed, Certificate, Checkpoint, Claim, Class, Commit, Currency, Hash, List, OfficeId,
    SessionKey, Signed, Text, TxId, UnixSeconds, WalletId,
};

/// Signatures that one settlement checks: certificates of payer and payee, checkpoint, AGREED,
/// COMMIT.
pub(crate) const SIGNATURES: f64 = 5.0;

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
/// Payments of one payer.
const PAYMENTS: u64 = 500;
const PAYEES: u32 = 50;

pub(crate) struct Town {
    office: Office<Grouped<AnyLedger>>,
    id: OfficeId,
    payees: Vec<SigningKey>,
    payers: u32,
    claims: VecDeque<ClaimBundle>,
}

fn key(kind: u8, number: u32) -> SigningKey {
    let seed = onehop_wire::domain::sha256(&[&[kind][..], &number.to_be_bytes()].concat());
    SigningKey::from_seed(&seed.0)
}

impl Town {
    pub(crate) fn new(store: AnyLedger) -> Self {
        let new = NewOffice {
            name: "bench".to_owned(),
            currency: Currency::by_code("INR").unwrap(),
            profile: Profile::by_name("rbi-2023").unwrap(),
            credit_line: None,
            purse_max: None,
            operator: key(0, 1).public(),
        };
        let root = key(0, 0);
        let office = Office::create(Grouped::new(store), new, &root, &[3; 32], NOW).unwrap();
        let id = *office.id();
        let (payees, claims) = (Vec::new(), VecDeque::new());
        let mut town = Self { office, id, payees, payers: 0, claims };
        for number in 0..PAYEES {
            let payee = key(2, number);
            town.enrol(&payee, &format!("payee {number}"));
            town.payees.push(payee);
        }
        town
    }

    /// Another office over the same rows, with payers of its own.
    pub(crate) fn second(&self, store: AnyLedger) -> Self {
        let office = Office::open(Grouped::new(store)).unwrap();
        let (payees, claims) = (self.payees.clone(), VecDeque::new());
        Self { office, id: self.id, payees, payers: 1_000_000, claims }
    }

    fn enrol(&mut self, key: &SigningKey, name: &str) -> (Signed<Certificate>, Signed<Checkpoint>) {
        let body = Enrol {
            key: key.public(),
            mail_key: SessionKey([7; 32]),
            name: Text::new(name).unwrap(),
            class: Class::Person,
        };
        let asked = key.sign(&self.id, body).into_signed();
        let answer = self.office.alone(|office| office.enrol(NOW, &asked)).unwrap();
        (answer.certificate, answer.checkpoint)
    }

    /// A new payer that has paid and closed its checkpoint, the payees' claims not yet made.
    fn pay(&mut self) {
        self.payers += 1;
        let payer = key(1, self.payers);
        let (certificate, empty) = self.enrol(&payer, &format!("payer {}", self.payers));
        let charge = self.sync(&payer, &empty, &[], Transfer::Charge(100_000));
        let charged = self.office.alone(|office| office.sync(NOW, &charge)).unwrap();
        let checkpoint = charged.checkpoint;
        let here = checkpoint.hash(&self.id);
        let mut entries: Vec<SyncEntry> = Vec::new();
        let mut prev = here;
        for seq in 1..=PAYMENTS {
            let payee = &self.payees[usize::try_from(seq).unwrap() % self.payees.len()];
            let (agreed, commit) =
                self.payment(&payer, payee.wallet(), &certificate, &checkpoint, (seq, prev));
            prev = agreed.hash(&self.id);
            let commit = payee.sign(&self.id, commit).into_signed();
            let claim = Claim {
                payer: certificate.clone(),
                checkpoint: checkpoint.clone(),
                agreed: agreed.clone(),
                attachments: List::empty(),
                commit,
                committed: None,
            };
            self.claims.push_back(ClaimBundle { claims: List::new(vec![claim]).unwrap() });
            entries.push(SyncEntry { agreed, state: EntryState::InDoubt });
        }
        let close = self.sync(&payer, &checkpoint, &entries, Transfer::None);
        self.office.alone(|office| office.sync(NOW, &close)).unwrap();
    }

    fn payment(
        &self,
        payer: &SigningKey,
        payee: WalletId,
        certificate: &Signed<Certificate>,
        checkpoint: &Signed<Checkpoint>,
        (seq, prev): (u64, Hash),
    ) -> (Signed<Agreed>, Commit) {
        let here = checkpoint.hash(&self.id);
        let tx =
            onehop_wire::domain::sha256(&[here.as_bytes().as_slice(), &seq.to_be_bytes()].concat());
        let tx = TxId(tx.0);
        let body = Agreed {
            checkpoint: here,
            seq,
            prev,
            amount: 1,
            cum_out: seq,
            cum_back: 0,
            cum_in: 0,
            currency: checkpoint.body.currency,
            payee,
            tx,
            request: Hash([8; 32]),
            redeem_by: checkpoint.body.expires.plus(u64::from(certificate.body.claim_window)),
            refund_of: None,
            hops: 0,
            attachments: List::empty(),
        };
        let agreed = payer.sign(&self.id, body).into_signed();
        let hash = agreed.hash(&self.id);
        let payer = payer.wallet();
        (agreed, Commit { tx, payer, payee, agreed: hash, payee_checkpoint: None })
    }

    fn sync(
        &self,
        wallet: &SigningKey,
        checkpoint: &Signed<Checkpoint>,
        entries: &[SyncEntry],
        transfer: Transfer,
    ) -> Signed<Sync> {
        let here = checkpoint.hash(&self.id);
        let last = entries.last().map(|entry| &entry.agreed);
        let body = Sync {
            wallet: wallet.wallet(),
            checkpoint: here,
            seq: last.map_or(0, |last| last.body.seq),
            head: last.map_or(here, |last| last.hash(&self.id)),
            cum_out: last.map_or(0, |last| last.body.cum_out),
            entries: List::new(entries.to_vec()).unwrap(),
            aborts: List::empty(),
            transfer,
        };
        wallet.sign(&self.id, body).into_signed()
    }

    /// Makes sure of so many claims that nobody has filed yet.
    pub(crate) fn prepare(&mut self, count: usize) {
        while self.claims.len() < count {
            self.pay();
        }
    }

    fn prepared(&mut self, count: usize) -> Vec<ClaimBundle> {
        self.prepare(count);
        self.claims.drain(..count).collect()
    }

    fn group(&mut self, claims: &[ClaimBundle]) {
        let of = |claim| money_office::hints::of_claims(&self.id, claim);
        let keys: Vec<_> = claims.iter().flat_map(of).collect();
        let answers = self.office.group(|office| {
            office.warm(&keys);
            claims.iter().map(|claim| office.claim(NOW, claim).unwrap()).collect::<Vec<_>>()
        });
        for answer in answers.unwrap() {
            let Verdict::Outcome(outcome) = &answer.verdicts[0] else { panic!("{answer:?}") };
            assert_eq!(outcome.body.kind, OutcomeKind::Paid);
        }
    }

    /// Settles `count` claims in groups; how long that took.
    pub(crate) fn settle(&mut self, count: usize, group: usize) -> Duration {
        let claims = self.prepared(count);
        let begun = Instant::now();
        for part in claims.chunks(group) {
            self.group(part);
        }
        begun.elapsed()
    }

    /// Settles `count` claims in groups, while another thread checks the signatures of the groups
    /// that follow, as the threads of the service do; how long that took.
    pub(crate) fn settle_ahead(&mut self, count: usize, group: usize) -> Duration {
        let claims = self.prepared(count);
        let ahead = self.office.ahead();
        let (ready, next) = std::sync::mpsc::sync_channel(2);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for part in claims.chunks(group) {
                    part.iter().for_each(|bundle| ahead.claims(bundle));
                    ready.send(part).unwrap();
                }
                drop(ready);
            });
            for part in next {
                self.group(part);
            }
        });
        begun.elapsed()
    }

    /// Settles claims of which one comes after each `gap`; how long each waited.
    pub(crate) fn settle_as_they_come(&mut self, count: usize, gap: Duration) -> Vec<Duration> {
        let claims = self.prepared(count);
        let begun = Instant::now();
        let due = |number: usize| gap * u32::try_from(number).unwrap();
        let (mut done, mut waited) = (0, Vec::with_capacity(count));
        while done < count {
            let now = begun.elapsed();
            let here = (done..count.min(done + 1000)).take_while(|it| due(*it) <= now).count();
            if here == 0 {
                std::hint::spin_loop();
                continue;
            }
            self.group(&claims[done..done + here]);
            let now = begun.elapsed();
            waited.extend((done..done + here).map(|number| now.saturating_sub(due(number))));
            done += here;
        }
        waited
    }
}
