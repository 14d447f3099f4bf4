//! NEWS: what a wallet tells another after a payment, and what it makes of what it is told
//! (spec §5.12).
//!
//! Whoever tells is believed nothing: each item is verified as if it had been found on the road.

pub(crate) mod board;
mod hear;
mod tell;

pub use board::{Span, Told};
pub(crate) use hear::event_of;

use onehop_crypto::Trust;
use onehop_evidence::{contradiction, fork_proof};
use onehop_wire::evidence::ForkProof;
use onehop_wire::{Agreed, Certificate, Signed, WalletId};

use crate::state::State;

/// Why this wallet refuses another, and who told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shunned {
    /// Who is refused.
    pub wallet: WalletId,
    /// Its certified name, if it is known.
    pub name: Option<String>,
    /// What for.
    pub why: Shun,
    /// The wallet that told; none if the office did, or this wallet found it.
    pub from: Option<WalletId>,
}

/// What a wallet is refused for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shun {
    /// It is on the office's list.
    Listed,
    /// A delta added it, which led to the list of this number.
    Delta(u32),
    /// A fork proof convicts it.
    Fork,
}

impl State {
    /// Number of the newest revocation list that this wallet has reached, by the office or by news.
    #[must_use]
    pub fn revocation_number(&self) -> u32 {
        self.board.number
    }

    /// The wallet that told the last step to that number; none if the office did.
    #[must_use]
    pub const fn revocations_from(&self) -> Option<WalletId> {
        self.board.number_from
    }

    /// Everybody whom this wallet refuses, listed ones first.
    #[must_use]
    pub fn shunned(&self) -> Vec<Shunned> {
        let list = self.revocations.iter().flat_map(|list| list.body.wallets.iter());
        let listed = list.map(|wallet| (*wallet, None, Shun::Listed, None));
        let from = self.board.number_from;
        let added = self.board.revoked.iter();
        let added = added.map(|(wallet, number)| (*wallet, None, Shun::Delta(*number), from));
        let forked = self.board.forked.iter().map(|(wallet, forked)| {
            let name = forked.proof.as_ref().map(|proof| proof.payer.body.name.to_string());
            (*wallet, name, Shun::Fork, forked.from)
        });
        listed
            .chain(added)
            .chain(forked)
            .map(|(wallet, name, why, from)| Shunned { wallet, name, why, from })
            .collect()
    }

    /// The fork proofs that this wallet holds, by payer.
    pub fn fork_proofs(&self) -> impl Iterator<Item = (&WalletId, &ForkProof)> {
        let all = self.board.forked.iter();
        all.filter_map(|(wallet, forked)| Some((wallet, forked.proof.as_ref()?)))
    }

    /// The proof that `agreed`, which verifies, contradicts an entry of its checkpoint that this
    /// wallet holds: in a claim of its own, or as the newest it has heard of.
    pub(crate) fn fork_of(
        &self,
        trust: &Trust,
        payer: &Signed<Certificate>,
        agreed: &Signed<Agreed>,
    ) -> Option<ForkProof> {
        let this = (&agreed.body, agreed.hash(trust.office()));
        let claims = self.seller.values().filter_map(|payment| payment.state.claim());
        let claims = claims.map(|claim| (&claim.agreed, claim.commit.body.agreed));
        let head = self.head_of(&payer.body.wallet());
        let head = head.map(|head| (head, head.hash(trust.office())));
        let mut held = claims.chain(head);
        let held = held.find(|(entry, hash)| contradiction(this, (&entry.body, *hash)).is_some());
        fork_proof(trust, payer, agreed, held?.0)
    }

    /// The newest entry of `payer` that this wallet has seen or heard of.
    pub(crate) fn head_of(&self, payer: &WalletId) -> Option<&Signed<Agreed>> {
        self.board.heads.get(payer).map(|held| &held.head.agreed)
    }
}
