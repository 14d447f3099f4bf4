//! Every part of a case file verified, and its signer known (spec §8.3).

use onehop_crypto::{ChainError, Trust, Verified, verify};
use onehop_wire::domain::Statement;
use onehop_wire::{
    Agreed, CaseFile, Certificate, Exhibit, Hash, OfficeId, OfficeKey, PublicKey, Signed, WalletId,
};

use super::{JudgeFault, Part};

/// A case file that verifies.
pub(super) struct Case<'a> {
    pub(super) file: &'a CaseFile,
    pub(super) office: OfficeId,
    /// For each exhibit.
    pub(super) seen: Vec<Seen<'a>>,
    certificates: Vec<Verified<Certificate>>,
}

/// An exhibit whose signature was checked.
pub(super) struct Seen<'a> {
    pub(super) exhibit: &'a Exhibit,
    pub(super) hash: Hash,
    /// None for what the office signed, and for attachments, which nobody does.
    pub(super) signer: Option<WalletId>,
}

impl Case<'_> {
    /// The name of a wallet in its first certificate.
    pub(super) fn name_of(&self, wallet: &WalletId) -> String {
        let of = self.certificates.iter().find(|it| it.body().wallet() == *wallet);
        of.map(|certificate| certificate.body().name.to_string()).unwrap_or_default()
    }
}

/// The file with the signer of each exhibit, if all of it verifies.
pub(super) fn verified<'a>(root: &PublicKey, file: &'a CaseFile) -> Result<Case<'a>, JudgeFault> {
    let keys = Keys::new(root, file)?;
    let mut certificates = Vec::new();
    for (at, certificate) in file.certificates.iter().enumerate() {
        let part = Part::Certificate(at);
        let verified =
            keys.by_office(part, "CERTIFICATE", |trust| trust.certificate(certificate.clone()))?;
        certificates.push(verified);
    }
    let office = *keys.office();
    let mut case = Case { file, office, seen: Vec::new(), certificates };
    for (at, exhibit) in file.exhibits.iter().enumerate() {
        let seen = see(&keys, &case, Part::Exhibit(at), exhibit)?;
        case.seen.push(seen);
    }
    Ok(case)
}

/// The office's keys. Two of one number cannot be in one [`Trust`].
struct Keys {
    roots: Trust,
    trusts: Vec<Trust>,
}

impl Keys {
    fn new(root: &PublicKey, file: &CaseFile) -> Result<Self, JudgeFault> {
        let mut roots = Trust::new(*root);
        for (at, statement) in file.new_roots.iter().enumerate() {
            let part = Part::NewRoot(at);
            roots.add_root(statement.clone()).map_err(|source| JudgeFault::Office {
                part,
                name: "NEW-ROOT",
                source,
            })?;
        }
        let mut keys = Self { roots, trusts: Vec::new() };
        for (at, key) in file.office_keys.iter().enumerate() {
            let part = Part::OfficeKey(at);
            keys.add(key).map_err(|source| JudgeFault::Office {
                part,
                name: "OFFICE-KEY",
                source,
            })?;
        }
        Ok(keys)
    }

    /// Adds a key to the first trust that has no other of its number.
    fn add(&mut self, key: &Signed<OfficeKey>) -> Result<(), ChainError> {
        for trust in &mut self.trusts {
            match trust.add_key(key.clone()) {
                Err(ChainError::OfficeKeyClash { .. }) => {}
                other => return other,
            }
        }
        let mut another = self.roots.clone();
        another.add_key(key.clone())?;
        self.trusts.push(another);
        Ok(())
    }

    fn office(&self) -> &OfficeId {
        self.roots.office()
    }

    fn by_office<T>(
        &self,
        part: Part,
        name: &'static str,
        check: impl Fn(&Trust) -> Result<T, ChainError>,
    ) -> Result<T, JudgeFault> {
        let mut found = self.trusts.iter().map(&check).filter(Result::is_ok);
        // Of several keys of one number it need not be the first that signed.
        let first = self.trusts.first().unwrap_or(&self.roots);
        let found = found.next().unwrap_or_else(|| check(first));
        found.map_err(|source| JudgeFault::Office { part, name, source })
    }
}

fn see<'a>(
    keys: &Keys,
    case: &Case<'a>,
    part: Part,
    exhibit: &'a Exhibit,
) -> Result<Seen<'a>, JudgeFault> {
    let name = exhibit.name();
    let signed = Signers { case, part, name };
    let by_wallet = |(hash, wallet)| (hash, Some(wallet));
    let (hash, signer) = match exhibit {
        Exhibit::CommitRequest(it) => by_wallet(signed.by(&it.body.payee, it)?),
        Exhibit::Agreed(it) => by_wallet(signed.by_any(it)?),
        Exhibit::Commit(it) => by_wallet(signed.by(&it.body.payee, it)?),
        Exhibit::Abort(it) => by_wallet(signed.by(&it.body.payee, it)?),
        Exhibit::Committed(it) => by_wallet(signed.by(&it.body.payer, it)?),
        Exhibit::Refused(it) => by_wallet(signed.by(&it.body.payer, it)?),
        Exhibit::Released(it) => by_wallet(signed.by(&it.body.payer, it)?),
        Exhibit::Status(it) => by_wallet(signed.by(&it.body.asker, it)?),
        Exhibit::Resolve(it) => by_wallet(signed.by(&it.body.payer, it)?),
        Exhibit::Sync(it) => by_wallet(signed.by(&it.body.wallet, it)?),
        Exhibit::Outcome(it) => {
            (keys.by_office(part, name, |trust| trust.outcome(it.clone()))?.hash(), None)
        }
        Exhibit::Pending(it) => {
            (keys.by_office(part, name, |trust| trust.pending(it.clone()))?.hash(), None)
        }
        Exhibit::Attachment(it) => {
            let hash = it.hash();
            let names = |other: &Exhibit| matches!(other, Exhibit::Agreed(it) if it.body.attachments.contains(&hash));
            if !case.file.exhibits.iter().any(names) {
                return Err(JudgeFault::Unnamed { part });
            }
            (hash, None)
        }
    };
    Ok(Seen { exhibit, hash, signer })
}

/// Looks for the signer of one exhibit among the certificates of the file.
struct Signers<'c, 'a> {
    case: &'c Case<'a>,
    part: Part,
    name: &'static str,
}

impl Signers<'_, '_> {
    /// Hash and signer of a statement that names its signer.
    fn by<T: Statement + Clone>(
        &self,
        wallet: &WalletId,
        statement: &Signed<T>,
    ) -> Result<(Hash, WalletId), JudgeFault> {
        let (part, name) = (self.part, self.name);
        let mut all = self.case.certificates.iter();
        let certificate = all.find(|it| it.body().wallet() == *wallet);
        let certificate = certificate.ok_or(JudgeFault::Stranger { part, name })?;
        let found = verify(&self.case.office, &certificate.body().key, statement.clone());
        let found = found.map_err(|_| JudgeFault::Signature { part, name })?;
        Ok((found.hash(), *wallet))
    }

    /// Hash and signer of an entry, which names a checkpoint only. No second key verifies it:
    /// signatures are checked strictly, and a key of small order is none.
    fn by_any(&self, statement: &Signed<Agreed>) -> Result<(Hash, WalletId), JudgeFault> {
        for certificate in &self.case.certificates {
            let key = &certificate.body().key;
            if let Ok(found) = verify(&self.case.office, key, statement.clone()) {
                return Ok((found.hash(), certificate.body().wallet()));
            }
        }
        Err(JudgeFault::Stranger { part: self.part, name: self.name })
    }
}
