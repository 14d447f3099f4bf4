//! The purse: the open checkpoint, the spend chain under it, and what backs the next entry.

use onehop_wire::limits::{ATTACHMENTS_BYTES_MAX, RECEIPTS_MAX, RELEASES_MAX, SYNC_ENTRIES_MAX};
use onehop_wire::mutant::{self, Mutant};
use onehop_wire::office::Sync;
use onehop_wire::{
    Attachment, Certificate, Checkpoint, Claim, Hash, LimitName, Limits, Money, Release,
    ReleaseGround, Signed, TxId, WalletId, encode,
};
use serde::{Deserialize, Serialize};

use crate::payment::BuyerState;
use crate::refusal::Refusal;
use crate::state::State;

/// The open checkpoint and the chain of entries under it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Purse {
    /// As the office signed it.
    pub checkpoint: Signed<Checkpoint>,
    /// Its hash.
    pub hash: Hash,
    /// Number of the last entry; 0 if there is none.
    // Invariant: seq, head and cum_out never go back, whatever becomes of an entry.
    pub seq: u64,
    /// Hash of the last entry, or of the checkpoint if there is none.
    pub head: Hash,
    /// All amounts of entries, released ones included.
    pub cum_out: u64,
    /// All amounts released under this checkpoint.
    pub cum_back: u64,
    /// All amounts received under this checkpoint.
    pub cum_in: u64,
    /// The SYNC that closed it; nothing is signed under it any more.
    pub closed: Option<Box<Signed<Sync>>>,
    /// Entries of this checkpoint that were released.
    pub releases: Vec<TxId>,
    /// Acknowledged payments received under this checkpoint.
    pub receipts: Vec<TxId>,
}

/// The figures that a person sees, in minor units of the wallet's currency.
///
/// The first four add up to what the wallet is worth.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Balance {
    /// Left in the purse.
    pub available: u64,
    /// Promised in payments whose other side is in session.
    pub held: u64,
    /// Promised in payments whose outcome is not known and whose other side is away.
    pub in_doubt: u64,
    /// Received, or coming back, and not settled by the office; less what was spent on.
    pub received_unsettled: u64,
    /// What one payment could use at this moment, attachments considered.
    pub spendable: u64,
}

/// What an entry takes with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backing {
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) hops: u8,
}

impl Purse {
    pub(crate) fn open(checkpoint: Signed<Checkpoint>, hash: Hash) -> Self {
        Self {
            checkpoint,
            hash,
            seq: 0,
            head: hash,
            cum_out: 0,
            cum_back: 0,
            cum_in: 0,
            closed: None,
            releases: Vec::new(),
            receipts: Vec::new(),
        }
    }

    /// True once nothing may be signed under it any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_some() && !mutant::is(Mutant::ClosedPurseSigns)
    }

    /// Balance of the checkpoint and what came back, less what was spent; negative when received
    /// money was spent on.
    pub(crate) fn own(&self) -> i128 {
        i128::from(self.checkpoint.body.balance)
            .saturating_add(i128::from(self.cum_back))
            .saturating_sub(i128::from(self.cum_out))
    }
}

impl State {
    /// The release of a payment of the open purse, as an attachment.
    fn release_of(&self, tx: &TxId) -> Option<Attachment> {
        let payment = self.buyer.get(tx)?;
        let ground = match &payment.state {
            BuyerState::Aborted { abort, .. } => {
                ReleaseGround::Aborted { abort: abort.clone(), seller: payment.payee.clone() }
            }
            BuyerState::Voided { outcome, .. } => ReleaseGround::Voided(outcome.clone()),
            BuyerState::Refused(_)
            | BuyerState::Prepared(_)
            | BuyerState::Committed { .. }
            | BuyerState::Settled { .. } => return None,
        };
        let agreed = payment.state.vote()?.agreed.clone();
        Some(Attachment::Release(Box::new(Release { agreed, ground })))
    }

    /// The receipt of a payment received under the open purse, if it may move on.
    fn receipt_of(&self, tx: &TxId, hops_max: u8) -> Option<&Claim> {
        let claim = self.seller.get(tx)?.state.claim()?;
        let hops = claim.agreed.body.hops.checked_add(1)?;
        let may_move = hops <= hops_max || mutant::is(Mutant::HopsLimitOff);
        let is_refund = claim.agreed.body.refund_of.is_some();
        (claim.committed.is_some() && may_move && !is_refund).then_some(claim)
    }

