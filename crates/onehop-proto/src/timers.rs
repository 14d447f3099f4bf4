//! Time: what is due, and when. Timers are values; a spurious call does nothing (spec §7.3).

use onehop_wire::mutant::{self, Mutant};
use onehop_wire::{Abort, AbortReason, AbortSubject, Now, TxId};

use crate::buyer::release;
use crate::event::{Event, NotPaid};
use crate::output::{Output, PeerId};
use crate::session::{Peer, Phase};
use crate::wallet::Wallet;

impl Wallet {
    /// When [`Wallet::handle_timeout`] is due, in milliseconds of the monotonic clock.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let peers = self.peers.values().filter_map(Peer::deadline);
        let asked = self.asked.values().map(|asked| asked.until_ms);
        let votes = self.votes.values().copied();
        let probes = self.probes.values().map(|(at, _)| *at);
        peers.chain(asked).chain(votes).chain(probes).chain(self.buying_until).min()
    }

    /// Does whatever is due. A call too early changes nothing.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.buying_until.is_some_and(|until| until <= now.mono_ms) {
            self.close_buyer_mode();
        }
        self.expire_votes(now);
        self.expire_asked(now);
        self.probe(now);
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in ids {
            self.resend(now, id);
        }
    }

    fn expire_votes(&mut self, now: Now) {
        let due: Vec<_> =
            self.votes.iter().filter(|(_, at)| **at <= now.mono_ms).map(|(tx, _)| *tx).collect();
        for tx in due {
            // One that was decided meanwhile needs no abort.
            if self.abort_invited(now, &tx, AbortReason::Expired).is_err() {
                self.votes.remove(&tx);
            }
        }
    }

    fn expire_asked(&mut self, now: Now) {
        let due: Vec<_> = self
            .asked
            .iter()
            .filter(|(_, asked)| asked.until_ms <= now.mono_ms)
            .map(|(tx, _)| *tx)
            .collect();
        for tx in due {
            // Nobody answered: that is a no.
            if self.refuse(now, &tx).is_ok() {
                let why = NotPaid::Refused(onehop_wire::RefusedReason::Declined);
                self.outbox().push(Output::Notify(Event::AskedNoMore { tx, why }));
            }
        }
    }

    /// Asks again, within a session, about payments whose decision does not come.
    fn probe(&mut self, now: Now) {
        let due: Vec<_> = self
            .probes
            .iter()
            .filter(|(_, (at, _))| *at <= now.mono_ms)
            .map(|(tx, (_, pause))| (*tx, *pause))
            .collect();
        for (tx, pause) in due {
            let payee = self.state.buyer.get(&tx).map(|payment| payment.request.body.payee);
            let session = self
                .peers
                .iter()
                .find(|(_, peer)| peer.open().is_some_and(|open| Some(open.wallet()) == payee));
            let Some(id) = session.map(|(id, _)| *id) else {
                self.probes.remove(&tx);
                continue;
            };
            if mutant::is(Mutant::BuyerAbortsOnTimer) {
                self.give_up(now, id, &tx);
                continue;
            }
            let pause = pause.saturating_mul(2).min(self.config.resend_last_ms);
            self.probes.insert(tx, (now.mono_ms.saturating_add(pause), pause));
            let questions = self.context(now, id).and_then(|context| {
                self.state.buyer.get(&tx).map(|payment| self.state.questions(&context, payment))
            });
            for question in questions.unwrap_or_default() {
                self.say(now, id, &question);
            }
        }
    }

    /// What no buyer may do: takes a vote back, as if the seller had said ABORT. Only a mutant does.
    fn give_up(&mut self, now: Now, id: PeerId, tx: &TxId) {
        let step = self.context(now, id).and_then(|context| {
            let vote = &self.state.buyer.get(tx)?.state.vote()?.agreed;
            let body = Abort {
                tx: *tx,
                payer: context.me,
                payee: vote.body.payee,
                subject: AbortSubject::Agreed(vote.hash(context.trust.office())),
                reason: AbortReason::Expired,
            };
            Some(release(&context, &context.signer.sign(context.trust.office(), body)))
        });
        if let Some(step) = step {
            self.carry_out(now, id, step);
        }
    }

    fn resend(&mut self, now: Now, id: PeerId) {
        let config = self.config;
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let give_up = peer.give_up_ms <= now.mono_ms;
        let again = match &mut peer.phase {
            Phase::Greeting { repeated, .. } if !give_up => {
                repeated.due(now.mono_ms).into_iter().collect()
            }
            Phase::Greeting { .. } | Phase::Listening | Phase::Greeted { .. } if give_up => {
                return self.hang_up(id);
            }
            Phase::Greeting { .. }
            | Phase::Listening
            | Phase::Greeted { .. }
            | Phase::Found { .. } => return,
            Phase::Open(open) => {
                let hello = open.hello_3.as_mut().and_then(|hello| hello.due(now.mono_ms));
                hello.into_iter().chain(open.arq.due(&config, now.mono_ms)).collect::<Vec<_>>()
            }
        };
        self.transmit_all(id, again);
    }

    pub(crate) fn drop_unfinished_as_buyer(&mut self) {
        let unfinished: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| match peer.phase {
                Phase::Greeting { .. } | Phase::Found { .. } => true,
                Phase::Listening | Phase::Greeted { .. } | Phase::Open(_) => false,
            })
            .map(|(id, _)| *id)
            .collect();
        for id in unfinished {
            self.hang_up(id);
        }
    }
}
