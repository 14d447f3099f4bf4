//! What a backup keeps of a wallet, and the frozen wallet that is made again of it (spec §7.5).

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{Hash, UnixSeconds};

use crate::payment::SellerState;
use crate::state::{Secrets, State, order_mark};

impl State {
    /// This state as a backup keeps it: all records and the signing key, and no purse, no chain and
    /// no request that may still be decided. Nothing can be spent out of it.
    ///
    /// Requests without a vote are left out, because the wallet that goes on may decide them after
    /// the backup; their orders stay marked until nobody can claim on them any more.
    #[must_use]
    pub fn backed_up(&self) -> Self {
        let mut kept = self.clone();
        kept.frozen = true;
        kept.enrol = None;
        if let Some(secrets) = &mut kept.secrets {
            secrets.mail_secret = [0; 32];
        }
        if let (Some(purse), Some(certificate)) = (kept.purse.take(), &self.certificate) {
            // Received money that was spent on is still owed to the office.
            let lacking = u64::try_from(purse.own().min(0).unsigned_abs()).unwrap_or(u64::MAX);
            kept.spent_on = kept.spent_on.saturating_add(lacking);
            kept.old_purses.insert(purse.hash, (certificate.clone(), purse.checkpoint));
        }
        for (tx, payment) in &self.seller {
            if payment.state != SellerState::Invited || mutant::is(Mutant::RestoredSellerDecides) {
                continue;
            }
            let terms = &payment.request.body;
            kept.seller.remove(tx);
            kept.orders_in.retain(|_, live| live != tx);
            let mark = order_mark(&terms.payee, &terms.order_id);
            kept.orders_past.insert(mark, terms.redeem_by);
        }
        kept
    }

    /// A wallet of what a backup kept, with a fresh mail key: frozen until the office has given it
    /// a higher epoch. `None` if nothing of a wallet was kept, or what could be spent.
    #[must_use]
    pub fn restored(mut self, mail_secret: [u8; 32]) -> Option<Self> {
        let signing_seed = self.secrets.as_ref()?.signing_seed;
        let is_harmless = self.frozen && self.purse.is_none() && self.trust.is_some();
        self.secrets = Some(Secrets { signing_seed, mail_secret });
        is_harmless.then_some(self)
    }

    /// Of a restored wallet: the last second in which somebody can claim on what it had before.
    /// What is left comes back with a SYNC some time after.
    #[must_use]
    pub fn comes_back_after(&self) -> Option<UnixSeconds> {
        let windows = self.old_purses.values().map(|(certificate, checkpoint)| {
            checkpoint.body.expires.plus(u64::from(certificate.body.claim_window))
        });
        windows.max().filter(|_| self.is_restored())
    }

    /// True of a frozen wallet that holds nothing it could spend: it may enrol again.
    pub(crate) const fn is_restored(&self) -> bool {
        self.frozen && self.purse.is_none()
    }

    /// True of a checkpoint that this wallet had before it was restored. What it signed under it
    /// after its backup is not known here.
    pub(crate) fn is_before_restore(&self, checkpoint: &Hash) -> bool {
        let epoch = self.certificate.as_ref().map(|certificate| certificate.body.epoch);
        let of = self.old_purses.get(checkpoint).map(|(_, checkpoint)| checkpoint.body.epoch);
        match (of, epoch) {
            (Some(of), Some(epoch)) => of < epoch || self.frozen,
            (None, _) | (_, None) => false,
        }
    }
}
