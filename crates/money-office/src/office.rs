//! The office: its set-up, its keys and its clock around the calls.

use onehop_crypto::{SigningKey, Trust};
use onehop_wire::bounded::List;
use onehop_wire::domain::office_id;
use onehop_wire::limits::NAME_MAX;
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::OfficeInfo;
use onehop_wire::{
    Currency, Hash, OfficeId, OfficeKey, PublicKey, Signed, Text, TxId, UnixSeconds, encode,
};

use crate::draft::{Decided, Draft, read_row};
use crate::error::{OfficeError, Refusal};
use crate::evidence::Evidence;
use crate::limits::LimitSet;
use crate::profile::Profile;
use crate::rows::{PaymentRow, SetupRow};
use crate::store::{Batch, LedgerStore, StoreError, Table};

const SETUP: &[u8] = b"setup";
const CLOCK: &[u8] = b"clock";
const SIGNER: &[u8] = b"signer";

/// What a new office is to be.
#[derive(Clone, Debug)]
pub struct NewOffice {
    /// What it is called.
    pub name: String,
    /// Its only currency.
    pub currency: Currency,
    /// Its limits.
    pub profile: Profile,
    /// How far an account may go below zero, in minor units; none: the profile's total limit.
    pub credit_line: Option<u64>,
    /// Most that a purse may hold, in minor units; none: as the profile says.
    pub purse_max: Option<u64>,
    /// Verifies the operator's commands.
    pub operator: PublicKey,
}

/// A money office over its store.
#[derive(Debug)]
pub struct Office<S> {
    pub(crate) store: S,
    setup: SetupRow,
    trust: Trust,
    signer: SigningKey,
    signer_number: u32,
}

impl<S: LedgerStore> Office<S> {
    /// Sets a new office up in an empty store. The root key is not kept; its owner keeps it.
    ///
    /// `seed` is fresh randomness for the first signing key.
    ///
    /// # Errors
    /// [`OfficeError`]; the name may be at most 40 bytes without control characters.
    pub fn create(
        mut store: S,
        new: NewOffice,
        root: &SigningKey,
        seed: &[u8; 32],
        now: UnixSeconds,
    ) -> Decided<Self> {
        let (profile, total) = (&new.profile, new.profile.total());
        let setup = SetupRow {
            root: root.public(),
            operator: new.operator,
            name: text(&new.name)?,
            profile: text(profile.name)?,
            currency: new.currency,
            first: LimitSet {
                number: 0,
                limits: profile.limits.clone(),
                purse_max: new.purse_max.unwrap_or(profile.purse_max),
                credit_line: new.credit_line.unwrap_or(total),
                charge_per_period: profile.charge_per_period,
                charge_period: profile.charge_period,
                charge_total: profile.charge_total,
            },
            checkpoint_seconds: profile.checkpoint_seconds,
            claim_window: profile.claim_window,
            certificate_seconds: profile.certificate_seconds,
            grace_seconds: profile.grace_seconds,
        };
        setup.first.check()?;
        let mut trust = Trust::new(root.public());
        let signer = SigningKey::from_seed(seed);
        let key = office_key(root, &signer, 1, now, profile.office_key_seconds);
        trust.add_key(key.clone())?;
        let mut draft =
            Draft::new(&store, (&setup, setup.first.clone()), &trust, (&signer, 1), now);
        draft.put(Table::Meta, SETUP, &setup);
        draft.put(Table::Meta, SIGNER, &(1u32, *signer.seed()));
        draft.put(Table::OfficeKeys, &1u32.to_be_bytes(), &key);
        draft.keep(&Evidence::OfficeKey(key))?;
        let batch = draft.into_batch();
        store.apply(&batch)?;
        Ok(Self { store, setup, trust, signer, signer_number: 1 })
    }

    /// Opens the office that a store holds.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it holds none.
    pub fn open(store: S) -> Decided<Self> {
        let meta = |key: &[u8]| -> Result<Vec<u8>, StoreError> {
            store.get(Table::Meta, key)?.ok_or(StoreError::Missing { table: Table::Meta })
        };
        let setup: SetupRow = read_row(Table::Meta, &meta(SETUP)?)?;
        let (signer_number, seed): (u32, [u8; 32]) = read_row(Table::Meta, &meta(SIGNER)?)?;
        let mut trust = Trust::new(setup.root);
        for (_, bytes) in store.scan(Table::OfficeKeys, &[], None, usize::MAX)? {
            trust.add_key(read_row(Table::OfficeKeys, &bytes)?)?;
        }
        let signer = SigningKey::from_seed(&seed);
        Ok(Self { store, setup, trust, signer, signer_number })
    }

