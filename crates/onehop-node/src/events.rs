//! The way of events from the loop to the app: it never makes the loop wait.
//!
//! What a person must learn is never lost; each such event has a record or a bounded question of
//! the wallet behind it. Of what only shows progress, and what peers can cause at will, the oldest
//! goes when too much waits.

use std::collections::VecDeque;

use onehop_proto::Event;

use crate::mailbox::{Queue, Receiver, Sender, mailbox};

/// Events of progress that may wait.
const PROGRESS_MAX: usize = 256;

/// What was not told yet.
#[derive(Clone, Debug, Default)]
struct Untold {
    events: VecDeque<Event>,
    progress: usize,
}

/// What a node has to tell, in order.
#[derive(Debug)]
pub struct Events {
    untold: Receiver<Untold>,
}

#[derive(Debug)]
pub(crate) struct Teller {
    untold: Sender<Untold>,
}

pub(crate) fn channel() -> (Teller, Events) {
    let (sender, receiver) = mailbox();
    (Teller { untold: sender }, Events { untold: receiver })
}

impl Events {
    /// Waits for the next event; `None` once the node has ended and all are told. Cancel-safe.
    ///
    /// Outcomes and questions always arrive. Of sellers found, sessions and faults the oldest are
    /// left out when more than 256 wait.
    pub async fn next(&mut self) -> Option<Event> {
        self.untold.next().await
    }
}

impl Teller {
    pub(crate) fn tell(&self, event: Event) {
        self.untold.send(event);
    }
}

impl Queue for Untold {
    type Item = Event;

    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.progress -= usize::from(is_progress(&event));
        Some(event)
    }

    fn push(&mut self, event: Event) {
        if is_progress(&event) {
            if self.progress == PROGRESS_MAX
                && let Some(oldest) = self.events.iter().position(is_progress)
            {
                self.events.remove(oldest);
                self.progress -= 1;
            }
            self.progress += 1;
        }
        self.events.push_back(event);
    }
}

fn is_progress(event: &Event) -> bool {
    match event {
        Event::SellerFound { .. }
        | Event::SessionOpen { .. }
        | Event::SessionClosed { .. }
        | Event::AskOffice { .. }
        | Event::PeerFault { .. } => true,
        Event::Asked { .. }
        | Event::AskedNoMore { .. }
        | Event::Prepared { .. }
        | Event::Paid { .. }
        | Event::Accepted { .. }
        | Event::Acknowledged { .. }
        | Event::NotPaid { .. }
        | Event::Reversed { .. }
        | Event::RevocationsNews { .. }
        | Event::ForkNews { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use onehop_proto::PeerId;
    use onehop_wire::TxId;

    use super::*;

    #[tokio::test]
    async fn a_flood_of_faults_displaces_faults_and_no_outcome() {
        let (teller, mut events) = channel();
        let paid = Event::Paid { tx: TxId([1; 32]) };
        teller.tell(paid.clone());
        for n in 0..10_000 {
            teller.tell(Event::SessionClosed { peer: PeerId(n) });
        }
        drop(teller);
        assert_eq!(events.next().await, Some(paid));
        for n in 10_000 - 256..10_000 {
            assert_eq!(events.next().await, Some(Event::SessionClosed { peer: PeerId(n) }));
        }
        assert_eq!(events.next().await, None);
    }
}
