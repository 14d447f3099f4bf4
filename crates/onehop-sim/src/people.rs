//! People: what they have in mind to do, and how they answer what their wallets tell them.

use std::collections::BTreeMap;

use onehop_proto::{Event, PeerId};
use onehop_wire::TxId;
use onehop_wire::office::{OfficeAnswer, OfficeRequest};

use crate::env::Env;

/// Something that somebody will do.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// Tell a seller who we are.
    Introduce(PeerId),
    /// Ask the buyer on this channel for money.
    Ask(PeerId),
    /// Say yes.
    Confirm(TxId),
    /// Say no.
    Refuse(TxId),
    /// Withdraw a request.
    Cancel(TxId),
    /// Walk away.
    HangUp(PeerId),
    /// Switch the device on.
    Start,
    /// Send a request to the office.
    Post(Box<OfficeRequest>),
    /// An answer of the office arrives.
    Answer(Box<OfficeRequest>, Box<OfficeAnswer>),
}

/// Plans by time, then in the order in which they were made; each for one device.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    plans: BTreeMap<(u64, u64), (usize, Plan)>,
    made: u64,
}

impl Plans {
    pub(crate) fn push(&mut self, at: u64, device: usize, plan: Plan) {
        self.made += 1;
        self.plans.insert((at, self.made), (device, plan));
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.plans.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take(&mut self, now: u64) -> Option<(usize, Plan)> {
        let entry = self.plans.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    /// A device lost power: its owner's plans on its screen are void. What is under way to or
    /// from the office goes on.
    pub(crate) fn forget(&mut self, device: usize) {
        self.plans.retain(|_, (whose, plan)| {
            *whose != device || matches!(plan, Plan::Start | Plan::Post(_) | Plan::Answer(..))
        });
    }
}

/// How the owner of `device` takes what the wallet says.
pub(crate) fn hear(env: &mut Env, device: usize, is_seller: bool, event: &Event) {
    let soon = env.now_ms + env.between(50, 1_500);
    let chance = env.fraction();
    match event {
        Event::SellerFound { peer, .. } => env.plans.push(soon, device, Plan::Introduce(*peer)),
        Event::SessionOpen { peer, .. } => {
            if is_seller {
                let again = soon + env.between(100, 8_000);
                env.plans.push(soon, device, Plan::Ask(*peer));
                if chance < 0.4 && !env.is_scripted {
                    env.plans.push(again, device, Plan::Ask(*peer));
                }
            }
            let end = env.now_ms + env.between(4_000, 100_000);
            env.plans.push(end, device, Plan::HangUp(*peer));
        }
        Event::Asked { tx, .. } => {
            env.counters.reach("buyer/ASKED");
            if chance < 0.8 || env.is_scripted {
                env.plans.push(soon, device, Plan::Confirm(*tx));
            } else if chance < 0.93 {
                env.plans.push(soon, device, Plan::Refuse(*tx));
            }
        }
        Event::SessionClosed { .. }
        | Event::AskedNoMore { .. }
        | Event::Prepared { .. }
        | Event::Paid { .. }
        | Event::Accepted { .. }
        | Event::Acknowledged { .. }
        | Event::NotPaid { .. }
        | Event::AskOffice { .. }
        | Event::Reversed { .. }
        | Event::RevocationsNews { .. }
        | Event::ForkNews { .. }
        | Event::PeerFault { .. } => {}
    }
}
