//! Finishing with the other wallets what was interrupted.

use anyhow::Result;
use onehop_node::Handle;
use onehop_proto::{Direction, Event, PaymentView, Standing};
use onehop_wire::TxId;
use tokio::time::Instant;

use super::near::WITHIN;
use super::view::{End, Errand, Outcome};

/// A search for the other wallets.
pub(super) struct Resumption {
    pub(super) until: Instant,
    left: Vec<PaymentView>,
    ended: Vec<String>,
}

impl Resumption {
    pub(super) fn new(left: Vec<PaymentView>) -> Self {
        Self { until: Instant::now() + WITHIN, left, ended: Vec::new() }
    }

    /// Whether it needs to buy, and to sell.
    pub(super) fn roles(&self) -> (bool, bool) {
        let is_owed_by = |direction| self.left.iter().any(|it| it.direction == direction);
        (is_owed_by(Direction::Out), is_owed_by(Direction::In))
    }

    pub(super) fn errand(&self, seconds_left: u64) -> Errand {
        Errand::Resume { left: self.left.len(), seconds_left }
    }

    pub(super) async fn on_event(&mut self, handle: &Handle, event: Event) -> Result<Option<End>> {
        match event {
            // Who has nothing unfinished with this wallet waits for nothing here.
            Event::SessionOpen { peer, wallet, .. }
                if !self.left.iter().any(|payment| payment.other == wallet) =>
            {
                handle.hang_up(peer).await?;
            }
            Event::Paid { tx } | Event::Acknowledged { tx } => self.done(tx, "paid"),
            Event::NotPaid { tx, .. } => self.done(tx, "not paid"),
            // Nothing new is paid here.
            Event::Asked { tx, .. } => handle.refuse(tx).await?,
            Event::SessionOpen { .. }
            | Event::SellerFound { .. }
            | Event::SessionClosed { .. }
            | Event::AskedNoMore { .. }
            | Event::Prepared { .. }
            | Event::Accepted { .. }
            | Event::AskOffice { .. }
            | Event::Reversed { .. }
            | Event::RevocationsNews { .. }
            | Event::ForkNews { .. }
            | Event::PeerFault { .. } => {}
        }
        Ok(self.left.is_empty().then(|| self.end()))
    }

    fn done(&mut self, tx: TxId, how: &str) {
        let Some(at) = self.left.iter().position(|payment| payment.tx == tx) else {
            return;
        };
        let payment = self.left.swap_remove(at);
        self.ended.push(format!("{} with {:?} is {how}", payment.amount, payment.name));
    }

    /// How it stands now.
    pub(super) fn end(&self) -> End {
        let in_doubt = self.left.iter().filter(|it| it.standing == Standing::InDoubt).count();
        let said = self.ended.join("; ");
        let (outcome, text) = match (self.left.len(), in_doubt) {
            (0, _) => (Outcome::Done, format!("nothing is unfinished any more: {said}")),
            (left, 0) => (Outcome::Done, format!("{left} not acknowledged; {said}")),
            (_, many) => (
                Outcome::InDoubt,
                format!("{many} still in doubt: do not pay again; ask the office; {said}"),
            ),
        };
        let text = text.trim_end_matches([';', ':', ' ']).to_owned();
        End { outcome, text, tx: None }
    }
}
