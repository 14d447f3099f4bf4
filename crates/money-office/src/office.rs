//! The office: its set-up, its keys and its clock around the calls.

use onehop_crypto::{Memory, SigningKey, Trust};
use onehop_wire::bounded::List;
use onehop_wire::limits::{NAME_MAX, NEW_ROOTS_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::{NewRoot, OfficeInfo};
use onehop_wire::{
    Currency, Hash, OfficeId, OfficeKey, PublicKey, Signed, Text, TxId, UnixSeconds, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ahead::Ahead;
use crate::draft::{Decided, Draft, PAGE, read_row};
use crate::error::{OfficeError, Refusal};
use crate::evidence::Evidence;
use crate::limits::LimitSet;
use crate::profile::Profile;
use crate::relay::mail_row;
use crate::rows::{PaymentRow, SetupRow};
use crate::store::{Batch, LedgerStore, Purpose, StoreError, Table};

const SETUP: &[u8] = b"setup";
const CLOCK: &[u8] = b"clock";
const SIGNER: &[u8] = b"signer";
/// Where the successors of the root are.
pub(crate) const NEW_ROOTS: &[u8] = b"new-roots";
/// How often a call is decided again after another writer came in between.
pub(crate) const TRIES_MAX: u32 = 20;

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
///
/// Of what another office on the same store can change, it holds only the signing keys, and looks
/// at every call whether they are still the newest.
#[derive(Debug)]
pub struct Office<S> {
    pub(crate) store: S,
    /// Written once, when the office is set up.
    setup: SetupRow,
    trust: Trust,
    pub(crate) signer: SigningKey,
    pub(crate) signer_number: u32,
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
        let mut trust = Trust::new(root.public()).remembering(Memory::new());
        let signer = SigningKey::from_seed(seed);
        let id = *trust.office();
        let key = office_key((root, &id), &signer, 1, now, profile.office_key_seconds);
        trust.add_key(key.clone())?;
        store.begin(Purpose::Write)?;
        if store.get(Table::Meta, SETUP)?.is_some() {
            store.cancel();
            return Err(StoreError::Taken.into());
        }
        let mut draft =
            Draft::new(&store, (&setup, setup.first.clone()), &trust, (&signer, 1), now);
        draft.put(Table::Meta, SETUP, &setup);
        draft.put(Table::Meta, SIGNER, &(1u32, *signer.seed()));
        draft.put(Table::Meta, &mail_row(1), &*signer.mail_secret().to_bytes());
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
        let setup: SetupRow = meta(&store, SETUP)?;
        let (trust, signer, signer_number) = keys(&store, &setup, Memory::new())?;
        Ok(Self { store, setup, trust, signer, signer_number })
    }

    /// Makes a new signing key, certified by the root, and signs with it from now on.
    ///
    /// # Errors
    /// [`OfficeError`]; the root must be the one of [`Office::create`], or a successor that
    /// [`Office::add_root`] announced.
    pub fn renew_key(
        &mut self,
        root: &SigningKey,
        seed: &[u8; 32],
        now: UnixSeconds,
    ) -> Decided<u32> {
        let signer = SigningKey::from_seed(seed);
        let seconds = Profile::by_name(self.setup.profile.as_str())
            .map_or(self.setup.certificate_seconds, |profile| profile.office_key_seconds);
        let number = self.call(now, |draft| {
            let number = draft.signer_number.checked_add(1).ok_or(StoreError::Range)?;
            let id = *draft.trust.office();
            let key = office_key((root, &id), &signer, number, now, seconds);
            // Refuses a root that is not this office's.
            draft.trust.clone().add_key(key.clone())?;
            draft.put(Table::Meta, SIGNER, &(number, *signer.seed()));
            draft.put(Table::Meta, &mail_row(number), &*signer.mail_secret().to_bytes());
            draft.put(Table::OfficeKeys, &number.to_be_bytes(), &key);
            draft.keep(&Evidence::OfficeKey(key))?;
            Ok(number)
        })?;
        self.refresh()?;
        Ok(number)
    }

    /// Announces `new` as the next root, signed by `root`; gives its number. Both certify signing
    /// keys from then on. Announced again it keeps its number.
    ///
    /// Wallets hear of it at their next SYNC or from each other. A key that it certifies is refused
    /// by those that have not: let some weeks pass before the first.
    ///
    /// # Errors
    /// [`Refusal`] if `root` is not one of this office, or there are 16 successors already.
    pub fn add_root(
        &mut self,
        root: &SigningKey,
        new: PublicKey,
        now: UnixSeconds,
    ) -> Decided<u32> {
        let number = self.call(now, |draft| {
            let mut roots = draft.new_roots()?.into_inner();
            if let Some(known) = roots.iter().find(|known| known.body.root == new) {
                return Ok(known.body.number);
            }
            let number = u32::try_from(roots.len()).ok().and_then(|count| count.checked_add(1));
            let number = number.ok_or(StoreError::Range)?;
            let body = NewRoot { number, root: new, from: draft.now };
            let statement = root.sign(draft.trust.office(), body).into_signed();
            // Refuses a root that is not this office's.
            draft.trust.clone().add_root(statement.clone())?;
            roots.push(statement.clone());
            let roots: List<_, NEW_ROOTS_MAX> = List::new(roots).map_err(|_| Refusal::TooLong)?;
            draft.put(Table::Meta, NEW_ROOTS, &roots.into_inner());
            draft.keep(&Evidence::NewRoot(statement))?;
            Ok(number)
        })?;
        self.read_keys()?;
        Ok(number)
    }

    /// What checks signatures for this office in other threads, before their requests' turn comes.
    #[must_use]
    pub fn ahead(&self) -> Ahead {
        Ahead::new(*self.id(), self.trust.memory().clone())
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
        let (number, _): (u32, [u8; 32]) = meta(&self.store, SIGNER)?;
        let key = self.store.get(Table::OfficeKeys, &number.to_be_bytes())?;
        let key = key.ok_or(StoreError::Missing { table: Table::OfficeKeys })?;
        let new_roots = new_roots(&self.store)?;
        let new_roots = List::new(new_roots).map_err(|_| Refusal::TooLong)?;
        Ok(OfficeInfo {
            root: self.setup.root,
            new_roots,
            office_key: read_row(Table::OfficeKeys, &key)?,
            currency: self.setup.currency,
            name: self.setup.name.clone(),
        })
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

    /// The store, to be changed behind the office's back as another office on it would.
    #[must_use]
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
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
        self.view(|| {
            let rows = self.store.scan(Table::Payments, tx.as_bytes(), None, 16)?;
            let rows: Result<Vec<PaymentRow>, _> =
                rows.iter().map(|(_, bytes)| read_row(Table::Payments, bytes)).collect();
            Ok(rows?.into_iter().filter_map(|row| row.outcome).collect())
        })
    }

    /// Runs `work` at office time, which never goes back, and makes what it wrote durable. After a
    /// [`StoreError::Conflict`] it is run again from fresh rows.
    pub(crate) fn call<T>(
        &mut self,
        now: UnixSeconds,
        work: impl Fn(&mut Draft<'_, S>) -> Decided<T>,
    ) -> Decided<T> {
        for _ in 1..TRIES_MAX {
            match self.attempt(now, &work) {
                // A group is decided again as a whole.
                Err(OfficeError::Store(StoreError::Conflict)) if !self.store.is_grouped() => {}
                done => return done,
            }
        }
        self.attempt(now, &work)
    }

    fn attempt<T>(
        &mut self,
        now: UnixSeconds,
        work: impl Fn(&mut Draft<'_, S>) -> Decided<T>,
    ) -> Decided<T> {
        self.store.begin(Purpose::Write)?;
        match self.refresh().and_then(|()| self.prepare(now, work)) {
            Ok((answer, batch)) if batch.writes.is_empty() => {
                self.store.finish()?;
                Ok(answer)
            }
            Ok((answer, batch)) => {
                let written = self.store.apply(&batch);
                if !mutant::is(Mutant::AnsweredBeforeWrite) {
                    written?;
                }
                Ok(answer)
            }
            Err(OfficeError::Refused(refusal)) => {
                self.store.finish()?;
                Err(refusal.into())
            }
            Err(error @ OfficeError::Store(_)) => {
                self.store.cancel();
                Err(error)
            }
        }
    }

    /// Runs `work`, which reads only, on rows of one moment.
    pub(crate) fn view<T>(&self, work: impl Fn() -> Decided<T>) -> Decided<T> {
        self.store.begin(Purpose::Read)?;
        match work() {
            Ok(answer) => {
                self.store.finish()?;
                Ok(answer)
            }
            Err(error) => {
                self.store.cancel();
                Err(error)
            }
        }
    }

    /// Takes the keys over that another office on this store has made.
    fn read_keys(&mut self) -> Decided<()> {
        let memory = self.trust.memory().clone();
        (self.trust, self.signer, self.signer_number) = keys(&self.store, &self.setup, memory)?;
        Ok(())
    }

    fn refresh(&mut self) -> Decided<()> {
        let (number, _): (u32, [u8; 32]) = meta(&self.store, SIGNER)?;
        if number != self.signer_number {
            self.read_keys()?;
        }
        Ok(())
    }

    fn prepare<T>(
        &self,
        now: UnixSeconds,
        work: impl Fn(&mut Draft<'_, S>) -> Decided<T>,
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

    /// The rows of a table that `keep` lets through, page by page.
    pub(crate) fn rows<T: Serialize + DeserializeOwned>(
        &self,
        table: Table,
        keep: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, StoreError> {
        let (mut found, mut after): (Vec<T>, Option<Vec<u8>>) = (Vec::new(), None);
        loop {
            let page = self.store.scan(table, &[], after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            for (_, bytes) in &page {
                let row: T = read_row(table, bytes)?;
                if keep(&row) {
                    found.push(row);
                }
            }
        }
    }

    pub(crate) const fn setup(&self) -> &SetupRow {
        &self.setup
    }
}

/// A row about the office itself.
fn meta<T: Serialize + DeserializeOwned>(
    store: &impl LedgerStore,
    key: &[u8],
) -> Result<T, StoreError> {
    let bytes = store.get(Table::Meta, key)?;
    read_row(Table::Meta, &bytes.ok_or(StoreError::Missing { table: Table::Meta })?)
}

/// All certified keys, and the newest with its number.
fn keys(
    store: &impl LedgerStore,
    setup: &SetupRow,
    memory: Memory,
) -> Decided<(Trust, SigningKey, u32)> {
    let (number, seed): (u32, [u8; 32]) = meta(store, SIGNER)?;
    let mut trust = Trust::new(setup.root).remembering(memory);
    for root in new_roots(store)? {
        trust.add_root(root)?;
    }
    for (_, bytes) in store.scan(Table::OfficeKeys, &[], None, usize::MAX)? {
        trust.add_key(read_row(Table::OfficeKeys, &bytes)?)?;
    }
    Ok((trust, SigningKey::from_seed(&seed), number))
}

/// Successors of the root, in order.
fn new_roots(store: &impl LedgerStore) -> Result<Vec<Signed<NewRoot>>, StoreError> {
    match store.get(Table::Meta, NEW_ROOTS)? {
        Some(bytes) => read_row(Table::Meta, &bytes),
        None => Ok(Vec::new()),
    }
}

fn text(name: &str) -> Decided<Text<NAME_MAX>> {
    if name.trim().is_empty() {
        return Err(Refusal::NameEmpty.into());
    }
    Text::new(name).map_err(|_| OfficeError::Refused(Refusal::TooLong))
}

fn office_key(
    (root, office): (&SigningKey, &OfficeId),
    signer: &SigningKey,
    number: u32,
    now: UnixSeconds,
    seconds: u64,
) -> Signed<OfficeKey> {
    let (key, mail_key) = (signer.public(), signer.mail_secret().public());
    let body = OfficeKey { number, key, mail_key, not_before: now, not_after: now.plus(seconds) };
    root.sign(office, body).into_signed()
}

/// A hash of nothing, for first checkpoints.
pub(crate) const NO_HASH: Hash = Hash([0; 32]);
