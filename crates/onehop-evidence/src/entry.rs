//! The whole check of a spend entry and what backs it (spec §6.5).

use std::collections::BTreeSet;

use onehop_crypto::{BadSignature, ChainError, Trust, Verified};
use onehop_wire::limits::{ATTACHMENTS_BYTES_MAX, RECEIPTS_MAX, RELEASES_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{
    Agreed, Attachment, Certificate, Checkpoint, Claim, Hash, LimitName, Release, Signed, TxId,
    UnixSeconds, encode,
};

use crate::claim::{ClaimFault, verify_nested_claim};
use crate::fork::{ForkKind, contradiction};
use crate::release::{ReleaseFault, verify_release};

/// A payer whose certificate and checkpoint were checked and belong together.
#[derive(Clone, Debug)]
pub struct Payer {
    certificate: Verified<Certificate>,
    checkpoint: Verified<Checkpoint>,
}

/// Why a certificate and a checkpoint do not make a payer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PayerFault {
    /// Not of this office.
    #[error("certificate or checkpoint is not of this office")]
    Chain(#[from] ChainError),
    /// The checkpoint is another wallet's.
    #[error("checkpoint is of another wallet")]
    Wallet,
    /// The checkpoint is of another epoch than the certificate.
    #[error("checkpoint is of epoch {checkpoint}, certificate of {certificate}")]
    Epoch {
        /// Epoch of the checkpoint.
        checkpoint: u32,
        /// Epoch of the certificate.
        certificate: u32,
    },
    /// The two name different currencies.
    #[error("checkpoint and certificate name different currencies")]
    Currency,
    /// The checkpoint would outlive its certificate.
    #[error("checkpoint outlives its certificate")]
    Dates,
}

impl Payer {
    /// Puts a certificate and a checkpoint together.
    ///
    /// # Errors
    /// [`PayerFault`] if they do not belong together.
    pub fn new(
        certificate: Verified<Certificate>,
        checkpoint: Verified<Checkpoint>,
    ) -> Result<Self, PayerFault> {
        let (cert, check) = (certificate.body(), checkpoint.body());
        if check.wallet != cert.wallet() {
            return Err(PayerFault::Wallet);
        }
        if check.epoch != cert.epoch {
            return Err(PayerFault::Epoch { checkpoint: check.epoch, certificate: cert.epoch });
        }
        if check.currency != cert.currency {
            return Err(PayerFault::Currency);
        }
        let window = u64::from(cert.claim_window);
        let no_end = check.expires.0.checked_add(window).is_none();
        if check.expires > cert.not_after || check.issued < cert.not_before || no_end {
            return Err(PayerFault::Dates);
        }
        Ok(Self { certificate, checkpoint })
    }

    /// The payer's certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Verified<Certificate> {
        &self.certificate
    }

    /// The payer's checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &Verified<Checkpoint> {
        &self.checkpoint
    }

    /// The only date until which payments from this checkpoint may be claimed.
    #[must_use]
    pub fn redeem_by(&self) -> UnixSeconds {
        self.checkpoint.body().expires.plus(u64::from(self.certificate.body().claim_window))
    }
}

