//! The way from a statement of the office back to the root key that the wallet pinned.

use std::collections::BTreeMap;

use onehop_wire::domain::office_id;
use onehop_wire::office::{NewRoot, OfficeInfo, Outcome, Pending, RevocationDelta, Revocations};
use onehop_wire::relay::Answered;
use onehop_wire::{
    Certificate, Checkpoint, OfficeId, OfficeKey, PublicKey, Signed, Statement, UnixSeconds,
};

use serde::{Deserialize, Serialize};

use crate::keys::{BadSignature, Verified, verify};
use crate::memory::Memory;

/// Why a statement is not one of this office.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The signing key is not known here; ask the other side to send it.
    #[error("office key {number} is not known")]
    UnknownOfficeKey {
        /// The key's number.
        number: u32,
    },
    /// Another office's, altered, or forged.
    #[error("not signed by this office")]
    Signature(#[from] BadSignature),
    /// The signing key was not valid when the statement says it was signed.
    #[error("office key {number} was not valid on {at}")]
    OfficeKeyDates {
        /// The key's number.
        number: u32,
        /// The date in the statement.
        at: UnixSeconds,
    },
    /// The office certified two keys under one number; keep both and show them to others.
    #[error("office key {number} has two different statements")]
    OfficeKeyClash {
        /// The key's number.
        number: u32,
    },
    /// The first root key given does not hash to the office id.
    #[error("root key is not the one of office {office:?}")]
    Root {
        /// The office expected.
        office: OfficeId,
    },
}

/// An office as a wallet knows it: its id, root keys and the signing keys seen so far.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Trust {
    office: OfficeId,
    roots: Vec<PublicKey>,
    new_roots: Vec<Signed<NewRoot>>,
    keys: BTreeMap<u32, Signed<OfficeKey>>,
    #[serde(skip)]
    memory: Memory,
}

impl Trust {
    /// Trusts the office whose first root key is `root`.
    #[must_use]
    pub fn new(root: PublicKey) -> Self {
        let (office, memory) = (office_id(&root), Memory::default());
        Self { office, roots: vec![root], new_roots: Vec::new(), keys: BTreeMap::new(), memory }
    }

    /// The same trust, which remembers what it has verified in `memory`: for the office itself, to
    /// which every claim brings the same certificates and checkpoints again.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// What it remembers by.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Reads an office's public information, pinned by its id.
    ///
    /// # Errors
    /// [`ChainError`] if the root is not that of `pinned`, or a statement in it is not signed.
    pub fn from_info(info: &OfficeInfo, pinned: Option<&OfficeId>) -> Result<Self, ChainError> {
        let mut trust = Self::new(info.root);
        if let Some(office) = pinned.filter(|office| **office != trust.office) {
            return Err(ChainError::Root { office: *office });
        }
        for root in &info.new_roots {
            trust.add_root(root.clone())?;
        }
        trust.add_key(info.office_key.clone())?;
        Ok(trust)
    }

    /// Accepts a successor that a trusted root announces. The old roots stay trusted for what
    /// they have signed.
    ///
    /// # Errors
    /// [`ChainError::Signature`] if no trusted root signed it.
    pub fn add_root(&mut self, statement: Signed<NewRoot>) -> Result<(), ChainError> {
        let statement = self.verify_by_root(statement)?.into_signed();
        let root = statement.body.root;
        if !self.roots.contains(&root) {
            self.roots.push(root);
            self.new_roots.push(statement);
        }
        Ok(())
    }

    /// Accepts a signing key that a trusted root certifies.
    ///
    /// # Errors
    /// [`ChainError::Signature`] if no trusted root signed it; the set of keys is unchanged.
    pub fn add_key(&mut self, statement: Signed<OfficeKey>) -> Result<(), ChainError> {
        if self.keys.get(&statement.body.number) == Some(&statement) {
            return Ok(());
        }
        let key = self.verify_by_root(statement)?.into_signed();
        let number = key.body.number;
        if self.keys.get(&number).is_some_and(|known| known.body != key.body) {
            return Err(ChainError::OfficeKeyClash { number });
        }
        self.keys.insert(key.body.number, key);
        Ok(())
    }

