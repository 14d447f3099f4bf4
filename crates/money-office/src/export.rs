//! The evidence file: what an auditor who trusts nobody here needs (spec §9.9).

use onehop_wire::bounded::List;
use onehop_wire::domain::{hash_of, office_id};
use onehop_wire::evidence::{ForkProof, Second};
use onehop_wire::{Agreed, Certificate, Hash, OfficeKey, Signed, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::draft::{Decided, read_row};
use crate::evidence::Evidence;
use crate::office::{NO_HASH, Office};
use crate::payments::Proof;
use crate::rows::{Account, AccountRow, CheckpointRow, DebtRow, SetupRow};
use crate::store::{LedgerStore, StoreError, Table};

/// Bytes of evidence in one page, about.
const PAGE_BYTES: usize = 1 << 20;
/// Rows of one scan.
const PAGE_ROWS: usize = 64;

/// A part of the evidence file: one page in one answer, the books with the last row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ExportPage {
    setup: SetupRow,
    /// Number and bytes of each row.
    rows: Vec<(u64, Vec<u8>)>,
    end: Option<ExportEnd>,
}

/// After the last row: the books as they stand then.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct ExportEnd {
    /// Balances that are not zero.
    accounts: Vec<AccountRow>,
    /// Debts that are open.
    debts: Vec<DebtRow>,
    proofs: Vec<ForkProof>,
}

impl ExportPage {
    /// Number and bytes of each row.
    pub(crate) fn rows(&self) -> &[(u64, Vec<u8>)] {
        &self.rows
    }

    /// The fork proofs, if this is the last page.
    pub(crate) fn proofs(&self) -> Option<&[ForkProof]> {
        self.end.as_ref().map(|end| end.proofs.as_slice())
    }
}

impl<S: LedgerStore> Office<S> {
    /// The evidence after row `after`, and with the last of it the books as they stand then.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn export(&self, after: u64) -> Decided<ExportPage> {
        self.view(|| self.page(after))
    }

    fn page(&self, after: u64) -> Decided<ExportPage> {
        let (mut rows, mut bytes, mut last) = (Vec::new(), 0usize, after);
        while bytes < PAGE_BYTES {
            let at = last.to_be_bytes();
            let page = self.store().scan(Table::Evidence, &[], Some(&at), PAGE_ROWS)?;
            if page.is_empty() {
                let debts = self.debt_rows()?.into_iter().filter(|row| row.open() > 0).collect();
                let (accounts, proofs) = (self.standing()?, self.proof_files()?);
                let end = Some(ExportEnd { accounts, debts, proofs });
                return Ok(ExportPage { setup: self.setup().clone(), rows, end });
            }
            for (key, row) in page {
                let number = <[u8; 8]>::try_from(key.as_slice());
                last = number.map(u64::from_be_bytes).map_err(|_| damaged())?;
                bytes = bytes.saturating_add(row.len());
                rows.push((last, row));
            }
        }
        Ok(ExportPage { setup: self.setup().clone(), rows, end: None })
    }

    fn standing(&self) -> Result<Vec<AccountRow>, StoreError> {
        let rows = self.store().scan(Table::Accounts, &[], None, usize::MAX)?;
        let rows = rows.iter().map(|(_, bytes)| read_row::<AccountRow>(Table::Accounts, bytes));
        rows.filter(|row| !row.as_ref().is_ok_and(|row| row.balance == 0)).collect()
    }

    fn proof_files(&self) -> Decided<Vec<ForkProof>> {
        let keys = self.store().scan(Table::OfficeKeys, &[], None, usize::MAX)?;
        let keys = keys.iter().map(|(_, bytes)| read_row(Table::OfficeKeys, bytes));
        let keys: Vec<Signed<OfficeKey>> = keys.collect::<Result<_, _>>()?;
        let rows = self.store().scan(Table::Proofs, &[], None, usize::MAX)?;
        rows.iter()
            .map(|(_, bytes)| {
                let proof: Proof = read_row(Table::Proofs, bytes)?;
                Ok(self.as_file(proof, &keys)?)
            })
            .collect()
    }

    /// A proof with all that a stranger needs to check it.
    fn as_file(&self, proof: Proof, keys: &[Signed<OfficeKey>]) -> Result<ForkProof, StoreError> {
        let (first, second) = match proof {
            Proof::Entries(pair) => {
                let (one, other) = *pair;
                let place = |it: &Signed<Agreed>| (it.body.seq, it.hash(self.id()));
                if place(&one) <= place(&other) {
                    (one, Second::Entry(Box::new(other)))
                } else {
                    (other, Second::Entry(Box::new(one)))
                }
            }
            Proof::Close(pair) => (pair.0, Second::Close(Box::new(pair.1))),
        };
        let at = self.store().get(Table::Checkpoints, first.body.checkpoint.as_bytes())?;
        let at = at.ok_or(StoreError::Missing { table: Table::Checkpoints })?;
        let row: CheckpointRow = read_row(Table::Checkpoints, &at)?;
        let payer: Signed<Certificate> = row.certificate;
        let key = |it: &&Signed<OfficeKey>| it.body.number == payer.body.signed_by;
        let keys: Vec<_> = keys.iter().filter(key).cloned().collect();
        let office_keys = List::new(keys).map_err(|_| damaged())?;
        Ok(ForkProof { office_keys, payer, first, second })
    }
}