    /// Makes a new signing key, certified by the root, and signs with it from now on.
    ///
    /// # Errors
    /// [`OfficeError`]; the root must be the one of [`Office::create`].
    pub fn renew_key(
        &mut self,
        root: &SigningKey,
        seed: &[u8; 32],
        now: UnixSeconds,
    ) -> Decided<u32> {
        let number = self.signer_number.checked_add(1).ok_or(StoreError::Range)?;
        let signer = SigningKey::from_seed(seed);
        let seconds = Profile::by_name(self.setup.profile.as_str())
            .map_or(self.setup.certificate_seconds, |profile| profile.office_key_seconds);
        let key = office_key(root, &signer, number, now, seconds);
        let mut trust = self.trust.clone();
        trust.add_key(key.clone())?;
        self.call(now, |draft| {
            draft.put(Table::Meta, SIGNER, &(number, *signer.seed()));
            draft.put(Table::OfficeKeys, &number.to_be_bytes(), &key);
            draft.keep(&Evidence::OfficeKey(key.clone()))?;
            Ok(())
        })?;
        (self.trust, self.signer, self.signer_number) = (trust, signer, number);
        Ok(number)
    }

    /// The office's id.
    #[must_use]
    pub const fn id(&self) -> &OfficeId {
        self.trust.office()
    }

    /// What a wallet pins when it enrols.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the signing key is not there.
    pub fn info(&self) -> Decided<OfficeInfo> {
        Ok(OfficeInfo {
            root: self.setup.root,
            new_roots: List::empty(),
            office_key: self.office_key()?,
            currency: self.setup.currency,
            name: self.setup.name.clone(),
        })
    }

    pub(crate) fn office_key(&self) -> Result<Signed<OfficeKey>, StoreError> {
        let missing = StoreError::Missing { table: Table::OfficeKeys };
        self.trust.key(self.signer_number).cloned().ok_or(missing)
    }

    /// The office's currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.setup.currency
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }

    /// Reads the store once, to see that it can be read.
    ///
    /// # Errors
    /// [`StoreError`] if it can't.
    pub fn check(&self) -> Decided<()> {
        match self.store.get(Table::Meta, SETUP)? {
            Some(_) => Ok(()),
            None => Err(StoreError::Missing { table: Table::Meta }.into()),
        }
    }

    /// The decisions about a payment attempt. More than one only if a payer signed entries under
    /// the tx id of strangers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outcomes(&self, tx: TxId) -> Decided<Vec<Signed<onehop_wire::office::Outcome>>> {
        let rows = self.store.scan(Table::Payments, tx.as_bytes(), None, 16)?;
        let rows: Result<Vec<PaymentRow>, _> =
            rows.iter().map(|(_, bytes)| read_row(Table::Payments, bytes)).collect();
        Ok(rows?.into_iter().filter_map(|row| row.outcome).collect())
    }

    /// Runs `work` at office time, which never goes back, and makes what it wrote durable.
    pub(crate) fn call<T>(
        &mut self,
        now: UnixSeconds,
        work: impl FnOnce(&mut Draft<'_, S>) -> Decided<T>,
    ) -> Decided<T> {
        let (answer, batch) = self.prepare(now, work)?;
        if !batch.writes.is_empty() {
            let written = self.store.apply(&batch);
            if !mutant::is(Mutant::AnsweredBeforeWrite) {
                written?;
            }
        }
        Ok(answer)
    }

    fn prepare<T>(
        &self,
        now: UnixSeconds,
        work: impl FnOnce(&mut Draft<'_, S>) -> Decided<T>,
    ) -> Decided<(T, Batch)> {
        let stored = self.store.get(Table::Meta, CLOCK)?;
        let stored = stored.map(|bytes| read_row(Table::Meta, &bytes)).transpose()?;
        let now = now.max(stored.unwrap_or_default());
        let signer = (&self.signer, self.signer_number);
        let setup = (&self.setup, self.limits()?);
        let mut draft = Draft::new(&self.store, setup, &self.trust, signer, now);
        let answer = work(&mut draft)?;
        draft.collect()?;
        let mut batch = draft.into_batch();
        if !batch.writes.is_empty() {
            // A call that decides nothing need not move the clock.
            batch.writes.insert((Table::Meta, CLOCK.to_vec()), Some(encode(&now)));
        }
        Ok((answer, batch))
    }

    pub(crate) const fn setup(&self) -> &SetupRow {
        &self.setup
    }
}

fn text(name: &str) -> Decided<Text<NAME_MAX>> {
    if name.trim().is_empty() {
        return Err(Refusal::NameEmpty.into());
    }
    Text::new(name).map_err(|_| OfficeError::Refused(Refusal::TooLong))
}

fn office_key(
    root: &SigningKey,
    signer: &SigningKey,
    number: u32,
    now: UnixSeconds,
    seconds: u64,
) -> Signed<OfficeKey> {
    let key = signer.public();
    let body = OfficeKey { number, key, not_before: now, not_after: now.plus(seconds) };
    root.sign(&office_id(&root.public()), body).into_signed()
}

/// A hash of nothing, for first checkpoints.
pub(crate) const NO_HASH: Hash = Hash([0; 32]);