    /// Attachments that prove `deficit` minor units, or as much of it as can be proven.
    ///
    /// Releases come first because they are small; the largest first because few may be attached.
    fn backing(&self, purse: &Purse, hops_max: u8, deficit: u128) -> (Backing, u128) {
        let mut backing = Backing::default();
        let (mut proven, mut bytes) = (0u128, 0usize);
        let mut releases: Vec<_> =
            purse.releases.iter().filter_map(|tx| self.release_of(tx)).collect();
        releases.sort_by_key(|release| core::cmp::Reverse(amount_of(release)));
        releases.truncate(RELEASES_MAX);
        let mut receipts: Vec<_> =
            purse.receipts.iter().filter_map(|tx| self.receipt_of(tx, hops_max)).collect();
        receipts.sort_by_key(|claim| core::cmp::Reverse(claim.agreed.body.amount));
        receipts.truncate(RECEIPTS_MAX);
        let receipts =
            receipts.into_iter().map(|claim| Attachment::Receipt(Box::new(claim.clone())));
        for attachment in releases.into_iter().chain(receipts) {
            if proven >= deficit {
                break;
            }
            let more = bytes.saturating_add(encode(&attachment).len());
            if more > ATTACHMENTS_BYTES_MAX {
                continue;
            }
            bytes = more;
            proven = proven.saturating_add(u128::from(amount_of(&attachment)));
            if let Attachment::Receipt(claim) = &attachment {
                backing.hops = backing.hops.max(claim.agreed.body.hops.saturating_add(1));
            }
            backing.attachments.push(attachment);
        }
        (backing, proven)
    }

    /// What one payment could use at this moment, in minor units.
    pub(crate) fn spendable(&self) -> u64 {
        let (Some(purse), Some(certificate)) = (&self.purse, &self.certificate) else {
            return 0;
        };
        if purse.is_closed() || self.frozen {
            return 0;
        }
        let (_, proven) = self.backing(purse, certificate.body.limits.hops, u128::MAX);
        let all = u128::from(purse.checkpoint.body.balance).saturating_add(proven);
        let left = all.saturating_sub(u128::from(purse.cum_out));
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// What must go along with an entry of `amount` to `payee`.
    ///
    /// # Errors
    /// [`Refusal`] if funds or a limit do not allow it.
    pub(crate) fn back(&self, amount: u64, payee: &WalletId) -> Result<Backing, Refusal> {
        let purse = self.purse.as_ref().ok_or(Refusal::NotEnrolled)?;
        let certificate = self.certificate.as_ref().ok_or(Refusal::NotEnrolled)?;
        if purse.is_closed() {
            return Err(Refusal::Closed);
        }
        if usize::try_from(purse.seq).unwrap_or(usize::MAX) >= SYNC_ENTRIES_MAX {
            return Err(Refusal::PurseFull);
        }
        self.check_limits(purse, &certificate.body, amount, payee)?;
        let balance = u128::from(purse.checkpoint.body.balance);
        let out = u128::from(purse.cum_out).saturating_add(u128::from(amount));
        let deficit = out.saturating_sub(balance);
        let (backing, proven) = self.backing(purse, certificate.body.limits.hops, deficit);
        if proven < deficit || u64::try_from(out).is_err() {
            let currency = certificate.body.currency;
            return Err(Refusal::InsufficientFunds {
                asked: Money::new(amount, currency),
                available: Money::new(self.spendable(), currency),
            });
        }
        Ok(backing)
    }

    fn check_limits(
        &self,
        purse: &Purse,
        certificate: &Certificate,
        amount: u64,
        payee: &WalletId,
    ) -> Result<(), Refusal> {
        let Limits { per_payment, per_payee, per_checkpoint, payments, hops: _ } =
            certificate.limits;
        if mutant::is(Mutant::BuyerLimitsOff) {
            return Ok(());
        }
        let released = u64::try_from(purse.releases.len()).unwrap_or(u64::MAX);
        let spent = purse.cum_out.saturating_sub(purse.cum_back).saturating_add(amount);
        let count = purse.seq.saturating_sub(released).saturating_add(1);
        let to_payee = match per_payee {
            Some(_) => self.spent_to(purse, payee).saturating_add(amount),
            None => 0,
        };
        let money = |minor: u64| Money::new(minor, certificate.currency).to_string();
        let checks = [
            (LimitName::PerPayment, per_payment, amount),
            (LimitName::PerPayee, per_payee, to_payee),
            (LimitName::PerCheckpoint, per_checkpoint, spent),
        ];
        for (name, limit, reached) in checks {
            if let Some(limit) = limit.filter(|limit| reached > *limit) {
                return Err(Refusal::Limit { name, limit: money(limit), reached: money(reached) });
            }
        }
        match payments.map(u64::from).filter(|limit| count > *limit) {
            None => Ok(()),
            Some(limit) => Err(Refusal::Limit {
                name: LimitName::Payments,
                limit: limit.to_string(),
                reached: count.to_string(),
            }),
        }
    }

    /// Unreleased amounts of entries of `purse` to `payee`.
    fn spent_to(&self, purse: &Purse, payee: &WalletId) -> u64 {
        self.buyer
            .values()
            .filter(|payment| payment.request.body.payee == *payee)
            .filter_map(|payment| match &payment.state {
                BuyerState::Prepared(vote)
                | BuyerState::Committed { vote, .. }
                | BuyerState::Settled { vote, .. } => Some(&vote.agreed.body),
                BuyerState::Refused(_) | BuyerState::Aborted { .. } | BuyerState::Voided { .. } => {
                    None
                }
            })
            .filter(|entry| entry.checkpoint == purse.hash)
            .fold(0u64, |sum, entry| sum.saturating_add(entry.amount))
    }
}

fn amount_of(attachment: &Attachment) -> u64 {
    match attachment {
        Attachment::Receipt(claim) => claim.agreed.body.amount,
        Attachment::Release(release) => release.agreed.body.amount,
    }
}