const fn damaged() -> StoreError {
    StoreError::Row { table: Table::Evidence }
}

/// Writes pages as the lines of the evidence file.
#[derive(Clone, Copy, Debug)]
pub struct ExportText {
    chain: Hash,
    last: u64,
    begun: bool,
}

impl Default for ExportText {
    fn default() -> Self {
        Self { chain: NO_HASH, last: 0, begun: false }
    }
}

impl ExportText {
    /// The number of the last row written, to ask for the next page with.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The lines of a page, each with its end; and whether it was the last page.
    #[must_use]
    pub fn lines(&mut self, page: &ExportPage) -> (String, bool) {
        let mut text = String::new();
        let mut line = |value: serde_json::Value| {
            text.push_str(&value.to_string());
            text.push('\n');
        };
        if !self.begun {
            (self.begun, self.chain) = (true, Hash(*office_id(&page.setup.root).as_bytes()));
            line(head(&page.setup));
        }
        for (number, bytes) in &page.rows {
            self.chain = hash_of("evidence", &[self.chain.as_bytes(), bytes]);
            self.last = *number;
            let kind = read_row::<Evidence>(Table::Evidence, bytes);
            let kind = kind.as_ref().map_or("?", Evidence::name);
            let (hex, chain) = (hex::encode(bytes), self.chain.to_string());
            line(json!({"row": number.to_string(), "kind": kind, "bytes": hex, "chain": chain}));
        }
        let Some(end) = &page.end else { return (text, false) };
        for row in &end.accounts {
            let balance = row.balance.to_string();
            line(json!({"account": account(&row.account), "balance": balance}));
        }
        for row in &end.debts {
            line(json!({"debt": row.name(), "open": row.open().to_string()}));
        }
        for proof in &end.proofs {
            line(json!({"proof": hex::encode(encode(proof))}));
        }
        line(json!({"rows": self.last.to_string(), "chain": self.chain.to_string()}));
        (text, true)
    }
}

fn head(setup: &SetupRow) -> serde_json::Value {
    json!({
        "evidence": "1",
        "office": office_id(&setup.root).to_string(),
        "root": setup.root.to_string(),
        "operator": setup.operator.to_string(),
        "name": setup.name.as_str(),
        "currency": setup.currency.code(),
        "exponent": setup.currency.exponent().to_string(),
        "limits": hex::encode(encode(&setup.first)),
        "grace": setup.grace_seconds.to_string(),
    })
}

/// An account as the file names it; unlike on screens, all of a payment's key.
fn account(account: &Account) -> String {
    match account {
        Account::Suspense(key) => format!("suspense/{}/{}/{}", key.tx, key.payer, key.payee),
        Account::Cash | Account::Wallet(_) | Account::Bond(_) | Account::Purse(..) => {
            account.to_string()
        }
    }
}
