//! Signatures checked before their request's turn comes, in the thread that received it, so that who
//! decides one request after the other finds them checked.
//!
//! Nothing is decided here: what does not verify is left, and checked again in its turn.

use onehop_crypto::Memory;
use onehop_wire::evidence::{Attachment, Claim};
use onehop_wire::limits::NESTING_MAX;
use onehop_wire::office::{ClaimBundle, EntryState, Sync};
use onehop_wire::{OfficeId, PublicKey, Signed, Statement};

/// What checks signatures for an office; see [`Office::ahead`](crate::Office::ahead). Clones share
/// what they have checked with the office.
#[derive(Clone, Debug)]
pub struct Ahead {
    office: OfficeId,
    memory: Memory,
}

impl Ahead {
    pub(crate) const fn new(office: OfficeId, memory: Memory) -> Self {
        Self { office, memory }
    }

    /// The office.
    #[must_use]
    pub const fn office(&self) -> &OfficeId {
        &self.office
    }

    /// How many signatures are remembered.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.memory.signatures()
    }

    /// Checks what payers and payees signed in these claims.
    pub fn claims(&self, bundle: &ClaimBundle) {
        for claim in &bundle.claims {
            self.claim(claim, 0);
        }
    }

    /// Checks what the wallet and its payees signed in this SYNC, as far as their keys are known.
    pub fn sync(&self, sync: &Signed<Sync>) {
        let Some(key) = self.memory.key_of(&sync.body.wallet) else { return };
        if !self.verifies(&key, sync) {
            return;
        }
        for entry in &sync.body.entries {
            if !self.verifies(&key, &entry.agreed) {
                return;
            }
            if let EntryState::Committed(commit) = &entry.state
                && let Some(payee) = self.memory.key_of(&entry.agreed.body.payee)
            {
                self.verifies(&payee, commit);
            }
        }
    }

    fn claim(&self, claim: &Claim, depth: u8) {
        // A key that is not certified makes the office refuse the claim before it looks further.
        let payer = &claim.payer.body.key;
        if depth > NESTING_MAX || !self.verifies(payer, &claim.agreed) {
            return;
        }
        if let Some(payee) = self.memory.key_of(&claim.commit.body.payee) {
            self.verifies(&payee, &claim.commit);
        }
        if let Some(committed) = &claim.committed {
            self.verifies(payer, committed);
        }
        for attachment in &claim.attachments {
            if let Attachment::Receipt(receipt) = attachment {
                self.claim(receipt, depth.saturating_add(1));
            }
        }
    }

    fn verifies<T: Statement + Clone>(&self, key: &PublicKey, statement: &Signed<T>) -> bool {
        self.memory.verify(&self.office, key, statement.clone()).is_ok()
    }
}
