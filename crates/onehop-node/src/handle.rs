//! What an app tells a running node.

use std::time::Duration;

use onehop_proto::{Balance, PaymentView, PeerId, Refusal, Terms, Wallet};
use onehop_wire::evidence::ReceiptFile;
use onehop_wire::{Now, TxId};
use tokio::sync::{mpsc, oneshot};

use crate::error::CommandError;

/// Commands that may wait; who sends more waits.
const COMMANDS_MAX: usize = 64;

/// What the loop calls once all outputs of a command are done.
pub(crate) type Reply = Box<dyn FnOnce() + Send>;
/// A command that concerns the wallet alone.
pub(crate) type OnWallet = Box<dyn FnOnce(&mut Wallet, Now) -> Reply + Send>;

pub(crate) enum Command {
    Sell(oneshot::Sender<Result<(), CommandError>>),
    StopSelling(oneshot::Sender<Result<(), CommandError>>),
    Buy(Duration, oneshot::Sender<Result<(), CommandError>>),
    StopBuying(oneshot::Sender<Result<(), CommandError>>),
    OnWallet(OnWallet),
    History(usize, oneshot::Sender<Vec<PaymentView>>),
    Payment(TxId, oneshot::Sender<Option<PaymentView>>),
    Receipt(TxId, oneshot::Sender<Option<ReceiptFile>>),
    Stop,
}

/// Commands to a running node. Clones command the same node; it stops when all are dropped.
///
/// An answer means that all that follows from the command is done: what had to be durable is, and
/// what had to be said is with the link.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
}

pub(crate) fn channel() -> (Handle, mpsc::Receiver<Command>) {
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    (Handle { commands }, receiver)
}

impl Handle {
    /// Opens the shop: says a fresh LOOKUP until [`Handle::stop_selling`], and answers buyers.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn sell(&self) -> Result<(), CommandError> {
        self.ask(Command::Sell).await?
    }

    /// Closes the shop. Open sessions go on.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn stop_selling(&self) -> Result<(), CommandError> {
        self.ask(Command::StopSelling).await?
    }

    /// Opens buyer mode for the time `within`: listens, and connects to every LOOKUP heard, eight
    /// at a time. [`Event::SellerFound`](onehop_proto::Event::SellerFound) says who is there.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn buy(&self, within: Duration) -> Result<(), CommandError> {
        self.ask(|reply| Command::Buy(within, reply)).await?
    }

    /// Closes buyer mode. Open sessions go on.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn stop_buying(&self) -> Result<(), CommandError> {
        self.ask(Command::StopBuying).await?
    }

    /// Buyer: says who we are to a seller that was found.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn introduce(&self, peer: PeerId) -> Result<(), CommandError> {
        self.decide(move |wallet, now| wallet.introduce(now, peer)).await
    }

    /// Seller: asks the buyer on `peer` for money.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn request(&self, peer: PeerId, terms: Terms) -> Result<TxId, CommandError> {
        self.decide(move |wallet, now| wallet.request(now, peer, &terms)).await
    }

    /// Seller: cancels a request that no vote has answered.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, tx: TxId) -> Result<(), CommandError> {
        self.decide(move |wallet, now| wallet.cancel(now, &tx)).await
    }

    /// Buyer: pays.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn confirm(&self, tx: TxId) -> Result<(), CommandError> {
        self.decide(move |wallet, now| wallet.confirm(now, &tx)).await
    }

    /// Buyer: does not pay.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn refuse(&self, tx: TxId) -> Result<(), CommandError> {
        self.decide(move |wallet, now| wallet.refuse(now, &tx)).await
    }

    /// Ends the session with `peer`, after what was said to it is sent.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn hang_up(&self, peer: PeerId) -> Result<(), CommandError> {
        self.on_wallet(move |wallet, _| wallet.hang_up(peer)).await
    }

    /// The four figures, and what one payment could use.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn balance(&self) -> Result<Balance, CommandError> {
        self.on_wallet(|wallet, _| wallet.balance()).await
    }

    /// The other wallet's name and the short code of the session with `peer`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn session(&self, peer: PeerId) -> Result<Option<(String, String)>, CommandError> {
        self.on_wallet(move |wallet, _| wallet.session(peer)).await
    }

    /// Payments, as [`Keeper::history`](crate::Keeper::history) gives them.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn history(&self, limit: usize) -> Result<Vec<PaymentView>, CommandError> {
        self.ask(|reply| Command::History(limit, reply)).await
    }

    /// One payment, live or archived.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn payment(&self, tx: TxId) -> Result<Option<PaymentView>, CommandError> {
        self.ask(|reply| Command::Payment(tx, reply)).await
    }

    /// The evidence of a payment that happened.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn receipt(&self, tx: TxId) -> Result<Option<ReceiptFile>, CommandError> {
        self.ask(|reply| Command::Receipt(tx, reply)).await
    }

    /// Ends the loop once its outputs are done and its channels idle, within five seconds. The
    /// node's task then gives the keeper back.
    pub async fn stop(&self) {
        // A node that is gone has stopped.
        self.commands.send(Command::Stop).await.ok();
    }

    async fn decide<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Wallet, Now) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, CommandError> {
        Ok(self.on_wallet(command).await??)
    }

    async fn on_wallet<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Wallet, Now) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        self.ask(|reply| {
            Command::OnWallet(Box::new(move |wallet, now| {
                let answer = command(wallet, now);
                // Who asked may have gone.
                Box::new(move || drop(reply.send(answer)))
            }))
        })
        .await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| CommandError::Stopped)?;
        answer.await.map_err(|_| CommandError::Stopped)
    }
}
