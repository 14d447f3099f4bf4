//! ENROL: a wallet proves its key and gets a certificate and an empty purse.

use onehop_crypto::keys::is_strong;
use onehop_crypto::verify;
use onehop_wire::bounded::List;
use onehop_wire::domain::wallet_id;
use onehop_wire::limits::{DELTAS_MAX, NEW_ROOTS_MAX, REVOCATIONS_MAX};
use onehop_wire::office::{Enrol, EnrolAnswer, NewRoot, RevocationDelta, Revocations};
use onehop_wire::{Certificate, Checkpoint, Hash, OfficeKey, Signed, UnixSeconds, WalletId};

use crate::draft::{Decided, Draft};
use crate::error::Refusal;
use crate::evidence::{Enrolled, Evidence};
use crate::office::{NEW_ROOTS, NO_HASH, Office};
use crate::rows::{Account, CheckpointRow, WalletRow, key_of};
use crate::store::{LedgerStore, StoreError, Table};

/// Where the revocation list stands.
const REVOKED: &[u8] = b"revoked";

impl<S: LedgerStore> Office<S> {
    /// Answers an ENROL; the same one always gets the same bytes.
    ///
    /// # Errors
    /// [`Refusal`]: unsigned, weak key, or the name (whatever its case) or the key is taken.
    pub fn enrol(&mut self, now: UnixSeconds, enrol: &Signed<Enrol>) -> Decided<EnrolAnswer> {
        self.call(now, |draft| {
            if !is_strong(&enrol.body.key) {
                return Err(Refusal::WeakKey.into());
            }
            let enrol = verify(draft.trust.office(), &enrol.body.key, enrol.clone())?;
            if let Some(answer) = draft.answered(enrol.hash())? {
                return Ok(answer);
            }
            draft.cause = enrol.hash();
            let wallet = wallet_id(&enrol.body().key);
            let old = match draft.find::<WalletRow>(Table::Wallets, wallet.as_bytes())? {
                Some(old) => Some(draft.restorable(enrol.body(), old)?),
                None => None,
            };
            let answer = draft.enrol(enrol.signed(), old)?;
            draft.answer(enrol.hash(), &answer);
            Ok(answer)
        })
    }
}

/// What a new checkpoint repeats of the one before.
pub(crate) struct NextPurse {
    pub(crate) number: u32,
    pub(crate) balance: u64,
    pub(crate) base_seq: u64,
    pub(crate) base_head: Hash,
    pub(crate) base_cum_out: u64,
}