/// Why an entry is not acceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// The payer did not sign it; nobody is to blame.
    #[error("entry is not signed by its payer")]
    Signature(#[from] BadSignature),
    /// It names another checkpoint or currency.
    #[error("entry is of another checkpoint")]
    Checkpoint,
    /// Payer and payee are one wallet.
    #[error("payer and payee are one wallet")]
    SelfPayment,
    /// Its numbers cannot be those of an honest chain.
    #[error("entry's chain fields contradict each other")]
    Chain,
    /// Its claim date is not the computed one.
    #[error("redeem-by is {found}, must be {expected}")]
    RedeemBy {
        /// Date found.
        found: UnixSeconds,
        /// Date computed.
        expected: UnixSeconds,
    },
    /// The attachments are not those that it names, or too many or too large.
    #[error("attachments are not those the entry names")]
    Attachments,
    /// A release attached does not count.
    #[error("release attached does not count")]
    Release(#[source] ReleaseFault),
    /// A release attached is of another checkpoint, not earlier, or counted twice.
    #[error("release attached is out of place")]
    ReleasePlace,
    /// A receipt attached does not count.
    #[error("receipt attached does not count")]
    Receipt,
    /// Something attached is signed by an office key that is not known here; nobody is to blame.
    #[error("attached is what office key {number} signed, which is not known")]
    UnknownOfficeKey {
        /// The key's number.
        number: u32,
    },
    /// Hops are not 1 + the largest among the receipts.
    #[error("hops is {found}, must be {expected}")]
    Hops {
        /// Hops found.
        found: u8,
        /// Hops computed.
        expected: u8,
    },
    /// More was spent than is proven.
    #[error("{spent} spent, {proven} proven")]
    Unbacked {
        /// `cum_out` of the entry.
        spent: u64,
        /// Balance, receipts and releases together, at most `u64::MAX`.
        proven: u64,
    },
    /// A limit of the payer's certificate is passed.
    #[error("limit {name} is {limit}, reached {reached}")]
    Limit {
        /// Name of the limit as in the certificate.
        name: LimitName,
        /// The limit.
        limit: u64,
        /// The value that passes it.
        reached: u64,
    },
    /// It contradicts an entry attached to it: a fork.
    #[error("entry contradicts one attached: {}", .0.words())]
    Fork(ForkKind),
}

impl EntryFault {
    fn of_release(fault: ReleaseFault) -> Self {
        if let ReleaseFault::Chain(ChainError::UnknownOfficeKey { number }) = fault {
            return Self::UnknownOfficeKey { number };
        }
        Self::Release(fault)
    }

    fn of_receipt(fault: ClaimFault) -> Self {
        if let ClaimFault::Payer(PayerFault::Chain(ChainError::UnknownOfficeKey { number }))
        | ClaimFault::Entry(Self::UnknownOfficeKey { number }) = fault
        {
            return Self::UnknownOfficeKey { number };
        }
        Self::Receipt
    }
}

/// An entry that passed every check of spec §6.5 that needs no clock and no memory.
#[derive(Clone, Debug)]
pub struct VerifiedEntry {
    /// The entry.
    pub agreed: Verified<Agreed>,
    /// Minor units proven released before it.
    pub released: u64,
    /// Number of entries proven released before it.
    pub releases: u32,
    /// Released entries it carries, for the fork rules.
    pub released_entries: Vec<(Agreed, Hash)>,
    /// Earliest date to claim, over the entry and the receipts it carries.
    pub redeem_by: UnixSeconds,
}

/// Checks `agreed` and its `attachments` against `payer`.
///
/// # Errors
/// [`EntryFault`]; with anything but [`EntryFault::Signature`] the named payer did sign it.
pub fn verify_entry(
    trust: &Trust,
    payer: &Payer,
    agreed: Signed<Agreed>,
    attachments: &[Attachment],
) -> Result<VerifiedEntry, EntryFault> {
    verify_entry_at(trust, payer, agreed, attachments, 0)
}

pub(crate) fn verify_entry_at(
    trust: &Trust,
    payer: &Payer,
    agreed: Signed<Agreed>,
    attachments: &[Attachment],
    depth: u8,
) -> Result<VerifiedEntry, EntryFault> {
    let agreed = trust.by_wallet(&payer.certificate.body().key, agreed)?;
    check_chain(payer, agreed.body())?;
    check_attached(agreed.body(), attachments)?;
    let releases = check_releases(trust, payer, &agreed, attachments)?;
    let receipts = check_receipts(trust, payer, agreed.body(), attachments, depth)?;
    let balance = payer.checkpoint.body().balance;
    let proven = u128::from(balance).saturating_add(releases.sum).saturating_add(receipts.sum);
    let whole = agreed.body().cum_out;
    let spent = if mutant::is(Mutant::IncrementOnlyProof) { agreed.body().amount } else { whole };
    if u128::from(spent) > proven {
        return Err(EntryFault::Unbacked { spent: whole, proven: clamp(proven) });
    }
    check_limits(payer, agreed.body(), &releases)?;
    Ok(VerifiedEntry {
        redeem_by: receipts.redeem_by.min(agreed.body().redeem_by),
        released: clamp(releases.sum),
        releases: u32::try_from(releases.entries.len()).unwrap_or(u32::MAX),
        released_entries: releases.entries,
        agreed,
    })
}

fn clamp(sum: u128) -> u64 {
    u64::try_from(sum).unwrap_or(u64::MAX)
}

/// Steps 8 and 9 of spec §6.5.
pub(crate) fn check_chain(payer: &Payer, entry: &Agreed) -> Result<(), EntryFault> {
    let checkpoint = &payer.checkpoint;
    if entry.checkpoint != checkpoint.hash() || entry.currency != checkpoint.body().currency {
        return Err(EntryFault::Checkpoint);
    }
    if entry.payee == checkpoint.body().wallet {
        return Err(EntryFault::SelfPayment);
    }
    // Every earlier entry spent at least one minor unit.
    let before = entry.cum_out.checked_sub(entry.amount);
    let earlier = entry.seq.checked_sub(1);
    let chained = match (before, earlier) {
        (Some(before), Some(earlier)) => {
            before >= earlier && (earlier > 0 || before == 0) && entry.amount >= 1
        }
        (None, _) | (_, None) => false,
    };
    let first = entry.prev == checkpoint.hash();
    if !chained || first != (entry.seq == 1) || entry.cum_back > entry.cum_out {
        return Err(EntryFault::Chain);
    }
    let expected = payer.redeem_by();
    if entry.redeem_by != expected && !mutant::is(Mutant::RedeemByUnchecked) {
        return Err(EntryFault::RedeemBy { found: entry.redeem_by, expected });
    }
    Ok(())
}

fn check_attached(entry: &Agreed, attachments: &[Attachment]) -> Result<(), EntryFault> {
    let mut bytes = 0usize;
    let (mut receipts, mut releases) = (0usize, 0usize);
    let mut seen = BTreeSet::new();
    if entry.attachments.len() != attachments.len() {
        return Err(EntryFault::Attachments);
    }
    for (named, attachment) in entry.attachments.iter().zip(attachments) {
        let is_once = seen.insert(*named)
            || mutant::is(Mutant::ReceiptCountedTwice)
            || mutant::is(Mutant::ReleaseCountedTwice);
        if *named != attachment.hash() || !is_once {
            return Err(EntryFault::Attachments);
        }
        bytes = bytes.saturating_add(encode(attachment).len());
        match attachment {
            Attachment::Receipt(_) => receipts = receipts.saturating_add(1),
            Attachment::Release(_) => releases = releases.saturating_add(1),
        }
    }
    if bytes > ATTACHMENTS_BYTES_MAX || receipts > RECEIPTS_MAX || releases > RELEASES_MAX {
        return Err(EntryFault::Attachments);
    }
    Ok(())
}

struct Releases {
    sum: u128,
    entries: Vec<(Agreed, Hash)>,
}

fn check_releases(
    trust: &Trust,
    payer: &Payer,
    entry: &Verified<Agreed>,
    attachments: &[Attachment],
) -> Result<Releases, EntryFault> {
    let mut found = Releases { sum: 0, entries: Vec::new() };
    let mut seen: BTreeSet<(u64, TxId)> = BTreeSet::new();
    for release in attachments.iter().filter_map(as_release) {
        let released = verify_release(trust, &payer.certificate.body().key, release)
            .map_err(EntryFault::of_release)?;
        let body = released.body();
        let placed = body.checkpoint == entry.body().checkpoint && body.seq < entry.body().seq;
        let once = seen.iter().all(|(seq, tx)| *seq != body.seq && *tx != body.tx)
            || mutant::is(Mutant::ReleaseCountedTwice);
        if !placed || !once {
            return Err(EntryFault::ReleasePlace);
        }
        let this = (body, released.hash());
        let others = found.entries.iter().map(|(agreed, hash)| (agreed, *hash));
        let all = others.chain([(entry.body(), entry.hash())]);
        if let Some(kind) = all.into_iter().find_map(|other| contradiction(this, other)) {
            return Err(EntryFault::Fork(kind));
        }
        seen.insert((body.seq, body.tx));
        found.sum = found.sum.saturating_add(u128::from(body.amount));
        found.entries.push((body.clone(), released.hash()));
    }
    Ok(found)
}

fn as_release(attachment: &Attachment) -> Option<&Release> {
    match attachment {
        Attachment::Release(release) => Some(release),
        Attachment::Receipt(_) => None,
    }
}

fn as_receipt(attachment: &Attachment) -> Option<&Claim> {
    match attachment {
        Attachment::Receipt(claim) => Some(claim),
        Attachment::Release(_) => None,
    }
}

struct Receipts {
    sum: u128,
    redeem_by: UnixSeconds,
}

fn check_receipts(
    trust: &Trust,
    payer: &Payer,
    entry: &Agreed,
    attachments: &[Attachment],
    depth: u8,
) -> Result<Receipts, EntryFault> {
    let mut found = Receipts { sum: 0, redeem_by: UnixSeconds(u64::MAX) };
    let mut txs: BTreeSet<TxId> = BTreeSet::new();
    let mut hops = 0u8;
    for claim in attachments.iter().filter_map(as_receipt) {
        let deeper = depth.saturating_add(1);
        let receipt: Result<_, ClaimFault> =
            verify_nested_claim(trust, claim, &payer.certificate, deeper);
        let receipt = receipt.map_err(EntryFault::of_receipt)?;
        let names_this = receipt.commit.body().payee_checkpoint == Some(entry.checkpoint)
            || mutant::is(Mutant::ReceiptOfOtherCheckpoint);
        let received = receipt.entry.agreed.body();
        let is_once = txs.insert(received.tx) || mutant::is(Mutant::ReceiptCountedTwice);
        // Whether a refund is too much, only its two wallets and the office can see.
        let is_refund = received.refund_of.is_some();
        if receipt.committed.is_none() || !names_this || !is_once || is_refund {
            return Err(EntryFault::Receipt);
        }
        hops = hops.max(received.hops.saturating_add(1));
        found.sum = found.sum.saturating_add(u128::from(received.amount));
        found.redeem_by = found.redeem_by.min(receipt.entry.redeem_by);
    }
    if entry.hops != hops {
        return Err(EntryFault::Hops { found: entry.hops, expected: hops });
    }
    Ok(found)
}

fn check_limits(payer: &Payer, entry: &Agreed, releases: &Releases) -> Result<(), EntryFault> {
    let limits = &payer.certificate.body().limits;
    let count = u64::try_from(releases.entries.len()).unwrap_or(u64::MAX);
    let spent = entry.cum_out.saturating_sub(clamp(releases.sum));
    let payments = entry.seq.saturating_sub(count);
    let checks: [(LimitName, Option<u64>, u64); 4] = [
        (LimitName::PerPayment, limits.per_payment, entry.amount),
        (LimitName::PerCheckpoint, limits.per_checkpoint, spent),
        (LimitName::Payments, limits.payments.map(u64::from), payments),
        (LimitName::Hops, Some(u64::from(limits.hops)), u64::from(entry.hops)),
    ];
    for (name, limit, reached) in checks {
        let mutant = match name {
            LimitName::Hops => Mutant::HopsLimitOff,
            LimitName::PerPayment
            | LimitName::PerPayee
            | LimitName::PerCheckpoint
            | LimitName::Payments => Mutant::PayeeLimitsOff,
        };
        if let Some(limit) = limit.filter(|limit| reached > *limit && !mutant::is(mutant)) {
            return Err(EntryFault::Limit { name, limit, reached });
        }
    }
    Ok(())
}
