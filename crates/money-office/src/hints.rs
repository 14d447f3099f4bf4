//! Which rows a request will ask for, as far as it says so itself.
//!
//! A store that is a round trip away fetches them at once, for all requests of a group. Nothing is
//! decided by them: a row that is not among them is read when it is needed.

use onehop_wire::evidence::{Attachment, Claim};
use onehop_wire::office::{ClaimBundle, Sync};
use onehop_wire::{Agreed, OfficeId, Signed, WalletId};

use crate::payments::entry_key;
use crate::rows::{Account, PaymentKey, key_of};
use crate::store::Table;

/// Table and key of a row.
pub type RowKey = (Table, Vec<u8>);

/// Rows about the office itself that calls read.
const META: [&str; 9] =
    ["clock", "signer", "limits", "debts", "evidence", "posting", "arrival", "news", "revoked"];

/// The rows that judging these claims asks for.
#[must_use]
pub fn of_claims(office: &OfficeId, bundle: &ClaimBundle) -> Vec<RowKey> {
    let mut keys = of_office();
    for claim in bundle.claims.iter() {
        of_claim(office, claim, &mut keys);
    }
    keys
}

/// The rows that closing a checkpoint asks for.
#[must_use]
pub fn of_sync(office: &OfficeId, sync: &Signed<Sync>) -> Vec<RowKey> {
    let mut keys = of_office();
    keys.push((Table::Wallets, sync.body.wallet.as_bytes().to_vec()));
    keys.push((Table::Answers, sync.hash(office).as_bytes().to_vec()));
    keys.push((Table::Checkpoints, sync.body.checkpoint.as_bytes().to_vec()));
    for entry in sync.body.entries.iter() {
        of_payment(office, sync.body.wallet, &entry.agreed, &mut keys);
    }
    keys
}

fn of_office() -> Vec<RowKey> {
    META.iter().map(|name| (Table::Meta, name.as_bytes().to_vec())).collect()
}

fn of_claim(office: &OfficeId, claim: &Claim, keys: &mut Vec<RowKey>) {
    of_payment(office, claim.payer.body.wallet(), &claim.agreed, keys);
    if let Some(named) = claim.commit.body.payee_checkpoint {
        keys.push((Table::Checkpoints, named.as_bytes().to_vec()));
    }
    for attachment in claim.attachments.iter() {
        if let Attachment::Receipt(receipt) = attachment {
            of_claim(office, receipt, keys);
        }
    }
}

fn of_payment(office: &OfficeId, payer: WalletId, agreed: &Signed<Agreed>, keys: &mut Vec<RowKey>) {
    let body = &agreed.body;
    let key = PaymentKey { tx: body.tx, payer, payee: body.payee };
    let entry = entry_key(&body.checkpoint, body.seq, agreed.hash(office));
    keys.extend([
        (Table::Wallets, payer.as_bytes().to_vec()),
        (Table::Wallets, body.payee.as_bytes().to_vec()),
        (Table::Checkpoints, body.checkpoint.as_bytes().to_vec()),
        (Table::Entries, entry),
        (Table::Payments, key.bytes()),
        (Table::Aborts, key_of(&[key.tx.as_bytes(), key.payee.as_bytes()])),
        (Table::Accounts, Account::Suspense(key).bytes()),
        (Table::Accounts, Account::Wallet(body.payee).bytes()),
    ]);
}