impl NextPurse {
    /// Empty, without a checkpoint before.
    const fn empty(number: u32) -> Self {
        Self { number, balance: 0, base_seq: 0, base_head: NO_HASH, base_cum_out: 0 }
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    /// An enrolled wallet comes again, same key, name and class, with a new mail key: it lost its
    /// state. Its open checkpoint stays open for claims.
    fn restorable(&self, enrol: &Enrol, old: WalletRow) -> Decided<WalletRow> {
        let (wallet, certified) = (wallet_id(&enrol.key), &old.certificate.body);
        if old.revoked {
            return Err(Refusal::Revoked { wallet }.into());
        }
        if old.frozen {
            return Err(Refusal::Frozen { wallet }.into());
        }
        let same = certified.name == enrol.name && certified.class == enrol.class;
        if !same || certified.mail_key == enrol.mail_key {
            return Err(Refusal::KeyTaken { wallet }.into());
        }
        Ok(old)
    }

    fn enrol(&mut self, enrol: &Signed<Enrol>, old: Option<WalletRow>) -> Decided<EnrolAnswer> {
        let office_key = self.office_key()?;
        let wallet = wallet_id(&enrol.body.key);
        let one_more = |number: u32| number.checked_add(1).ok_or(StoreError::Range);
        let (epoch, number) = match &old {
            Some(old) => {
                // What was received waits for the purse after the empty one.
                let (from, to) = (one_more(old.number)?, one_more(one_more(old.number)?)?);
                let (from, to) = (Account::Purse(wallet, from), Account::Purse(wallet, to));
                let waiting = self.free(from)?;
                self.post(from, to, waiting)?;
                (one_more(old.certificate.body.epoch)?, one_more(old.number)?)
            }
            None => {
                let name = self.free_name(&enrol.body)?;
                self.put(Table::Names, name.as_bytes(), &wallet);
                (1, 1)
            }
        };
        let certificate = self.certify(&enrol.body, epoch)?;
        let checkpoint = self.issue(&certificate, &NextPurse::empty(number))?;
        let ends = redeem_by(&certificate, &checkpoint);
        let row = WalletRow {
            certificate: certificate.clone(),
            checkpoint: checkpoint.hash(self.trust.office()),
            number,
            revoked: false,
            frozen: false,
            lost: false,
            liable_until: old.as_ref().map_or(ends, |old| old.liable_until.max(ends)),
            charged: old.map(|old| old.charged).unwrap_or_default(),
        };
        self.put(Table::Wallets, wallet.as_bytes(), &row);
        let kept = Enrolled {
            enrol: enrol.clone(),
            certificate: certificate.clone(),
            checkpoint: checkpoint.clone(),
        };
        self.keep(&Evidence::Enrolled(Box::new(kept)))?;
        let new_roots = self.new_roots()?;
        Ok(EnrolAnswer { new_roots, office_key, certificate, checkpoint })
    }

    /// The name in the form in which names are compared, if nobody has it.
    fn free_name(&self, enrol: &Enrol) -> Decided<String> {
        let name = enrol.name.as_str().trim().to_lowercase();
        if name.is_empty() {
            return Err(Refusal::NameEmpty.into());
        }
        if self.bytes(Table::Names, name.as_bytes())?.is_some() {
            return Err(Refusal::NameTaken { name: enrol.name.as_str().to_owned() }.into());
        }
        Ok(name)
    }

    /// The certified key that this call signs with.
    fn office_key(&self) -> Result<Signed<OfficeKey>, StoreError> {
        let missing = StoreError::Missing { table: Table::OfficeKeys };
        self.trust.key(self.signer_number).cloned().ok_or(missing)
    }

    fn check_signer(&self) -> Decided<()> {
        let number = self.signer_number;
        let ended = |key: &Signed<OfficeKey>| self.now > key.body.not_after;
        if self.trust.key(number).is_none_or(ended) {
            return Err(Refusal::KeyExpired { number }.into());
        }
        Ok(())
    }

    fn certify(&self, enrol: &Enrol, epoch: u32) -> Decided<Signed<Certificate>> {
        self.check_signer()?;
        let body = Certificate {
            key: enrol.key,
            mail_key: enrol.mail_key,
            name: enrol.name.clone(),
            class: enrol.class,
            limits: self.limits.limits.clone(),
            currency: self.setup.currency,
            claim_window: self.setup.claim_window,
            not_before: self.now,
            not_after: self.now.plus(self.setup.certificate_seconds),
            epoch,
            signed_by: self.signer_number,
        };
        Ok(self.signer.sign(self.trust.office(), body).into_signed())
    }

    /// The same certificate with new dates and the limits in force, if a checkpoint of full length
    /// would outlive it, its limits are others, or the office signs with a newer key.
    pub(crate) fn renewed(
        &self,
        certificate: &Signed<Certificate>,
    ) -> Decided<Signed<Certificate>> {
        self.check_signer()?;
        let lasts = self.now.plus(self.setup.checkpoint_seconds) <= certificate.body.not_after;
        let same = certificate.body.limits == self.limits.limits;
        if lasts && same && certificate.body.signed_by == self.signer_number {
            return Ok(certificate.clone());
        }
        let body = Certificate {
            not_before: self.now,
            not_after: self.now.plus(self.setup.certificate_seconds),
            limits: self.limits.limits.clone(),
            signed_by: self.signer_number,
            ..certificate.body.clone()
        };
        Ok(self.signer.sign(self.trust.office(), body).into_signed())
    }

    /// Signs and stores a checkpoint that goes with `certificate`.
    pub(crate) fn issue(
        &mut self,
        certificate: &Signed<Certificate>,
        next: &NextPurse,
    ) -> Decided<Signed<Checkpoint>> {
        let body = Checkpoint {
            wallet: certificate.body.wallet(),
            epoch: certificate.body.epoch,
            number: next.number,
            balance: next.balance,
            currency: self.setup.currency,
            base_seq: next.base_seq,
            base_head: next.base_head,
            base_cum_out: next.base_cum_out,
            issued: self.now,
            expires: self.now.plus(self.setup.checkpoint_seconds).min(certificate.body.not_after),
            revocations: self.revoked()?.0,
            signed_by: self.signer_number,
        };
        let signed = self.signer.sign(self.trust.office(), body);
        let row = CheckpointRow {
            signed: signed.signed().clone(),
            certificate: certificate.clone(),
            closed: None,
            lapsed: false,
        };
        let due = due_key(&row, signed.hash());
        self.put(Table::Due, &due, &signed.hash());
        self.put(Table::Checkpoints, signed.hash().as_bytes(), &row);
        Ok(signed.into_signed())
    }
}

impl<S: LedgerStore> Draft<'_, S> {
    /// Number and wallets of the newest revocation list.
    pub(crate) fn revoked(&self) -> Result<(u32, Vec<WalletId>), StoreError> {
        Ok(self.find(Table::Meta, REVOKED)?.unwrap_or_default())
    }

