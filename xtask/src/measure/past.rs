//! A wallet's past, made of its own records: payments made, synced, settled and archived.
//!
//! The records' signatures are not real: a wallet does not check again what it wrote itself, and
//! 100,000 real payments would take longer than what is measured.

use anyhow::{Context, Result};
use onehop_proto::{Change, Config, LogRecord, State, Wallet};
use onehop_wire::domain::{Statement as _, order_hash};
use onehop_wire::{
    Agreed, Checkpoint, Commit, CommitRequest, Committed, Hash, List, Nonce, Now, OfficeId,
    Signature, Signed, Text, encode,
};

use super::pair::TODAY;

/// Payments under one checkpoint of that past.
const CHUNK: u64 = 1_000;

fn fake<T>(body: T) -> Signed<T> {
    Signed { body, signature: Signature([0x55; 64]) }
}

/// A snapshot of the wallet of `records` after `n` more payments, all synced and archived.
pub(crate) fn snapshot(records: &[Vec<u8>], n: u64) -> Result<Vec<u8>> {
    let now = Now { mono_ms: 0, unix: TODAY };
    let lsn = u64::try_from(records.len())?;
    let first = (1u64..).zip(records.iter().cloned());
    let wallet = Wallet::recover(Config::default(), [1; 32], None, first)?;
    // The purse that the past ends with is the real one, so that a peer accepts it.
    let real = wallet.state().purse().context("no purse")?.checkpoint.clone();
    let mut snapshot = encode(wallet.state());
    let mut done = 0;
    while done < n {
        let count = CHUNK.min(n - done);
        let wallet = Wallet::recover(Config::default(), [1; 32], Some((lsn, &snapshot)), [])?;
        let last = (done + count == n).then(|| real.clone());
        let more = chunk(wallet.state(), done, count, last)?;
        let numbered = (lsn + 1..).zip(more.iter().map(encode));
        let wallet = Wallet::recover(Config::default(), [1; 32], Some((lsn, &snapshot)), numbered)?;
        snapshot = wallet.compaction(now, true).context("nothing to compact")?.snapshot;
        done += count;
    }
    Ok(snapshot)
}

/// The records of `count` payments under the open checkpoint, and of the sync after them.
fn chunk(
    state: &State,
    done: u64,
    count: u64,
    last: Option<Signed<Checkpoint>>,
) -> Result<Vec<LogRecord>> {
    let office = *state.office().context("no office")?;
    let purse = state.purse().context("no purse")?;
    let certificate = state.certificate().context("no certificate")?;
    let mut records = Vec::new();
    let (mut head, mut out) = (purse.hash, 0);
    for i in 0..count {
        let (payment, entry) = payment(state, &office, (done + i, i + 1), (head, out))?;
        head = entry;
        out += 1;
        records.extend(payment);
    }
    let mut next = purse.checkpoint.body.clone();
    next.number += 1;
    next.base_seq = count;
    next.base_head = head;
    next.base_cum_out = out;
    let list = onehop_wire::office::Revocations { number: 0, wallets: List::empty(), signed_by: 1 };
    records.push(LogRecord::Renewed(Box::new(onehop_proto::record::Renewal {
        new_roots: Vec::new(),
        deltas: Vec::new(),
        office_keys: Vec::new(),
        certificate: certificate.clone(),
        checkpoint: last.unwrap_or_else(|| fake(next)),
        revocations: fake(list),
    })));
    Ok(records)
}

fn payment(
    state: &State,
    office: &OfficeId,
    (id, seq): (u64, u64),
    (prev, cum_out): (Hash, u64),
) -> Result<([LogRecord; 2], Hash)> {
    let purse = state.purse().context("no purse")?;
    let certificate = state.certificate().context("no certificate")?;
    let payee = certificate.clone();
    let mut nonce = Nonce([0; 16]);
    nonce.0[..8].copy_from_slice(&id.to_be_bytes());
    let body = CommitRequest {
        payer: purse.checkpoint.body.wallet,
        payee: purse.checkpoint.body.wallet,
        buyer_nonce: nonce,
        seller_nonce: nonce,
        epoch: 1,
        number: id + 1,
        amount: 1,
        currency: certificate.body.currency,
        order_id: Text::new(format!("past-{id}"))?,
        order_hash: order_hash(""),
        vote_ms: 60_000,
        redeem_by: purse.checkpoint.body.expires,
        refund_of: None,
    };
    let tx = body.tx_id();
    let agreed = Agreed {
        checkpoint: purse.hash,
        seq,
        prev,
        amount: 1,
        cum_out: cum_out + 1,
        cum_back: 0,
        cum_in: 0,
        currency: body.currency,
        payee: body.payee,
        tx,
        request: body.hash(office),
        redeem_by: body.redeem_by,
        refund_of: None,
        hops: 0,
        attachments: List::empty(),
    };
    let entry = agreed.hash(office);
    let (payer, to) = (body.payer, body.payee);
    let commit = Commit { tx, payer, payee: to, agreed: entry, payee_checkpoint: None };
    let committed = Committed { tx, payer, payee: to, agreed: entry, commit: commit.hash(office) };
    let prepared = LogRecord::Prepared {
        agreed: fake(agreed),
        attachments: List::empty(),
        request: fake(body),
        order: Text::default(),
        payee,
        change: Change::hold(1),
        at: TODAY,
    };
    let paid = LogRecord::BuyerCommitted { commit: fake(commit), committed: fake(committed) };
    Ok(([prepared, paid], entry))
}