    /// The office.
    #[must_use]
    pub const fn office(&self) -> &OfficeId {
        &self.office
    }

    /// The first root key, by which the office is pinned.
    #[must_use]
    pub fn root(&self) -> PublicKey {
        self.roots.first().copied().unwrap_or(PublicKey([0; 32]))
    }

    /// The statements that announced successors of the first root, in the order in which they were
    /// accepted, so that each verifies by a root before it.
    #[must_use]
    pub fn new_roots(&self) -> &[Signed<NewRoot>] {
        &self.new_roots
    }

    /// The signing key of this number, if it is known.
    #[must_use]
    pub fn key(&self, number: u32) -> Option<&Signed<OfficeKey>> {
        self.keys.get(&number)
    }

    /// All signing keys known, by number.
    pub fn keys(&self) -> impl Iterator<Item = &Signed<OfficeKey>> {
        self.keys.values()
    }

    /// Checks that this office signed `certificate`. Its dates are the caller's to check.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn certificate(
        &self,
        certificate: Signed<Certificate>,
    ) -> Result<Verified<Certificate>, ChainError> {
        let (number, at) = (certificate.body.signed_by, certificate.body.not_before);
        let certificate = self.verify_by_key(certificate, number, Some(at))?;
        self.memory.note(&certificate.body().key);
        Ok(certificate)
    }

    /// Checks that this office signed `checkpoint`. Its dates are the caller's to check.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn checkpoint(
        &self,
        checkpoint: Signed<Checkpoint>,
    ) -> Result<Verified<Checkpoint>, ChainError> {
        let (number, at) = (checkpoint.body.signed_by, checkpoint.body.issued);
        self.verify_by_key(checkpoint, number, Some(at))
    }

    /// Checks that this office signed `outcome`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn outcome(&self, outcome: Signed<Outcome>) -> Result<Verified<Outcome>, ChainError> {
        let number = outcome.body.signed_by;
        self.verify_by_key(outcome, number, None)
    }

    /// Checks that this office signed `answered`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn answered(&self, answered: Signed<Answered>) -> Result<Verified<Answered>, ChainError> {
        let number = answered.body.signed_by;
        self.verify_by_key(answered, number, None)
    }

    /// Checks that this office signed `pending`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn pending(&self, pending: Signed<Pending>) -> Result<Verified<Pending>, ChainError> {
        let number = pending.body.signed_by;
        self.verify_by_key(pending, number, None)
    }

    /// Checks that this office signed `list`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn revocations(
        &self,
        list: Signed<Revocations>,
    ) -> Result<Verified<Revocations>, ChainError> {
        let number = list.body.signed_by;
        self.verify_by_key(list, number, None)
    }

    /// Checks that this office signed `delta`.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn delta(
        &self,
        delta: Signed<RevocationDelta>,
    ) -> Result<Verified<RevocationDelta>, ChainError> {
        let number = delta.body.signed_by;
        self.verify_by_key(delta, number, None)
    }

    /// Checks that the wallet with `key` signed `statement` within this office.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn by_wallet<T: Statement>(
        &self,
        key: &PublicKey,
        statement: Signed<T>,
    ) -> Result<Verified<T>, BadSignature> {
        self.memory.verify(&self.office, key, statement)
    }

    fn verify_by_key<T: Statement>(
        &self,
        statement: Signed<T>,
        number: u32,
        at: Option<UnixSeconds>,
    ) -> Result<Verified<T>, ChainError> {
        let key = &self.keys.get(&number).ok_or(ChainError::UnknownOfficeKey { number })?.body;
        if let Some(at) = at.filter(|at| *at < key.not_before || *at > key.not_after) {
            return Err(ChainError::OfficeKeyDates { number, at });
        }
        Ok(self.memory.verify(&self.office, &key.key, statement)?)
    }

    fn verify_by_root<T: Statement + Clone>(
        &self,
        statement: Signed<T>,
    ) -> Result<Verified<T>, ChainError> {
        let mut last = ChainError::Signature(BadSignature { statement: T::TYPE });
        for root in &self.roots {
            match verify(&self.office, root, statement.clone()) {
                Ok(verified) => return Ok(verified),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}