    /// The newest revocation list, signed.
    pub(crate) fn revocations(&self) -> Decided<Signed<Revocations>> {
        let (number, wallets) = self.revoked()?;
        let wallets = List::new(wallets).map_err(|_| Refusal::TooLong)?;
        let body = Revocations { number, wallets, signed_by: self.signer_number };
        Ok(self.signer.sign(self.trust.office(), body).into_signed())
    }

    /// What each list has more than the one before, from the list after `known`, the newest
    /// [`DELTAS_MAX`].
    ///
    /// Each wallet came on a list of its own: what a delta says follows from the order of the
    /// evidence, and only who signs it from when it is asked for.
    pub(crate) fn deltas(&self, known: u32) -> Decided<Vec<Signed<RevocationDelta>>> {
        let (last, _) = self.revoked()?;
        let most = u32::try_from(DELTAS_MAX).unwrap_or(u32::MAX);
        let first = known.max(last.saturating_sub(most)).saturating_add(1);
        let mut deltas = Vec::new();
        for number in first..=last {
            // A list from before its steps were kept leads nowhere.
            let Some(wallet) = self.find::<WalletId>(Table::Meta, &step_key(number))? else {
                deltas.clear();
                continue;
            };
            let added = List::new(vec![wallet]).map_err(|_| Refusal::TooLong)?;
            let body = RevocationDelta { number, added, signed_by: self.signer_number };
            deltas.push(self.signer.sign(self.trust.office(), body).into_signed());
        }
        Ok(deltas)
    }

    /// Successors of the root, in order.
    pub(crate) fn new_roots(&self) -> Decided<List<Signed<NewRoot>, NEW_ROOTS_MAX>> {
        let roots: Vec<_> = self.find(Table::Meta, NEW_ROOTS)?.unwrap_or_default();
        Ok(List::new(roots).map_err(|_| Refusal::TooLong)?)
    }

    /// Puts a wallet on the next revocation list.
    pub(crate) fn revoke(&mut self, wallet: WalletId) -> Decided<()> {
        let mut row = self.wallet_row(wallet)?;
        row.revoked = true;
        self.put(Table::Wallets, wallet.as_bytes(), &row);
        let (number, mut wallets) = self.revoked()?;
        if let Err(at) = wallets.binary_search(&wallet) {
            if wallets.len() >= REVOCATIONS_MAX {
                return Err(Refusal::TooLong.into());
            }
            wallets.insert(at, wallet);
            let number = number.checked_add(1).ok_or(StoreError::Range)?;
            self.put(Table::Meta, REVOKED, &(number, wallets));
            self.put(Table::Meta, &step_key(number), &wallet);
        }
        Ok(())
    }
}

/// Where the wallet lies that the list of this number added.
fn step_key(number: u32) -> Vec<u8> {
    key_of(&[REVOKED, b"/", &number.to_be_bytes()])
}

/// Until when payments out of a checkpoint may be claimed.
pub(crate) fn redeem_by(
    certificate: &Signed<Certificate>,
    checkpoint: &Signed<Checkpoint>,
) -> UnixSeconds {
    checkpoint.body.expires.plus(u64::from(certificate.body.claim_window))
}

/// Where the due list has a checkpoint.
pub(crate) fn due_key(row: &CheckpointRow, hash: Hash) -> Vec<u8> {
    key_of(&[&row.redeem_by().0.to_be_bytes(), hash.as_bytes()])
}
